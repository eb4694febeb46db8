// Package redact finds personal data and secrets in text and replaces them.
//
// # Terminology
//
// A batch is a piece of text in one buffer, usually many lines. An anchor is a cheap
// sign that a value may stand at a place: a literal or a shape over byte classes. A
// place with a sign is a candidate. A detector looks at a candidate and decides: the
// exact span of the value, or a reason why there is none. What it takes is a finding.
// Findings that overlap are resolved into one. A tokenizer turns the values into
// tokens; a value without a token becomes a mask.
//
// # One pass
//
// An [Engine] is built once from detectors and a tokenizer; it is immutable. A [Worker]
// holds the buffers of one goroutine. [Worker.Find] returns the findings of a batch;
// [Worker.Append] appends the redacted batch to a buffer of the caller. In steady state
// neither allocates.
//
// Nothing here can fail outward, because an error would tempt a host to forward the
// original: a panic in a detector masks the line it happened in, a limit masks what it
// leaves unscanned, and both are counted.
package redact
