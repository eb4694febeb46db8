package redact

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"logveil/internal/scan"
)

// Finding is one value in a batch.
type Finding struct {
	Span
	// At is the anchor of the candidate it came from.
	At int
	// Detector is an index into Engine.Specs, or Unscanned, or Failed.
	Detector int
	// Open says that the end of the value was not seen before the end of the batch.
	Open bool
}

// Stats counts what was done. All counts only grow.
type Stats struct {
	// Lines counts line ends; Bytes what was read, BytesOut what was written.
	Lines, Bytes, BytesOut uint64
	// Findings counts replaced findings by detector, indexed as Engine.Specs.
	Findings []uint64
	// Masked counts values that became masks because the Tokenizer did not answer.
	Masked uint64
	// Failed counts lines masked whole because a detector panicked.
	Failed uint64
	// Unscanned counts places masked because a limit on work left them unscanned.
	Unscanned uint64
	// LongLines counts lines longer than the line cap.
	LongLines uint64
}

// Add adds the counts of t.
func (s *Stats) Add(t *Stats) {
	s.Lines += t.Lines
	s.Bytes += t.Bytes
	s.BytesOut += t.BytesOut
	s.Masked += t.Masked
	s.Failed += t.Failed
	s.Unscanned += t.Unscanned
	s.LongLines += t.LongLines
	if s.Findings == nil {
		s.Findings = make([]uint64, len(t.Findings))
	}
	for i, n := range t.Findings {
		s.Findings[i] += n
	}
}

const (
	// maxMatches bounds the candidates that are looked at in one window, so that no
	// input stalls the engine; real logs have a few dozen. What lies behind the bound
	// is masked.
	maxMatches = scan.Window
	// maxTries bounds how often a window is scanned, again after each panic.
	maxTries = 5
)

// Worker holds the buffers of one goroutine. It is not safe for concurrent use.
type Worker struct {
	e  *Engine
	sc *scan.Scanner

	b     []byte    // the batch
	found []Finding // taken candidates, in order
	keeps []Span    // well-formed tokens of an earlier pass, in order
	out   []Finding // resolved
	skip  []int     // by detector: no candidate before this offset can be taken
	// Of the window: its part of the batch, the candidates that may still be looked at,
	// the one being looked at, and the lines in which a detector panicked.
	from, to, left, at int
	failed             []Span
	// masked is the end of the text that is masked whole whatever else is found.
	masked int

	vals  []Value
	arena []byte
	stats Stats

	explain   []Candidate
	explained bool

	// swallow says that AppendPart left off inside a value too long to hold.
	swallow bool
}

// NewWorker returns a Worker of the engine.
func (e *Engine) NewWorker() *Worker {
	return &Worker{
		e:     e,
		sc:    scan.NewScanner(e.tables),
		skip:  make([]int, len(e.dets)),
		stats: Stats{Findings: make([]uint64, len(e.dets))},
	}
}

// Stats returns the counts of the worker since it was made; valid until the next call.
func (w *Worker) Stats() *Stats { return &w.stats }

// Find returns the findings of a batch, resolved and in order. They are valid until the
// next call.
func (w *Worker) Find(b []byte) []Finding {
	w.b = b
	w.found, w.keeps, w.masked = w.found[:0], w.keeps[:0], 0
	clear(w.skip)
	for from := 0; from < len(b); {
		off := max(0, from-scan.Margin)
		to := off + scan.Window - scan.Margin
		if off+scan.Window >= len(b) {
			to = len(b)
		}
		if from < w.masked {
			from = min(w.masked, to)
		}
		if from < to {
			w.window(off, from, to)
		}
		from = to
	}
	w.resolve()
	w.b = nil
	return w.out
}

// window finds what is anchored in b[from:to). The scan of b starts at off.
func (w *Worker) window(off, from, to int) {
	nf, nk := len(w.found), len(w.keeps)
	w.failed = w.failed[:0]
	for try := 1; !w.try(off, from, to); try++ {
		// A detector panicked. Its line is masked whole, and the others are looked at
		// again. A window full of such lines is masked itself.
		w.found, w.keeps = w.found[:nf], w.keeps[:nk]
		clear(w.skip)
		w.stats.Failed++
		if try == maxTries {
			w.mask(w.lines(from, to-1), Failed)
			break
		}
		w.failed = append(w.failed, w.lines(w.at, w.at))
	}
	for _, s := range w.failed {
		w.found = append(w.found, Finding{Span: s, At: s.Start, Detector: Failed})
	}
	w.sortFrom(nf)
}

// mask masks all of s, and nothing before its end is looked at any more.
func (w *Worker) mask(s Span, why int) {
	w.found = append(w.found, Finding{Span: s, At: s.Start, Detector: why})
	w.masked = max(w.masked, s.End)
}

