package detectors

import (
	"bytes"

	"logveil/detectors/internal/keyed"
	"logveil/redact"
)

// assign finds what stands behind a telling key: "password=v", "apiKey: v",
// {"client_secret":"v"}, <password>v</password>, ?token=v, --password v.
//
// The last noun of the key decides, as it does in English: a passwordResetToken is a
// token, a token_secret a secret, and a passwordPolicy nothing. What must be true of the
// value depends on the noun and on the words around it in the key:
//
//   - behind a password or a secret almost anything is taken that is not a placeholder;
//   - behind a token or an API key it must hold digits among letters;
//   - behind words such as key, auth, signature or session it must look random.
//
// The forms are those of package keyed. The nouns are the ones that OWASP's Logging Cheat
// Sheet ("data to exclude") and the field names of OAuth 2.0 (RFC 6749), HTTP (RFC 9110,
// RFC 6265) and JDBC connection properties put before secrets.
type assign struct{ family family }

// family is the kind of value that a noun names.
type family uint8

const (
	passwords family = iota
	secrets
	tokens
)

// maxAssign is how far, in bytes, an assign looks to either side of its noun. It leaves
// room for the longest values in common use, session cookies and tokens of identity
// providers (4 KiB, RFC 6265), and for what stands before them.
const (
	maxAssign      = 6 << 10
	maxAssignValue = 4 << 10
	maxPrefix      = 48
	maxSuffix      = 32
)

func folded(texts ...string) []redact.Literal {
	ls := make([]redact.Literal, len(texts))
	for i, t := range texts {
		ls[i] = redact.Literal{Text: t, Fold: true}
	}
	return ls
}

