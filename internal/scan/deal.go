package scan

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"
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
	// pairs is the number of look-ups for each half of the buckets.
	pairs = 4
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
	features [pairs]feature
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
var hashedPairs = &literalModel{values: 128, features: [pairs]feature{
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

// choice is a window that a literal may be known by.
type choice struct {
	off    int
	values [pairs]int // of the features
	// own is what the places cost that do have the window, alike roughly the share of
	// places that have all of its values.
	own, alike float64
}

// choices returns the windows that a literal may be known by, the last first: literals share
// their starts more often than their ends.
func (s *quadSample) choices(text string, m *literalModel) (cs []choice) {
	for off := 0; off == 0 || off+maxWindow <= len(text) && off <= maxOffset; off++ {
		c := choice{off: off, own: trueCost * windowShare(text, off), alike: 1}
		for f := range m.features {
			v := m.features[f].value(text, off)
			c.values[f] = v
			c.alike *= s.share[f][v]
		}
		cs = append(cs, c)
	}
	slices.Reverse(cs)
	return cs
}

// group is one bucket.
type group struct {
	s *quadSample
	// count is, for each feature, how many of its windows have each value.
	count [pairs][any + 1]uint16
	// may are the quads that each feature admits, and passing, by class, the share of
	// those that all of them do.
	may     [pairs]quadSet
	passing []float64
	// alone is, for each feature and value, a lower bound of the share of the quads that
	// only this feature keeps out, and that have the value.
	alone [pairs][any]float64
}

func newGroup(s *quadSample) *group {
	g := &group{s: s, passing: make([]float64, len(s.classes))}
	for f := range g.may {
		g.may[f] = make(quadSet, s.words)
	}
	return g
}

// has reports whether feature f admits value v.
func (g *group) has(f, v int) bool { return g.count[f][v] > 0 || g.count[f][any] > 0 }

// growth returns by how much the share of text that passes would grow if a window of the
// values joined, or some number of at least limit if it is at least that.
func (g *group) growth(vs *[pairs]int, limit float64) (grow float64) {
	for f, v := range vs {
		if v != any && !g.has(f, v) {
			grow += g.alone[f][v]
		}
	}
	if grow >= limit {
		return grow
	}
	grow = 0
	var may, more [pairs]quadSet
	for f, v := range vs {
		may[f], more[f] = g.may[f], g.s.having[f][v]
	}
	for i, c := range g.s.classes {
		if grow += float64(countAll(&may, &more, c.from, c.to))*c.share - g.passing[i]; grow >= limit {
			break
		}
	}
	return grow
}

// countAll counts the quads of the words from:to that are in all of the unions of may and more.
func countAll(may, more *[pairs]quadSet, from, to int) (n int) {
	a, b, c, d := may[0][from:to], may[1][from:to], may[2][from:to], may[3][from:to]
	e, f, g, h := more[0][from:to], more[1][from:to], more[2][from:to], more[3][from:to]
	b, c, d, e, f, g, h = b[:len(a)], c[:len(a)], d[:len(a)], e[:len(a)], f[:len(a)], g[:len(a)], h[:len(a)]
	for i := range a {
		n += bits.OnesCount64((a[i] | e[i]) & (b[i] | f[i]) & (c[i] | g[i]) & (d[i] | h[i]))
	}
	return n
}

// add adds a window of the values.
func (g *group) add(vs *[pairs]int) {
	changed := false
	for f, v := range vs {
		if !g.has(f, v) {
			g.may[f].or(g.s.having[f][v])
			changed = true
		}
		g.count[f][v]++
	}
	if changed {
		g.measure()
	}
}

// remove takes a window of the values away.
func (g *group) remove(vs *[pairs]int) {
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
	g.alone = [pairs][any]float64{}
	for i, c := range g.s.classes {
		n := 0
		for w := c.from; w < c.to; w++ {
			// kept are the quads that some feature keeps out, twice those that more
			// than one does.
			kept, twice := ^g.s.having[0][any][w], uint64(0)
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

// deal chooses a window and a bucket for each literal, so that few places of log text pass
// the first test: greedily by the growth of the share of such places, first the literals that
// have only common windows, then each again against all others. The first bucket that will
// do is taken, so that the others have room for what is hard to place. It is linear in the
// number of literals.
//
// That takes tens of milliseconds, so what was dealt once is kept in dealt.go, and only
// literals that are not there are dealt, to the others.
func deal(lits []Literal, m *literalModel) []window {
	ws, open := dealtBefore(lits, m)
	if len(open) > 0 {
		dealTo(ws, open, m)
	}
	return ws
}

// dealtWindow is what was dealt to a literal.
type dealtWindow struct {
	text        string
	off, bucket uint8
}

// dealtBefore returns what dealt.go says of the literals, and the numbers of those that are
// still to be dealt, in order: of all, where it does not say most.
func dealtBefore(lits []Literal, m *literalModel) (ws []window, open []int) {
	ws = make([]window, len(lits))
	keeps := m == hashedPairs && passes(len(lits)) == dealtPasses
	for i, l := range lits {
		ws[i].lit = l
		k, ok := slices.BinarySearchFunc(dealt[:], l.Text, func(d dealtWindow, text string) int { return strings.Compare(d.text, text) })
		if ok && keeps {
			ws[i].off, ws[i].bucket = int(dealt[k].off), int(dealt[k].bucket)
		} else {
			open = append(open, i)
		}
	}
	if len(open) > len(lits)/8 {
		open = open[:0]
		for i := range lits {
			open = append(open, i)
		}
	}
	return ws, open
}

// dealTo deals the literals of which open has the numbers, in order, to the others.
func dealTo(ws []window, open []int, m *literalModel) {
	sample := newQuadSample(m)
	groups := make([]*group, passes(len(ws))*buckets)
	for i := range groups {
		groups[i] = newGroup(sample)
	}
	choices := make([][]choice, len(ws))
	order, rarest := slices.Clone(open), make([]float64, len(ws))
	for i, w := range ws {
		choices[i], rarest[i] = sample.choices(w.lit.Text, m), 1
		for _, c := range choices[i] {
			rarest[i] = min(rarest[i], c.alike)
		}
		if len(open) > 0 && open[0] == i {
			open = open[1:]
			continue
		}
		k := slices.IndexFunc(choices[i], func(c choice) bool { return c.off == w.off })
		groups[w.bucket].add(&choices[i][k].values)
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(rarest[y], rarest[x]) })
	taken := make([]*choice, len(ws))
	place := func(i int) {
		bucket, best := 0, math.Inf(1)
		for k, g := range groups {
			for j := range choices[i] {
				c := &choices[i][j]
				if c.own >= best {
					continue
				}
				if cost := c.own + g.growth(&c.values, best-c.own); cost < best {
					bucket, best, taken[i] = k, cost, c
				}
			}
		}
		ws[i].off, ws[i].bucket = taken[i].off, bucket
		groups[bucket].add(&taken[i].values)
	}
	for _, i := range order {
		place(i)
	}
	for range rounds {
		for _, i := range order {
			groups[ws[i].bucket].remove(&taken[i].values)
			place(i)
		}
	}
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
