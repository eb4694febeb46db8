package deliver

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// ForwardOptions say how chunks go to a Fluentd, a Fluent Bit or a sidecar.
type ForwardOptions struct {
	// Targets are tried in this order, those that failed of late last.
	Targets []Target
	TLS     TLSFiles
	// Timeout bounds one delivery, connecting and waiting for the acknowledgement
	// included. The context's deadline holds when it is earlier.
	Timeout time.Duration
	// Idle is how long a connection is kept open without use; 0 for a minute.
	Idle time.Duration
	// Hostname is the client's name in the handshake; empty for one made from the
	// system's. It must not be the server's: see Forward.handshake.
	Hostname string
	// SharedKeyFile holds the key that client and server prove to each other; empty when
	// the server wants none. User and PasswordFile are for servers that want them, too.
	SharedKeyFile, User, PasswordFile string
	// Gzip sends CompressedPackedForward.
	Gzip bool
	// Fluentd sends events as [time, record]. Fluent Bit's own form, [[time, metadata],
	// record], is what is sent otherwise, unchanged; Fluentd does not read it.
	Fluentd bool
}

// Forward delivers by the Forward protocol, version 1, in its PackedForward mode
// (https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1). A chunk is
// delivered when its acknowledgement has come, and not before: a server that acknowledges
// nothing cannot be used. Each delivery has a connection of its own for as long as it
// lasts, and connections are kept for later ones.
type Forward struct {
	o       ForwardOptions
	targets []*target
	flights sync.WaitGroup

	mu     sync.Mutex
	closed bool // guarded by mu
}

// target is one of the places, with the connections to it that nobody uses.
type target struct {
	Target
	mu     sync.Mutex
	idle   []*link   // guarded by mu; the one used last at the end
	failed time.Time // guarded by mu; zero while it works
	closed bool      // guarded by mu; no connection is kept any more
}

// maxIdle is how many connections to a target are kept without use.
const maxIdle = 16

// NewForward returns what delivers to the targets. It does not connect, but it looks at
// the files that the options name.
func NewForward(o ForwardOptions) (*Forward, error) {
	if len(o.Targets) == 0 {
		return nil, errors.New("no target to forward to")
	}
	if o.Timeout <= 0 {
		return nil, errors.New("a delivery without a timeout")
	}
	if o.Idle <= 0 {
		o.Idle = time.Minute
	}
	if o.Hostname == "" {
		h, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		o.Hostname = h + "-logveil"
	}
	for _, f := range []string{o.SharedKeyFile, o.PasswordFile} {
		if f == "" {
			continue
		}
		if _, err := readSecret(f); err != nil {
			return nil, err
		}
	}
	if _, err := o.TLS.config(""); err != nil {
		return nil, err
	}
	f := &Forward{o: o}
	for _, t := range o.Targets {
		f.targets = append(f.targets, &target{Target: t})
	}
	return f, nil
}

// errClosed is for deliveries after Close.
var errClosed = errors.New("the output is closed")

// enter counts a delivery, unless the output is closed.
func (f *Forward) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.flights.Add(1)
	return true
}

