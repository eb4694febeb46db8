package redact

import (
	"bytes"
	"slices"
	"strconv"
)

// Where in JSON a value stands is looked up only when somebody asks, by reading the event
// around it from its start: keeping the keys of all members at hand, as a parser does, would
// cost more than finding the values.

const (
	// maxPathText bounds how far before a finding its event may begin, in bytes.
	maxPathText = 64 << 10
	// maxPathStarts bounds how many brackets are tried as the beginning of JSON in an event.
	maxPathStarts = 32
	// maxPathDepth bounds how deep JSON is nested that is read.
	maxPathDepth = 1000
)

// AppendPath appends where in JSON a finding stands to dst, "payload.items[2].card", or
// nothing when it stands in none. JSON in strings of JSON continues the path. A key that is
// not a plain word is written as in ["a b"]; one that holds a value is written as its kind in
// angle brackets. f must be of the last text that w looked at, which must still be there.
func (w *Worker) AppendPath(dst []byte, f Finding) []byte {
	p := w.passes[0]
	r := pathReader{w: w, dst: dst}
	from := eventStart(p.b, f.Start)
	r.read(p.b[from:], f.Start-from, func(i int) int { return from + i })
	return r.dst
}

// eventStart returns where the event begins that b[i] is in: a line that is no part of
// pretty-printed JSON, or the first line that is near enough.
func eventStart(b []byte, i int) int {
	lim := max(0, i-maxPathText)
	for {
		k := bytes.LastIndexByte(b[lim:i], '\n')
		if k < 0 {
			return lim
		}
		if i = lim + k; eventBetween(b[i : i+2]) {
			return i + 1
		}
	}
}

// pathReader reads JSON up to a place in it.
type pathReader struct {
	w     *Worker
	dst   []byte
	text  []byte
	outer func(int) int // from offsets in text to those in the text of the findings
	stack []step
}

// step is one bracket that is open.
type step struct {
	array bool
	index int
	key   Span // in text, without quotation marks
}

// read appends the path of text[at].
func (r *pathReader) read(text []byte, at int, outer func(int) int) {
	r.text, r.outer = text, outer
	for from, tries := 0, 0; tries < maxPathStarts && from <= at; tries++ {
		i := bytes.IndexAny(text[from:min(at+1, len(text))], "{[")
		if i < 0 {
			return
		}
		r.stack = r.stack[:0]
		end, in, ok := r.walk(from+i, at)
		if ok {
			r.appendSteps()
			r.descend(in, at)
			return
		}
		from = max(end, from+i+1)
	}
}

// walk reads the JSON that begins at text[i]. It reports whether text[at] is in it, and in
// which string or other value; or else where the JSON ended.
func (r *pathReader) walk(i, at int) (end int, in Span, ok bool) {
	b := r.text
	for i < len(b) {
		switch c := b[i]; {
		case i > at:
			return i, Span{}, false
		case jsonSpace(c):
			i++
		case c == '{' || c == '[':
			if len(r.stack) == maxPathDepth {
				return len(b), Span{}, false
			}
			r.stack = append(r.stack, step{array: c == '['})
			i++
		case len(r.stack) == 0:
			return i, Span{}, false
		case c == '}' || c == ']':
			r.stack = r.stack[:len(r.stack)-1]
			i++
			if len(r.stack) == 0 {
				return i, Span{}, false
			}
		case c == ',':
			top := &r.stack[len(r.stack)-1]
			top.index++
			top.key = Span{}
			i++
		case c == ':':
			i++
		case c == '"':
			s := Span{i + 1, stringEnd(b, i+1)}
			top := &r.stack[len(r.stack)-1]
			if !top.array && top.key == (Span{}) {
				top.key = s
			}
			if at <= s.End {
				return i, s, true
			}
			i = s.End + 1
		case scalarByte[c]:
			s := Span{i, i}
			for s.End < len(b) && scalarByte[b[s.End]] {
				s.End++
			}
			if at < s.End {
				return i, s, true
			}
			i = s.End
		default:
			return i, Span{}, false
		}
	}
	return i, Span{}, false
}

// stringEnd returns where the string ends that starts at b[i].
func stringEnd(b []byte, i int) int {
	for i < len(b) && b[i] != '"' {
		if b[i] == '\\' {
			i++
		}
		i++
	}
	return min(i, len(b))
}

func (r *pathReader) appendSteps() {
	for _, s := range r.stack {
		if s.array {
			r.dst = append(r.dst, '[')
			r.dst = strconv.AppendInt(r.dst, int64(s.index), 10)
			r.dst = append(r.dst, ']')
		} else if s.key != (Span{}) {
			r.appendKey(s.key)
		}
	}
}

// appendKey appends a key without showing a value.
func (r *pathReader) appendKey(s Span) {
	key := r.text[s.Start:s.End]
	o := Span{r.outer(s.Start), r.outer(s.End)}
	if i := slices.IndexFunc(r.w.passes[0].out, func(f Finding) bool { return f.Start < o.End && f.End > o.Start }); i >= 0 {
		r.dot()
		r.dst = append(r.dst, '<')
		r.dst = append(r.dst, r.w.e.Kind(r.w.passes[0].out[i])...)
		r.dst = append(r.dst, '>')
		return
	}
	if slices.ContainsFunc(key, func(c byte) bool { return !isWord(c) && c != '-' && c != '$' && c != '@' }) || len(key) == 0 {
		r.dst = append(r.dst, '[')
		r.dst = strconv.AppendQuote(r.dst, string(key))
		r.dst = append(r.dst, ']')
		return
	}
	r.dot()
	r.dst = append(r.dst, key...)
}

func (r *pathReader) dot() {
	if len(r.dst) > 0 {
		r.dst = append(r.dst, '.')
	}
}

// descend goes on with the JSON that the string in is, if it is.
func (r *pathReader) descend(in Span, at int) {
	content := bytes.TrimLeft(r.text[in.Start:in.End], " \t\\nr")
	if len(content) == 0 || content[0] != '{' && content[0] != '[' {
		return
	}
	var v view
	v.decode(r.text, in, false)
	k, _ := slices.BinarySearch(v.at, uint32(at))
	if k >= len(v.b) {
		return
	}
	outer := r.outer
	r.read(v.b, k, func(i int) int { return outer(int(v.at[i])) })
}
