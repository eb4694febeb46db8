package redact

import (
	"bytes"
	"hash/crc32"
	"slices"
)

// Numbers says what takes the place of a JSON number, or of true, false and null, that is
// replaced. In a string a token always stands for itself.
type Numbers string

const (
	// NumbersString puts the token between quotation marks. The zero value means it, too.
	NumbersString Numbers = "string"
	// NumbersNull puts null.
	NumbersNull Numbers = "null"
	// NumbersNumber puts a number of as many bytes, for readers that take nothing else:
	// see appendStandIn. Equal values have equal numbers while they have equal tokens,
	// but nothing turns a number back into its value. true and false become null.
	NumbersNumber Numbers = "number"
)

const (
	// maxScalar bounds the length of a number that is seen as one, in bytes.
	maxScalar = 64
	// maxArray bounds how far back the beginning of an array is looked for where a cursor
	// cannot be used, in bytes.
	maxArray = 4 << 10
	// readsPerByte bounds how many bytes are read backwards for each byte of a text, all of its
	// numbers together.
	readsPerByte = 16
	// maxTwice bounds how far back quotation marks tell whether they stand twice, in bytes.
	maxTwice = 256
)

// fitScalar widens f to the whole of the JSON number, or literal, that it stands in, and
// notes that it is one. A number of which a part is a value ("-4111111111111111") goes as a
// whole, since what would be left of it is no JSON.
//
// A number is known by its place: behind a key and its colon, or in an array, and before
// ',' '}' ']' or the end. Where the line is JSON the place is read from its start. Elsewhere,
// and in the decoded part of a text, only the bytes before it are looked at, so that cut-off
// and broken JSON is treated like the rest.
func (p *pass) fitScalar(f *Finding) {
	if f.blob > 0 || f.Detector < 0 {
		return
	}
	s, next, fits := p.scalarAround(f.Span)
	if !fits && f.scalar == 0 {
		return
	}
	c, known := p.cursorAt(s.Start)
	if f.scalar > 0 {
		// Found decoded: as that shows it, but not with marks of another depth.
		m := p.w.marks[f.scalar-1]
		if m.slashes >= 0 && (!known || m.depth(p.b) < 0 || m.depth(p.b) == c.top().depth) {
			return
		}
		if m.slashes >= 0 {
			f.scalar = 0
		}
		if !fits {
			return
		}
	}
	comma := next < len(p.b) && p.b[next] == ','
	var m mark
	var ok bool
	switch {
	case known:
		m, ok = p.place(c, s.Start, comma)
	case p.w.fields != nil && p.depth == 0:
		ok = p.w.fields.isNumber(s)
	default:
		m, ok = p.mark(s.Start, comma)
		p.last.end, p.last.mark, p.last.ok = s.End, m, ok
	}
	if !ok {
		return
	}
	if f.value == 0 && s != f.Span && !f.Open {
		f.value = p.w.addValue(p.b[f.Start:f.End])
	}
	f.Span, f.scalar = s, p.w.addMark(m)
}

// scalarAround returns the number or literal that stands around s, and where what is behind
// it begins. It reports false when there is none, or nothing of JSON behind it.
func (p *pass) scalarAround(s Span) (whole Span, next int, ok bool) {
	b := p.b
	if !scalarByte[b[s.Start]] || s.Len() > maxScalar {
		return s, 0, false
	}
	if s.Start > 0 && besideScalar[b[s.Start-1]]&beforeScalar == 0 || s.End < len(b) && besideScalar[b[s.End]]&behindScalar == 0 {
		return s, 0, false // as most are in text that is no JSON
	}
	whole, of := s, &numberByte
	if !numberByte[b[s.Start]] {
		of = &scalarByte
	}
	for whole.Start > 0 && of[b[whole.Start-1]] && whole.Len() <= maxScalar {
		whole.Start--
	}
	for whole.End < len(b) && of[b[whole.End]] && whole.Len() <= maxScalar {
		whole.End++
	}
	if !isScalar(b[whole.Start:whole.End]) {
		return s, 0, false
	}
	for next = whole.End; next < len(b); {
		n := escapedSpace(b[next:])
		if n == 0 {
			break
		}
		next += n
	}
	if next < len(b) && b[next] != ',' && b[next] != '}' && b[next] != ']' {
		return s, 0, false
	}
	return whole, next, true
}

