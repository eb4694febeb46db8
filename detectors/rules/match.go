package rules

import (
	"encoding/binary"
	"iter"

	"logveil/detectors/internal/keyed"
	"logveil/redact"
)

// detector is a compiled rule.
type detector struct {
	spec     redact.Spec
	seqs     []sequence
	keywords []string // in lower case
	minBits  int      // in 1/1024 bit
}

// Spec implements redact.Detector.
func (d *detector) Spec() redact.Spec { return d.spec }

// Match implements redact.Detector.
func (d *detector) Match(b []byte, at int) (redact.Span, redact.Reason) {
	if len(d.keywords) > 0 {
		return d.matchKeyword(b, at)
	}
	var best match
	r := redact.RejectAnchor
	for i := range d.seqs {
		s := &d.seqs[i]
		if !s.anchored(b, at) {
			continue
		}
		if !s.goesOn(b, at) {
			continue
		}
		if r = max(r, redact.RejectNeighbor); s.longer(b, at) {
			continue
		}
		r = redact.RejectLength
		if m, ok := s.around(b, at); ok && m.size() > best.size() {
			best = m
		}
	}
	if best.seq == nil {
		return redact.Span{}, r
	}
	return d.judge(b, &best)
}

// matchKeyword reads the key that the keyword at b[at] begins, an operator and the value.
func (d *detector) matchKeyword(b []byte, at int) (redact.Span, redact.Reason) {
	none := redact.Span{}
	size := 0
	for _, k := range d.keywords {
		if len(k) > size && foldAt(b, at, k) {
			size = len(k)
		}
	}
	if size == 0 {
		return none, redact.RejectAnchor
	}
	if size < wordKeyword && at > 0 && keyed.IsLower(b[at-1]) && !keyed.IsUpper(b[at]) && !keyed.Starts(b, at) {
		return none, redact.RejectNeighbor
	}
	i := at + size
	for lim := min(len(b), i+maxKey); i < lim && (keyed.IsName(b[i]) || keyed.IsBlank(b[i])); {
		i++
	}
	op, ok := keyed.Operator(b, i)
	if !ok {
		return none, redact.RejectOperator
	}
	if op.Form == keyed.Tag {
		op.Start = keyed.SkipSpace(b, op.Start)
	}
	var best match
	for i := range d.seqs {
		if m, ok := d.seqs[i].from(b, op.Start); ok && m.size() > best.size() {
			best = m
		}
	}
	if best.seq == nil {
		return none, redact.RejectLength
	}
	return d.judge(b, &best)
}

// wordKeyword is the length from which a keyword may stand inside a word: "myherokukey".
const wordKeyword = 6

// judge decides about the longest match.
func (d *detector) judge(b []byte, m *match) (redact.Span, redact.Reason) {
	open, ok := m.neighbors(b)
	if !ok {
		return redact.Span{}, redact.RejectNeighbor
	}
	if d.minBits > 0 && keyed.Entropy(b[m.value.Start:m.value.End]) < d.minBits {
		return redact.Span{}, redact.RejectValue
	}
	if open {
		return m.value, redact.AcceptedOpen
	}
	return m.value, redact.Accepted
}

// match is where a sequence matched.
type match struct {
	seq        *sequence
	start, end int
	value      redact.Span // the capture group, or all
}

func (m *match) size() int { return m.end - m.start }

// around matches a sequence whose anchor is at b[at].
func (s *sequence) around(b []byte, at int) (match, bool) {
	m := match{seq: s}
	end := at + len(s.els[s.anchor].lit)
	if s.forwardFirst {
		// The shorter part first: the other one is read over and over in a flood.
		var ok bool
		if m.end, ok = s.forward(b, end, s.anchor+1, nil); !ok {
			return m, false
		}
	}
	var g group
	start, ok := s.backward(b, at, &g)
	if !ok {
		return m, false
	}
	if !s.forwardFirst {
		if m.end, ok = s.forward(b, end, s.anchor+1, &g); !ok {
			return m, false
		}
	}
	m.start = start
	m.value = redact.Span{Start: start, End: m.end}
	if s.marked {
		m.value = g.Span
	}
	return m, true
}

// from matches a sequence that begins at b[at].
func (s *sequence) from(b []byte, at int) (match, bool) {
	var g group
	end, ok := s.forward(b, at, 0, &g)
	m := match{seq: s, start: at, end: end, value: redact.Span{Start: at, End: end}}
	if s.marked {
		m.value = g.Span
	}
	return m, ok
}

// group is the capture group, as far as its marks were passed.
type group struct {
	redact.Span
	marks int
}

// backward matches the elements before the anchor at b[at] and returns where they start.
func (s *sequence) backward(b []byte, at int, g *group) (start int, ok bool) {
	start = at
	for i := s.anchor - 1; i >= 0; i-- {
		e := &s.els[i]
		switch {
		case e.mark:
			g.Start, g.End = start, g.Start
			g.marks++
		case e.set == nil:
			start -= len(e.lit)
			if !e.at(b, start) {
				return 0, false
			}
		default:
			n := 0
			for n < e.max && start > 0 && e.set[b[start-1]] {
				start--
				n++
			}
			if n < e.min {
				return 0, false
			}
		}
	}
	return start, true
}

