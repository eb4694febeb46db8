package rules

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"logveil/redact"
)

// set is a set of bytes.
type set [256]bool

func (s *set) disjoint(t *set) bool {
	for c := range s {
		if s[c] && t[c] {
			return false
		}
	}
	return true
}

// element is one part of a sequence: a literal, a run of bytes of a class, or a mark.
type element struct {
	lit  string // lower case when fold; empty for a run or a mark
	fold bool
	set  *set // of a run
	min  int
	max  int
	mark bool // the capture group begins or ends here
}

// sequence is a pattern without alternatives. At most one way leads through any text.
type sequence struct {
	els []element
	// anchor is the index of the element whose literal is the anchor.
	anchor int
	// marked says that a capture group is in it.
	marked bool
	// before and after are the distances in bytes from the start of the anchor back to
	// the start and on to the end of the match, or -1 where they vary, or where another
	// sequence has the same anchor.
	before, after int
	// head is the beginning of the anchor, next the bytes of which one follows it, or nil.
	head head
	next *set
	// forwardFirst says to read what is behind the anchor before what is in front.
	forwardFirst bool
}

// maxSequences bounds how many sequences a pattern may stand for.
const maxSequences = 96

// parse turns a pattern into the sequences whose union it is. With spell, small classes
// that are not counted are spelled out as alternatives, so that gh[pous]_ has literals to
// search for.
func parse(pattern string, spell bool) ([]sequence, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	alts, err := expand(re, spell)
	if err != nil {
		return nil, err
	}
	seqs := make([]sequence, 0, len(alts))
	for _, els := range alts {
		s := sequence{els: join(els)}
		marks := 0
		for _, e := range s.els {
			if e.mark {
				marks++
			}
		}
		if marks != 0 && marks != 2 {
			return nil, errors.New("more than one group")
		}
		s.marked = marks == 2
		if s.width() == 0 {
			return nil, errors.New("the pattern may be empty")
		}
		if err := s.check(); err != nil {
			return nil, err
		}
		seqs = append(seqs, s)
	}
	return seqs, nil
}

// expand returns the alternatives that re stands for.
func expand(re *syntax.Regexp, spell bool) ([][]element, error) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return [][]element{nil}, nil
	case syntax.OpLiteral:
		text := string(re.Rune)
		fold := re.Flags&syntax.FoldCase != 0
		if fold {
			text = strings.ToLower(text)
		}
		for _, c := range []byte(text) {
			if c >= 0x80 {
				return nil, errors.New("more than ASCII")
			}
		}
		return [][]element{{{lit: text, fold: fold && strings.ToUpper(text) != text}}}, nil
	case syntax.OpCharClass:
		s, n, err := class(re)
		if err != nil {
			return nil, err
		}
		if !spell || n > maxLetters {
			return [][]element{{{set: s, min: 1, max: 1}}}, nil
		}
		var alts [][]element
		for c := range s {
			if s[c] {
				alts = append(alts, []element{{lit: string(rune(c))}})
			}
		}
		return alts, nil
	case syntax.OpCapture:
		alts, err := expand(re.Sub[0], spell)
		for i := range alts {
			alts[i] = slices.Concat([]element{{mark: true}}, alts[i], []element{{mark: true}})
		}
		return alts, err
	case syntax.OpQuest:
		alts, err := expand(re.Sub[0], spell)
		return append(alts, nil), err
	case syntax.OpAlternate:
		var all [][]element
		for _, sub := range re.Sub {
			alts, err := expand(sub, spell)
			if err != nil {
				return nil, err
			}
			all = append(all, alts...)
		}
		return limited(all)
	case syntax.OpConcat:
		all := [][]element{nil}
		for _, sub := range re.Sub {
			alts, err := expand(sub, spell)
			if err != nil {
				return nil, err
			}
			if all, err = limited(cross(all, alts)); err != nil {
				return nil, err
			}
		}
		return all, nil
	case syntax.OpRepeat:
		return repeat(re, spell)
	}
	return nil, fmt.Errorf("%s is not allowed in a pattern", re)
}

// maxLetters is the size up to which a class is spelled out.
const maxLetters = 6

func class(re *syntax.Regexp) (s *set, n int, err error) {
	s = new(set)
	for i := 0; i+1 < len(re.Rune); i += 2 {
		if re.Rune[i+1] >= 0x80 {
			return nil, 0, fmt.Errorf("class %s holds more than ASCII", re)
		}
		for c := re.Rune[i]; c <= re.Rune[i+1]; c++ {
			s[c] = true
			n++
		}
	}
	return s, n, nil
}

