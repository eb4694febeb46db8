package scan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Program computes the candidates of all shapes in force from the class planes. It is
// a list of steps; each writes one slot, a plane of working memory. Slots 0 to
// NumClasses-1 are the class planes. A Program is immutable.
type Program struct {
	Steps []Step
	// Slots is how many planes the program needs, class planes and outputs included.
	Slots int
	// Outs holds the slot of each shape's candidates, in the order of the shapes.
	Outs []int
}

// Step sets Dst to the OR of its products, each the AND of its terms, the rarest first.
type Step struct {
	Dst      int
	Products [][]Term
	// Share is roughly the share of bytes where Dst is set, and Left that where all terms
	// of a product up to that one are.
	Share float64
	Left  [][]float64
}

// Term reads a slot shifted: place i of the term is place i+Shift of the slot. Only
// NonWord is read with a negative Shift, of -1. No Shift is greater than maxWidth.
type Term struct {
	Slot  int
	Shift int
}

// String lists the program for people.
func (p *Program) String() string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "s%d = ", s.Dst)
		for i, product := range s.Products {
			if i > 0 {
				b.WriteString(" | ")
			}
			for k, t := range product {
				if k > 0 {
					b.WriteString(" & ")
				}
				if t.Slot < int(NumClasses) {
					b.WriteString(Class(t.Slot).String())
				} else {
					fmt.Fprintf(&b, "s%d", t.Slot)
				}
				if t.Shift != 0 {
					fmt.Fprintf(&b, "[%+d]", t.Shift)
				}
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Compile makes the program of the given shapes.
func Compile(shapes []string) (*Program, error) {
	g := &graph{index: map[string]int{}}
	for c := range NumClasses {
		g.nodes = append(g.nodes, node{share: classShare[c], like: int(c), boundary: c == NonWord})
	}
	var roots []int
	for _, s := range shapes {
		seq, err := parseShape(s)
		if err != nil {
			return nil, err
		}
		o, err := g.sequence(seq, byteSet{})
		if err != nil {
			return nil, fmt.Errorf("shape %q: %w", s, err)
		}
		if g.nodes[o.Slot].boundary {
			return nil, fmt.Errorf("shape %q: %w", s, errBoundary)
		}
		roots = append(roots, g.intern(false, []Term{o}))
	}
	return g.emit(roots), nil
}

// graph is the shapes as expressions over planes; equal expressions are one node.
// Terms name nodes here, and slots once emitted.
type graph struct {
	nodes []node
	index map[string]int
}

type node struct {
	or    bool
	args  []Term  // none for a class
	uses  int     // how many terms read it
	share float64 // rough share of bytes where it is set
	// like is the node that it is a run of, or the node itself. Runs are not rare: where
	// one digit is, there are more.
	like int
	// boundary says that it tells no more than that no word is there.
	boundary bool
}

func (g *graph) intern(or bool, args []Term) int {
	if len(args) == 1 && args[0].Shift == 0 {
		return args[0].Slot
	}
	args = slices.Clone(args)
	slices.SortFunc(args, func(a, b Term) int { return cmp.Or(a.Slot-b.Slot, a.Shift-b.Shift) })
	args = slices.Compact(args)
	key := fmt.Sprint(or, args)
	if n, ok := g.index[key]; ok {
		return n
	}
	n := node{or: or, args: args, share: 1, like: len(g.nodes), boundary: !or}
	if or {
		n.share = 0
		for _, a := range args {
			n.share = min(1, n.share+g.nodes[a.Slot].share)
			n.boundary = n.boundary || g.nodes[a.Slot].boundary
		}
	} else {
		n.share = g.together(args)
		n.like = g.nodes[args[0].Slot].like
		for _, a := range args {
			n.boundary = n.boundary && g.nodes[a.Slot].boundary
			if g.nodes[a.Slot].like != n.like {
				n.like = len(g.nodes)
			}
		}
	}
	g.nodes = append(g.nodes, n)
	g.index[key] = len(g.nodes) - 1
	return len(g.nodes) - 1
}

// together is roughly the share of bytes where all of the terms are set.
func (g *graph) together(ts []Term) float64 {
	share := 1.0
	for i := range ts {
		share *= g.marginal(ts[:i], ts[i])
	}
	return share
}

// marginal is roughly the share of bytes where t is set among those where all of ts are.
func (g *graph) marginal(ts []Term, t Term) float64 {
	n := &g.nodes[t.Slot]
	for _, u := range ts {
		if g.nodes[u.Slot].like == n.like {
			return min(.5, 5*n.share)
		}
	}
	return n.share
}

// order puts those terms of a product first that leave the least.
func (g *graph) order(ts []Term) {
	for i := range ts {
		k := i
		for j := i + 1; j < len(ts); j++ {
			if g.marginal(ts[:i], ts[j]) < g.marginal(ts[:i], ts[k]) {
				k = j
			}
		}
		ts[i], ts[k] = ts[k], ts[i]
	}
}

// run is the node of n bytes of a set in a row.
func (g *graph) run(m classMask, n int) int {
	if n == 1 {
		var ts []Term
		for c := range NumClasses {
			if m>>c&1 != 0 {
				ts = append(ts, Term{Slot: int(c)})
			}
		}
		return g.intern(true, ts)
	}
	p := 1
	for p*2 < n {
		p *= 2
	}
	h := g.run(m, p)
	return g.intern(false, []Term{{Slot: h}, {Slot: h, Shift: n - p}})
}

var errBoundary = errors.New(`\b needs word characters beside it in the shape, and cannot stand alone in a choice`)

// sequence returns the term that is set where the sequence matches. prev is the set of
// the byte before it, where it is known.
func (g *graph) sequence(seq []piece, prev byteSet) (Term, error) {
	var terms []Term
	word := classSets[Word]
	off := 0
	for i := 0; i < len(seq); i++ {
		p := seq[i]
		switch {
		case p.boundary:
			next := byteSet{}
			if i+1 < len(seq) {
				next = seq[i+1].set
			}
			switch {
			case next != byteSet{} && next.subsetOf(word):
				terms = append(terms, Term{Slot: int(NonWord), Shift: off - 1})
			case prev != byteSet{} && prev.subsetOf(word):
				terms = append(terms, Term{Slot: int(NonWord), Shift: off})
			default:
				return Term{}, errBoundary
			}
		case p.alts != nil:
			var alts []Term
			for _, a := range p.alts {
				t, err := g.sequence(append(slices.Clone(a), seq[i+1:]...), prev)
				if err != nil {
					return Term{}, err
				}
				if g.nodes[t.Slot].boundary {
					return Term{}, errBoundary
				}
				alts = append(alts, t)
			}
			terms = append(terms, Term{Slot: g.intern(true, alts), Shift: off})
			return g.and(terms), nil
		case p.min == p.max || i == len(seq)-1:
			n := p.min
			for i+1 < len(seq) && seq[i+1].set == p.set && !seq[i+1].boundary && seq[i+1].alts == nil && seq[i+1].min == seq[i+1].max {
				i++
				n += seq[i].min
			}
			if n > 0 {
				if p.classes != 0 {
					terms = append(terms, Term{Slot: g.run(p.classes, n), Shift: off})
				}
				off += n
				prev = p.set
			}
		default:
			var alts []Term
			for n := p.min; n <= p.max; n++ {
				before := p.set
				if n == 0 {
					before = prev
				}
				rest, err := g.sequence(seq[i+1:], before)
				if err != nil {
					return Term{}, err
				}
				ts := []Term{}
				if n > 0 && p.classes != 0 {
					ts = append(ts, Term{Slot: g.run(p.classes, n)})
				}
				rest.Shift += n
				alt := g.and(append(ts, rest))
				if g.nodes[alt.Slot].boundary {
					return Term{}, errBoundary
				}
				alts = append(alts, alt)
			}
			terms = append(terms, Term{Slot: g.intern(true, alts), Shift: off})
			return g.and(terms), nil
		}
	}
	return g.and(terms), nil
}

// and is the AND of terms as one term.
func (g *graph) and(terms []Term) Term {
	if len(terms) == 1 {
		return terms[0]
	}
	return Term{Slot: g.intern(false, terms)}
}

// emit orders the nodes that the roots need, and gives them slots.
func (g *graph) emit(roots []int) *Program {
	for i := range g.nodes {
		g.nodes[i].uses = 0
	}
	var count func(n int)
	count = func(n int) {
		g.nodes[n].uses++
		if g.nodes[n].uses == 1 {
			for _, a := range g.nodes[n].args {
				count(a.Slot)
			}
		}
	}
	for _, r := range roots {
		count(r)
		g.nodes[r].uses++ // a root has a slot of its own
	}
	p := &Program{Slots: int(NumClasses)}
	slot := map[int]int{} // virtual slots first: one a node
	for c := range int(NumClasses) {
		slot[c] = c
	}
	var visit func(n int)
	visit = func(n int) {
		if _, ok := slot[n]; ok {
			return
		}
		var products [][]Term
		if g.nodes[n].or {
			products = g.products(g.nodes[n].args, 0)
		} else {
			products = [][]Term{g.product(g.nodes[n].args, 0)}
		}
		var left [][]float64
		for _, ts := range products {
			slices.SortFunc(ts, func(a, b Term) int { return cmp.Or(a.Slot-b.Slot, a.Shift-b.Shift) })
			g.order(ts)
			var shares []float64
			for i, t := range ts {
				shares = append(shares, g.together(ts[:i+1]))
				visit(t.Slot)
			}
			left = append(left, shares)
		}
		slot[n] = p.Slots
		p.Slots++
		for _, ts := range products {
			for i := range ts {
				ts[i].Slot = slot[ts[i].Slot]
			}
		}
		p.Steps = append(p.Steps, Step{Dst: slot[n], Products: products, Share: g.nodes[n].share, Left: left})
	}
	for _, r := range roots {
		visit(r)
		p.Outs = append(p.Outs, slot[r])
	}
	p.allocate()
	return p
}

// product returns the terms of an AND; terms that are ANDs and read nowhere else dissolve
// in it.
func (g *graph) product(args []Term, shift int) (ts []Term) {
	for _, a := range args {
		a.Shift += shift
		if n := &g.nodes[a.Slot]; n.uses == 1 && n.args != nil && !n.or {
			ts = append(ts, g.product(n.args, a.Shift)...)
		} else {
			ts = append(ts, a)
		}
	}
	return ts
}

// products returns the products of an OR in the same way.
func (g *graph) products(args []Term, shift int) (ps [][]Term) {
	for _, a := range args {
		n := &g.nodes[a.Slot]
		if a.Shift += shift; n.uses == 1 && n.or {
			ps = append(ps, g.products(n.args, a.Shift)...)
		} else {
			ps = append(ps, g.product([]Term{a}, 0))
		}
	}
	return ps
}

// allocate maps the slots to as few planes as are alive at once, to stay in the nearest
// cache. Class planes and outputs keep planes of their own.
func (p *Program) allocate() {
	last := make([]int, p.Slots)
	plane := make([]int, p.Slots)
	for i := range plane {
		last[i], plane[i] = -1, -1
	}
	next := 0
	pin := func(slot int) {
		if plane[slot] < 0 {
			plane[slot] = next
			last[slot] = len(p.Steps)
			next++
		}
	}
	for c := range int(NumClasses) {
		pin(c)
	}
	for _, o := range p.Outs {
		pin(o)
	}
	for i, s := range p.Steps {
		for _, ts := range s.Products {
			for _, t := range ts {
				last[t.Slot] = max(last[t.Slot], i)
			}
		}
	}
	var free []int
	for i := range p.Steps {
		s := &p.Steps[i]
		if plane[s.Dst] < 0 {
			if k := len(free); k > 0 {
				plane[s.Dst] = free[k-1]
				free = free[:k-1]
			} else {
				plane[s.Dst] = next
				next++
			}
		}
		// Slots whose last use is this step are free from the next one on; never
		// within it, so that no step writes a plane that it still reads.
		for _, ts := range s.Products {
			for j := range ts {
				t := &ts[j]
				if last[t.Slot] == i {
					last[t.Slot] = -1
					free = append(free, plane[t.Slot])
				}
				t.Slot = plane[t.Slot]
			}
		}
		s.Dst = plane[s.Dst]
	}
	for i, o := range p.Outs {
		p.Outs[i] = plane[o]
	}
	p.Slots = next
}
