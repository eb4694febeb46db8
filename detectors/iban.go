package detectors

import (
	"logveil/internal/check"
	"logveil/redact"
)

// iban finds International Bank Account Numbers, contiguous or in groups of four, whose
// length is that of the country and whose check digits agree. Upper-case ones stand for
// themselves; in lower case, where hexadecimal ids look alike, one is taken only behind
// the word IBAN.
//
// Sources: ISO 13616-1 for the structure, the check digits and the printed form; the
// SWIFT IBAN registry for the countries and lengths.
type iban struct{}

const (
	// ibanNear is how far behind the word IBAN a lower-case number may begin, in bytes.
	ibanNear = 24
)

func (iban) Spec() redact.Spec {
	return redact.Spec{
		Name: "iban",
		Kind: "iban",
		Doc:  "International bank account numbers: country, length, check digits.",
		Anchor: redact.Anchor{
			Literals: []redact.Literal{{Text: "iban", Fold: true}},
			Shape:    `\b[A-Z]{2}\d{2}`,
		},
		MaxLen: 80, // the word, ibanNear, ibanPrinted and a neighbour
		Rank:   60,
		Weight: 4,
	}
}

func (iban) Match(b []byte, at int) (redact.Span, redact.Reason) {
	if len(b)-at < check.IBANMin {
		return redact.Span{}, redact.RejectLength
	}
	if b[at]|0x20 == 'i' && b[at+1]|0x20 == 'b' && b[at+2]|0x20 == 'a' && b[at+3]|0x20 == 'n' {
		if kindInToken(b, at) {
			return redact.Span{}, redact.RejectAnchor
		}
		return matchIBANAfterWord(b, at+len("iban"))
	}
	if joined(b, at) {
		return redact.Span{}, redact.RejectNeighbor
	}
	return matchIBAN(b, at, 0)
}

// matchIBANAfterWord looks for a number soon after the word IBAN, in either case.
func matchIBANAfterWord(b []byte, at int) (redact.Span, redact.Reason) {
	end := min(len(b), at+ibanNear)
	for i := at; i < end && b[i] != '\n' && !tokenAt(b, i); i++ {
		if !isLetter(b[i]) || i+3 >= len(b) || !isLetter(b[i+1]) || !isDigit(b[i+2]) || !isDigit(b[i+3]) || joined(b, i) {
			continue
		}
		if s, r := matchIBAN(b, i, 0x20); r.OK() {
			return s, r
		}
	}
	return redact.Span{}, redact.RejectContext
}

// matchIBAN takes the number that begins at b[at]. fold is 0x20 to take lower-case
// letters too, else 0.
func matchIBAN(b []byte, at int, fold byte) (redact.Span, redact.Reason) {
	if len(b)-at < check.IBANMin {
		return redact.Span{}, redact.RejectLength
	}
	n := check.IBANLen(b[at]&^fold, b[at+1]&^fold)
	if n == 0 {
		return redact.Span{}, redact.RejectRange
	}
	if !isDigit(b[at+2]) || !isDigit(b[at+3]) {
		return redact.Span{}, redact.RejectAnchor
	}
	sep := b[at+4]
	grouped := sep == ' ' || sep == '-'
	if !grouped && (len(b)-at < n || len(b)-at > n && isWord(b[at+n])) {
		return redact.Span{}, redact.RejectLength
	}
	var compact [check.IBANMax]byte
	i := at
	for k := range n {
		if grouped && k > 0 && k%4 == 0 {
			if i >= len(b) || b[i] != sep {
				return redact.Span{}, redact.RejectAnchor
			}
			i++
		}
		if i >= len(b) {
			return redact.Span{}, redact.RejectLength
		}
		c := b[i]
		if isLower(c) {
			c &^= fold
		}
		if !isDigit(c) && !isUpper(c) {
			return redact.Span{}, redact.RejectLength
		}
		compact[k] = c
		i++
	}
	// No span with a rejection: a number may begin at each group of what is none.
	if i < len(b) && isWord(b[i]) {
		return redact.Span{}, redact.RejectLength
	}
	if !check.IBAN(compact[:n]) {
		return redact.Span{}, redact.RejectChecksum
	}
	return redact.Span{Start: at, End: i}, redact.Accepted
}
