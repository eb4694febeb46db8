package scan

import "math"

// The portable kernel looks for literals at every other place of a window, at four bytes
// of text there. Each literal is known by two of its windows, one for where it starts at an
// even place, and one for where it starts at an odd one. A window may begin a byte before
// the literal, or end a byte after it, so that literals of three bytes have two as well: of
// the four bytes only those in the middle are always known.

// evenPlaces is the model of the portable kernel.
var evenPlaces = &literalModel{}

// evenTable tells places where a window of a literal may be. Immutable.
type evenTable struct {
	// filter holds, for each value of evenHash, the set of the low five bits of the first
	// byte.
	filter [1 << evenBits]uint32
	// sure is a set of the values of quadHash, of the bytes that are known.
	sure [1 << quadBits / 8]uint8
	// whole maps the upper bits of quadHash to the first window of which all four bytes are
	// known, part maps evenHash to the first of the others.
	whole, part [1 << evenBits]uint32
	// windows are those of the literals, hash by hash; the first one is none.
	windows []evenWindow
}

// evenWindow is a window of a literal in the chain of its hash.
type evenWindow struct {
	// The four bytes x of the window have x & mask == want, without regard to case.
	mask, want uint32
	entry      uint32 // of the literal in literalTable.entries
	off        int8   // of the window in the literal, -1 or more
	last       bool   // of its chain
}

const (
	evenBits = 13
	quadBits = 16
)

// evenHash is a hash of the second and the third of four bytes without regard to case, and
// of the low three bits of the fourth one.
func evenHash(x uint32) uint32 {
	return x & 0x07dfdf00 * 0x9E3779B1 >> (32 - evenBits)
}

// quadHash is a hash of four bytes without regard to case.
func quadHash(x uint32) uint32 {
	return x & 0xdfdfdfdf * 0x9E3779B1 >> (32 - quadBits)
}

// wholeHash is the upper bits of quadHash.
func wholeHash(x uint32) uint32 { return quadHash(x) >> (quadBits - evenBits) }

// newEvenLiterals makes the tables of the portable kernel.
func newEvenLiterals(lits []Literal) *literalTable {
	t := &literalTable{entries: make([]literalEntry, 1, 1+len(lits))}
	for i := range lits {
		t.entries = append(t.entries, newLiteralEntry(lits, i))
	}
	t.even = newEvenTable(lits)
	return t
}

// newEvenTable makes the table of literals, which have the entries from 1 on.
func newEvenTable(lits []Literal) *evenTable {
	t := &evenTable{windows: make([]evenWindow, 1, 1+2*len(lits))}
	whole, part := map[uint32][]evenWindow{}, map[uint32][]evenWindow{}
	for i, l := range lits {
		for odd := range 2 {
			off := rarestEven(l.Text, odd)
			w := evenWindow{entry: uint32(1 + i), off: int8(off)}
			for k := range maxWindow {
				if j := off + k; j >= 0 && j < len(l.Text) {
					w.mask |= 0xdf << (8 * k)
					w.want |= uint32(l.Text[j]&0xdf) << (8 * k)
				}
			}
			before := uint32(1<<32 - 1)
			if off >= 0 {
				before = 1 << (l.Text[off] & 31)
			}
			h := quadHash(w.want)
			t.sure[h/8] |= 1 << (h % 8)
			middle := uint32(l.Text[off+1])<<8 | uint32(l.Text[off+2])<<16
			for after := range byte(8) {
				if off+3 < len(l.Text) && after != l.Text[off+3]&7 {
					continue
				}
				h := evenHash(middle | uint32(after)<<24)
				t.filter[h] |= before
				// Two of the eight may have one hash.
				if c := part[h]; w.unknown() && (len(c) == 0 || c[len(c)-1] != w) {
					part[h] = append(c, w)
				}
			}
			if !w.unknown() {
				whole[wholeHash(w.want)] = append(whole[wholeHash(w.want)], w)
			}
		}
	}
	t.chain(&t.whole, whole)
	t.chain(&t.part, part)
	return t
}

// chain adds windows by their hashes, and writes down where those of each hash begin.
func (t *evenTable) chain(first *[1 << evenBits]uint32, windows map[uint32][]evenWindow) {
	for h, ws := range windows {
		first[h] = uint32(len(t.windows))
		t.windows = append(t.windows, ws...)
		t.windows[len(t.windows)-1].last = true
	}
}

// unknown reports whether some of the four bytes may be any.
func (w *evenWindow) unknown() bool { return w.mask != 0xdfdfdfdf }

// surely returns 1 if the four bytes of x, or the first or the last three of them, are
// those of a window, by their hashes, and 0 otherwise.
func (t *evenTable) surely(x uint32) int {
	h, i, j := quadHash(x), quadHash(x&firstThree), quadHash(x&lastThree)
	return int((t.sure[h/8]>>(h%8) | t.sure[i/8]>>(i%8) | t.sure[j/8]>>(j%8)) & 1)
}

const firstThree, lastThree = 0x00ffffff, 0xffffff00

// admits returns 1 if the four bytes of x may be a window, by a filter, and 0 otherwise.
func admits(f *[1 << evenBits]uint32, x uint32) uint64 {
	return uint64(f[evenHash(x)] >> (x & 31) & 1)
}

// rarestEven returns the offset of the window of a literal that marks the fewest places of
// logs among those at even offsets, or at odd ones.
func rarestEven(text string, odd int) (off int) {
	best := math.Inf(1)
	for o := -odd; o+MinLiteral <= len(text) && o <= maxOffset; o += 2 {
		b1, b2 := folded(text[o+1]), folded(text[o+2])
		s := share(b1, b2)
		if o+3 < len(text) {
			s *= afterShare[b2][text[o+3]&7]
		}
		if o >= 0 {
			s = max(s*beforeShare[b1][text[o]&31], windowShare(text, o))
		}
		if s < best {
			best, off = s, o
		}
	}
	return off
}

// beforeShare and afterShare are roughly how often each folded byte of logs has each value
// of the low five bits in the byte before it, and of the low three bits in the byte after it.
var beforeShare, afterShare = func() (before [64][32]float64, after [64][8]float64) {
	for a := range 64 {
		var ofBefore, ofAfter float64
		for b := range 64 {
			before[a][b&31] += share(b, a)
			after[a][b&7] += share(a, b)
			ofBefore += share(b, a)
			ofAfter += share(a, b)
		}
		for k := range before[a] {
			before[a][k] /= ofBefore
		}
		for k := range after[a] {
			after[a][k] /= ofAfter
		}
	}
	return before, after
}()
