package keyed

// Form is how a key and its value are written.
type Form uint8

const (
	// Assign is any of = : := => -> and their like.
	Assign Form = iota
	// Comma is the call f("key", "value").
	Comma
	// Tag is an XML element, <key>value</key>.
	Tag
	// Blank is nothing but blanks between key and value.
	Blank
	// Part is the body of a part of multipart/form-data (RFC 7578), whose header names it.
	Part
)

// Op is an operator that was read, and how the value behind it begins.
type Op struct {
	// Start is the first byte of the value, behind its opening quote.
	Start int
	// Quote is the opening quote, or 0 when there is none.
	Quote byte
	// Slashes is the number of backslashes before the opening quote.
	Slashes int
	Form    Form
	// Colon says that the operator is a single colon, which prose has as well.
	Colon bool
	// Spaced says that blanks stand before the value.
	Spaced bool
	// Dash says that it is a dash and not a blank that stands for the operator.
	Dash bool
	// Holder is the bracket of a JSON object or array that stands for the value, at Start;
	// Operator then reports false.
	Holder byte
	// KeyQuoted says that a quote closes the key.
	KeyQuoted bool
	// Doubled says that each quotation mark stands twice, as in a field of CSV (RFC 4180).
	Doubled bool
}

// MaxOperator is how many bytes after a key Operator looks, at most, but for the
// attributes of an XML element, for which it is MaxTag.
const (
	MaxOperator = 64
	MaxTag      = 256
)

// Operator reads the operator at b[i], right after the last byte of a key. It reports
// false when there is none, most often after one byte. A key with blanks and a value
// behind it is no operator: see Blanks.
func Operator(b []byte, i int) (op Op, ok bool) {
	if i >= len(b) || classes[b[i]]&classOpen == 0 && b[i] != '<' {
		// PostgreSQL names the columns of a key and their values: (email)=(v)
		op.Start = i + len(columns)
		return op, hasPrefix(b, i, len(b), columns) && op.Start < len(b)
	}
	if c := b[i]; (c == '=' || c == ':') && i+2 < len(b) && plainStart[b[i+1]] && classes[b[i+2]]&classWord != 0 {
		// Fast path: key=value
		op.Start, op.Colon = i+1, c == ':'
		return op, true
	}
	if b[i] == '"' && i+4 < len(b) && b[i+1] == ':' && (b[i+2] == '"' || b[i+2] == ' ' && b[i+3] == '"') {
		// Fast path: "key":"value", "key": "value"
		op.Start, op.Quote, op.Colon, op.KeyQuoted = i+3, '"', true, true
		if b[i+2] == ' ' {
			op.Start, op.Spaced = i+4, true
		}
		return op, true
	}
	lim := min(len(b), i+MaxOperator)
	start := i
	quoted, keySlashes, named := byte(0), 0, false
	i = colour(b, i, lim)
	if q, s, n := quote(b, i, lim); n > i {
		quoted, keySlashes, i = q, s, n
		op.KeyQuoted = true
		if q == '"' && i < lim && b[i] == '"' {
			op.Doubled = true
			i++
		}
	}
	for i < lim && b[i] == ']' {
		i++
	}
	if i+1 < lim && b[i] == '[' && b[i+1] == ']' {
		i += 2
	}
	i = blanks(b, i, lim)
	if quoted == '"' && i < lim && mayPart[b[i]] {
		if op, ok := part(b, start, i); ok {
			return op, true
		}
	}
	if i >= lim || classes[b[i]]&classOpen == 0 && !mayOperate[b[i]] {
		return op, false
	}
	if j, ok := typeWord(b, i, start, lim); ok {
		i = j
	}
	j := i
	switch b[i] {
	case '=':
		j++
		if j < lim && (b[j] == '=' || b[j] == '>' || b[j] == '~') {
			j++
			if j < lim && b[j] == '=' {
				j++
			}
		}
	case ':':
		for j < lim && b[j] == ':' && j-i < 4 {
			j++
		}
		if j < lim && b[j] == '=' {
			j++
		} else if j-i > 1 {
			return op, false // a C++ or Ruby scope
		} else {
			op.Colon = true
		}
	case '?', '.', '+', '!':
		if j+1 < lim && b[j+1] == '=' {
			j += 2
			for j < lim && b[j] == '=' && j-i < 3 {
				j++
			}
		}
	case '|':
		if j+1 < lim && b[j+1] == '|' {
			j += 2
			if j < lim && b[j] == '=' {
				j++
			}
		} else if j+1 < lim && b[j+1] == '=' {
			j += 2
		}
	case '-':
		if j+2 < lim && b[j+1] == '>' && IsBlank(b[j+2]) {
			j += 2
		}
	case '<':
		if j+1 < lim && b[j+1] == '-' {
			j += 2
		}
	case '>':
		// Either the arrow of a key that ends in '-', or the end of an XML tag; the
		// caller knows whether a tag began.
		if start > 0 && b[start-1] != '-' {
			op.Form = Tag
			j++
		} else if j+1 < lim && IsBlank(b[j+1]) {
			j++
		}
	case ',':
		if quoted == 0 {
			return op, false
		}
		k := i + 1
		if n := lineBreak(b, blanks(b, k, lim)); n > k {
			k, lim = n, min(len(b), n+MaxTag)
		}
		if k, ok := valueWord(b, k, lim); ok {
			j, named = k, true
			break
		}
		op.Form = Comma
		j++
	case 'v', 'V':
		if quoted != 0 {
			if k, ok := valueWord(b, i, lim); ok {
				j, named = k, true
			}
		}
	}
	if j == i {
		return op, false
	}
	if op.KeyQuoted && op.Colon {
		if k := nextLine(b, j); k > j {
			j, lim = k, min(len(b), k+MaxOperator)
		}
	}
	if op.Colon && quoted == '\'' && hasPrefix(b, j, lim, rejected) {
		op.Start = j + len(rejected)
		return op, op.Start < len(b)
	}
	i = op.open(b, j, lim)
	if op.Form == Tag && op.Quote != 0 && op.Slashes < keySlashes {
		// No quotation mark of the text, but the end of the string that it stands in.
		op.Quote, op.Slashes = 0, 0
		i = blanks(b, j, lim)
	}
	if op.Form == Comma && op.Quote == 0 {
		return op, false
	}
	if op.KeyQuoted && (op.Colon || named) && op.Quote == 0 && i < len(b) && (b[i] == '{' || b[i] == '[') {
		op.Start, op.Holder = i, b[i]
		return op, false // what it holds has keys of its own
	}
	op.Start = i
	return op, i < len(b)
}

