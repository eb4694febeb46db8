package scan

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

const (
	// buckets is the number of groups that the kernel looks up in one pass.
	buckets = 16
	// perPass is how many literals are dealt into the buckets of one pass. A pass more
	// costs a few nanoseconds per kilobyte; fuller buckets let more places through, and
	// each of those costs as much.
	perPass   = 1024
	maxPasses = 6
	// trueCost is what a place that does have the window costs, times that of one which
	// passes the first test by accident.
	trueCost = 4
	// entryCost is what one more literal to look at costs, in the same unit.
	entryCost = 1
)

// passes is the number of passes of the kernel over the text, for n literals.
func passes(n int) int { return min(max(1, (n+perPass-1)/perPass), maxPasses) }

// maxOffset bounds where the window of a literal is, so that it lies within Margin.
const maxOffset = Margin - maxWindow

// A literalModel is how an implementation tells likely places of literals from others.
type literalModel struct {
	// features look up buckets. The model evenPlaces has none.
	features []feature
	// values is the number of values of each feature.
	values int
}

// feature is a small number made of a few bytes, without regard to case.
type feature struct {
	// at is the offset of the first byte, width how many there are.
	at, width int
	of        func(b string) uint8
	// share is roughly how often the feature has each of its values in logs. A wrong
	// figure costs time, never a literal.
	share *[128]float64
}

// hashedPairs are hashes of two bytes each: the features of the AVX-512 kernel.
var hashedPairs = &literalModel{values: 128, features: []feature{
	{0, 2, pairHash, &pairShare}, {1, 2, pairHash, &pairShare},
	{0, 3, pairHash, &apartShare}, {0, 4, pairHash, &apartShare},
}}

// pairHash mixes the first and the last byte: the low seven bits of the one, without that of
// case, and those of the other rotated by four.
func pairHash(b string) uint8 {
	c := b[len(b)-1] &^ 0x20
	return (b[0]&^0x20 ^ c<<4 ^ c&0x7f>>3) & 0x7f
}

// folded maps a byte without regard to case to a number less than 64.
func folded(b byte) int { return int(b&0x1f | b>>1&0x20) }

// share is roughly how often two folded bytes stand together in logs.
func share(a, b int) float64 { return math.Exp2(-float64(pairLogs[64*a+b]-'0') / 4) }

// quadShares holds the shares of commonQuads.
var quadShares = func() map[string]float64 {
	m := map[string]float64{}
	for i, qs := range commonQuads {
		for ; qs != ""; qs = qs[4:] {
			m[qs[:4]] = math.Exp2(-float64(i + 8))
		}
	}
	return m
}()

// windowShare is roughly how often logs have the four bytes of the window at off.
func windowShare(text string, off int) float64 {
	if off+maxWindow > len(text) {
		return 0
	}
	return quadShares[strings.ToLower(text[off:off+maxWindow])]
}

// entryShare is roughly how often logs have the first three bytes of the window at off: each
// time, all literals of that hash are looked at.
func entryShare(text string, off int) float64 {
	a, b, c := folded(text[off]), folded(text[off+1]), folded(text[off+2])
	return share(a, b) * share(b, c) / max(oneShare[b], share(a, b))
}

// oneShare is roughly how often logs have each folded byte.
var oneShare = func() (t [64]float64) {
	for a := range t {
		for b := range 64 {
			t[a] += share(a, b)
		}
	}
	return t
}()

// The shares of the features; apartShare is that of pairs that are not neighbours.
var pairShare, apartShare = func() (p, o [128]float64) {
	for a := range 64 {
		for b := range 64 {
			s, x := share(a, b), unfold(a)+unfold(b)
			p[pairHash(x)] += s
		}
	}
	for a := range 64 {
		for b := range 64 {
			o[pairHash(unfold(a)+unfold(b))] += oneShare[a] * oneShare[b]
		}
	}
	return p, o
}()

// unfold returns a byte that is folded to i.
func unfold(i int) string { return string(rune(i&0x1f | 0x20 | i&0x20<<1)) }

// window is a literal with the window and the bucket chosen for it.
type window struct {
	lit    Literal
	off    int
	bucket int
}

// any is the value of a feature that lies beyond the end of the literal: it may be
// whatever it likes.
const any = 128

// value returns feature f of the window of a literal at off.
func (f *feature) value(text string, off int) int {
	if i := off + f.at; i+f.width <= len(text) {
		return int(f.of(text[i : i+f.width]))
	}
	return any
}

