package keyed

import (
	"bytes"
	"encoding/binary"
)

// End returns the first byte after the value that starts at op.Start, at most limit
// bytes further. It reports open when neither a delimiter nor the end of the line was
// seen: the value goes on.
//
// A quoted value runs to its closing quote. Quotes inside it are told from the closing
// one by their backslashes, at any depth of escaping; a quote of a lower depth means
// that the text around was cut, and ends it too. Any other value runs to a blank or to
// the end of the line, and to a delimiter only where what follows the delimiter shows
// that it is none of the value: "a,b" is one password, "a, b=c" and "a,b=c" are not.
func (op *Op) End(b []byte, limit int) (end int, open bool) {
	lim := min(len(b), op.Start+limit)
	switch {
	case op.Form == Tag:
		end = op.tagEnd(b, lim)
	case op.Form == Part:
		for end = op.Start; end < lim && !lineEnd(b[end]) && !(b[end] == '[' && lineBreakSign(b, end+1, lim)); end++ {
		}
	case op.Quote != 0:
		end = op.quotedEnd(b, lim)
		if op.Quote == '\'' && (end == len(b) || lineEnd(b[end])) {
			end = stringEnd(b, op.Start, end)
		}
	default:
		end = op.bareEnd(b, lim)
	}
	return end, end == lim && lim-op.Start == limit
}

func lineEnd(c byte) bool { return c == '\n' || c == '\r' || c == 0 }

func (op *Op) quotedEnd(b []byte, lim int) int {
	slashes := 0
	for i := op.Start; i < lim; i++ {
		c := b[i]
		switch {
		case c == '\\':
			slashes++
			continue
		case c == op.Quote:
			// At depth d a quote of the text has 2^d-1 backslashes before it, and a
			// backslash of the value is written as 2^(d+1).
			if r := slashes % (2 * (op.Slashes + 1)); r <= op.Slashes {
				if c != '\'' || op.Slashes > 0 || !apostrophe(b, i, lim) {
					return i - r
				}
			}
			if op.Doubled && i+1 < lim && b[i+1] == c {
				i++
			}
		case lineEnd(c):
			return i
		}
		slashes = 0
	}
	return lim
}

// apostrophe reports whether the single quote at b[i] is inside a word, or doubled as
// SQL does it, and not the end of the value.
func apostrophe(b []byte, i, lim int) bool {
	return i+1 < lim && (IsWord(b[i+1]) || b[i+1] == '\'' && i+2 < lim && IsWord(b[i+2]))
}

// tagEnd returns the end of the text of an element. Text that nothing closes in its line ends
// with the string of JSON that it stands in.
func (op *Op) tagEnd(b []byte, lim int) int {
	end := op.textEnd(b, lim)
	if end < len(b) && (end == lim || !lineEnd(b[end]) && b[end] != '<' || hasPrefix(b, end, len(b), "</")) {
		return end
	}
	return stringEnd(b, op.Start, end)
}

// stringEnd returns where in b[start:end) a string of JSON ends, by what stands behind its
// quotation mark, or end when none does.
func stringEnd(b []byte, start, end int) int {
	for i := start; i < end; i++ {
		n := bytes.IndexByte(b[i:end], '"')
		if n < 0 {
			break
		}
		i += n
		next := i + 1
		for next < end && IsBlank(b[next]) {
			next++
		}
		if next == end && (end == len(b) || b[end] != '<') || next < end && (b[next] == ',' || b[next] == '}' || b[next] == ']') {
			for i > start && b[i-1] == '\\' {
				i--
			}
			return i
		}
	}
	return end
}

func (op *Op) textEnd(b []byte, lim int) int {
	inCDATA := op.Start >= len(cdata) && string(b[op.Start-len(cdata):op.Start]) == cdata
	for i := op.Start; i < lim; i++ {
		c := b[i]
		if c == '<' && !inCDATA || lineEnd(c) || c == ']' && hasPrefix(b, i, lim, "]]>") || c == '&' && hasPrefix(b, i, lim, "&lt;/") ||
			c == '\\' && (hasPrefix(b, i, lim, `\u003c`) || lastLine(b, i, lim)) {
			return i
		}
	}
	return lim
}

