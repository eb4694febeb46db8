package keyed

import "bytes"

// Container is a list or an object that stands in the place of a value: ["a", "b"],
// {"first": "a", "last": "b"}, {first=a, last=b}, [{"line": ["a", "b"]}]. Objects in objects are left out,
// but for those under a key that says nothing of its value, and where Deep says otherwise.
type Container struct {
	// Start is behind its bracket, where the first value may begin.
	Start int
	// Objects says that it is an object or a list of objects, and list that it is a list.
	Objects, list bool
	// Deep reports whether an object in the object is read that stands under the key b[start:end),
	// up to maxDeep bytes behind the beginning of the outer one. It may be nil.
	Deep func(b []byte, start, end int) bool
}

// Leaf is a value in a container.
type Leaf struct {
	// Op says how it begins.
	Op
	// End is the end of the value, and Next is behind what closes it.
	End, Next int
	// Member says that it stands in an object, under Key.
	Member bool
	Key    []byte
	// From is where to begin again when the text was cut: before the key.
	From int
}

// What Container.Next found.
const (
	LeafNone  = iota // the end of the container, or what is none
	LeafWhole        // a value
	LeafLong         // a value of which only the beginning was read
	LeafCut          // what may be read ended before what follows the value
)

// MayContain reports whether there may be a container in b.
func MayContain(b []byte) bool {
	return bytes.IndexByte(b, '[') >= 0 || bytes.IndexByte(b, '{') >= 0
}

// Container returns the container behind op, or reports that there is none. keyEnd is the end
// of the key.
func (op *Op) Container(b []byte, keyEnd int) (c Container, ok bool) {
	i := op.Start
	switch {
	case op.Quote == 0 && i < len(b):
		if b[i] != '[' && b[i] != '{' || op.Form == Tag {
			return c, false
		}
		if c.Start = i + 1; b[i] == '{' {
			c.Objects = true
			return c, true
		}
		c.list = true
		i = space(b, c.Start, min(len(b), c.Start+MaxOperator))
		c.Objects = i < len(b) && b[i] == '{'
		return c, true
	case op.Quote != 0:
		i -= 1 + op.Slashes
		if op.Doubled {
			i--
		}
		for i > keyEnd && IsBlank(b[i-1]) {
			i--
		}
		return Container{Start: i, list: true}, b[i-1] == '['
	}
	return c, false
}

// Next returns the first value that begins at b[i] or behind it: at Start, or behind the value
// before. It reads to b[lim] at most, and of a value no more than maxValue bytes.
func (c Container) Next(b []byte, i, lim, maxValue int) (l Leaf, what int) {
	if c.Objects {
		return c.member(b, i, lim, maxValue)
	}
	l.From = i
	i = space(b, i, lim)
	nested := l.From > c.Start && i < lim && b[i] == ']'
	for nested && i < lim && b[i] == ']' {
		i = space(b, i+1, lim)
	}
	if i < lim && b[i] == ',' {
		i = space(b, i+1, lim)
	} else if nested {
		return l, LeafNone
	}
	for i < lim && (b[i] == '[' || b[i] == '{') {
		if b[i] == '{' {
			end, cut := objectEnd(b, i, lim)
			switch {
			case end == 0 && cut:
				return l, LeafCut
			case end == 0:
				l.Next = min(lim, i+maxObject)
				return l, LeafNone
			}
			l.From, nested = end, false
			if i = space(b, end, lim); i < lim && b[i] == ',' {
				i = space(b, i+1, lim)
			}
			continue
		}
		i, nested = space(b, i+1, lim), false
		if i < lim && b[i] == ']' { // an empty one
			if i = space(b, i+1, lim); i < lim && b[i] == ',' {
				i = space(b, i+1, lim)
			}
		}
	}
	if i >= lim {
		l.From = lim
		return l, LeafCut
	}
	if b[i] == ']' || nested && b[i] != '"' && b[i] != '\\' {
		return l, LeafNone // the end of it, or of more than lists in it
	}
	if l.read(b, i, lim, maxValue) {
		return l, LeafLong
	}
	switch n := space(b, l.Next, lim); {
	case n >= lim && l.Next > i:
		if lim == len(b) {
			return l, LeafWhole
		}
		return l, LeafCut
	case l.Next > i && (b[n] == ',' || b[n] == ']'):
		return l, LeafWhole
	}
	return l, LeafNone
}

