package redact

import (
	"bytes"
	"encoding/base64"
	"slices"
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
}

func (w *Worker) findingsOf(bl *blob) []Finding { return w.blobFinds[bl.fs.Start:bl.fs.End] }

// blobAt notes that base64 may stand around p.b[at].
func (p *pass) blobAt(at int) {
	if at < p.blobEnd {
		return
	}
	b := p.b
	// Base64 of ASCII has A-Z or a-f at every fourth place, since the highest bit of
	// every third byte is 0; few other words do. Where the run is not the beginning,
	// there is no telling which places those are.
	if begins := at == 0 || !isBase64(b[at-1]); begins && at+8 < len(b) && !(quadStart[b[at]] && quadStart[b[at+4]] && quadStart[b[at+8]]) {
		return
	}
	start, end := at, at
	for start > p.blobEnd && at-start < maxBlob && isBase64(b[start-1]) {
		start--
	}
	for end < len(b) && end-at < maxBlob && isBase64(b[end]) {
		end++
	}
	p.blobEnd = end
	if end-start >= minBlob {
		p.blobs = append(p.blobs, Span{start, end})
	}
}

// lookInBlobs decodes what blobAt noted.
func (p *pass) lookInBlobs() {
	p.newLook()
	for _, s := range p.blobs {
		if !p.lookInBlob(s) {
			// A path may stand before it: /v1/eyJrIjoi...
			if i := bytes.LastIndexByte(p.b[s.Start:s.End], '/'); i >= 0 && s.Len()-i-1 >= minBlob {
				p.lookInBlob(Span{s.Start + i + 1, s.End})
			}
		}
	}
}

// lookInBlob reports whether p.b[s.Start:s.End) is text in base64, and adds it to the
// findings when something is found in it.
func (p *pass) lookInBlob(s Span) bool {
	w, src := p.w, p.b[s.Start:s.End]
	enc := base64.RawStdEncoding
	if bytes.IndexByte(src, '-') >= 0 || bytes.IndexByte(src, '_') >= 0 {
		enc = base64.RawURLEncoding
	}
	var sample [sampleBytes]byte
	n, err := enc.Decode(sample[:], src[:min(len(src), sampleBytes/3*4)&^3])
	if err != nil || n < minBlob*3/4 || !printable(sample[:n]) {
		return false
	}
	if len(src)%4 == 1 {
		src = src[:len(src)-1]
	}
	if !p.mayDecode(s) {
		return true
	}
	was := len(w.values)
	w.values = slices.Grow(w.values, enc.DecodedLen(len(src)))[:was+enc.DecodedLen(len(src))]
	text := w.values[was:len(w.values):len(w.values)]
	if n, err = enc.Decode(text, src); err != nil {
		w.values = w.values[:was]
		return false
	}
	text = text[:n]
	inner := w.pass(p.depth + 1)
	inner.find(text)
	if len(inner.out) == 0 {
		return true
	}
	f := Finding{Span: s, At: s.Start, Detector: Encoded}
	pad := 0
	for f.End < len(p.b) && pad < 2 && p.b[f.End] == '=' {
		f.End++
		pad++
	}
	// Text that came out even has no padding to show whether there would be one; the
	// standard alphabet nearly always has it (RFC 4648, section 3.2).
	if even := s.Len()%4 == 0; pad > 0 || even && enc == base64.RawStdEncoding {
		if enc == base64.RawStdEncoding {
			enc = base64.StdEncoding
		} else {
			enc = base64.URLEncoding
		}
	}
	k := len(w.blobFinds)
	w.blobFinds = append(w.blobFinds, inner.out...)
	w.blobs = append(w.blobs, blob{text: text, fs: Span{k, len(w.blobFinds)}, enc: enc})
	f.blob = int32(len(w.blobs))
	p.found = append(p.found, f)
	return true
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

// quadStart are the letters for the first six bits of three bytes of ASCII.
var quadStart = func() (t [256]bool) {
	for i := range 26 {
		t['A'+i] = true
	}
	for i := range 6 {
		t['a'+i] = true
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

// writeBlob appends the finding f, a blob, redacted and encoded again. outer is what it
// replaces. Each form of the text is written behind the one it is made from, and the last
// one then moved to the place of the first.
func (w *Worker) writeBlob(dst, outer []byte, f *Finding) []byte {
	bl := &w.blobs[f.blob-1]
	start := len(dst)
	dst = w.write(dst, bl.text, w.findingsOf(bl), bl.vals, 0, len(bl.text))
	last := len(dst)
	dst = bl.enc.AppendEncode(dst, dst[start:last])
	if f.inURL && bytes.ContainsAny(dst[last:], "+/=") {
		// Three of its characters must be escaped, as deep as they were.
		escape := percentPrefix(outer)
		if escape == nil {
			w.stats.Masked++
			return AppendMask(dst[:start], KindEncoded)
		}
		plain := last
		last = len(dst)
		for _, c := range dst[plain:last] {
			switch c {
			case '+':
				dst = append(append(dst, escape...), "2B"...)
			case '/':
				dst = append(append(dst, escape...), "2F"...)
			case '=':
				dst = append(append(dst, escape...), "3D"...)
			default:
				dst = append(dst, c)
			}
		}
	}
	n := copy(dst[start:], dst[last:])
	return dst[:start+n]
}

// percentPrefix returns what stands before the two digits of the first escape in b: "%",
// or "%25" where it is escaped itself, and so on; nil where there is none.
func percentPrefix(b []byte) []byte {
	i := bytes.IndexByte(b, '%')
	if i < 0 {
		return nil
	}
	j := i + 1
	for bytes.HasPrefix(b[j:], []byte("25")) {
		j += 2
	}
	return b[i:j]
}
