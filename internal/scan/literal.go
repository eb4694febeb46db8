package scan

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Literal is a fixed text of at least MinLiteral ASCII bytes; with Fold, letters match
// in either case.
type Literal struct {
	Text string
	Fold bool
}

// MinLiteral is the length of the window by which a literal is known, in bytes.
const MinLiteral = 3

// buckets is the number of groups that the literals are dealt into. A byte is a hit when
// one group has it, and the next two bytes, in the sets of its three positions.
const buckets = 16

// LiteralTable finds literals. Built once; immutable.
//
// The method is Teddy, of Hyperscan (Wang et al., NSDI 2019), here over the rarest three
// bytes of each literal rather than its first ones.
type LiteralTable struct {
	// admit[p][c] has a bit for each bucket whose position p admits byte c; only the
	// 128 ASCII bytes occur in literals.
	admit [MinLiteral][256]uint16

	entries []litEntry
	// index maps the hash of three folded bytes to 1 + the first entry of a chain.
	index []uint16
	shift uint32
}

// litEntry is one literal in the chain of its window's hash.
type litEntry struct {
	mask, want uint64 // of the first eight bytes of the literal, folded
	id         int32
	off        uint16 // of the window in the literal
	last       bool   // of its chain
	text       string // folded when fold
	fold       bool
}

const foldBits = 0x20202020_20202020

// fold3 hashes alike for either case. It also confuses a few other bytes, which the
// comparison of the text tells apart.
func fold3(x uint32) uint32 { return x&0xffffff | 0x202020 }

func (t *LiteralTable) hash(k uint32) uint32 { return k * 0x9E3779B1 >> t.shift }

// NewLiteralTable builds the table. The ids of hits are indexes into lits, which must
// not hold the same text twice.
func NewLiteralTable(lits []Literal) (*LiteralTable, error) {
	t := &LiteralTable{}
	ws := make([]litWindow, len(lits))
	for i, l := range lits {
		if len(l.Text) < MinLiteral || len(l.Text) > 255 {
			return nil, fmt.Errorf("literal %q: length %d is not within %d and 255", l.Text, len(l.Text), MinLiteral)
		}
		for _, c := range []byte(l.Text) {
			if c >= 128 {
				return nil, fmt.Errorf("literal %q holds more than ASCII", l.Text)
			}
		}
		ws[i].lit = l
	}
	deal(ws)
	for _, w := range ws {
		for p := range MinLiteral {
			for c := range 128 {
				if w.sets(w.off)[p].has(byte(c)) {
					t.admit[p][c] |= 1 << w.bucket
				}
			}
		}
	}

	bitsN := uint32(12)
	for 1<<bitsN < 8*len(lits) {
		bitsN++
	}
	t.shift = 32 - bitsN
	t.index = make([]uint16, 1<<bitsN)
	chains := map[uint32][]int{}
	for i, w := range ws {
		s := w.lit.Text[w.off:]
		h := t.hash(fold3(uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16))
		chains[h] = append(chains[h], i)
	}
	hs := make([]uint32, 0, len(chains))
	for h := range chains {
		hs = append(hs, h)
	}
	slices.Sort(hs)
	for _, h := range hs {
		t.index[h] = uint16(len(t.entries) + 1)
		for _, i := range chains[h] {
			w := &ws[i]
			e := litEntry{id: int32(i), off: uint16(w.off), text: w.lit.Text, fold: w.lit.Fold}
			if e.fold {
				e.text = string(appendFolded(nil, e.text))
			}
			for j := 0; j < min(8, len(e.text)); j++ {
				e.mask |= 0xff << (8 * j)
				e.want |= uint64(e.text[j]|0x20) << (8 * j)
			}
			t.entries = append(t.entries, e)
		}
		t.entries[len(t.entries)-1].last = true
	}
	return t, nil
}

// admits reports whether one bucket has the three bytes of b.
func (t *LiteralTable) admits(b []byte) bool {
	_ = b[2]
	return t.admit[0][b[0]]&t.admit[1][b[1]]&t.admit[2][b[2]] != 0
}

// verify calls yield for each literal whose window stands at b[at], with its start. There
// are MinLiteral bytes at b[at].
func (t *LiteralTable) verify(b []byte, at int, yield func(id, start int)) {
	k := fold3(uint32(b[at]) | uint32(b[at+1])<<8 | uint32(b[at+2])<<16)
	i := int(t.index[t.hash(k)]) - 1
	if i < 0 {
		return
	}
	for ; ; i++ {
		e := &t.entries[i]
		if s := at - int(e.off); s >= 0 && e.matches(b, s) {
			yield(int(e.id), s)
		}
		if e.last {
			return
		}
	}
}