// mark is a quotation mark that can stand around the replacement of a scalar. Within JSON
// that is itself in a JSON string it is escaped as its neighbours are: \" or \\\" and so on.
type mark struct {
	// Span is where one like it stands in the text, if one does.
	Span
	// slashes is the number of backslashes before it where none like it stands; -1 says
	// that the text gives no sample of how it would have to be written.
	slashes int
	// doubled says that, where none like it stands, it is written twice.
	doubled bool
}

func (m mark) append(dst, b []byte) []byte {
	if m.Len() > 0 {
		return append(dst, b[m.Start:m.End]...)
	}
	for range m.slashes {
		dst = append(dst, '\\')
	}
	if m.doubled {
		dst = append(dst, '"')
	}
	return append(dst, '"')
}

// depth returns the depth of a mark of b, or -1 when it is written in another way.
func (m mark) depth(b []byte) int {
	n := m.Len() - 1
	if n < 0 || b[m.End-1] != '"' || slashesBefore(b[m.Start:m.End-1]) < n {
		return -1
	}
	return markDepth(n)
}

// mark returns the mark for a scalar that starts at b[i], or reports that no JSON value
// starts there. comma says that one follows it. It goes by the bytes before.
func (p *pass) mark(i int, comma bool) (mark, bool) {
	l := &p.last
	l.room += readsPerByte * (i - l.at)
	l.at = i
	back := backwards{p: p, b: p.b, i: i, limit: max(0, i-min(maxArray, l.room))}
	if p.outer != nil {
		back.at = p.outer.v.at
	}
	passed := len(l.commas)
	m, ok := back.mark(i, comma, passed)
	l.room -= i - back.i
	l.note(passed, m, ok)
	return m, ok
}

// mark reads back from a scalar at b[i] for pass.mark, to one of the first known commas of
// lastScalar at most.
func (r *backwards) mark(i int, comma bool, known int) (mark, bool) {
	array, l := false, &r.p.last
	for {
		r.space()
		switch c := r.byte(); {
		case c == ':' && !array || c == ':' && r.opened:
			r.i--
			r.opened = false
			r.space()
			if m, ok := r.key(); ok || !array {
				return m, ok
			}
			return r.seen, r.seen.Len() > 0
		case c == '[':
			r.i--
			array, r.opened = true, true
		case c == ',':
			r.i--
			array, r.opened = true, false
			r.space()
			if r.i == l.end {
				return l.mark, l.ok // of the same array, or of what is none
			}
			if c := l.before(r.i, known); c != nil {
				return c.mark, c.ok
			}
			l.commas = append(l.commas, listComma{at: r.i})
			if !r.value() {
				return mark{}, false
			}
			// What stands before a value of an object is its key.
			j := *r
			if j.space(); j.byte() == ':' {
				return mark{}, false
			}
		case !r.opened && c == 0 && (array || comma) && indented(r.b, i):
			// The text, or what may be looked at of it, begins within pretty-printed JSON.
			return r.seen, true
		case !r.opened:
			return mark{}, false
		case c == '"':
			// An array is the whole of a string, which may be one of JSON, of XML or of
			// logfmt; of JSON, if it stands in a field of CSV.
			if m, _ := r.quote(); r.seen.Len() == 0 {
				if r.doubled {
					return mark{slashes: 2*(m.Len()-2) + 1, doubled: true}, true
				}
				return mark{slashes: -1}, true
			}
			return r.seen, true
		case c == 0 || c == '\n' || c == '=' && r.p.query:
			if r.seen.Len() > 0 {
				return r.seen, true
			}
			return mark{}, true
		default:
			return r.seen, r.seen.Len() > 0
		}
	}
}