// try scans one window and reports whether no detector panicked.
func (w *Worker) try(off, from, to int) (ok bool) {
	defer func() {
		if !ok {
			_ = recover() // its text may hold a value: it is dropped
		}
	}()
	w.left, w.from, w.to = maxMatches, from, to
	w.sc.Load(w.b, off)
	w.sc.Literals(from, to, func(id, start int) {
		if id == w.e.tokenLit {
			if t, ok := ParseToken(w.b, start); ok {
				w.keeps = append(w.keeps, t.Span)
			}
		}
		for _, d := range w.e.lits[id] {
			w.match(int(d), start)
		}
	})
	for id, ds := range w.e.shapes {
		w.sc.Candidates(id, from, to, func(at int) {
			for _, d := range ds {
				w.match(int(d), at)
			}
		})
	}
	return true
}

// match asks detector d about the candidate at b[at].
func (w *Worker) match(d, at int) {
	if at < w.skip[d] || at < w.masked {
		return
	}
	if w.left--; w.left < 0 {
		// All of the window, since other detectors have not seen any of it.
		w.stats.Unscanned++
		w.mask(w.lines(w.from, w.to-1), Unscanned)
		return
	}
	if len(w.failed) > 0 && slices.ContainsFunc(w.failed, func(s Span) bool { return s.Start <= at && at < s.End }) {
		return
	}
	w.at = at
	s, r := w.e.dets[d].Match(w.b, at)
	if w.explained {
		w.explain = append(w.explain, Candidate{Span: s, At: at, Detector: d, Reason: r})
	}
	if !r.OK() {
		if s.End > at {
			w.skip[d] = s.End
		}
		return
	}
	open := r == AcceptedOpen
	if open {
		s.End = w.extend(s, w.e.specs[d].Multiline)
		open = s.End == len(w.b)
	}
	if s.End > at {
		w.skip[d] = s.End
	}
	if w.e.allow != nil && w.e.allow(w.e.specs[d].Kind, w.b[s.Start:s.End]) {
		if w.explained {
			w.explain[len(w.explain)-1].Outcome = "allowed"
		}
		return
	}
	w.found = append(w.found, Finding{Span: s, At: at, Detector: d, Open: open})
}

