package redact

// quote returns the quotation mark that must stand around the replacement of b[s.Start:
// s.End), when that is a JSON number and not part of a string, and nil otherwise. A token
// is not a number; in quotes it parses as a string. Within JSON that is itself in a JSON
// string the mark is escaped as its neighbours are: \" or \\\" and so on.
//
// It looks only at the bytes around the value, at most maxArray back, so that cut-off and
// broken JSON is treated like the rest.
func quote(b []byte, s Span) []byte {
	if c := b[s.Start]; c != '-' && c-'0' > 9 {
		return nil
	}
	for _, c := range b[s.Start+1 : s.End] {
		if c-'0' > 9 && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			return nil
		}
	}
	next := s.End
	for next < len(b) && jsonSpace(b[next]) {
		next++
	}
	if next < len(b) && b[next] != ',' && b[next] != '}' && b[next] != ']' {
		return nil
	}
	i := s.Start - 1
	if i < 0 {
		return nil
	}
	limit := max(0, i-maxArray)
	depth := 0
	for i >= limit {
		switch c := b[i]; {
		case c == '[':
			depth++
		case c == ':':
			if i--; depth == 0 && i+1 < s.Start && arrayBetween(b[i+2:s.Start]) {
				return nil // a comma without a bracket: not JSON
			}
			for i >= limit && jsonSpace(b[i]) {
				i--
			}
			if i < 0 || b[i] != '"' {
				return nil
			}
			k := i
			for k > 0 && b[k-1] == '\\' {
				k--
			}
			return b[k : i+1]
		case c == '\n' && depth > 0:
			return plainQuote // an array at the start of a line
		case jsonSpace(c), c == ',', c-'0' <= 9, c == '.', c == '-', c == '+', c|0x20 == 'e', c == ']':
		default:
			return nil
		}
		i--
	}
	if i < 0 && depth > 0 {
		return plainQuote
	}
	return nil
}

// maxArray bounds how far back the key of an array of numbers is looked for, in bytes.
const maxArray = 1 << 10

var plainQuote = []byte{'"'}

func jsonSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// arrayBetween reports whether there is more than space between a key and its value.
func arrayBetween(b []byte) bool {
	for _, c := range b {
		if !jsonSpace(c) {
			return true
		}
	}
	return false
}
