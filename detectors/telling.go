package detectors

import (
	"bytes"

	"logveil/detectors/internal/keyed"
	"logveil/detectors/internal/keys"
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
}

// Match implements redact.Detector.
func (d *telling) Match(b []byte, at int) (redact.Span, redact.Reason) {
	k, skip, r := d.key(b, at)
	if r != redact.Accepted {
		return redact.Span{Start: at, End: skip}, r
	}
	s, r := d.first(b, &k)
	if r == redact.RejectMore && !k.term.Weak && d.anchored(b, at) {
		return s, r
	}
	if r == redact.RejectMore {
		r = redact.RejectContext
	}
	if !r.OK() {
		return redact.Span{}, r
	}
	if k.term.Weak {
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
		ok = ok || op.Holder == '['
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
		ok = ok || op.Holder == '['
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
	if !d.look(b, &k) {
		return k, at, redact.RejectContext
	}
	return k, at, redact.Accepted
}

// digitNear reports whether a digit is among the first bytes of the value at b[i], or a
// list begins there, or the value stands in the next line.
func digitNear(b []byte, i int) bool {
	for _, c := range b[i:min(len(b), i+maxLetters)] {
		if keyed.IsDigit(c) || c == '[' || c == '\n' {
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
		op.Start = keyed.SkipSpace(b, op.Start)
	}
	if op.Start >= len(b) {
		return redact.Span{}, redact.RejectLength
	}
	if i := listOf(b, k); i > 0 {
		return d.leaves(b, k, i)
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

// listOf returns where the first value of the list behind the key may begin, or 0 when no
// list is there.
func listOf(b []byte, k *tellingKey) int {
	op := &k.op
	if op.Quote == 0 {
		if op.Form != keyed.Tag && op.Start < len(b) && b[op.Start] == '[' {
			return op.Start + 1
		}
		return 0
	}
	i := op.Start - 1 - op.Slashes
	for i > k.end && keyed.IsBlank(b[i-1]) {
		i--
	}
	if b[i-1] == '[' {
		return i
	}
	return 0
}

// long decides about a value of which no more than b[start:end) is read. Numbers are never
// as long; what else begins as a value is one to where it is closed.
func (d *telling) long(b []byte, start, end int, k *tellingKey) (redact.Span, redact.Reason) {
	if d.kind.digits || k.term.Weak {
		return redact.Span{}, redact.RejectLength
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
		return trimProse(b, start, end)
	}
	end, open := k.op.End(b, maxTellingValue)
	if open {
		return end
	}
	switch d.kind.form {
	case digitWords, dateWords:
		end = keyed.GroupsEnd(b, end, 40, d.kind.form == dateWords)
	}
	return trimProse(b, start, end)
}

// trimProse takes blanks and the end of a sentence off a value.
func trimProse(b []byte, start, end int) int {
	for end > start {
		switch b[end-1] {
		case ' ', '\t', '.', ':', '!', '?', ',':
			end--
			continue
		}
		break
	}
	return end
}

// judge decides about the value b[start:end).
func (d *telling) judge(b []byte, start, end int, k *tellingKey) (redact.Span, redact.Reason) {
	v := b[start:end]
	if len(v) == 0 || len(v) > maxTellingValue {
		return redact.Span{}, redact.RejectLength
	}
	if alreadyToken(b, start, end) {
		return redact.Span{}, redact.RejectValue
	}
	if v[0] == '<' || v[0] == '$' || v[0] == '{' || v[0] == '%' && !bytes.ContainsAny(v[1:min(3, len(v))], "0123456789") || !d.kind.ok(v, asked{k.term, k.last, k.op.Quote != 0}) {
		return redact.Span{}, redact.RejectValue
	}
	return redact.Span{Start: start, End: end}, redact.Accepted
}

// leaves returns the first value of a list that begins at b[i] or behind it. When it
// rejects, the end of the span is where it left off, if the list goes on there.
func (d *telling) leaves(b []byte, k *tellingKey, i int) (redact.Span, redact.Reason) {
	from, lim := i, min(len(b), i+maxTellingList+2*maxTellingValue)
	for i < from+maxTellingList {
		l, r := leafAt(b, i, lim)
		switch r {
		case leafLong:
			return redact.Span{Start: l.start, End: l.end}, redact.AcceptedOpen
		case leafCut:
			if lim == len(b) {
				return redact.Span{End: lim}, redact.RejectMore
			}
			if l.from > from {
				return redact.Span{End: l.from}, redact.RejectMore
			}
		case leafNone:
			return redact.Span{}, redact.RejectOperator
		}
		if s, r := d.judge(b, l.start, l.end, k); r.OK() {
			return s, r
		}
		i = l.next
	}
	return redact.Span{End: i}, redact.RejectMore
}

// Next implements redact.Repeater: the other values of a list.
func (d *telling) Next(b []byte, at, from int) (redact.Span, redact.Reason) {
	if bytes.IndexByte(b[at:min(from, at+2*maxTellingKey+keyed.MaxOperator)], '[') < 0 {
		return redact.Span{}, redact.RejectOperator // as nearly always
	}
	k, _, r := d.key(b, at)
	if r != redact.Accepted {
		return redact.Span{}, r
	}
	if i := listOf(b, &k); i == 0 || from < i {
		return redact.Span{}, redact.RejectAnchor
	}
	for lim := min(len(b), from+maxLetters); from < lim && (b[from] == '\\' || b[from] == '"' || b[from] == '\''); {
		from++
	}
	return d.leaves(b, &k, from)
}

func space(b []byte, i, lim int) int {
	for i < lim && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// leaf is a value in a list.
type leaf struct {
	start, end, next int
	from             int // where to begin again when the text was cut
}

// What leafAt found.
const (
	leafNone  = iota // the end of the list, or no list
	leafWhole        // a value
	leafLong         // a value of which only the first maxTellingValue bytes were read
	leafCut          // the text ended before what follows the value
)

// leafAt reads the value of a list at b[i], with the comma and the blanks before it. It is
// none when something else than a comma or a bracket follows it, as behind the key of an
// object.
func leafAt(b []byte, i, lim int) (l leaf, what int) {
	l.from = i
	i = space(b, i, lim)
	if i < lim && b[i] == ',' {
		i = space(b, i+1, lim)
	}
	if i >= lim {
		l.from = lim
		return l, leafCut
	}
	if b[i] == ']' {
		return l, leafNone
	}
	op := keyed.Op{Start: i}
	for j := i; j < lim && j < i+8; j++ {
		if c := b[j]; c == '"' || c == '\'' {
			op.Quote, op.Slashes, op.Start = c, j-i, j+1
			break
		} else if c != '\\' {
			break
		}
	}
	l.start = op.Start
	if op.Quote != 0 {
		var open bool
		if l.end, open = op.End(b, maxTellingValue); open {
			return l, leafLong
		}
		l.next = l.end
		for l.next < lim && (b[l.next] == '\\' || b[l.next] == op.Quote) {
			l.next++
		}
	} else {
		l.end = l.start
		for l.end < lim && b[l.end] != ',' && b[l.end] != ']' && b[l.end] != '\n' && b[l.end] != '}' && b[l.end] != '=' && b[l.end] != ':' {
			if l.end++; l.end-l.start == maxTellingValue {
				return l, leafLong
			}
		}
		l.next = l.end
		l.end = trimProse(b, l.start, l.end)
	}
	switch n := space(b, l.next, lim); {
	case n >= lim && l.next > i:
		if lim == len(b) {
			return l, leafWhole
		}
		return l, leafCut
	case l.next > i && (b[n] == ',' || b[n] == ']'):
		return l, leafWhole
	}
	return l, leafNone
}

// beside accepts the pair b[start:end) if another key that tells of a person stands near,
// in the same object. It looks at a few keys on either side, the nearest first.
func (d *telling) beside(b []byte, start, end int) redact.Reason {
	// Not beyond the braces of an object.
	lim := min(len(b), end+maxBeside)
	if i := bytes.IndexByte(b[end:lim], '}'); i >= 0 {
		lim = end + i
	}
	low := max(0, start-maxBeside)
	low += bytes.LastIndexByte(b[low:start], '{') + 1
	behind, before := maxLooks, maxLooks
	for i := end; i < lim && behind > 0; i++ {
		if besideOp[b[i]] {
			name := nameBefore(b, low, i)
			if name.Start < end && name.End > start {
				continue // of the pair itself
			}
			if d.tells(b, name, &behind) {
				return redact.Accepted
			}
		}
	}
	for i := start - 1; i >= low && before > 0; i-- {
		if besideOp[b[i]] {
			name := nameBefore(b, low, i)
			if d.tells(b, name, &before) {
				return redact.Accepted
			}
			i = name.Start
		}
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

// besideOp are the bytes that operators are known by.
var besideOp = [256]bool{'=': true, ':': true, '>': true}

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
