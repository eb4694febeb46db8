package redact

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"
)

// Text in base64 (RFC 4648, either alphabet) is looked at decoded, too. Unlike the
// escapes that view undoes, replacing part of it changes the letters after it, so a blob
// in which something is found is replaced as a whole by the redacted text encoded again.

const (
	// blobShape anchors base64: so many letters and digits in a row are rare in other
	// text, and base64 of any length worth a look has them.
	blobShape = `\b\w{20}`
	// minBlob and maxBlob bound, in bytes, what is decoded. More is left to the
	// detectors that look at the letters as they stand.
	minBlob = 24
	maxBlob = 1 << 20
	// sampleBytes is how much of a blob must decode to printable text to look further.
	sampleBytes = 24
)

// blob is a finding that is a text in base64 with findings in it.
type blob struct {
	text []byte
	fs   Span // of Worker.blobFinds: what was found in it
	enc  *base64.Encoding
	vals int // where the values of those are in Worker.vals
	// samples show how the text it stands in writes the characters of specials, where it
	// has them.
	samples [len(specials)]Span
}

// specials are the characters of base64 that URLs escape.
const specials = "+/="

func (w *Worker) findingsOf(bl *blob) []Finding { return w.blobFinds[bl.fs.Start:bl.fs.End] }

// noteBlobs notes where base64 may stand around the candidates cs, in the window that is
// loaded from off.
func (p *pass) noteBlobs(off int, cs []uint16) {
	for _, c := range cs {
		at := off + int(c)
		if at == 0 || asciiQuads(p.b, at) || isBase64(p.b[at-1]) || p.wasPlus(at-1) {
			p.blobAt(at)
		}
	}
}

// blobAt notes that base64 may stand around p.b[at].
func (p *pass) blobAt(at int) {
	if at < p.blobEnd {
		return
	}
	b := p.b
	// A run of base64 that an earlier candidate stands in is not read back again.
	start := at
	for start > p.blobEnd && at-start < maxBlob && (isBase64(b[start-1]) || p.wasPlus(start-1)) {
		if start--; start == p.blobRun.End {
			start = p.blobRun.Start
			break
		}
	}
	p.blobRun = Span{start, at}
	// A path, or other words, may stand before it: see lookInWords and hides.
	if !asciiQuads(b, start) && !(start < at && p.endsWord(b[at-1]) && asciiQuads(b, at)) {
		return
	}
	end := at
	for end < len(b) && end-at < maxBlob && (isBase64(b[end]) || p.wasPlus(end)) {
		end++
	}
	p.blobEnd = end
	if end-start >= minBlob {
		p.blobs = append(p.blobs, Span{start, end})
	}
}

// endsWord reports whether c, which may belong to base64, can end a word before some. Deeper than
// the limit a plus sign may have been a space in one of the layers.
func (p *pass) endsWord(c byte) bool {
	return c == '/' || c == ' ' || c == '+' && p.depth > p.w.e.depth
}

// wasPlus reports whether p.b[i] is a space that was decoded from a plus sign, which in the
// path of a URL stands for itself.
func (p *pass) wasPlus(i int) bool {
	if p.outer == nil || p.b[i] != ' ' {
		return false
	}
	k := int(p.outer.v.at[i])
	return p.outer.b[k] == '+' || p.outer.wasPlus(k)
}

// asciiQuads reports whether base64 of ASCII may begin at b[at]: it has A-Z or a-f at every
// fourth place, since the highest bit of every third byte is 0. Few other words do.
func asciiQuads(b []byte, at int) bool {
	return at+8 >= len(b) || quadStart[b[at]]&quadStart[b[at+4]]&quadStart[b[at+8]] != 0
}

// lookInBlobs decodes what blobAt noted, but for what stands in a finding and goes with it.
func (p *pass) lookInBlobs() {
	p.newLook()
	found, over := p.found, Span{}
	for _, s := range p.blobs {
		for ; len(found) > 0 && found[0].Start <= s.Start; found = found[1:] {
			if f := &found[0]; f.End > over.End && !p.insideToken(f) && (f.Start == 0 || !mayEscape[p.b[f.Start-1]]) {
				over = f.Span
			}
		}
		if s.End <= over.End {
			// Behind an escape, what is decoded may show that it begins later: see tear.
			if slices.ContainsFunc(p.b[over.Start:s.Start], func(c byte) bool { return special[c] }) {
				over = Span{}
			} else if end, _ := p.padding(s.End); end <= over.End {
				over.Start = s.Start
				continue
			}
		}
		// With its plus signs it may be one text in base64; or else the words between.
		if p.outer == nil || bytes.IndexByte(p.b[s.Start:s.End], ' ') < 0 || !p.lookInBlob(s) {
			p.lookInWords(s)
		}
	}
}

