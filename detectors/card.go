package detectors

import (
	"logveil/internal/check"
	"logveil/redact"
)

// card finds payment card numbers: 12 to 19 digits, contiguous or grouped as they stand
// on cards, or with a decimal point and an exponent, as programs write a number that became a
// floating point one; whose prefix and length an issuer uses and whose Luhn digit agrees.
//
// Sources: ISO/IEC 7812-1 for the structure and the check digit; the networks' published
// issuer ranges, as collected in "Payment card number" of the English Wikipedia and in
// Braintree's credit-card-type.
type card struct{}

const (
	cardMin = 12
	cardMax = 19
)

type cardIssuer struct {
	name   string
	lo, hi uint16
	lens   uint8
}

// cardIssuers are the prefixes in use, as ranges of the first four digits, with the
// lengths that go with them. Ranges that networks publish in six digits are widened to
// four.
var cardIssuers = [...]cardIssuer{
	{"Visa", 4000, 4999, lens(13, 16, 19)},
	{"Mastercard", 5100, 5599, lens(16)},
	{"Mastercard", 2221, 2720, lens(16)},
	{"American Express", 3400, 3499, lens(15)},
	{"American Express", 3700, 3799, lens(15)},
	{"Discover", 6011, 6011, lens(16, 19)},
	{"Discover", 6440, 6599, lens(16, 19)},
	{"Diners Club", 3000, 3059, lens(14, 16)},
	{"Diners Club", 3095, 3095, lens(14, 16)},
	{"Diners Club", 3600, 3699, lens(14, 16)},
	{"Diners Club", 3800, 3999, lens(14, 16)},
	{"JCB", 3528, 3589, lens(16, 17, 18, 19)},
	{"JCB", 1800, 1800, lens(15)},
	{"JCB", 2131, 2131, lens(15)},
	{"UnionPay", 6200, 6299, lens(16, 17, 18, 19)},
	{"UnionPay", 8100, 8171, lens(16, 17, 18, 19)},
	{"Maestro", 5018, 5018, lens(12, 13, 14, 15, 16, 17, 18, 19)},
	{"Maestro", 5020, 5020, lens(12, 13, 14, 15, 16, 17, 18, 19)},
	{"Maestro", 5038, 5038, lens(12, 13, 14, 15, 16, 17, 18, 19)},
	{"Maestro", 5893, 5893, lens(12, 13, 14, 15, 16, 17, 18, 19)},
	{"Maestro", 6304, 6304, lens(12, 13, 14, 15, 16, 17, 18, 19)},
	{"Maestro", 6759, 6759, lens(12, 13, 14, 15, 16, 17, 18, 19)},
	{"Maestro", 6761, 6763, lens(12, 13, 14, 15, 16, 17, 18, 19)},
	{"Switch", 5641, 5641, lens(16, 18, 19)},
	{"Switch", 6331, 6331, lens(16, 18, 19)},
	{"Switch", 6333, 6333, lens(16, 18, 19)},
	{"Solo", 6334, 6334, lens(16, 18, 19)},
	{"Solo", 6767, 6767, lens(16, 18, 19)},
	{"Dankort", 5019, 5019, lens(16)},
	{"Mir", 2200, 2204, lens(16, 17, 18, 19)},
	{"RuPay", 5085, 5089, lens(16)},
	{"RuPay", 6069, 6085, lens(16)},
	{"RuPay", 8172, 8202, lens(16)},
	{"Verve", 5060, 5061, lens(16, 18, 19)},
	{"Verve", 5078, 5079, lens(16, 18, 19)},
	{"Elo", 5041, 5041, lens(16)},
	{"Elo", 5066, 5067, lens(16)},
	{"Elo", 5090, 5099, lens(16)},
	{"Hipercard", 6062, 6062, lens(16)},
	{"InterPayment", 6360, 6369, lens(16, 17, 18, 19)},
	{"InstaPayment, Hiper", 6370, 6399, lens(16)},
	{"Naranja", 5895, 5895, lens(16)},
	{"Troy", 9792, 9792, lens(16)},
	{"Napas", 9704, 9704, lens(16, 19)},
	{"Uzcard", 8600, 8600, lens(16)},
	{"Humo", 9860, 9860, lens(16)},
}

// lens is a set of card lengths, bit n-cardMin for n digits.
func lens(ns ...int) (set uint8) {
	for _, n := range ns {
		set |= 1 << (n - cardMin)
	}
	return set
}