// read reads the value at b[i], and reports whether it is longer than maxValue.
func (l *Leaf) read(b []byte, i, lim, maxValue int) (long bool) {
	l.Op = Op{Start: i, Colon: true, KeyQuoted: true}
	for j := i; j < lim && j < i+8; j++ {
		if c := b[j]; c == '"' || c == '\'' {
			l.Quote, l.Slashes = c, j-i
			l.Start = l.behindQuote(b, j+1, lim)
			break
		} else if c != '\\' {
			break
		}
	}
	if l.Quote != 0 {
		if l.End, long = l.Op.End(b, maxValue); long {
			return true
		}
		l.Next = min(lim, Closed(b, l.End))
		return false
	}
	l.End = l.Start
	for l.End < lim && !bareLeafEnd[b[l.End]] {
		if l.End++; l.End-l.Start == maxValue {
			return true
		}
	}
	l.Next = l.End
	l.End = TrimProse(b, l.Start, l.End)
	return false
}

// bareLeafEnd are the bytes at which a value in a container ends that has no quotes.
var bareLeafEnd = [256]bool{',': true, ']': true, '\n': true, '}': true, '=': true, ':': true, '"': true}

// TrimProse returns the end of b[start:end) without blanks and the end of a sentence.
func TrimProse(b []byte, start, end int) int {
	for end > start {
		switch b[end-1] {
		case ' ', '\t', '.', ':', '!', '?', ',':
			end--
			continue
		}
		break
	}
	return end
}

// member returns the next value of objects. Where it stands is told by what is around it, so
// that it can go on behind any value.
func (c Container) member(b []byte, i, lim, maxValue int) (l Leaf, what int) {
	l.Member = true
	known := false // whether l.Key is the key of what comes
	depth := -1    // how many objects in the object are open, once it was asked
	// From stays before a key, and before a quotation mark, which would be taken for that
	// of the value before.
	l.From = i
	for {
		if i = space(b, i, lim); i >= lim {
			return l, LeafCut
		}
		switch b[i] {
		case ',', '[':
			if !known {
				l.From = i
			}
			i++
			continue
		case '{':
			if !known {
				l.From = i
				i++
				if depth >= 0 {
					depth++
				}
				continue
			}
			if i-c.Start < maxDeep && (InnerKey(l.Key) == InnerValue || c.Deep != nil && c.Deep(b, l.Start, l.End)) {
				known = false
				continue
			}
			end, cut := objectEnd(b, i, lim)
			if end == 0 && cut {
				return l, LeafCut
			}
			if end == 0 {
				l.Next = min(lim, i+maxObject)
				return l, LeafNone
			}
			i, known, l.From = end, false, end
			continue
		case ']':
			if c.list && (lastByte(b[:i]) == '}' || arrayAround(b, i) == c.Start-1) {
				return l, LeafNone
			}
			i, known, l.From = i+1, false, i+1
			continue
		case '}':
			if !c.list {
				if depth < 0 {
					depth = openObjects(b, c.Start, i)
				}
				if depth == 0 {
					return l, LeafNone
				}
				depth--
			}
			i, known, l.From = i+1, false, i+1
			continue
		}
		if l.read(b, i, lim, maxValue) {
			if !known {
				c.inArray(b, i, &l)
			}
			return l, LeafLong
		}
		n := space(b, l.Next, lim)
		switch {
		case l.Next == i && n < lim, n < lim && b[n] != ':' && b[n] != '=' && b[n] != ',' && b[n] != ']' && b[n] != '}':
			return l, LeafNone
		case n < lim && (b[n] == ':' || b[n] == '='):
			l.Key, known = b[l.Start:l.End], true
			i = n + 1
		default:
			if n >= lim && lim < len(b) {
				return l, LeafCut
			}
			if !known {
				c.inArray(b, i, &l)
			}
			return l, LeafWhole
		}
	}
}

// maxDeep is how far behind the beginning of an object, in bytes, one that stands in it is read.
const maxDeep = 256

// openObjects returns how many objects that begin in b[start:i) go on behind that, or 0 when it
// is too much to read.
func openObjects(b []byte, start, i int) (depth int) {
	if i-start > 2*maxDeep {
		return 0
	}
	inString := false
	for _, c := range b[start:i] {
		switch {
		case c == '"':
			inString = !inString
		case inString:
		case c == '{':
			depth++
		case c == '}':
			depth--
		}
	}
	return max(0, depth)
}

// maxObject bounds the length of an object in an object, in bytes.
const maxObject = 1 << 10

// objectEnd returns what is behind the object at b[i], or 0. It reports whether that is because
// what may be read ended.
func objectEnd(b []byte, i, lim int) (end int, cut bool) {
	depth, inString := 0, false
	stop := min(lim, i+maxObject)
	for ; i < stop; i++ {
		switch c := b[i]; {
		case c == '"':
			inString = !inString
		case inString:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1, false
			}
		}
	}
	return 0, stop == lim
}

