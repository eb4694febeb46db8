package keyed

import (
	"bytes"
	"math"
)

// Stats describes the first bytes of a value.
type Stats struct {
	// N is how many bytes were looked at, at most MaxStats.
	N int
	// How many of them were of each class, and Other the rest.
	Lower, Upper, Digit, Other int
	// How many of the rest were blanks, dots, slashes, and of @ ( [ { | < $ *
	Blank, Dots, Slashes, Odd int
	// Stars says that three asterisks stand in a row.
	Stars bool
	// Hex says that all are hexadecimal digits or dashes.
	Hex bool
}

// MaxStats is how many bytes Measure looks at.
const MaxStats = 64

const (
	fracBits = 10
	maxHist  = 256
)

// xlogx holds x*log2(x) in fixed point.
var xlogx = func() (t [maxHist + 1]int32) {
	for x := 1; x <= maxHist; x++ {
		t[x] = int32(math.Round(float64(x) * math.Log2(float64(x)) * (1 << fracBits)))
	}
	return t
}()

// lanes holds, for each byte, a one in the lane of each count that it adds to. A lane has
// eight bits, room for MaxStats.
var lanes = func() (t [256]uint64) {
	for c := range t {
		k := classes[c]
		add := func(lane int, yes bool) {
			if yes {
				t[c] |= 1 << (8 * lane)
			}
		}
		b := byte(c)
		add(laneLower, k&classLower != 0)
		add(laneUpper, k&classUpper != 0)
		add(laneDigit, k&classDigit != 0)
		add(laneBlank, k&classBlank != 0)
		add(laneDot, b == '.')
		add(laneSlash, b == '/')
		add(laneOdd, b == '@' || b == '(' || b == '[' || b == '{' || b == '|' || b == '<' || b == '$' || b == '*')
		add(laneNotHex, !isHex(b) && b != '-')
	}
	return t
}()

const (
	laneLower = iota
	laneUpper
	laneDigit
	laneBlank
	laneDot
	laneSlash
	laneOdd
	laneNotHex
)

// Measure looks at the first MaxStats bytes of v.
func Measure(v []byte) Stats {
	v = v[:min(len(v), MaxStats)]
	var sum uint64
	for _, c := range v {
		sum += lanes[c]
	}
	count := func(lane int) int { return int(sum >> (8 * lane) & 0xff) }
	s := Stats{
		N:     len(v),
		Lower: count(laneLower), Upper: count(laneUpper), Digit: count(laneDigit),
		Blank: count(laneBlank), Dots: count(laneDot), Slashes: count(laneSlash), Odd: count(laneOdd),
		Hex: count(laneNotHex) == 0,
	}
	s.Other = s.N - s.Lower - s.Upper - s.Digit
	s.Stars = s.Odd >= 3 && bytes.Contains(v, stars)
	return s
}

var stars = []byte("***")

// Entropy returns the entropy of the bytes of v by their frequencies, in 1/1024 bit per
// byte. It looks at the first 256 bytes.
func Entropy(v []byte) int {
	v = v[:min(len(v), maxHist)]
	if len(v) == 0 {
		return 0
	}
	var hist [128]uint8
	sum := int32(0)
	for _, c := range v {
		n := int(hist[c&0x7f])
		sum += xlogx[n+1] - xlogx[n]
		hist[c&0x7f] = uint8(n + 1)
	}
	// log2(n) - 1/n * sum of c*log2(c)
	n := int32(len(v))
	return int((xlogx[n] - sum) / n)
}

// Random reports whether v, of which s are the Stats, looks made by a machine: letters
// and digits mixed, no words, no date, no number.
func (s *Stats) Random(v []byte) bool {
	letters := s.Lower + s.Upper
	switch {
	case s.N < 8 || letters == 0:
		return false
	case s.Digit == 0:
		return s.Lower > 2 && s.Upper > 2 && s.N >= 20 && s.Bits(v) > 4200
	case s.N < 16:
		return s.Digit >= 2 && s.Bits(v) >= 2500
	}
	return s.Bits(v) >= 3000
}

// Bits is the entropy of the part of v that was looked at, in 1/1024 bit per byte.
func (s *Stats) Bits(v []byte) int { return Entropy(v[:s.N]) }

