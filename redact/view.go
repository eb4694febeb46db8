package redact

import (
	"bytes"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Values may stand in a text encoded: with escapes of JSON and most languages (\u0040,
// \/, \n before the value), of URLs (%40, + for a space), of XML (&#64;). A part of the
// text that has such escapes is looked at a second time, decoded; what is found there is
// mapped back to the bytes it came from. All three encodings are undone in one go, one
// layer deep; a layer more is a look more, at the decoded text, down to
// Options.Depth.
//
// A token is letters, digits and underscores, which stand for themselves in all of these
// encodings. So replacing the encoded bytes by the token re-encodes it at every depth.
//
// Decoding goes by the escapes alone, not by what they stand in, so that cut-off and
// broken JSON is looked at like the rest. Quotation marks that an escape hides (\") do
// not trigger it: detectors know them in that form.

const (
	// viewContext is how much text around an escape is decoded with it, in bytes, on
	// each side and at most to the end of the line.
	viewContext = 2 << 10
	// formShape anchors plus signs that may stand for spaces between groups of digits, in
	// the body of a form (application/x-www-form-urlencoded, HTML) or in a query.
	formShape = `\b\d{4}\+\d{4}`
	// maxFormValue bounds how far before it the key of a value with such a plus sign may
	// end, in bytes.
	maxFormValue = 128
)

// view is a part of a text, decoded.
type view struct {
	b []byte
	// at[i] is the offset in the outer text of the bytes that b[i] came from; one more
	// entry closes the last.
	at []uint32
	// steps is how many of the bytes that escapes begin with it had.
	steps int
	// percent says that it had escapes of URLs.
	percent bool
}

// noteEscapes notes where p.b[from:to) has escapes, in the window that is loaded from off.
func (p *pass) noteEscapes(off, from, to int) {
	cs := p.w.sc.Escapes(from, to)
	for i := 0; i < len(cs); {
		k := len(p.escapes)
		if at := off + int(cs[i]); k == 0 || at-p.escapes[k-1].End >= viewContext {
			if !p.quotes(at) {
				if n := escapeLen(p.b, at); n > 0 {
					p.escapes = append(p.escapes, Span{at, at + n})
				}
			}
			i++
			continue
		}
		// Of the escapes close together, the first and the last are enough.
		s := &p.escapes[k-1]
		n, _ := slices.BinarySearchFunc(cs[i:], s.End+viewContext-off, func(c uint16, at int) int { return int(c) - at })
		near := cs[i : i+n]
		i += n
		for q := len(near) - 1; q >= 0; q-- {
			at := off + int(near[q])
			if p.quotes(at) {
				continue
			}
			if n := escapeLen(p.b, at); n > 0 {
				s.End = max(s.End, at+n)
				break
			}
		}
	}
}

// quotes reports whether the byte at p.b[at] is that before a quotation mark, as nearly all
// are in JSON.
func (p *pass) quotes(at int) bool { return at+1 < len(p.b) && p.b[at+1] == '"' }

// notePlusses notes where, of the candidates cs, plus signs stand that may be escapes.
func (p *pass) notePlusses(off int, cs []uint16) {
	for _, c := range cs {
		at := off + int(c) + len("0000")
		if !p.inForm(at) {
			continue
		}
		i, _ := slices.BinarySearchFunc(p.escapes, at, func(s Span, at int) int { return s.End + viewContext - at })
		switch {
		case i == len(p.escapes) || at+viewContext < p.escapes[i].Start:
			p.escapes = slices.Insert(p.escapes, i, Span{at, at + 1})
		default:
			p.escapes[i].Start, p.escapes[i].End = min(p.escapes[i].Start, at), max(p.escapes[i].End, at+1)
		}
	}
}

// inForm reports whether the value of a form may stand at p.b[at]: nothing but characters
// that need no escape there parts it from "key=".
func (p *pass) inForm(at int) bool {
	// What an earlier look has read is not read again.
	i, lim := at, max(0, at-maxFormValue)
	for i > lim && formBytes[p.b[i-1]] {
		if i--; i == p.form.End {
			i = p.form.Start
			break
		}
	}
	p.form = Span{i, at}
	return i > 1 && i >= lim && p.b[i-1] == '=' && isWord(p.b[i-2])
}

// formBytes are the bytes that need no escape in the value of a form.
var formBytes = func() (t [256]bool) {
	for i := range t {
		t[i] = isWord(byte(i))
	}
	for _, c := range []byte("+-.*") {
		t[c] = true
	}
	return t
}()

// views looks at the parts of the text that have escapes, decoded, and adds what it
// finds there to p.found.
func (p *pass) views() {
	if len(p.escapes) == 0 {
		return
	}
	p.newLook()
	n := len(p.found)
	p.tearAt, p.torn = 0, false
	p.escaped(func(s Span) { p.look(s, n) })
	if p.torn {
		p.found = slices.DeleteFunc(p.found, func(f Finding) bool { return f.Detector == torn })
	}
	p.sortFrom(0)
}

// escaped calls look for each part of the text that has escapes, in order, as far as there is
// work left for it.
func (p *pass) escaped(look func(Span)) {
	done := 0
	for i := 0; i < len(p.escapes); {
		s := Span{p.before(p.escapes[i].Start, done), p.after(p.escapes[i].End)}
		for i++; i < len(p.escapes) && p.escapes[i].Start <= s.End; i++ {
			if p.escapes[i].End+viewContext > s.End {
				s.End = p.after(max(p.escapes[i].End, s.End-viewContext))
			}
		}
		done = s.End
		p.unmasked(s, func(s Span) {
			if p.mayDecode(s) {
				look(s)
			}
		})
	}
}

// torn marks findings that are dropped: see tear.
const torn = -100

// tear drops, of the first n findings, the one that an inner finding of the same detector
// shows to begin too early, with the end of an escape: "nada@example.com" in
// "\nada@example.com". Such a beginning is not part of the value, and replacing half of an
// escape would break what stands around it.
func (p *pass) tear(inner Finding, n int) {
	f := p.found[:n]
	for p.tearAt < n && f[p.tearAt].Start < inner.Start {
		p.tearAt++
	}
	for i := p.tearAt - 1; i >= 0 && inner.Start-f[i].Start <= maxTear; i-- {
		if f[i].Detector == inner.Detector && f[i].End == inner.End {
			f[i].Detector = torn
			p.torn = true
		}
	}
}

// pass returns the pass of a depth.
func (w *Worker) pass(depth int) *pass {
	if len(w.passes) == depth {
		w.passes = append(w.passes, newPass(w, depth))
	}
	return w.passes[depth]
}

// control reports whether c does not occur in text, so that an escape of it is none.
func control(c byte) bool { return c < ' ' && c != '\n' && c != '\r' && c != '\t' }

// maxTear bounds how much too early a torn finding begins, in bytes.
const maxTear = 64

// before returns where the text begins that is decoded with an escape at p.b[i], and after
// where it ends, behind an escape that ends at i. Words of base64 stay whole; nothing before
// done is looked at again.
func (p *pass) before(i, done int) int {
	from := max(0, i-viewContext)
	if k := bytes.LastIndexByte(p.b[from:i], '\n'); k >= 0 {
		return from + k + 1
	}
	for lim := max(done, from-maxBlob, 0); from > lim && isBase64(p.b[from-1]); {
		from--
	}
	return from
}

func (p *pass) after(i int) int {
	to := min(len(p.b), i+viewContext)
	if k := bytes.IndexByte(p.b[i:to], '\n'); k >= 0 {
		return i + k
	}
	for lim := min(len(p.b), to+maxBlob); to < lim && (isBase64(p.b[to]) || p.b[to] == '='); {
		to++
	}
	return to
}

// look finds what is in the decoded form of p.b[s.Start:s.End). The first n findings are
// those of the text as it stands.
func (p *pass) look(s Span, n int) {
	v := &p.v
	v.decode(p.b, s, false)
	p.w.saved.spend(min(v.steps/stepsPerUnit, p.w.saved.units))
	w := p.w
	inner := w.pass(p.depth + 1)
	inner.outer, inner.query = p, v.percent
	explained := len(w.explain)
	inner.find(v.b)
	for i := range w.explain[explained:] {
		w.explain[explained+i].moveOut(v)
	}
	for _, f := range inner.out {
		o := Finding{
			Span:     Span{int(v.at[f.Start]), int(v.at[f.End])},
			At:       int(v.at[f.At]),
			Detector: f.Detector,
			Open:     f.Open && s.End == len(p.b),
			value:    f.value,
			blob:     f.blob,
			inURL:    f.inURL || v.percent,
			torn:     f.torn,
			key:      f.key || isKey(v.b, f.Span),
		}
		if f.blob > 0 {
			for i, s := range w.blobs[f.blob-1].samples {
				w.blobs[f.blob-1].samples[i] = Span{int(v.at[s.Start]), int(v.at[s.End])}
			}
		}
		if f.scalar > 0 {
			if m := w.marks[f.scalar-1].out(v); v.sameJSON(p.b, m, f.Span) {
				o.scalar = w.addMark(m)
			}
		}
		if o.value == 0 && o.blob == 0 && f.Len() <= MaxLookaround {
			o.value = w.addValue(v.b[f.Start:f.End])
		}
		if i := f.Start - 1; i >= 0 && v.at[f.Start]-v.at[i] > 1 && !control(v.b[i]) {
			o.torn = true
		}
		if o.torn {
			p.tear(o, n)
		}
		p.found = append(p.found, o)
	}
}

// sameJSON reports whether the scalar v.b[s.Start:s.End) stands between signs of JSON that the
// outer text writes alike, and its mark m with them: a plain mark around a part that is
// encoded does not.
func (v *view) sameJSON(text []byte, m mark, s Span) bool {
	first := v.written(text, s.Start)
	s.Start = spaceBefore(v.b, 0, s.Start, true)
	for n := 1; n > 0 && s.End < len(v.b); s.End += n {
		n = escapedSpace(v.b[s.End:])
	}
	before := byte(0)
	if s.Start > 0 {
		before = v.written(text, s.Start-1)
	}
	behind := before
	if s.End < len(v.b) {
		behind = v.written(text, s.End)
	}
	return first != '\\' && before != '\\' && before == behind && (m.Len() != 1 || before == 0)
}

// written tells how text writes v.b[i]: as itself, which is 0, or by what begins its escape;
// u is that of an escape by number, as any byte of JSON may be written.
func (v *view) written(text []byte, i int) byte {
	n, c := v.at[i+1]-v.at[i], text[v.at[i]]
	switch {
	case n == 1:
		return 0
	case n > 2 && c == '\\':
		return 'u'
	}
	return c
}

// out returns the mark as it stands in the text that v is decoded from.
func (m mark) out(v *view) mark {
	if m.Len() == 0 {
		return mark{slashes: -1}
	}
	return mark{Span: Span{int(v.at[m.Start]), int(v.at[m.End])}}
}

// decode undoes one layer of escapes in text[s.Start:s.End); or all layers, as far as they
// are of one kind, when flat is set.
func (v *view) decode(text []byte, s Span, flat bool) {
	text = text[:s.End]
	// No escape decodes to more bytes than it has.
	if cap(v.b) < s.Len() {
		v.b = make([]byte, s.Len()+s.Len()/4)
		v.at = make([]uint32, s.Len()+s.Len()/4+1)
	}
	b, at := v.b[:s.Len()], v.at[:s.Len()+1]
	v.percent = bytes.IndexByte(text[s.Start:], '%') >= 0
	o := 0
	v.steps = 0
	for i := s.Start; i < len(text); {
		c, from := text[i], uint32(i)
		if special[c] {
			v.steps++
			if flat {
				i = innermost(text, i)
			}
			switch r, n := rune(0), 0; c {
			case '\\':
				if wireBreak(text, i) || i+1 < len(text) && (text[i+1] == '&' || text[i+1] == '%') {
					break // it stands for itself, or before another escape that is undone first
				}
				if i+3 < len(text) && text[i+1] == 'x' {
					if h, ok := hexByte(text[i+2], text[i+3]); ok {
						b[o], at[o] = h, from
						o, i = o+1, i+4
						continue
					}
				}
				if r, n = unicodeEscape(text, i); n == 0 && i+1 < len(text) {
					r, n = rune(unescape(text[i+1])), 2
				}
				if n == 2 {
					if r == '\\' && isQuote(text, i+2) && slashesBefore(b[:o])%2 == 0 {
						// The last one of a string, which would seem to go on: "C:\\".
						b[o], at[o] = c, from
						o, i, from = o+1, i+1, from+1
						n = 1
					}
					b[o], at[o] = byte(r), from
					o, i = o+1, i+n
					continue
				}
				fallthrough
			case '&':
				if c == '&' && i+1 < len(text) && entityStart[text[i+1]] {
					r, n = entity(text, i)
				}
				if n > 0 {
					if !utf8.ValidRune(r) {
						r = utf8.RuneError // half of a surrogate pair
					}
					for k := range utf8.EncodeRune(b[o:o+utf8.RuneLen(r)], r) {
						at[o+k] = from
					}
					o, i = o+utf8.RuneLen(r), i+n
					continue
				}
			case '%':
				if i+2 < len(text) {
					if h, ok := hexByte(text[i+1], text[i+2]); ok {
						b[o], at[o] = h, from
						o, i = o+1, i+3
						continue
					}
				}
			case '+':
				if i > s.Start && i+1 < len(text) && v.plus(text[i-1], text[i+1]) {
					c = ' '
				}
			}
		}
		b[o], at[o] = c, from
		o++
		i++
	}
	at[o] = uint32(s.End)
	v.b, v.at = b[:o], at[:o+1]
}

// isQuote reports whether a quotation mark stands at text[i], perhaps as a character reference.
func isQuote(text []byte, i int) bool {
	if i >= len(text) || text[i] != '&' {
		return i < len(text) && text[i] == '"'
	}
	r, _ := entity(text, i)
	return r == '"'
}

// plus reports whether a plus sign between a and b can stand for a space: in a URL within a
// value, elsewhere, as in the body of a form without any other escape, between digits only.
func (v *view) plus(a, b byte) bool {
	if v.percent {
		return plusBeside[a] && (plusBeside[b] || b == '%')
	}
	return isAlnum(a) && isAlnum(b) && a <= '9' && b <= '9'
}

// plusBeside are the bytes that may stand before a plus sign that is a space.
var plusBeside = func() (t [256]bool) {
	for i := range t {
		t[i] = isAlnum(byte(i))
	}
	for _, c := range []byte("+-_.~*") {
		t[c] = true
	}
	return t
}()

// special are the bytes that decode looks at more closely.
var special = [256]bool{'\\': true, '%': true, '&': true, '+': true}

// unescape is what a backslash and c stand for.
func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	}
	return c
}

