package redact

import (
	"bytes"
	"slices"

	"logveil/internal/scan"
)

const (
	// longValue is the length in bytes of a value, inside which its detector does not
	// look for another. Forms that can overlap themselves are shorter.
	longValue = 64
	// maxTries bounds how often a window is scanned, again after each panic.
	maxTries = 5
)

// pass is one look at one text: the batch itself, or a part of it decoded.
type pass struct {
	w     *Worker
	depth int

	b     []byte    // the text
	outer *pass     // in whose text it stands, with escapes
	query bool      // it has escapes of URLs there
	found []Finding // taken candidates, in order
	keeps []Span    // well-formed tokens of an earlier run, in order
	out   []Finding // resolved, in the place of found
	last  lastScalar
	// line reads JSON from the start of a line, event from the line that it begins in.
	line, event cursor
	// skip tells by detector where no candidate after the start of the span, and before
	// its end, can be taken: first those at literals, then those at shapes, because each
	// come in order, or nearly so.
	skip [2][]Span
	// base is what offsets in skip have been moved by, so that what is there from the texts
	// before lies behind.
	base int
	// Of the window: its part of the text, the candidates that may still be looked at,
	// the one being looked at, and the lines in which a detector panicked.
	from, to, left, at int
	failed             []Span
	// lists are the lists that began before the window, and later those that go on behind
	// it.
	lists, later []list
	// firstExplained is the index of the first candidate of the text in Worker.explain.
	firstExplained int
	// unclosed is the key of the first list that the end of the text cut, or -1.
	unclosed int
	// masks are the parts of the text that are masked whole whatever else is found, in
	// order, and masked is the end of the last of them.
	masks  []Span
	masked int
	// unseen is the end of the last lines that are masked because what they hold encoded
	// could not be looked at.
	unseen int

	escapes []Span // where the text has escapes, for views
	tearAt  int    // the first of the findings that begins where tear has come to, or behind it
	torn    bool   // tear dropped one
	form    Span   // what inForm read last
	v       view
	blobs   []Span // where it may have base64
	blobEnd int    // the end of the last of them
	blobRun Span   // from the start of the run in which the last candidate for one stood, to that
}

// list is a candidate with several values, which are read window by window, on the work of
// the window that they stand in.
type list struct {
	d, at int
	from  int // where the next value may begin
}

func newPass(w *Worker, depth int) *pass {
	n := len(w.e.dets)
	return &pass{w: w, depth: depth, skip: [2][]Span{make([]Span, n), make([]Span, n)}}
}

// find looks at a text and leaves the findings in p.out.
func (p *pass) find(b []byte) {
	p.base += len(p.b) + 1
	p.b = b
	p.found, p.keeps, p.masks, p.masked = p.found[:0], p.keeps[:0], p.masks[:0], 0
	p.lists, p.unclosed = p.lists[:0], -1
	p.firstExplained = len(p.w.explain)
	p.blobs, p.blobEnd, p.blobRun, p.escapes = p.blobs[:0], 0, Span{-1, -1}, p.escapes[:0]
	p.form = Span{-1, -1}
	for from := 0; from < len(b); {
		off := max(0, from-scan.Margin)
		to := off + scan.Window - scan.Margin
		if off+scan.Window >= len(b) {
			to = len(b)
		}
		if from < p.masked {
			from = min(p.masked, to)
		}
		if from < to {
			p.window(off, from, to)
		}
		from = to
	}
	switch n := len(p.found); {
	case p.depth < p.w.e.depth:
		p.lookInBlobs()
		p.sortFrom(n)
		p.views()
	case p.depth == p.w.e.depth:
		p.beyond()
		p.sortFrom(n)
	}
	p.resolve()
}

func (p *pass) clearSkips() {
	clear(p.skip[0])
	clear(p.skip[1])
}