// cursorAt returns a cursor at b[i], or reports that what stands around it is not known.
func (p *pass) cursorAt(i int) (*cursor, bool) {
	in, known := p.extent(i)
	c := &p.line
	if !known || i < c.pos {
		return nil, false
	}
	if i >= c.eol {
		from := max(in.Start, c.eol)
		c.start(p.b, from+bytes.LastIndexByte(p.b[from:i], '\n')+1, in.End)
	}
	c.to(i)
	return c, !c.inProse()
}

// extent returns the part of the text around b[i] that can be read as JSON by itself. Decoded
// text cannot, as quotation marks in it are not all of one kind.
func (p *pass) extent(i int) (Span, bool) {
	in := Span{0, len(p.b)}
	switch {
	case p.outer != nil:
		return in, false
	case p.depth > 0:
	case p.w.fields != nil:
		return p.w.fields.text(i)
	case p.w.midLine:
		n := bytes.IndexByte(p.b[:i], '\n')
		return Span{n + 1, len(p.b)}, n >= 0
	}
	return in, true
}

// place returns the mark for a scalar that starts at b[i], where c is, or reports that no
// JSON value starts there. comma says that one follows it.
func (p *pass) place(c *cursor, i int, comma bool) (mark, bool) {
	if !c.fromBefore() {
		return c.scalar()
	}
	in, _ := p.extent(i)
	e := &p.event
	start := c.from
	for on := true; on && start > in.Start && start > e.pos; {
		var before int
		if before, on = goesOn(p.b, in.Start, start); on {
			start = before
		}
	}
	if start > e.pos {
		e.start(p.b, start, in.End)
	}
	e.to(i)
	if !e.fromBefore() || e.from > in.Start || p.w.fields != nil {
		return e.scalar()
	}
	// The text begins within pretty-printed JSON.
	return mark{Span: e.top().mark}, indented(p.b, i) && (comma || e.top().last == ',')
}

// lastScalar is what is known of the last scalar that was looked at, which ends at b[end]:
// its mark, or that it is no JSON. Lists are read back no further.
type lastScalar struct {
	end  int
	mark mark
	ok   bool
	// commas are those of the lists that it stands in, and those around them, in order.
	commas []listComma
	// room is how much more may be read back, in bytes, from b[at].
	room, at int
}

// listComma is a comma of a list, right behind b[at] but for blanks, and what is known of a
// scalar behind it in the list.
type listComma struct {
	at   int
	mark mark
	ok   bool
}

// forget leaves the text.
func (l *lastScalar) forget() { *l = lastScalar{commas: l.commas[:0]} }

// before returns the one of the first known commas that is behind b[at], or nil.
func (l *lastScalar) before(at, known int) *listComma {
	for known > 0 && l.commas[known-1].at > at {
		known--
	}
	if known == 0 || l.commas[known-1].at != at {
		return nil
	}
	return &l.commas[known-1]
}

// note notes what is known behind the commas[passed:], which were passed on the way back, and
// drops those that were in values that were passed with them.
func (l *lastScalar) note(passed int, m mark, ok bool) {
	on := l.commas[passed:]
	if len(on) == 0 {
		return
	}
	slices.Reverse(on)
	for i := range on {
		on[i].mark, on[i].ok = m, ok
	}
	n := passed
	for n > 0 && l.commas[n-1].at >= on[0].at {
		n--
	}
	l.commas = append(l.commas[:n], on...)
}

func (w *Worker) addMark(m mark) int32 {
	w.marks = append(w.marks, m)
	return int32(len(w.marks))
}