// escapeLen returns the length of the escape sequence at b[i] when it is one that hides a
// value or its edge from a plain look, and 0 otherwise.
func escapeLen(b []byte, i int) int {
	if i+1 >= len(b) {
		return 0
	}
	switch b[i] {
	case '\\':
		switch b[i+1] {
		case 'n', 'r', 't', 'b', 'f', '/':
			if wireBreak(b, i) {
				return 0
			}
			return 2
		case 'u':
			_, n := unicodeEscape(b, i)
			return n
		case 'x':
			if r, n := unicodeEscape(b, i); r < 0x7f {
				return n
			}
		}
	case '%':
		if i+2 < len(b) {
			if h, ok := hexByte(b[i+1], b[i+2]); ok && h < 0x7f {
				return 3
			}
		}
	case '&':
		_, n := entity(b, i)
		return n
	}
	return 0
}

// wireBreak reports whether the backslash b[i] is that of [\r] or [\n], as wire logs of
// Apache HttpClient write line ends: it stands for itself.
func wireBreak(b []byte, i int) bool {
	return i > 0 && i+2 < len(b) && b[i-1] == '[' && b[i+2] == ']' && (b[i+1] == 'r' || b[i+1] == 'n')
}

// unicodeEscape reads \uXXXX, or a surrogate pair of two, at b[i], or \xXX of ASCII, as nginx
// and many languages write it.
func unicodeEscape(b []byte, i int) (rune, int) {
	if i+4 <= len(b) && b[i] == '\\' && b[i+1] == 'x' {
		if h, ok := hexByte(b[i+2], b[i+3]); ok && h < utf8.RuneSelf {
			return rune(h), 4
		}
		return 0, 0
	}
	one := func(i int) (rune, bool) {
		if i+6 > len(b) || b[i] != '\\' || b[i+1] != 'u' {
			return 0, false
		}
		hi, ok1 := hexByte(b[i+2], b[i+3])
		lo, ok2 := hexByte(b[i+4], b[i+5])
		return rune(hi)<<8 | rune(lo), ok1 && ok2
	}
	r, ok := one(i)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if r2, ok := one(i + 6); ok {
			if d := utf16.DecodeRune(r, r2); d != utf8.RuneError {
				return d, 12
			}
		}
	}
	return r, 6
}