// window finds what is anchored in b[from:to). The scan of b starts at off.
func (p *pass) window(off, from, to int) {
	nf, nk := len(p.found), len(p.keeps)
	p.failed = p.failed[:0]
	p.left = p.workFor()
	work := p.left
	for try := 1; !p.try(off, from, to); try++ {
		// A detector panicked. Its line is masked whole, and the others are looked at
		// again. A window full of such lines is masked itself.
		p.found, p.keeps = p.found[:nf], p.keeps[:nk]
		p.clearSkips()
		p.w.stats.Failed++
		if try == maxTries {
			p.mask(p.closed(from, to-1), Failed)
			p.later = append(p.later[:0], p.lists...)
			break
		}
		p.failed = append(p.failed, p.closed(p.at, p.at))
	}
	p.lists, p.later = p.later, p.lists[:0]
	for _, s := range p.failed {
		p.found = append(p.found, Finding{Span: s, At: s.Start, Detector: Failed})
	}
	p.sortFrom(nf)
	p.worked(from, work, max(p.left, 0))
}

// mask masks all of s, and nothing before its end is looked at any more.
func (p *pass) mask(s Span, why int) {
	p.found = append(p.found, Finding{Span: s, At: s.Start, Detector: why})
	p.masks = append(p.masks, s)
	p.masked = max(p.masked, s.End)
}

// try scans one window and reports whether no detector panicked.
func (p *pass) try(off, from, to int) (ok bool) {
	defer func() {
		if !ok {
			_ = recover() // its text may hold a value: it is dropped
		}
	}()
	p.from, p.to = from, to
	p.w.sc.LoadUpTo(p.b, off, from, to, p.left/perLiteral)
	lits := p.w.sc.Literals(from, to)
	p.left -= perLiteral * len(lits) // to find them
	p.spent()                        // then not all were
	p.later = p.later[:0]
	for _, l := range p.lists {
		p.values(l)
	}
	for _, l := range lits {
		if l.ID == p.w.e.tokenLit {
			p.left -= tokenWork
			if t, ok := ParseToken(p.b, l.Start); ok {
				p.keeps = append(p.keeps, t.Span)
			}
		}
		for _, d := range p.w.e.lits[l.ID] {
			p.match(int(d), l.Start, &p.skip[0][d])
		}
	}
	live := p.w.sc.Live()
	for len(live) > 0 && live[0] < len(p.w.e.shapes) {
		cs := p.w.sc.Candidates(live[0], from, to)
		for _, d := range p.w.e.shapes[live[0]] {
			for _, c := range cs {
				p.match(int(d), off+int(c), &p.skip[1][d])
			}
		}
		live = live[1:]
	}
	if from = max(from, p.masked); from < to {
		p.noteEscapes(off, from, to)
		for _, id := range live {
			if cs := p.w.sc.Candidates(id, from, to); id == p.w.e.blobShape {
				p.noteBlobs(off, cs)
			} else {
				p.notePlusses(off, cs)
			}
		}
	}
	return true
}

// match asks detector d about the candidate at b[at].
func (p *pass) match(d, at int, skip *Span) {
	if x := p.base + at; skip.Start < x && x < skip.End || at < p.masked || p.spent() || len(p.failed) > 0 && p.hasFailed(at) {
		return
	}
	p.at = at
	det := &p.w.e.dets[d]
	s, r := det.Match(p.b, at)
	p.left -= int(det.weights[r])
	if p.w.explained {
		p.explain(Candidate{Span: s, At: at, Detector: d, Reason: r})
	}
	switch {
	case r.OK():
		// Of a long one each window pays for what lies in it.
		p.left -= max(0, min(s.End, p.to)-max(s.Start, at)-shortValue) / readPerUnit
		end := p.add(d, at, s, r, skip)
		if det.repeater != nil {
			p.values(list{d, at, end})
		}
	case r == RejectMore:
		p.left -= max(0, s.End-at) / readPerUnit
		p.values(list{d, at, s.End})
	default:
		if s.End > at {
			*skip = Span{p.base + at, p.base + s.End}
		}
		if s.Start > at {
			p.left -= (s.Start - at) / readPerUnit
		}
	}
}

// hasFailed reports whether p.b[at] is in a line in which a detector panicked.
func (p *pass) hasFailed(at int) bool {
	return slices.ContainsFunc(p.failed, func(s Span) bool { return s.Start <= at && at < s.End })
}

