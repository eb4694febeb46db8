package detectors

import (
	"bytes"

	"logveil/detectors/internal/keyed"
	"logveil/redact"
)

// connstr finds passwords and keys in connection strings, where the grammar says more
// about the end of a value than "key = value" does.
//
// Sources: the keyword and value pairs with semicolons of OLE DB, ODBC and ADO.NET
// ("Connection String Syntax" in the ADO.NET documentation; braces in the ODBC
// SQLDriverConnect reference); account keys and shared access keys of Azure Storage and
// Service Bus; JDBC URLs, also Oracle's user/password@host; the keyword strings of
// PostgreSQL's libpq; the data source names of Go's MySQL driver,
// user:password@tcp(host)/db.
//
// Only the password or key is the value. In pairs with semicolons it may hold spaces, and
// quotes or braces around it may hold semicolons.
type connstr struct{}

const (
	connMaxLen = 2 << 10
	// In bytes, connValue bounds a value, connKey a key, connLeft what is read to the
	// left of a key or of a driver's name.
	connValue = 512
	connKey   = 40
	connLeft  = 160
	// connNoun is more than the longest noun with its operator, in bytes.
	connNoun = 24
)

func (connstr) Spec() redact.Spec {
	s := redact.Spec{
		Name:   "connstr",
		Kind:   "connstr",
		Doc:    "Passwords and keys in connection strings and JDBC URLs.",
		Anchor: redact.Anchor{Literals: folded("password", "pwd", "accountkey", "sharedaccesskey", "sharedaccesssignature", ";accesskey", "jdbc:")},
		MaxLen: connMaxLen,
		Rank:   85,
		Weight: 2,
		Work:   map[redact.Reason]int{redact.RejectContext: 3},
	}
	s.Anchor.Literals = append(s.Anchor.Literals, redact.Literal{Text: "@tcp("}, redact.Literal{Text: "@unix("})
	return s
}

func (connstr) Match(b []byte, at int) (redact.Span, redact.Reason) {
	switch b[at] | 0x20 {
	case 'p':
		switch {
		case hasFold(b, at, "pwd"):
			return matchPair(b, at, at+len("pwd"))
		case hasFold(b, at, "password"):
			return matchPair(b, at, at+len("password"))
		}
	case 'a':
		if hasFold(b, at, "accountkey") {
			return matchKey(b, at, at+len("accountkey"), false)
		}
	case 's':
		switch {
		case hasFold(b, at, "sharedaccesskey"):
			return matchKey(b, at, at+len("sharedaccesskey"), false)
		case hasFold(b, at, "sharedaccesssignature"):
			return matchKey(b, at, at+len("sharedaccesssignature"), true)
		}
	case ';' | 0x20:
		if b[at] == ';' && hasFold(b, at, ";accesskey") {
			return matchKey(b, at, at+len(";accesskey"), false)
		}
	case 'j':
		if hasFold(b, at, "jdbc:") {
			return matchJDBC(b, at)
		}
	case '@' | 0x20:
		if rest := b[at:]; len(rest) >= 6 && (string(rest[:5]) == "@tcp(" || string(rest[:6]) == "@unix(") {
			return matchDSN(b, at)
		}
	}
	return redact.Span{}, redact.RejectAnchor
}

// matchPair takes the value behind a key that ends at b[i], when other pairs before or
// after it show that it stands in a connection string.
func matchPair(b []byte, at, i int) (redact.Span, redact.Reason) {
	i = fewSpaces(b, i)
	if i >= len(b) || b[i] != '=' || i+1 < len(b) && (b[i+1] == '=' || b[i+1] == '>') {
		return redact.Span{}, redact.RejectOperator
	}
	i = fewSpaces(b, i+1)
	lim := min(len(b), i+connValue)
	if i >= lim {
		return redact.Span{}, redact.RejectLength
	}
	if b[i] == '/' && string(b[at:at+3]) == "PWD" {
		return redact.Span{}, redact.RejectValue // the working directory, as sudo logs it
	}
	left := pairBefore(b, at)
	if left == libpqPair || left == noPair && (at == 0 || b[at-1] <= ' ') {
		if s, r := matchLibpq(b, i, lim, left == libpqPair); r.OK() {
			return s, r
		}
	}
	if left != semicolonPair && bytes.IndexByte(b[i:min(len(b), lim+pairEdge)], ';') < 0 {
		return redact.Span{}, redact.RejectContext
	}
	s, closed := pairValue(b, i, lim)
	if s.Len() <= 0 {
		return redact.Span{}, redact.RejectLength
	}
	if left != semicolonPair && !pairAfter(b, s.End, closed) {
		// No semicolon and no blank is in the value, nor a key with a quote behind it
		// right before its end: what else is a key in it stands in no pair either.
		skip := redact.Span{Start: at}
		for skip.End = at; skip.End < s.End && b[skip.End] > ' '; skip.End++ {
		}
		skip.End -= connNoun
		return skip, redact.RejectContext
	}
	if !credible(b, s) {
		return redact.Span{}, redact.RejectValue
	}
	return openAt(s, lim, len(b))
}