// forward matches the elements from index first on at b[i:] and returns where they end.
func (s *sequence) forward(b []byte, i, first int, g *group) (end int, ok bool) {
	for k := first; k < len(s.els); k++ {
		e := &s.els[k]
		switch {
		case e.mark && g.marks == 0:
			g.Start = i
			g.marks++
		case e.mark:
			g.End = i
		case e.set == nil:
			if !e.at(b, i) {
				return 0, false
			}
			i += len(e.lit)
		default:
			from := i
			for lim := min(len(b), i+e.max); i < lim && e.set[b[i]]; {
				i++
			}
			if i-from < e.min {
				return 0, false
			}
		}
	}
	return i, true
}

// longer reports that the text around the anchor at b[at] is part of something longer, as
// far as one look at either end of the match tells, where the distance is fixed. It keeps
// floods of anchors from being read over and over.
func (s *sequence) longer(b []byte, at int) bool {
	if i := at - s.before; s.before >= 0 && i > 0 && i < len(b) && keyed.IsWord(b[i]) && keyed.IsWord(b[i-1]) && !keyed.Starts(b, i) {
		return true
	}
	i := at + s.after
	return s.after >= 0 && i < len(b) && i > 0 && keyed.IsWord(b[i-1]) && (keyed.IsLetter(b[i]) || keyed.IsDigit(b[i]))
}

// goesOn reports whether the byte behind the anchor at b[at] is one that may stand there.
func (s *sequence) goesOn(b []byte, at int) bool {
	i := at + len(s.els[s.anchor].lit)
	return s.next == nil || i < len(b) && s.next[b[i]]
}

// head is the first bytes of a literal, at most eight.
type head struct{ fold, mask, want uint64 }

func newHead(e *element) (h head) {
	for i := range min(len(e.lit), 8) {
		c := e.lit[i]
		if e.fold && c-'a' < 26 {
			h.fold |= 0x20 << (8 * i)
		}
		h.mask |= 0xff << (8 * i)
		h.want |= uint64(c) << (8 * i)
	}
	return h
}

// anchored reports whether the anchor stands at b[at].
func (s *sequence) anchored(b []byte, at int) bool {
	e := &s.els[s.anchor]
	if at >= 0 && len(b)-at >= 8 {
		x := binary.LittleEndian.Uint64(b[at:])
		if (x|s.head.fold)&s.head.mask != s.head.want {
			return false
		}
		if len(e.lit) <= 8 && s.head.fold == 0 {
			return true
		}
	}
	return e.at(b, at)
}

// neighbors judges the bytes before and after a match. It reports open when the value
// goes on past the bound of a long run.
func (m *match) neighbors(b []byte) (open, ok bool) {
	if m.start > 0 {
		first := m.seq.first()
		if (keyed.IsWord(b[m.start]) || first.set != nil && first.set[b[m.start-1]]) && !keyed.Starts(b, m.start) {
			return false, false
		}
	}
	if m.end == len(b) {
		return false, true
	}
	c := b[m.end]
	for e := range m.tail(b) {
		if e.set == nil || !e.set[c] {
			continue
		}
		return m.value.End == m.end, e.min < e.max && e.max >= openRun
	}
	return false, !((keyed.IsLetter(c) || keyed.IsDigit(c)) && keyed.IsWord(b[m.end-1]))
}

// tail yields the elements that the match could have gone on with: the last one, and
// those before it as long as what follows them matched nothing.
func (m *match) tail(b []byte) iter.Seq[*element] {
	return func(yield func(*element) bool) {
		for i := len(m.seq.els) - 1; i >= 0; i-- {
			e := &m.seq.els[i]
			if e.mark {
				continue
			}
			if !yield(e) || e.set == nil || e.min > 0 || e.set[b[m.end-1]] {
				return
			}
		}
	}
}

// openRun is the length from which a last run that goes on past its upper bound is taken
// all the same.
const openRun = 64

// first returns the first element that is no mark.
func (s *sequence) first() *element {
	i := 0
	for s.els[i].mark {
		i++
	}
	return &s.els[i]
}

// at reports whether the literal stands at b[i].
func (e *element) at(b []byte, i int) bool {
	if i < 0 || len(b)-i < len(e.lit) {
		return false
	}
	if !e.fold {
		return string(b[i:i+len(e.lit)]) == e.lit
	}
	return foldAt(b, i, e.lit)
}

// foldAt reports whether the lower-case s stands at b[i] in either case.
func foldAt(b []byte, i int, s string) bool {
	if i < 0 || len(b)-i < len(s) {
		return false
	}
	for j := range len(s) {
		c := b[i+j]
		if c-'A' < 26 {
			c |= 0x20
		}
		if c != s[j] {
			return false
		}
	}
	return true
}