func hexByte(a, b byte) (byte, bool) {
	x, y := hexValue[a], hexValue[b]
	return x<<4 | y, x|y < 16
}

var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range byte(10) {
		t['0'+i] = i
	}
	for i := range byte(6) {
		t['a'+i], t['A'+i] = 10+i, 10+i
	}
	return t
}()

// entityStart are the bytes that may stand behind the ampersand of a character reference;
// most often it joins parts of a query.
var entityStart = [256]bool{'#': true, 'a': true, 'g': true, 'l': true, 'q': true}

// entity reads a character reference of XML at b[i]: the five predefined ones and those
// by number (XML 1.0, section 4.1 and 4.6).
func entity(b []byte, i int) (rune, int) {
	if i+3 >= len(b) {
		return 0, 0
	}
	switch rest := b[i+1:]; rest[0] {
	case '#':
	case 'a':
		switch {
		case begins(rest, "amp;"):
			return '&', len("&amp;")
		case begins(rest, "apos;"):
			return '\'', len("&apos;")
		}
		return 0, 0
	case 'g':
		if begins(rest, "gt;") {
			return '>', len("&gt;")
		}
		return 0, 0
	case 'l':
		if begins(rest, "lt;") {
			return '<', len("&lt;")
		}
		return 0, 0
	case 'q':
		if begins(rest, "quot;") {
			return '"', len("&quot;")
		}
		return 0, 0
	default:
		return 0, 0
	}
	r, j, base, first := rune(0), i+2, rune(10), i+2
	if b[j] == 'x' || b[j] == 'X' {
		j++
		base, first = 16, j
	}
	for ; j < len(b) && j-first < 8; j++ {
		d := rune(hexValue[b[j]])
		if d >= base {
			break
		}
		r = r*base + d
	}
	if j == first || j >= len(b) || b[j] != ';' || !utf8.ValidRune(r) {
		return 0, 0
	}
	return r, j + 1 - i
}

func begins(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }
