package detectors

import (
	"bytes"

	"logveil/detectors/internal/keyed"
	"logveil/detectors/internal/keys"
	"logveil/internal/check"
	"logveil/redact"
)

// telling finds the values of one kind that stand behind a key that tells of it:
// "firstName": "Ada", dob=1815-12-10, <iban>...</iban>, {street=12 High Street, city=...}.
//
// Which keys those are, package keys knows; the forms are those of package keyed. The
// literals that anchor a key are chosen so that logs seldom have them: a rare word of the
// key, or a common one with the operator behind it.
type telling struct {
	dict *keys.Dictionary
	kind *tellingKind
	bit  uint32 // of the kind in keys.Term.Kinds
	lits []redact.Literal
	// starts are their texts by the low bits of the first byte, which tell no cases apart.
	starts [32][]string
}

// tellingKind is what is known of the values of a kind.
type tellingKind struct {
	kind redact.Kind
	doc  string
	form valueForm
	// prose says that a value may follow its key behind a blank alone, as in "passport
	// number XG9382049".
	prose bool
	// digits says that every value has a digit among its first bytes.
	digits bool
	// ok judges a value.
	ok func(v []byte, k asked) bool
}

// asked is what a key says of the value behind it.
type asked struct {
	keys.Term
	// last is the first letter of the last word of the key, which says which part of a date
	// or an address it asks for.
	last byte
	// quoted says that the value stands in quotes.
	quoted bool
}

// valueForm is how values of a kind go on behind a blank where no quotes close them.
type valueForm uint8

const (
	oneWord valueForm = iota
	digitWords
	dateWords
	manyWords
	manyWordsAndCommas
)

const (
	// maxTelling is how far, in bytes, a telling looks to either side of its anchor.
	maxTelling = 5 << 10
	// maxTellingList is how much of a list is read at once, in bytes.
	maxTellingList = 1 << 10
	// maxTellingValue is the length of the longest value.
	maxTellingValue = 256
	// maxTellingKey bounds the part of a key on either side of the anchor.
	maxTellingKey = 48
	// shortKey is how much of a key, in bytes, is looked up at the price of a candidate.
	shortKey = 24
	// maxKeyWords is how many words parted by blanks a key may have on either side.
	maxKeyWords = 3
)

// tellings returns the detectors of every kind that the dictionary has terms of.
func tellings(d *keys.Dictionary) []redact.Detector {
	var out []redact.Detector
	for i, name := range keys.Kinds() {
		t := telling{dict: d, bit: 1 << i}
		for j := range tellingKinds {
			if string(tellingKinds[j].kind) == name {
				t.kind = &tellingKinds[j]
			}
		}
		for _, l := range d.Anchors(name) {
			t.lits = append(t.lits, redact.Literal{Text: l, Fold: true})
			t.starts[l[0]&31] = append(t.starts[l[0]&31], l)
		}
		out = append(out, &t)
	}
	return out
}

// Spec implements redact.Detector.
func (d *telling) Spec() redact.Spec {
	return redact.Spec{
		Name: "key-" + string(d.kind.kind), Kind: d.kind.kind, Doc: d.kind.doc,
		Anchor: redact.Anchor{Literals: d.lits},
		MaxLen: maxTelling, Rank: 15, Weight: 2, Closed: true,
		Work: map[redact.Reason]int{
			redact.Accepted: 5, redact.RejectValue: 13, redact.RejectLength: 8, redact.RejectContext: 10,
			redact.RejectAlone: 25, redact.RejectAmong: 50,
		},
	}
}

// tellingKey is a key that was read, and the operator behind it.
type tellingKey struct {
	start, end int
	term       keys.Term
	op         keyed.Op
	// prose says that nothing but a blank stands for the operator.
	prose bool
	// field says that the key is the first thing in its line.
	field bool
	last  byte // see asked
	// objects says that an object or a list of objects stands in the place of a value.
	objects bool
}

// Match implements redact.Detector.
func (d *telling) Match(b []byte, at int) (redact.Span, redact.Reason) {
	k, skip, r := d.key(b, at)
	if r != redact.Accepted {
		s := redact.Span{Start: at, End: skip}
		if r == redact.RejectContext {
			n := k.end - k.start // a long key was looked up, from each of its words
			s.Start += n + 3*max(0, n-shortKey)
		}
		return s, r
	}
	s, r := d.first(b, &k)
	if r == redact.RejectMore && (!k.term.Weak || k.objects) && d.anchored(b, at) {
		return s, r
	}
	if r == redact.RejectMore {
		r = redact.RejectContext
	}
	if !r.OK() {
		return redact.Span{Start: s.Start}, r
	}
	if k.term.Weak && !k.objects {
		if r := d.beside(b, k.start, s.End); !r.OK() {
			return redact.Span{}, r
		}
	}
	if inDistinguishedName(b, k.start, s.End) {
		return redact.Span{}, redact.RejectContext
	}
	if !d.anchored(b, at) {
		return redact.Span{}, redact.RejectAnchor
	}
	return s, r
}

// inDistinguishedName reports whether the pair b[start:end) is an attribute in a name of
// X.500, as certificates have them, which tells where an organization is: another attribute,
// of one or two capitals, stands before or behind it (RFC 4514).
func inDistinguishedName(b []byte, start, end int) bool {
	if start == 0 || b[start-1] != ',' {
		return false
	}
	attribute := func(i int) bool {
		for n := i + 2; i < len(b) && i <= n; i++ {
			if !keyed.IsUpper(b[i]) {
				return i > n-2 && b[i] == '='
			}
		}
		return false
	}
	if end < len(b) && b[end] == ',' && attribute(end+1) {
		return true
	}
	for i := start - 1; i > 0 && start-i < maxAttribute; i-- {
		if b[i-1] == ',' {
			return attribute(i)
		}
		if b[i-1] == '(' || b[i-1] == '{' || b[i-1] == '\n' {
			return false // no name goes on over these
		}
	}
	return false
}

// maxAttribute bounds the length of an attribute of a distinguished name, in bytes.
const maxAttribute = 64

// key reads the key around b[at]. When it rejects, no candidate before skip can be
// accepted, if that is beyond at.
func (d *telling) key(b []byte, at int) (k tellingKey, skip int, r redact.Reason) {
	end := at
	if end < len(b) && !keyed.IsName(b[end]) {
		end++ // the literal begins with what stands before a key
	}
	run := end
	lim := min(len(b), end+maxTellingKey)
	for end < lim && keyed.IsName(b[end]) {
		end++
	}
	if end == run || end == len(b) {
		return k, at, redact.RejectOperator
	}
	// Nearly all candidates in logs end here: no operator behind the key.
	var op keyed.Op
	ok := false
	if b[end] != ' ' || end+1 < len(b) && !keyed.IsLetter(b[end+1]) {
		op, ok = keyed.Operator(b, end)
		ok = ok || op.Holder != 0
	}
	words := end
	for i := 0; !ok && i < maxKeyWords && b[end] == ' '; i++ {
		next := lettersEnd(b, end+1)
		if next == end+1 || next >= len(b) || !d.dict.Goes(b[end+1:next]) {
			break
		}
		end = next
		if b[end] == '.' && end+1 < len(b) && b[end+1] == ' ' {
			end++ // "No."
		}
		op, ok = keyed.Operator(b, end)
		ok = ok || op.Holder != 0
	}
	k.end = end
	switch {
	case ok && op.Form == keyed.Tag, !ok && keyed.IsBlank(b[end]) && keyed.InTag(b, run):
		switch {
		case keyed.InTag(b, run):
			op, ok = keyed.TagEnd(b, end)
		case !op.KeyQuoted:
			ok = false
		}
	case !ok && d.kind.prose && b[end] == ' ':
		op, ok = keyed.Blanks(b, end)
		k.prose = true
	case ok && op.Form == keyed.Comma:
		ok = false
	case !ok && b[end] == '<' && run > 0:
		op, ok = keyed.Entry(b, nameStart(b, run), end)
	}
	if !ok {
		if words == lim {
			return k, at, redact.RejectOperator
		}
		return k, words, redact.RejectOperator
	}
	if d.kind.digits && !digitNear(b, op.Start) {
		return k, at, redact.RejectValue
	}
	k.op = op
	k.start = run
	for lim := max(0, at-maxTellingKey); k.start > lim && keyed.IsName(b[k.start-1]); {
		k.start--
	}
	k.start = keyed.BehindColour(b, k.start, run)
	if !d.look(b, &k) {
		return k, at, redact.RejectContext
	}
	return k, at, redact.Accepted
}

