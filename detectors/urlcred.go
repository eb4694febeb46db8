package detectors

import "logveil/redact"

// urlcred finds passwords and tokens in the authority of URLs.
//
// Source: the userinfo of RFC 3986, section 3.2.1. Only the password is the value, in
// scheme://user:password@host, and a lone token of at least 16 characters with a digit,
// in scheme://token@host; a user name stays.
//
// Passwords are often not encoded as the RFC wants, so that of several @ the last one
// before the host's delimiter counts, and where a colon is followed by something that is
// no port, the password may hold / ? # as well.
type urlcred struct{}

const (
	urlMaxLen = 4 << 10
	// urlOdd bounds, in bytes, a password with delimiters in it.
	urlOdd = 512
	// urlToken is the least length of a token without a user.
	urlToken = 16
)

func (urlcred) Spec() redact.Spec {
	return redact.Spec{
		Name:   "urlcred",
		Kind:   "urlcred",
		Doc:    "Passwords and tokens before the host of a URL.",
		Anchor: redact.Anchor{Literals: []redact.Literal{{Text: "://"}}},
		MaxLen: urlMaxLen,
		Rank:   85,
		Weight: 2,
	}
}

func (urlcred) Match(b []byte, at int) (redact.Span, redact.Reason) {
	if len(b)-at < len("://x") || b[at] != ':' || b[at+1] != '/' || b[at+2] != '/' {
		return redact.Span{}, redact.RejectAnchor
	}
	return matchUserinfo(b, at, at+3)
}

// What a byte means to the authority of a URL.
const (
	urlEnd   = 1 << iota // the URL ends before it
	urlDelim             // the authority ends, if it is written by the RFC
	urlMark              // @ : and the backslash
)

var urlBytes = func() (t [256]uint8) {
	for c := range 0x21 {
		t[c] = urlEnd
	}
	t['"'], t[0x7f] = urlEnd, urlEnd
	t['/'], t['?'], t['#'] = urlDelim, urlDelim, urlDelim
	t['@'], t[':'], t['\\'] = urlMark, urlMark, urlMark
	return t
}()

func matchUserinfo(b []byte, at, from int) (redact.Span, redact.Reason) {
	lim := min(len(b), at+urlMaxLen)
	if b[from] == '[' {
		return redact.Span{}, redact.RejectContext // an IPv6 host
	}
	colon, last := -1, -1
	i := from
authority:
	for ; i < lim; i++ {
		k := urlBytes[b[i]]
		if k == 0 {
			continue
		}
		if k != urlMark {
			break
		}
		switch b[i] {
		case ':':
			if colon < 0 {
				colon = i
			}
		case '@':
			last = i
		case '\\':
			if urlEscape(b, i, lim) {
				break authority
			}
		}
	}
	if last >= 0 && i == last+1 && i < lim && urlBytes[b[i]] == urlDelim && colon >= 0 && colon < last {
		// No host: the @ is of the password, if a host follows a later one.
		if s, r := oddPassword(b, at, from, colon, i); r.OK() {
			return s, r
		}
	}
	switch {
	case last >= 0 && colon >= 0 && colon < last:
		if portBefore(b, colon, last) {
			return redact.Span{}, redact.RejectContext
		}
		return urlPassword(b, at, from, colon+1, last)
	case last >= 0:
		return urlTokenSpan(b, from, last)
	case colon < 0:
		return redact.Span{}, redact.RejectContext
	case i == lim && lim < len(b) && !portBefore(b, colon, i):
		// The password is longer than what may be looked at.
		return redact.Span{Start: colon + 1, End: i}, redact.AcceptedOpen
	case i-colon == 1 || portBefore(b, colon, i):
		return redact.Span{}, redact.RejectContext
	case i == lim || urlBytes[b[i]] != urlDelim:
		// No host follows. Where a log has cut the URL short, a password may stand here.
		if w := b[colon+1 : i]; !mixedWord(w) || tokenSpan(b, colon+1, i) {
			return redact.Span{}, redact.RejectContext
		}
		return redact.Span{Start: colon + 1, End: i}, redact.Accepted
	}
	return oddPassword(b, at, from, colon, i)
}

// mixedWord reports whether w has no order that names and tags have: at least eight
// characters, small and capital letters and digits among them.
func mixedWord(w []byte) bool {
	var have byteClass
	for _, c := range w {
		have |= byteClasses[c]
	}
	const want = classUpper | classLower | classDigit
	return len(w) >= 8 && have&want == want
}

