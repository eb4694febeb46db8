package detectors

import "logveil/redact"

// phone finds telephone numbers: international ones with a plus sign, North American ones
// in their written forms, and national ones behind a keyword.
//
// Sources: ITU-T E.164 for calling codes and lengths and E.123 for the written forms; the
// metadata of libphonenumber for the bounds by country; the North American Numbering Plan
// for area codes and exchanges.
type phone struct{}

const (
	// phoneNear is how far behind its keyword a number may begin, in bytes.
	phoneNear = 24
	// phoneDigits is the most digits of an international number.
	phoneDigits = 15
)

func (phone) Spec() redact.Spec {
	return redact.Spec{
		Name: "phone",
		Kind: "phone",
		Doc:  "Telephone numbers: international, North American, or behind a keyword.",
		Anchor: redact.Anchor{
			Literals: []redact.Literal{
				{Text: "phone", Fold: true},
				{Text: "mobile", Fold: true},
				{Text: "msisdn", Fold: true},
				{Text: "cell", Fold: true},
				{Text: "call", Fold: true},
				{Text: "fax", Fold: true},
				{Text: "tel", Fold: true},
			},
			Shape: `\+\d|\b\d{3}[ .-]\d{4}`,
		},
		MaxLen: 128,
		Rank:   30,
		Weight: 2,
		Work:   map[redact.Reason]int{redact.Accepted: 5, redact.RejectLength: 6, redact.RejectNeighbor: 1},
	}
}

func (phone) Match(b []byte, at int) (redact.Span, redact.Reason) {
	switch c := b[at]; {
	case c == '+':
		return matchInternational(b, at)
	case isDigit(c):
		return matchNorthAmerican(b, at)
	}
	s, r := matchPhoneAfterWord(b, at)
	if !r.OK() && r != redact.RejectAnchor {
		s.Start = at + 4*phoneNear
	}
	return s, r
}

// digitGroups are runs of digits with the separators of a printed number between them.
type digitGroups struct {
	n      int
	digits int // in all of them
	open   bool
	group  [8]digitGroup
}

type digitGroup struct {
	start, end int
	sep        byte // what stands before it; '(' and ')' win over what is beside them
	open       bool // a parenthesis is open at its end
}

// parseGroups reads groups from b[at:] on. Between two of them stands one blank, dash, dot
// or slash, and beside it a parenthesis, of which there is one pair at most. A trunk zero
// in parentheses, as in +44 (0)20, counts for a separator.
func parseGroups(b []byte, at int, limit int) digitGroups {
	var g digitGroups
	used := false
	for g.n < len(g.group) {
		i, sep := at, byte(0)
		if i < len(b) && g.open && b[i] == ')' {
			g.open, sep = false, ')'
			i++
		}
		if i < len(b) && (b[i] == ' ' || b[i] == '-' || b[i] == '.' || b[i] == '/') {
			if sep == 0 {
				sep = b[i]
			}
			i++
		}
		if i < len(b) && b[i] == '(' && !used {
			used, g.open, sep = true, true, '('
			i++
			if i+1 < len(b) && b[i] == '0' && b[i+1] == ')' {
				g.open = false
				i += 2
				if i < len(b) && b[i] == ' ' {
					i++
				}
			}
		}
		k := countDigits(b, i, phoneDigits+2)
		if k == 0 || g.digits+k > limit {
			break
		}
		g.group[g.n] = digitGroup{start: i, end: i + k, sep: sep, open: g.open}
		g.n++
		g.digits += k
		at = i + k
	}
	return g
}

