package redact

import (
	"bytes"
	"context"
	"iter"

	"logveil/internal/scan"
)

// Finding is one value in a batch.
type Finding struct {
	Span
	// At is the anchor of the candidate it came from.
	At int
	// Detector is an index into Engine.Specs, or Unscanned, Failed or Encoded.
	Detector int
	// Open says that the end of the value was not seen before the end of the batch.
	Open bool
	// value, less one, is an index into Worker.decoded: the value stands encoded in the
	// text. blob, less one, is one into Worker.blobs.
	value, blob int32
	// inURL says that the value stands where % is an escape.
	inURL bool
	// torn says that an escape ends where the value begins.
	torn bool
	// key says that it is the key of an object, or a part of it, where that can be seen
	// only in the decoded text.
	key bool
	// scalar, less one, is an index into Worker.marks: the value is a JSON number or
	// literal and not part of a string.
	scalar int32
}

// Stats counts what was done. All counts only grow.
type Stats struct {
	// Lines counts line ends; Bytes what was read, BytesOut what was written.
	Lines, Bytes, BytesOut uint64
	// Findings counts replaced findings by detector, indexed as Engine.Specs.
	Findings []uint64
	// Masked counts values that became masks because the Tokenizer did not answer.
	Masked uint64
	// Failed counts lines masked whole because of a panic; one in a detector costs its line,
	// one elsewhere all lines of the batch.
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

// Worker holds the buffers of one goroutine. It is not safe for concurrent use.
type Worker struct {
	e      *Engine
	sc     *scan.Scanner
	passes []*pass // by depth
	vals   []Value
	arena  []byte
	values []byte // what the batch holds encoded, decoded
	// decoded are the parts of values that are values of findings, blobs the texts in
	// base64, and blobFinds the findings in those.
	decoded    []Span
	blobs      []blob
	blobFinds  []Finding
	marks      []mark // of scalars
	maskedKeys maskedKeys
	spare      []Finding // room to sort in
	saved      savings
	hidden     [maxRounds + 1]hidden // by round of Worker.hides
	stats      Stats

	explain   []Candidate
	explained bool
	explainAt map[candidateAt][]int // of the candidates of the pass that is being resolved
	paths     pathReader

	// For AppendFields: the fields of the text that is looked at, what is taken, in which
	// fields it is, and the fields that are looked at again.
	fields  *Fields
	taken   []Finding
	takenIn []int
	again   []int

	// midLine says that the text does not begin with its first line.
	midLine bool
	// swallow says that AppendPart left off inside a value too long to hold.
	swallow bool
	// swallowLine says that it goes on to the end of the line.
	swallowLine bool
}

// NewWorker returns a Worker of the engine.
func (e *Engine) NewWorker() *Worker {
	w := &Worker{
		e:     e,
		sc:    scan.NewScanner(e.tables),
		stats: Stats{Findings: make([]uint64, len(e.dets))},
	}
	w.passes = []*pass{newPass(w, 0)}
	return w
}

// Stats returns the counts of the worker since it was made; valid until the next call.
func (w *Worker) Stats() *Stats { return &w.stats }

// Find returns the findings of a batch, resolved and in order. They are valid until the
// next call. A panic outside of detectors makes a Failed finding of each line of the batch.
func (w *Worker) Find(b []byte) []Finding {
	w.values, w.decoded, w.blobs, w.blobFinds = w.values[:0], w.decoded[:0], w.blobs[:0], w.blobFinds[:0]
	w.marks = w.marks[:0]
	w.saved.newBatch()
	w.paths.text = nil
	if !survives(func() { w.passes[0].find(b) }) {
		w.renew()
		p := w.passes[0]
		p.b = b
		for s := range linesOf(b) {
			p.out = append(p.out, Finding{Span: s, At: s.Start, Detector: Failed})
		}
		w.stats.Failed += uint64(len(p.out))
	}
	return w.passes[0].out
}

// survives calls f, and reports whether it did not panic.
func survives(f func()) (ok bool) {
	defer func() {
		if !ok {
			_ = recover() // its text may hold a value: it is dropped
		}
	}()
	f()
	return true
}

// renew forgets all that was being worked on when there was a panic.
func (w *Worker) renew() {
	w.sc, w.passes, w.saved = scan.NewScanner(w.e.tables), []*pass{newPass(w, 0)}, savings{}
	clear(w.hidden[:])
	w.explain = w.explain[:0]
	w.maskedKeys = maskedKeys{}
	w.vals, w.arena = nil, nil
}

// linesOf returns the lines of b that are not empty, without their ends.
func linesOf(b []byte) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		for from := 0; from < len(b); {
			end := len(b)
			if i := bytes.IndexByte(b[from:], '\n'); i >= 0 {
				end = from + i
			}
			text := end
			if text > from && b[text-1] == '\r' {
				text--
			}
			if text > from && !yield(Span{from, text}) {
				return
			}
			from = end + 1
		}
	}
}

