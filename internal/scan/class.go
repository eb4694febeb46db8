package scan

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
)

// Class is a set of bytes that stage 1 makes a plane for.
type Class uint8

// The classes. Bytes that are not ASCII are in NonWord alone.
const (
	Digit   Class = iota // 0-9
	Word                 // 0-9 A-Z a-z _
	Upper                // A-Z
	Hex                  // 0-9 A-F a-f
	Dot                  // .
	Dash                 // -
	Space                // the space character alone
	Colon                // :
	At                   // @
	Plus                 // +
	Escape               // \ % &, which introduce escape sequences
	NonWord              // every byte not in Word, and the places before and after the text
	NumClasses
)

var classNames = [NumClasses]string{"digit", "word", "upper", "hex", ".", "-", "space", ":", "@", "+", "escape", "nonword"}

func (c Class) String() string { return classNames[c] }

// Contains reports whether the class holds b.
func (c Class) Contains(b byte) bool {
	if c == NonWord {
		return !classSets[Word].has(b)
	}
	return classSets[c].has(b)
}

// byteSet is a set of ASCII bytes.
type byteSet [2]uint64

func (s byteSet) has(b byte) bool { return b < 128 && s[b>>6]>>(b&63)&1 != 0 }
func (s *byteSet) addRange(lo, hi byte) {
	for c := int(lo); c <= int(hi); c++ {
		s[c>>6] |= 1 << (c & 63)
	}
}
func (s byteSet) subsetOf(t byteSet) bool { return s[0]&^t[0] == 0 && s[1]&^t[1] == 0 }
func (s byteSet) union(t byteSet) byteSet { return byteSet{s[0] | t[0], s[1] | t[1]} }

var classSets = func() (t [NumClasses]byteSet) {
	t[Digit].addRange('0', '9')
	t[Upper].addRange('A', 'Z')
	t[Hex] = t[Digit]
	t[Hex].addRange('A', 'F')
	t[Hex].addRange('a', 'f')
	t[Word] = t[Digit].union(t[Upper])
	t[Word].addRange('a', 'z')
	t[Word].addRange('_', '_')
	for c, b := range map[Class]byte{Dot: '.', Dash: '-', Space: ' ', Colon: ':', At: '@', Plus: '+'} {
		t[c].addRange(b, b)
	}
	for _, b := range []byte(`\%&`) {
		t[Escape].addRange(b, b)
	}
	return t
}()

// Stage 1 tells bytes apart by their kind, a number of four bits: no two classes differ on
// bytes of one kind. So four planes, one for each bit, make all the others.
const (
	kindHex   = 1 << iota // in words
	kindUpper             // in words
	kindDigit             // in words, with kindHex
	kindWord              // without it, the other bits are the number of a class:

	kindDot, kindDash, kindSpace, kindColon, kindAt, kindPlus, kindEscape = 1, 2, 3, 4, 5, 6, 7
	kindUnderscore                                                        = kindWord | kindDigit
)

// kinds holds the kind of each byte.
var kinds = func() (t [256]uint8) {
	singles := map[Class]uint8{Dot: kindDot, Dash: kindDash, Space: kindSpace, Colon: kindColon, At: kindAt, Plus: kindPlus, Escape: kindEscape}
	for i := range t {
		b := byte(i)
		for c, k := range singles {
			if c.Contains(b) {
				t[i] = k
			}
		}
		if !Word.Contains(b) {
			continue
		}
		t[i] = kindWord
		if Hex.Contains(b) {
			t[i] |= kindHex
		}
		if Upper.Contains(b) {
			t[i] |= kindUpper
		}
		if Digit.Contains(b) {
			t[i] |= kindDigit
		}
		if b == '_' {
			t[i] = kindUnderscore
		}
	}
	return t
}()

// classShare is roughly how much of log text each class makes up. It orders the terms
// of a shape, rarest first; a wrong figure costs time, never a candidate.
var classShare = [NumClasses]float64{
	Digit: .22, Word: .75, Upper: .09, Hex: .38, Dot: .035, Dash: .025, Space: .13, Colon: .03, At: .001, Plus: .001,
	Escape: .004, NonWord: .25,
}

// classMask is a set of classes, a bit each.
type classMask uint16

// classesOf writes a set of bytes as a union of classes.
func classesOf(s byteSet) (classMask, bool) {
	var m classMask
	var got byteSet
	// Larger classes first, so that \w is not written as digits, letters and more.
	for _, c := range []Class{Word, Hex, Upper, Digit, Dot, Dash, Space, Colon, At, Plus, Escape} {
		if cs := classSets[c]; cs.subsetOf(s) && !cs.subsetOf(got) {
			m |= 1 << c
			got = got.union(cs)
		}
	}
	return m, got == s && m != 0
}