// matchInternational takes the number behind the plus sign b[at].
func matchInternational(b []byte, at int) (redact.Span, redact.Reason) {
	k, code := callingCodeAt(b, at+1)
	if k == 0 {
		return redact.Span{}, redact.RejectRange
	}
	if at > 0 && (b[at-1] == '+' || isWord(b[at-1])) {
		return redact.Span{}, redact.RejectNeighbor
	}
	first := at + 1 + k
	digit := first
	for digit < first+2 && digit < len(b) && (b[digit] == ' ' || b[digit] == '-' || b[digit] == '.' || b[digit] == '/' || b[digit] == '(') {
		digit++
	}
	if digit >= len(b) || !isDigit(b[digit]) {
		return redact.Span{}, redact.RejectLength
	}
	if b[at+1] == '1' && b[digit] < '2' {
		return redact.Span{}, redact.RejectRange // no North American area
	}
	g := parseGroups(b, first, phoneDigits)
	if g.n > 1 && g.group[0].sep == 0 && g.group[0].end-first > 3 && g.group[1].sep == '.' {
		return redact.Span{}, redact.RejectNeighbor // a signed decimal number
	}
	// The longest that a subscriber can have, else a long service number, else a short one:
	// digits of another kind often follow behind a blank.
	const none, short, long, ordinary = 0, 1, 2, 3
	best, form, total := -1, none, 0
	for i := range g.n {
		x := g.group[i]
		total += x.end - x.start
		n := total
		if b[g.group[0].start] == '0' && n > int(code.min) {
			n-- // a trunk zero that an international number should not have
		}
		f := none
		switch {
		case n < int(code.low):
		case n < int(code.min):
			f = short
		case n <= int(code.max):
			f = ordinary
		case n <= int(code.top):
			f = long
		}
		if f == none && n > int(code.top) || form == ordinary && x.end-x.start == 1 {
			break // one digit behind a whole number is something else
		}
		if f != none && f >= form && phoneEnds(b, x) {
			best, form = i, f
		}
		if i == 0 && x.sep == 0 && total+2 >= int(code.max) {
			break // written in one piece
		}
	}
	if best < 0 {
		return redact.Span{}, redact.RejectLength
	}
	return redact.Span{Start: at, End: extension(b, g.group[best].end)}, redact.Accepted
}

// phoneEnds reports whether a number may end with the group.
func phoneEnds(b []byte, g digitGroup) bool {
	if g.open {
		return false
	}
	if g.end >= len(b) {
		return true
	}
	next := g.end+1 < len(b) && isDigit(b[g.end+1])
	switch c := b[g.end]; {
	case isWord(c):
		return extension(b, g.end) > g.end
	case c == '.' || c == ',':
		return !next || g.sep == c
	case c == ':':
		return !next
	}
	return true
}

// extension returns the end of the extension at b[at:], as in x1234 or ext. 12, or at.
func extension(b []byte, at int) int {
	i := at
	if i < len(b) && b[i] == ' ' {
		i++
	}
	switch {
	case hasFold(b, i, "ext"):
		i += len("ext")
		if i < len(b) && b[i] == '.' {
			i++
		}
		if i < len(b) && b[i] == ' ' {
			i++
		}
	case i < len(b) && b[i]|0x20 == 'x':
		i++
	default:
		return at
	}
	k := countDigits(b, i, 7)
	if k == 0 || k > 6 || i+k < len(b) && isWord(b[i+k]) {
		return at
	}
	return i + k
}

// matchNorthAmerican takes a number whose exchange begins at b[at]: behind an area code,
// and perhaps behind the 1 of long distance.
func matchNorthAmerican(b []byte, at int) (redact.Span, redact.Reason) {
	const n = len("ddd-dddd")
	if at < len("ddd-") {
		return redact.Span{}, redact.RejectAnchor
	}
	// The area code first: most candidates have none.
	p := at - 1
	before := b[p]
	parens := before == ')' || (before == ' ' || before == '-' || before == '.') && b[p-1] == ')'
	switch {
	case parens:
		if before != ')' {
			p--
		}
	case before != ' ' && before != '-' && before != '.':
		return redact.Span{}, redact.RejectAnchor
	}
	area := p - 3 // b[p] is the separator or the parenthesis
	if area < 0 || b[area]-'2' > 7 || !isDigit(b[area+1]) || !isDigit(b[area+2]) {
		return redact.Span{}, redact.RejectAnchor
	}
	start := area
	if parens {
		if start--; start < 0 || b[start] != '(' {
			return redact.Span{}, redact.RejectAnchor
		}
	}
	if len(b)-at < n {
		return redact.Span{}, redact.RejectLength
	}
	sep := b[at+3]
	if countDigits(b, at, n) != 3 || countDigits(b, at+4, n) != 4 {
		return redact.Span{}, redact.RejectAnchor
	}
	switch {
	case sep != '-' && sep != '.' && sep != ' ':
		return redact.Span{}, redact.RejectAnchor
	case parens:
	case sep == ' ' || sep != before && !(before == ' ' && sep == '-'):
		return redact.Span{}, redact.RejectAnchor
	}
	if b[area] == '2' && b[area+1] == '0' && b[area+2] == '0' || b[area] == '9' && b[area+1] == '9' {
		return redact.Span{}, redact.RejectRange // the plan's areas are 201 to 989
	}
	bare := start
	start = longDistance(b, start)
	if b[at] < '2' && !parens && start == bare {
		return redact.Span{}, redact.RejectRange // not an exchange, and nothing else speaks for it
	}
	if start > 0 {
		switch c := b[start-1]; {
		case isWord(c):
			return redact.Span{}, redact.RejectNeighbor
		case c == '-' || c == '.' || c == '/':
			if start > 1 && isWord(b[start-2]) {
				return redact.Span{}, redact.RejectNeighbor
			}
		}
	}
	end := at + n
	if e := extension(b, end); e > end {
		return redact.Span{Start: start, End: e}, redact.Accepted
	}
	if end < len(b) {
		c := b[end]
		next := end+1 < len(b) && isDigit(b[end+1])
		if isWord(c) || next && (c == '-' || c == '.' || c == ':') {
			return redact.Span{}, redact.RejectNeighbor
		}
	}
	return redact.Span{Start: start, End: end}, redact.Accepted
}

