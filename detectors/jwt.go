package detectors

import "logveil/redact"

// jwt finds JSON Web Tokens.
//
// Source: RFC 7519, in the compact serializations of RFC 7515, section 7.1 (three parts,
// the last one empty when unsecured), and RFC 7516, section 7.1 (five parts, some of them
// possibly empty). The first part decodes as a JSON object with a member "alg", or both
// the first two as JSON objects; nothing else looks like it, so that what stands before a
// token does not matter. All parts are the value.
//
// A token that was encoded in base64 once more is found as well.
type jwt struct{}

const (
	jwtMaxLen = 16 << 10
	// jwtHeader bounds how much of the header is decoded in search of "alg", in
	// characters.
	jwtHeader = 2048
	// jwtShort is enough of a header for most, in characters of a token encoded again.
	jwtShort = 96
	// jwtTwiceMin is the least length of a token that was encoded again.
	jwtTwiceMin = 64
)

func (jwt) Spec() redact.Spec {
	return redact.Spec{
		Name: "jwt",
		Kind: "jwt",
		Doc:  "JSON Web Tokens (JWS and JWE): the header decodes and names an algorithm.",
		Anchor: redact.Anchor{Literals: []redact.Literal{
			{Text: "eyJ"},                                                  // {"
			{Text: "eyAi"}, {Text: "ewog"}, {Text: "ewoJ"}, {Text: "ew0K"}, // { and a space or line end
			{Text: "ZXlK"}, // eyJ, encoded again
		}},
		MaxLen: jwtMaxLen,
		Rank:   80,
		Weight: 4,
		Work:   map[redact.Reason]int{redact.RejectValue: 12},
	}
}

func (jwt) Match(b []byte, at int) (redact.Span, redact.Reason) {
	if len(b)-at < 8 {
		return redact.Span{}, redact.RejectLength
	}
	lim := min(len(b), at+jwtMaxLen)
	switch {
	case b[at] == 'Z':
		return matchTwice(b, at, lim)
	case b[at] == 'e' && b[at+1] == 'y' && b[at+2] == 'J':
		if !jwtName(b[at+3]) {
			return redact.Span{}, redact.RejectValue
		}
	default:
		if a := string(b[at : at+4]); a != "eyAi" && a != "ewog" && a != "ewoJ" && a != "ew0K" {
			return redact.Span{}, redact.RejectAnchor
		}
	}
	h := jwtReader{b: b[:min(lim, at+jwtHeader)], i: at}
	if h.header() != headerFound {
		return redact.Span{}, redact.RejectValue
	}
	end, dot, last := at, -1, at
	for ; end < lim && jwtBytes[b[end]]; end++ {
		if b[end] != '.' {
			last = end + 1
		} else if dot < 0 {
			dot = end
		}
	}
	if dot < 0 || last <= dot {
		return redact.Span{}, redact.RejectLength
	}
	if end < lim || lim == len(b) {
		end = last // a dot at the end is punctuation
	}
	return openAt(redact.Span{Start: at, End: end}, lim, len(b))
}

// jwtName reports whether the name of the first header parameter begins with a letter,
// when c is the character after "eyJ": it holds six of the eight bits of the letter.
func jwtName(c byte) bool { return base64Value[c] >= 0 && isWord(0x40|byte(base64Value[c])) }

// matchTwice takes a token that was encoded in base64 once more.
func matchTwice(b []byte, at, lim int) (redact.Span, redact.Reason) {
	v, w := base64Value[b[at+4]], base64Value[b[at+5]]
	if string(b[at:at+4]) != "ZXlK" || v < 0 || w < 0 || !jwtName(byte(v)<<2|byte(w)>>4) {
		return redact.Span{}, redact.RejectValue
	}
	var short [jwtShort / 4 * 3]byte
	found := headerTwice(short[:], b[at:min(lim, at+jwtShort)])
	if found == headerCut && lim-at > jwtShort {
		var long [jwtHeader / 4 * 3]byte
		found = headerTwice(long[:], b[at:min(lim, at+jwtHeader)])
	}
	if found != headerFound {
		return redact.Span{}, redact.RejectValue
	}
	end := at
	for end < lim && (base64Value[b[end]] >= 0 || b[end] == '=') {
		end++
	}
	if end-at < jwtTwiceMin {
		return redact.Span{}, redact.RejectLength
	}
	return openAt(redact.Span{Start: at, End: end}, lim, len(b))
}

// headerTwice reads the header that src is when it is decoded once, which is done in dst.
func headerTwice(dst, src []byte) int {
	n, _ := decodeBase64(dst, src)
	h := jwtReader{b: dst[:n]}
	return h.header()
}

// jwtBytes are the characters of base64url, its padding, which some add, and the dot.
var jwtBytes = tableOf("0-9A-Za-z_.=-")

// base64Value is the value of a character in base64 or base64url, or negative.
var base64Value = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(alphabet) {
		t[alphabet[i]] = int8(i)
	}
	t['-'], t['_'] = t['+'], t['/']
	return t
}()