// lastByte returns the last byte of b that is no space.
func lastByte(b []byte) byte {
	b = bytes.TrimRight(b[max(0, len(b)-MaxTag):], " \t\r\n")
	if len(b) == 0 {
		return 0
	}
	return b[len(b)-1]
}

// inArray says of a value at b[i] without a key what array it stands in: that of the container
// itself, beside its objects, or one with a key.
func (c Container) inArray(b []byte, i int, l *Leaf) {
	k := arrayAround(b, i)
	if l.Member = k != c.Start-1; l.Member && k >= 0 {
		l.Key = keyBefore(b, k)
	}
}

// arrayAround returns where the array begins that b[i] stands in, or -1. Brackets in strings
// count as others do.
func arrayAround(b []byte, i int) int {
	closed := 0
	for low := max(0, i-2*MaxTag); i > low; i-- {
		switch b[i-1] {
		case ']':
			closed++
		case '[':
			if closed == 0 {
				return i - 1
			}
			closed--
		}
	}
	return -1
}

// keyBefore returns the key before the bracket at b[i], or nothing.
func keyBefore(b []byte, i int) []byte {
	low := max(0, i-MaxTag)
	trim := func(set string) {
		for i > low && bytes.IndexByte([]byte(set), b[i-1]) >= 0 {
			i--
		}
	}
	trim(" \t\r\n")
	if i == low || b[i-1] != ':' && b[i-1] != '=' {
		return nil
	}
	i--
	trim(" \t\"'\\")
	end := i
	for i > low && end-i < maxInner && (IsWord(b[i-1]) || b[i-1] == '$') {
		i--
	}
	return b[i:end]
}

// Closed returns the end of the quotation mark at b[i], which may stand twice and have
// backslashes before it, or i when there is none.
func Closed(b []byte, i int) int {
	j := i
	for j < len(b) && j < i+MaxOperator && b[j] == '\\' {
		j++
	}
	if j == len(b) || b[j] != '"' && b[j] != '\'' {
		return i
	}
	if j+1 < len(b) && b[j+1] == b[j] {
		j++
	}
	return j + 1
}

// space skips blanks and line ends, also those that are written \t, \n and \r.
func space(b []byte, i, lim int) int {
	for i < lim {
		j := i
		for j < lim && b[j] == '\\' {
			j++
		}
		if j == lim {
			break
		}
		c := b[j]
		if j > i && c != 'n' && c != 'r' && c != 't' || j == i && c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			break
		}
		i = j + 1
	}
	return i
}

// Inner is what the key of a member says of its value, beside what the key of the object says.
type Inner uint8

const (
	InnerOther Inner = iota // that it is something else
	InnerValue              // nothing
	InnerName               // that it is a part of a name
	InnerLine               // that it is a part of an address
	InnerPlace              // that it is a town or a district
)

// maxInner is the length of the longest key that InnerKey knows, with digits at its end.
const maxInner = 20

// InnerKey tells what the key of a member says. What is no letter does not count.
//
// The words are those of schema.org, vCard and FHIR (HumanName, Address, ContactPoint), and
// those that encodings of typed values put around them: DynamoDB ("S"), OpenTelemetry and
// Firestore ("stringValue"), Avro ("string"), MongoDB ("$numberLong"), XML as JSON ("#text").
func InnerKey(key []byte) Inner {
	if len(key) == 0 || len(key) > maxInner {
		return InnerOther
	}
	var fold [maxInner]byte
	n := 0
	for _, c := range key {
		if IsLetter(c) {
			fold[n] = c | 0x20
			n++
		}
	}
	switch string(fold[:n]) {
	case "", "value", "values", "val", "text", "txt", "string", "str", "s", "n", "ss", "ns", "plain", "plaintext", "cleartext", "raw", "data", "content",
		"current", "old", "new", "previous", "number", "num", "no", "full", "formatted", "display", "stringvalue", "intvalue", "integervalue", "doublevalue",
		"bytesvalue", "attributevalue", "numberlong", "numberint", "numberdecimal", "secretstring":
		return InnerValue
	case "first", "last", "middle", "given", "family", "fore", "sur", "maiden", "second", "forename", "forenames", "initials":
		return InnerName
	case "line", "lines", "house", "building", "flat", "apartment", "apt", "unit", "premise", "thoroughfare", "streetname", "streetaddress":
		return InnerLine
	case "town", "city", "locality", "suburb", "district", "village", "county", "municipality", "neighborhood", "neighbourhood":
		return InnerPlace
	}
	return InnerOther
}
