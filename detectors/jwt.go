package detectors

import "logveil/redact"

// jwt finds JSON Web Tokens.
//
// Source: RFC 7519, in the compact serializations of RFC 7515, section 7.1 (three parts,
// the last one empty when unsecured), and RFC 7516, section 7.1 (five parts, some of them
// possibly empty). The first part decodes as a JSON object with a member "alg"; nothing
// else looks like it, so that what stands before a token does not matter. All parts are
// the value.
//
// A token that was encoded in base64 once more is found as well.
type jwt struct{}

const (
	jwtMaxLen = 16 << 10
	// jwtHeader bounds how much of the header is decoded in search of "alg", in
	// characters.
	jwtHeader = 2048
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
	}
}

func (jwt) Match(b []byte, at int) (redact.Span, redact.Reason) {
	if len(b)-at < 8 || b[at] != 'e' && b[at] != 'Z' {
		return redact.Span{}, redact.RejectAnchor
	}
	lim := min(len(b), at+jwtMaxLen)
	h := jwtReader{b: b[:min(lim, at+jwtHeader)], i: at, twice: b[at] == 'Z'}
	if !h.alg() {
		return redact.Span{}, redact.RejectValue
	}
	end, dots := h.i, 0
	if h.twice {
		for end < lim && (base64Value[b[end]] >= 0 || b[end] == '=') {
			end++
		}
		// The dot between header and payload is somewhere in what is encoded.
		if end-at < jwtTwiceMin {
			return redact.Span{}, redact.RejectLength
		}
	} else {
		last := end
		for ; end < lim && jwtBytes[b[end]]; end++ {
			if b[end] == '.' {
				dots++
			} else {
				last = end + 1
			}
		}
		if dots == 0 || last == h.i {
			return redact.Span{}, redact.RejectLength
		}
		if end < lim || lim == len(b) {
			end = last
		}
	}
	if end == lim && lim < len(b) {
		return redact.Span{Start: at, End: end}, redact.AcceptedOpen
	}
	return redact.Span{Start: at, End: end}, redact.Accepted
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

// jwtReader decodes the header of a token byte by byte, from b[i] on.
type jwtReader struct {
	b     []byte
	i     int
	twice bool // what is decoded is base64 again
	outer base64Bits
	inner base64Bits
}

// base64Bits are the bits that were decoded and not yet taken.
type base64Bits struct {
	acc, n uint32
}

func (s *base64Bits) push(v int8) (c byte, ok bool) {
	s.acc = s.acc<<6 | uint32(v)
	if s.n += 6; s.n < 8 {
		return 0, false
	}
	s.n -= 8
	return byte(s.acc >> s.n), true
}

// next returns the next byte of the header, and false at its end.
func (h *jwtReader) next() (byte, bool) {
	for h.i < len(h.b) {
		v := base64Value[h.b[h.i]]
		if v < 0 {
			return 0, false
		}
		h.i++
		c, ok := h.outer.push(v)
		if ok && h.twice {
			if v = base64Value[c]; v < 0 {
				return 0, false
			}
			c, ok = h.inner.push(v)
		}
		if ok {
			return c, true
		}
	}
	return 0, false
}

// jwtDepth bounds the nesting of a header.
const jwtDepth = 8

// alg reads a JSON object until it has seen the member "alg" of the object itself. When
// it reports true, h.i is behind the base64 characters of the header.
func (h *jwtReader) alg() bool {
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
				h.skip()
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
					return false
				}
			} else if !jsonScalar[c] {
				return false
			}
		}
	}
}

// skip goes to the end of the header.
func (h *jwtReader) skip() {
	for h.i < len(h.b) && base64Value[h.b[h.i]] >= 0 {
		h.i++
	}
	for h.i < len(h.b) && h.b[h.i] == '=' {
		h.i++
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

// text reads the rest of a string. With want, it reports whether the string is "alg".
func (h *jwtReader) text(want bool) (found, ok bool) {
	const alg = "alg"
	n, same := 0, want
	for {
		c, ok := h.next()
		switch {
		case !ok || c < ' ':
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