// Spec implements redact.Detector.
func (d assign) Spec() redact.Spec {
	s := redact.Spec{MaxLen: maxAssign, Rank: 20, Closed: true}
	switch d.family {
	case passwords:
		s.Weight = 3
		s.Work = map[redact.Reason]int{redact.Accepted: 4, redact.RejectValue: 8, redact.RejectOperator: 2, redact.RejectAnchor: 10}
		s.Name, s.Kind, s.Doc = "assign-password", "password", "a value behind a key such as password, pwd, passphrase"
		s.Anchor.Literals = folded("passw", "passphrase", "passcode", "pwd", "pass=", "pass:", `pass"`, "pass'", `pass\`, "pass =", "pw=", "pw:", `pw"`, `pw\`)
	case secrets:
		s.Weight = 9
		s.Work = map[redact.Reason]int{redact.RejectContext: 12, redact.RejectValue: 10, redact.RejectAnchor: 10}
		s.Name, s.Kind, s.Doc = "assign-secret", "secret", "a value behind a key such as secret, api_key, private_key, credential, signature"
		s.Anchor.Literals = folded("secret", "key", "signature", "sig=", "credential", "creds", "auth=", "auth:", `auth"`, "auth'", `auth\`, "auth =")
	case tokens:
		s.Weight = 6
		s.Work = map[redact.Reason]int{redact.Accepted: 11, redact.RejectAnchor: 10}
		s.Name, s.Kind, s.Doc = "assign-token", "token", "a value behind a key such as token, access_token, session_id, cookie"
		s.Anchor.Literals = folded("token", "cookie", "authorization", "sessionid", "sessid", "session_id", "session-id", "session=", `session"`, `session\`)
	}
	return s
}

// noun is what a literal names.
type noun uint8

const (
	noNoun noun = iota
	nounPassword
	nounPass // "pass" alone, which is also a verdict of tests
	nounPwd  // also the working directory
	nounSecret
	nounKey
	nounSignature
	nounCredential
	nounAuth
	nounToken
	nounCookie
	nounAuthorization
	nounSession
)

var nounFamily = [...]family{nounPassword: passwords, nounPass: passwords, nounPwd: passwords, nounSecret: secrets, nounKey: secrets, nounSignature: secrets,
	nounCredential: secrets, nounAuth: secrets, nounToken: tokens, nounCookie: tokens, nounAuthorization: tokens, nounSession: tokens}

// nounAt returns the noun at b[at] and its length. It is the literals of all families,
// read without a table: a literal and its noun are one.
func nounAt(b []byte, at int) (noun, int) {
	p := b[at:]
	if len(p) < 3 {
		return noNoun, 0
	}
	switch p[0] | 0x20 {
	case 'p':
		switch {
		case foldPrefix(p, "pwd"):
			return nounPwd, 3
		case p[1]|0x20 == 'w' && (p[2] == '=' || p[2] == ':' || p[2] == '"' || p[2] == '\\'):
			return nounPass, 2
		case !foldPrefix(p, "pass") || len(p) < 5:
			return noNoun, 0
		}
		rest := p[4:]
		switch rest[0] | 0x20 {
		case 'w':
			switch {
			case foldPrefix(rest, "word"), foldPrefix(rest, "wort"):
				return nounPassword, 8
			case foldPrefix(rest, "wd"):
				return nounPassword, 6
			}
			return nounPassword, 5
		case 'p':
			if foldPrefix(rest, "phrase") {
				return nounPassword, 10
			}
		case 'c':
			if foldPrefix(rest, "code") {
				return nounPassword, 8
			}
		}
		switch rest[0] {
		case '=', ':', '"', '\'', '\\':
			return nounPass, 4
		case ' ':
			if foldPrefix(rest, " =") {
				return nounPass, 4
			}
		}
	case 's':
		switch {
		case foldPrefix(p, "secret"):
			return nounSecret, 6
		case foldPrefix(p, "signature"):
			return nounSignature, 9
		case foldPrefix(p, "sig="):
			return nounSignature, 3
		case !foldPrefix(p, "sess"):
		case foldPrefix(p, "sessionid"):
			return nounSession, 9
		case foldPrefix(p, "sessid"):
			return nounSession, 6
		case foldPrefix(p, "session_id"), foldPrefix(p, "session-id"):
			return nounSession, 10
		case foldPrefix(p, "session=") || foldPrefix(p, `session"`) || foldPrefix(p, `session\`):
			return nounSession, 7
		}
	case 'k':
		if foldPrefix(p, "key") {
			return nounKey, 3
		}
	case 't':
		if foldPrefix(p, "token") {
			return nounToken, 5
		}
	case 'c':
		switch {
		case foldPrefix(p, "cookie"):
			return nounCookie, 6
		case foldPrefix(p, "credential"):
			return nounCredential, 10
		case foldPrefix(p, "creds"):
			return nounCredential, 5
		}
	case 'a':
		if !foldPrefix(p, "auth") || len(p) < 5 {
			return noNoun, 0
		}
		switch p[4] {
		case '=', ':', '"', '\'', '\\':
			return nounAuth, 4
		}
		if foldPrefix(p, "auth =") {
			return nounAuth, 4
		}
		if foldPrefix(p, "authorization") {
			return nounAuthorization, 13
		}
	}
	return noNoun, 0
}

// foldPrefix reports whether p begins with the lower-case s in either case.
func foldPrefix(p []byte, s string) bool {
	if len(p) < len(s) {
		return false
	}
	for i := range len(s) {
		c := p[i]
		if c-'A' < 26 {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// Match implements redact.Detector.
func (d assign) Match(b []byte, at int) (redact.Span, redact.Reason) {
	s, r, read := d.match(b, at)
	if !r.OK() && r != redact.RejectMore {
		s.Start = max(s.Start, read)
	}
	return s, r
}

// match is Match, and returns up to where it has read an object or a list in vain.
func (d assign) match(b []byte, at int) (s redact.Span, r redact.Reason, read int) {
	if at >= len(b) {
		return redact.Span{}, redact.RejectAnchor, read
	}
	n, size := nounAt(b, at)
	if n == noNoun || nounFamily[n] != d.family {
		return redact.Span{}, redact.RejectAnchor, read
	}
	// Nearly all literal hits in logs end here: no operator behind the key.
	nounEnd := at + size
	lim := min(len(b), nounEnd+maxSuffix)
	end := nounEnd
	for end < lim && keyed.IsName(b[end]) {
		end++
	}
	op, ok := keyed.Operator(b, end)
	if op.Holder != 0 || ok && op.Form == keyed.Assign && (op.Quote != 0 || b[op.Start] == '[') {
		if k, c, ok := d.container(b, at, nounEnd, end, &op, n); ok {
			s, r := k.leaves(b, c, c.Start)
			if r.OK() || r == redact.RejectMore {
				return s, r, 0
			}
			read = s.Start
		}
	}
	if ok && op.Form == keyed.Tag || !ok && end < len(b) && keyed.IsBlank(b[end]) {
		if keyed.InTag(b, at) {
			op, ok = keyed.TagEnd(b, end)
		} else if op.Form == keyed.Tag && op.KeyQuoted && namesEntry(b, at) {
			ok = true // the text of the element is the value
		} else if op, ok = keyed.Blanks(b, end); ok && !worthBlank(b, at, &op) {
			ok = false
		}
	}
	if !ok && end+1 < len(b) && b[end] == '<' && b[end+1] == '/' {
		op, ok = keyed.Entry(b, keyStart(b, at), end)
	}
	if !ok && dash(b, nounEnd) {
		op, ok, end = keyed.Op{Start: nounEnd + 1, Form: keyed.Blank, Dash: true}, true, nounEnd
	}
	if !ok {
		r := redact.RejectOperator
		if nounEnd < len(b) && b[nounEnd] == '-' {
			r = redact.RejectValue
		}
		return redact.Span{Start: at, End: skipTo(b, nounEnd, end, lim)}, r, read
	}
	if ok && op.Quote == 0 && op.Colon && !op.Spaced && op.Form == keyed.Assign && b[op.Start] == '[' && op.Start+1 < len(b) {
		op.Start++ // of a map of lists as Go prints it: X-Api-Key:[v]
	}
	// The value once more before the key, as far as it costs little.
	if looksNested(b, op.Start, n, op.Dash) || n >= nounKey && tooShort(b, op.Start) {
		return redact.Span{}, redact.RejectValue, read
	}
	for i := nounEnd; i+3 <= end; i++ {
		if m, _ := nounAt(b, i); m != noNoun && m != nounPass && m != nounAuth {
			return redact.Span{}, redact.RejectAnchor, read // that one decides
		}
	}
	k := readingKey{noun: n, start: at}
	k.read(b, at, nounEnd, end)
	if k.need == needNever || op.Colon && op.Spaced && !op.KeyQuoted && className(b[k.start:end]) {
		return redact.Span{}, redact.RejectContext, read
	}
	s, r = k.value(b, &op)
	return s, r, read
}

// mayHold reports whether the key b[start:end) of an object in one under a key for secrets may
// stand for a part of them, and not for what is known of them, such as rules.
func mayHold(b []byte, start, end int) bool {
	if end-start > maxSuffix || nameLen(b[start:end]) < end-start {
		return true // no key of such a kind
	}
	return suffixNeed(b, start, end, nounPassword, needAnything) != needNever
}

// keyStart returns where the key begins of which b[at] is a part.
func keyStart(b []byte, at int) int {
	for lim := max(0, at-maxPrefix); at > lim && keyed.IsName(b[at-1]); {
		at--
	}
	return at
}

// container reads the key of a list or an object: "passwords": ["a", "b"].
func (d assign) container(b []byte, at, nounEnd, end int, op *keyed.Op, n noun) (k readingKey, c keyed.Container, ok bool) {
	plural := end == nounEnd+1 && b[nounEnd]|0x20 == 's'
	c, ok = op.Container(b, end)
	if ok && n == nounCookie && (op.Quote != 0 || op.Holder != 0) {
		// HAR has the cookies of a request as objects of name and value.
		k = readingKey{noun: n, start: keyStart(b, at)}
		if c.Objects {
			k.noun, k.need = nounToken, needMixed
		}
		return k, c, true
	}
	if !ok || n == nounCookie || n == nounAuthorization || op.Quote == 0 && op.Holder == 0 && (!plural && n != nounPassword || c.Objects) {
		return k, c, false
	}
	if plural {
		end = nounEnd
	}
	k = readingKey{noun: n, start: at}
	k.read(b, at, nounEnd, end)
	if plural && n != nounPassword && n != nounPwd {
		if k.bare && n == nounKey {
			return k, c, false // keys of anything
		}
		k.need = k.need.up()
	}
	c.Deep = mayHold
	return k, c, k.need != needNever
}

// leaves returns the first value of c that begins at b[i] or behind it. When it rejects, the
// end of the span is where it left off, if c goes on there.
func (k *readingKey) leaves(b []byte, c keyed.Container, i int) (redact.Span, redact.Reason) {
	from, lim := i, min(len(b), i+maxTellingList+2*maxTellingValue)
	for i < from+maxTellingList {
		l, what := c.Next(b, i, lim, maxTellingValue)
		switch {
		case what == keyed.LeafCut && lim == len(b):
			return redact.Span{End: lim}, redact.RejectMore
		case what == keyed.LeafCut && l.From > from:
			return redact.Span{End: l.From}, redact.RejectMore
		case what == keyed.LeafCut, what == keyed.LeafNone:
			return redact.Span{Start: max(i, l.From, l.Next)}, redact.RejectValue
		}
		if !l.Member || keyed.InnerKey(l.Key) == keyed.InnerValue {
			text := b
			if l.Quote == 0 && what == keyed.LeafWhole {
				text = b[:l.End] // alone, a value could have commas
			}
			if s, r := k.value(text, &l.Op); r.OK() {
				return s, r
			}
		}
		if i = l.Next; what == keyed.LeafLong {
			end, open := l.Op.End(b, maxAssignValue)
			if open {
				return redact.Span{Start: end}, redact.RejectValue
			}
			return redact.Span{End: end}, redact.RejectMore
		}
	}
	return redact.Span{End: i}, redact.RejectMore
}

// Next implements redact.Repeater: the other values of a list or an object.
func (d assign) Next(b []byte, at, from int) (redact.Span, redact.Reason) {
	if !keyed.MayContain(b[at:min(from, at+maxNoun+maxSuffix+keyed.MaxOperator)]) {
		return redact.Span{}, redact.RejectOperator // as nearly always
	}
	n, size := nounAt(b, at)
	nounEnd := at + size
	end := nounEnd
	for lim := min(len(b), nounEnd+maxSuffix); end < lim && keyed.IsName(b[end]); {
		end++
	}
	op, ok := keyed.Operator(b, end)
	if !ok && op.Holder == 0 || op.Form != keyed.Assign {
		return redact.Span{}, redact.RejectOperator
	}
	k, c, ok := d.container(b, at, nounEnd, end, &op, n)
	if !ok || from < c.Start {
		return redact.Span{}, redact.RejectOperator
	}
	return k.leaves(b, c, keyed.Closed(b, from))
}

// className reports whether a key is the name of a class in its package, as loggers are
// called: what stands behind it is a message.
func className(key []byte) bool {
	i := bytes.LastIndexByte(key, '.')
	if i < 0 || i+1 == len(key) || !keyed.IsUpper(key[i+1]) {
		return false
	}
	dots := 0
	for j, c := range key[:i] {
		switch {
		case c == '.' && j > 0:
			dots++
		case !keyed.IsLower(c) && !keyed.IsDigit(c) && c != '_':
			return false
		}
	}
	return dots > 0
}

// tooShort reports whether less than six bytes without a blank or a quote stand at b[i],
// too few for any noun but those of passwords.
func tooShort(b []byte, i int) bool {
	for ; i < len(b) && (keyed.IsBlank(b[i]) || b[i] == '\n' || b[i] == '\r'); i++ {
		if b[i] == '\n' {
			return false // an XML element with its text on a line of its own
		}
	}
	if len(b)-i < 6 {
		return true
	}
	for _, c := range b[i : i+6] {
		if c <= ' ' || c == '"' {
			return true
		}
	}
	return false
}

// minBlank is the length of the shortest value that is taken behind nothing but a blank.
const minBlank = 16

// namesEntry reports whether the key of the noun at b[at] is the attribute key or name of an
// element, as maps and properties have them in XML: <entry key="apiToken">.
func namesEntry(b []byte, at int) bool {
	at = keyStart(b, at)
	for lim := max(0, at-maxEntryQuote); at > lim && b[at-1] != '='; {
		at--
	}
	return at > 4 && (hasFold(b, at-4, "key=") || at > 5 && hasFold(b, at-5, "name="))
}

// maxEntryQuote is how long the quotation mark of an attribute may be, in bytes, as an entity
// or with backslashes.
const maxEntryQuote = 8

// worthBlank reports whether it is worth a closer look that only blanks stand between the
// key of the noun at b[at] and what follows: a quote, a long word, or anything behind a
// flag. In prose, a short word follows.
func worthBlank(b []byte, at int, op *keyed.Op) bool {
	if op.Quote != 0 {
		return true
	}
	i, lim := op.Start, min(len(b), op.Start+minBlank)
	for i < lim && b[i] > ' ' {
		i++
	}
	if i == op.Start+minBlank {
		return true
	}
	return b[keyStart(b, at)] == '-'
}

// skipTo returns the end of what need not be looked at when no operator follows the run of
// a key behind the noun that ends at b[nounEnd]: the other nouns in the run have the same
// end. The walk through the run went to end, and not beyond lim.
func skipTo(b []byte, nounEnd, end, lim int) int {
	if bytes.IndexByte(b[nounEnd:end], '-') >= 0 {
		return nounEnd // a value may stand behind a dash
	}
	if end == lim {
		// A run that goes on: of the nouns in it, all are too far from its end but those
		// in its last part.
		for far := min(len(b), end+maxRun); end < far && keyed.IsName(b[end]); {
			end++
		}
		end -= maxSuffix + maxNoun
	}
	if end <= nounEnd || bytes.IndexByte(b[nounEnd:end], '-') >= 0 {
		return nounEnd
	}
	return end
}

const (
	// maxNoun is the length of the longest noun.
	maxNoun = 13
	// maxRun bounds the look at a run that is too long for a key.
	maxRun = 256
)

// dash reports whether a dash and a long word with digits stand at b[i]:
// "apikey-9f86d081...".
func dash(b []byte, i int) bool {
	if i >= len(b) || b[i] != '-' {
		return false
	}
	i++
	if len(b)-i < minDash {
		return false
	}
	digits := 0
	for _, c := range b[i : i+minDash] {
		switch {
		case keyed.IsDigit(c):
			digits++
		case !keyed.IsLetter(c) && c != '-':
			return false
		}
	}
	return digits >= 3
}

// minDash is the length of the shortest value that is taken behind a dash.
const minDash = 32

// need is what must be true of a value.
type need uint8

const (
	needAnything need = iota // not a placeholder
	needMixed                // digits among letters, or long and irregular
	needRandom               // made by a machine
	needNever
)

func (n need) up() need { return min(n+1, needRandom) }

// readingKey is a key as far as it matters.
type readingKey struct {
	noun  noun
	need  need
	start int  // of the whole key
	flag  bool // --key
	bare  bool // nothing but the noun
	query bool // behind '?' or '&'
	call  bool // behind '(' and a quote
	pair  bool // first in a list in a list, [["key", "value"]]
	paren bool // behind a name and '('
	colon bool // behind ':'
}

// read judges the key from its noun at b[at:nounEnd] and the words around that; end is the
// end of the key.
func (k *readingKey) read(b []byte, at, nounEnd, end int) {
	n := k.noun
	k.start = keyed.BehindColour(b, keyStart(b, at), at)
	if k.start > 0 {
		c := b[k.start-1]
		k.query = c == '?' || c == '&'
		k.colon = c == ':'
		k.paren = c == '(' && k.start > 1 && keyed.IsWord(b[k.start-2])
		if c == '"' || c == '\'' {
			k.call = k.start > 1 && b[k.start-2] == '('
			k.pair = k.start > 2 && b[k.start-2] == '[' && (b[k.start-3] == '[' || b[k.start-3] == ',')
		}
	}
	k.flag = b[k.start] == '-'
	first := k.start
	for first < at && !keyed.IsWord(b[first]) {
		first++
	}
	k.bare = first == at && nounEnd == end
	if first == at && k.start == at && n > nounSecret {
		// "API key: v", "cache key: v"
		first = blankWord(b, at)
		if n == nounKey && first > 0 && b[first-1] == '<' {
			k.need = needNever // <entry key="...">
			return
		}
	}
	k.need = prefixNeed(b, first, at, n)
	if k.need != needNever && end > nounEnd {
		k.need = max(k.need, suffixNeed(b, nounEnd, end, n, k.need))
	}
}

// blankWord returns the start of the word that a single space parts from b[at], or at.
func blankWord(b []byte, at int) int {
	if at < 2 || b[at-1] != ' ' {
		return at
	}
	i := at - 1
	for lim := max(0, at-17); i > lim && keyed.IsLetter(b[i-1]); {
		i--
	}
	if i == at-1 || i > 0 && keyed.IsWord(b[i-1]) {
		return at
	}
	return i
}

// prefixNeed judges the part of a key before its noun.
func prefixNeed(b []byte, first, at int, n noun) need {
	switch {
	case n == nounPwd, n == nounSecret, n == nounPassword && (at == first || !keyed.IsLetter(b[at-1])):
		return needAnything
	}
	w, glued := keyWordBefore(b, first, at)
	switch n {
	case nounPassword:
		if glued && w.n <= 2 && w.hasSuffix("ch") || glued && string(w.text()) == "g" {
			return needNever // chpasswd, gpasswd
		}
		return needAnything
	case nounPass:
		if glued {
			switch string(w.text()) {
			case "db", "user", "my", "admin", "root", "sql", "mysql", "ftp", "smtp", "ldap", "mail", "http", "key", "proxy", "old", "new":
				return needAnything
			}
			return needNever
		}
		return needAnything
	case nounToken:
		switch string(w.text()) {
		case "next", "page", "continuation", "public", "cancellation", "cancel", "unexpected", "syntax", "scroll", "resume", "max", "min",
			"completion", "input", "output", "total", "eos", "bos", "pad", "stop":
			return needNever
		}
		return needMixed
	case nounKey:
		return keyNeed(&w, glued)
	case nounAuth, nounSignature:
		if glued {
			return needNever
		}
		return needRandom
	case nounCredential, nounSession:
		return needRandom
	}
	return needMixed
}

// keyNeed judges the word before "key".
func keyNeed(w *keyWord, glued bool) need {
	switch string(w.text()) {
	case "api", "secret", "private", "priv", "auth", "encryption", "encrypt", "enc", "decryption", "master", "signing", "sign", "signature",
		"account", "storage", "shared", "security", "crypto", "cipher", "hmac", "aes", "admin", "deploy", "webhook", "password", "token", "jwt",
		"integration", "service", "client", "consumer", "subscription", "license", "licence", "access", "app", "application", "server", "ssh",
		"sdk", "rest", "live", "appsecret", "accesssecret", "xapi", "myapi", "authentication", "authorization", "functions", "pass", "data":
		return needMixed
	case "public", "pub", "primary", "foreign", "partition", "cache", "routing", "route", "sort", "bucket", "schema", "sequence", "object", "row",
		"index", "hash", "group", "parent", "sub", "map", "config", "entity", "lookup", "idempotency", "dedup", "message", "event", "issue", "project",
		"translation", "registry", "hot", "short", "arrow", "function", "home", "natural", "composite", "business", "unique", "tag", "label",
		"metric", "command", "query", "job", "task", "file", "item", "record", "column", "field", "property", "pkey", "resource", "any", "press",
		"last", "first", "other", "store", "host", "request", "response", "path", "image", "video", "trace", "span", "correlation", "batch", "lock":
		return needNever
	}
	if glued && !w.hasSuffix("api") && !w.hasSuffix("secret") && !w.hasSuffix("access") && !w.hasSuffix("private") {
		return needNever // monkey
	}
	if glued {
		return needMixed
	}
	return needRandom
}

// suffixNeed judges the part of a key behind its noun; have is what the part before asks.
func suffixNeed(b []byte, from, to int, n noun, have need) need {
	i := from
	worst := have
	for i < to {
		glued := i == from && keyed.IsLower(b[i]) && keyed.IsLower(b[i-1])
		for i < to && (b[i] == '_' || b[i] == '-' || b[i] == '.') {
			i++
		}
		var w keyWord
		start := i
		for i < to && keyed.IsWord(b[i]) && b[i] != '_' && (i == start || !keyed.IsUpper(b[i]) || keyed.IsUpper(b[i-1])) {
			w.add(b[i])
			i++
		}
		if i == start {
			continue
		}
		switch string(w.text()) {
		case "policy", "policies", "length", "len", "size", "count", "counts", "counter", "min", "max", "field", "fields", "file", "files", "filename",
			"path", "name", "names", "type", "types", "url", "uri", "expiry", "expires", "expired", "expiration", "expire", "ttl", "age", "reset", "required",
			"require", "enabled", "enable", "disabled", "changed", "change", "status", "state", "strength", "rule", "rules", "validator", "validation", "valid",
			"encoder", "encoding", "manager", "provider", "service", "hint", "label", "placeholder", "prompt", "error", "errors", "attempt", "attempts",
			"format", "version", "location", "endpoint", "class", "mode", "method", "algorithm", "alg", "update", "updated", "at", "last", "generator",
			"history", "protected", "less", "box", "input", "column", "issuer", "limit", "usage", "kind", "store", "address", "ref", "arn", "variable",
			"index", "word", "words", "board", "code", "event", "press", "pressed", "down", "up", "vault", "spec", "ring", "stroke", "strokes", "pair", "space",
			"guard", "frame", "selector", "tab", "exists", "source", "handler", "filter", "interceptor", "mismatch", "match", "check", "checker", "scope",
			"domain", "samesite", "secure", "header", "param", "parameter", "key_id", "in", "lifetime", "duration", "refresh":
			return needNever
		case "hash":
			if n == nounKey {
				return needNever
			}
		case "s":
			if n == nounKey || n == nounToken || n == nounPassword {
				return needNever
			}
			worst = needRandom
		case "id", "ids":
			if n == nounKey || n == nounCredential {
				return needNever
			}
			if n != nounSession {
				worst = max(worst, needMixed)
			}
		case "old", "new", "current", "confirm", "confirmation", "confirmed", "value", "plain", "text", "encrypted", "enc", "string", "again", "repeat",
			"prod", "production", "dev", "test", "staging", "local", "default", "user", "admin", "root", "db", "base64", "b64", "raw", "data", "1", "2", "3":
		default:
			if glued && n != nounPassword && n != nounPwd {
				return needNever // keyboard, tokenizer
			}
			worst = worst.up()
		}
	}
	return worst
}

// keyWord is a word of a key in lower case, cut to the room that known words need.
type keyWord struct {
	b [16]byte
	n int
}

func (w *keyWord) add(c byte) {
	if w.n < len(w.b) {
		if keyed.IsUpper(c) {
			c |= 0x20
		}
		w.b[w.n] = c
		w.n++
	}
}

func (w *keyWord) text() []byte { return w.b[:w.n] }

func (w *keyWord) hasSuffix(s string) bool {
	return w.n >= len(s) && string(w.b[w.n-len(s):w.n]) == s
}

// keyWordBefore returns the word that ends where the noun at b[at] begins, not before first.
// It is glued when nothing parts the two: "apikey", not "apiKey" or "api_key".
func keyWordBefore(b []byte, first, at int) (w keyWord, glued bool) {
	i := at
	for i > first && !keyed.IsLetter(b[i-1]) {
		i--
	}
	end := i
	glued = i == at && i > first && (!keyed.IsUpper(b[at]) || keyed.IsUpper(b[i-1]))
	for i > first && keyed.IsLetter(b[i-1]) && end-i < len(w.b) {
		i--
		if !glued && keyed.IsUpper(b[i]) && (i == first || !keyed.IsUpper(b[i-1])) {
			break
		}
	}
	for _, c := range b[i:end] {
		w.add(c)
	}
	return w, glued
}

// value judges the value behind op and returns its span.
func (k *readingKey) value(b []byte, op *keyed.Op) (redact.Span, redact.Reason) {
	reject := func(r redact.Reason) (redact.Span, redact.Reason) { return redact.Span{}, r }
	switch {
	case op.Form == keyed.Comma && !k.call && !k.pair && !(k.flag && op.KeyQuoted),
		k.paren && op.Colon && !op.Spaced, // of PAM, "pam_unix(passwd:chauthtok)"
		k.colon && op.Colon && !op.Spaced: // of a name, "arn:aws:secretsmanager:...:secret:x"
		return reject(redact.RejectOperator)
	}
	tag := op.Start
	if op.Form == keyed.Tag {
		if i, ok := keyed.Element(b, op.Start); ok {
			op.Start, tag = i, i
		}
		op.Start = keyed.SkipSpace(b, op.Start)
	}
	if op.Start >= len(b) {
		return reject(redact.RejectLength)
	}
	if listOfOne(b, op) {
		op.Start++
	}
	switch k.noun {
	case nounCookie:
		return k.cookies(b, op)
	case nounAuthorization:
		skipScheme(b, op)
	}
	// Enough of the value to judge it; the rest only when it is taken.
	end, open := k.end(b, op, keyed.MaxStats)
	if !k.plausible(b[op.Start:end], op) {
		return reject(redact.RejectRegular)
	}
	if alreadyToken(b, op.Start, end) {
		return reject(redact.RejectValue)
	}
	if open {
		end, open = k.end(b, op, maxAssignValue)
	}
	if k.pair && op.Form == keyed.Comma && !open {
		if i := keyed.Closed(b, end); i == len(b) || b[i] != ']' {
			return reject(redact.RejectOperator) // a list of words
		}
	}
	if op.Form == keyed.Tag && !open && !closedTag(b, tag, op.Start, end) {
		return reject(redact.RejectOperator)
	}
	if op.Form == keyed.Tag || op.Quote == 0 {
		for end > op.Start && keyed.IsBlank(b[end-1]) {
			end--
		}
	}
	r := redact.Accepted
	if open {
		r = redact.AcceptedOpen
	}
	return redact.Span{Start: op.Start, End: end}, r
}

// listOfOne reports whether a list without quotes stands for the value, as a map of several
// values prints itself in Java: {X-Api-Key=[v]}.
func listOfOne(b []byte, op *keyed.Op) bool {
	return op.Form == keyed.Assign && op.Quote == 0 && !op.Colon && b[op.Start] == '[' && op.Start+1 < len(b) && keyed.IsWord(b[op.Start+1])
}

// end returns the end of the value, as Op.End does, and not beyond the comma behind which the
// next field of CSV stands. Tokens and keys have no commas; a password may have, but not
// before the name of a class.
func (k *readingKey) end(b []byte, op *keyed.Op, limit int) (end int, open bool) {
	end, open = op.End(b, limit)
	if op.Form != keyed.Assign || op.Quote != 0 {
		return end, open
	}
	v := b[op.Start:end]
	if i := bytes.IndexByte(v, ','); i > 0 && (k.need != needAnything || className(v[i+1:i+1+nameLen(v[i+1:])])) {
		return op.Start + i, false
	}
	return end, open
}

// nameLen returns the length of the name that v begins with.
func nameLen(v []byte) int {
	n := 0
	for n < len(v) && keyed.IsName(v[n]) {
		n++
	}
	return n
}

// alreadyToken reports whether b[start:end] is a token of an earlier pass, or begins one.
func alreadyToken(b []byte, start, end int) bool {
	if start >= len(b) || !tokenAt(b, start) {
		return false
	}
	t, ok := redact.ParseToken(b, start)
	return ok && t.End >= end
}

// closedTag reports whether the text b[start:end) of an XML element whose start tag ends at
// b[tag] is followed by a tag, or cut off at the end of the line that the element began on.
func closedTag(b []byte, tag, start, end int) bool {
	if end == len(b) || b[end] == '\n' || b[end] == '\r' {
		if bytes.IndexByte(b[tag:start], '\n') < 0 {
			return true
		}
		end = keyed.SkipSpace(b, end)
	}
	return end < len(b) && (b[end] == '<' || b[end] == '&' || b[end] == '\\' || b[end] == ']' || b[end] == '"')
}

// looksNested reports whether the value at b[i] begins with the same noun n again and its
// operator, or a dash behind a dash: that one has an anchor of its own and decides.
func looksNested(b []byte, i int, n noun, dash bool) bool {
	if i >= len(b) {
		return false
	}
	m, size := nounAt(b, i)
	i += size
	return m == n && i < len(b) && (b[i] == '=' || b[i] == ':' && n != nounPass || dash && b[i] == '-')
}

// skipScheme moves the start of the value of an Authorization header behind the scheme.
func skipScheme(b []byte, op *keyed.Op) {
	i, lim := op.Start, min(len(b), op.Start+20)
	for i < lim && keyed.IsLetter(b[i]) {
		i++
	}
	if i > op.Start && i+1 < lim && b[i] == ' ' && b[i+1] > ' ' {
		op.Start = i + 1
	}
}

// plausible judges the first bytes of a value.
func (k *readingKey) plausible(v []byte, op *keyed.Op) bool {
	if len(v) == 0 {
		return false
	}
	prose := op.Quote == 0 && op.Colon && op.Spaced || op.Form == keyed.Blank
	s := keyed.Measure(v)
	ok := false
	switch {
	case op.Form == keyed.Blank && !k.flag:
		ok = k.plausibleBlank(v, &s, op)
	case k.need == needAnything:
		ok = k.plausiblePassword(v, &s, op)
	case k.noun == nounAuthorization:
		ok = s.Blank == 0 && (!prose && s.N >= 8 || prose && s.Random(v))
	case s.Blank > 0 || s.N < 6:
	case looksNamed(v, &s):
		ok = hexKey(v) || op.Quote != 0 && looksIrregular(v, &s)
	case k.noun == nounKey && k.bare && !k.query && s.N < 20 && k.need == needRandom:
	case k.need == needRandom:
		ok = (k.noun == nounSession || s.N >= 12) && s.Random(v)
	default:
		ok = k.plausibleMixed(v, &s, prose)
	}
	if !ok || s.Placeholder(v) {
		return false
	}
	if s.Digit == 0 && prose && keyed.WordAt(v) == keyed.Prose {
		return false
	}
	return !(len(v) > 2 && v[0] == '/' && v[1] == '/') && !startsURL(v) && !(prose && v[len(v)-1] == ':') // the next key
}

// plausibleMixed asks for digits among letters, or for something long and irregular.
func (k *readingKey) plausibleMixed(v []byte, s *keyed.Stats, prose bool) bool {
	letters := s.Lower + s.Upper
	switch {
	case s.Digit > 0 && letters > 0:
		return s.N >= 8 || !prose
	case letters == 0:
		return s.Other == 0 && (s.N >= 20 || !prose && (s.N >= 12 || k.noun == nounToken && k.bare))
	case s.N < 16 || s.Other > 3:
		return false
	}
	bits := s.Bits(v)
	return s.Lower > 2 && s.Upper > 2 && bits >= 3800 || s.Lower > 0 && s.Upper == 0 && s.N >= 24 && bits >= 3600 && s.Other == 0
}

// hexKey reports whether v is 0x and the 64 hexadecimal digits of a 256-bit key, as far
// as it is known.
func hexKey(v []byte) bool {
	if len(v) < keyed.MaxStats || v[0] != '0' || v[1]|0x20 != 'x' {
		return false
	}
	s := keyed.Measure(v[2:])
	return s.Hex && s.Other == 0 && s.Random(v[2:])
}

// looksIrregular reports whether v has so much of everything that it is no name in spite
// of its brackets and dollars.
func looksIrregular(v []byte, s *keyed.Stats) bool {
	return s.Odd > 0 && s.Dots == 0 && s.Slashes == 0 && s.N >= 20 && (s.Digit > 0 || s.Odd >= 3) && s.Bits(v) >= 4000
}

// plausiblePassword judges a value behind a key that can hardly mean anything else.
func (k *readingKey) plausiblePassword(v []byte, s *keyed.Stats, op *keyed.Op) bool {
	switch {
	case s.N < 3, s.Digit == s.N && s.N < 4:
		return false
	case k.noun == nounPwd && (v[0] == '/' || v[0] == '~' || v[0] == '.' || len(v) > 2 && v[1] == ':' && v[2] == '\\'):
		return false
	case k.noun == nounPass && op.Quote == 0 && op.Colon && k.bare:
		return s.Digit > 0 && s.Lower+s.Upper > 0
	}
	if op.Quote == 0 && s.Other > 0 {
		if looksCalled(v, op.Spaced) {
			return false
		}
		if op.Spaced && !op.Colon && s.Digit == 0 && s.Dots > 0 && looksDotted(v) {
			return false // os.environ.password
		}
	}
	if k.noun == nounSecret {
		return !looksPath(v, s)
	}
	return true
}

// plausibleBlank judges "key value" with nothing but a blank between, which prose has
// everywhere.
func (k *readingKey) plausibleBlank(v []byte, s *keyed.Stats, op *keyed.Op) bool {
	if op.Quote != 0 {
		return k.noun == nounPassword && s.N >= 4 && keyed.WordAt(v) == keyed.NoWord
	}
	switch {
	case s.N < minBlank || s.Digit < 3 || s.Odd > 0 || s.Blank > 0 || looksNamed(v, s):
		return false
	case k.noun == nounKey && k.need == needRandom && (s.N < 24 || s.Other > 0):
		return false
	case k.noun == nounPwd || k.noun == nounPass || k.noun == nounSession:
		return false
	}
	for i, c := range v {
		// Base64 ends with equals signs; one inside stands behind a key of its own.
		if !keyed.IsName(c) && c != '+' && c != '/' && (c != '=' || i+1 < len(v) && v[i+1] != '=') {
			return false
		}
	}
	if s.Other == 0 || s.Hex && s.N == 36 {
		return s.Random(v)
	}
	return s.Other*8 <= s.N && s.N >= 24 && s.Bits(v) >= 4000
}

func startsURL(v []byte) bool {
	return foldPrefix(v, "http://") || foldPrefix(v, "https://") || foldPrefix(v, "arn:") || foldPrefix(v, "urn:")
}

// looksCalled reports whether v is the beginning of a call, "getPassword(".
func looksCalled(v []byte, spaced bool) bool {
	for i, c := range v {
		if c == '(' {
			return i >= 3 && (spaced || i == len(v)-1)
		}
		if !keyed.IsName(c) && c != '$' && c != '>' && c != ':' {
			return false
		}
	}
	return false
}

// looksDotted reports whether v is names joined by dots.
func looksDotted(v []byte) bool {
	dots := 0
	for i, c := range v {
		switch {
		case c == '.' && i > 0:
			dots++
		case !keyed.IsWord(c):
			return false
		}
	}
	return dots > 0
}

// looksPath reports whether v is a path or the namespace/name of an object.
func looksPath(v []byte, s *keyed.Stats) bool {
	if v[0] == '/' || v[0] == '.' && len(v) > 1 && v[1] == '/' || v[0] == '~' {
		return true
	}
	if s.Upper > 0 {
		return false
	}
	for _, c := range v {
		if c != '/' && !keyed.IsName(c) {
			return false
		}
	}
	return s.Slashes > 0
}

// looksNamed reports whether v names something rather than being it: a path, a class or
// a host with its dots, a number in hexadecimal, an object with its address.
func looksNamed(v []byte, s *keyed.Stats) bool {
	if s.Odd > 0 || v[0] == '/' || v[0] == '~' || len(v) > 2 && v[0] == '0' && v[1]|0x20 == 'x' {
		return true
	}
	if len(v) > 8 && v[2] == ':' && v[5] == ':' && v[8] == ':' {
		return true // a fingerprint
	}
	return (s.Dots > 1 || s.Slashes > 1 && s.Dots > 0) && !(len(v) > 3 && v[0] == 'e' && v[1] == 'y') && s.Dots*12 > len(v)
}

// cookies takes the value of one Set-Cookie, or the whole list of a Cookie header.
func (k *readingKey) cookies(b []byte, op *keyed.Op) (redact.Span, redact.Reason) {
	if op.Form == keyed.Blank || op.Form == keyed.Comma {
		return redact.Span{}, redact.RejectOperator
	}
	end, open := op.Start, false
	pairs := 0
	for i := op.Start; ; {
		name := i
		for i < len(b) && i-name < 64 && (keyed.IsName(b[i]) || b[i] == '%' || b[i] == '$') {
			i++
		}
		if i == name || i >= len(b) || b[i] != '=' {
			break
		}
		pair := keyed.Op{Start: i + 1, Quote: op.Quote, Slashes: op.Slashes}
		e := cookieEnd(b, pair.Start, min(len(b), op.Start+maxAssignValue))
		if open = e-op.Start >= maxAssignValue; open {
			end = e
			break
		}
		if pairs++; pairs == 1 && setCookie(b, k.start, op.Start) {
			return takeCookie(b, pair.Start, e)
		}
		end = e
		if e+1 >= len(b) || b[e] != ';' {
			break
		}
		if i = e + 1; b[i] == ' ' {
			i++
		}
	}
	if pairs == 0 && !open {
		return redact.Span{}, redact.RejectValue
	}
	if b[op.Start-1] == '[' && op.Quote == 0 {
		if i := bytes.IndexByte(b[op.Start:end], ']'); i >= 0 {
			end, open = op.Start+i, false
		}
	}
	if open {
		return redact.Span{Start: op.Start, End: end}, redact.AcceptedOpen
	}
	return takeCookie(b, op.Start, end)
}

func takeCookie(b []byte, start, end int) (redact.Span, redact.Reason) {
	v := b[start:end]
	if s := keyed.Measure(v); s.N < 4 || s.Placeholder(v) {
		return redact.Span{}, redact.RejectValue
	}
	if alreadyToken(b, start, end) {
		return redact.Span{}, redact.RejectValue
	}
	return redact.Span{Start: start, End: end}, redact.Accepted
}

// setCookie reports whether the key b[start:end] says Set-Cookie.
func setCookie(b []byte, start, end int) bool {
	return foldPrefix(b[start:end], "set")
}

// cookieEnd returns the end of the value of a cookie, by the characters that RFC 6265,
// section 4.1.1, allows; a tag of HTML or an escaped line end is none of it.
func cookieEnd(b []byte, i, lim int) int {
	for i < lim && b[i] > ' ' && b[i] != 0x7f && b[i] != ';' && b[i] != ',' && b[i] != '"' && b[i] != '\\' && b[i] != '\'' {
		switch b[i] {
		case '[':
			if i+1 < lim && b[i+1] == '\\' {
				return i
			}
		case '<':
			if i+1 < lim && (b[i+1] == '/' || keyed.IsLetter(b[i+1])) {
				return i
			}
		case '#':
			if keyed.ControlAt(b, i, lim) {
				return i
			}
		}
		i++
	}
	return i
}