func (p *pass) explain(c Candidate) { p.w.explain = append(p.w.explain, c) }

// readPerUnit is how many bytes of a list, or of what is no value, are read in one unit of
// work.
const readPerUnit = 4

// shortValue is how much of a value that is taken, in bytes, is read at its price.
const shortValue = 32

// values adds the values of a list that begin in the window.
func (p *pass) values(l list) {
	det := &p.w.e.dets[l.d]
	for {
		l.from = max(l.from, p.masked)
		for _, s := range p.failed {
			if s.Start <= l.from && l.from < s.End {
				l.from = s.End
			}
		}
		if l.from >= len(p.b) {
			if _, r := det.repeater.Next(p.b, l.at, len(p.b)); r == RejectMore && (p.unclosed < 0 || l.at < p.unclosed) {
				p.unclosed = l.at
			}
			return
		}
		if l.from >= p.to || p.spent() {
			p.later = append(p.later, l)
			return
		}
		p.at = l.from
		s, r := det.repeater.Next(p.b, l.at, l.from)
		if r == RejectOperator {
			// No list at all: told at once, and not worth counting.
			return
		}
		p.left -= int(det.weights[r])
		switch {
		case r.OK() && s.Start >= l.from && s.End > s.Start:
			if p.w.explained {
				p.explain(Candidate{Span: s, At: l.at, Detector: l.d, Reason: r})
			}
			p.left -= (s.Start - l.from) / readPerUnit
			l.from = p.add(l.d, l.at, s, r, &p.skip[0][l.d])
		case r == RejectMore && s.End > l.from:
			p.left -= (s.End - l.from) / readPerUnit
			l.from = s.End
		default:
			p.left -= max(0, s.Start-l.from) / readPerUnit
			return
		}
	}
}

// spent reports whether no work is left for the window, and masks it then.
func (p *pass) spent() bool { return p.left < 0 && p.giveUp() }

func (p *pass) giveUp() bool {
	// All of the window, since other detectors have not seen any of it.
	p.w.stats.Unscanned++
	p.mask(p.closed(p.from, p.to-1), Unscanned)
	return true
}

// add adds what detector d accepted for the candidate at b[at], and returns where it ends.
func (p *pass) add(d, at int, s Span, r Reason, skip *Span) int {
	open := r == AcceptedOpen
	if open {
		if p.w.e.specs[d].Closed {
			s.End = closeOf(p.b, s)
		} else {
			s.End = p.extend(s, p.w.e.specs[d].Multiline)
		}
		open = s.End == len(p.b)
	}
	// What is anchored inside a value may reach beyond it, as one card number does that
	// begins in another. Only in a long one there would be no end to looking.
	if s.Len() > longValue && s.End > at {
		*skip = Span{p.base + at, p.base + s.End}
	}
	if p.w.e.allow != nil && p.w.e.allow(p.w.e.specs[d].Kind, p.b[s.Start:s.End]) {
		if p.w.explained {
			p.w.explain[len(p.w.explain)-1].Outcome = "allowed"
		}
		return s.End
	}
	// Field by field: a Finding made elsewhere and copied is read before it is written.
	n := len(p.found)
	p.found = append(p.found, Finding{})
	f := &p.found[n]
	f.Start, f.End, f.At, f.Detector, f.Open = s.Start, s.End, at, d, open
	return s.End
}

