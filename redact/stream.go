package redact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
)

// CopyOptions say how Copy moves a stream.
type CopyOptions struct {
	// Workers is the number of goroutines that redact; 0 means GOMAXPROCS.
	Workers int
	// LineCap is the longest line, in bytes, that is looked at whole; longer ones are
	// cut at a safe place. 0 means 1 MiB; at least MinLineCap.
	LineCap int
	// Progress, when not nil, is called from one goroutine after each batch written.
	Progress func(Stats)
}

const (
	// MinLineCap is the least CopyOptions.LineCap, in bytes: a part of a line is looked
	// at with MaxLookaround bytes of context before it and twice that after it.
	MinLineCap = 8 * MaxLookaround

	defaultLineCap = 1 << 20
	// batchSize is how much is read at a time, in bytes. Larger ones gain nothing and
	// leave the second-level cache.
	batchSize = 256 << 10
)

// Copy redacts src into dst until the end of src, or until ctx is done or src fails, when the
// lines already read whole are finished first. The order of lines is kept, and lines that have
// come whole do not wait for more, but for those that end with a key. The errors are those of
// src, dst and ctx, wrapped; what was written up to then ends at the end of a batch.
//
// Tokens are waited for with a context that is not done when ctx is, so that the last
// batches are redacted like the others.
func (e *Engine) Copy(ctx context.Context, dst io.Writer, src io.Reader, o CopyOptions) (Stats, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.LineCap == 0 {
		o.LineCap = defaultLineCap
	}
	o.LineCap = max(o.LineCap, MinLineCap)

	jobs := 2*o.Workers + 1
	c := &copier{
		e: e, ctx: ctx, lineCap: o.LineCap, probe: e.NewWorker(),
		free:    make(chan *job, jobs),
		todo:    make(chan *job, jobs),
		ordered: make(chan *job, jobs),
		stop:    make(chan struct{}),
		ask:     make(chan []byte, 1),
		got:     make(chan readResult, 1),
	}
	go c.serveReads(src)
	for range jobs {
		c.free <- &job{done: make(chan struct{}, 1)}
	}
	tctx := context.WithoutCancel(ctx)
	workers := make([]*Worker, o.Workers)
	ended := make(chan struct{}, o.Workers)
	for i := range workers {
		w := e.NewWorker()
		workers[i] = w
		go func() {
			for j := range c.todo {
				j.out = w.appendBehind(tctx, j.out[:0], j.in, j.before)
				j.done <- struct{}{}
			}
			ended <- struct{}{}
		}()
	}
	var readErr error
	go func() {
		readErr = c.read()
		close(c.ask)
		close(c.todo)
		close(c.ordered)
	}()

	var writeErr error
	var total Stats
	for j := range c.ordered {
		<-j.done
		if writeErr == nil && len(j.out) > 0 {
			if _, writeErr = dst.Write(j.out); writeErr != nil {
				close(c.stop)
			}
		}
		if writeErr == nil && o.Progress != nil {
			total.Bytes += uint64(j.size)
			total.BytesOut += uint64(len(j.out))
			o.Progress(total)
		}
		c.free <- j
	}
	for range workers {
		<-ended
	}
	total = Stats{}
	for _, w := range append(workers, c.probe) {
		total.Add(&w.stats)
	}
	switch {
	case writeErr != nil:
		return total, fmt.Errorf("write: %w", writeErr)
	case readErr != nil:
		return total, readErr
	}
	return total, nil
}

// job is one batch on its way: read, redacted by any worker, written in order.
type job struct {
	in, out []byte
	before  int // how much of in was sent before, and is there again to be seen
	size    int
	done    chan struct{}
}