// indented reports whether only spaces, two or more, stand before b[i] in its line.
func indented(b []byte, i int) bool {
	start := i
	for i > 0 && (b[i-1] == ' ' || b[i-1] == '\t') {
		i--
	}
	return (i == 0 || b[i-1] == '\n') && (start-i > 1 || i < start && b[i] == '\t')
}

// backwards reads JSON from its end, in front of b[i], and not beyond limit.
type backwards struct {
	p        *pass
	b        []byte
	i, limit int
	opened   bool     // the last thing read is '['
	doubled  bool     // each quotation mark stands twice, as in a field of CSV (RFC 4180)
	asked    bool     // doubled is known
	at       []uint32 // of the view that b is, where it is one
	seen     mark     // a quotation mark that was passed, of the JSON and not within its strings
}

// byte returns the byte in front, or 0 at the limit.
func (r *backwards) byte() byte {
	if r.i <= r.limit {
		return 0
	}
	return r.b[r.i-1]
}

// space skips spaces, also escaped ones.
func (r *backwards) space() {
	r.i = spaceBefore(r.b, r.limit, r.i, !r.opened)
}

// quote reads a quotation mark with the backslashes before it. Two of them are one that is
// doubled where twice says so.
func (r *backwards) quote() (mark, bool) {
	if r.byte() != '"' {
		return mark{}, false
	}
	m := mark{Span: Span{r.i - 1, r.i}}
	if m.Start > r.limit && r.pair(m.Start-1) {
		if !r.asked {
			r.asked, r.doubled = true, r.twice(m.Start-1)
		}
		if r.doubled {
			m.Start--
		}
	}
	for m.Start > r.limit && r.b[m.Start-1] == '\\' {
		m.Start--
	}
	r.i = m.Start
	return m, true
}

// twice reports whether the two quotation marks at b[i] are one, and neither an empty string
// nor the end of one that has the first of them escaped. Behind text they are; behind what
// may stand before them in those, they are where the mark before them stands twice, too.
func (r *backwards) twice(i int) bool {
	limit := max(r.limit, i-maxTwice)
	for i > limit {
		c := r.b[i-1]
		if c != '\\' && !beforeString[c] || c == '"' && i-1 > limit && r.pair(i-2) {
			return true
		}
		k := limit + bytes.LastIndexByte(r.b[limit:i], '"')
		if k <= limit || !r.pair(k-1) {
			return false
		}
		if c == '\\' {
			return true
		}
		for _, c := range r.b[k+1 : i] {
			if !beforeString[c] && !scalarByte[c] && c != '}' && c != ']' {
				return true
			}
		}
		i = k - 1
	}
	return false
}

// pair reports whether two quotation marks stand at b[i], neither of which an escape wrote.
func (r *backwards) pair(i int) bool {
	return r.b[i] == '"' && r.b[i+1] == '"' && (r.at == nil || r.at[i+2]-r.at[i] == 2)
}

// beforeString are the bytes that may stand before an empty string of JSON.
var beforeString = [256]bool{'{': true, '[': true, ',': true, ':': true, ' ': true, '\t': true, '\n': true, '\r': true, '"': true}

// kind tells marks of different strings apart: those of another depth, and in decoded text
// those that were written in another way.
func (r *backwards) kind(m mark) int {
	if r.p.outer == nil {
		return markDepth(bytes.Count(r.b[m.Start:m.End], []byte{'\\'}))
	}
	at, text := r.at, r.p.outer.b
	slashes := 0
	for i := m.Start; i < m.End && r.b[i] == '\\'; i++ {
		if slashes++; text[at[i]] == '\\' && at[i+1]-at[i] == 2 {
			slashes++
		}
	}
	written := text[at[m.End-1]:at[m.End]]
	if len(written) == 2 { // \"
		return markDepth(slashes + 1)
	}
	return markDepth(slashes) + int(written[0]-'"')<<8
}