// cardLens is cardIssuers by the first four digits: the lengths such a number may have.
var cardLens = func() (t [10000]uint8) {
	for _, i := range cardIssuers {
		for p := i.lo; p <= i.hi; p++ {
			t[p] |= i.lens
		}
	}
	return t
}()

func (card) Spec() redact.Spec {
	return redact.Spec{
		Name: "card",
		Kind: "card",
		Doc:  "Payment card numbers: issuer prefix and length, Luhn, plain or grouped.",
		Anchor: redact.Anchor{
			Shape: `\b\d[\d.]\d{2}(\d{8}|[ .-]\d{4})`,
		},
		MaxLen: 64, // two cards that overlap, and their neighbours
		Rank:   60,
		Weight: 2,
		Work:   map[redact.Reason]int{redact.Accepted: 7},
	}
}

func (card) Match(b []byte, at int) (redact.Span, redact.Reason) {
	if at > 0 && isWord(b[at-1]) {
		return redact.Span{}, redact.RejectNeighbor
	}
	if len(b)-at < cardMin {
		return redact.Span{}, redact.RejectLength
	}
	if b[at+1] == '.' {
		return matchFloatCard(b, at)
	}
	lens := cardPrefix(b, at)
	if lens == 0 {
		return redact.Span{}, redact.RejectRange
	}
	switch sep := b[at+4]; {
	case isDigit(sep):
		return matchPlainCard(b, at, lens)
	case sep == ' ' || sep == '-' || sep == '.':
		s, r := matchGroupedCard(b, at, sep, lens)
		if r.OK() {
			s.End = lastCardEnd(b, s, sep)
		}
		return s, r
	}
	return redact.Span{}, redact.RejectAnchor
}

// lastCardEnd returns the end of the last card that begins at a group of the span. A
// number before a card may happen to make a card with its first groups; then nobody can
// tell which of the two it is, and the rest of the true one must not be left over.
func lastCardEnd(b []byte, s redact.Span, sep byte) int {
	end := s.End
	for at := s.Start + 4; at+4 < s.End; at++ {
		if b[at] != sep {
			continue
		}
		if lens := cardPrefix(b, at+1); lens != 0 {
			if o, r := matchGroupedCard(b, at+1, sep, lens); r.OK() {
				end = max(end, o.End)
			}
		}
	}
	return end
}

// cardPrefix returns the lengths of cards that begin with the four bytes at b[at:], which
// must be there; none when they are not digits.
func cardPrefix(b []byte, at int) uint8 {
	d0, d1, d2, d3 := b[at]-'0', b[at+1]-'0', b[at+2]-'0', b[at+3]-'0'
	if d0 > 9 || d1 > 9 || d2 > 9 || d3 > 9 {
		return 0
	}
	return cardLens[int(d0)*1000+int(d1)*100+int(d2)*10+int(d3)]
}

// matchPlainCard takes a run of digits without separators.
func matchPlainCard(b []byte, at int, lens uint8) (redact.Span, redact.Reason) {
	n := countDigits(b, at, cardMax+1)
	s := redact.Span{Start: at, End: at + n}
	if n >= cardMin && s.End < len(b) && b[s.End]|0x20 == 'e' {
		if f, r := matchFloatCard(b, at); r.OK() {
			return f, r
		}
	}
	if n < cardMin || n > cardMax {
		return s, redact.RejectLength
	}
	if lens>>(n-cardMin)&1 == 0 {
		return s, redact.RejectRange
	}
	// Before it: no decimal number, no negative one, no joined id such as blk_-123. After
	// the dash of another number as long as a card, as in a list of cards, it may stand.
	if at > 0 {
		switch b[at-1] {
		case '.':
			if at > 1 && isDigit(b[at-2]) {
				return s, redact.RejectNeighbor
			}
		case '-':
			if k := countDigitsBack(b, at-1, cardMax+1); k < cardMin || k > cardMax || joined(b, at-1-k) {
				return s, redact.RejectNeighbor
			}
		}
	}
	if s.End < len(b) && (isWord(b[s.End]) || b[s.End] == '.' && s.End+1 < len(b) && isDigit(b[s.End+1]) && !zeroFraction(b, s.End)) {
		return s, redact.RejectNeighbor
	}
	if !check.Luhn(b[s.Start:s.End]) {
		return s, redact.RejectChecksum
	}
	return s, redact.Accepted
}