// Placeholder reports whether v says that a value was left out, or stands for one that
// is filled in elsewhere: a mask, a template, a variable, or a word such as null. s are
// the Stats of v.
func (s *Stats) Placeholder(v []byte) bool {
	if len(v) == 0 || s.Stars {
		return true
	}
	switch v[0] {
	case '$':
		if len(v) >= 2 && (v[1] == '{' || v[1] == '(') || variable(v[1:]) {
			return true
		}
	case '{':
		if len(v) >= 2 && (v[1] == '{' || v[1] == '}' || v[len(v)-1] == '}' && nameOnly(v[1:len(v)-1])) {
			return true
		}
	case '#', '@':
		if len(v) >= 2 && v[1] == '{' {
			return true
		}
	case '<':
		if v[len(v)-1] == '>' && wordsOnly(v[1:len(v)-1]) || len(v) >= 2 && v[1] == '%' {
			return true
		}
	case '[', '(':
		if len(v) >= 2 && wordsOnly(v[1:len(v)-1]) && (v[len(v)-1] == ']' || v[len(v)-1] == ')') {
			return true
		}
		if len(v) >= 2 && wordsOnly(v[1:]) { // the closing bracket was taken for a delimiter
			return true
		}
	case '%':
		if len(v) == 2 && IsLetter(v[1]) || len(v) >= 2 && (v[1] == '(' || v[len(v)-1] == '%') {
			return true
		}
	}
	if s.Lower+s.Upper+s.Digit == 0 && mask(v) || v[0]|0x20 == 'x' && mask(v) {
		return true
	}
	// No word has a digit in it.
	return (s.Digit == 0 || s.Blank > 0) && WordAt(v) == Status
}

// mask reports whether v is made of what masks are made of: one character again and
// again, or bullets.
func mask(v []byte) bool {
	v = v[:min(len(v), MaxStats)]
	same := true
	for _, c := range v {
		same = same && c == v[0]
	}
	if same {
		return len(v) > 2 || !IsWord(v[0])
	}
	for _, c := range v {
		// Bullets: U+2022, U+25CF, U+2026
		if c != 0xe2 && c != 0x80 && c != 0xa2 && c != 0x97 && c != 0x8f && c != 0xa6 && c != '*' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// variable reports whether v is the name of an environment variable.
func variable(v []byte) bool {
	for _, c := range v {
		if !IsUpper(c) && c != '_' && !IsDigit(c) {
			return false
		}
	}
	return len(v) > 0 && !IsDigit(v[0])
}

func nameOnly(v []byte) bool {
	for _, c := range v {
		if !IsName(c) {
			return false
		}
	}
	return len(v) <= 40
}

// wordsOnly reports whether v is made of letters, blanks, '_' and '-'.
func wordsOnly(v []byte) bool {
	for _, c := range v {
		if !IsLetter(c) && !IsBlank(c) && c != '_' && c != '-' {
			return false
		}
	}
	return len(v) > 0 && len(v) <= 40
}

// Word says what an ordinary word means where a value would stand.
type Word uint8

const (
	// NoWord: no word that is known here.
	NoWord Word = iota
	// Prose: a word of a sentence or of a form, which may yet be somebody's password.
	Prose
	// Status: a word that says what became of a value, or what type it has.
	Status
)

// maxWord is the length of the longest word that WordAt knows.
const maxWord = 12

// WordAt says what the word is that v begins with and that a blank or the end of v ends.
func WordAt(v []byte) Word {
	var fold [maxWord]byte
	n := 0
	for n < len(v) && !IsBlank(v[n]) {
		c := v[n]
		if n == maxWord || !IsLetter(c) && c != '_' && c != '-' && c != '/' {
			return NoWord
		}
		if c-'A' < 26 {
			c |= 0x20
		}
		fold[n] = c
		n++
	}
	switch string(fold[:n]) {
	case "null", "nil", "none", "nul", "undefined", "unknown", "n/a", "na", "nan", "empty", "blank", "void", "unset", "not",
		"true", "false", "yes", "no", "on", "off", "ok", "enabled", "disabled", "optional", "required", "mandatory", "present", "absent",
		"missing", "invalid", "incorrect", "wrong", "valid", "expired", "failed", "failure", "success", "error", "accepted", "rejected",
		"denied", "changed", "updated", "created", "deleted", "removed", "hidden", "redacted", "masked", "filtered", "protected",
		"omitted", "scrubbed", "sanitized", "obfuscated", "suppressed", "classified", "sensitive", "is", "was", "must", "should", "cannot", "has", "may", "does", "too", "please", "contains",
		"string", "str", "text", "int", "integer", "bool", "boolean", "object", "bytes", "byte", "char", "array", "map", "dict":
		return Status
	case "password", "passwd", "pwd", "passphrase", "secret", "token", "key", "value", "username", "user", "email", "login", "auth", "basic", "bearer",
		"default", "plaintext", "plain", "strict", "strong", "weak", "any", "all", "self", "this", "the", "for", "and", "or", "of", "in", "to",
		"by", "with", "from", "will", "can", "could", "be", "are", "an", "a", "it", "its", "if", "new", "get", "set", "var",
		"const", "let", "func", "enter", "type", "use", "using", "see", "check", "try", "your", "my", "at", "as", "but", "when", "than",
		"we", "you", "i", "reset", "change", "update", "unable", "bad", "only", "matches", "match", "mismatch", "also", "via", "prompt":
		return Prose
	}
	return NoWord
}