// closeOf returns where the value ends that begins with b[s.Start:s.End): before the
// quotation mark that closes the one it stands behind, before the next tag when it stands
// behind one, or at the end of the line; at the next delimiter when it is one word.
func closeOf(b []byte, s Span) int {
	i := s.Start
	for i > 0 && s.Start-i < maxOpenBytes && b[i-1] <= ' ' {
		i--
	}
	tag := i > 0 && b[i-1] == '>' && (i < 2 || b[i-2] != '=' && b[i-2] != '-') // and no arrow
	if tag && !oneWord(b[s.Start:s.End]) {
		if n := bytes.IndexByte(b[s.End:], '<'); n >= 0 {
			return s.End + n
		}
		return len(b)
	}
	depth, quote := 0, byte(0)
	if i == s.Start && i > 0 && (b[i-1] == '"' || b[i-1] == '\'') {
		quote = b[i-1]
		for j := i - 2; j >= 0 && b[j] == '\\' && depth < MaxDepth; j-- {
			depth++
		}
	}
	end := s.End
	if quote == 0 && oneWord(b[s.Start:s.End]) {
		for end < len(b) && !delimiter(b[end]) && !(tag && b[end] == '<') {
			end++
		}
		return end
	}
	for slashes := 0; end < len(b) && b[end] != '\n' && b[end] != '\r'; end++ {
		switch c := b[end]; {
		case c == '\\':
			slashes++
			continue
		case quote != 0 && c == quote && slashes%(2*(depth+1)) <= depth:
			return end - slashes%(2*(depth+1))
		}
		slashes = 0
	}
	return end
}

// extend returns the end of a value whose detector did not see it: the next delimiter.
// A value of many lines goes on over lines that are all one word, as those of a key are.
func (p *pass) extend(s Span, multiline bool) int {
	b := p.b
	word := func(i int) int {
		for i < len(b) && !delimiter(b[i]) {
			i++
		}
		return i
	}
	end := word(s.End)
	for multiline && end < len(b) && (b[end] == '\n' || b[end] == '\r') {
		next := end
		for next < len(b) && (b[next] == '\n' || b[next] == '\r') {
			next++
		}
		e := word(next)
		if e == next || e < len(b) && b[e] != '\n' && b[e] != '\r' {
			break
		}
		end = e
	}
	return end
}

// oneWord reports whether v, the beginning of a long value, has no blank in it.
func oneWord(v []byte) bool { return bytes.IndexByte(v, ' ') < 0 }

func delimiter(c byte) bool { return c <= ' ' || c == '"' || c == '\'' || c == 0x7f }

// lines returns the lines that hold b[from] to b[to], without the last line end.
func (p *pass) lines(from, to int) Span {
	s := Span{Start: bytes.LastIndexByte(p.b[:from], '\n') + 1, End: len(p.b)}
	if i := bytes.IndexByte(p.b[to:], '\n'); i >= 0 {
		s.End = to + i
	}
	return s
}

// closed returns the same lines, with those behind them that belong to a value of which the
// key stands in them.
func (p *pass) closed(from, to int) Span {
	s := p.lines(from, to)
	s.End = closed(p.b, s.Start, s.End)
	return s
}

// sortFrom puts found[n:] in its places.
func (p *pass) sortFrom(n int) {
	f := p.found
	if n == len(f) {
		return
	}
	p.w.sort(f[n:])
	k := n
	for n < len(f) && k > 0 && less(&f[n], &f[k-1]) {
		k--
	}
	if k < n {
		p.w.merge(f[k:], n-k)
	}
}

// sort sorts findings. They come as a few sorted runs, those at literals and those at each
// shape, which are merged two by two.
func (w *Worker) sort(f []Finding) {
	for {
		runs := 0
		for a := 0; a < len(f); runs++ {
			b := runEnd(f, a)
			c := runEnd(f, b)
			w.merge(f[a:c], b-a)
			a = c
		}
		if runs <= 1 {
			return
		}
	}
}

// runEnd returns the end of the sorted run that starts at f[i].
func runEnd(f []Finding, i int) int {
	for i++; i < len(f) && !less(&f[i], &f[i-1]); i++ {
	}
	return min(i, len(f))
}

// merge merges the sorted f[:n] and f[n:].
func (w *Worker) merge(f []Finding, n int) {
	if n == len(f) {
		return
	}
	o := 0
	for o < n && !less(&f[n], &f[o]) {
		o++
	}
	left := append(w.spare[:0], f[o:n]...)
	w.spare = left
	for ; len(left) > 0; o++ {
		if n < len(f) && less(&f[n], &left[0]) {
			f[o] = f[n]
			n++
		} else {
			f[o] = left[0]
			left = left[1:]
		}
	}
}

