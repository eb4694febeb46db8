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
// angle brackets. f must be of the last text that w looked at, which must still be there. The
// text is read once for all findings when they come in order.
func (w *Worker) AppendPath(dst []byte, f Finding) []byte {
	b, r := w.passes[0].b, &w.paths
	from := r.at
	if r.text == nil || f.Start < from {
		from = eventStart(b, f.Start, max(0, f.Start-maxPathText))
	} else if from = eventStart(b, f.Start, from); from == r.at {
		from = r.from // of the same event
	}
	if r.text == nil || f.Start < r.at || from != r.from {
		r.start(b, from)
	}
	return r.append(w, dst, f.Start, func(i int) int { return i })
}

// eventStart returns where the event begins that b[i] is in: a line that is no part of
// pretty-printed JSON, or low.
func eventStart(b []byte, i, low int) int {
	for {
		k := bytes.LastIndexByte(b[low:i], '\n')
		if k < 0 {
			return low
		}
		if i = low + k; eventBetween(b[i : i+2]) {
			return i + 1
		}
	}
}

// pathReader reads JSON up to places in a text, one behind the other.
type pathReader struct {
	text  []byte
	from  int // where reading began
	at    int // the last place
	next  int // where reading goes on
	open  int // where the JSON begins that is being read, or -1
	stack []step
	in    Span        // the string that the last place was in
	inner *pathReader // reads the JSON that it is, decoded as v
	v     view
}

// step is one bracket that is open.
type step struct {
	array bool
	index int
	key   Span // in text, without quotation marks
}

// start begins to read text[from:].
func (r *pathReader) start(text []byte, from int) {
	*r = pathReader{text: text, from: from, at: from, next: from, open: -1, stack: r.stack[:0]}
}

// append appends the path of text[at] to dst. outer makes offsets in text into those in the
// text of the findings.
func (r *pathReader) append(w *Worker, dst []byte, at int, outer func(int) int) []byte {
	r.at = at
	for tries := 0; tries < maxPathStarts && r.next <= at; tries++ {
		if r.open < 0 {
			i := bytes.IndexAny(r.text[r.next:min(at+1, len(r.text))], "{[")
			if i < 0 {
				r.next = min(at+1, len(r.text))
				return dst
			}
			r.next += i
			r.open, r.stack = r.next, r.stack[:0]
		}
		in, what := r.walk(at)
		switch what {
		case pathPassed:
			return dst
		case pathFound:
			dst = r.appendSteps(w, dst, outer)
			return r.descend(w, dst, in, at, outer)
		}
		r.next, r.open = max(r.next, r.open+1), -1
	}
	return dst
}

// What walk found.
const (
	pathEnded  = iota // the end of the JSON
	pathPassed        // the place, between values
	pathFound         // the place, in a value
)

// walk reads on to text[at], and returns the string or other value that it is in.
func (r *pathReader) walk(at int) (in Span, what int) {
	b := r.text
	for r.next < len(b) {
		i := r.next
		switch c := b[i]; {
		case i > at:
			return in, pathPassed
		case jsonSpace(c):
			i++
		case c == '{' || c == '[':
			if len(r.stack) == maxPathDepth {
				r.next = len(b)
				return in, pathEnded
			}
			r.stack = append(r.stack, step{array: c == '['})
			i++
		case len(r.stack) == 0:
			return in, pathEnded
		case c == '}' || c == ']':
			r.stack = r.stack[:len(r.stack)-1]
			i++
			if len(r.stack) == 0 {
				r.next = i
				return in, pathEnded
			}
		case c == ',':
			top := &r.stack[len(r.stack)-1]
			top.index++
			top.key = Span{}
			i++
		case c == ':':
			i++
		case c == '"':
			s := r.in
			if s.Start != i+1 {
				s = Span{i + 1, stringEnd(b, i+1)}
			}
			top := &r.stack[len(r.stack)-1]
			if !top.array && top.key == (Span{}) {
				top.key = s
			}
			if at <= s.End {
				if s != r.in {
					r.in, r.inner = s, nil
				}
				return s, pathFound
			}
			i = s.End + 1
		case scalarByte[c]:
			s := Span{i, i}
			for s.End < len(b) && scalarByte[b[s.End]] {
				s.End++
			}
			if at < s.End {
				return s, pathFound
			}
			i = s.End
		default:
			return in, pathEnded
		}
		r.next = i
	}
	return in, pathEnded
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

func (r *pathReader) appendSteps(w *Worker, dst []byte, outer func(int) int) []byte {
	for _, s := range r.stack {
		if s.array {
			dst = append(dst, '[')
			dst = strconv.AppendInt(dst, int64(s.index), 10)
			dst = append(dst, ']')
		} else if s.key != (Span{}) {
			dst = w.appendKey(dst, r.text[s.key.Start:s.key.End], Span{outer(s.key.Start), outer(s.key.End)})
		}
	}
	return dst
}

// appendKey appends a key, which stands at o in the text of the findings, without showing a
// value.
func (w *Worker) appendKey(dst, key []byte, o Span) []byte {
	out := w.passes[0].out
	dot := func() {
		if len(dst) > 0 {
			dst = append(dst, '.')
		}
	}
	i, _ := slices.BinarySearchFunc(out, o.Start, func(f Finding, at int) int { return f.End - 1 - at })
	if i < len(out) && out[i].Start < o.End {
		dot()
		dst = append(dst, '<')
		dst = append(dst, w.e.Kind(out[i])...)
		return append(dst, '>')
	}
	if slices.ContainsFunc(key, func(c byte) bool { return !isWord(c) && c != '-' && c != '$' && c != '@' }) || len(key) == 0 {
		dst = append(dst, '[')
		dst = strconv.AppendQuote(dst, string(key))
		return append(dst, ']')
	}
	dot()
	return append(dst, key...)
}

// descend goes on with the JSON that the string in is, if it is.
func (r *pathReader) descend(w *Worker, dst []byte, in Span, at int, outer func(int) int) []byte {
	content := bytes.TrimLeft(r.text[in.Start:in.End], " \t\\nr")
	if len(content) == 0 || content[0] != '{' && content[0] != '[' {
		return dst
	}
	if r.inner == nil {
		r.v.decode(r.text, in, false)
		r.inner = &pathReader{}
		r.inner.start(r.v.b, 0)
	}
	k, _ := slices.BinarySearch(r.v.at, uint32(at))
	if k >= len(r.v.b) {
		return dst
	}
	if k < r.inner.at {
		r.inner.start(r.v.b, 0)
	}
	return r.inner.append(w, dst, k, func(i int) int { return outer(int(r.v.at[i])) })
}