// extend returns the end of a value whose detector did not see it: the next delimiter.
// A value of many lines goes on over lines that are all one word, as those of a key are.
func (w *Worker) extend(s Span, multiline bool) int {
	b := w.b
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

func delimiter(c byte) bool { return c <= ' ' || c == '"' || c == '\'' || c == 0x7f }

// lines returns the lines that hold b[from] to b[to], without the last line end.
func (w *Worker) lines(from, to int) Span {
	s := Span{Start: bytes.LastIndexByte(w.b[:from], '\n') + 1, End: len(w.b)}
	if i := bytes.IndexByte(w.b[to:], '\n'); i >= 0 {
		s.End = to + i
	}
	return s
}

// sortFrom puts found[n:] in its places. Findings come detector by detector, a few of
// each, so an insertion is cheap; a flood is sorted.
func (w *Worker) sortFrom(n int) {
	f := w.found
	if len(f)-n > 48 {
		slices.SortFunc(f[n:], compareFindings)
	}
	for i := max(n, 1); i < len(f); i++ {
		x := f[i]
		j := i
		for j > 0 && compareFindings(x, f[j-1]) < 0 {
			f[j] = f[j-1]
			j--
		}
		f[j] = x
	}
}

func compareFindings(a, b Finding) int {
	if a.Start != b.Start {
		return a.Start - b.Start
	}
	if a.End != b.End {
		return b.End - a.End
	}
	return cmp.Compare(a.Detector, b.Detector)
}

// rank orders findings by who names a replacement; the engine's own masks come first.
func (w *Worker) rank(d int) int {
	if d < 0 {
		return 1 << 30
	}
	return w.e.specs[d].Rank
}

// resolve makes out of found: overlapping findings become one, those that only repeat
// a token of an earlier pass go.
func (w *Worker) resolve() {
	w.out = w.out[:0]
	f := w.found
	k := 0
	for i := 0; i < len(f); {
		if w.insideToken(f[i]) {
			w.outcome(f[i], "inside a token")
			i++
			continue
		}
		c := f[i]
		end := c.End
		j := i + 1
		for ; j < len(f) && f[j].Start <= end; j++ {
			if !w.insideToken(f[j]) {
				end = max(end, f[j].End)
			}
		}
		// A token of an earlier pass that is overlapped but not covered goes with it.
		for ; k < len(w.keeps) && w.keeps[k].End <= c.Start; k++ {
		}
		start, kept := c.Start, false
		for q := k; q < len(w.keeps) && w.keeps[q].Start < end; q++ {
			kept = kept || w.keeps[q].Start == start && w.keeps[q].End == end
			start = min(start, w.keeps[q].Start)
			end = max(end, w.keeps[q].End)
		}
		best, spans := c, false
		open := false
		for _, x := range f[i:j] {
			if w.insideToken(x) {
				continue
			}
			open = open || x.Open && x.End == end
			all := x.Start == start && x.End == end
			switch better := compareRank(w.rank(x.Detector), x, w.rank(best.Detector), best); {
			case all && !spans, all == spans && better:
				best, spans = x, all
			}
		}
		if !kept {
			best.Span, best.Open = w.whole(Span{start, end}), open
			w.out = append(w.out, best)
		}
		if w.explained {
			for _, x := range f[i:j] {
				switch {
				case w.insideToken(x), kept:
					w.outcome(x, "inside a token")
				case x.Detector == best.Detector && x.At == best.At:
					w.outcome(x, "replaced")
				default:
					w.outcome(x, "covered by "+w.name(best.Detector))
				}
			}
		}
		i = j
	}
}

// whole widens a span to the end of its word, so that the token that replaces it can be
// read again. Detectors take whole words already, as a rule.
func (w *Worker) whole(s Span) Span {
	for s.End < len(w.b) && isWord(w.b[s.End]) {
		s.End++
	}
	return s
}

// compareRank reports whether x goes before y: higher rank, then longer, then earlier.
func compareRank(rx int, x Finding, ry int, y Finding) bool {
	if rx != ry {
		return rx > ry
	}
	if x.Len() != y.Len() {
		return x.Len() > y.Len()
	}
	return x.Start < y.Start
}

// insideToken reports whether a finding is anchored inside a token, not just before it.
func (w *Worker) insideToken(f Finding) bool {
	if len(w.keeps) == 0 || f.Detector < 0 {
		return false
	}
	i, _ := slices.BinarySearchFunc(w.keeps, f.At, func(s Span, at int) int { return s.End - 1 - at })
	return i < len(w.keeps) && w.keeps[i].Start <= f.At
}

func (w *Worker) name(d int) string {
	switch d {
	case Unscanned:
		return string(KindUnscanned)
	case Failed:
		return string(KindFailed)
	}
	return w.e.specs[d].Name
}

// Append appends the redacted batch to dst and returns the extended buffer. The wait for
// tokens ends with ctx; what is not answered by then is masked.
func (w *Worker) Append(ctx context.Context, dst, b []byte) []byte {
	out := w.Find(b)
	w.tokenize(ctx, b, out)
	n := len(dst)
	dst = w.write(dst, b, out, 0, len(b))
	w.count(b, len(dst)-n)
	return dst
}

func (w *Worker) count(b []byte, written int) {
	w.stats.Lines += uint64(bytes.Count(b, newline))
	w.stats.Bytes += uint64(len(b))
	w.stats.BytesOut += uint64(written)
}

var newline = []byte{'\n'}

// tokenize fills vals with one value for each finding, answered or not.
func (w *Worker) tokenize(ctx context.Context, b []byte, fs []Finding) {
	w.vals = w.vals[:0]
	for i := range fs {
		f := &fs[i]
		v := Value{Kind: w.e.Kind(*f)}
		// The engine's own masks, and a value that was cut, have nothing to look up.
		if f.Detector >= 0 && !f.Open && f.Len() <= MaxLookaround {
			v.Raw = b[f.Start:f.End:f.End]
		}
		w.vals = append(w.vals, v)
	}
	if len(w.vals) > 0 {
		w.arena = w.safeTokenize(ctx, w.vals, w.arena[:0])
	}
}

// safeTokenize keeps a panic of the tokenizer from going further: all is masked.
func (w *Worker) safeTokenize(ctx context.Context, vs []Value, buf []byte) (out []byte) {
	ok := false
	defer func() {
		if !ok {
			_ = recover()
			for i := range vs {
				vs[i].Token = nil
			}
			out = nil
		}
	}()
	out = w.e.tokenizer.Tokenize(ctx, vs, buf)
	ok = true
	return out
}

// write appends b[from:to) with the findings in it replaced.
func (w *Worker) write(dst, b []byte, fs []Finding, from, to int) []byte {
	for i := range fs {
		f := &fs[i]
		if f.Start < from || f.Start >= to {
			continue
		}
		dst = append(dst, b[from:f.Start]...)
		v := &w.vals[i]
		if f.Detector >= 0 {
			w.stats.Findings[f.Detector]++
		}
		q := quote(b, f.Span)
		dst = append(dst, q...)
		if len(v.Token) > 0 && v.Raw != nil {
			dst = append(dst, v.Token...)
		} else {
			w.stats.Masked++
			dst = AppendMask(dst, v.Kind)
		}
		dst = append(dst, q...)
		from = f.End
	}
	if from < to {
		dst = append(dst, b[from:to]...)
	}
	return dst
}
