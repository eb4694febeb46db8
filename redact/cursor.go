package redact

import (
	"bytes"
	"math/bits"
)

// Where a number or a key stands in JSON is told by the quotation marks before it. A JSON
// string holds no raw line break, so from the start of a line they say which strings are
// open, and the backslashes before each say how deep it is: a mark is \" in JSON that is
// itself in a string, \\\" one string deeper, and so on. What stands outside of strings, at
// any of these depths, is read for brackets, commas and colons; strings that end before the
// place that is asked for are skipped.
//
// JSON may begin anywhere in a line: behind the prefix of a log line, or in the text of a
// string. It may also go on from the line before.

// markDepth returns the depth of a quotation mark behind n backslashes. Each string around
// it doubles those that are there and adds one, so the depth is the number of trailing one
// bits. The others are of backslashes before the mark, at the end of a string: "x\\".
func markDepth(n int) int { return bits.TrailingZeros(^uint(n)) }

// What a cursor read last, where it is no comma, colon or opening bracket.
const (
	nothing = 0
	key     = 'k' // a string that may be a key
	value   = 'v' // any other value
	noJSON  = '?'
	bareKey = 'c' // a colon whose key may stand on the line before
)

// cursor reads a text forwards and knows where in JSON it is. All queries of a text
// together take time linear in its length, as long as they come in order.
type cursor struct {
	b        []byte
	from     int  // where it began
	pos, eol int  // where it is, and the end of that line
	doubled  bool // the line is CSV, in which a quotation mark in a field stands twice
	layers   []layer
	// open are the brackets that are open, in all layers; '(' is one of no JSON.
	open  []byte
	ahead int // see opens
}

// layer is JSON, or text that may hold some: the line, or what is in a string.
type layer struct {
	depth  int  // of the quotation marks of its strings
	open   int  // its brackets are cursor.open[open:]
	last   byte // what was read last
	prose  bool // it is text: JSON begins at a bracket only
	inText bool // it is JSON in such text, up to its closing bracket
	mark   Span // the quotation mark that opens the last string
}

// start begins at b[i], which may be the start of JSON. Nothing behind b[:end] is read.
func (c *cursor) start(b []byte, i, end int) {
	c.b = b[:end]
	c.from, c.pos, c.eol = i, i, lineEnd(c.b, i)
	c.doubled, c.ahead = false, 0
	c.layers, c.open = append(c.layers[:0], layer{}), c.open[:0]
}

// forget leaves the text. The next query starts anew.
func (c *cursor) forget() { c.pos, c.eol = -1, -1 }

