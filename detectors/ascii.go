package detectors

// byteClass is a set of classes that a byte belongs to. Bytes that are not ASCII belong
// to none, as in the engine's shapes.
type byteClass uint8

const (
	classDigit byteClass = 1 << iota
	classUpper
	classLower
	classUnderscore

	classLetter = classUpper | classLower
	classWord   = classLetter | classDigit | classUnderscore
)

var byteClasses = func() (t [256]byteClass) {
	for c := '0'; c <= '9'; c++ {
		t[c] = classDigit
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = classUpper
		t[c|0x20] = classLower
	}
	t['_'] = classUnderscore
	return t
}()

func isDigit(c byte) bool  { return c-'0' <= 9 }
func isUpper(c byte) bool  { return c-'A' <= 25 }
func isLower(c byte) bool  { return c-'a' <= 25 }
func isLetter(c byte) bool { return c|0x20-'a' <= 25 }
func isWord(c byte) bool   { return byteClasses[c]&classWord != 0 }

// notDigits flags the bytes of w that are no digits by their highest bits.
func notDigits(w uint64) uint64 {
	w ^= '0' * 0x01010101_01010101
	return (w&(0x7f*0x01010101_01010101) + (0x7f-9)*0x01010101_01010101 | w) & (0x80 * 0x01010101_01010101)
}

// flagBits returns the flags of eight bytes as eight bits, the first byte's lowest.
func flagBits(w uint64) uint32 { return uint32(w >> 7 * 0x01020408_10204080 >> 56) }

// countDigits returns how many digits stand at b[at:], at most limit.
func countDigits(b []byte, at, limit int) int {
	end := min(len(b), at+limit)
	i := at
	for i < end && isDigit(b[i]) {
		i++
	}
	return max(i-at, 0)
}

// countDigitsBack returns how many digits stand right before b[at], at most limit.
func countDigitsBack(b []byte, at, limit int) int {
	start := max(0, at-limit)
	i := at
	for i > start && isDigit(b[i-1]) {
		i--
	}
	return at - i
}

// joined reports whether a word character stands right before b[at].
func joined(b []byte, at int) bool {
	return at > 0 && isWord(b[at-1])
}

// hasFold reports whether b holds, at b[at:], the given lower-case text in either case.
func hasFold(b []byte, at int, text string) bool {
	if at > len(b) || len(b)-at < len(text) {
		return false
	}
	for i := range len(text) {
		c := b[at+i]
		if isUpper(c) {
			c |= 0x20
		}
		if c != text[i] {
			return false
		}
	}
	return true
}

// tokenPrefix begins every replaced value.
const tokenPrefix = "tok1_"

// tokenAt reports whether a replaced value begins at b[at]. A keyword that has one behind
// it has done its work: it must not reach for what comes after.
func tokenAt(b []byte, at int) bool {
	return b[at] == tokenPrefix[0] && len(b)-at >= len(tokenPrefix) && string(b[at:at+len(tokenPrefix)]) == tokenPrefix
}

// kindInToken reports whether b[at] is where the kind stands in a replaced value, which
// must not be taken for a keyword.
func kindInToken(b []byte, at int) bool {
	return at >= len(tokenPrefix) && b[at-1] == '_' && tokenAt(b, at-len(tokenPrefix))
}
