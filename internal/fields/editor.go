package fields

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/valyala/fastjson"
)

// Edits are what is done to each record. A path is the keys of nested objects, joined by
// dots; arrays on the way stand for all their elements.
type Edits struct {
	// Drop holds paths of members that go.
	Drop []string
	// Rename holds new names by path. A member whose new name is taken keeps its own; a
	// renamed one stands last in its object.
	Rename map[string]string
}

// Empty reports whether nothing is to be done.
func (e Edits) Empty() bool { return len(e.Drop)+len(e.Rename) == 0 }

// ErrPath says that a path or a name has an empty part.
var ErrPath = errors.New("want keys joined by dots")

// Editor applies edits. It is not safe for concurrent use.
type Editor struct {
	edits  []edit
	parser fastjson.Parser
	left   leftOut
	out    []byte
}

// leftOut are the members that writing a record leaves out, by the object that they stand in.
type leftOut map[*fastjson.Object][]string

// maxDelete is how often a key is deleted from one object, each time at the cost of moving
// the members behind it. A key that comes more often is left out when the record is written.
const maxDelete = 8

type edit struct {
	path []string
	to   string // empty: drop
	key  []byte // the last part of the path: no line without it needs a look
}

// NewEditor returns an editor, or ErrPath. Members are dropped first, then renamed in the
// order of their paths.
func NewEditor(e Edits) (*Editor, error) {
	ed := &Editor{left: leftOut{}}
	add := func(path, to string) error {
		parts := strings.Split(path, ".")
		if slices.Contains(parts, "") {
			return ErrPath
		}
		ed.edits = append(ed.edits, edit{parts, to, []byte(parts[len(parts)-1])})
		return nil
	}
	for _, path := range e.Drop {
		if err := add(path, ""); err != nil {
			return nil, err
		}
	}
	var paths []string
	for path, to := range e.Rename {
		if to == "" {
			return nil, ErrPath
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if err := add(path, e.Rename[path]); err != nil {
			return nil, err
		}
	}
	return ed, nil
}

// AppendLine appends a line, edited, to dst. The line may end with a line end, which stays.
func (e *Editor) AppendLine(dst, line []byte) []byte {
	text := bytes.TrimRight(line, "\r\n")
	if len(line) > maxRecord || !e.concerns(text) {
		return append(dst, line...)
	}
	v, err := e.parser.ParseBytes(text)
	if err != nil || v.Type() != fastjson.TypeObject {
		return append(dst, line...)
	}
	changed := false
	clear(e.left)
	for _, ed := range e.edits {
		changed = ed.apply(v, ed.path, e.left) || changed
	}
	if !changed {
		return append(dst, line...)
	}
	e.out = appendValue(e.out[:0], v, e.left)
	if fastjson.ValidateBytes(e.out) != nil {
		return append(dst, line...)
	}
	dst = append(dst, e.out...)
	return append(dst, line[len(text):]...)
}

// concerns reports whether an edit may have something to do in a line. Keys may be written
// with escapes, which are left as they are: no writer escapes letters.
func (e *Editor) concerns(text []byte) bool {
	trimmed := bytes.TrimLeft(text, " \t")
	if len(trimmed) == 0 || trimmed[0] != '{' || loneSurrogate(text) {
		return false
	}
	return slices.ContainsFunc(e.edits, func(ed edit) bool { return bytes.Contains(text, ed.key) })
}

// loneSurrogate reports whether the text has an escape of half a character, which the parser
// would not give back.
func loneSurrogate(text []byte) bool {
	for {
		i := bytes.Index(text, []byte(`\u`))
		if i < 0 {
			return false
		}
		text = text[i+2:]
		r := hex4(text)
		if !utf16.IsSurrogate(r) {
			continue
		}
		if len(text) < 10 || text[4] != '\\' || text[5] != 'u' || utf16.DecodeRune(r, hex4(text[6:])) == 0xFFFD {
			return true
		}
		text = text[10:]
	}
}

func hex4(b []byte) (r rune) {
	if len(b) < 4 {
		return -1
	}
	for _, c := range b[:4] {
		d := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if d < 0 {
			return -1
		}
		r = r<<4 | rune(d)
	}
	return r
}

// apply reports whether it changed v, or noted in left what is to be left out of it.
func (e *edit) apply(v *fastjson.Value, path []string, left leftOut) bool {
	switch v.Type() {
	case fastjson.TypeArray:
		changed := false
		for _, x := range v.GetArray() {
			changed = e.apply(x, path, left) || changed
		}
		return changed
	case fastjson.TypeObject:
	default:
		return false
	}
	o := v.GetObject()
	if len(path) > 1 {
		changed := false
		o.Visit(func(key []byte, x *fastjson.Value) {
			if string(key) == path[0] {
				changed = e.apply(x, path[1:], left) || changed
			}
		})
		return changed
	}
	x := o.Get(path[0])
	if x == nil || e.to != "" && o.Get(e.to) != nil || slices.Contains(left[o], path[0]) {
		return false
	}
	if e.to != "" {
		o.Del(path[0])
		o.Set(e.to, x)
		return true
	}
	for n := 0; o.Get(path[0]) != nil; n++ { // keys may come twice
		if n == maxDelete {
			left[o] = append(left[o], path[0])
			break
		}
		o.Del(path[0])
	}
	return true
}

// appendValue writes v without the members in left. The parser's own writer escapes some characters as Go does and JSON
// does not.
func appendValue(dst []byte, v *fastjson.Value, left leftOut) []byte {
	switch v.Type() {
	case fastjson.TypeObject:
		dst = append(dst, '{')
		first := true
		o := v.GetObject()
		out := left[o]
		o.Visit(func(key []byte, x *fastjson.Value) {
			if len(out) > 0 && slices.Contains(out, string(key)) {
				return
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(appendString(dst, key), ':')
			dst = appendValue(dst, x, left)
		})
		return append(dst, '}')
	case fastjson.TypeArray:
		dst = append(dst, '[')
		for i, x := range v.GetArray() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, x, left)
		}
		return append(dst, ']')
	case fastjson.TypeString:
		return appendString(dst, v.GetStringBytes())
	}
	return v.MarshalTo(dst)
}

// appendString writes a string (RFC 8259, section 7) and escapes nothing that need not be.
func appendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ':
			dst = append(dst, `\u00`...)
			dst = append(dst, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