func lineEnd(b []byte, i int) int {
	if n := bytes.IndexByte(b[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(b)
}

// to reads on to b[i].
func (c *cursor) to(i int) {
	for c.pos < i {
		if c.pos == c.eol {
			c.newLine()
			continue
		}
		if end := min(i, c.eol); c.top().prose {
			c.skipProse(end)
		} else {
			c.token(end)
		}
	}
}

func (c *cursor) top() *layer { return &c.layers[len(c.layers)-1] }

// newLine ends the strings of the line. Brackets stay open.
func (c *cursor) newLine() {
	for c.top().depth > 0 {
		c.pop()
	}
	c.layers[0].prose, c.doubled = false, false
	c.pos++
	c.eol = lineEnd(c.b, c.pos)
}

func (c *cursor) pop() {
	c.open = c.open[:c.top().open]
	c.layers = c.layers[:len(c.layers)-1]
}

// token reads one token, or as much of it as stands before end.
func (c *cursor) token(end int) {
	l := c.top()
	switch b := c.b[c.pos]; {
	case jsonSpace(b):
		c.pos++
	case b == '"' || b == '\\':
		c.slashes(end)
	case b == '{' || b == '[':
		c.bracket(b)
	case b == '}' || b == ']':
		c.pos++
		c.close()
	case b == ',':
		c.pos++
		l.last = b
	case b == ':' && l.last == key:
		c.pos++
		l.last = b
	case b == ':' && l.last == nothing && len(c.layers) == 1:
		c.pos++
		l.last = bareKey
	case scalarByte[b]:
		start := c.pos
		for c.pos < end && scalarByte[c.b[c.pos]] {
			c.pos++
		}
		if l.last = value; !isScalar(c.b[start:c.pos]) {
			c.other()
		}
	default:
		c.pos++
		c.other()
	}
}

// other notes what is no JSON. Outside of brackets it shows that all of the layer is none.
func (c *cursor) other() {
	l := c.top()
	l.last = noJSON
	l.prose = len(c.open) == l.open
}

// bracket reads an opening bracket.
func (c *cursor) bracket(bracket byte) {
	l := c.top()
	inside := len(c.open) > l.open
	if !inside {
		if d, _ := c.opens(l.depth); d > l.depth {
			l.prose = true // to be read as JSON in text, of that depth
			return
		}
	}
	c.pos++
	if l.last == noJSON || inside && (l.last == key || l.last == value) {
		c.open = append(c.open, '(')
		l.last = noJSON
		return
	}
	c.open = append(c.open, bracket)
	l.last = bracket
}

func (c *cursor) close() {
	l := c.top()
	if l.last = value; len(c.open) > l.open {
		c.open = c.open[:len(c.open)-1]
	}
	if l.inText && len(c.open) == l.open {
		c.pop()
	}
}

// slashes reads backslashes and what belongs to them: a quotation mark, or the letter of an
// escaped space.
func (c *cursor) slashes(end int) {
	s := Span{c.pos, c.pos}
	for s.End < end && c.b[s.End] == '\\' {
		s.End++
	}
	c.pos = s.End
	if s.End == end {
		c.other()
		return
	}
	switch b := c.b[s.End]; {
	case b == '"':
		s.End++
		c.pos++
		c.mark(s, end)
	case b == 'n' || b == 'r' || b == 't':
		c.pos++
	default:
		c.other()
	}
}

// mark reads the quotation mark b[s.Start:s.End), and the string that it opens.
func (c *cursor) mark(s Span, end int) {
	l := c.top()
	switch d := markDepth(s.Len() - 1); {
	case d < l.depth:
		c.leave(d)
		return
	case d > l.depth:
		c.other()
		return
	}
	l.mark = s
	if l.last == nothing || l.last == '{' || l.last == ',' {
		l.last = key
	} else {
		l.last = value
	}
	for {
		n := bytes.IndexByte(c.b[c.pos:end], '"')
		if n < 0 {
			break
		}
		start := c.pos
		c.pos += n + 1
		if d := markDepth(slashesBefore(c.b[start : c.pos-1])); d <= l.depth {
			c.doubled = c.doubled || d == 0 && c.behindString(c.pos == s.End+1)
			c.leave(d)
			return
		}
	}
	if c.pos = s.End; end == c.eol {
		c.pos = end // it does not end in its line
		return
	}
	c.layers = append(c.layers, layer{depth: l.depth + 1, open: len(c.open)})
}

// behindString reports whether what follows a string, perhaps an empty one, shows that its
// marks are none of JSON.
func (c *cursor) behindString(empty bool) bool {
	if c.pos == len(c.b) {
		return false
	}
	b := c.b[c.pos]
	return b == '"' || empty && !jsonSpace(b) && bytes.IndexByte([]byte(",:]}"), b) < 0
}

// slashesBefore returns how many backslashes b ends with.
func slashesBefore(b []byte) int {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return n
}

// leave ends the layers that a quotation mark of depth d ends.
func (c *cursor) leave(d int) {
	for c.top().depth > d {
		c.pop()
	}
}

// skipProse reads text up to where JSON begins in it, or to its end.
func (c *cursor) skipProse(end int) {
	for c.pos < end && !beginsJSON[c.b[c.pos]] {
		c.pos++
	}
	if c.pos == end {
		return
	}
	l := c.top()
	if c.b[c.pos] == '"' {
		d := markDepth(slashesBefore(c.b[:c.pos]))
		c.pos++
		c.leave(d)
		return
	}
	if d, ok := c.opens(l.depth); ok {
		c.layers = append(c.layers, layer{depth: d, open: len(c.open), inText: true})
		return
	}
	c.pos++
}

// beginsJSON are the bytes at which JSON may begin in text, and the one that may end it.
var beginsJSON = [256]bool{'{': true, '[': true, '"': true}

// maxOpening bounds how much is read, in bytes, to tell a bracket of JSON in text from others.
const maxOpening = 64

// opens reports whether the bracket at the cursor, in text of the given depth, opens JSON:
// whether a string, another bracket, or its end follows. It returns the depth of its strings.
// What an earlier bracket has shown to be brackets, commas and blanks up to ahead, is not read
// again.
func (c *cursor) opens(depth int) (int, bool) {
	i, end := c.pos+1, min(len(c.b), c.pos+maxOpening)
	ok := false
	for i < end {
		n := escapedSpace(c.b[i:end])
		switch b := c.b[i]; {
		case n > 0:
			i += n
		case bytes.IndexByte([]byte("{}[]"), b) >= 0:
			i, ok = min(max(i+1, c.ahead), end), true
			c.ahead = i
		case b == ',' && ok:
			i++
			c.ahead = i
		default:
			for n = i; n < end && c.b[n] == '\\'; {
				n++
			}
			if n < end && c.b[n] == '"' {
				return markDepth(n - i), markDepth(n-i) >= depth
			}
			return depth, ok
		}
	}
	return depth, ok
}

// scalar reports whether a value of JSON may stand at the cursor, and returns the quotation
// mark that a string there has.
func (c *cursor) scalar() (mark, bool) {
	l := c.top()
	inArray := len(c.open) > l.open && c.open[len(c.open)-1] == '['
	if l.last != ':' && !(inArray && (l.last == '[' || l.last == ',')) {
		return mark{}, false
	}
	if l.mark.Len() > 0 {
		return mark{Span: l.mark}, true
	}
	// In text, brackets alone are none of JSON.
	return mark{slashes: 1<<l.depth - 1}, !l.inText
}

// fromBefore reports whether what is at the cursor depends on the lines before.
func (c *cursor) fromBefore() bool {
	l := c.top()
	return len(c.layers) == 1 && len(c.open) == 0 && (l.last == nothing || l.last == ',' || l.last == bareKey)
}

// inProse reports whether the cursor is in a line of text, outside of JSON, or of CSV.
func (c *cursor) inProse() bool { return c.doubled || len(c.layers) == 1 && c.layers[0].prose }

// goesOn reports whether JSON can go on over the line break before b[i], from text that
// begins at b[from]: one of its punctuation marks stands on one side of it. It returns where
// the line before begins that is not blank.
func goesOn(b []byte, from, i int) (int, bool) {
	k := i
	for k > from && jsonSpace(b[k-1]) {
		k--
	}
	if k == from {
		return from, i > from
	}
	for i < len(b) && jsonSpace(b[i]) {
		i++
	}
	before := bytes.IndexByte([]byte("{[,:"), b[k-1]) >= 0
	behind := i < len(b) && bytes.IndexByte([]byte("}],:"), b[i]) >= 0
	return from + bytes.LastIndexByte(b[from:k], '\n') + 1, before || behind
}