// nameStart returns where the name begins of which b[i-1] may be a part.
func nameStart(b []byte, i int) int {
	for lim := max(0, i-maxTellingKey); i > lim && keyed.IsName(b[i-1]); {
		i--
	}
	return i
}

// digitNear reports whether a digit is among the first bytes of the value at b[i], or a list
// or an object begins there, or the value stands in the next line.
func digitNear(b []byte, i int) bool {
	for _, c := range b[i:min(len(b), i+maxLetters)] {
		if keyed.IsDigit(c) || c == '[' || c == '{' || c == '\n' {
			return true
		}
	}
	return false
}

// maxLetters is more than any number has letters before its first digit, and CDATA has
// before its text.
const maxLetters = 20

// look looks the key up, with the words before it as far as it needs them.
func (d *telling) look(b []byte, k *tellingKey) bool {
	found, ok, decided := false, false, false
	var t keys.Term
	for words := 0; ; words++ {
		if !decided {
			var key keys.Key
			key.Add(b[k.start:k.end])
			t, ok = d.dict.Lookup(&key)
			if ok {
				found, k.term = true, t
				k.last = key.Last()
			} else if words > 0 && found {
				return false // the words before say that it is something else
			}
		}
		if found && ok && !t.Weak && !t.Alone && t.Words > 1 || words == maxKeyWords || k.start < 2 || b[k.start-1] != ' ' || !keyed.IsLetter(b[k.start-2]) {
			break
		}
		i := k.start - 1
		for lim := max(0, i-20); i > lim && keyed.IsLetter(b[i-1]); {
			i--
		}
		if i > 0 && keyed.IsWord(b[i-1]) || !ok && !d.dict.Goes(b[i:k.start-1]) {
			break
		}
		// No term has a word that goes on no key.
		decided = decided || ok && !t.Weak && !t.Alone && !d.dict.Goes(b[i:k.start-1])
		k.start = i
	}
	if !found || k.term.Kinds&d.bit == 0 {
		return false
	}
	i, low := k.start, max(0, k.start-maxIndent)
	for i > low && (keyed.IsBlank(b[i-1]) || b[i-1] == '-' || b[i-1] == '"' || b[i-1] == '\'') {
		i--
	}
	k.field = i == 0 || b[i-1] == '\n'
	return true
}

// maxIndent bounds the indentation of a key in a line of its own, in bytes.
const maxIndent = 512

// lettersEnd returns the end of the letters at b[i], of 16 at most.
func lettersEnd(b []byte, i int) int {
	for lim := min(len(b), i+16); i < lim && keyed.IsLetter(b[i]); {
		i++
	}
	return i
}

// anchored reports whether one of the literals stands at b[at].
func (d *telling) anchored(b []byte, at int) bool {
	for _, l := range d.starts[b[at]&31] {
		if foldPrefix(b[at:], l) {
			return true
		}
	}
	return false
}

// first returns the first value behind the key.
func (d *telling) first(b []byte, k *tellingKey) (redact.Span, redact.Reason) {
	op := &k.op
	tag := op.Start
	if op.Form == keyed.Tag {
		if i, ok := keyed.Element(b, op.Start); ok {
			op.Start, tag = i, i
		}
		op.Start = keyed.SkipSpace(b, op.Start)
	}
	if op.Start >= len(b) {
		return redact.Span{}, redact.RejectLength
	}
	if c, ok := op.Container(b, k.end); ok {
		k.objects = c.Objects
		return d.leaves(b, k, c, c.Start)
	}
	if op.Form == keyed.Tag || op.Form == keyed.Part || op.Quote != 0 {
		end, open := op.End(b, maxTellingValue)
		if open {
			return d.long(b, op.Start, end, k)
		}
		if op.Form == keyed.Tag {
			if !closedTag(b, tag, op.Start, end) {
				return redact.Span{}, redact.RejectOperator
			}
			end -= len(b[op.Start:end]) - len(bytes.TrimRight(b[op.Start:end], " \t"))
		}
		return d.judge(b, op.Start, end, k)
	}
	end := d.bare(b, k)
	s, r := d.judge(b, op.Start, end, k)
	if r.OK() && end-op.Start >= maxTellingValue-1 && !d.kind.digits {
		r = redact.AcceptedOpen
	}
	return s, r
}

// long decides about a value of which no more than b[start:end) is read: what begins as a
// value is one to where it is closed. Numbers are never as long, but rows of them are.
func (d *telling) long(b []byte, start, end int, k *tellingKey) (redact.Span, redact.Reason) {
	if k.term.Weak {
		return redact.Span{}, redact.RejectLength
	}
	if d.kind.digits {
		for start < end && keyed.IsBlank(b[start]) {
			start++
		}
		for i := start; i < min(end, start+maxNumber); i++ {
			if !parts[b[i]] {
				continue
			}
			if _, r := d.judge(b, start, i, k); r.OK() {
				return redact.Span{Start: start, End: end}, redact.AcceptedOpen
			}
		}
		return redact.Span{Start: end}, redact.RejectLength
	}
	n := min(end, start+maxLongStart)
	if i := bytes.LastIndexByte(b[start:n], ' '); i > 0 {
		n = start + i
	}
	if d.kind.form == manyWords || d.kind.form == manyWordsAndCommas {
		if _, r := d.judge(b, start, n, k); !r.OK() {
			return redact.Span{}, r
		}
	}
	return redact.Span{Start: start, End: end}, redact.AcceptedOpen
}

// parts are what parts the numbers of a row.
var parts = [256]bool{',': true, ';': true, '|': true, ' ': true, '\t': true}

// maxNumber is the length of the longest number with its separators.
const maxNumber = 42

// maxLongStart is how much of a value is judged that is longer than maxTellingValue.
const maxLongStart = 32

// bare returns the end of a value without quotes.
func (d *telling) bare(b []byte, k *tellingKey) int {
	start := k.op.Start
	switch d.kind.form {
	case manyWords, manyWordsAndCommas:
		end, closed := keyed.WordsEnd(b, start, maxTellingValue, d.kind.form == manyWordsAndCommas)
		lineEnd := end == len(b) || b[end] == '\n' || b[end] == '\r'
		if !closed && !(lineEnd && k.field && k.op.Colon) {
			end = start + keyed.Capitalized(b[start:end])
		}
		return keyed.TrimProse(b, start, end)
	}
	end, open := k.op.End(b, maxTellingValue)
	if open {
		return end
	}
	switch d.kind.form {
	case digitWords, dateWords:
		end = keyed.GroupsEnd(b, end, 40, d.kind.form == dateWords)
	}
	return keyed.TrimProse(b, start, end)
}

// judge decides about the value b[start:end), which may have blanks around it, and which it
// has read when it rejects it.
func (d *telling) judge(b []byte, start, end int, k *tellingKey) (redact.Span, redact.Reason) {
	for start < end && keyed.IsBlank(b[start]) {
		start++
	}
	for start < end && keyed.IsBlank(b[end-1]) {
		end--
	}
	v := b[start:end]
	if len(v) == 0 || len(v) > maxTellingValue {
		return redact.Span{Start: end}, redact.RejectLength
	}
	if alreadyToken(b, start, end) {
		return redact.Span{Start: end}, redact.RejectValue
	}
	a := asked{k.term, k.last, k.op.Quote != 0}
	if v[0] == '<' || v[0] == '$' || v[0] == '{' || v[0] == '%' && !bytes.ContainsAny(v[1:min(3, len(v))], "0123456789") || !d.kind.ok(v, a) && !d.row(v, a) && !d.float(v, a) {
		return redact.Span{Start: end}, redact.RejectValue
	}
	return redact.Span{Start: start, End: end}, redact.Accepted
}

