package detectors

import (
	"unicode/utf8"

	"logveil/detectors/internal/keyed"
	"logveil/redact"
)

// bearer finds the credentials of HTTP authorization, but for those of the Basic scheme.
//
// Source: the Authorization and Proxy-Authorization fields of RFC 9110, section 11, and
// the Bearer scheme of RFC 6750; the parameters of RFC 7616 (Digest) and of the schemes
// of cloud vendors that sign requests (AWS4-HMAC-SHA256 and its like).
//
// The value is the credential: what follows the scheme, with all its parameters, or the
// whole field value when no scheme is named. It is taken behind the name of the field in
// any of the forms that package keyed reads. "Bearer" alone is enough when what follows
// has at least 16 characters or a digit.
type bearer struct{}

// basic finds the credentials of the Basic scheme.
//
// Source: RFC 7617. Without the name of the field before it, what follows "Basic" must
// decode from base64 to text with a colon.
type basic struct{}

const (
	// credentialMaxLen leaves room for the largest tokens.
	credentialMaxLen = 16 << 10
	// basicDecoded bounds how much of a credential is decoded, in bytes.
	basicDecoded = 192

	authorizationName = "authorization"
	bearerName        = "bearer"
	basicName         = "basic"
)

func (bearer) Spec() redact.Spec {
	return redact.Spec{
		Name: "bearer",
		Kind: "bearer",
		Doc:  "Credentials of Authorization fields, bearer tokens.",
		Anchor: redact.Anchor{Literals: []redact.Literal{
			{Text: bearerName, Fold: true},
			{Text: authorizationName, Fold: true},
		}},
		MaxLen: credentialMaxLen,
		Rank:   65,
		Weight: 4,
	}
}

func (bearer) Match(b []byte, at int) (redact.Span, redact.Reason) {
	switch b[at] | 0x20 {
	case 'b':
		return matchBearer(b, at)
	case 'a':
		return matchAuthorization(b, at)
	}
	return redact.Span{}, redact.RejectAnchor
}

func (basic) Spec() redact.Spec {
	return redact.Spec{
		Name:   "basic",
		Kind:   "basic",
		Doc:    "User and password of HTTP Basic authorization, in base64.",
		Anchor: redact.Anchor{Literals: []redact.Literal{{Text: basicName, Fold: true}}},
		MaxLen: credentialMaxLen,
		Rank:   65,
		Weight: 4,
	}
}

func (basic) Match(b []byte, at int) (redact.Span, redact.Reason) {
	if !hasFold(b, at, basicName) {
		return redact.Span{}, redact.RejectAnchor
	}
	i, r := schemeEnd(b, at, len(basicName))
	if !r.OK() {
		return redact.Span{}, r
	}
	lim := min(len(b), at+credentialMaxLen)
	if !behindAuthorization(b, at) && !basicPair(b[i:lim]) {
		return redact.Span{}, redact.RejectValue
	}
	return credentialSpan(b, i, lim, 1)
}

func matchBearer(b []byte, at int) (redact.Span, redact.Reason) {
	if !hasFold(b, at, bearerName) {
		return redact.Span{}, redact.RejectAnchor
	}
	i, r := schemeEnd(b, at, len(bearerName))
	if !r.OK() {
		return redact.Span{}, r
	}
	lim := min(len(b), at+credentialMaxLen)
	if behindAuthorization(b, at) {
		return credentialSpan(b, i, lim, 1)
	}
	w := credentialHead(b, i, lim)
	if !(len(w) >= 16 || len(w) >= 4 && hasDigit(w) && !digitsOnly(w) || len(w) >= 8 && hasDigit(w)) {
		return redact.Span{}, redact.RejectValue
	}
	if i+len(w) < lim && b[i+len(w)] == '=' && challenge(w) {
		return redact.Span{}, redact.RejectValue
	}
	return credentialSpan(b, i, lim, 4)
}