// copier is the reading side of Copy.
type copier struct {
	e       *Engine
	ctx     context.Context
	lineCap int
	probe   *Worker // looks at what may be cut, and redacts the parts of long lines
	held    bool    // the text left over begins with a value of many lines
	heldAt  int     // where its line begins, if it is longer than its detector reads
	heldTo  int     // up to where it is known to go on then, or 0
	open    []byte  // the line that opened the list, or the key, in which the last cut is
	err     error   // why the source gives no more
	// list is the one that the text left over is held back for: each line behind it has one of
	// its values, up to listed.
	list   Span
	listed int

	free, todo, ordered chan *job
	stop                chan struct{} // closed when nothing can be written any more

	ask chan []byte
	got chan readResult
}

type readResult struct {
	n   int
	err error
}

// errStopped says that the writing side failed; it is not returned to callers.
var errStopped = errors.New("stopped")

// serveReads reads on a goroutine of its own, because nothing else can end the wait for
// a terminal or a pipe. One that is left waiting ends with the source.
func (c *copier) serveReads(src io.Reader) {
	for buf := range c.ask {
		n, err := src.Read(buf)
		c.got <- readResult{n, err}
	}
}

// fill reads once into the room behind buf.
func (c *copier) fill(buf []byte) ([]byte, error) {
	if c.err == nil {
		c.err = c.ctx.Err()
	}
	if c.err != nil {
		return buf, c.err
	}
	c.ask <- buf[len(buf):cap(buf)]
	select {
	case r := <-c.got:
		c.err = r.err
		return buf[:len(buf)+r.n], r.err
	case <-c.ctx.Done():
		c.err = c.ctx.Err()
		select {
		case r := <-c.got: // what has come goes out
			buf = buf[:len(buf)+r.n]
		default:
		}
	case <-c.stop:
		c.err = errStopped
	}
	return buf, c.err
}

// read cuts the source into batches until its end.
func (c *copier) read() error {
	j, err := c.take()
	if err != nil {
		return nil
	}
	for {
		if cap(j.in)-len(j.in) < batchSize/4 {
			j.in = append(make([]byte, 0, max(2*cap(j.in), batchSize)), j.in...)
		}
		j.in, err = c.fill(j.in)
		cut := c.cut(j.in, j.before)
		switch {
		case err == io.EOF:
			c.send(j, len(j.in))
			return nil
		case err == errStopped:
			return nil
		case err != nil:
			// The lines that have come whole go out. Part of a line does not, since it
			// may end inside a value.
			c.send(j, max(c.cutLine(j.in), j.before))
			if c.ctx.Err() != nil {
				return fmt.Errorf("stopped: %w", context.Cause(c.ctx))
			}
			return fmt.Errorf("read: %w", err)
		case cut > 0:
			next, err := c.take()
			if err != nil {
				return nil
			}
			next.in = append(append(next.in[:0], c.open...), j.in[cut:]...)
			next.before = len(c.open)
			c.heldAt, c.heldTo = 0, max(0, c.heldTo-cut+len(c.open))
			c.send(j, cut)
			j = next
		case len(j.in) >= c.lineCap:
			if j = c.longLine(j); j == nil {
				return nil
			}
		}
	}
}

// cut returns how much of b can go out as a batch: up to a line end that is inside no
// value, and not between a key and its value, or 0. b[:before] was sent before.
func (c *copier) cut(b []byte, before int) int {
	c.open = c.open[:0]
	end := c.cutLine(b)
	if end > 0 && len(c.open) == 0 {
		end = openLine(b[:end])
		if end < c.listed {
			c.list, c.listed = Span{}, 0
		}
		list, all := openList(b[:end], c.listed, c.list), end
		if list.Len() > 0 && len(b)-list.Start < c.lineCap {
			end = list.Start
		} else if list.Len() > 0 {
			// Too long to wait for its end: the next batch sees its key again.
			c.open = append(c.open, b[max(list.Start, list.End-maxOpenBytes):list.End]...)
		}
		c.list, c.listed = Span{}, 0
		if end = openObject(b[:end]); list.Len() > 0 && end <= before {
			c.list, c.listed = list, all
		}
	}
	if end <= before {
		return 0
	}
	return end
}

