package redact

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"slices"
)

// A token is one word:
//
//	tok1_<kind>_<kid>_<payload><check>
//
//	kind     [a-z][a-z0-9]{1,11}
//	kid      [a-z0-9]{1,8}, not beginning with x: names scheme, key and version
//	payload  letters: 12 for each 8 bytes, base 52, most significant first; a
//	         last group of 1 to 7 bytes takes 2, 3, 5, 6, 8, 9 or 10 letters
//	check    6 letters: CRC-32C of everything between "tok1_" and itself
//
// Payload and check have no digit and none of @ . : - so they can spell no card, phone
// number, address or mail for this or any other scanner. A mask has no payload:
//
//	tok1_<kind>_x<last>    last: [a-z0-9]{0,7}, what was kept of the value
//
// The check is keyless. It detects every damage confined to four neighbouring
// characters (CRC-32 detects every burst of up to 32 bits), and any other damage with
// probability 1 - 2^-32. It proves nothing about who made the token: schemes authenticate
// their payload themselves. A mask has no check.
//
// A word character on the left does not matter: tokens are often glued to an escape
// (\n, %20) or to a prefix that was not part of the value. On the right no word
// character may follow.

const (
	tokenPrefix = "tok1_"
	maskKid     = 'x'

	checkLetters = 6

	// MinPayload and MaxPayload bound a token's payload, in bytes.
	MinPayload = 16
	MaxPayload = MaxLookaround + 64

	// MaxToken is the length in bytes of the longest token.
	MaxToken = len(tokenPrefix) + maxKind + 1 + maxKid + 1 + MaxPayload/8*groupLetters + checkLetters

	minKind, maxKind = 2, 12
	maxKid           = 8
	maxLast          = maxKid - 1
	groupLetters     = 12
	pairs            = 52 * 52
	half             = pairs * pairs * pairs // half a group: 6 letters
)

// Token is a token, or a mask, that stands in a text.
type Token struct {
	// Span is the whole token.
	Span
	// Kind and Kid are the spans of these parts.
	Kind, Kid Span
	// Payload is the span of the payload's letters without the check; empty for a mask.
	Payload Span
	// Mask says that the token is a mask: it stands for a value that is gone.
	Mask bool
}

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	// letterPairs holds the 52*52 pairs of letters in order.
	letterPairs = makeLetterPairs()
	// letterValue is 0..51 for a letter and notLetter for other bytes.
	letterValue = makeLetterValue()
	// tailLetters is the number of letters of a last group by its bytes, and
	// tailBytes the reverse, 0 where no such group exists.
	tailLetters = [8]uint8{0, 2, 3, 5, 6, 8, 9, 10}
	tailBytes   = [groupLetters]uint8{2: 1, 3: 2, 5: 3, 6: 4, 8: 5, 9: 6, 10: 7}
)

const (
	letters   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	notLetter = 0xff
)

func makeLetterPairs() (t [pairs][2]byte) {
	for i := range t {
		t[i] = [2]byte{letters[i/52], letters[i%52]}
	}
	return t
}

func makeLetterValue() (t [256]uint8) {
	for i := range t {
		t[i] = notLetter
	}
	for i, c := range []byte(letters) {
		t[c] = uint8(i)
	}
	return t
}

// Valid reports whether the kind can stand in a token.
func (k Kind) Valid() bool {
	if len(k) < minKind || len(k) > maxKind || !isLower(k[0]) {
		return false
	}
	for i := range len(k) {
		if !isLowerAlnum(k[i]) {
			return false
		}
	}
	return true
}

// ValidKid reports whether kid can name a key in a token. Those that begin with x are
// reserved for masks.
func ValidKid(kid string) bool {
	if len(kid) == 0 || len(kid) > maxKid || kid[0] == maskKid {
		return false
	}
	for i := range len(kid) {
		if !isLowerAlnum(kid[i]) {
			return false
		}
	}
	return true
}

// AppendMask appends the mask of a kind to dst.
func AppendMask(dst []byte, kind Kind) []byte {
	dst = append(dst, tokenPrefix...)
	dst = append(dst, kind...)
	return append(dst, '_', maskKid)
}

// AppendMaskKeep appends a mask that shows the end of the value. Letters of last are
// lowered, other bytes than letters and digits are left out, and at most 7 are kept,
// the last ones.
func AppendMaskKeep(dst []byte, kind Kind, last []byte) []byte {
	dst = AppendMask(dst, kind)
	from, n := len(last), 0
	for from > 0 && n < maxLast {
		from--
		if isAlnum(last[from]) {
			n++
		}
	}
	for _, c := range last[from:] {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if isLowerAlnum(c) {
			dst = append(dst, c)
		}
	}
	return dst
}