// credible reports whether the span can be a secret: it is no variable, no placeholder
// and no token of an earlier pass.
func credible(b []byte, s redact.Span) bool {
	w := b[s.Start:s.End]
	return !placeholder(w) && !template(w) && !tokenSpan(b, s.Start, s.End)
}

// pairKind says what stands before a key.
type pairKind uint8

const (
	noPair pairKind = iota
	semicolonPair
	libpqPair
)

// pairBefore reads the pair that stands before the key with its noun at b[at].
func pairBefore(b []byte, at int) pairKind {
	lim := max(0, at-connLeft)
	i := at
	for i > lim && at-i < connKey && pairKey[b[i-1]] {
		i--
	}
	switch {
	case i == lim:
		return noPair
	case b[i-1] == ';' && entityBefore(b, i-1):
		return noPair
	case b[i-1] == ';':
		for i--; i > lim; i-- {
			switch b[i-1] {
			case '=':
				return semicolonPair
			case ';', '\n':
				return noPair
			}
		}
	case (b[i-1] == '=' || b[i-1] == '\'') && b[at-1] == ' ':
		// key=value password=: the value is a word that the loop above went over.
		for at--; at > lim && b[at-1] != ' '; at-- {
		}
		if at >= lim && libpqKey(b, at) {
			return libpqPair
		}
	}
	return noPair
}

// pairKey are the bytes of a key with words in it.
var pairKey = tableOf("0-9A-Za-z_ :.")

// pairEdge is how far behind a value pairAfter looks for a semicolon, in bytes.
const pairEdge = 8

// pairAfter reports whether another pair follows the value that ends at b[i].
func pairAfter(b []byte, i int, closed bool) bool {
	if closed && i < len(b) {
		i++ // the quote or brace
	}
	i = fewSpaces(b, i)
	if i >= len(b) || b[i] != ';' {
		return false
	}
	i = fewSpaces(b, i+1)
	if i >= len(b) || !isLetter(b[i]) {
		return false
	}
	end := min(len(b), i+connKey)
	for i < end && (isWord(b[i]) || b[i] == ' ' || b[i] == '.' || b[i] == '-') {
		i++
	}
	return i < len(b) && b[i] == '='
}

// fewSpaces skips up to four spaces.
func fewSpaces(b []byte, i int) int {
	end := min(len(b), i+4)
	for i < end && b[i] == ' ' {
		i++
	}
	return i
}

// pairValue returns the value at b[i], and whether a quote or brace closes it.
func pairValue(b []byte, i, lim int) (s redact.Span, closed bool) {
	switch c := b[i]; c {
	case '"', '\'', '{':
		if i+1 < lim && !quoteAlone[b[i+1]] {
			if end := closingQuote(b, i+1, lim, c); end > 0 {
				return redact.Span{Start: i + 1, End: end}, true
			}
		} else {
			return redact.Span{}, false
		}
	}
	end, blank := i, -1
	for ; end < lim; end++ {
		c := b[end]
		if !pairStop[c] {
			continue
		}
		switch {
		case c == '=':
			if blank < 0 {
				continue
			}
		case c == ' ' || c == '\t':
			if blank < 0 {
				blank = end
			}
			continue
		case c == '\\' && !(end+1 < lim && pairEscape[b[end+1]]):
			continue
		case c == '\'' && end+1 < lim && !quoteAlone[b[end+1]]:
			continue
		case c == '&' && hasFold(b, end, ampersand):
			if !nextInQuery(b, end+len(ampersand), lim) {
				end += len(ampersand) - 1 // of the value; its semicolon ends no pair
				continue
			}
		case c == '&' && !keyed.EntityStop(b, end, lim):
			continue
		}
		break
	}
	end = min(end, lim)
	if end < lim && b[end] == ';' {
		for end > i && b[end-1] == ' ' {
			end--
		}
		return redact.Span{Start: i, End: end}, false
	}
	// The string ends without a semicolon. At a quote all of it is the value, otherwise
	// words may follow that are none of it, and a bracket that closes around it.
	if end == lim || b[end] != '"' && b[end] != '\'' && b[end] != '\\' {
		if blank >= 0 {
			end = blank
		}
		if end > i && pairTrail[b[end-1]] {
			end--
		}
	}
	return redact.Span{Start: i, End: end}, false
}