// longDistance moves the start of a North American number over a 1, +1 or 001 before it.
func longDistance(b []byte, start int) int {
	i := start
	if i > 0 && (b[i-1] == '-' || b[i-1] == ' ' || b[i-1] == '.') {
		i--
	}
	if i == 0 || b[i-1] != '1' || i == start && b[start] != '(' {
		return start
	}
	i--
	switch {
	case i > 0 && b[i-1] == '+':
		i--
	case i > 1 && b[i-1] == '0' && b[i-2] == '0':
		i -= 2
	}
	if joined(b, i) || i > 1 && (b[i-1] == '.' || b[i-1] == '-') && isWord(b[i-2]) {
		return start
	}
	return i
}

// phoneWord says how far a keyword is to be trusted.
type phoneWord uint8

const (
	phoneWordNone phoneWord = iota
	// phoneWordWeak also names other things: a call, a cell, a property of a phone.
	phoneWordWeak
	// phoneWordStrong names a number when an operator follows.
	phoneWordStrong
)

// phoneKeyword returns the end of the name that has the keyword b[at:] in it.
func phoneKeyword(b []byte, at int) (end int, w phoneWord) {
	whole := b[at]|0x20 != 'p' // the keyword must begin a word of the name
	if whole && at > 0 && isLetter(b[at-1]) && !(isUpper(b[at]) && isLower(b[at-1])) {
		return at, phoneWordNone
	}
	w = phoneWordStrong
	switch b[at] | 0x20 {
	case 'p':
		end = at + len("phone")
		if !hasFold(b, at, "phone") {
			return at, phoneWordNone
		}
	case 'm':
		switch {
		case hasFold(b, at, "mobile"):
			end = at + len("mobile")
		case hasFold(b, at, "msisdn"):
			end = at + len("msisdn")
		default:
			return at, phoneWordNone
		}
	case 'c':
		end, w = at+len("cell"), phoneWordWeak
		if !hasFold(b, at, "cell") && !hasFold(b, at, "call") {
			return at, phoneWordNone
		}
	case 'f', 't':
		end = at + len("fax")
		if !hasFold(b, at, "fax") && !hasFold(b, at, "tel") {
			return at, phoneWordNone
		}
	default:
		return at, phoneWordNone
	}
	// What the name goes on with: nothing, a word for number, or a property.
	i := end
	if i < len(b) && (b[i] == '_' || b[i] == '-' || b[i] == ' ') {
		i++
	}
	switch {
	case i < len(b) && b[i]|0x20 == 'n':
		for _, s := range [...]string{"numbers", "number", "num", "nos", "no", "nr"} {
			if j := i + len(s); hasFold(b, i, s) && (j == len(b) || !isLetter(b[j])) {
				end = j
				break
			}
		}
	case end < len(b) && b[end]|0x20 == 's' && (end+1 == len(b) || !isLetter(b[end+1])):
		end++
	}
	if end < len(b) && isLetter(b[end]) {
		// "callback" and "telemetry" are other words; phoneHome and phonehome are not.
		if whole && !(isUpper(b[end]) && isLower(b[end-1])) {
			return at, phoneWordNone
		}
		w = phoneWordWeak
	}
	for limit := end + 16; end < len(b) && end < limit && isWord(b[end]); end++ {
		if isLetter(b[end]) {
			w = phoneWordWeak
		}
	}
	return end, w
}

