package redact

import (
	"bytes"
	"strconv"
)

// Keys of objects can be values: a map by e-mail address. Tokens keep them apart; masks do
// not, and most readers of JSON take only one of two members with the same key. So the
// masks of keys get a number within their event: tok1_email_x, tok1_email_x-2, -3, ...
// Equal keys get equal numbers, as far as maxMaskedKeys remember them.

const (
	maxMaskedKeys = 64
	// maxKeyRest bounds how far behind a value the end of its key may be, in bytes.
	maxKeyRest = 128
)

// maskedKeys are the keys of one event that became masks.
type maskedKeys struct {
	text []byte // the values of the first ones
	seen []Span // where each stands in text
	n    int    // how many different ones there were
	end  int    // of the last one in the batch
}

// forget begins an event, or a batch.
func (k *maskedKeys) forget() { *k = maskedKeys{text: k.text[:0], seen: k.seen[:0]} }

// appendNumber appends the number of the key that f is, in b, and whose value is raw, to its
// mask; the first one has none.
func (k *maskedKeys) appendNumber(dst, b []byte, f *Finding, raw []byte) []byte {
	if !f.key && !isKey(b, f.Span) {
		return dst
	}
	if eventBetween(b[min(k.end, f.Start):f.Start]) {
		k.forget()
	}
	k.end = f.End
	number := 0
	for i, s := range k.seen {
		if bytes.Equal(k.text[s.Start:s.End], raw) && raw != nil {
			number = i + 1
			break
		}
	}
	if number == 0 {
		k.n++
		if number = k.n; k.n == len(k.seen)+1 && k.n <= maxMaskedKeys && len(raw) <= maxKeyRest {
			k.text = append(k.text, raw...)
			k.seen = append(k.seen, Span{len(k.text) - len(raw), len(k.text)})
		}
	}
	if number == 1 {
		return dst
	}
	return strconv.AppendInt(append(dst, '-'), int64(number), 10)
}

// isKey reports whether s is a key of an object, or a part of it: quotation marks stand
// before and behind, a colon follows, and a bracket or a comma comes before.
func isKey(b []byte, s Span) bool {
	i, lim := s.End, min(len(b), s.End+maxKeyRest)
	q := bytes.IndexByte(b[i:lim], '"')
	if q < 0 {
		return false
	}
	for i += q + 1; i < lim && jsonSpace(b[i]); {
		i++
	}
	if i == lim || b[i] != ':' {
		return false
	}
	i, lim = s.Start, max(0, s.Start-maxKeyRest)
	if q = bytes.LastIndexByte(b[lim:i], '"'); q < 0 {
		return false
	}
	for i = lim + q; i > lim && (b[i-1] == '\\' || jsonSpace(b[i-1])); {
		i--
	}
	return i > lim && (b[i-1] == '{' || b[i-1] == ',') && bytes.IndexByte(b[s.Start:s.End], '"') < 0
}

// eventBetween reports whether an event begins in b: a line that is no part of pretty-printed
// JSON.
func eventBetween(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 || i+1 == len(b) {
			return false
		}
		switch b = b[i+1:]; b[0] {
		case ' ', '\t', '\r', '\n', '"', '}', ']', ',':
		default:
			return true
		}
	}
}