const (
	columns = ")=("
	// rejected stands before a value in the errors of a binding in Spring: field 'key':
	// rejected value [v]
	rejected = " rejected value ["
)

// plainStart are the bytes that a value begins with right behind the operator: word
// characters that are not the beginning of the name of a type, or of a wrapper.
var plainStart = func() (t [256]bool) {
	for c := range t {
		t[c] = classes[c]&classWord != 0 && c != 's' && c != 'S' && c != 'O'
	}
	return t
}()

// nextLine returns where the value of a member of pretty-printed JSON starts that stands on
// the line behind its key, and i where it does not.
func nextLine(b []byte, i int) int {
	k := blanks(b, i, min(len(b), i+MaxOperator))
	j := k
	for n := lineBreak(b, j); n > j; n = lineBreak(b, j) {
		j = blanks(b, n, min(len(b), n+MaxTag))
	}
	if j > k && j < len(b) && (b[j] == '"' || b[j] == '\\' || b[j] == '-' || IsDigit(b[j])) {
		return j
	}
	return i
}

// lineBreak returns the byte after the line break at b[i], or i when there is none. A wire
// log of Apache HttpClient writes one as [\r][\n]" and begins the next line with its own
// prefix and >> " or << ".
func lineBreak(b []byte, i int) int {
	j := i
	if hasPrefix(b, j, len(b), `[\r]`) {
		j += 4
	}
	if hasPrefix(b, j, len(b), `[\n]"`) {
		j += 5
		lim := min(len(b), j+MaxTag)
		for ; j+4 < lim; j++ {
			if b[j+3] == '"' && b[j+2] == ' ' && b[j] == b[j+1] && (b[j] == '>' || b[j] == '<') {
				return j + 4
			}
		}
		return i
	}
	if j < len(b) && b[j] == '\r' {
		j++
	}
	if j < len(b) && b[j] == '\n' {
		return j + 1
	}
	return i
}

// part finds the body of a part of multipart/form-data whose name ends at b[keyEnd], where
// the quotation mark stands, and the header goes on at b[i].
func part(b []byte, keyEnd, i int) (op Op, ok bool) {
	k := keyEnd
	for lim := max(0, k-maxPartName); k > lim && IsName(b[k-1]); {
		k--
	}
	if k < len(partName) || string(b[k-len(partName):k]) != partName {
		return op, false
	}
	lim := min(len(b), i+2*MaxTag)
	for lines := 0; i < lim && lines < maxPartHeaders; lines++ {
		n := lineBreak(b, i)
		for n == i && i < lim {
			i++
			n = lineBreak(b, i)
		}
		if i = n; i >= lim {
			break
		}
		if n := lineBreak(b, i); n > i {
			op.Form, op.Start = Part, n
			return op, n < len(b) && lineBreak(b, n) == n && !hasPrefix(b, n, len(b), "--")
		}
	}
	return op, false
}