// row reports whether v is two or more values with commas or their like between them, or
// with blanks.
func (d *telling) row(v []byte, a asked) bool {
	if !d.kind.digits || a.Weak || a.Alone {
		return false
	}
	return d.rowOf(v, ",;|", a) || d.rowOf(v, " ", a)
}

// float reports whether v is a value that a program took for a floating point number,
// 1.23456789E8. Of a value without letters, the number of its digits is what tells.
func (d *telling) float(v []byte, a asked) bool {
	if !d.kind.digits || len(v) < minFloat || bytes.IndexByte(v, '.') < 0 || !keyed.IsDigit(v[0]) || !keyed.IsDigit(v[len(v)-1]) {
		return false
	}
	var digits [64]byte // more than AppendWhole reads
	whole, ok := check.AppendWhole(digits[:0], v, len(someDigits))
	return ok && d.kind.ok(someDigits[:len(whole)], a)
}

// someDigits are as many as any number of a kind has.
var someDigits = []byte("98765432198765432198")

// minFloat is the length of the shortest number that float takes, 1.234E5.
const minFloat = 7

func (d *telling) rowOf(v []byte, parts string, a asked) bool {
	n := 0
	for {
		i := bytes.IndexAny(v[:min(len(v), maxRowPart)], parts)
		one := v
		if i >= 0 {
			one = v[:i]
		} else if len(v) > maxRowPart {
			return false
		}
		if one = bytes.Trim(one, " \t"); len(one) == 0 || !d.kind.ok(one, a) {
			return false
		}
		if n++; i < 0 {
			return n > 1
		}
		v = v[i+1:]
	}
}

// maxRowPart is the length of the longest value in a row, with what parts it from the next.
const maxRowPart = 48

// leaves returns the first value of c that begins at b[i] or behind it. When it rejects, the
// end of the span is where it left off, if c goes on there.
func (d *telling) leaves(b []byte, k *tellingKey, c keyed.Container, i int) (redact.Span, redact.Reason) {
	from, lim := i, min(len(b), i+maxTellingList+2*maxTellingValue)
	for i < from+maxTellingList {
		l, what := c.Next(b, i, lim, maxTellingValue)
		switch what {
		case keyed.LeafCut:
			if lim == len(b) {
				return redact.Span{End: lim}, redact.RejectMore
			}
			if l.From > from {
				return redact.Span{End: l.From}, redact.RejectMore
			}
			return redact.Span{}, redact.RejectValue
		case keyed.LeafNone:
			return redact.Span{Start: max(i, l.From, l.Next)}, redact.RejectValue
		}
		if inner, ok := d.under(k, &l); ok {
			if what == keyed.LeafLong {
				if c.Objects {
					return d.long(b, l.Start, l.End, &inner)
				}
				return redact.Span{Start: l.Start, End: l.End}, redact.AcceptedOpen
			}
			if s, r := d.judge(b, l.Start, l.End, &inner); r.OK() {
				k.term = inner.term
				return s, r
			}
		} else if what == keyed.LeafLong {
			return redact.Span{}, redact.RejectValue
		}
		i = l.Next
	}
	return redact.Span{End: i}, redact.RejectMore
}