// less reports whether a stands before b. Of the same finding seen as it stands and decoded,
// the decoded one comes first and is kept, so that one value has one token however it is
// written.
func less(a, b *Finding) bool {
	switch {
	case a.Start != b.Start:
		return a.Start < b.Start
	case a.End != b.End:
		return a.End > b.End
	case a.Detector != b.Detector:
		return a.Detector < b.Detector
	}
	return a.value > b.value
}

// rank orders findings by who names a replacement; the engine's own masks come first.
func (p *pass) rank(d int) int {
	if d < 0 {
		return 1 << 30
	}
	return p.w.e.specs[d].Rank
}

// resolve makes out of found: overlapping findings become one, those that only repeat
// a token of an earlier pass go.
func (p *pass) resolve() {
	f := p.found
	p.last.forget()
	p.line.forget()
	p.event.forget()
	p.out = f[:0] // never longer than what has been read of f
	if p.w.explained {
		p.w.index(p.firstExplained)
	}
	k := 0
	for i := 0; i < len(f); {
		if len(p.keeps) == 0 {
			// Most stand alone, or were seen twice, as they stand and decoded.
			next, last := twins(f, i), f[i].End
			if (next == len(f) || f[next].Start > last) && (last == len(p.b) || !isWord(p.b[last])) {
				if p.w.explained {
					p.w.outcome(f[i], "replaced")
				}
				p.take(&f[i])
				i = next
				continue
			}
		}
		if p.insideToken(&f[i]) {
			p.w.outcome(f[i], "inside a token")
			i++
			continue
		}
		start, end, kept := f[i].Start, f[i].End, false
		for ; k < len(p.keeps) && p.keeps[k].End <= start; k++ {
		}
		j := i + 1
		for grown := true; grown; {
			for ; j < len(f) && f[j].Start <= end; j++ {
				if !p.insideToken(&f[j]) {
					end = max(end, f[j].End)
				}
			}
			// A token of an earlier run that is overlapped but not covered goes with
			// it, and so does the rest of a word.
			was := end
			for q := k; q < len(p.keeps) && p.keeps[q].Start < end; q++ {
				kept = kept || p.keeps[q].Start == start && p.keeps[q].End == end
				start = min(start, p.keeps[q].Start)
				end = max(end, p.keeps[q].End)
			}
			end = p.word(end)
			grown = end > was
			kept = kept && !grown
		}
		best, open, key, scalar := &f[i], false, false, int32(0)
		cluster := Span{start, end}
		for q := i; q < j; q++ {
			x := &f[q]
			if p.insideToken(x) {
				continue
			}
			open = open || x.Open && x.End == end
			key = key || x.key && x.End == end
			if x.scalar > 0 && x.Span == cluster {
				scalar = x.scalar
			}
			if q > i && p.names(x, best, cluster) {
				best = x
			}
		}
		if p.w.explained {
			for q := i; q < j; q++ {
				switch x := &f[q]; {
				case p.insideToken(x), kept:
					p.w.outcome(*x, "inside a token")
				case x.Detector == best.Detector && x.At == best.At:
					p.w.outcome(*x, "replaced")
				default:
					p.w.outcome(*x, "covered by "+p.name(best.Detector))
				}
			}
		}
		if !kept {
			if best.Span != cluster {
				best.value, best.blob = 0, 0 // more than that value is replaced
			}
			best.Span, best.Open, best.key, best.scalar = cluster, open, key, scalar
			p.take(best)
		}
		i = j
	}
}

// twins returns the end of the findings from f[i] on that are the same, and adds what the others
// know to f[i].
func twins(f []Finding, i int) int {
	x, j := &f[i], i+1
	for ; j < len(f); j++ {
		y := &f[j]
		if y.Span != x.Span || y.Detector != x.Detector || y.At != x.At || y.blob != x.blob {
			break
		}
		x.Open, x.key = x.Open || y.Open, x.key || y.key
		if y.scalar > 0 {
			x.scalar = y.scalar
		}
	}
	return j
}

