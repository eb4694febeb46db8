package detectors

import "logveil/redact"

// ssn finds United States social security numbers. The form ddd-dd-dddd stands for itself
// when area, group and serial number can have been issued; other separators, none at all,
// and the individual taxpayer numbers that share the form and begin with 9 are taken
// only behind a keyword.
//
// Sources: SSA, "Social Security Number Randomization" and POMS RM 10201.035 for the
// numbers that are never issued; IRS Publication 1915 for taxpayer numbers.
type ssn struct{}

const (
	// ssnNear is how far behind the end of a keyword a number may begin, in bytes.
	ssnNear = 40
	// ssnBareNear is the same for nine digits without separators.
	ssnBareNear = 24
)

func (ssn) Spec() redact.Spec {
	return redact.Spec{
		Name: "ssn",
		Kind: "ssn",
		Doc:  "US social security numbers: area, group and serial rules.",
		Anchor: redact.Anchor{
			Literals: []redact.Literal{
				{Text: "ssn", Fold: true},
				{Text: "social security", Fold: true},
				{Text: "social_security", Fold: true},
				{Text: "social-security", Fold: true},
				{Text: "socialsecurity", Fold: true},
			},
			Shape: `\b\d{3}-\d{2}-`,
		},
		MaxLen: 80, // the longest keyword, ssnNear, a number and a neighbour
		Rank:   55,
		Weight: 2,
		Work:   map[redact.Reason]int{redact.Accepted: 2, redact.RejectAnchor: 6},
	}
}

func (ssn) Match(b []byte, at int) (redact.Span, redact.Reason) {
	if !isDigit(b[at]) {
		return matchSSNAfterWord(b, at)
	}
	const n = len("ddd-dd-dddd")
	if len(b)-at < n {
		return redact.Span{}, redact.RejectLength
	}
	if b[at+3] != '-' || b[at+6] != '-' {
		return redact.Span{}, redact.RejectAnchor
	}
	return matchSSN(b, at, false)
}

// matchSSNAfterWord looks for the first number in any form soon after a keyword.
func matchSSNAfterWord(b []byte, at int) (redact.Span, redact.Reason) {
	end, ok := ssnKeyword(b, at)
	if !ok || kindInToken(b, at) {
		return redact.Span{}, redact.RejectAnchor
	}
	reason := redact.RejectContext
	limit := min(len(b), end+ssnNear)
	for i := end; i < limit && b[i] != '\n' && !tokenAt(b, i); i++ {
		if b[i]|0x20 == 's' {
			if _, ok := ssnKeyword(b, i); ok {
				break // what follows is nearer to that one
			}
		}
		if !isDigit(b[i]) || isDigit(b[i-1]) {
			continue
		}
		if i-end >= ssnBareNear && i+3 < len(b) && isDigit(b[i+3]) {
			continue
		}
		s, r := matchSSN(b, i, true)
		if r.OK() {
			return s, r
		}
		reason = r
	}
	return redact.Span{Start: limit}, reason
}

// ssnKeyword returns the end of the keyword at b[at]. In a name of many words it is one of
// the words: customerSSN, ssn_last, ssnNumber, but not mission or assn.
func ssnKeyword(b []byte, at int) (end int, ok bool) {
	if hasFold(b, at, "ssn") {
		end = at + len("ssn")
		if at > 0 && isLetter(b[at-1]) && !(isUpper(b[at]) && isLower(b[at-1])) {
			return end, false
		}
		if end < len(b) && b[end]|0x20 == 's' {
			end++
		}
		return end, end == len(b) || !isLetter(b[end]) || isUpper(b[end]) && isLower(b[end-1])
	}
	if !hasFold(b, at, "social") {
		return at, false
	}
	end = at + len("social")
	if end < len(b) && (b[end] == ' ' || b[end] == '_' || b[end] == '-') {
		end++
	}
	return end + len("security"), hasFold(b, end, "security")
}

// matchSSN takes the number that begins at b[at]. Behind a keyword the separators may be
// spaces, dots, or none in one or both places, and the area may be that of a taxpayer
// number.
func matchSSN(b []byte, at int, keyword bool) (redact.Span, redact.Reason) {
	var v [3]int
	i := at
	for k, n := range [3]int{3, 2, 4} {
		if k > 0 && i < len(b) && (b[i] == '-' || keyword && (b[i] == ' ' || b[i] == '.')) {
			i++
		}
		if i+n > len(b) {
			return redact.Span{}, redact.RejectLength
		}
		for range n {
			d := b[i] - '0'
			if d > 9 {
				return redact.Span{}, redact.RejectAnchor
			}
			v[k] = v[k]*10 + int(d)
			i++
		}
	}
	s := redact.Span{Start: at, End: i}
	if before := at - 1; before >= 0 {
		switch c := b[before]; {
		case isWord(c):
			return s, redact.RejectNeighbor
		case c == '-' || c == '.' || c == '+':
			// Part of a longer number or of an id, and no dash after a blank.
			if before > 0 && isWord(b[before-1]) || c == '+' {
				return s, redact.RejectNeighbor
			}
		}
	}
	if i < len(b) {
		switch c := b[i]; {
		case isWord(c):
			return s, redact.RejectNeighbor
		case c == '-' || c == '.':
			if i+1 < len(b) && isWord(b[i+1]) && (c == '-' || isDigit(b[i+1])) {
				return s, redact.RejectNeighbor
			}
		}
	}
	area, group, serial := v[0], v[1], v[2]
	if area == 0 || area == 666 || group == 0 || serial == 0 || area >= 900 && !keyword {
		return s, redact.RejectRange
	}
	return s, redact.Accepted
}