// Append appends the redacted batch to dst and returns the extended buffer. The wait for
// tokens ends with ctx; what is not answered by then is masked. It never panics: where it
// would, each line of the batch becomes a mask.
func (w *Worker) Append(ctx context.Context, dst, b []byte) []byte {
	return w.appendBehind(ctx, dst, b, 0)
}

// appendBehind is Append for b[from:], of which b[:from] tells what it is.
func (w *Worker) appendBehind(ctx context.Context, dst, b []byte, from int) []byte {
	w.maskedKeys.forget()
	n := len(dst)
	if !survives(func() {
		out := w.Find(b)
		for i := 0; i < len(out) && out[i].Start < from; i++ {
			if f := &out[i]; f.End > from {
				f.Start, f.value, f.blob, f.scalar = from, 0, 0, 0
			}
		}
		w.tokenize(ctx, b, out)
		dst = w.write(dst, b, out, 0, from, len(b))
	}) {
		dst = w.appendFailed(dst[:n], b[from:])
	}
	w.count(b[from:], len(dst)-n)
	return dst
}

// appendFailed appends b with a mask in the place of each line, after a panic.
func (w *Worker) appendFailed(dst, b []byte) []byte {
	w.renew()
	from := 0
	for s := range linesOf(b) {
		dst = append(dst, b[from:s.Start]...)
		dst = AppendMask(dst, KindFailed)
		from = s.End
		w.stats.Failed++
	}
	return append(dst, b[from:]...)
}

// addValue keeps the decoded value of a finding, for Finding.value.
func (w *Worker) addValue(v []byte) int32 {
	n := len(w.values)
	w.values = append(w.values, v...)
	w.decoded = append(w.decoded, Span{n, len(w.values)})
	return int32(len(w.decoded))
}

func (w *Worker) count(b []byte, written int) {
	w.stats.Lines += uint64(bytes.Count(b, newline))
	w.stats.Bytes += uint64(len(b))
	w.stats.BytesOut += uint64(written)
}

var newline = []byte{'\n'}

// tokenize fills vals with one value for each finding, answered or not, and those of the
// findings in blobs after them.
func (w *Worker) tokenize(ctx context.Context, b []byte, fs []Finding) {
	w.vals = w.vals[:0]
	w.value(b, fs)
	if len(w.vals) > 0 {
		w.arena = w.safeTokenize(ctx, w.vals, w.arena[:0])
	}
}

func (w *Worker) value(b []byte, fs []Finding) {
	for i := range fs {
		f := &fs[i]
		// Field by field, as in pass.match.
		n := len(w.vals)
		w.vals = append(w.vals, Value{})
		v := &w.vals[n]
		v.Kind = w.e.kinds[f.Detector+engineKinds]
		// The engine's own masks, and a value that was cut, have nothing to look up.
		switch {
		case f.Detector < 0 || f.Open || f.Len() > MaxLookaround, f.scalar > 0 && w.e.numbers == NumbersNull:
		case f.value > 0:
			s := w.decoded[f.value-1]
			v.Raw = w.values[s.Start:s.End:s.End]
		default:
			v.Raw = b[f.Start:f.End:f.End]
		}
	}
	for i := range fs {
		if n := fs[i].blob; n > 0 {
			bl := &w.blobs[n-1]
			bl.vals = len(w.vals)
			w.value(bl.text, w.findingsOf(bl))
		}
	}
}

// safeTokenize keeps a panic of the tokenizer from going further: all is masked.
func (w *Worker) safeTokenize(ctx context.Context, vs []Value, buf []byte) (out []byte) {
	if !survives(func() { out = w.e.tokenizer.Tokenize(ctx, vs, buf) }) {
		for i := range vs {
			vs[i].Token = nil
		}
		return nil
	}
	return out
}

// write appends b[from:to) with the findings in it replaced. Their values begin at vals in
// w.vals.
func (w *Worker) write(dst, b []byte, fs []Finding, vals, from, to int) []byte {
	for i := range fs {
		f := &fs[i]
		if f.Start >= to {
			break
		}
		if f.Start < from {
			from = max(from, min(f.End, to)) // of what overlaps, nothing is let through
			continue
		}
		dst = append(dst, b[from:f.Start]...)
		if f.blob > 0 {
			dst = w.writeBlob(dst, b, f)
			from = f.End
			continue
		}
		v := &w.vals[vals+i]
		if f.Detector >= 0 {
			w.stats.Findings[f.Detector]++
		}
		token, mask := v.Token, w.e.masks[f.Detector+engineKinds]
		if len(token) == 0 || v.Raw == nil {
			if f.scalar == 0 || w.e.numbers != NumbersNull {
				w.stats.Masked++
			}
			token = mask
		}
		if f.scalar > 0 {
			dst = w.writeScalar(dst, b, f, token)
		} else if dst = append(dst, token...); bytes.HasPrefix(token, mask) {
			dst = w.maskedKeys.appendNumber(dst, b, f, v.Raw)
		}
		from = f.End
	}
	if from < to {
		dst = append(dst, b[from:to]...)
	}
	return dst
}
