package scan

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

const (
	// buckets is the number of groups that the kernel looks up in one pass.
	buckets = 16
	// perPass is how many literals are dealt into the buckets of one pass. A pass more
	// costs as much as many places that pass by accident.
	perPass   = 1536
	maxPasses = 6
	// trueCost is what a place that does have the window costs, times that of one which
	// passes the first test by accident.
	trueCost = 4
	// rounds is how often each literal is dealt again.
	rounds = 1
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
}

// hashedPairs are hashes of two bytes each: the features of the AVX-512 kernel.
var hashedPairs = &literalModel{values: 128, features: []feature{
	{0, 2, pairHash}, {1, 2, pairHash}, {0, 3, pairHash}, {0, 4, pairHash},
}}

// pairHash mixes the first and the last byte: the low seven bits of the one, without that of
// case, and those of the other rotated by four.
func pairHash(b string) uint8 {
	c := b[len(b)-1] &^ 0x20
	return (b[0]&^0x20 ^ c<<4 ^ c&0x7f>>3) & 0x7f
}

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

// group is one bucket.
type group struct {
	s *quadSample
	// count is, for each feature, how many of its windows have each value.
	count [][any + 1]uint16
	// may are the quads that each feature admits, and passing, by class, the share of
	// those that all of them do.
	may     []quadSet
	passing []float64
	// alone is, for each feature and value, a lower bound of the share of the quads that
	// only this feature keeps out, and that have the value.
	alone [][any]float64
}

func newGroup(s *quadSample) *group {
	n := len(s.having)
	g := &group{s: s, count: make([][any + 1]uint16, n), may: make([]quadSet, n), passing: make([]float64, len(s.classes)), alone: make([][any]float64, n)}
	for f := range g.may {
		g.may[f] = make(quadSet, s.words)
	}
	return g
}

// has reports whether feature f admits value v.
func (g *group) has(f, v int) bool { return g.count[f][v] > 0 || g.count[f][any] > 0 }

// growth returns by how much the share of text that passes would grow if a window of the
// values joined, or some number of at least limit if it is at least that.
func (g *group) growth(vs []int, limit float64) (grow float64) {
	for f, v := range vs {
		if v != any && !g.has(f, v) {
			grow += g.alone[f][v]
		}
	}
	if grow >= limit {
		return grow
	}
	grow = 0
	var may, more [4]quadSet
	for f := range may {
		may[f], more[f] = g.s.all, g.s.none
		if f >= len(vs) {
			continue
		}
		switch v := vs[f]; {
		case v != any && !g.has(f, v):
			may[f], more[f] = g.may[f], g.s.having[f][v]
		case v != any || g.count[f][any] > 0:
			may[f] = g.may[f]
		}
	}
	for i, c := range g.s.classes {
		n := 0
		a, b, c2, d := may[0][c.from:c.to], may[1][c.from:c.to], may[2][c.from:c.to], may[3][c.from:c.to]
		e, f, g2, h := more[0][c.from:c.to], more[1][c.from:c.to], more[2][c.from:c.to], more[3][c.from:c.to]
		_ = a
		b, c2, d, e, f, g2, h = b[:len(a)], c2[:len(a)], d[:len(a)], e[:len(a)], f[:len(a)], g2[:len(a)], h[:len(a)]
		for k := range a {
			n += bits.OnesCount64((a[k] | e[k]) & (b[k] | f[k]) & (c2[k] | g2[k]) & (d[k] | h[k]))
		}
		if grow += float64(n)*c.share - g.passing[i]; grow >= limit {
			break
		}
	}
	return grow
}

// add adds a window of the values, remove takes one away.
func (g *group) add(vs []int) {
	changed := false
	for f, v := range vs {
		had := g.has(f, v)
		g.count[f][v]++
		if !had {
			changed = true
			g.may[f].or(g.s.having[f][v])
		}
	}
	if changed {
		g.measure()
	}
}

func (g *group) remove(vs []int) {
	changed := false
	for f, v := range vs {
		g.count[f][v]--
		if g.has(f, v) {
			continue
		}
		changed = true
		g.may[f].andNot(g.s.having[f][v])
		if v == any {
			for v, n := range g.count[f][:any] {
				if n > 0 {
					g.may[f].or(g.s.having[f][v])
				}
			}
		}
	}
	if changed {
		g.measure()
	}
}

// measure brings passing and alone up to date.
func (g *group) measure() {
	for f := range g.alone {
		clear(g.alone[f][:])
	}
	for i, c := range g.s.classes {
		n := 0
		for w := c.from; w < c.to; w++ {
			// kept are the quads that some feature keeps out, twice those that more
			// than one does.
			kept, twice := uint64(0), uint64(0)
			for _, may := range g.may {
				twice |= kept &^ may[w]
				kept |= ^may[w]
			}
			n += bits.OnesCount64(^kept)
			if i >= boundClasses {
				continue
			}
			for f, may := range g.may {
				for x := ^may[w] &^ twice; x != 0; x &= x - 1 {
					g.alone[f][g.s.value[f][64*w+bits.TrailingZeros64(x)]] += c.share
				}
			}
		}
		g.passing[i] = float64(n) * c.share
	}
}

// offsets calls f for the offset of each window that a literal may be known by.
func offsets(text string, f func(off int)) {
	for off := 0; off == 0 || off+maxWindow <= len(text) && off <= maxOffset; off++ {
		f(off)
	}
}

// deal chooses a window and a bucket for each literal, so that few places of log text pass
// the first test: greedily by the growth of the share of such places, first the literals that
// have only common windows, then each again against all others. The first bucket that will
// do is taken, so that the others have room for what is hard to place. It is linear in the
// number of literals.
func deal(lits []Literal, m *literalModel) []window {
	sample := newQuadSample(m)
	groups := make([]*group, passes(len(lits))*buckets)
	for i := range groups {
		groups[i] = newGroup(sample)
	}
	ws := make([]window, len(lits))
	values := make([][][]int, len(lits)) // of the features of each window of each literal
	own := make([][]float64, len(lits))  // what the places cost that do have the window
	rarest := make([]float64, len(lits))
	order := make([]int, len(lits))
	for i, l := range lits {
		ws[i].lit, order[i], rarest[i] = l, i, math.Inf(1)
		offsets(l.Text, func(off int) {
			vs, s := make([]int, len(m.features)), 1.0
			for f := range vs {
				vs[f] = m.features[f].value(l.Text, off)
				s *= sample.share[f][vs[f]]
			}
			values[i] = append(values[i], vs)
			own[i] = append(own[i], trueCost*windowShare(l.Text, off))
			rarest[i] = min(rarest[i], s)
		})
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(rarest[y], rarest[x]) })
	place := func(i int) {
		w, best := &ws[i], math.Inf(1)
		for k, g := range groups {
			for off, vs := range values[i] {
				if own := own[i][off]; own <= best {
					if cost := own + g.growth(vs, best-own); cost <= best {
						best, w.off, w.bucket = cost, off, k
					}
				}
			}
		}
		groups[w.bucket].add(values[i][w.off])
	}
	for _, i := range order {
		place(i)
	}
	for range rounds {
		for _, i := range order {
			groups[ws[i].bucket].remove(values[i][ws[i].off])
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