// cutLine returns the last line end of b that is inside no value, or 0.
func (c *copier) cutLine(b []byte) int {
	end := bytes.LastIndexByte(b, '\n') + 1
	if end == 0 || len(c.e.multiline) == 0 {
		return end
	}
	if 0 < c.heldTo && c.heldTo <= end && len(b)-c.heldAt < c.lineCap && oneWordLines(b[c.heldTo:end]) {
		c.heldTo = end
		return c.heldAt
	}
	c.heldAt, c.heldTo = 0, 0
	// Only an anchor this near to the cut, or to lines of one word before it, can have a
	// value that crosses it, but for one that was held back before.
	near := max(0, wordLines(b[:end])-MaxLookaround)
	if c.held {
		near = 0
	}
	c.held = false
	first := -1
	for _, l := range c.e.multiline {
		if i := bytes.Index(b[near:end], l); i >= 0 && (first < 0 || near+i < first) {
			first = near + i
		}
	}
	if first < 0 {
		return end
	}
	line := bytes.LastIndexByte(b[:first], '\n') + 1
	for _, f := range c.probe.Find(b[line:end]) {
		if f.Detector < 0 || !c.e.specs[f.Detector].Multiline {
			continue
		}
		// One that was followed beyond what its detector reads ends before the line end.
		long := f.Len() > c.e.specs[f.Detector].MaxLen && len(bytes.TrimLeft(b[line+f.End:end], "\r\n")) == 0
		if !f.Open && !long {
			continue
		}
		c.held = true
		at := bytes.LastIndexByte(b[:line+f.Start], '\n') + 1
		if len(b)-at < c.lineCap {
			if long {
				c.heldAt, c.heldTo = at, end
			}
			return at
		}
		// Too long to wait for its end: the next batch sees its first line again.
		first := b[at:end]
		first = first[:bytes.IndexByte(first, '\n')+1]
		c.open = append(c.open[:0], first[max(0, len(first)-maxOpenBytes):]...)
		return end
	}
	return end
}

// wordLines returns where the lines of one word begin with which b, that ends with a line
// end, ends.
func wordLines(b []byte) int {
	i := len(b)
	for i > 0 && (b[i-1] == '\n' || b[i-1] == '\r' || !delimiter(b[i-1])) {
		i--
	}
	return i + bytes.IndexByte(b[i:], '\n') + 1
}

// oneWordLines reports whether each line of b is one word, as those of keys are.
func oneWordLines(b []byte) bool {
	for _, c := range b {
		if c != '\n' && c != '\r' && delimiter(c) {
			return false
		}
	}
	return true
}

// take gets a job to fill, and waits while all are on their way.
func (c *copier) take() (*job, error) {
	select {
	case j := <-c.free:
		j.in, j.before = j.in[:0], 0
		return j, nil
	case <-c.stop:
		return nil, errStopped
	}
}

// send puts the first n bytes of a job on their way.
func (c *copier) send(j *job, n int) {
	j.in = j.in[:n]
	j.size = n - j.before
	c.ordered <- j
	c.todo <- j
}

