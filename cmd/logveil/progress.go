package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress is a bar on a terminal. A nil one shows nothing.
type progress struct {
	w           io.Writer
	total       int64
	start, last time.Time
	shown       bool
}

const (
	progressWidth = 30
	progressEvery = 100 * time.Millisecond
)

// newProgress returns a bar for total bytes, or nil when there is nothing to go by.
func newProgress(w io.Writer, total int64) *progress {
	if total <= 0 {
		return nil
	}
	now := time.Now()
	return &progress{w: w, total: total, start: now, last: now}
}

// show draws the bar, ten times a second at most.
func (p *progress) show(done uint64) {
	if p == nil || time.Since(p.last) < progressEvery {
		return
	}
	p.last = time.Now()
	took := p.last.Sub(p.start).Seconds()
	share := min(1, float64(done)/float64(p.total))
	full := int(share * progressWidth)
	left := ""
	if share > 0.02 {
		left = fmt.Sprintf(", %ds left", int(took/share-took+0.5))
	}
	fmt.Fprintf(p.w, "\r\x1b[K[%s%s] %3.0f %% of %s, %.0f MB/s%s",
		strings.Repeat("=", full), strings.Repeat(" ", progressWidth-full),
		100*share, megabytes(uint64(p.total)), float64(done)/1e6/took, left)
	p.shown = true
}

// clear takes the bar away.
func (p *progress) clear() {
	if p != nil && p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}