// take adds f to the resolved findings, fitted to what it stands in. It may be one of p.found
// that has been read.
func (p *pass) take(f *Finding) {
	if end := p.beforeQuote(f.Span); end != f.End {
		f.End, f.value, f.blob = end, 0, 0
	}
	if n := p.insideEscape(f.Start); n > 0 {
		// Decoded, it was none, or began with this character.
		f.Start, f.value, f.blob = f.Start-n, 0, 0
		if k := len(p.out); k > 0 && f.Start == p.out[k-1].End {
			// No token could be read right behind another.
			o := &p.out[k-1]
			o.End, o.Open, o.value, o.blob = f.End, f.Open, 0, 0
			return
		}
	}
	p.fitScalar(f)
	if f.scalar > 0 && p.w.e.numbers == NumbersNumber && isStandIn(p.b[f.Start:f.End]) {
		return // of an earlier run
	}
	n := len(p.out)
	if n > 0 && f.Start < p.out[n-1].End {
		p.out[n-1].End = max(p.out[n-1].End, f.End) // two values in one number
		return
	}
	p.out = p.out[:n+1]
	if o := &p.out[n]; o != f {
		*o = *f
	}
}

// insideEscape returns how many backslashes make an escape with the letter at p.b[i]: \u00aa,
// \x61, or, in a string of JSON, \b and its like. Replacing it without them would make another escape
// of those and of the token.
func (p *pass) insideEscape(i int) int {
	if i == 0 || p.b[i-1] != '\\' {
		return 0
	}
	slashes := slashesBefore(p.b[:i])
	own := slashes & -slashes // the others are pairs, at one depth or another
	switch p.b[i] {
	case 'u', 'x':
		if _, n := unicodeEscape(p.b, i-1); n > 0 && own == 1 {
			return own
		}
	case 'b', 'f', 'n', 'r', 't':
		// Elsewhere it may be a path of Windows.
		if c, known := p.cursorAt(i); known && own < 1<<c.top().depth {
			return own
		}
	}
	return 0
}

// beforeQuote returns the end of s without the backslashes that belong to a quotation mark
// behind it.
func (p *pass) beforeQuote(s Span) int {
	b, i := p.b, s.End
	if i == len(b) || b[i-1] != '\\' || b[i] != '"' && b[i] != '\'' {
		return s.End
	}
	for i > s.Start+1 && b[i-1] == '\\' {
		i--
	}
	if (s.End-i)%2 == 0 {
		return s.End
	}
	return i
}

// word returns the end of the word that goes on at i, so that the token that replaces it
// can be read again. Detectors take whole words already, as a rule.
func (p *pass) word(i int) int {
	for i < len(p.b) && isWord(p.b[i]) {
		i++
	}
	return i
}

// names reports whether a cluster of findings is called after x rather than y.
func (p *pass) names(x, y *Finding, cluster Span) bool {
	if x, y := x.blob > 0, y.blob > 0; x != y {
		return y // base64 in a value that goes as a whole goes with it
	}
	if x, y := x.Span == cluster, y.Span == cluster; x != y {
		return x
	}
	if rx, ry := p.rank(x.Detector), p.rank(y.Detector); rx != ry {
		return rx > ry
	}
	if x.Len() != y.Len() {
		return x.Len() > y.Len()
	}
	return x.Start < y.Start
}

// insideToken reports whether a finding is anchored inside a token, not just before it.
func (p *pass) insideToken(f *Finding) bool {
	if len(p.keeps) == 0 || f.Detector < 0 && f.Detector != Encoded {
		return false
	}
	i, _ := slices.BinarySearchFunc(p.keeps, f.At, func(s Span, at int) int { return s.End - 1 - at })
	return i < len(p.keeps) && p.keeps[i].Start <= f.At
}

func (p *pass) name(d int) string {
	switch d {
	case Unscanned:
		return string(KindUnscanned)
	case Failed:
		return string(KindFailed)
	case Encoded:
		return "base64"
	}
	return p.w.e.specs[d].Name
}