// oddPassword looks for the @ of a password with delimiters in it, from the first
// delimiter at b[i] on. The next URL ends the search.
func oddPassword(b []byte, at, from, colon, i int) (redact.Span, redact.Reason) {
	lim := min(len(b), i+urlOdd, at+urlMaxLen-2)
	last := -1
	for ; i < lim; i++ {
		k := urlBytes[b[i]]
		if k == 0 {
			continue
		}
		if k == urlEnd || k == urlDelim && last >= 0 && hostAt(b, last+1, i) {
			break
		}
		switch b[i] {
		case '@':
			last = i
		case ':':
			if i+2 < lim && b[i+1] == '/' && b[i+2] == '/' {
				lim = i
			}
		case '\\':
			if urlEscape(b, i, lim) {
				lim = i
			}
		}
	}
	if last < 0 || !hostAt(b, last+1, i) {
		return redact.Span{}, redact.RejectContext
	}
	return urlPassword(b, at, from, colon+1, last)
}

// urlEscape reports whether the backslash at b[i] begins an escape that ends the URL: a
// line end, a tab or a quote in a JSON string.
func urlEscape(b []byte, i, lim int) bool {
	for i < lim && b[i] == '\\' {
		i++
	}
	if i == lim {
		return true
	}
	switch b[i] {
	case 'n', 'r', 't', '"', '\'', 'u':
		return true
	}
	return false
}

// portBefore reports whether a port follows the colon, and then something that shows that
// the URL was at its end, before b[end].
func portBefore(b []byte, colon, end int) bool {
	i := colon + 1
	for i < end && i-colon <= 6 && isDigit(b[i]) {
		i++
	}
	n := i - colon - 1
	if n == 0 || n > 5 {
		return false
	}
	if i == end {
		return i == len(b) || b[i] != '@'
	}
	return portEnd[b[i]]
}

var portEnd = tableOf(",;<>()[]{}|'`\\")

// urlPassword judges the password b[start:end].
func urlPassword(b []byte, at, from, start, end int) (redact.Span, redact.Reason) {
	w := b[start:end]
	if len(w) == 0 {
		return redact.Span{}, redact.RejectLength
	}
	if placeholder(w) || template(w) {
		return redact.Span{}, redact.RejectValue
	}
	if tokenSpan(b, start, end) {
		return redact.Span{}, redact.RejectValue
	}
	// A quote or bracket before the URL ends it where it is closed.
	if c := closing(b, at); c != 0 {
		for _, x := range b[from:end] {
			if x == c {
				return redact.Span{}, redact.RejectContext
			}
		}
	}
	return redact.Span{Start: start, End: end}, redact.Accepted
}

// tokenSpan reports whether b[start:end] is a token or a mask of an earlier pass.
func tokenSpan(b []byte, start, end int) bool {
	if start >= end || !tokenAt(b, start) {
		return false
	}
	t, ok := redact.ParseToken(b[:end], start)
	return ok && t.End == end
}

// template reports whether w is a variable and no value: ${x}, {{x}}, <x>.
func template(w []byte) bool {
	n := len(w)
	if n < 3 {
		return false
	}
	switch last := w[n-1]; w[0] {
	case '<':
		return last == '>'
	case '{':
		return last == '}'
	case '$':
		return w[1] == '{' && last == '}' || w[1] == '(' && last == ')'
	}
	return false
}

// closing returns the byte that closes what stands before the scheme of the URL with
// "://" at b[at], or 0.
func closing(b []byte, at int) byte {
	i := at
	for i > 0 && at-i < 40 && schemeChars[b[i-1]] {
		i--
	}
	if i == 0 {
		return 0
	}
	switch c := b[i-1]; c {
	case '\'', '`', '|':
		return c
	case '(':
		return ')'
	case '<':
		return '>'
	case '[':
		return ']'
	case '{':
		return '}'
	}
	return 0
}

var schemeChars = tableOf("0-9A-Za-z+.:-")

// urlTokenSpan judges a userinfo without a colon.
func urlTokenSpan(b []byte, start, end int) (redact.Span, redact.Reason) {
	w := b[start:end]
	if len(w) < urlToken {
		return redact.Span{}, redact.RejectLength
	}
	digit := false
	for i, c := range w {
		if !urlTokenBytes[c] || c == '%' && i+2 < len(w) && w[i+1] == '4' && w[i+2] == '0' {
			return redact.Span{}, redact.RejectValue // with %40, the user is an address
		}
		digit = digit || isDigit(c)
	}
	if !digit {
		return redact.Span{}, redact.RejectValue
	}
	if tokenSpan(b, start, end) {
		return redact.Span{}, redact.RejectValue
	}
	return redact.Span{Start: start, End: end}, redact.Accepted
}

var urlTokenBytes = tableOf("0-9A-Za-z_.~=+%-")

// hostAt reports whether the host of a URL begins at b[i]: a name with a dot, or any name
// before a port or a path.
func hostAt(b []byte, i, end int) bool {
	if i < end && b[i] == '[' {
		return true
	}
	j, dot := i, false
	for j < end && (isWord(b[j]) || b[j] == '-' || b[j] == '.') {
		dot = dot || b[j] == '.'
		j++
	}
	if j == i {
		return false
	}
	return dot || j < len(b) && (b[j] == '/' || b[j] == ':' && j+1 < len(b) && isDigit(b[j+1])) || string(b[i:j]) == "localhost"
}