// AppendToken appends a token to dst. What no token can hold, a payload of less than
// MinPayload or more than MaxPayload bytes or a kid that is not ValidKid, becomes a mask.
func AppendToken(dst []byte, kind Kind, kid string, payload []byte) []byte {
	if len(payload) < MinPayload || len(payload) > MaxPayload || !ValidKid(kid) {
		return AppendMask(dst, kind)
	}
	dst = append(dst, tokenPrefix...)
	start := len(dst)
	dst = append(dst, kind...)
	dst = append(dst, '_')
	dst = append(dst, kid...)
	dst = append(dst, '_')
	at := len(dst)
	n := len(payload)/8*groupLetters + int(tailLetters[len(payload)%8])
	dst = slices.Grow(dst, n+checkLetters)[:at+n]
	p := dst[at:]
	for ; len(payload) >= 8; payload, p = payload[8:], p[groupLetters:] {
		v := binary.BigEndian.Uint64(payload)
		putHalf((*[groupLetters / 2]byte)(p), v/half)
		putHalf((*[groupLetters / 2]byte)(p[groupLetters/2:]), v%half)
	}
	var v uint64
	for _, c := range payload {
		v = v<<8 | uint64(c)
	}
	i := len(p)
	for ; i > 1; i -= 2 {
		pair := &letterPairs[v%pairs]
		p[i-2], p[i-1] = pair[0], pair[1]
		v /= pairs
	}
	if i == 1 {
		p[0] = letters[v]
	}
	sum := crc32.Update(0, castagnoli, dst[start:])
	dst = dst[:len(dst)+checkLetters]
	putHalf((*[checkLetters]byte)(dst[at+n:]), uint64(sum))
	return dst
}

// putHalf writes v, less than half, in 6 letters.
func putHalf(p *[6]byte, v uint64) {
	a, b, c := &letterPairs[v/(pairs*pairs)], &letterPairs[v/pairs%pairs], &letterPairs[v%pairs]
	p[0], p[1], p[2], p[3], p[4], p[5] = a[0], a[1], b[0], b[1], c[0], c[1]
}

// ParseToken reads the token or mask at b[at]. It reports false when there is none: the
// form is not right, the check does not agree, or a word character follows. It looks at
// most MaxToken+1 bytes ahead and does not allocate.
func ParseToken(b []byte, at int) (Token, bool) {
	if at < 0 || at > len(b)-len(tokenPrefix) || string(b[at:at+len(tokenPrefix)]) != tokenPrefix {
		return Token{}, false
	}
	i := at + len(tokenPrefix)
	t := Token{Span: Span{Start: at}}
	end := lowerRun(b, i, maxKind)
	if t.Kind = (Span{i, end}); t.Kind.Len() < minKind || !isLower(b[i]) || end == len(b) || b[end] != '_' {
		return Token{}, false
	}
	i = end + 1
	end = lowerRun(b, i, maxKid)
	if t.Kid = (Span{i, end}); t.Kid.Len() == 0 {
		return Token{}, false
	}
	if b[i] == maskKid {
		t.Mask, t.Payload, t.End = true, Span{end, end}, end
		return t, end == len(b) || !isWord(b[end])
	}
	if end == len(b) || b[end] != '_' {
		return Token{}, false
	}
	i = end + 1
	limit := min(len(b), i+MaxPayload/8*groupLetters+checkLetters)
	for end = i; end < limit && letterValue[b[end]] != notLetter; end++ {
	}
	n := end - i - checkLetters
	if n < MinPayload/8*groupLetters || (end < len(b) && isWord(b[end])) {
		return Token{}, false
	}
	if r := n % groupLetters; r != 0 && tailBytes[r] == 0 {
		return Token{}, false
	}
	t.Payload, t.End = Span{i, end - checkLetters}, end
	sum := crc32.Update(0, castagnoli, b[t.Kind.Start:t.Payload.End])
	return t, readLetters(b[t.Payload.End:end]) == uint64(sum)
}

// AppendPayload appends the bytes of the payload of t, which ParseToken read from b, to
// dst. It reports false for a mask, and for letters that are not the encoding of any bytes.
func (t Token) AppendPayload(dst, b []byte) ([]byte, bool) {
	if t.Mask {
		return dst, false
	}
	p, n := b[t.Payload.Start:t.Payload.End], len(dst)
	for len(p) >= groupLetters {
		hi, lo := readLetters(p[:groupLetters/2]), readLetters(p[groupLetters/2:groupLetters])
		over, v := bits.Mul64(hi, half)
		v, carry := bits.Add64(v, lo, 0)
		if over|carry != 0 {
			return dst[:n], false
		}
		dst = binary.BigEndian.AppendUint64(dst, v)
		p = p[groupLetters:]
	}
	if len(p) > 0 {
		k := int(tailBytes[len(p)])
		v := readLetters(p)
		if k == 0 || v>>(8*k) != 0 {
			return dst[:n], false
		}
		for i := k - 1; i >= 0; i-- {
			dst = append(dst, byte(v>>(8*i)))
		}
	}
	return dst, true
}

// readLetters returns the number that at most 11 letters write.
func readLetters(p []byte) (v uint64) {
	for _, c := range p {
		v = v*52 + uint64(letterValue[c])
	}
	return v
}

// lowerRun returns the end of the run of [a-z0-9] at i, at most limit bytes of it.
func lowerRun(b []byte, i, limit int) int {
	limit = min(len(b), i+limit)
	for i < limit && isLowerAlnum(b[i]) {
		i++
	}
	return i
}

func isLower(c byte) bool      { return 'a' <= c && c <= 'z' }
func isLowerAlnum(c byte) bool { return isLower(c) || '0' <= c && c <= '9' }
func isAlnum(c byte) bool      { return isLowerAlnum(c) || 'A' <= c && c <= 'Z' }
func isWord(c byte) bool       { return isAlnum(c) || c == '_' }