// mayPart are the bytes that may stand behind the name of a part.
var mayPart = [256]bool{'\r': true, '\n': true, '[': true, ';': true}

const (
	partName       = `name="`
	maxPartName    = 48
	maxPartHeaders = 4
)

// mayOperate are the bytes besides those of classOpen that an operator may begin with
// behind blanks: arrows, and the words string, String and value.
var mayOperate = [256]bool{'-': true, '<': true, 's': true, 'S': true, 'v': true, 'V': true}

// stringPrefix are the letters that stand before the quote of a string literal in C++,
// C#, PostgreSQL, Python, Rust or T-SQL.
var stringPrefix = [256]bool{'b': true, 'B': true, 'E': true, 'f': true, 'F': true, 'L': true, 'N': true, 'r': true, 'R': true, 'u': true, 'U': true}

// open skips blanks and reads the opening quote at b[i], with the letter or the bracket
// that may stand before it, and returns where the value starts.
func (op *Op) open(b []byte, i, lim int) int {
	j := blanks(b, i, lim)
	op.Spaced = j > i
	j = colour(b, j, lim)
	i = j
	if j >= lim {
		return i
	}
	if b[j] == 'O' || b[j] == 'S' {
		for _, w := range [...]string{"Optional[", "Some("} {
			if hasPrefix(b, j, lim, w) {
				spaced := op.Spaced
				i = op.open(b, j+len(w), lim)
				op.Spaced = spaced
				return i
			}
		}
	}
	// A list of one, or a string literal with a prefix: ["v"] @"v" r"v" N'v'
	k := j
	switch c := b[j]; {
	case c == '[' || c == '(':
		k = blanks(b, j+1, lim)
	case c == '@' || c == '$' || stringPrefix[c]:
		k = j + 1
	}
	if k > j && k < lim && classes[b[k]]&(classWord|classBlank) == 0 {
		if q, s, n := quote(b, k, lim); n > k {
			op.Quote, op.Slashes = q, s
			return op.behindQuote(b, n, lim)
		}
	}
	if classes[b[i]]&classWord != 0 {
		return i
	}
	if q, s, n := quote(b, i, lim); n > i {
		op.Quote, op.Slashes = q, s
		return op.behindQuote(b, n, lim)
	}
	return i
}

// behindQuote returns where the value starts behind the quote that ends at b[i]: behind a
// second one, where quotes are doubled. The first of the two that close the value ends it.
func (op *Op) behindQuote(b []byte, i, lim int) int {
	if i+1 >= lim || b[i] != '"' || b[i-1] != '"' {
		return i
	}
	// Where the key does not show it, two marks before anything else are an empty value.
	if c := b[i+1]; op.Doubled && c != '"' || IsWord(c) || c == '+' || c >= 0x80 {
		op.Doubled = true
		return i + 1
	}
	return i
}

// Blanks reads the form "key value": one to four blanks, then perhaps a quote.
func Blanks(b []byte, i int) (op Op, ok bool) {
	lim := min(len(b), i+8)
	if i >= lim || !IsBlank(b[i]) {
		return op, false
	}
	op.Form = Blank
	op.Start = op.open(b, i, lim)
	return op, op.Start < len(b) && !IsBlank(b[op.Start])
}

// TagEnd finds the end of the start tag of an XML element whose name ends at b[i]: it
// skips attributes. It reports false when no '>' closes the tag within MaxTag bytes, or
// when the element is empty.
func TagEnd(b []byte, i int) (op Op, ok bool) {
	lim := min(len(b), i+MaxTag)
	if i >= lim || !(b[i] == '>' || IsBlank(b[i])) {
		return op, false
	}
	for i < lim && b[i] != '>' {
		if b[i] == '<' || b[i] == '\n' {
			return op, false
		}
		i++
	}
	if i >= lim || b[i-1] == '/' {
		return op, false
	}
	op.Form = Tag
	op.Start = i + 1
	return op, op.Start < len(b)
}

// SkipSpace returns the first byte from b[i] on that is no blank and no line end, at most
// 40 bytes further, because XML is often indented, and behind the beginning of a CDATA
// section, if one stands there.
func SkipSpace(b []byte, i int) int {
	for lim := min(len(b), i+40); i < lim && (IsBlank(b[i]) || b[i] == '\n' || b[i] == '\r'); {
		i++
	}
	if hasPrefix(b, i, len(b), cdata) {
		i += len(cdata)
	}
	return i
}

const cdata = "<![CDATA["