// piece is one element of a shape: a set of bytes a number of times, a word boundary,
// or a choice between sequences. Without classes it stands for bytes of any kind.
type piece struct {
	set      byteSet
	classes  classMask
	min, max int
	boundary bool
	alts     [][]piece
}

// maxWidth bounds, in bytes, how far a shape looks ahead of its start.
const maxWidth = 60

// parseShape reads a shape written as a regular expression.
func parseShape(expr string) ([]piece, error) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("shape %q: %w", expr, err)
	}
	seq, err := flatten(re)
	if err != nil {
		return nil, fmt.Errorf("shape %q: %w", expr, err)
	}
	if w := width(seq); w > maxWidth {
		return nil, fmt.Errorf("shape %q looks %d bytes ahead, more than %d", expr, w, maxWidth)
	}
	if endsOpen(seq) {
		return nil, fmt.Errorf("shape %q may end with any byte, which tells nothing", expr)
	}
	return seq, nil
}

func flatten(re *syntax.Regexp) ([]piece, error) {
	one := func(s byteSet) ([]piece, error) {
		m, ok := classesOf(s)
		if !ok {
			return nil, fmt.Errorf("%q is not a union of the classes %s", re, strings.Join(classNames[:NonWord], " "))
		}
		return []piece{{set: s, classes: m, min: 1, max: 1}}, nil
	}
	switch re.Op {
	case syntax.OpEmptyMatch:
		return nil, nil
	case syntax.OpWordBoundary:
		return []piece{{boundary: true}}, nil
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []piece{{min: 1, max: 1}}, nil
	case syntax.OpCapture:
		return flatten(re.Sub[0])
	case syntax.OpLiteral:
		var out []piece
		for _, r := range re.Rune {
			if r >= 128 || re.Flags&syntax.FoldCase != 0 {
				return nil, fmt.Errorf("literal %q: only ASCII, only case-sensitive", re)
			}
			var s byteSet
			s.addRange(byte(r), byte(r))
			p, err := one(s)
			if err != nil {
				return nil, err
			}
			out = append(out, p...)
		}
		return out, nil
	case syntax.OpCharClass:
		var s byteSet
		for i := 0; i < len(re.Rune); i += 2 {
			if re.Rune[i+1] >= 128 {
				return nil, fmt.Errorf("%q holds more than ASCII", re)
			}
			s.addRange(byte(re.Rune[i]), byte(re.Rune[i+1]))
		}
		return one(s)
	case syntax.OpConcat:
		var out []piece
		for _, sub := range re.Sub {
			p, err := flatten(sub)
			if err != nil {
				return nil, err
			}
			out = append(out, p...)
		}
		return out, nil
	case syntax.OpAlternate:
		var alts [][]piece
		for _, sub := range re.Sub {
			p, err := flatten(sub)
			if err != nil {
				return nil, err
			}
			alts = append(alts, p)
		}
		return []piece{{alts: alts}}, nil
	case syntax.OpQuest, syntax.OpRepeat:
		lo, hi := re.Min, re.Max
		if re.Op == syntax.OpQuest {
			lo, hi = 0, 1
		}
		if hi < 0 {
			return nil, fmt.Errorf("%q has no upper bound", re)
		}
		p, err := flatten(re.Sub[0])
		if err != nil {
			return nil, err
		}
		if len(p) == 1 && p[0].alts == nil && !p[0].boundary && p[0].min == 1 && p[0].max == 1 {
			p[0].min, p[0].max = lo, hi
			return p, nil
		}
		// A counted group is a choice between its repetitions.
		var alts [][]piece
		for n := hi; n >= lo; n-- {
			var rep []piece
			for range n {
				rep = append(rep, p...)
			}
			alts = append(alts, rep)
		}
		return []piece{{alts: alts}}, nil
	}
	return nil, fmt.Errorf("%q cannot stand in a shape", re)
}

// endsOpen reports whether the last byte of a sequence may be of any kind.
func endsOpen(seq []piece) bool {
	for i := len(seq) - 1; i >= 0; i-- {
		switch p := seq[i]; {
		case p.boundary:
		case p.alts != nil:
			if slices.ContainsFunc(p.alts, endsOpen) {
				return true
			}
			if !slices.ContainsFunc(p.alts, func(a []piece) bool { return width(a) == 0 }) {
				return false
			}
		case p.classes == 0:
			return true
		case p.min > 0:
			return false
		}
	}
	return false
}

func width(seq []piece) int {
	n := 0
	for _, p := range seq {
		if p.alts == nil {
			n += p.max
			continue
		}
		m := 0
		for _, a := range p.alts {
			m = max(m, width(a))
		}
		n += m
	}
	return n
}
