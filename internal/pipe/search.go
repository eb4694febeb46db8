package pipe

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"logveil/redact"
)

// Place is where a finding stands in a stream.
type Place struct {
	// Line and Col start at 1; Col counts bytes.
	Line, Col int64
	// Start and End are offsets in bytes, End exclusive.
	Start, End int64
}

// Sizes of the window through which Search looks, in bytes. A candidate sees
// MaxLookaround bytes to either side, and so does the candidate of any value that it
// overlaps: with twice that much around it, what is found is what would be found in the
// whole text.
const (
	searchStep   = 1 << 20
	searchMargin = 2 * redact.MaxLookaround
	// A read that gives less than this has emptied its source: what came is reported
	// at once and not when the window is full.
	searchPause = 32 << 10
)

// Search finds what the engine finds in a stream of any length and calls found for each,
// in order. The worker's findings are as those of [redact.Worker.Find] over the whole
// text. It needs little more than a megabyte, however long the lines are. It stops at the
// first error of src, of found, or of ctx.
func Search(ctx context.Context, w *redact.Worker, src io.Reader, found func(Place, redact.Finding) error) error {
	s := &search{w: w, found: found, line: 1}
	buf := make([]byte, 0, searchStep+4*searchMargin)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil && err != io.EOF {
			return fmt.Errorf("read: %w", err)
		}
		switch {
		case err == io.EOF:
			return s.report(buf, len(buf), true)
		case n > 0 && n < searchPause && len(buf) < cap(buf):
			if end := bytes.LastIndexByte(buf, '\n') + 1; end > 0 {
				if err := s.report(buf, end, false); err != nil {
					return err
				}
				buf = s.advance(buf)
			}
		case len(buf) == cap(buf):
			if err := s.report(buf, safeEnd(buf), true); err != nil {
				return err
			}
			buf = s.advance(buf)
		}
	}
}

// advance drops what no finding to come can depend on.
func (s *search) advance(b []byte) []byte {
	drop := max(0, int(s.done-s.base)-searchMargin)
	s.base += int64(drop)
	return b[:copy(b, b[drop:])]
}

// safeEnd returns up to where the findings of b are certain though more text follows: the
// last line end before the margin, if one is near.
func safeEnd(b []byte) int {
	end := len(b) - searchMargin
	if i := bytes.LastIndexByte(b[end/2:end], '\n'); i >= 0 {
		return end/2 + i + 1
	}
	return end
}

type search struct {
	w     *redact.Worker
	found func(Place, redact.Finding) error

	base int64 // offset of the window
	done int64 // offset up to where findings were reported

	// Where the lines were counted up to, the line there and where it starts.
	counted, line, lineStart int64
}

// report reports the findings of the window b that start before b[end], and were not
// reported before. One whose end was not seen, and what follows it, waits for the next
// time, unless it must go now.
func (s *search) report(b []byte, end int, now bool) error {
	from := int(s.done - s.base)
	for _, f := range s.w.Find(b) {
		if f.Start < from || f.Start >= end {
			continue
		}
		if !now && (f.Open || f.End > end) {
			end = f.Start
			break
		}
		at := s.place(b, f)
		if err := s.found(at, f); err != nil {
			return err
		}
		from = f.End
	}
	end = max(end, from)
	s.count(b, end)
	s.done = s.base + int64(end)
	return nil
}

// place counts the lines up to a finding.
func (s *search) place(b []byte, f redact.Finding) Place {
	s.count(b, f.Start)
	start := s.base + int64(f.Start)
	return Place{s.line, start - s.lineStart + 1, start, s.base + int64(f.End)}
}

func (s *search) count(b []byte, to int) {
	part := b[s.counted-s.base : to]
	if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
		s.line += int64(bytes.Count(part, []byte{'\n'}))
		s.lineStart = s.counted + int64(i) + 1
	}
	s.counted = s.base + int64(to)
}