// ampersand is one in XML.
const ampersand = "&amp;"

// entityBefore reports whether the semicolon b[i] is that of an entity of XML.
func entityBefore(b []byte, i int) bool {
	for lim := max(0, i-maxEntity); i > lim && (isWord(b[i-1]) || b[i-1] == '#'); {
		i--
	}
	return i > 0 && b[i-1] == '&'
}

// maxEntity is the length of the longest name or number of an entity that is looked at.
const maxEntity = 6

// nextInQuery reports whether the next key of a query, and its operator, begins at b[i].
func nextInQuery(b []byte, i, lim int) bool {
	start := i
	for i < lim && keyed.IsName(b[i]) {
		i++
	}
	return i > start && i < lim && b[i] == '='
}

var (
	pairStop   = tableOf("\x00-\x20\x7f;=\"'\\<&")
	pairEscape = tableOf("\"'nrtu\\")
	pairTrail  = tableOf(")]},")
	// quoteAlone is what follows a quote that opens nothing.
	quoteAlone = tableOf("\x00-\x20;,/>)]}\\")
)

// closingQuote returns the end of a value that a quote or brace opened before b[i]. They
// stand in it doubled.
func closingQuote(b []byte, i, lim int, c byte) int {
	if c == '{' {
		c = '}'
	}
	for ; i < lim && b[i] != '\n'; i++ {
		if b[i] != c {
			continue
		}
		if i+1 < lim && b[i+1] == c {
			i++
			continue
		}
		return i
	}
	return -1
}

// matchLibpq takes a value of a keyword string, which blanks or single quotes delimit.
func matchLibpq(b []byte, i, lim int, known bool) (redact.Span, redact.Reason) {
	s := redact.Span{Start: i, End: i}
	var next int
	if b[i] == '\'' {
		s.Start++
		j := i + 1
		for ; j < lim && b[j] != '\'' && b[j] != '\n'; j++ {
			if b[j] == '\\' {
				j++
			}
		}
		if j >= lim || b[j] != '\'' {
			return redact.Span{}, redact.RejectValue
		}
		s.End, next = j, j+1
	} else {
		for s.End < lim && credentialBytes[b[s.End]] {
			s.End++
		}
		next = s.End
	}
	if next < len(b) && b[next] == ' ' && libpqKey(b, next+1) {
		known = true
	}
	if !known || s.Len() == 0 {
		return redact.Span{}, redact.RejectContext
	}
	if s.End < len(b) && isWord(b[s.End]) || !credible(b, s) {
		return redact.Span{}, redact.RejectValue
	}
	return openAt(s, lim, len(b))
}

// libpqKey reports whether a pair of libpq begins at b[i]. The names are those that other
// key and value strings with blanks between do not use together with a password.
func libpqKey(b []byte, i int) bool {
	if i >= len(b) {
		return false
	}
	switch b[i] | 0x20 {
	case 'h':
		return hasFold(b, i, "host=") || hasFold(b, i, "hostaddr=")
	case 'p':
		return hasFold(b, i, "port=")
	case 'd':
		return hasFold(b, i, "dbname=")
	case 's':
		return hasFold(b, i, "sslmode=") || hasFold(b, i, "search_path=")
	case 'c':
		return hasFold(b, i, "connect_timeout=")
	case 't':
		return hasFold(b, i, "target_session_attrs=")
	case 'u':
		return hasFold(b, i, "user=")
	}
	return false
}

// matchKey takes the key of a cloud account behind a name that ends at b[i].
func matchKey(b []byte, at, i int, signature bool) (redact.Span, redact.Reason) {
	op, ok := keyed.Operator(b, i)
	if !ok || op.Form != keyed.Assign {
		return redact.Span{}, redact.RejectOperator
	}
	lim := min(len(b), at+connMaxLen)
	end := op.Start
	for end < lim && (base64Value[b[end]] >= 0 || b[end] == '=' || b[end] == '%' || signature && credentialBytes[b[end]] || signature && b[end] == '&') {
		end++
	}
	s := redact.Span{Start: op.Start, End: end}
	if s.Len() < 20 {
		return redact.Span{}, redact.RejectLength
	}
	if !credible(b, s) {
		return redact.Span{}, redact.RejectValue
	}
	return openAt(s, lim, len(b))
}