// lastLine reports whether the escaped line ends at b[i] are followed by a tag, or by the end
// of what may be looked at.
func lastLine(b []byte, i, lim int) bool {
	start := i
	for i+1 < lim && b[i] == '\\' && (b[i+1] == 'n' || b[i+1] == 'r' || b[i+1] == 't') || i < lim && IsBlank(b[i]) {
		if !IsBlank(b[i]) {
			i++
		}
		i++
	}
	return i > start && (i >= lim || b[i] == '<' || hasPrefix(b, i, lim, `\u003c`))
}

// bareStop are the bytes at which bareEnd has to think.
var bareStop = func() (t [256]bool) {
	for c := range 0x21 {
		t[c] = true
	}
	for _, c := range []byte("\x7f,;&|<>\"'`)]}\\#") {
		t[c] = true
	}
	return t
}()

func (op *Op) bareEnd(b []byte, lim int) int {
	quoted := unknown
	for i := op.Start; i < lim; i++ {
		c := b[i]
		if !bareStop[c] {
			continue
		}
		switch c {
		case '\\':
			if i > op.Start && b[i-1] == '[' && lineBreakSign(b, i, lim) {
				return i - 1
			}
			n, stop := escape(b, i, lim, op.Start, &quoted)
			if stop {
				return i
			}
			i = n - 1
		case '#':
			if ControlAt(b, i, lim) {
				return i
			}
		case ',', ';', '&', '|':
			if c == '&' && (i == op.Start || EntityStop(b, i, lim)) || boundary(b, i+1, lim, c == '&') {
				return i
			}
		case '"', '`':
			if i+1 >= lim || !IsWord(b[i+1]) {
				return i
			}
		case '\'', ')', ']', '}', '>':
			if i+1 >= lim || classes[b[i+1]]&classEnd != 0 || b[i+1] == '\\' || b[i+1] == '<' {
				return i
			}
		case '<':
			if i+1 >= lim || b[i+1] == '/' || IsLetter(b[i+1]) || i == op.Start {
				return i
			}
		default:
			return i
		}
	}
	return lim
}

// lineBreakSign reports whether b[i-1:] is [\r] or [\n], the line end of a wire log, at any
// depth of escaping.
func lineBreakSign(b []byte, i, lim int) bool {
	start := i
	for i < lim && b[i] == '\\' {
		i++
	}
	return i > start && i+1 < lim && (b[i] == 'r' || b[i] == 'n') && b[i+1] == ']'
}

// escape reads the backslashes at b[i], inside a value without quotes. It returns the
// byte after the escape, or stop when what it writes ends the value: a quote, or in a
// quoted text a line end, a tab or an encoded delimiter. Whether the value stands in a
// quoted text is looked up once and kept in quoted.
func escape(b []byte, i, lim, start int, quoted *answer) (next int, stop bool) {
	j := i
	for j < lim && b[j] == '\\' {
		j++
	}
	if j >= lim || b[j] <= ' ' {
		return j, false
	}
	switch b[j] {
	case '"', '\'', '`':
		return j, true
	case 'n', 'r', 't':
		if j+1 < lim && IsBlank(b[j+1]) {
			return j, true // before the indentation of a line
		}
		// Where no quote stands before, it is a backslash and a letter.
		if (j-i)%2 == 1 {
			if j+2 < lim && b[j+1] == '\\' && (b[j+2] == 't' || b[j+2] == 'n') {
				return j, true // of a stack trace
			}
			if *quoted == unknown {
				*quoted = quotedBefore(b, start)
			}
			if *quoted == yes {
				return j, true
			}
		}
	case 'u':
		if !hasPrefix(b, j, lim, "u00") {
			break
		}
		for _, s := range [...]string{"u0022", "u0026", "u0027", "u003c", "u003e", "u0020", "u000a", "u000d"} {
			if hasPrefix(b, j, lim, s) {
				return j, true
			}
		}
	}
	return j + 1, false
}