// Element returns what is behind the start tag at b[i], perhaps behind white space, of an
// element that holds the value of a key: <value>, <string>, <saml:AttributeValue>, or one in the
// other. It reports false when there is none.
func Element(b []byte, i int) (start int, ok bool) {
	for range 2 {
		j := SkipSpace(b, i)
		if j >= len(b) || b[j] != '<' {
			break
		}
		name := j + 1
		for j++; j < len(b) && j-name < MaxOperator && (IsWord(b[j]) || b[j] == ':'); j++ {
			if b[j] == ':' {
				name = j + 1
			}
		}
		if j == name || InnerKey(b[name:j]) != InnerValue {
			break
		}
		op, closed := TagEnd(b, j)
		if !closed {
			break
		}
		i, ok = op.Start, true
	}
	return i, ok
}

// Entry reads what stands between a key that is the text of an element, up to b[i], and its
// value: <name>key</name><value>v</value>.
func Entry(b []byte, keyStart, i int) (op Op, ok bool) {
	if keyStart == 0 || b[keyStart-1] != '>' || !hasPrefix(b, i, len(b), "</") {
		return op, false
	}
	for lim := min(len(b), i+MaxOperator); i < lim; i++ {
		if b[i] == '>' {
			op.Form = Tag
			op.Start, ok = Element(b, i+1)
			return op, ok && op.Start < len(b)
		}
	}
	return op, false
}

// InTag reports whether the name that b[at] belongs to is that of an XML element: "<", or
// "<ns:", and at most 48 more bytes of the name stand before it.
func InTag(b []byte, at int) bool {
	i := at
	for lim := max(0, at-48); i > lim && (IsName(b[i-1]) || b[i-1] == ':'); {
		i--
	}
	return i > 0 && b[i-1] == '<'
}

// colour returns what is behind the colour of a terminal (ECMA-48, SGR) that begins at b[i],
// or i when none does.
func colour(b []byte, i, lim int) int {
	if i+2 >= lim || b[i] != 0x1b || b[i+1] != '[' {
		return i
	}
	for j := i + 2; j < lim; j++ {
		switch c := b[j]; {
		case c == 'm':
			return j + 1
		case !IsDigit(c) && c != ';':
			return i
		}
	}
	return i
}

// BehindColour returns where a key begins of which start is the first byte that could be one:
// behind the colour of which it is the end.
func BehindColour(b []byte, start, at int) int {
	if start < 2 || b[start-1] != '[' || b[start-2] != 0x1b {
		return start
	}
	return min(at, max(start, colour(b, start-2, len(b))))
}

func blanks(b []byte, i, lim int) int {
	for i < lim && IsBlank(b[i]) {
		i++
	}
	return i
}

func hasPrefix(b []byte, i, lim int, s string) bool {
	return lim-i >= len(s) && string(b[i:i+len(s)]) == s
}

// quote reads a quote at b[i], with the backslashes before it, and returns the byte
// after it, or i when there is none.
func quote(b []byte, i, lim int) (q byte, slashes, next int) {
	j := i
	for j < lim && b[j] == '\\' {
		j++
	}
	if j >= lim {
		return 0, 0, i
	}
	switch c := b[j]; c {
	case '"', '\'', '`':
		return c, j - i, j + 1
	}
	return 0, 0, i
}

// typeWord skips the type of a declaration between a key and '=', as in
// "token string = " and "token: String = ".
func typeWord(b []byte, i, start, lim int) (int, bool) {
	j := i
	if b[j] == ':' {
		j = blanks(b, j+1, lim)
	} else if i == start {
		return i, false
	}
	if j < lim && b[j] == '&' {
		j++
	}
	for _, w := range [...]string{"string", "String", "str"} {
		if hasPrefix(b, j, lim, w) {
			k := blanks(b, j+len(w), lim)
			if k < lim && b[k] == '=' {
				return k, true
			}
		}
	}
	return i, false
}

// valueWord reads `value=`, `"value":`, `"ParameterValue":`, `"v":` and their like, behind a key
// that is itself the value of a name, and returns the byte after the operator.
func valueWord(b []byte, i, lim int) (int, bool) {
	i = blanks(b, i, lim)
	q, _, i := quote(b, i, lim)
	end := i
	for end < lim && IsWord(b[end]) {
		end++
	}
	switch n := end - i; {
	case n >= 5 && foldEqual(b[end-5:end], "value"):
	case q != 0 && (n == 1 && b[i]|0x20 == 'v' || n == 3 && foldEqual(b[i:end], "val")):
	default:
		return 0, false
	}
	_, _, i = quote(b, end, lim)
	i = blanks(b, i, lim)
	if i < lim && (b[i] == '=' || b[i] == ':') {
		return i + 1, true
	}
	return 0, false
}

// foldEqual reports whether b is the lower-case s in either case.
func foldEqual(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range len(s) {
		c := b[i]
		if c-'A' < 26 {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
