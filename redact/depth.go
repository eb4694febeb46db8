package redact

import (
	"bytes"
	"slices"
)

// Options.Depth bounds how many layers of encoding are undone one by one. What is encoded
// deeper is looked at once more, with all of its layers undone as if they were one. That
// says well enough whether a value stands there, and where in the text it does; but not how
// a token would be written at each of the layers between, so what holds it is masked whole.

// maxRounds bounds how often layers of different kinds are undone around each other, and
// texts in base64 inside each other; what is not plain text then is masked.
const maxRounds = 8

// beyond masks what looks like a value, or like text that holds one, deeper than the limit.
func (p *pass) beyond() {
	w := p.w
	p.newLook()
	for _, s := range p.blobs {
		if w.hides(p.b[s.Start:s.End], 0) {
			s.End, _ = p.padding(s.End)
			s.Start += escapeBefore(p.b, s.Start)
			p.found = append(p.found, Finding{Span: s, At: s.Start, Detector: Encoded})
		}
	}
	if len(p.escapes) == 0 {
		return
	}
	n := len(p.found)
	p.escaped(func(s Span) {
		v := &p.v
		plain := v.flatten(p.b, s)
		if !plain {
			p.found = append(p.found, Finding{Span: s, At: s.Start, Detector: Encoded})
			return
		}
		inner := w.pass(p.depth + 1)
		inner.outer, inner.query = nil, false
		inner.find(v.b)
		mask := func(f Span) {
			o := Span{int(v.at[f.Start]), int(v.at[f.End])}
			if k := len(p.found); k > n && covers(p.found[k-1].Span, o) || p.covered(o, n) {
				return
			}
			o = p.wholeValue(o)
			p.found = append(p.found, Finding{Span: o, At: o.Start, Detector: Encoded})
		}
		h := &w.hidden[0]
		h.blobs = append(h.blobs[:0], inner.blobs...)
		for _, f := range inner.out {
			mask(f.Span)
		}
		for _, s := range h.blobs {
			if w.hides(v.b[s.Start:s.End], 0) {
				mask(s)
			}
		}
	})
}

// hidden is a text found in base64 deeper than the limit, and where it may have more.
type hidden struct {
	v     view
	blobs []Span
}

// escapeBefore returns how many of the bytes from b[i] on belong to an escape that begins
// with the byte before: the n of \n, the digits of %2F.
func escapeBefore(b []byte, i int) int {
	if i == 0 {
		return 0
	}
	switch b[i-1] {
	case '%':
		return 2
	case '\\':
		if _, n := unicodeEscape(b, i-1); n > 0 {
			return n - 1
		}
		return 1
	}
	return 0
}

func covers(s, inner Span) bool { return s.Start <= inner.Start && s.End >= inner.End }

// covered reports whether one of the first n findings covers s: it needs no decoding.
func (p *pass) covered(s Span, n int) bool {
	i, _ := slices.BinarySearchFunc(p.found[:n], s.Start, func(f Finding, at int) int { return f.Start - at - 1 })
	for k := i; k > max(0, i-maxTear); k-- {
		if covers(p.found[k-1].Span, s) {
			return true
		}
	}
	return false
}

// hides reports whether src is text in base64 that holds a value, at any depth.
func (w *Worker) hides(src []byte, round int) bool {
	whole := w.plusses(src)
	text, ok := []byte(nil), false
	if enc := blobEncoding(whole); enc != nil {
		if !w.mayDecode(len(whole) / decodedPerUnit) {
			return true
		}
		text, ok = w.decodeBlob(enc, whole)
	}
	if !ok {
		// As in lookInWords; a plus sign may have been a space in one of the layers.
		space := func(r rune) bool { return r == ' ' || r == '+' }
		for word := range bytes.FieldsFuncSeq(src, space) {
			if len(word) >= minBlob && len(word) < len(src) && w.hides(word, round) {
				return true
			}
		}
		i := bytes.LastIndexByte(src, '/')
		return i >= 0 && len(src)-i-1 >= minBlob && w.hides(src[i+1:], round)
	}
	if round == maxRounds {
		return true
	}
	h := &w.hidden[round+1]
	v := &h.v
	if !v.flatten(text, Span{0, len(text)}) {
		return true
	}
	inner := w.pass(w.e.depth + 1)
	inner.outer, inner.query = nil, false
	inner.find(v.b)
	if len(inner.out) > 0 {
		return true
	}
	h.blobs = append(h.blobs[:0], inner.blobs...)
	for _, s := range h.blobs {
		if w.hides(v.b[s.Start:s.End], round+1) {
			return true
		}
	}
	return false
}

// flatten undoes all layers of escapes in text[s.Start:s.End). It reports false when some
// are left after maxRounds.
func (v *view) flatten(text []byte, s Span) bool {
	v.decode(text, s, true)
	var next view
	for range maxRounds {
		next.decode(v.b, Span{0, len(v.b)}, true)
		if len(next.b) == len(v.b) {
			return true
		}
		for i, at := range next.at {
			next.at[i] = v.at[at]
		}
		*v, next = next, *v
	}
	return false
}

// innermost returns where the innermost of the escapes of one kind begins that are wrapped
// in each other at b[i]: \\\\u0040, %252540, &amp;amp;#64;.
func innermost(b []byte, i int) int {
	switch b[i] {
	case '\\':
		for i+1 < len(b) && b[i+1] == '\\' {
			i++
		}
	case '%':
		for bytes.HasPrefix(b[i+1:], percent25) {
			i += len(percent25)
		}
	case '&':
		for bytes.HasPrefix(b[i+1:], amp) {
			i += len(amp)
		}
	}
	return i
}

var percent25, amp = []byte("25"), []byte("amp;")

// wholeValue widens s to the value that it stands in: to the nearest blanks, line ends,
// quotation marks and angle brackets, and not into the escape of one of those.
func (p *pass) wholeValue(s Span) Span {
	b := p.b
	edge := func(c byte) bool { return delimiter(c) || c == '<' || c == '>' }
	for s.Start > 0 && !edge(b[s.Start-1]) {
		s.Start--
	}
	for s.End < len(b) && !edge(b[s.End]) {
		s.End++
	}
	for s.End > s.Start+1 && s.End < len(b) && b[s.End-1] == '\\' {
		s.End--
	}
	return s
}