// ControlAt reports whether a tab or a line end stands at b[i:lim) in the form in which
// syslog daemons pass control characters on: '#' and three octal digits.
func ControlAt(b []byte, i, lim int) bool {
	if lim-i < 4 || b[i] != '#' || b[i+1] != '0' || b[i+2] != '1' {
		return false
	}
	return b[i+3] == '1' || b[i+3] == '2' || b[i+3] == '5'
}

// answer is yes, no, or not yet asked.
type answer uint8

const (
	unknown answer = iota
	no
	yes
)

// quotedBefore says whether a quote stands before b[i] in its line, within 160 bytes.
func quotedBefore(b []byte, i int) answer {
	lim := max(0, i-160)
	for i-8 >= lim {
		x := binary.LittleEndian.Uint64(b[i-8:])
		if hasByte(x, '"')|hasByte(x, '\'')|hasByte(x, '\n') != 0 {
			break
		}
		i -= 8
	}
	for ; i > lim; i-- {
		switch b[i-1] {
		case '\n':
			return no
		case '"', '\'':
			return yes
		}
	}
	return no
}

// hasByte is not 0 if one of the bytes of x is c.
func hasByte(x uint64, c byte) uint64 {
	const ones = 0x01010101_01010101
	x ^= ones * uint64(c)
	return (x - ones) &^ x & (ones << 7)
}

// EntityStop reports whether b[i:] is an entity for a delimiter or a line end.
func EntityStop(b []byte, i, lim int) bool {
	if i+1 >= lim {
		return false
	}
	switch b[i+1] {
	case '#':
		return numberStop(b, i+2, lim)
	case 'q':
		return hasPrefix(b, i+2, lim, "uot;")
	case 'a':
		return hasPrefix(b, i+2, lim, "mp;") || hasPrefix(b, i+2, lim, "pos;")
	case 'l', 'g':
		return hasPrefix(b, i+2, lim, "t;")
	}
	return false
}

// numberStop reports whether the number of a character reference (XML 1.0, section 4.1) that
// starts at b[i] is that of a quote or of white space.
func numberStop(b []byte, i, lim int) bool {
	for k := i; k < lim && k-i < maxNumber; k++ {
		if b[k] == ';' {
			return stopNumbers[string(b[i:k])]
		}
	}
	return false
}

// stopNumbers are those numbers, and maxNumber is more than the length of the longest.
var stopNumbers = map[string]bool{"34": true, "39": true, "10": true, "13": true, "9": true, "32": true,
	"xa": true, "xA": true, "xd": true, "xD": true, "x9": true, "x20": true, "x22": true, "x27": true}

const maxNumber = 4

// queryKey reports whether the next key of a query stands at b[i], perhaps with escapes.
func queryKey(b []byte, i, lim int) bool {
	start := i
	for i < lim && i-start < maxNextKey && (IsName(b[i]) || b[i] == '%' || b[i] == '+' || b[i] >= 0x80) {
		i++
	}
	return i > start && i < lim && b[i] == '='
}

// boundary reports whether what follows a delimiter shows that the value before it has
// ended: the end, something that stands between values, or the next key, that of a query
// behind an ampersand.
func boundary(b []byte, i, lim int, query bool) bool {
	if i >= lim || boundaries[b[i]] {
		return true
	}
	j := i
	for m := min(lim, i+maxNextKey); j < m && IsName(b[j]); {
		j++
	}
	if j == lim {
		return false
	}
	switch c := b[j]; {
	case c == '=', c == ':', c == '[':
		return j > i
	case c == '%', c == '+', c >= 0x80:
		return query && queryKey(b, i, lim)
	}
	return false
}

// maxNextKey is how much is read of the key that may follow a value, in bytes.
const maxNextKey = 40

// boundaries are the bytes that stand between values.
var boundaries = func() (t [256]bool) {
	for c := range t {
		t[c] = classes[c]&classEnd != 0
	}
	for _, c := range []byte(`\{[`) {
		t[c] = true
	}
	return t
}()