// longLine redacts a line that is longer than the cap, part by part and in order. It
// returns a job with what follows the line, or nil when nothing can be written any more.
func (c *copier) longLine(j *job) *job {
	c.probe.stats.LongLines++
	c.list, c.listed, c.heldTo = Span{}, 0, 0
	ctx := context.WithoutCancel(c.ctx)
	buf, from := j.in, j.before
	open := bytes.Clone(buf[:from])
	for {
		end, final := len(buf), c.err != nil
		if i := bytes.IndexByte(buf[from:], '\n'); i >= 0 {
			end, final = from+i+1, true
		}
		if c.err != nil && c.err != io.EOF && end == len(buf) {
			final = false // no more can be read: what is not certain stays here
		}
		var next int
		j.out, next = c.probe.AppendPart(ctx, j.out[:0], buf[:end], from, final)
		j.size = next - from
		following, err := c.take()
		if err != nil {
			return nil
		}
		// The buffer stays with this line; the job that goes takes the other one.
		j.in = following.in
		j.done <- struct{}{}
		c.ordered <- j
		j = following
		if final || c.err != nil {
			if j.before = len(open); j.before > 0 {
				j.in = append(append(j.in, open...), buf[end:]...)
			} else {
				j.in = append(buf[:0], buf[end:]...)
			}
			return j
		}
		keep := max(0, next-MaxLookaround)
		buf = buf[:copy(buf, buf[keep:])]
		from = next - keep
		for c.err == nil && len(buf) < cap(buf) {
			n := len(buf)
			buf, _ = c.fill(buf)
			if bytes.IndexByte(buf[n:], '\n') >= 0 {
				break
			}
		}
	}
}

// maxHeld is the longest value, in bytes, that AppendPart holds back to be replaced as
// one. Of a longer one the rest is left out.
const maxHeld = 2 * MaxLookaround

// AppendPart is Append for a part of a line that is too long to be looked at whole. b
// holds what was appended before (b[:from], of which at least MaxLookaround bytes must be
// there, if there were as many) and what has come since. It appends what is certain to
// dst, and returns how far that goes: the rest must come again, with more behind it. With
// final set b ends with the line, and all of it goes. After a panic the rest of the line is
// masked.
func (w *Worker) AppendPart(ctx context.Context, dst, b []byte, from int, final bool) ([]byte, int) {
	n, to := len(dst), 0
	if !survives(func() { dst, to = w.appendPart(ctx, dst, b, from, final) }) {
		// What a value that began here has behind it would pass: the line goes.
		dst, to = w.appendFailed(dst[:n], b[from:]), len(b)
		w.swallow, w.swallowLine = !final, !final
	}
	w.count(b[from:to], len(dst)-n)
	return dst, to
}

func (w *Worker) appendPart(ctx context.Context, dst, b []byte, from int, final bool) ([]byte, int) {
	to := len(b)
	if !final {
		// A candidate this far from the end saw all that it may look at, and so did
		// every candidate of a value that starts before.
		to = max(from, len(b)-2*MaxLookaround)
	}
	start := from
	if w.maskedKeys.end = 0; from == 0 {
		w.maskedKeys.forget()
	}
	if w.swallow {
		for start < to && (w.swallowLine || !delimiter(b[start])) && b[start] != '\n' {
			start++
		}
		w.swallow = start == to && !final
	}
	w.swallowLine = w.swallowLine && w.swallow
	w.midLine = from > 0
	out := w.Find(b)
	w.midLine = false
	w.tokenize(ctx, b, out)
	for i := range out {
		f := &out[i]
		if f.Start < start && f.End > start {
			if f.Detector < 0 {
				f.Start = start // the engine's mask of a line goes on
			} else {
				start = min(f.End, to) // the end of what was replaced before
			}
		}
		if f.Start >= start && f.Start < to && f.End > to {
			if to-f.Start <= maxHeld && f.Start > from {
				to = f.Start
			} else {
				// Too long to hold: what is here is replaced, what follows left out.
				f.End, f.blob = to, 0
				w.vals[i].Raw = nil
				w.swallow = true
				w.swallowLine = f.Detector >= 0 && w.e.specs[f.Detector].Closed && !oneWord(b[f.Start:to])
			}
		}
	}
	// The key of a list that goes on will not come again.
	if at := w.passes[0].unclosed; !final && at >= 0 && at < to-MaxLookaround/2 && to > from {
		if !w.swallow {
			w.stats.Unscanned++
		}
		w.swallow, w.swallowLine = true, true
	}
	if start < to {
		dst = w.write(dst, b, out, 0, start, to)
	}
	return dst, to
}