// matchJDBC takes the password of a JDBC URL: Oracle's, or the first of its properties.
func matchJDBC(b []byte, at int) (redact.Span, redact.Reason) {
	const jdbc, oracle = "jdbc:", "oracle:"
	lim := min(len(b), at+connMaxLen/2)
	i := at + len(jdbc)
	if hasFold(b, i, oracle) {
		if s, ok := oraclePassword(b, i+len(oracle), lim); ok {
			if !credible(b, s) {
				return redact.Span{}, redact.RejectValue
			}
			return s, redact.Accepted
		}
	}
	for ; i < lim; i++ {
		c := b[i]
		if !jdbcStop[c] {
			continue
		}
		if c == ':' {
			if i-at > len(jdbc) && hasFold(b, i-4, "jdbc") {
				break // the next URL has a candidate of its own
			}
			continue
		}
		if c != '=' {
			break
		}
		if !jdbcPasswordKey(b, i) {
			continue
		}
		s := jdbcValue(b, at, i, lim)
		if s.Len() == 0 || !credible(b, s) {
			continue
		}
		return openAt(s, lim, len(b))
	}
	return redact.Span{}, redact.RejectContext
}

var (
	jdbcStop = tableOf("\x00-\x20\x7f\"'`<>=:")
	jdbcEnd  = tableOf("\x00-\x20\x7f\"'`<>")
)

// jdbcValue returns the value behind the '=' at b[i]. What stands before its key says
// what ends it.
func jdbcValue(b []byte, at, i, lim int) redact.Span {
	if i+1 < lim && b[i+1] == '{' {
		if end := closingQuote(b, i+2, lim, '{'); end > 0 {
			return redact.Span{Start: i + 2, End: end}
		}
	}
	key := i
	for key > at && (isWord(b[key-1]) || b[key-1] == '.' || b[key-1] == '-') {
		key--
	}
	stop := byte(';')
	switch b[key-1] {
	case '?', '&':
		stop = '&'
	case '(':
		stop = ')'
	}
	s := redact.Span{Start: i + 1, End: i + 1}
	for s.End < lim && b[s.End] != stop && !jdbcEnd[b[s.End]] {
		s.End++
	}
	return s
}

// jdbcPasswordKey reports whether the name of a property with its '=' at b[i] is one of
// a password.
func jdbcPasswordKey(b []byte, i int) bool {
	for _, k := range [...]string{"password", "pwd", "passwd", "passphrase", "pass"} {
		if i >= len(k) && hasFold(b, i-len(k), k) {
			return true
		}
	}
	return false
}

// oraclePassword reads user/password@host behind the name of a driver at b[i].
func oraclePassword(b []byte, i, lim int) (redact.Span, bool) {
	for j := i; ; i++ {
		if i >= lim || i-j > 8 || !isWord(b[i]) && b[i] != ':' {
			return redact.Span{}, false
		}
		if b[i] == ':' {
			i++
			break
		}
	}
	slash, last := -1, -1
scan:
	for ; i < lim; i++ {
		switch c := b[i]; c {
		case '/':
			if slash < 0 {
				slash = i
			}
		case ':':
			if hasFold(b, i-4, "jdbc") {
				break scan
			}
		case '@':
			if slash < 0 {
				return redact.Span{}, false // no user
			}
			last = i
			if i+1 < lim && (b[i+1] == '/' || b[i+1] == '(') {
				break scan
			}
		case '"', '\'', '`', '<', '>', '?':
			break scan
		default:
			if c <= ' ' {
				break scan
			}
		}
	}
	if last <= slash+1 {
		return redact.Span{}, false
	}
	return redact.Span{Start: slash + 1, End: last}, true
}

// matchDSN takes the password before the @tcp( at b[at].
func matchDSN(b []byte, at int) (redact.Span, redact.Reason) {
	colon := -1
before:
	for i := at - 1; i >= 0 && at-i <= connLeft && !dsnStop[b[i]]; i-- {
		switch b[i] {
		case ':':
			colon = i
		case '(':
			if i >= 5 && (string(b[i-4:i]) == "@tcp" || string(b[i-5:i]) == "@unix") {
				break before // the name before this one
			}
		}
	}
	s := redact.Span{Start: colon + 1, End: at}
	if colon < 0 || s.Len() == 0 || b[s.Start] == '/' {
		return redact.Span{}, redact.RejectContext
	}
	if !credible(b, s) {
		return redact.Span{}, redact.RejectValue
	}
	return s, redact.Accepted
}

var dsnStop = tableOf("\x00-\x20\x7f\"'`")
