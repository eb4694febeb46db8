package detectortest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"logveil/redact"
)

// shapeReach is how far a compiled shape is let look: 60 bytes by contract, and the byte
// after them for a \b at the end.
const shapeReach = 61

// Oracle returns the findings of a batch by brute force: what an engine made of these
// detectors has to find. Finding.Detector indexes ds. It panics when a shape is not a
// regular expression.
//
// A value whose end its detector did not see goes on to the next delimiter, and is open
// when that is the end of the batch. Findings that overlap or touch, directly or through
// others, form a cluster, and a cluster is one finding: its span is the union, and its
// detector the highest-ranked among the members that span the whole cluster, or, when
// none does, among all members; ties go to the longer, then to the earlier, then to the
// detector listed first. It is open when a member that reaches its end is. Detectors take
// whole words, and do not take a backslash from the quotation mark behind it.
func Oracle(ds []redact.Detector, text []byte) []redact.Finding {
	return newOracle(ds).find(text)
}

type oracle struct {
	ds      []redact.Detector
	anchors []anchor
	// fit says that detectors may do neither in the text: findings then go on to the end
	// of the word that they end in, and end before such a backslash.
	fit bool
}

// anchor is a redact.Anchor ready to be tried. A shape is compiled twice, because package
// regexp sees no byte before its input: once for the start of the text, once with the
// byte before the place in front.
type anchor struct {
	literals     []redact.Literal
	first, later *regexp.Regexp
}

func newOracle(ds []redact.Detector) *oracle {
	o := &oracle{ds: ds}
	for _, d := range ds {
		a := anchor{literals: d.Spec().Anchor.Literals}
		if shape := d.Spec().Anchor.Shape; shape != "" {
			a.first = regexp.MustCompile(`\A(?:` + shape + `)`)
			a.later = regexp.MustCompile(`\A[\x00-\x7f](?:` + shape + `)`)
		}
		o.anchors = append(o.anchors, a)
	}
	return o
}

// candidate reports whether the anchor stands at ascii[at]. ascii is the text with each
// byte that is not ASCII replaced by NUL, so that one byte is one character.
func (a *anchor) candidate(ascii string, at int) bool {
	for _, l := range a.literals {
		if len(ascii)-at < len(l.Text) {
			continue
		}
		here := ascii[at : at+len(l.Text)]
		if here == l.Text || l.Fold && strings.EqualFold(here, l.Text) {
			return true
		}
	}
	switch {
	case a.first == nil:
		return false
	case at == 0:
		return a.first.MatchString(ascii[:min(len(ascii), shapeReach)])
	default:
		return a.later.MatchString(ascii[at-1 : min(len(ascii), at+shapeReach)])
	}
}

func toASCII(text []byte) string {
	ascii := slices.Clone(text)
	for i, c := range ascii {
		if c >= 0x80 {
			ascii[i] = 0
		}
	}
	return string(ascii)
}

// accepted returns the spans of all candidates that their detectors accept.
func (o *oracle) accepted(text []byte) []redact.Finding {
	var found []redact.Finding
	ascii := toASCII(text)
	for i, d := range o.ds {
		for at := range text {
			if !o.anchors[i].candidate(ascii, at) {
				continue
			}
			s, r := d.Match(text, at)
			rep, _ := d.(redact.Repeater)
			for r.OK() || r == redact.RejectMore && rep != nil {
				if r == redact.RejectMore {
					from := s.End
					if s, r = rep.Next(text, at, from); r == redact.RejectMore && s.End <= from {
						break
					}
					continue
				}
				open := false
				if r == redact.AcceptedOpen {
					if d.Spec().Closed {
						s.End = closed(text, s)
					} else {
						s.End = extend(text, s.End, d.Spec().Multiline)
					}
					open = s.End == len(text)
				}
				found = append(found, redact.Finding{Span: s, At: at, Detector: i, Open: open})
				if rep == nil || open {
					break
				}
				s, r = redact.Span{End: s.End}, redact.RejectMore
			}
		}
	}
	return found
}

