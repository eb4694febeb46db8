package deliver

import (
	"context"
	"errors"
	"io"
	"time"
)

// Lines writes chunks as lines of JSON, one chunk at a time, to a pipe, a terminal or
// whatever else takes bytes. A chunk that was written in part before its deadline or an
// error comes again whole.
type Lines struct {
	w       io.Writer
	json    JSONOptions
	timeout time.Duration
	lane    lane
	closed  bool // belongs to who holds the lane
	torn    bool // the last chunk ended within a line; belongs to who holds the lane
}

// NewLines returns what delivers to w, which stays open. timeout bounds one delivery.
func NewLines(w io.Writer, json JSONOptions, timeout time.Duration) (*Lines, error) {
	if timeout <= 0 {
		return nil, errors.New("a delivery without a timeout")
	}
	return &Lines{w: w, json: json, timeout: timeout, lane: newLane()}, nil
}

// Deliver implements Deliverer.
func (d *Lines) Deliver(ctx context.Context, tag string, chunk []byte, _ int) error {
	l := d.json.appendLines(tag, chunk)
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	return d.lane.do(ctx, func() error {
		if d.closed {
			return errClosed
		}
		text := l.text
		if d.torn {
			text = append([]byte{'\n'}, text...)
		}
		n, err := d.w.Write(text)
		if n > 0 {
			d.torn = text[n-1] != '\n'
		}
		if err != nil {
			return err
		}
		return leftOut(l.left)
	})
}

// Close implements Deliverer.
func (d *Lines) Close(ctx context.Context) error {
	return d.lane.do(ctx, func() error {
		d.closed = true
		return nil
	})
}
