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
// fewer and fewer places through. In assembly they are these:
//
//  1. The kernel marks places by the method that Hyperscan calls Teddy (Wang et al., NSDI
//     2019): each literal is in one of sixteen buckets; some features of the bytes at a
//     place, small numbers, look up the sets of the buckets that have such a window; a
//     place passes when one bucket is in all of the sets. See literalModel.
//  2. A hash of the first three bytes looks up which fourth bytes may follow.
//  3. The literals of that hash are compared.
//
// Portable code looks at every other place only, see evenTable. Case is ignored up to the
// last comparison.

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
		if m == evenPlaces {
			l.made[m] = newEvenLiterals(l.lits)
		} else {
			l.made[m] = newLiteralTable(l.lits, m)
		}
	}
	return l.made[m]
}

// literalTable finds literals. Immutable.
type literalTable struct {
	// first is the table of the first test: bucketTables.
	first []byte
	// even is what stands in the place of first, filter and index in portable code.
	even *evenTable
	// filter holds, for the upper bits of each hash of three bytes, the set of the codes
	// of the bytes that may follow.
	filter [1 << filterBits]uint64
	// index maps the hash to the first entry of a chain.
	index [1 << hashBits]uint16
	// entries are the literals, chain by chain; the first one is none.
	entries []literalEntry
	// longest is the length of the longest chain.
	longest int
}

// literalEntry is one literal in the chain of its window's hash.
type literalEntry struct {
	// The first eight bytes x of the literal have (x | fold) & mask == want.
	fold, mask, want uint64
	id               uint32
	off              uint8 // of the window in the literal
	n                uint8 // length of the literal
	last             bool  // of its chain
	lit              *Literal
}

const (
	hashBits = 14
	// filterBits is how many of them, the upper ones, the filter goes by.
	filterBits = 11
	// foldBits set in bytes make them the same in either case. They also confuse a few
	// other bytes, which the comparison of the text tells apart.
	foldBits = 0x20202020_20202020
)

// fourthCode is a number less than 64 for an ASCII byte without regard to case: its Gray
// code, of which bit 5 tells whether bit 6 was set.
func fourthCode(b byte) byte { return ((b | 0x20) ^ (b|0x20)>>1) & 63 }

// hash3 is a hash of the low three bytes of x.
func hash3(x uint32) uint32 { return x * (0x9E3779B1 << 8 & (1<<32 - 1)) >> (32 - hashBits) }

func newLiteralTable(lits []Literal, m *literalModel) *literalTable {
	t := &literalTable{entries: make([]literalEntry, 1, 1+len(lits))}
	t.entries[0] = literalEntry{want: 1, last: true}
	ws := deal(lits, m)
	t.first = m.bucketTables(ws)
	chains := make([][]int, len(t.index))
	for i, w := range ws {
		s := w.lit.Text[w.off:]
		h := hash3((uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16) | foldBits&0xffffff)
		if f := &t.filter[h>>(hashBits-filterBits)]; len(s) > MinLiteral {
			*f |= 1 << fourthCode(s[3])
		} else {
			*f = 1<<64 - 1
		}
		chains[h] = append(chains[h], i)
	}
	for h, chain := range chains {
		if len(chain) == 0 {
			continue
		}
		t.longest = max(t.longest, len(chain))
		t.index[h] = uint16(len(t.entries))
		for _, i := range chain {
			e := newLiteralEntry(lits, i)
			e.off = uint8(ws[i].off)
			t.entries = append(t.entries, e)
		}
		t.entries[len(t.entries)-1].last = true
	}
	return t
}

func newLiteralEntry(lits []Literal, id int) literalEntry {
	lit := &lits[id]
	e := literalEntry{id: uint32(id), n: uint8(len(lit.Text)), lit: lit}
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

// compare notes the literal of an entry if it starts at text[start], where its first eight
// bytes are as far as there are so many.
func (s *Scanner) compare(entry, start int) {
	e := &s.lits.entries[entry]
	from := 8
	if start+from > len(s.text) {
		from = 0
	}
	if e.lit == nil || start < 0 || !e.equal(s.text, start, from) {
		return
	}
	k := len(s.found)
	f := Found{int(e.id), start}
	s.found = append(s.found, f)
	// They come in the order of their windows, which is nearly that of their starts.
	for ; k > 0 && s.found[k-1].after(f); k-- {
		s.found[k], s.found[k-1] = s.found[k-1], f
	}
}

func (f Found) after(g Found) bool {
	return f.Start > g.Start || f.Start == g.Start && f.ID > g.ID
}

// equal compares the literal, from its byte i on, with the text at s.
func (e *literalEntry) equal(b []byte, s, i int) bool {
	text := e.lit.Text
	if s+len(text) > len(b) {
		return false
	}
	if !e.lit.Fold {
		return i >= len(text) || string(b[s+i:s+len(text)]) == text[i:]
	}
	for ; i < len(text); i++ {
		c, d := b[s+i], text[i]
		if c != d && !(isLetter(c) && c|0x20 == d|0x20) {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return (c|0x20)-'a' < 26 }