// group is one bucket: for each feature how many of its windows have each value, and the
// share of text that the values make up.
type group struct {
	count [][any + 1]uint16
	share []float64
}

// admitted returns the share of text that feature f admits.
func (g *group) admitted(f int) float64 {
	if g.count[f][any] > 0 {
		return 1
	}
	return g.share[f]
}

// with returns the share of text that feature f would admit if windows of value v joined.
func (g *group) with(f, v int, share float64) float64 {
	switch {
	case v == any:
		return 1
	case g.count[f][v] > 0 || g.count[f][any] > 0:
		return g.admitted(f)
	}
	return g.share[f] + share
}

// offsets calls f for the offset of each window that a literal may be known by.
func offsets(text string, f func(off int)) {
	for off := 0; off == 0 || off+maxWindow <= len(text) && off <= maxOffset; off++ {
		f(off)
	}
}

// deal chooses a window and a bucket for each literal, so that few places of log text pass
// the first test by accident: greedily by the growth of the expected share of such places,
// first the literals that have only common windows, then each again against all others.
// It is linear in the number of literals.
func deal(lits []Literal, m *literalModel) []window {
	nf := len(m.features)
	groups := make([]group, passes(len(lits))*buckets)
	for i := range groups {
		groups[i] = group{make([][any + 1]uint16, nf), make([]float64, nf)}
	}
	shareOf := func(f, v int) float64 {
		if v == any {
			return 1
		}
		return m.features[f].share[v]
	}
	ws := make([]window, len(lits))
	values := make([][][]int, len(lits)) // of the features of each window of each literal
	own := make([][]float64, len(lits))  // what the places cost that do have the window
	rarest := make([]float64, len(lits))
	order := make([]int, len(lits))
	for i, l := range lits {
		ws[i].lit, order[i], rarest[i] = l, i, math.Inf(1)
		offsets(l.Text, func(off int) {
			vs, s := make([]int, nf), 1.0
			for f := range vs {
				vs[f] = m.features[f].value(l.Text, off)
				s *= shareOf(f, vs[f])
			}
			values[i] = append(values[i], vs)
			own[i] = append(own[i], trueCost*windowShare(l.Text, off)+entryCost*entryShare(l.Text, off))
			rarest[i] = min(rarest[i], s)
		})
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(rarest[y], rarest[x]) })
	place := func(i int) {
		w, best := &ws[i], math.Inf(1)
		for k := range groups {
			g := &groups[k]
			cost := 1.0
			for f := range nf {
				cost *= g.admitted(f)
			}
			for off, vs := range values[i] {
				with := 1.0
				for f, v := range vs {
					with *= g.with(f, v, shareOf(f, v))
				}
				if grow := with - cost + own[i][off]; grow < best {
					best, w.off, w.bucket = grow, off, k
				}
			}
		}
		g := &groups[w.bucket]
		for f, v := range values[i][w.off] {
			if g.count[f][v] == 0 && v != any {
				g.share[f] += shareOf(f, v)
			}
			g.count[f][v]++
		}
	}
	remove := func(i int) {
		g := &groups[ws[i].bucket]
		for f, v := range values[i][ws[i].off] {
			if g.count[f][v]--; g.count[f][v] == 0 && v != any {
				g.share[f] -= shareOf(f, v)
			}
		}
	}
	for _, i := range order {
		place(i)
	}
	for range 5 {
		for _, i := range order {
			remove(i)
			place(i)
		}
	}
	return ws
}

// tableSize is the size of the tables of one pass, in bytes.
func (m *literalModel) tableSize() int { return len(m.features) * 2 * m.values }

// bucketTables returns, pass by pass, the sets of buckets for each value of each feature,
// eight buckets a byte: for each feature those of the lower half of the buckets, then the
// upper half.
func (m *literalModel) bucketTables(ws []window) []byte {
	t := make([]byte, passes(len(ws))*m.tableSize())
	for _, w := range ws {
		pass := t[w.bucket/buckets*m.tableSize():]
		for f := range m.features {
			half := pass[(2*f+w.bucket%buckets/8)*m.values:][:m.values]
			if v := m.features[f].value(w.lit.Text, w.off); v != any {
				half[v] |= 1 << (w.bucket % 8)
				continue
			}
			for v := range half {
				half[v] |= 1 << (w.bucket % 8)
			}
		}
	}
	return t
}