// mayEscape are the bytes that an escape may have before its last one.
var mayEscape = func() (t [256]bool) {
	for i := range t {
		t[i] = special[i] || isAlnum(byte(i)) || i == '#'
	}
	return t
}()

// lookInWords decodes the words in p.b[s.Start:s.End).
func (p *pass) lookInWords(s Span) {
	for i := s.Start; i < s.End; {
		word := s
		if word.Start = i; p.outer != nil {
			if n := bytes.IndexByte(p.b[i:s.End], ' '); n >= 0 {
				word.End = i + n
			}
		}
		i = word.End + 1
		if word.Len() < minBlob || p.lookInBlob(word) {
			continue
		}
		// A path may stand before it: /v1/eyJrIjoi...
		if k := bytes.LastIndexByte(p.b[word.Start:word.End], '/'); k >= 0 && word.Len()-k-1 >= minBlob {
			p.lookInBlob(Span{word.Start + k + 1, word.End})
		}
	}
}

// plusses returns src with plus signs in the place of spaces.
func (w *Worker) plusses(src []byte) []byte {
	if bytes.IndexByte(src, ' ') < 0 {
		return src
	}
	n := len(w.values)
	w.values = append(w.values, src...)
	src = w.values[n:]
	for i, c := range src {
		if c == ' ' {
			src[i] = '+'
		}
	}
	return src
}

// lookInBlob reports whether p.b[s.Start:s.End) is text in base64, and adds it to the
// findings when something is found in it.
func (p *pass) lookInBlob(s Span) bool {
	w := p.w
	if s.End <= p.unseen {
		return true // masked
	}
	src := w.plusses(p.b[s.Start:s.End])
	enc := blobEncoding(src)
	w.saved.spend(min(perSample, w.saved.units))
	if enc == nil {
		return false
	}
	if !p.mayDecode(s) {
		return true
	}
	text, ok := w.decodeBlob(enc, src)
	if !ok {
		return false
	}
	inner := w.pass(p.depth + 1)
	inner.outer, inner.query = nil, false
	explained := len(w.explain)
	inner.find(text)
	for i := range w.explain[explained:] {
		w.explain[explained+i].At, w.explain[explained+i].Span = s.Start, s
	}
	if len(inner.out) == 0 {
		return true
	}
	f := Finding{Span: s, At: s.Start, Detector: Encoded}
	var pad int
	f.End, pad = p.padding(s.End)
	f.inURL = pad > 0 && p.b[s.End] == '%'
	// Text that came out even has no padding to show whether there would be one; the
	// standard alphabet nearly always has it (RFC 4648, section 3.2), but not the parts of
	// a JWT (RFC 7515, section 2).
	dot := s.Start > 0 && p.b[s.Start-1] == '.' || f.End < len(p.b) && p.b[f.End] == '.'
	if even := s.Len()%4 == 0; pad > 0 || even && enc == base64.RawStdEncoding && !dot {
		if enc == base64.RawStdEncoding {
			enc = base64.StdEncoding
		} else {
			enc = base64.URLEncoding
		}
	}
	k := len(w.blobFinds)
	w.blobFinds = append(w.blobFinds, inner.out...)
	bl := blob{text: text, fs: Span{k, len(w.blobFinds)}, enc: enc}
	for i := range specials {
		if k := bytes.IndexByte(src, specials[i]); k >= 0 {
			bl.samples[i] = Span{s.Start + k, s.Start + k + 1}
		}
	}
	if pad > 0 {
		bl.samples[2] = Span{f.End - (f.End-s.End)/pad, f.End}
	}
	w.blobs = append(w.blobs, bl)
	f.blob = int32(len(w.blobs))
	p.found = append(p.found, f)
	return true
}

// padding returns the end of the padding at p.b[i], behind base64, and how many equals signs
// it is; they may be escaped, as some writers of JSON do and URLs must.
func (p *pass) padding(i int) (end, n int) {
	for n = 0; n < 2 && i < len(p.b); n++ {
		k := innermost(p.b, i)
		switch rest := p.b[k:]; {
		case rest[0] == '=':
			i++
		case len(rest) > 2 && rest[0] != '\\' && p.b[i] == '%' && rest[1] == '3' && rest[2]|0x20 == 'd':
			i = k + 3
		case len(rest) > 5 && rest[0] == '\\' && bytes.EqualFold(rest[1:6], u003d):
			i = k + 6
		default:
			return i, n
		}
	}
	return i, n
}

// blobEncoding returns how src is encoded, or nil when it does not begin like text in base64.
func blobEncoding(src []byte) *base64.Encoding {
	if !mayBeText(src) {
		return nil
	}
	enc := base64.RawStdEncoding
	if bytes.IndexByte(src, '-') >= 0 || bytes.IndexByte(src, '_') >= 0 {
		enc = base64.RawURLEncoding
	}
	var sample [sampleBytes]byte
	n, err := enc.Decode(sample[:], src[:min(len(src), sampleBytes/3*4)&^3])
	if err != nil || n < minBlob*3/4 || !printable(sample[:n]) {
		return nil
	}
	return enc
}