// matchAuthorization takes what follows the name of the field, but for the schemes that
// have an anchor of their own.
func matchAuthorization(b []byte, at int) (redact.Span, redact.Reason) {
	if i := at + len(authorizationName); i+1 < len(b) && b[i] == ' ' && isLetter(b[i+1]) {
		return redact.Span{}, redact.RejectOperator // prose
	}
	if !hasFold(b, at, authorizationName) {
		return redact.Span{}, redact.RejectAnchor
	}
	if glued(b, at) && b[at-1] != '_' {
		return redact.Span{}, redact.RejectNeighbor
	}
	op, ok := keyed.Operator(b, at+len(authorizationName))
	if !ok {
		return redact.Span{}, redact.RejectOperator
	}
	i := op.Start
	if i < len(b) && b[i] == '[' {
		i++ // the one element of a list: {Authorization=[Token x]}
	}
	lim := min(len(b), at+credentialMaxLen)
	if i >= lim {
		return redact.Span{}, redact.RejectLength
	}
	j := i
	for j < lim && j-i < 40 && schemeBytes[b[j]] {
		j++
	}
	if k := schemeGap(b, j, lim); k > j && j > i && isLetter(b[i]) {
		scheme := b[i:j]
		if oneOf(scheme, bearerName, basicName) {
			return redact.Span{}, redact.RejectContext
		}
		if signingScheme(scheme) {
			if end := paramsEnd(b, k, lim); end > k {
				return openAt(redact.Span{Start: k, End: end}, lim, len(b))
			}
		}
		w := credentialHead(b, k, lim)
		if len(w) >= 16 || len(w) >= 8 && (hasDigit(w) || tokenScheme(scheme)) || len(w) >= 4 && hasDigit(w) && tokenScheme(scheme) {
			return credentialSpan(b, k, lim, 4)
		}
	}
	// No scheme: all of it is the credential. A short one must stand alone.
	w := credentialHead(b, i, lim)
	end := i + len(w)
	alone := end+1 >= lim || !keyed.IsBlank(b[end]) || !isLetter(b[end+1])
	if len(w) >= 16 && hasDigit(w) || len(w) >= 24 || len(w) >= 8 && hasDigit(w) && alone {
		return credentialSpan(b, i, lim, 8)
	}
	return redact.Span{}, redact.RejectValue
}

// schemeEnd returns where the credential behind a scheme's name at b[at] begins.
func schemeEnd(b []byte, at, n int) (int, redact.Reason) {
	i := at + n
	if i >= len(b) {
		return 0, redact.RejectLength
	}
	if glued(b, at) {
		return 0, redact.RejectNeighbor
	}
	if j := schemeGap(b, i, len(b)); j > i {
		return j, redact.Accepted
	}
	if isWord(b[i]) {
		return 0, redact.RejectNeighbor
	}
	op, ok := keyed.Operator(b, i)
	if !ok || op.Form == keyed.Comma {
		return 0, redact.RejectOperator
	}
	return op.Start, redact.Accepted
}

// schemeGap skips what stands between a scheme and its credential: blanks, and the quote
// that some put around the credential alone.
func schemeGap(b []byte, i, lim int) int {
	j := i
	for j < lim && j-i < 8 && keyed.IsBlank(b[j]) {
		j++
	}
	if j > i && j+1 < lim && (b[j] == '"' || b[j] == '\'') && credentialBytes[b[j+1]] {
		j++
	}
	return j
}

// behindAuthorization reports whether the name of the field stands before b[at].
func behindAuthorization(b []byte, at int) bool {
	i := at
	for i > 0 && at-i < 16 && authorizationGap[b[i-1]] {
		i--
	}
	return i < at && i >= len(authorizationName) && hasFold(b, i-len(authorizationName), authorizationName)
}

var (
	authorizationGap = tableOf(" \t:=>[,\"'`\\")
	schemeBytes      = tableOf("0-9A-Za-z_-")
	// credentialBytes are the characters of a credential. RFC 9110 allows fewer
	// (token68); what others use is taken too, but for delimiters.
	credentialBytes = tableOf("!#$%*+./0-9:=?@A-Z^_a-z|~-")
	// credentialTrail is punctuation that is not the end of a credential.
	credentialTrail = tableOf(".:!?*")
)

// credentialHead returns the credential at b[i] up to the first colon or equals sign.
// Where the anchor may repeat inside a value, it alone is judged, so that no place is read
// more than once.
func credentialHead(b []byte, i, lim int) []byte {
	end := i
	for end < lim && credentialBytes[b[end]] && b[end] != ':' && b[end] != '=' {
		end++
	}
	return b[i:end]
}