// extend returns where a value ends whose detector saw it up to end. A value of many lines
// goes on over lines that are one word each.
func extend(text []byte, end int, multiline bool) int {
	word := func(i int) int {
		for i < len(text) && text[i] > ' ' && text[i] != 0x7f && text[i] != '"' && text[i] != '\'' {
			i++
		}
		return i
	}
	lineEnds := func(i int) int {
		for i < len(text) && (text[i] == '\n' || text[i] == '\r') {
			i++
		}
		return i
	}
	end = word(end)
	for multiline {
		start := lineEnds(end)
		next := word(start)
		if start == end || next == start || next < len(text) && lineEnds(next) == next {
			break
		}
		end = next
	}
	return end
}

// closed returns where a value ends that something closes: what it stands behind says what.
func closed(text []byte, s redact.Span) int {
	before := string(text[:s.Start])
	until := `[\r\n]`
	switch m := regexp.MustCompile(`(\\*)(["'])$`).FindStringSubmatch(before); {
	case m != nil:
		n := strconv.Itoa(len(m[1]))
		until = `[\r\n]|(?:^|[^\\])(?:\\{` + strconv.Itoa(2*(len(m[1])+1)) + `})*(\\{0,` + n + `}` + m[2] + `)`
		if i := regexp.MustCompile(until).FindSubmatchIndex(text[s.End:]); i != nil && i[2] >= 0 {
			return s.End + i[2]
		}
	case strings.HasSuffix(strings.TrimRight(before, "\x00\t\n\r "), ">"):
		until = "<"
	}
	if i := regexp.MustCompile(until).FindIndex(text[s.End:]); i != nil {
		return s.End + i[0]
	}
	return len(text)
}

func (o *oracle) find(text []byte) []redact.Finding {
	found := o.accepted(text)
	var resolved []redact.Finding
	for len(found) > 0 {
		cluster, rest := []redact.Finding{found[0]}, found[1:]
		for grown := true; grown; {
			grown = false
			for i, f := range rest {
				if slices.ContainsFunc(cluster, func(g redact.Finding) bool { return o.meet(text, f.Span, g.Span) }) {
					cluster = append(cluster, f)
					rest = slices.Delete(slices.Clone(rest), i, i+1)
					grown = true
					break
				}
			}
		}
		resolved = append(resolved, o.winner(text, cluster))
		found = rest
	}
	slices.SortFunc(resolved, func(a, b redact.Finding) int { return a.Start - b.Start })
	return resolved
}

func (o *oracle) meet(text []byte, a, b redact.Span) bool {
	return a.Start <= o.wordEnd(text, b.End) && b.Start <= o.wordEnd(text, a.End)
}

// wordEnd returns the end of the word that goes on at text[i], if one does.
func (o *oracle) wordEnd(text []byte, i int) int {
	if !o.fit {
		return i
	}
	return i + len(inWord.Find(text[i:]))
}

var (
	inWord  = regexp.MustCompile(`^\w*`)
	slashes = regexp.MustCompile(`\\+$`)
)

// beforeQuote returns the end of s without the backslashes of an escaped quotation mark.
func beforeQuote(text []byte, s redact.Span) int {
	if n := len(slashes.Find(text[s.Start+1 : s.End])); n%2 == 1 && s.End < len(text) && (text[s.End] == '"' || text[s.End] == '\'') {
		return s.End - n
	}
	return s.End
}

func (o *oracle) winner(text []byte, cluster []redact.Finding) redact.Finding {
	all := cluster[0].Span
	for _, f := range cluster {
		all.Start, all.End = min(all.Start, f.Start), max(all.End, o.wordEnd(text, f.End))
	}
	better := func(a, b redact.Finding) int {
		if x, y := a.Span == all, b.Span == all; x != y {
			if x {
				return -1
			}
			return 1
		}
		if x, y := o.ds[a.Detector].Spec().Rank, o.ds[b.Detector].Spec().Rank; x != y {
			return y - x
		}
		if a.Len() != b.Len() {
			return b.Len() - a.Len()
		}
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return a.Detector - b.Detector
	}
	w := slices.MinFunc(cluster, better)
	open := slices.ContainsFunc(cluster, func(f redact.Finding) bool { return f.Open && f.End == all.End })
	w.Span, w.Open = all, open
	if o.fit {
		w.End = beforeQuote(text, w.Span)
	}
	return w
}