func repeat(re *syntax.Regexp, spell bool) ([][]element, error) {
	if re.Max < 0 {
		return nil, fmt.Errorf("%s has no upper bound", re)
	}
	switch sub := re.Sub[0]; {
	case sub.Op == syntax.OpCharClass:
		s, _, err := class(sub)
		return [][]element{{{set: s, min: re.Min, max: re.Max}}}, err
	case sub.Op == syntax.OpLiteral && len(sub.Rune) == 1 && sub.Rune[0] < 0x80:
		s := new(set)
		c := byte(sub.Rune[0])
		s[c] = true
		if sub.Flags&syntax.FoldCase != 0 {
			s[lower(c)], s[upper(c)] = true, true
		}
		return [][]element{{{set: s, min: re.Min, max: re.Max}}}, nil
	}
	alts, err := expand(re.Sub[0], spell)
	if err != nil {
		return nil, err
	}
	var all [][]element
	for n := re.Min; n <= re.Max; n++ {
		some := [][]element{nil}
		for range n {
			if some, err = limited(cross(some, alts)); err != nil {
				return nil, err
			}
		}
		if all, err = limited(append(all, some...)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func cross(a, b [][]element) (all [][]element) {
	for _, x := range a {
		for _, y := range b {
			all = append(all, slices.Concat(x, y))
		}
	}
	return all
}

func limited(alts [][]element) ([][]element, error) {
	if len(alts) > maxSequences {
		return nil, fmt.Errorf("more than %d alternatives", maxSequences)
	}
	return alts, nil
}

// join makes one literal of literals that stand side by side.
func join(els []element) (out []element) {
	for _, e := range els {
		if n := len(out); n > 0 && e.lit != "" && out[n-1].lit != "" && e.fold == out[n-1].fold {
			out[n-1].lit += e.lit
			continue
		}
		if e.mark || e.lit != "" || e.max > 0 {
			out = append(out, e)
		}
	}
	return out
}

// check reports a run of varying length that is not followed by something else.
func (s *sequence) check() error {
	for i, e := range s.els {
		if e.set == nil || e.min == e.max {
			continue
		}
		for _, next := range s.els[i+1:] {
			if next.mark {
				continue
			}
			if first := next.first(); !e.set.disjoint(&first) {
				return errors.New("a run of varying length is followed by what its class holds")
			}
			if next.set == nil || next.min > 0 {
				break
			}
		}
	}
	return nil
}

// first returns the bytes that an element may begin with.
func (e *element) first() (s set) {
	switch {
	case e.set != nil:
		return *e.set
	case e.lit != "":
		s[e.lit[0]] = true
		if e.fold {
			s[upper(e.lit[0])] = true
		}
	}
	return s
}

func lower(c byte) byte {
	if c-'A' < 26 {
		c |= 0x20
	}
	return c
}

func upper(c byte) byte {
	if c-'a' < 26 {
		c &^= 0x20
	}
	return c
}

// width returns the length of the longest match.
func (s *sequence) width() int { return width(s.els) }

func width(els []element) (n int) {
	for _, e := range els {
		n += len(e.lit) + e.max
	}
	return n
}

// chooseAnchor picks the longest of the literals that can be an anchor: three bytes or
// more, and everything before it readable backwards in one way.
func (s *sequence) chooseAnchor() (redact.Literal, error) {
	s.anchor = -1
	for i, e := range s.els {
		if len(e.lit) >= 3 && (s.anchor < 0 || len(e.lit) > len(s.els[s.anchor].lit)) {
			if !s.reversible(i) {
				break
			}
			s.anchor = i
		}
	}
	if s.anchor < 0 {
		return redact.Literal{}, errors.New("no text of three bytes stands in every match, or not where it can be an anchor")
	}
	s.before, s.after = fixedWidth(s.els[:s.anchor]), fixedWidth(s.els[s.anchor:])
	s.forwardFirst = !s.marked && width(s.els[:s.anchor]) > width(s.els[s.anchor:])
	e := s.els[s.anchor]
	s.head, s.next = newHead(&e), nil
	for _, x := range s.els[s.anchor+1:] {
		if x.set != nil && x.min > 0 {
			s.next = x.set
		}
		if !x.mark {
			break
		}
	}
	return redact.Literal{Text: e.lit, Fold: e.fold}, nil
}

// fixedWidth returns the length of all that the elements match, or -1 when it varies.
func fixedWidth(els []element) (n int) {
	for _, e := range els {
		if e.min != e.max {
			return -1
		}
		n += len(e.lit) + e.max
	}
	return n
}

// reversible reports whether the elements before index i can be read backwards in one way:
// no run of varying length follows what its class holds.
func (s *sequence) reversible(i int) bool {
	for k := i - 1; k > 0; k-- {
		e := s.els[k]
		if e.set == nil || e.min == e.max {
			continue
		}
		for j := k - 1; j >= 0; j-- {
			prev := s.els[j]
			if prev.mark {
				continue
			}
			if last := prev.last(); !e.set.disjoint(&last) {
				return false
			}
			if prev.set == nil || prev.min > 0 {
				break
			}
		}
	}
	return true
}

// last returns the bytes that an element may end with.
func (e *element) last() (s set) {
	switch {
	case e.set != nil:
		return *e.set
	case e.lit != "":
		c := e.lit[len(e.lit)-1]
		s[c] = true
		if e.fold {
			s[upper(c)] = true
		}
	}
	return s
}
