package rules

import (
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
	best, reason := redact.Span{}, redact.RejectAnchor
	for i := range d.seqs {
		s := &d.seqs[i]
		e := &s.els[s.anchor]
		if !e.at(b, at) {
			continue
		}
		sp, r := s.around(b, at)
		best, reason = better(best, reason, sp, r)
	}
	return d.judge(b, best, reason)
}

// matchKeyword reads the key that the keyword at b[at] begins, an operator and the value.
func (d *detector) matchKeyword(b []byte, at int) (redact.Span, redact.Reason) {
	none := redact.Span{}
	size := 0
	for _, k := range d.keywords {
		if foldAt(b, at, k) && len(k) > size {
			size = len(k)
		}
	}
	if size == 0 {
		return none, redact.RejectAnchor
	}
	if size < 6 && at > 0 && keyed.IsLower(b[at-1]) && !keyed.IsUpper(b[at]) && !keyed.Starts(b, at) {
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
	best, reason := none, redact.RejectLength
	for i := range d.seqs {
		sp, r := d.seqs[i].from(b, op.Start)
		best, reason = better(best, reason, sp, r)
	}
	return d.judge(b, best, reason)
}

// better returns the answer that stands when two sequences were tried.
func better(a redact.Span, ra redact.Reason, b redact.Span, rb redact.Reason) (redact.Span, redact.Reason) {
	switch {
	case !rb.OK():
		if !ra.OK() && rb > ra {
			return b, rb
		}
		return a, ra
	case !ra.OK() || b.Len() > a.Len():
		return b, rb
	}
	return a, ra
}

func (d *detector) judge(b []byte, sp redact.Span, r redact.Reason) (redact.Span, redact.Reason) {
	if !r.OK() {
		return redact.Span{}, r
	}
	if d.minBits > 0 && keyed.Entropy(b[sp.Start:sp.End]) < d.minBits {
		return redact.Span{}, redact.RejectValue
	}
	return sp, r
}

// around matches a sequence whose anchor is at b[at].
func (s *sequence) around(b []byte, at int) (redact.Span, redact.Reason) {
	start := at
	mark := -1
	for i := s.anchor - 1; i >= 0; i-- {
		e := &s.els[i]
		switch {
		case e.mark:
			mark = start
		case e.set == nil:
			start -= len(e.lit)
			if !e.at(b, start) {
				return redact.Span{}, redact.RejectAnchor
			}
		default:
			n := 0
			for n < e.max && start > 0 && e.set[b[start-1]] {
				start--
				n++
			}
			if n < e.min {
				return redact.Span{}, redact.RejectLength
			}
		}
	}
	if r := s.begins(b, start); !r.OK() {
		return redact.Span{}, r
	}
	return s.forward(b, start, at+len(s.els[s.anchor].lit), s.anchor+1, mark)
}

// from matches a sequence that begins at b[at].
func (s *sequence) from(b []byte, at int) (redact.Span, redact.Reason) {
	if r := s.begins(b, at); !r.OK() {
		return redact.Span{}, r
	}
	return s.forward(b, at, at, 0, -1)
}

// begins judges what stands before a match that starts at b[start].
func (s *sequence) begins(b []byte, start int) redact.Reason {
	if start == 0 || start >= len(b) {
		return redact.Accepted
	}
	if e := s.firstElement(); e.set != nil && e.set[b[start-1]] && !keyed.Starts(b, start) {
		return redact.RejectNeighbor
	}
	if keyed.IsWord(b[start]) && !keyed.Starts(b, start) {
		return redact.RejectNeighbor
	}
	return redact.Accepted
}

func (s *sequence) firstElement() *element {
	for i := range s.els {
		if !s.els[i].mark {
			return &s.els[i]
		}
	}
	return nil
}

// forward matches the elements from index first on at b[i:]; start is where the match
// began, mark where the group began when that is known.
func (s *sequence) forward(b []byte, start, i, first, mark int) (redact.Span, redact.Reason) {
	sp := redact.Span{Start: start, End: -1}
	if mark >= 0 {
		sp.Start = mark
	}
	open := false
	var last *element
	for k := first; k < len(s.els); k++ {
		e := &s.els[k]
		switch {
		case e.mark:
			if mark < 0 {
				mark, sp.Start = i, i
			} else {
				sp.End = i
			}
			continue
		case e.set == nil:
			if !e.at(b, i) {
				return redact.Span{}, redact.RejectAnchor
			}
			i += len(e.lit)
		default:
			lim := min(len(b), i+e.max)
			from := i
			for i < lim && e.set[b[i]] {
				i++
			}
			if i-from < e.min {
				return redact.Span{}, redact.RejectLength
			}
		}
		last = e
	}
	if i < len(b) {
		c := b[i]
		switch {
		case last != nil && last.set != nil && last.set[c]:
			if last.min == last.max || last.max < openRun {
				return redact.Span{}, redact.RejectNeighbor
			}
			open = true
		case keyed.IsLetter(c) || keyed.IsDigit(c):
			if i > 0 && keyed.IsWord(b[i-1]) {
				return redact.Span{}, redact.RejectNeighbor
			}
		}
	} else if last != nil && last.set != nil && last.min < last.max {
		open = true
	}
	if sp.End < 0 {
		sp.End = i
	} else if sp.End < i {
		open = false // the group ended before
	}
	if open {
		return sp, redact.AcceptedOpen
	}
	return sp, redact.Accepted
}

// openRun is the length from which a last run that goes on past its upper bound is taken
// all the same.
const openRun = 64

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
