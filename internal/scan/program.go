package scan

import (
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

// Step is Dst = AND of the terms, or OR of them; with Accumulate, Dst |= that.
// The first term of an AND, and every term of an OR, is not negated.
type Step struct {
	Dst        int
	Or         bool
	Accumulate bool
	Terms      []Term
}

// Term reads a slot shifted: bit i of the term is bit i+Shift of the slot, so a positive
// shift looks ahead. |Shift| <= 63. Places outside the window read as 0.
type Term struct {
	Slot  int
	Shift int
	Not   bool
}

// String lists the program for people.
func (p *Program) String() string {
	var b strings.Builder
	for _, s := range p.Steps {
		op, as := " & ", "="
		if s.Or {
			op = " | "
		}
		if s.Accumulate {
			as = "|="
		}
		var ts []string
		for _, t := range s.Terms {
			n := fmt.Sprintf("s%d", t.Slot)
			if t.Slot < int(NumClasses) {
				n = Class(t.Slot).String()
			}
			if t.Shift != 0 {
				n += fmt.Sprintf("[%+d]", t.Shift)
			}
			if t.Not {
				n = "!" + n
			}
			ts = append(ts, n)
		}
		fmt.Fprintf(&b, "s%d %s %s\n", s.Dst, as, strings.Join(ts, op))
	}
	return b.String()
}

// Compile makes the program of the given shapes.
func Compile(shapes []string) (*Program, error) {
	g := &graph{index: map[string]int{}}
	for c := range NumClasses {
		g.nodes = append(g.nodes, node{share: classShare[c]})
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
		if o.Not {
			return nil, fmt.Errorf("shape %q matches no byte", s)
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
	args  []Term
	uses  int     // how many terms read it
	share float64 // rough share of bytes where it is set
}

func (g *graph) intern(or bool, args []Term) int {
	if len(args) == 1 && args[0].Shift == 0 && !args[0].Not {
		return args[0].Slot
	}
	args = slices.Clone(args)
	slices.SortStableFunc(args, func(a, b Term) int { return g.order(or, a, b) })
	args = slices.Compact(args)
	key := fmt.Sprint(or, args)
	if n, ok := g.index[key]; ok {
		return n
	}
	n := node{or: or, args: args, share: 1}
	if or {
		n.share = 0
	}
	for _, a := range args {
		if s := g.termShare(a); or {
			n.share += s
		} else {
			n.share *= s
		}
	}
	g.nodes = append(g.nodes, n)
	g.index[key] = len(g.nodes) - 1
	return len(g.nodes) - 1
}

func (g *graph) termShare(t Term) float64 {
	if t.Not {
		return 1 - g.nodes[t.Slot].share
	}
	return g.nodes[t.Slot].share
}

// order puts the rarest positive terms of an AND first, so that a window, or a word,
// without them is done with soonest.
func (g *graph) order(or bool, a, b Term) int {
	if !or {
		if a.Not != b.Not {
			if b.Not {
				return -1
			}
			return 1
		}
		if x, y := g.termShare(a), g.termShare(b); x != y {
			if x < y {
				return -1
			}
			return 1
		}
	}
	if a.Slot != b.Slot {
		return a.Slot - b.Slot
	}
	return a.Shift - b.Shift
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
				terms = append(terms, Term{Slot: int(Word), Shift: off - 1, Not: true})
			case prev != byteSet{} && prev.subsetOf(word):
				terms = append(terms, Term{Slot: int(Word), Shift: off, Not: true})
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
				if t.Not {
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
				terms = append(terms, Term{Slot: g.run(p.classes, n), Shift: off})
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
				if n > 0 {
					ts = append(ts, Term{Slot: g.run(p.classes, n)})
				}
				rest.Shift += n
				alt := g.and(append(ts, rest))
				if alt.Not {
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
	p := &Program{}
	slot := map[int]int{}
	next := int(NumClasses)
	for c := range int(NumClasses) {
		slot[c] = c
	}
	terms := func(args []Term) []Term {
		out := slices.Clone(args)
		for i := range out {
			out[i].Slot = slot[out[i].Slot]
		}
		return out
	}
	// Virtual slots first: one a node.
	var visit func(n int)
	inlined := func(a Term) bool { // an AND read once, in place, by an OR
		nd := &g.nodes[a.Slot]
		return nd.args != nil && !nd.or && nd.uses == 1 && a.Shift == 0
	}
	visit = func(n int) {
		if _, ok := slot[n]; ok {
			return
		}
		nd := &g.nodes[n]
		if !nd.or {
			for _, a := range nd.args {
				visit(a.Slot)
			}
			slot[n] = next
			next++
			p.Steps = append(p.Steps, Step{Dst: slot[n], Terms: terms(nd.args)})
			return
		}
		var plain, ands []Term
		for _, a := range nd.args {
			if inlined(a) {
				ands = append(ands, a)
				for _, x := range g.nodes[a.Slot].args {
					visit(x.Slot)
				}
			} else {
				plain = append(plain, a)
				visit(a.Slot)
			}
		}
		slot[n] = next
		next++
		acc := false
		if len(plain) > 0 {
			p.Steps = append(p.Steps, Step{Dst: slot[n], Or: true, Terms: terms(plain)})
			acc = true
		}
		for _, a := range ands {
			p.Steps = append(p.Steps, Step{Dst: slot[n], Accumulate: acc, Terms: terms(g.nodes[a.Slot].args)})
			acc = true
		}
	}
	for _, r := range roots {
		visit(r)
		p.Outs = append(p.Outs, slot[r])
	}
	p.Slots = next
	p.allocate()
	return p
}

// allocate maps the slots to as few planes as are alive at once, to stay in the nearest
// cache. Class planes and outputs keep planes of their own.
func (p *Program) allocate() {
	last := make([]int, p.Slots)
	pinned := make([]bool, p.Slots)
	for i := range last {
		last[i] = -1
		pinned[i] = i < int(NumClasses)
	}
	for _, o := range p.Outs {
		pinned[o] = true
	}
	for i, s := range p.Steps {
		last[s.Dst] = i
		for _, t := range s.Terms {
			last[t.Slot] = i
		}
	}
	phys := make([]int, p.Slots)
	for i := range phys {
		phys[i] = -1
	}
	next := 0
	for i := range int(NumClasses) {
		phys[i] = next
		next++
	}
	for _, o := range p.Outs {
		if phys[o] < 0 {
			phys[o] = next
			next++
		}
	}
	var free []int
	for i := range p.Steps {
		s := &p.Steps[i]
		if d := s.Dst; phys[d] < 0 {
			if k := len(free); k > 0 {
				phys[d] = free[k-1]
				free = free[:k-1]
			} else {
				phys[d] = next
				next++
			}
		}
		// Slots whose last use is this step are free from the next one on; never
		// within it, so that no step writes a plane that it still reads.
		dying := map[int]bool{}
		for j := range s.Terms {
			t := &s.Terms[j]
			if last[t.Slot] == i && !pinned[t.Slot] {
				dying[phys[t.Slot]] = true
			}
			t.Slot = phys[t.Slot]
		}
		s.Dst = phys[s.Dst]
		for f := range dying {
			free = append(free, f)
		}
		slices.Sort(free)
	}
	for i, o := range p.Outs {
		p.Outs[i] = phys[o]
	}
	p.Slots = next
}
