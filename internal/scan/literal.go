package scan

import (
	"fmt"
	"sync"
)

// Literal is a fixed text of at least MinLiteral ASCII bytes; with Fold, letters match
// in either case.
type Literal struct {
	Text string
	Fold bool
}

const (
	// MinLiteral is the length of the shortest literal, in bytes.
	MinLiteral = 3
	// maxLiteral is that of the longest one.
	maxLiteral = 255
	// maxLiterals is how many there can be.
	maxLiterals = 1<<16 - 2
	// maxWindow is the most bytes of the window by which a literal is known.
	maxWindow = 4
)

// A literal is found by a window of its bytes, one that is rare in logs, in tests that let
// fewer and fewer places through. In AVX-512 they are these:
//
//  1. The kernel marks places by the method that Hyperscan calls Teddy (Wang et al., NSDI
//     2019): each literal is in one of sixteen buckets; some features of the bytes at a
//     place, small numbers, look up the sets of the buckets that have such a window; a
//     place passes when one bucket is in all of the sets. See literalModel.
//  2. A hash of the second and third byte, and part of the fourth, looks up which first
//     bytes such windows have.
//  3. Hashes of the bytes look up the literals, of which the first eight bytes are compared.
//  4. The rest is compared.
//
// All others begin with the second test, at every other place only, see evenPlaces, and ask a
// set of hashes before the third. Case is ignored up to the last comparison.

// literals are the literals of Tables, and what has been made of them.
type literals struct {
	lits []Literal
	mu   sync.Mutex
	made map[*literalModel]*literalTable
}

// init sets the literals. The ids of hits are indexes into lits, which must not hold the
// same text twice.
func (l *literals) init(lits []Literal) error {
	if len(lits) > maxLiterals {
		return fmt.Errorf("%d literals are more than %d", len(lits), maxLiterals)
	}
	for _, x := range lits {
		if len(x.Text) < MinLiteral || len(x.Text) > maxLiteral {
			return fmt.Errorf("literal %q: length %d is not within %d and %d", x.Text, len(x.Text), MinLiteral, maxLiteral)
		}
		for _, c := range []byte(x.Text) {
			if c >= 128 {
				return fmt.Errorf("literal %q holds more than ASCII", x.Text)
			}
		}
	}
	l.lits = lits
	l.made = map[*literalModel]*literalTable{}
	return nil
}

// table returns the table of the literals for the first test m.
func (l *literals) table(m *literalModel) *literalTable {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made[m] == nil {
		l.made[m] = newLiteralTable(l.lits, m)
	}
	return l.made[m]
}

// literalTable finds literals. Immutable.
type literalTable struct {
	// first is the table of the kernel: bucketTables. For evenPlaces there is none.
	first []byte
	// filter holds, for each value of filterHash, the set of the low five bits of the first
	// byte.
	filter [1 << filterBits]uint32
	// sure is a set of the values of sureHash, of the bytes of windows that are known.
	sure [1 << sureBits / 8]uint8
	// whole maps wholeHash to the first of the entries whose windows have that, part maps
	// partHash to the first of those of which only the first or the last three bytes are known.
	whole [1 << wholeBits]uint32
	part  [1 << partBits]uint32
	// entries are chains, one for each hash; the first one is none.
	entries []literalEntry
	// longest is the length of the longest chain of whole and twice that of part.
	longest int
}

// literalEntry is a literal and a window by which it is known.
type literalEntry struct {
	// The first eight bytes x of the literal have (x | fold) & mask == want.
	fold, mask, want uint64
	id               uint32
	off              int8 // of the window in the literal, -1 or more
	last             bool // of its chain
}

const (
	filterBits = 13
	sureBits   = 18
	wholeBits  = 13
	partBits   = 11
	// caseMask takes the bit of case from four bytes. It also confuses a few other bytes,
	// which the comparison of the text tells apart.
	caseMask = 0xdfdfdfdf
	// hashFactor spreads them: the golden ratio, as Knuth has it.
	hashFactor = 0x9E3779B1
)

// filterHash is a hash of the second and the third of four bytes without regard to case, and
// of the low three bits of the fourth one.
func filterHash(x uint32) uint32 {
	return x & (caseMask & 0x07ffff00) * hashFactor >> (32 - filterBits)
}

// sureHash is a hash of four bytes without regard to case, wholeHash a smaller one.
func sureHash(x uint32) uint32 { return x & caseMask * hashFactor >> (32 - sureBits) }

func wholeHash(x uint32) uint32 { return x & caseMask * hashFactor >> (32 - wholeBits) }

// partHash is one of three bytes, firstThree or lastThree of four.
func partHash(x uint32) uint32 { return x & caseMask * hashFactor >> (32 - partBits) }

// located is a literal, by its index, and the offset of a window in it.
type located struct{ id, off int }

// quad returns those of the four bytes at off that are in the literal, without regard to case,
// and a mask of them.
func quad(text string, off int) (want, mask uint32) {
	for k := range maxWindow {
		if j := off + k; j >= 0 && j < len(text) {
			mask |= 0xdf << (8 * k)
			want |= uint32(text[j]&0xdf) << (8 * k)
		}
	}
	return want, mask
}

