package scan

import (
	"math"
	"sort"
	"strings"
)

// What is common in logs, from share.go.

const (
	// firstQuads is minus the binary logarithm of the least share of the quads of the
	// first class; each further one of quadClasses has half of that.
	firstQuads  = 8
	quadClasses = 11
	// boundClasses is how many of the classes are enough for a lower bound.
	boundClasses = 7
)

// folded maps a byte without regard to case to a number less than 64.
func folded(b byte) int { return int(b&0x1f | b>>1&0x20) }

// unfold returns a byte that is folded to i.
func unfold(i int) byte { return byte(i&0x1f | 0x20 | i&0x20<<1) }

// share is roughly how often two folded bytes stand together in logs.
func share(a, b int) float64 { return math.Exp2(-float64(pairLogs[64*a+b]-'0') / 4) }

// quadShare is roughly how often logs have a quad of the i-th of commonQuads.
func quadShare(i int) float64 { return 1.4 * math.Exp2(-float64(i+firstQuads)) }

// appendFolded appends bytes as they are in commonQuads.
func appendFolded[T string | []byte](dst []byte, b T) []byte {
	for i := range len(b) {
		dst = append(dst, '0'+byte(folded(b[i])))
	}
	return dst
}

// windowShare is roughly how often logs have those of the four bytes at off that are in text.
func windowShare(text string, off int) (share float64) {
	known := string(appendFolded(nil, text[max(0, off):min(off+maxWindow, len(text))]))
	for i, qs := range commonQuads {
		k := maxWindow * sort.Search(len(qs)/maxWindow, func(k int) bool { return qs[maxWindow*k:][:maxWindow] >= known })
		for ; strings.HasPrefix(qs[k:], known); k += maxWindow {
			share += quadShare(i)
		}
	}
	return share
}

// quadSample is the common quads as a literalModel sees them. It stands for the text that
// literals are looked for in: which features go together there is not told by the share of
// each.
type quadSample struct {
	words   int // of a quadSet
	classes []quadClass
	// value is that of each feature, for each quad; having are the quads that have a value,
	// and share is how much of text that is.
	value  [pairs][]uint8
	having [pairs][any + 1]quadSet
	share  [pairs][any + 1]float64
}

// quadClass are the quads of some words of a quadSet, and the share of each of them.
type quadClass struct {
	from, to int
	share    float64
}

// quadSet has a bit for each quad.
type quadSet []uint64

func (s quadSet) or(t quadSet) {
	for i, x := range t[:len(s)] {
		s[i] |= x
	}
}

func (s quadSet) andNot(t quadSet) {
	for i, x := range t[:len(s)] {
		s[i] &^= x
	}
}

func newQuadSample(m *literalModel) *quadSample {
	s := &quadSample{}
	for i, qs := range commonQuads {
		c := quadClass{from: s.words, share: quadShare(i)}
		s.words += (len(qs)/maxWindow + 63) / 64
		c.to = s.words
		s.classes = append(s.classes, c)
	}
	all := make(quadSet, s.words)
	for f := range m.features {
		sets := make(quadSet, s.words*m.values)
		for v := range m.values {
			s.having[f][v] = sets[v*s.words:][:s.words]
		}
		s.having[f][any], s.share[f][any] = all, 1
		s.value[f] = make([]uint8, 64*s.words)
		for i, c := range s.classes {
			at := 64 * c.from
			for qs := commonQuads[i]; qs != ""; qs = qs[maxWindow:] {
				var q [maxWindow]byte
				for k := range q {
					q[k] = unfold(int(qs[k] - '0'))
				}
				v := m.features[f].value(string(q[:]), 0)
				s.value[f][at] = uint8(v)
				s.having[f][v][at/64] |= 1 << (at % 64)
				all[at/64] |= 1 << (at % 64)
				s.share[f][v] += c.share
				at++
			}
		}
	}
	return s
}