// decodeBase64 decodes src up to the first byte that is no character of base64, and
// returns how many bytes it wrote and how many it read. It stops where dst is full.
func decodeBase64(dst, src []byte) (n, read int) {
	for len(src)-read >= 4 && len(dst)-n >= 3 {
		s := src[read : read+4]
		v0, v1, v2, v3 := base64Value[s[0]], base64Value[s[1]], base64Value[s[2]], base64Value[s[3]]
		if v0|v1|v2|v3 < 0 {
			break
		}
		dst[n], dst[n+1], dst[n+2] = byte(v0)<<2|byte(v1)>>4, byte(v1)<<4|byte(v2)>>2, byte(v2)<<6|byte(v3)
		n, read = n+3, read+4
	}
	if len(dst)-n < 3 {
		return n, read
	}
	// The last two or three characters.
	acc, bits := uint32(0), 0
	for read < len(src) && base64Value[src[read]] >= 0 {
		acc = acc<<6 | uint32(base64Value[src[read]])
		read++
		if bits += 6; bits >= 8 {
			bits -= 8
			dst[n] = byte(acc >> bits)
			n++
		}
	}
	return n, read
}

// jwtReader decodes the header of a token from b[i] on, some bytes at a time.
type jwtReader struct {
	b    []byte
	i    int
	buf  [24]byte
	k, n int  // buf[k:n] was decoded and not yet read
	cut  bool // b ends inside the header
}

// next returns the next byte of the header, and false at its end.
func (h *jwtReader) next() (byte, bool) {
	if h.k == h.n && !h.fill() {
		return 0, false
	}
	c := h.buf[h.k]
	h.k++
	return c, true
}

// fill decodes more of the header, and reports false at its end. It begins with a few
// bytes, since most candidates are none.
func (h *jwtReader) fill() bool {
	dst := h.buf[:]
	if h.n == 0 {
		dst = h.buf[:9]
	}
	n, read := decodeBase64(dst, h.b[h.i:])
	h.i += read
	h.k, h.n = 0, n
	h.cut = h.i == len(h.b)
	return n > 0
}

// claims reports whether the header ends here and another JSON object follows it.
func (h *jwtReader) claims() bool {
	if h.k < h.n || h.fill() {
		return false
	}
	i := h.i
	for i < len(h.b) && h.b[i] == '=' {
		i++
	}
	if len(h.b)-i < 4 {
		h.cut = true
		return false
	}
	return string(h.b[i:i+4]) == ".eyJ"
}

// jwtDepth bounds the nesting of a header.
const jwtDepth = 4

// What header found.
const (
	headerNone = iota
	headerFound
	headerCut // the text ended before
)

// header reads a header: a JSON object with a member "alg", or one of any kind when
// another object follows it.
func (h *jwtReader) header() int {
	switch {
	case h.object():
		return headerFound
	case h.cut:
		return headerCut
	}
	return headerNone
}

func (h *jwtReader) object() bool {
	c, ok := h.token()
	if !ok || c != '{' {
		return false
	}
	var inArray [jwtDepth]bool
	depth := 0
	for {
		// The next member of the object, or element of the array, that is open.
		if c, ok = h.token(); !ok {
			return false
		}
		empty := depth > 0 && (c == '}' && !inArray[depth] || c == ']' && inArray[depth])
		if !inArray[depth] && !empty {
			if c != '"' {
				return false
			}
			found, ok := h.text(depth == 0)
			if !ok {
				return false
			}
			if c, ok = h.token(); !ok || c != ':' {
				return false
			}
			if found {
				return true
			}
			if c, ok = h.token(); !ok {
				return false
			}
		}
		switch {
		case empty:
			depth--
		case c == '"':
			if _, ok = h.text(false); !ok {
				return false
			}
		case c == '{' || c == '[':
			if depth++; depth == jwtDepth {
				return false
			}
			inArray[depth] = c == '['
			continue
		case !jsonScalar[c]:
			return false
		}
		// What follows a value; more of a scalar, until something else begins.
		for {
			if c, ok = h.token(); !ok {
				return false
			}
			if c == ',' {
				break
			}
			if c == '}' && !inArray[depth] || c == ']' && inArray[depth] {
				if depth--; depth < 0 {
					return h.claims()
				}
			} else if !jsonScalar[c] {
				return false
			}
		}
	}
}

var jsonScalar = tableOf("0-9a-zE+.-")

// token returns the next byte that is no white space.
func (h *jwtReader) token() (byte, bool) {
	for {
		c, ok := h.next()
		if !ok || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, ok
		}
	}
}

// text reads the rest of a string. With want, the string is the name of a header
// parameter, which begins with a letter, and text reports whether it is "alg".
func (h *jwtReader) text(want bool) (found, ok bool) {
	const alg = "alg"
	n, same := 0, want
	for {
		c, ok := h.next()
		switch {
		case !ok || c < ' ' || want && n == 0 && !isWord(c):
			return false, false
		case c == '"':
			return same && n == len(alg), true
		case c == '\\':
			if _, ok = h.next(); !ok {
				return false, false
			}
			same = false
		}
		same = same && n < len(alg) && c == alg[n]
		n++
	}
}