// value reads a JSON value.
func (r *backwards) value() bool {
	depth := 0
	for {
		r.space()
		switch c := r.byte(); {
		case c == '"':
			m, ok := r.string()
			if r.seen.Len() == 0 {
				r.seen = m
			}
			if !ok || r.kind(m) != r.kind(r.seen) {
				return false
			}
		case c == '}' || c == ']':
			r.i--
			depth++
			continue
		case (c == '{' || c == '[') && depth > 0:
			r.i--
			depth--
		case (c == ',' || c == ':') && depth > 0:
			r.i--
			continue
		case scalarByte[c]:
			for r.i > r.limit && scalarByte[r.b[r.i-1]] {
				r.i--
			}
			if r.i > r.limit && r.b[r.i-1] == '\\' {
				r.i++ // of an escaped space
			}
		default:
			return false
		}
		if depth == 0 {
			return true
		}
	}
}

// string reads a string and returns the quotation mark that opens it.
func (r *backwards) string() (mark, bool) {
	end, ok := r.quote()
	for ok {
		j := bytes.LastIndexByte(r.b[r.limit:r.i], '"')
		if j < 0 {
			break
		}
		r.i = r.limit + j + 1
		if m, _ := r.quote(); r.kind(m) == r.kind(end) {
			return m, true
		}
	}
	return mark{}, false
}

// key reads a key, in front of its colon, and returns the quotation mark that opens it.
func (r *backwards) key() (mark, bool) {
	m, ok := r.string()
	i := r.i
	r.space()
	c := r.byte()
	return m, ok && (c == '{' || c == ',' || c == 0 || bytes.IndexByte(r.b[r.i:i], '\n') >= 0)
}