// Deliver implements Deliverer.
func (f *Forward) Deliver(ctx context.Context, tag string, chunk []byte, records int) error {
	if !f.enter() {
		return errClosed
	}
	defer f.flights.Done()
	ctx, cancel := context.WithTimeout(ctx, f.o.Timeout)
	defer cancel()
	left := 0
	if f.o.Fluentd {
		if chunk, records, left = appendForwardEvents(nil, chunk); records == 0 {
			return leftOut(left)
		}
	}
	if f.o.Gzip {
		var err error
		if chunk, err = compress(chunk); err != nil {
			return err
		}
	}
	m := f.message(tag, chunk, records)
	var errs []error
	order := f.order()
	for i, t := range order {
		err := f.try(ctx, t, m, len(order)-i)
		if err == nil {
			return leftOut(left)
		}
		errs = append(errs, fmt.Errorf("%s: %w", t, err))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// order returns the targets that work, in the order of the options, and then the others,
// the one that failed longest ago first.
func (f *Forward) order() []*target {
	type at struct {
		t      *target
		failed time.Time
	}
	all := make([]at, len(f.targets))
	for i, t := range f.targets {
		t.mu.Lock()
		all[i] = at{t, t.failed}
		t.mu.Unlock()
		// After a while a place that failed is as good as the others, or the first
		// target would not be used again while the second works.
		if time.Since(all[i].failed) > failedFor {
			all[i].failed = time.Time{}
		}
	}
	slices.SortStableFunc(all, func(a, b at) int { return a.failed.Compare(b.failed) })
	order := make([]*target, len(all))
	for i, a := range all {
		order[i] = a.t
	}
	return order
}

// failedFor is how long a target that failed stands behind the others.
const failedFor = 10 * time.Second

// try delivers to one target. left is how many targets there are to try, this one
// included.
func (f *Forward) try(ctx context.Context, t *target, m message, left int) (err error) {
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		switch {
		case err == nil:
			t.failed = time.Time{}
		case !errors.Is(ctx.Err(), context.Canceled):
			t.failed = time.Now()
		}
	}()
	// The server may have closed a connection that was kept, unseen so far: then there
	// is one more attempt, over a new one.
	if l := t.take(f.o.Idle); l != nil {
		if err = f.exchange(ctx, t, l, m); err == nil || ctx.Err() != nil || !errors.Is(err, errGone) {
			return err
		}
	}
	deadline, _ := ctx.Deadline()
	share, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
	defer cancel()
	l, err := f.connect(share, t.Target)
	if err != nil {
		return err
	}
	return f.exchange(ctx, t, l, m)
}

// exchange sends the message and waits for its acknowledgement. The link goes back to the
// target when all went well, and is closed otherwise.
func (f *Forward) exchange(ctx context.Context, t *target, l *link, m message) error {
	if err := l.send(ctx, m); err != nil {
		l.close()
		return fmt.Errorf("sending: %w", err)
	}
	if err := l.wait(ctx, m.id); err != nil {
		l.close()
		return err
	}
	if l.once {
		l.close()
	} else {
		t.give(l)
	}
	return nil
}

// take returns a connection that is open and was used of late, or nil.
func (t *target) take(idle time.Duration) *link {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.idle) > 0 {
		l := t.idle[len(t.idle)-1]
		t.idle = t.idle[:len(t.idle)-1]
		if time.Since(l.used) <= idle && !l.dead() {
			return l
		}
		l.close()
	}
	return nil
}

// give keeps a connection for later, if there may be a later delivery. Of too many the
// oldest is closed.
func (t *target) give(l *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		l.close()
		return
	}
	l.used = time.Now()
	t.idle = append(t.idle, l)
	if len(t.idle) > maxIdle {
		t.idle[0].close()
		t.idle = slices.Delete(t.idle, 0, 1)
	}
}

// Close implements Deliverer.
func (f *Forward) Close(ctx context.Context) error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	err := waitFor(ctx, f.flights.Wait)
	for _, t := range f.targets {
		t.mu.Lock()
		for _, l := range t.idle {
			l.close()
		}
		t.idle, t.closed = nil, true
		t.mu.Unlock()
	}
	return err
}

// waitFor waits for a function that waits, or for the context.
func waitFor(ctx context.Context, wait func()) error {
	done := make(chan struct{})
	go func() {
		wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("deliveries are still under way: %w", ctx.Err())
	}
}

// message is a chunk on its way.
type message struct {
	head, body, tail []byte
	id               string
}

// message frames a chunk. Its id is new each time: an acknowledgement that comes late, for
// an earlier attempt, must not stand for this one.
func (f *Forward) message(tag string, chunk []byte, records int) message {
	var r [16]byte
	rand.Read(r[:])
	m := message{body: chunk, id: base64.StdEncoding.EncodeToString(r[:])}
	m.head = msgp.AppendArrayHeader(m.head, 3)
	m.head = msgp.AppendString(m.head, tag)
	m.head = append(m.head, 0xc6, byte(len(chunk)>>24), byte(len(chunk)>>16), byte(len(chunk)>>8), byte(len(chunk)))
	n := uint32(2)
	if f.o.Gzip {
		n++
	}
	m.tail = msgp.AppendMapHeader(m.tail, n)
	m.tail = msgp.AppendString(m.tail, "chunk")
	m.tail = msgp.AppendString(m.tail, m.id)
	m.tail = msgp.AppendString(m.tail, "size")
	m.tail = msgp.AppendInt(m.tail, records)
	if f.o.Gzip {
		m.tail = msgp.AppendString(m.tail, "compressed")
		m.tail = msgp.AppendString(m.tail, "gzip")
	}
	return m
}

var gzips = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic("BUG: gzip: " + err.Error())
	}
	return w
}}