// under returns the key that a value in a container is judged under: that of the container,
// when its own says nothing else.
func (d *telling) under(k *tellingKey, l *keyed.Leaf) (inner tellingKey, ok bool) {
	inner = *k
	inner.op = l.Op
	if !l.Member {
		return inner, true
	}
	switch says := keyed.InnerKey(l.Key); {
	case says == keyed.InnerValue:
		return inner, !k.term.Weak
	case d.kind.kind == "name" && says == keyed.InnerName:
		inner.term.Weak = false
		return inner, true
	case d.kind.kind == "address" && says == keyed.InnerLine:
		inner.term.Weak, inner.term.Alone = false, false
		return inner, true
	case d.kind.kind == "address" && says == keyed.InnerPlace:
		inner.term.Weak = true
		return inner, true
	}
	return inner, false
}

// Next implements redact.Repeater: the other values of a list or an object.
func (d *telling) Next(b []byte, at, from int) (redact.Span, redact.Reason) {
	if !keyed.MayContain(b[at:min(from, at+2*maxTellingKey+keyed.MaxOperator)]) {
		return redact.Span{}, redact.RejectOperator // as nearly always
	}
	k, _, r := d.key(b, at)
	if r != redact.Accepted {
		return redact.Span{}, r
	}
	c, ok := k.op.Container(b, k.end)
	if !ok || from < c.Start {
		return redact.Span{}, redact.RejectAnchor
	}
	return d.leaves(b, &k, c, keyed.Closed(b, from))
}

// beside accepts the pair b[start:end) if another key that tells of a person stands near,
// in the same object. It looks at a few keys on either side, the nearest first.
func (d *telling) beside(b []byte, start, end int) redact.Reason {
	low, lim := max(0, start-maxBeside), min(len(b), end+maxBeside)
	behind, before := maxLooks, maxLooks
	for i := end; i < lim && behind > 0; i++ {
		if !besideStops[b[i]] || b[i] == '{' {
			continue
		}
		if b[i] == '}' {
			break
		}
		name := nameBefore(b, low, i)
		if name.Start < end && name.End > start {
			continue // of the pair itself
		}
		if d.tells(b, name, &behind) {
			return redact.Accepted
		}
	}
	for i := start - 1; i >= low && before > 0; i-- {
		if !besideStops[b[i]] || b[i] == '}' {
			continue
		}
		if b[i] == '{' {
			break
		}
		name := nameBefore(b, low, i)
		if d.tells(b, name, &before) {
			return redact.Accepted
		}
		i = name.Start
	}
	if behind+before > maxLooks {
		return redact.RejectAlone
	}
	return redact.RejectAmong
}

// nameBefore returns the key before the operator at b[i], which is empty when none is there.
func nameBefore(b []byte, low, i int) redact.Span {
	for i > low && (b[i-1] == '"' || b[i-1] == '\'' || b[i-1] == '\\' || b[i-1] == ' ') {
		i--
	}
	s := redact.Span{Start: i, End: i}
	for s.Start > low && s.Len() < maxTellingKey && keyed.IsName(b[s.Start-1]) {
		s.Start--
	}
	return s
}

// tells reports whether a key by itself tells of a person, and takes what it cost to know.
func (d *telling) tells(b []byte, name redact.Span, left *int) bool {
	if name.Len() < 3 {
		return false
	}
	*left--
	var key keys.Key
	key.Add(b[name.Start:name.End])
	t, ok := d.dict.Lookup(&key)
	if ok && t.Weak {
		*left -= weakLook
	}
	return ok && !t.Weak && t.Kinds&personal != 0
}

// besideStops are the bytes that operators are known by, and the braces of objects, which
// beside does not look beyond.
var besideStops = [256]bool{'=': true, ':': true, '>': true, '{': true, '}': true}

const (
	// maxBeside is how far from a weak key, in bytes, another one is looked for.
	maxBeside = 160
	// maxLooks is how many keys on either side are looked at, weak ones counted weakLook
	// times more.
	maxLooks = 12
	weakLook = 4
)

// personal are the kinds whose keys make a weak key beside them tell of a person.
var personal = func() (set uint32) {
	for i, k := range keys.Kinds() {
		switch k {
		case "username", "geo", "vehicle", "pin", "expiry":
		default:
			set |= 1 << i
		}
	}
	return set
}()
