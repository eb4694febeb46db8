package redact

import (
	"context"
	"errors"
	"io"
)

// Options are what an Engine is built from.
type Options struct {
	// Detectors are the detectors in force. One that is not listed costs nothing.
	Detectors []Detector
	// Tokenizer answers values; nil masks all of them.
	Tokenizer Tokenizer
	// Allow reports whether a value may stay, or is nil when none may. It exempts the
	// finding it is asked about and nothing else: another finding over the same bytes
	// still holds. It must be safe for concurrent use.
	Allow func(kind Kind, value []byte) bool
}

// Engine finds and replaces. It is immutable and safe for concurrent use.
type Engine struct {
	o     Options
	specs []Spec
}

// New builds an engine. It reports a detector whose Spec is not well formed.
func New(o Options) (*Engine, error) { return nil, errors.New("redact: stub") }

// Specs returns the specs of the detectors in force, in the order of Options.Detectors.
func (e *Engine) Specs() []Spec { return e.specs }

// Finding is one value in a batch.
type Finding struct {
	Span
	// At is the anchor of the candidate it came from.
	At int
	// Detector is an index into Engine.Specs.
	Detector int
	// Open says that the end of the value was not seen.
	Open bool
}

// Worker holds the buffers of one goroutine. It is not safe for concurrent use.
type Worker struct{ e *Engine }

// NewWorker returns a Worker of the engine.
func (e *Engine) NewWorker() *Worker { return &Worker{e: e} }

// Find returns the findings of a batch, resolved and in order. They are valid until the
// next call.
func (w *Worker) Find(b []byte) []Finding { return nil }

// Append appends the redacted batch to dst and returns the extended buffer.
func (w *Worker) Append(ctx context.Context, dst, b []byte) []byte { return dst }

// Candidate is what Explain says of one place.
type Candidate struct {
	Span            // what the detector took, or looked at
	At       int    // the anchor
	Detector int    // index into Engine.Specs
	Reason   Reason // what the detector decided
	// Outcome says what became of a candidate that the detector took: "replaced",
	// "covered by NAME", "inside a token", "allowed"; empty for a rejected one.
	Outcome string
}

// Explain returns every candidate of a batch, taken or not, in order. It allocates.
func (w *Worker) Explain(b []byte) []Candidate { return nil }

// Stats counts what was done. All counts only grow.
type Stats struct {
	Lines, Bytes, BytesOut uint64
	// Findings counts replaced findings by detector, indexed as Engine.Specs.
	Findings []uint64
	// Masked counts values that became masks because the Tokenizer did not answer.
	Masked uint64
	// Panics counts lines masked whole because a detector panicked.
	Panics uint64
	// Capped counts places masked because a limit left them unscanned.
	Capped uint64
	// LongLines counts lines longer than the line cap.
	LongLines uint64
}

// Stats returns the counts of the worker since it was made; valid until the next call.
func (w *Worker) Stats() *Stats { return nil }

// CopyOptions say how Copy moves a stream.
type CopyOptions struct {
	// Workers is the number of goroutines that redact; 0 means GOMAXPROCS.
	Workers int
	// LineCap is the longest line, in bytes, that is kept whole in memory; longer ones
	// are cut at a safe place. 0 means 1 MiB; at least 64 KiB.
	LineCap int
	// Progress, when not nil, is called from one goroutine after each batch written.
	Progress func(Stats)
}

// Copy redacts src into dst until the end of src, or until ctx is done, when the batches
// already read are finished first. The order of lines is kept. The errors are those of
// src, dst and ctx, wrapped; what was written up to then ends at the end of a batch.
func (e *Engine) Copy(ctx context.Context, dst io.Writer, src io.Reader, o CopyOptions) (Stats, error) {
	return Stats{}, errors.New("redact: stub")
}
