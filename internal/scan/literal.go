package scan

import (
	"encoding/binary"
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
	// maxWindow is the most bytes of the window by which a literal is known.
	maxWindow = 4
)

// A literal is found by a window of its bytes, the one that is rarest in logs, in three
// tests that let fewer and fewer places through:
//
//  1. The kernel of an implementation marks places, see literalModel. In assembly that is
//     the method that Hyperscan calls Teddy (Wang et al., NSDI 2019): each literal is in
//     one of sixteen buckets; some features of the bytes at a place, small numbers, look
//     up the sets of the buckets that have such a window; a place passes when one bucket
//     is in all of the sets. In portable code it is a table of all pairs of bytes.
//  2. A hash of the first three bytes looks up which fourth bytes may follow.
//  3. The literals of that hash are compared.
//
// Case is ignored up to the last comparison.

// literals are the literals of Tables, and what has been made of them.
type literals struct {
	lits []Literal
	mu   sync.Mutex
	made map[*literalModel]*literalTable
}

// init sets the literals. The ids of hits are indexes into lits, which must not hold the
// same text twice.
func (l *literals) init(lits []Literal) error {
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
	// first is the table of the first test: bucketTables or pairTable.
	first []byte
	// filter holds, for each hash of three bytes, the set of the low three bits of the
	// bytes that may follow.
	filter [1 << hashBits]uint8
	// index maps the hash, less its last bits, to 1 + the first entry of a chain.
	index   [1 << hashBits >> indexDrop]uint32
	entries []literalEntry
	// maxOff is the greatest distance of a window from the start of its literal.
	maxOff int
}

// literalEntry is one literal in the chain of its window's hash.
type literalEntry struct {
	mask, want uint64 // of the first eight bytes of the literal, folded
	id         uint32
	off        uint16 // of the window in the literal
	last       bool   // of its chain
	fold       bool
	text       string // in lower case when fold
}

const (
	hashBits = 14
	// indexDrop is the number of bits of the hash that the index does without.
	indexDrop = 2
	// foldBits set in bytes make them the same in either case. They also confuse a few
	// other bytes, which the comparison of the text tells apart.
	foldBits = 0x20202020_20202020
)

// hash3 is a hash of the low three bytes of x.
func hash3(x uint32) uint32 { return x * (0x9E3779B1 << 8 & (1<<32 - 1)) >> (32 - hashBits) }

func newLiteralTable(lits []Literal, m *literalModel) *literalTable {
	t := &literalTable{}
	var ws []window
	if m == bytePairs {
		ws = rarest(lits)
		t.first = pairTable(ws)
	} else {
		ws = deal(lits, m)
		t.first = m.bucketTables(ws)
	}
	chains := make([][]int, len(t.index))
	for i, w := range ws {
		t.maxOff = max(t.maxOff, w.off)
		s := w.lit.Text[w.off:]
		h := hash3((uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16) | foldBits&0xffffff)
		if len(s) > MinLiteral {
			t.filter[h] |= 1 << (s[3] & 7)
		} else {
			t.filter[h] = 0xff
		}
		chains[h>>indexDrop] = append(chains[h>>indexDrop], i)
	}
	for h, chain := range chains {
		if len(chain) == 0 {
			continue
		}
		t.index[h] = uint32(len(t.entries) + 1)
		for _, i := range chain {
			w := &ws[i]
			e := literalEntry{id: uint32(i), off: uint16(w.off), text: w.lit.Text, fold: w.lit.Fold}
			if e.fold {
				e.text = string(appendLower(nil, e.text))
			}
			for j := 0; j < min(8, len(e.text)); j++ {
				e.mask |= 0xff << (8 * j)
				e.want |= uint64(e.text[j]|0x20) << (8 * j)
			}
			t.entries = append(t.entries, e)
		}
		t.entries[len(t.entries)-1].last = true
	}
	return t
}

// admits returns 1 if there is a window that may be the four bytes of x, by their hash,
// and 0 otherwise.
func (t *literalTable) admits(x uint32) int {
	return int(t.filter[hash3(x|foldBits&(1<<32-1))] >> (x >> 24 & 7) & 1)
}

// verify appends the literals whose window stands at b[at], where the bytes of x are: the
// start of the literal in the upper half, its id in the lower.
func (t *literalTable) verify(dst []uint64, b []byte, at int, x uint32) []uint64 {
	i := int(t.index[hash3(x|foldBits&(1<<32-1))>>indexDrop]) - 1
	if i < 0 {
		return dst
	}
	for ; ; i++ {
		e := &t.entries[i]
		if s := at - int(e.off); s >= 0 && e.matches(b, s) {
			dst = append(dst, uint64(s)<<32|uint64(e.id))
		}
		if e.last {
			return dst
		}
	}
}

func (e *literalEntry) matches(b []byte, s int) bool {
	if s+8 <= len(b) && (binary.LittleEndian.Uint64(b[s:])|foldBits)&e.mask != e.want {
		return false
	}
	n := len(e.text)
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

func appendLower(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, lower(s[i]))
	}
	return dst
}