// newLiteralTable makes the table of literals for the first test m.
func newLiteralTable(lits []Literal, m *literalModel) *literalTable {
	t := &literalTable{}
	var ws []located
	if m == evenPlaces {
		ws = evenWindows(lits)
	} else {
		dealt := deal(lits, m)
		t.first = m.bucketTables(dealt)
		for i, w := range dealt {
			ws = append(ws, located{i, w.off})
		}
	}
	t.entries = append(t.entries, literalEntry{want: 1, last: true})
	whole, part := make([][]located, len(t.whole)), make([][]located, len(t.part))
	for _, w := range ws {
		want, mask := quad(lits[w.id].Text, w.off)
		t.admit(want, mask)
		h := sureHash(want)
		t.sure[h/8] |= 1 << (h % 8)
		if mask == caseMask {
			h := wholeHash(want)
			whole[h] = append(whole[h], w)
		} else {
			h := partHash(want)
			part[h] = append(part[h], w)
		}
	}
	// Where whole has no chain, the entry that is none stands for one.
	t.longest = max(1, t.chain(t.whole[:], whole, lits)) + 2*t.chain(t.part[:], part, lits)
	return t
}

// admit adds a window to the filter.
func (t *literalTable) admit(want, mask uint32) {
	first := uint32(1<<32 - 1)
	if mask&0xff != 0 {
		first = 1 << (want & 31)
	}
	for fourth := range uint32(8) {
		if mask>>24 == 0 || fourth == want>>24&7 {
			t.filter[filterHash(want&0x00ffffff|fourth<<24)] |= first
		}
	}
}

// admits returns 1 if a filter has it that the four bytes of x may be a window, and 0 otherwise.
func admits(f *[1 << filterBits]uint32, x uint32) uint64 {
	return uint64(f[filterHash(x)] >> (x & 31) & 1)
}

// chain adds the entries of chains, and writes down where each begins. It returns the length of
// the longest.
func (t *literalTable) chain(first []uint32, chains [][]located, lits []Literal) (longest int) {
	for h, chain := range chains {
		if len(chain) == 0 {
			continue
		}
		first[h] = uint32(len(t.entries))
		for _, w := range chain {
			t.entries = append(t.entries, newLiteralEntry(lits[w.id], w))
		}
		t.entries[len(t.entries)-1].last = true
		longest = max(longest, len(chain))
	}
	return longest
}

func newLiteralEntry(lit Literal, w located) literalEntry {
	e := literalEntry{id: uint32(w.id), off: int8(w.off)}
	for j := 0; j < min(8, len(lit.Text)); j++ {
		c := lit.Text[j]
		if lit.Fold && isLetter(c) {
			e.fold |= 0x20 << (8 * j)
			c |= 0x20
		}
		e.mask |= 0xff << (8 * j)
		e.want |= uint64(c) << (8 * j)
	}
	return e
}

// surely returns 1 if the four bytes of x, or the first or the last three of them, are
// those of a window, by their hashes, and 0 otherwise.
func (t *literalTable) surely(x uint32) int {
	h, i, j := sureHash(x), sureHash(x&firstThree), sureHash(x&lastThree)
	return int((t.sure[h/8]>>(h%8) | t.sure[i/8]>>(i%8) | t.sure[j/8]>>(j%8)) & 1)
}

const firstThree, lastThree = 0x00ffffff, 0xffffff00

// compareAt finds the literals that have a window at places.
func (s *Scanner) compareAt(places []uint16) {
	t := s.lits
	for _, at := range places {
		if s.overrun() {
			return
		}
		x := load32(s.w[at:])
		s.compareChain(t.whole[wholeHash(x)], int(at))
		s.compareChain(t.part[partHash(x&firstThree)], int(at))
		s.compareChain(t.part[partHash(x&lastThree)], int(at))
	}
}

// compareChain finds the literals of a chain that have their windows at a place.
func (s *Scanner) compareChain(i uint32, at int) {
	for ; ; i++ {
		e := &s.lits.entries[i]
		start := s.base + at - int(e.off)
		if start >= 0 && (start+8 > len(s.text) || (load64(s.text[start:])|e.fold)&e.mask == e.want) {
			s.compare(i, start)
		}
		if e.last {
			return
		}
	}
}

// compare notes the literal of an entry if it starts at text[start], where its first eight
// bytes are as far as there are so many.
func (s *Scanner) compare(entry uint32, start int) {
	from := 8
	if start+from > len(s.text) {
		from = 0
	}
	id := int(s.lits.entries[entry].id)
	if entry == 0 || start < 0 || !s.t.lits.lits[id].equal(s.text, start, from) {
		return
	}
	k := len(s.found)
	f := Found{id, start}
	s.found = append(s.found, f)
	if s.from <= start && start < s.to {
		s.counted++
	}
	// They come in the order of their windows, which is nearly that of their starts.
	for ; k > 0 && s.found[k-1].after(f); k-- {
		s.found[k], s.found[k-1] = s.found[k-1], f
	}
}

func (f Found) after(g Found) bool {
	return f.Start > g.Start || f.Start == g.Start && f.ID > g.ID
}

// equal compares the literal, from its byte i on, with the text at s.
func (l *Literal) equal(b []byte, s, i int) bool {
	if s+len(l.Text) > len(b) {
		return false
	}
	if !l.Fold {
		return i >= len(l.Text) || string(b[s+i:s+len(l.Text)]) == l.Text[i:]
	}
	for ; i < len(l.Text); i++ {
		c, d := b[s+i], l.Text[i]
		if c != d && !(isLetter(c) && c|0x20 == d|0x20) {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return (c|0x20)-'a' < 26 }