// credentialSpan returns the span of the credential at b[i], of at least n characters.
func credentialSpan(b []byte, i, lim, n int) (redact.Span, redact.Reason) {
	end := i
	for end < lim && credentialBytes[b[end]] && !(b[end] == '#' && keyed.ControlAt(b, end, lim)) {
		end++
	}
	if end < lim || lim == len(b) {
		for end > i && credentialTrail[b[end-1]] {
			end--
		}
	}
	s := redact.Span{Start: i, End: end}
	if end-i < n || end == i {
		return redact.Span{}, redact.RejectLength
	}
	if placeholder(b[i:end]) || b[i] == '$' || tokenSpan(b, i, end) {
		return redact.Span{}, redact.RejectValue
	}
	return openAt(s, lim, len(b))
}

// openAt accepts a span, as open when it was cut at lim.
func openAt(s redact.Span, lim, n int) (redact.Span, redact.Reason) {
	if s.End == lim && lim < n {
		return s, redact.AcceptedOpen
	}
	return s, redact.Accepted
}

// placeholder reports whether w is no credential but a place for one: no letter or digit
// at all, nothing but x, or a format verb.
func placeholder(w []byte) bool {
	word, masked := false, true
	for _, c := range w {
		word = word || isLetter(c) || isDigit(c) || c >= 0x80
		masked = masked && (c|0x20 == 'x' || !isWord(c) && c < 0x80)
		if word && !masked {
			break
		}
	}
	return !word || masked && len(w) > 2 || w[0] == '%' && len(w) == 2
}

func hasDigit(w []byte) bool {
	for _, c := range w {
		if isDigit(c) {
			return true
		}
	}
	return false
}

// challenge reports whether w is a parameter of WWW-Authenticate, which asks for a
// credential and has none.
func challenge(w []byte) bool {
	return oneOf(w, "realm", "scope", "error", "charset", "error_description", "error_uri", "authorization_uri", "resource", "resource_metadata", "resource_id")
}

// signingScheme reports whether the credential of a scheme is a list of parameters.
func signingScheme(w []byte) bool {
	if oneOf(w, "digest", "hawk", "oauth", "mac", "signature", "sharedaccesssignature", "vapid", "token", "apikey") {
		return true
	}
	for i := range w {
		if hasFold(w, i, "hmac") || hasFold(w, i, "aws4") {
			return true
		}
	}
	return false
}

// tokenScheme reports whether a scheme is one of those with a single credential, so that
// a short one will do.
func tokenScheme(w []byte) bool {
	return oneOf(w, "token", "apikey", "api-key", "ssws", "negotiate", "ntlm", "kerberos", "splunk", "jwt", "pat", "dpop", "genie", "geniekey", "sso-key", "privatetoken")
}

// paramsEnd returns the end of a list of parameters, name=value or name="value" with
// commas between, at b[i]; i when there is none.
func paramsEnd(b []byte, i, lim int) int {
	end := i
	for {
		j := i
		for j < lim && schemeBytes[b[j]] {
			j++
		}
		if j == i || j == lim || b[j] != '=' {
			return end
		}
		j++
		slashes := 0
		for j+slashes < lim && slashes < 8 && b[j+slashes] == '\\' {
			slashes++
		}
		if j+slashes < lim && b[j+slashes] == '"' {
			// To the quote with as many backslashes before it.
			j += slashes + 1
			n := 0
			for ; j < lim && b[j] != '\n'; j++ {
				if b[j] == '"' && n <= slashes {
					break
				}
				if b[j] == '\\' {
					n++
				} else {
					n = 0
				}
			}
			if j < lim && b[j] == '"' {
				j++
			}
		} else {
			for j < lim && (credentialBytes[b[j]] || b[j] == ';' || b[j] == '&') {
				j++
			}
		}
		end = j
		if j >= lim || b[j] != ',' {
			return end
		}
		j++
		for j < lim && keyed.IsBlank(b[j]) {
			j++
		}
		i = j
	}
}

// basicPair reports whether w begins with base64 of text with a colon in it.
func basicPair(w []byte) bool {
	var text [basicDecoded]byte
	n, read := decodeBase64(text[:12], w)
	if n == 12 {
		for _, c := range text[:n] {
			if c < ' ' || c == 0x7f {
				return false
			}
		}
		n, read = decodeBase64(text[:], w)
	}
	colon := false
	for _, c := range text[:n] {
		if c < ' ' || c == 0x7f {
			return false
		}
		colon = colon || c == ':'
	}
	if !colon || n < 3 || n < len(text) && read%4 == 1 {
		return false
	}
	if n == len(text) {
		// The last character may be cut.
		for n > 1 && text[n-1]&0xc0 == 0x80 {
			n--
		}
		if text[n-1] >= 0xc0 {
			n--
		}
	}
	return utf8.Valid(text[:n])
}