func (e *litEntry) matches(b []byte, s int) bool {
	n := len(e.text)
	if s+8 <= len(b) {
		if (binary.LittleEndian.Uint64(b[s:])|foldBits)&e.mask != e.want {
			return false
		}
	}
	if s+n > len(b) {
		return false
	}
	p := b[s : s+n]
	if !e.fold {
		return string(p) == e.text
	}
	for j, c := range p {
		if lower(c) != e.text[j] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c-'A' < 26 {
		c |= 0x20
	}
	return c
}

func appendFolded(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, lower(s[i]))
	}
	return dst
}

// litWindow is a literal with the window and the bucket chosen for it.
type litWindow struct {
	lit    Literal
	off    int
	bucket int
}

// sets returns the bytes that the three positions of the window at off admit.
func (w *litWindow) sets(off int) (s [MinLiteral]byteSet) {
	for p := range MinLiteral {
		c := w.lit.Text[off+p]
		s[p].addRange(c, c)
		if l := lower(c); w.lit.Fold && l-'a' < 26 {
			s[p].addRange(l, l)
			s[p].addRange(l&^0x20, l&^0x20)
		}
	}
	return s
}

// bucketSets are the three sets of one bucket, with their shares of text.
type bucketSets struct {
	sets  [MinLiteral]byteSet
	share [MinLiteral]float64
}

func (b *bucketSets) cost() float64 { return b.share[0] * b.share[1] * b.share[2] }

// with returns what b becomes when the sets of a window join it.
func (b *bucketSets) with(s *[MinLiteral]byteSet) bucketSets {
	n := *b
	for p := range MinLiteral {
		if u := n.sets[p].union(s[p]); u != n.sets[p] {
			n.sets[p] = u
			n.share[p] = shareOf(u)
		}
	}
	return n
}

// deal chooses a window and a bucket for each literal so that few bytes of log text are
// hits by accident: greedily by the growth of the expected share of false hits, the
// literals with the rarest windows first, then again each against all others.
func deal(ws []litWindow) {
	var b [buckets]bucketSets
	best := func(w *litWindow) {
		grow := math.Inf(1)
		for off := 0; off+MinLiteral <= len(w.lit.Text); off++ {
			s := w.sets(off)
			for k := range b {
				n := b[k].with(&s)
				// The second term keeps true hits of the window itself rare.
				own := 1.0
				for p := range MinLiteral {
					own *= shareOf(s[p])
				}
				if g := n.cost() - b[k].cost() + own; g < grow {
					grow, w.off, w.bucket = g, off, k
				}
			}
		}
		s := w.sets(w.off)
		b[w.bucket] = b[w.bucket].with(&s)
	}
	order := make([]int, len(ws))
	rarest := make([]float64, len(ws))
	for i := range ws {
		order[i] = i
		rarest[i] = math.Inf(1)
		for off := 0; off+MinLiteral <= len(ws[i].lit.Text); off++ {
			r := 1.0
			for _, s := range ws[i].sets(off) {
				r *= shareOf(s)
			}
			rarest[i] = min(rarest[i], r)
		}
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(rarest[y], rarest[x]) })
	for _, i := range order {
		best(&ws[i])
	}
	for range 2 {
		for _, i := range order {
			k := ws[i].bucket
			b[k] = bucketSets{}
			for j := range ws {
				if j != i && ws[j].bucket == k {
					s := ws[j].sets(ws[j].off)
					b[k] = b[k].with(&s)
				}
			}
			best(&ws[i])
		}
	}
}

func shareOf(s byteSet) float64 {
	t := 0.0
	for c := range 128 {
		if s.has(byte(c)) {
			t += byteShare[c]
		}
	}
	return t
}

// byteShare is roughly how much of log text each byte makes up. It steers deal; a wrong
// figure costs time, never a candidate.
var byteShare = func() (t [128]float64) {
	for c := range t {
		t[c] = .0002
	}
	group := func(s string, share float64) {
		for _, c := range []byte(s) {
			t[c] = share
		}
	}
	group(" ", .13)
	group("0", .05)
	group("12", .032)
	group("3456789", .021)
	group("e", .05)
	group("aiorstn", .035)
	group("cdlmpu", .02)
	group("bfghkvwxy", .009)
	group("jqz", .002)
	group(".", .035)
	group("-:", .025)
	group("/[]=,_()\"", .008)
	group("ACDEFINOST", .008)
	group("BGHKLMPRUVW", .004)
	group("JQXYZ", .001)
	return t
}()