// mayBeText reports whether src may begin like text in base64: its first letters stand for no
// control characters. Most words that are none are told here.
func mayBeText(src []byte) bool {
	if len(src) < minBlob {
		return false
	}
	for q := (*[minBlob]byte)(src)[:]; len(q) >= 4; q = q[4:] {
		a, b, c, d := sextets[q[0]], sextets[q[1]], sextets[q[2]], sextets[q[3]]
		if (a|b|c|d)|unprintable[a<<2|b>>4]|unprintable[b<<4|c>>2]|unprintable[c<<6|d] >= 64 {
			return false
		}
	}
	return true
}

// sextets are what the letters of base64 stand for, in either alphabet; 255 is none.
var sextets = func() (t [256]uint8) {
	for i := range t {
		t[i] = 255
	}
	for i, c := range []byte(letters + "0123456789+/") {
		t[c] = uint8(i)
	}
	t['-'], t['_'] = t['+'], t['/']
	return t
}()

// unprintable has 255 for what printable rejects in any text.
var unprintable = func() (t [256]uint8) {
	for i := range t {
		if c := byte(i); c < utf8.RuneSelf && !printable([]byte{c}) {
			t[i] = 255
		}
	}
	return t
}()

// decodeBlob returns src decoded, or reports that it is no base64.
func (w *Worker) decodeBlob(enc *base64.Encoding, src []byte) ([]byte, bool) {
	if len(src)%4 == 1 {
		src = src[:len(src)-1]
	}
	was := len(w.values)
	w.values = slices.Grow(w.values, enc.DecodedLen(len(src)))[:was+enc.DecodedLen(len(src))]
	text := w.values[was:len(w.values):len(w.values)]
	n, err := enc.Decode(text, src)
	if err != nil {
		w.values = w.values[:was]
		return nil, false
	}
	return text[:n], true
}

// printable reports whether b can be the beginning of text.
func printable(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return len(b) < utf8.UTFMax && !utf8.FullRune(b)
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return false
		}
		b = b[n:]
	}
	return true
}

func isBase64(c byte) bool { return base64Bytes[c] }

// quadStart has 1 for the letters for the first six bits of three bytes of ASCII.
var quadStart = func() (t [256]uint8) {
	for i := range 26 {
		t['A'+i] = 1
	}
	for i := range 6 {
		t['a'+i] = 1
	}
	return t
}()

var base64Bytes = func() (t [256]bool) {
	for i := range t {
		c := byte(i)
		t[i] = isAlnum(c) || c == '+' || c == '/' || c == '-' || c == '_'
	}
	return t
}()

// writeBlob appends the finding f of b, a blob, redacted and encoded again. Each form of the
// text is written behind the one it is made from, and the last one then moved to the place
// of the first.
func (w *Worker) writeBlob(dst, b []byte, f *Finding) []byte {
	bl := &w.blobs[f.blob-1]
	start := len(dst)
	dst = w.write(dst, bl.text, w.findingsOf(bl), bl.vals, 0, len(bl.text))
	last := len(dst)
	dst = bl.enc.AppendEncode(dst, dst[start:last])
	if (f.inURL || bl.samples != [len(specials)]Span{}) && bytes.ContainsAny(dst[last:], specials) {
		plain := last
		last = len(dst)
		var ok bool
		for _, c := range dst[plain:last] {
			if i := strings.IndexByte(specials, c); i < 0 {
				dst = append(dst, c)
			} else if dst, ok = bl.appendSpecial(dst, b, i, f.inURL); !ok {
				w.stats.Masked++
				return AppendMask(dst[:start], KindEncoded)
			}
		}
	}
	n := copy(dst[start:], dst[last:])
	return dst[:start+n]
}

var u003d = []byte("u003d")

// appendSpecial appends specials[i] as the text b, in which bl stands, writes it. It reports
// false when nothing tells how it would have to be written.
func (bl *blob) appendSpecial(dst, b []byte, i int, inURL bool) ([]byte, bool) {
	if s := bl.samples[i]; s.Len() > 0 {
		return append(dst, b[s.Start:s.End]...), true
	}
	// One of the others tells, too: %2F or %252F, or where it stands for itself.
	for _, s := range bl.samples {
		switch form := b[s.Start:s.End]; {
		case len(form) == 1 && specials[i] != '+':
			return append(dst, specials[i]), true
		case len(form) >= 3 && form[0] == '%' && innermost(form, 0) == len(form)-3:
			dst = append(dst, form[:len(form)-2]...)
			return append(dst, "2B2F3D"[2*i:2*i+2]...), true
		}
	}
	return append(dst, specials[i]), !inURL
}