// matchFloatCard takes the number at b[at], one digit and a fraction or cardMin digits and
// more, if it has an exponent and its value is a card.
func matchFloatCard(b []byte, at int) (redact.Span, redact.Reason) {
	end := at + countDigits(b, at, cardMax+1)
	if end == at+1 && b[end] == '.' {
		if end += 1 + countDigits(b, end+1, cardMax); end-at < 2+minFraction {
			return redact.Span{}, redact.RejectLength
		}
	}
	if end >= len(b) || b[end]|0x20 != 'e' {
		return redact.Span{}, redact.RejectAnchor
	}
	if end++; end < len(b) && (b[end] == '+' || b[end] == '-') {
		end++
	}
	end += countDigits(b, end, 3)
	if at > 0 && (b[at-1] == '-' || b[at-1] == '.') || end < len(b) && (isWord(b[end]) || b[end] == '.' && end+1 < len(b) && isDigit(b[end+1])) {
		return redact.Span{}, redact.RejectNeighbor
	}
	var digits [64]byte // more than AppendWhole reads
	whole, ok := check.AppendWhole(digits[:0], b[at:end], cardMax)
	switch {
	case !ok || len(whole) < cardMin:
		return redact.Span{}, redact.RejectLength
	case cardPrefix(whole, 0)>>(len(whole)-cardMin)&1 == 0:
		return redact.Span{}, redact.RejectRange
	case !check.Luhn(whole):
		return redact.Span{}, redact.RejectChecksum
	}
	return redact.Span{Start: at, End: end}, redact.Accepted
}

// minFraction is the number of digits of the shortest fraction of a card: a shorter one is of
// a number that ends with more zeros than cards do.
const minFraction = 10

// maxZeros bounds the zeros of a fraction.
const maxZeros = 8

// zeroFraction reports whether the point at b[i] begins a fraction of zeros only: programs
// that have no integers write a whole number so. It is not the part of a version or address.
func zeroFraction(b []byte, i int) bool {
	k := i + 1
	for k < len(b) && b[k] == '0' && k-i <= maxZeros {
		k++
	}
	return k > i+1 && (k == len(b) || !isWord(b[k]) && b[k] != '-' && (b[k] != '.' || k+1 == len(b) || !isWord(b[k+1])))
}

// matchGroupedCard takes the groups 4-4-4-n, 4-4-4-4-n, 4-6-5 and 4-6-4 with the same
// separator throughout. A further group after the last one does not disturb it.
func matchGroupedCard(b []byte, at int, sep byte, lens uint8) (redact.Span, redact.Reason) {
	if at > 0 && (b[at-1] == '-' || b[at-1] == '.') {
		// Groups before it may be another card, letters make it an id.
		if k := countDigitsBack(b, at-1, cardMax+1); k > cardMax || joined(b, at-1-k) {
			return redact.Span{}, redact.RejectNeighbor
		}
	}
	var digits [cardMax]byte
	n, end, first := 0, at, true
	var groups [5]int
	count := 0
	for count < len(groups) {
		p := end
		if !first {
			if p >= len(b) || b[p] != sep {
				break
			}
			p++
		}
		g := 0
		for lim := min(len(b)-p, 7, cardMax+1-n); g < lim && isDigit(b[p+g]); g++ {
			if n+g < cardMax {
				digits[n+g] = b[p+g]
			}
		}
		if g == 0 || g > 6 || n+g > cardMax || p+g < len(b) && isWord(b[p+g]) {
			break
		}
		groups[count] = g
		count++
		n += g
		end = p + g
		first = false
	}
	// The longest form first: what follows a card may be its last group.
	reason := redact.RejectAnchor
	for ; count >= 3; count-- {
		s := redact.Span{Start: at, End: end}
		g := groups[count-1]
		switch {
		case !cardGroups(groups[:count]):
		case lens>>(n-cardMin)&1 == 0:
			reason = redact.RejectRange
		case !check.Luhn(digits[:n]):
			reason = redact.RejectChecksum
		default:
			return s, redact.Accepted
		}
		n -= g
		end -= g + 1
	}
	return redact.Span{}, reason
}

// cardGroups reports whether a card is printed in groups of these lengths. All of them
// make at least cardMin+2 digits.
func cardGroups(g []int) bool {
	if g[0] != 4 {
		return false
	}
	switch {
	case len(g) == 3:
		return g[1] == 6 && (g[2] == 4 || g[2] == 5)
	case g[1] != 4 || g[2] != 4:
		return false
	case len(g) == 4:
		return 2 <= g[3] && g[3] <= 4
	}
	return g[3] == 4 && g[4] <= 3
}
