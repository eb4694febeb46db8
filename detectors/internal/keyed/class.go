package keyed

// Classes of bytes. Bytes that are not ASCII belong to none.
const (
	classLower uint8 = 1 << iota
	classUpper
	classDigit
	classUnderscore
	classJoin  // '-' and '.': within a key, not within a word
	classBlank // space and tab
	classEnd   // may stand right after a value: blanks, line ends, closing brackets, quotes, ',' ';'
	classOpen  // may begin an operator

	classLetter = classLower | classUpper
	classWord   = classLetter | classDigit | classUnderscore
	className   = classWord | classJoin
)

var classes = func() (t [256]uint8) {
	set := func(s string, class uint8) {
		for _, c := range []byte(s) {
			t[c] |= class
		}
	}
	for c := byte('a'); c <= 'z'; c++ {
		t[c] |= classLower
		t[c-0x20] |= classUpper
	}
	for c := byte('0'); c <= '9'; c++ {
		t[c] |= classDigit
	}
	set("_", classUnderscore)
	set("-.", classJoin)
	set(" \t", classBlank)
	set(" \t\r\n\x00\x1b\"'`)]}>,;", classEnd)
	set(" \t=:>\"'`\\[]?.+|!,\x1b", classOpen)
	return t
}()

// IsName reports whether c can stand in a key: a letter, a digit, '_', '-' or '.'.
func IsName(c byte) bool { return classes[c]&className != 0 }

// IsWord reports whether c is a letter, a digit or '_'.
func IsWord(c byte) bool { return classes[c]&classWord != 0 }

// IsLetter reports whether c is an ASCII letter.
func IsLetter(c byte) bool { return classes[c]&classLetter != 0 }

// IsDigit reports whether c is an ASCII digit.
func IsDigit(c byte) bool { return classes[c]&classDigit != 0 }

// IsUpper reports whether c is an upper-case ASCII letter.
func IsUpper(c byte) bool { return classes[c]&classUpper != 0 }

// IsLower reports whether c is a lower-case ASCII letter.
func IsLower(c byte) bool { return classes[c]&classLower != 0 }

// IsBlank reports whether c is a space or a tab.
func IsBlank(c byte) bool { return classes[c]&classBlank != 0 }

func isHex(c byte) bool { return IsDigit(c) || (c|0x20)-'a' < 6 }

// Starts reports whether a value may start at b[i]: the byte before is no word
// character, or it is the end of an escape, such as the n of \n, the 3D of %3D, the
// digits of \u003d or the m of an ANSI colour.
func Starts(b []byte, i int) bool {
	if i <= 0 || !IsWord(b[i-1]) {
		return true
	}
	p := b[max(0, i-16):i]
	n := len(p)
	c := p[n-1]
	switch {
	case n >= 3 && p[n-3] == '%' && isHex(p[n-2]) && isHex(c):
		return true
	case n >= 2 && p[n-2] == '\\' && (c == 'n' || c == 't' || c == 'r'):
		return true
	case n >= 6 && p[n-6] == '\\' && p[n-5] == 'u' && p[n-4] == '0' && p[n-3] == '0' && isHex(p[n-2]) && isHex(c):
		return true
	case c == 'm':
		j := n - 2
		for j >= 0 && (IsDigit(p[j]) || p[j] == ';') {
			j--
		}
		return j >= 0 && p[j] == '[' && j < n-1 && (j >= 1 && p[j-1] == 0x1b || j >= 5 && string(p[j-5:j]) == "u001b")
	}
	return false
}
