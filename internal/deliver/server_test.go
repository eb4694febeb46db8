package deliver

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// forwardServer is a server of the Forward protocol, written from its specification. What
// it does wrong is chosen by the test, for each message anew.
type forwardServer struct {
	l net.Listener
	// key, user and password are wanted from clients when the key is not empty.
	key, user, password string
	name                string
	once                bool // HELO asks for a connection for each message
	forge               bool // it does not know the key, and answers as if it did
	fault               func() fault

	mu       sync.Mutex
	conns    map[net.Conn]bool
	accepted int
	got      []received
	problems []error
	wg       sync.WaitGroup
}

// fault is what a server does with a message.
type fault int

const (
	none     fault = iota
	noAck          // takes the message and says nothing
	wrongAck       // acknowledges another one
	cutRead        // hangs up in the middle of it
	cutAck         // takes it, and hangs up in the middle of the acknowledgement
	notAck         // answers with something else
	stall          // reads nothing any more
)

// received is a message that was taken whole.
type received struct {
	tag, chunk string
	entries    []byte
	size       int64
	gzip       bool
}

func newServer(t testing.TB, network, addr string, config *tls.Config, set func(*forwardServer)) *forwardServer {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	s := &forwardServer{l: l, name: "server", conns: map[net.Conn]bool{}, fault: func() fault { return none }}
	if set != nil {
		set(s)
	}
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			s.accepted++
			s.mu.Unlock()
			s.wg.Go(func() {
				defer func() { _ = c.Close() }()
				if err := s.serve(c); err != nil && !errors.Is(err, io.EOF) {
					s.mu.Lock()
					s.problems = append(s.problems, err)
					s.mu.Unlock()
				}
			})
		}
	})
	t.Cleanup(s.stop)
	return s
}

// stop ends the server and its connections.
func (s *forwardServer) stop() {
	_ = s.l.Close()
	s.hangUp()
	s.wg.Wait()
}

// hangUp ends the connections.
func (s *forwardServer) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
		delete(s.conns, c)
	}
}

func (s *forwardServer) messages() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.got...)
}

func (s *forwardServer) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

func (s *forwardServer) target() Target {
	return Target{Network: s.l.Addr().Network(), Address: s.l.Addr().String()}
}

func sum(parts ...string) string {
	h := sha512.New()
	for _, p := range parts {
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (s *forwardServer) serve(c net.Conn) error {
	r := msgp.NewReader(c)
	if s.key != "" {
		if err := s.welcome(r, c); err != nil {
			return err
		}
	}
	for {
		f := s.fault()
		switch f {
		case cutRead:
			if _, err := io.CopyN(io.Discard, r, 10); err != nil {
				return err
			}
			if t, ok := c.(*net.TCPConn); ok {
				_ = t.SetLinger(0)
			}
			return nil
		case stall:
			time.Sleep(3 * time.Second)
			return nil
		}
		m, err := readMessage(r)
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.got = append(s.got, m)
		s.mu.Unlock()
		id := m.chunk
		switch f {
		case noAck:
			continue
		case wrongAck:
			id = "AAAAAAAAAAAAAAAAAAAAAA=="
		}
		ack := msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "ack"), id)
		switch f {
		case cutAck:
			ack = ack[:len(ack)/2]
		case notAck:
			ack = []byte("HTTP/1.1 400 Bad Request\r\n\r\n")
		}
		if _, err := c.Write(ack); err != nil {
			return err
		}
		if f == cutAck || s.once {
			return nil
		}
	}
}

// welcome is the server's side of the handshake.
func (s *forwardServer) welcome(r *msgp.Reader, w io.Writer) error {
	const nonce = "nonce\xff\x00nonce"
	const auth = "auth salt" // sent whether there are users or not
	helo, err := msgp.AppendIntf(nil, []any{"HELO", map[string]any{"nonce": []byte(nonce), "auth": auth, "keepalive": !s.once}})
	if err != nil {
		return err
	}
	if _, err := w.Write(helo); err != nil {
		return err
	}
	v, err := r.ReadIntf()
	if err != nil {
		return err
	}
	ping, ok := v.([]any)
	if !ok || len(ping) != 6 || ping[0] != "PING" {
		return errors.New("no PING")
	}
	var p [6]string
	for i := range p {
		p[i], ok = ping[i].(string)
		if !ok {
			return errors.New("a PING of another form")
		}
	}
	good := p[3] == sum(p[2], p[1], nonce, s.key)
	if s.user != "" {
		good = good && p[4] == s.user && p[5] == sum(auth, s.user, s.password)
	}
	name, proof := s.name, sum(p[2], s.name, nonce, s.key)
	if s.forge {
		// All that a server without the key has seen of it is the client's own proof.
		good, proof = true, p[3]
	}
	if !good {
		name, proof = "", ""
	}
	pong, err := msgp.AppendIntf(nil, []any{"PONG", good, "shared_key mismatch", name, proof})
	if err != nil {
		return err
	}
	if _, err := w.Write(pong); err != nil {
		return err
	}
	if !good {
		return errors.New("refused")
	}
	return nil
}

// readMessage reads [tag, entries, options].
func readMessage(r *msgp.Reader) (received, error) {
	v, err := r.ReadIntf()
	if err != nil {
		return received{}, err
	}
	bad := errors.New("no message of the PackedForward mode")
	a, ok := v.([]any)
	if !ok || len(a) != 3 {
		return received{}, bad
	}
	var m received
	var ok1, ok2, ok3 bool
	m.tag, ok1 = a[0].(string)
	m.entries, ok2 = a[1].([]byte)
	options, ok3 := a[2].(map[string]any)
	if !ok1 || !ok2 || !ok3 {
		return received{}, bad
	}
	m.chunk, _ = options["chunk"].(string)
	m.size, _ = options["size"].(int64)
	if options["compressed"] == "gzip" {
		m.gzip = true
		z, err := gzip.NewReader(bytes.NewReader(m.entries))
		if err != nil {
			return received{}, err
		}
		if m.entries, err = io.ReadAll(z); err != nil {
			return received{}, err
		}
	}
	return m, nil
}