// besideScalar says what a byte may be beside a part of a scalar: a part of it, what stands
// before it, escaped spaces included, or what stands behind it.
var besideScalar = func() (t [256]uint8) {
	for i := range t {
		if scalarByte[i] {
			t[i] = beforeScalar | behindScalar
		}
	}
	for _, c := range []byte(" \t\r\n") {
		t[c] = beforeScalar | behindScalar
	}
	for _, c := range []byte(":[,nrt") {
		t[c] |= beforeScalar
	}
	for _, c := range []byte(`,}]\`) {
		t[c] |= behindScalar
	}
	return t
}()

const (
	beforeScalar = 1 << iota
	behindScalar
)

// numberByte are the bytes of numbers.
var numberByte = func() (t [256]bool) {
	for _, c := range []byte("0123456789+-.eE") {
		t[c] = true
	}
	return t
}()

// scalarByte are the bytes of numbers and of true, false and null.
var scalarByte = func() (t [256]bool) {
	for _, c := range []byte("0123456789+-.eEtrufalsn") {
		t[c] = true
	}
	return t
}()

// isScalar reports whether b is a JSON number (RFC 8259, section 6), or a literal.
func isScalar(b []byte) bool {
	switch string(b) {
	case "true", "false", "null":
		return true
	}
	digits := func() bool {
		n := 0
		for n < len(b) && b[n]-'0' <= 9 {
			n++
		}
		b = b[n:]
		return n > 0
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	if len(b) > 0 && b[0] == '0' {
		b = b[1:]
	} else if !digits() {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		if b = b[1:]; !digits() {
			return false
		}
	}
	if len(b) > 0 && b[0]|0x20 == 'e' {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(b) == 0
}

// escapedSpace returns the length of the space at the start of b, which may be written as \n,
// \r or \t, at any depth of escaping; 0 when there is none.
func escapedSpace(b []byte) int {
	if jsonSpace(b[0]) {
		return 1
	}
	i := 0
	for i < len(b) && b[i] == '\\' {
		i++
	}
	if i > 0 && i < len(b) && (b[i] == 'n' || b[i] == 'r' || b[i] == 't') {
		return i + 1
	}
	return 0
}

// spaceBefore returns the start of the space that ends at b[i], not before limit. breaks says
// that raw line breaks are space, too.
func spaceBefore(b []byte, limit, i int, breaks bool) int {
	for i > limit && (breaks || b[i-1] != '\n') {
		k := i - 1
		for k > limit && b[k-1] == '\\' {
			k--
		}
		if escapedSpace(b[k:i]) != i-k {
			break
		}
		i = k
	}
	return i
}

func jsonSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// writeScalar appends what takes the place of the scalar that f is, in b. token is its
// token or mask.
func (w *Worker) writeScalar(dst, b []byte, f *Finding, token []byte) []byte {
	was := b[f.Start:f.End]
	m := w.marks[f.scalar-1]
	switch numeric := was[0] == '-' || was[0]-'0' <= 9; {
	case w.e.numbers == NumbersNumber && numeric:
		return appendStandIn(dst, was, token)
	case w.e.numbers == NumbersNumber, w.e.numbers == NumbersNull, m.slashes < 0:
		return append(dst, "null"...)
	}
	dst = m.append(dst, b)
	dst = append(dst, token...)
	return m.append(dst, b)
}

// A stand-in is a number that cannot be a value: it begins with 9000, which is no issuer of
// cards, no area of social security numbers, no exchange of telephones, and ends with check
// digits over the rest, by which a later run knows it and leaves it alone. Between them
// stand digits made from the token. It has as many bytes as the number it stands for, whose
// sign and point it keeps. In less than minStandIn digits there is no room for any of this:
// they are 9000000 from its start.

const (
	standInPrefix = "9000"
	minStandIn    = 8
)

// standInChecks is the number of check digits of a stand-in of n digits.
func standInChecks(n int) int {
	if n < 12 {
		return 2
	}
	return 4
}

// appendStandIn appends the stand-in for the number was with the given token.
func appendStandIn(dst, was, token []byte) []byte {
	var digits [maxScalar]byte
	n := 0
	for _, c := range was {
		if c-'0' <= 9 {
			n++
		}
	}
	exponent := bytes.ContainsAny(was, "eE")
	if exponent {
		n = len(was) - bytes.Count(was, []byte{'.'})
		if was[0] == '-' {
			n--
		}
	}
	d := digits[:min(n, maxScalar)]
	for i := range d {
		d[i] = '0'
	}
	copy(d, standInPrefix)
	if len(d) >= minStandIn {
		checks := standInChecks(len(d))
		room := d[len(standInPrefix) : len(d)-checks]
		h := uint64(crc32.Checksum(token, castagnoli))<<32 | uint64(crc32.ChecksumIEEE(token))
		for i := len(room) - 1; i >= 0; i-- {
			room[i] = '0' + byte(h%10)
			h /= 10
		}
		putStandInCheck(d, checks)
	}
	i := 0
	for k, c := range was {
		if i == len(d) || k == 0 && c == '-' || c == '.' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, d[i])
		i++
	}
	return dst
}

// putStandInCheck writes the last checks digits of d.
func putStandInCheck(d []byte, checks int) {
	front := d[:len(d)-checks]
	sum := crc32.Checksum(front, castagnoli)
	for i := len(d) - 1; i >= len(front); i-- {
		d[i] = '0' + byte(sum%10)
		sum /= 10
	}
}

// isStandIn reports whether the number b is a stand-in.
func isStandIn(b []byte) bool {
	var digits, want [maxScalar]byte
	n := 0
	for i, c := range b {
		switch {
		case c-'0' <= 9 && n < maxScalar:
			digits[n] = c
			n++
		case c == '.' || c == '-' && i == 0:
		default:
			return false
		}
	}
	d := digits[:n]
	if n < minStandIn {
		zeros := []byte("9000000")
		return n > 0 && bytes.Equal(d, zeros[:n])
	}
	if !bytes.HasPrefix(d, []byte(standInPrefix)) {
		return false
	}
	w := want[:n]
	copy(w, d)
	putStandInCheck(w, standInChecks(n))
	return bytes.Equal(w, d)
}