// matchPhoneAfterWord looks for the first number in a national form soon after a keyword.
func matchPhoneAfterWord(b []byte, at int) (redact.Span, redact.Reason) {
	if kindInToken(b, at) {
		return redact.Span{}, redact.RejectAnchor
	}
	end, w := phoneKeyword(b, at)
	if w == phoneWordNone {
		return redact.Span{}, redact.RejectAnchor
	}
	reason := redact.RejectContext
	operator, letters := false, false
	limit := min(len(b), end+phoneNear)
	for i := end; i < limit; i++ {
		c := b[i]
		if byteClasses[c]&classLetter != 0 {
			if tokenAt(b, i) {
				break
			}
			if phoneFirst[c] {
				if _, w := phoneKeyword(b, i); w != phoneWordNone {
					return redact.Span{}, reason // what follows is nearer to that one
				}
			}
			letters = true
			continue
		}
		sure := w == phoneWordStrong && operator && !letters
		switch {
		case c == ' ':
		case c == '\n':
			return redact.Span{}, reason
		case c == ':', !letters && (c == '=' || c == '>'):
			operator = operator || !letters
		case c == '(' || isDigit(c):
			if joined(b, i) {
				continue
			}
			s, r := matchNational(b, i, sure)
			if r.OK() {
				return s, r
			}
			reason = r
		case c == '+' && i+1 < len(b) && isDigit(b[i+1]):
			s, r := matchInternational(b, i)
			if !r.OK() && sure {
				s, r = matchNational(b, i+1, sure)
				s.Start = i
			}
			return s, r
		case letters && c != ',' && c != '-' && c != '#',
			(c == '.' || c == '/') && i+1 < len(b) && isLetter(b[i+1]):
			return redact.Span{}, reason // the phrase that the word stood in is over
		}
	}
	return redact.Span{}, reason
}

// phoneFirst are the first letters of keywords.
var phoneFirst = tableOf("cfmptCFMPT")

// matchNational takes a number in any national form from b[at] on. Sure says that nothing
// but a number is to be expected there.
func matchNational(b []byte, at int, sure bool) (redact.Span, redact.Reason) {
	if p := at - 1; p > 0 && (b[p] == '-' || b[p] == '.') && isWord(b[p-1]) {
		return redact.Span{}, redact.RejectNeighbor
	}
	g := parseGroups(b, at, phoneDigits)
	if g.n == 0 {
		return redact.Span{}, redact.RejectAnchor
	}
	first := g.group[0]
	one := first.end - first.start
	if one >= 7 {
		// In one piece: with a keyword only, it has to be a North American number.
		if !phoneEnds(b, first) || first.end < len(b) && b[first.end] == '-' && first.end+1 < len(b) && isWord(b[first.end+1]) {
			return redact.Span{}, redact.RejectNeighbor
		}
		if !sure && !plainNorthAmerican(b, first) {
			return redact.Span{}, redact.RejectLength
		}
		return redact.Span{Start: at, End: extension(b, first.end)}, redact.Accepted
	}
	if otherNumber(b, &g) {
		return redact.Span{}, redact.RejectValue
	}
	least, most := 8, 11
	if sure {
		least = 7
	}
	if at > 0 && b[at-1] == '+' || first.end-at > 1 && b[at] == '0' && b[at+1] == '0' {
		most = phoneDigits // an international number, whatever its code
	}
	best, total := -1, 0
	for i := range g.n {
		x := g.group[i]
		n := x.end - x.start
		total += n
		if n > 8 || total > most || i > 0 && n == 1 {
			break
		}
		if total >= least && i > 0 && phoneEnds(b, x) {
			best = i
		}
	}
	if best < 0 {
		return redact.Span{}, redact.RejectLength
	}
	return redact.Span{Start: at, End: extension(b, g.group[best].end)}, redact.Accepted
}

// plainNorthAmerican reports whether the run is ten digits of a North American number,
// perhaps behind a 1.
func plainNorthAmerican(b []byte, g digitGroup) bool {
	s := b[g.start:g.end]
	if len(s) == 11 && s[0] == '1' {
		s = s[1:]
	}
	return len(s) == 10 && s[0] >= '2' && s[3] >= '2'
}

// otherNumber reports whether the groups are a date or an IPv4 address.
func otherNumber(b []byte, g *digitGroups) bool {
	if g.n < 3 {
		return false
	}
	a, z := g.group[1].sep, g.group[2].sep
	if a != z || a == ' ' || a == '(' || a == ')' {
		return false
	}
	l := [3]int{}
	for i := range l {
		l[i] = g.group[i].end - g.group[i].start
	}
	switch {
	case l[0] == 4 && l[1] == 2 && l[2] == 2, l[0] == 2 && l[1] == 2 && l[2] == 4:
		year := g.group[0].start
		if l[2] == 4 {
			year = g.group[2].start
		}
		c := string(b[year : year+2])
		return c == "19" || c == "20"
	case a == '.' && g.n >= 4 && g.group[3].sep == '.' && (g.n == 4 || g.group[4].sep != '.'):
		return l[0] <= 3 && l[1] <= 3 && l[2] <= 3 && g.group[3].end-g.group[3].start <= 3
	}
	return false
}