// compress returns b as gzip.
func compress(b []byte) ([]byte, error) {
	w := gzips.Get().(*gzip.Writer)
	defer gzips.Put(w)
	var out bytes.Buffer
	out.Grow(len(b)/4 + 64)
	w.Reset(&out)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// link is a connection through its handshake. A goroutine reads from it until it is
// closed, so that a server that goes away is noticed at once.
type link struct {
	net.Conn
	used time.Time
	once bool // the server wants a connection for each message
	acks chan string
	gone chan struct{} // closed when nothing can be read any more
	err  error         // why; readable after gone is closed
}

// errGone says that the connection ended before the acknowledgement came.
var errGone = errors.New("the connection ended before the acknowledgement")

// newLink begins to read acknowledgements.
func newLink(c net.Conn, r *msgp.Reader, once bool) *link {
	l := &link{Conn: c, once: once, acks: make(chan string, 1), gone: make(chan struct{})}
	go func() {
		defer close(l.gone)
		for {
			ack, err := readAck(r)
			if err != nil {
				l.err = err
				abort(c)
				return
			}
			select {
			case l.acks <- ack:
			default: // nobody waits for that many: the server is out of step
				l.err = errors.New("an acknowledgement that nobody waits for")
				abort(c)
				return
			}
		}
	}()
	return l
}

func (l *link) dead() bool {
	select {
	case <-l.gone:
		return true
	default:
		return len(l.acks) > 0 // an answer to nothing
	}
}

// close ends the connection.
func (l *link) close() {
	abort(l.Conn)
	<-l.gone
}

// abort closes a connection without a goodbye: that of TLS would wait up to 5 s for a
// server that does not read, and an acknowledged message needs none.
func abort(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	_ = c.Close() // it is given up, whatever its end says
}

// send writes the message until ctx is done.
func (l *link) send(ctx context.Context, m message) error {
	if err := l.SetWriteDeadline(deadlineOf(ctx)); err != nil {
		return gone(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = l.SetWriteDeadline(time.Unix(1, 0)) })
	defer func() {
		// Its deadline may be set when another delivery has the link.
		l.once = !stop() || l.once
	}()
	bufs := net.Buffers{m.head, m.body, m.tail}
	if _, err := bufs.WriteTo(l.Conn); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return gone(err)
	}
	return nil
}

func gone(err error) error { return fmt.Errorf("%w: %w", errGone, err) }

// wait waits for the acknowledgement.
func (l *link) wait(ctx context.Context, id string) error {
	select {
	case ack := <-l.acks:
		if ack != id {
			return errors.New("an acknowledgement for another chunk")
		}
		return nil
	case <-l.gone:
		select {
		case ack := <-l.acks:
			if ack == id {
				return nil
			}
		default:
		}
		return gone(l.err)
	case <-ctx.Done():
		return fmt.Errorf("no acknowledgement: %w", ctx.Err())
	}
}

// readAck reads {"ack": ID}. Other keys are skipped.
func readAck(r *msgp.Reader) (string, error) {
	n, err := r.ReadMapHeader()
	if err != nil {
		return "", err
	}
	if n > 16 {
		return "", errors.New("an answer that is no acknowledgement")
	}
	ack := ""
	for range n {
		key, err := readText(r)
		if err != nil {
			return "", err
		}
		if key != "ack" {
			if err := r.Skip(); err != nil {
				return "", err
			}
			continue
		}
		if ack, err = readText(r); err != nil {
			return "", err
		}
	}
	return ack, nil
}

// maxText bounds each text that a server sends, in bytes.
const maxText = 4096

// readText reads a str or a bin, which older servers send for text.
func readText(r *msgp.Reader) (string, error) {
	t, err := r.NextType()
	if err != nil {
		return "", err
	}
	var n uint32
	switch t {
	case msgp.StrType:
		n, err = r.ReadStringHeader()
	case msgp.BinType:
		n, err = r.ReadBytesHeader()
	case msgp.NilType:
		return "", r.ReadNil()
	default:
		return "", errors.New("an answer of another form")
	}
	if err != nil {
		return "", err
	}
	if n > maxText {
		return "", errors.New("an answer that is too long")
	}
	b := make([]byte, n)
	_, err = r.ReadFull(b)
	return string(b), err
}

func deadlineOf(ctx context.Context) time.Time {
	d, _ := ctx.Deadline()
	return d
}
