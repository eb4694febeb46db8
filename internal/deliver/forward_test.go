package deliver

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// chunkOf returns a chunk of n events in Fluent Bit's form.
func chunkOf(n int, text string) []byte {
	var b []byte
	for i := range n {
		b = append(b, 0x92, 0x92, 0xd7, 0, 0x65, 0x53, 0xf1, 0, 0, 0, 0, byte(i), 0x80)
		b = msgp.AppendMapHeader(b, 2)
		b = msgp.AppendString(msgp.AppendString(b, "log"), text)
		b = msgp.AppendInt(msgp.AppendString(b, "n"), i)
	}
	return b
}

// authority makes certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.pem, a.cert, a.key = certificate(t, nil, "authority")
	return a
}

func certificate(t *testing.T, by *authority, name string) ([]byte, *x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := c, key
	if by == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.IPAddresses, c.DNSNames = true, true, x509.KeyUsageCertSign, nil, nil
	} else {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), c, key
}

// pair writes a certificate and its key, and returns their files.
func (a *authority) pair(t *testing.T, name string) (cert, key string) {
	t.Helper()
	c, _, k := certificate(t, a, name)
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, string(c)), file(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// server returns the configuration of a server; clients need a certificate of the
// authority when clients is true.
func (a *authority) server(t *testing.T, clients bool) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.pair(t, "server.example"))
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}}
	if clients {
		c.ClientAuth = tls.RequireAndVerifyClientCert
		c.ClientCAs = x509.NewCertPool()
		c.ClientCAs.AddCert(a.cert)
	}
	return c
}

func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// client returns a Forward that is closed at the end of the test.
func client(t testing.TB, o ForwardOptions) *Forward {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	f, err := NewForward(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return f
}

// TestForward delivers from many goroutines over every transport.
func TestForward(t *testing.T) {
	a := newAuthority(t)
	ca := file(t, string(a.pem))
	cert, key := a.pair(t, "client")
	socket := filepath.Join(t.TempDir(), "s")
	for name, c := range map[string]struct {
		network, addr string
		tls           *tls.Config
		options       ForwardOptions
		set           func(*forwardServer)
	}{
		"tcp":         {"tcp", "127.0.0.1:0", nil, ForwardOptions{}, nil},
		"unix":        {"unix", socket, nil, ForwardOptions{}, nil},
		"gzip":        {"tcp", "127.0.0.1:0", nil, ForwardOptions{Gzip: true}, nil},
		"tls":         {"tcp", "127.0.0.1:0", a.server(t, false), ForwardOptions{TLS: TLSFiles{CA: ca}}, nil},
		"client cert": {"tcp", "127.0.0.1:0", a.server(t, true), ForwardOptions{TLS: TLSFiles{CA: ca, Cert: cert, Key: key, ServerName: "server.example"}}, nil},
		"shared key": {"tcp", "127.0.0.1:0", nil, ForwardOptions{SharedKeyFile: file(t, "shared\n")},
			func(s *forwardServer) { s.key = "shared" }},
		"user": {"tcp", "127.0.0.1:0", a.server(t, false),
			ForwardOptions{TLS: TLSFiles{CA: ca}, SharedKeyFile: file(t, "shared"), User: "u", PasswordFile: file(t, "pw\n")},
			func(s *forwardServer) { s.key, s.user, s.password = "shared", "u", "pw" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, c.network, c.addr, c.tls, c.set)
			to := s.target()
			to.TLS = c.tls != nil
			c.options.Targets = []Target{to}
			f := client(t, c.options)
			const workers, each = 8, 25
			sent := make([][]byte, workers*each)
			var wg sync.WaitGroup
			for w := range workers {
				wg.Go(func() {
					for i := range each {
						n := w*each + i
						sent[n] = chunkOf(n%5+1, fmt.Sprintf("%d %s", n, strings.Repeat("x", n*50)))
						if err := f.Deliver(context.Background(), fmt.Sprint("tag.", n), sent[n], n%5+1); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			got := map[string]received{}
			ids := map[string]bool{}
			for _, m := range s.messages() {
				got[m.tag] = m
				ids[m.chunk] = true
			}
			for n, want := range sent {
				m := got[fmt.Sprint("tag.", n)]
				if !bytes.Equal(m.entries, want) || m.size != int64(n%5+1) || m.gzip != c.options.Gzip {
					t.Errorf("chunk %d came as %d bytes, size %d, gzip %v; want %d bytes", n, len(m.entries), m.size, m.gzip, len(want))
				}
			}
			if len(s.messages()) != len(sent) || len(ids) != len(sent) {
				t.Errorf("%d messages with %d ids for %d chunks", len(s.messages()), len(ids), len(sent))
			}
			if n := s.connections(); n > workers {
				t.Errorf("%d connections for %d workers", n, workers)
			}
		})
	}
}

// TestForwardEvents: for Fluentd, events have the protocol's own form.
func TestForwardEvents(t *testing.T) {
	s := newServer(t, "tcp", "127.0.0.1:0", nil, nil)
	f := client(t, ForwardOptions{Targets: []Target{s.target()}, Fluentd: true})
	chunk := groups(t)
	if err := f.Deliver(context.Background(), "t", chunk, 4); err != nil {
		t.Fatal(err)
	}
	m := s.messages()
	if len(m) != 1 || m[0].size != 2 {
		t.Fatalf("%d messages, %+v", len(m), m)
	}
	for i, rest := 0, m[0].entries; len(rest) > 0; i++ {
		var v any
		var err error
		if v, rest, err = msgp.ReadIntfBytes(rest); err != nil {
			t.Fatal(err)
		}
		e, ok := v.([]any)
		if !ok || len(e) != 2 || e[1].(map[string]any)["n"] != int64(i) {
			t.Errorf("event %d is %v", i, v)
		}
	}
	// Nothing but marks is nothing to deliver.
	if err := f.Deliver(context.Background(), "t", chunk[:len(groupHead(t))], 1); err != nil || len(s.messages()) != 1 {
		t.Errorf("error %v, %d messages", err, len(s.messages()))
	}
	if err := f.Deliver(context.Background(), "t", []byte{0x92, 0xc1}, 1); !Permanent(err) {
		t.Errorf("a damaged chunk: error %v, want a permanent one", err)
	}
}

// TestForwardFaults: each fault is an error that can be tried again, in time, and the next
// attempt works.
func TestForwardFaults(t *testing.T) {
	const timeout = 600 * time.Millisecond
	for name, bad := range map[string]fault{
		"no acknowledgement": noAck, "wrong acknowledgement": wrongAck, "cut while reading": cutRead,
		"cut acknowledgement": cutAck, "not the protocol": notAck, "reads nothing": stall,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			now := bad
			s := newServer(t, "tcp", "127.0.0.1:0", nil, func(s *forwardServer) {
				s.fault = func() fault {
					mu.Lock()
					defer mu.Unlock()
					return now
				}
			})
			f := client(t, ForwardOptions{Targets: []Target{s.target()}, Timeout: timeout})
			// Larger than what the system takes on behalf of a server that does not read.
			chunk := chunkOf(1, strings.Repeat("secret", 4<<20))
			start := time.Now()
			err := f.Deliver(context.Background(), "t", chunk, 1)
			if err == nil || Permanent(err) {
				t.Fatalf("error %v, want one that can be tried again", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Error("the error repeats the chunk")
			}
			if took := time.Since(start); took > timeout+2*time.Second {
				t.Errorf("took %v", took)
			}
			mu.Lock()
			now = none
			mu.Unlock()
			if err := f.Deliver(context.Background(), "t", chunkOf(1, "ok"), 1); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestForwardServerRestarts: a connection that ended while nobody used it is not noticed
// by the caller, and a server that is away is.
func TestForwardServerRestarts(t *testing.T) {
	s := newServer(t, "tcp", "127.0.0.1:0", nil, nil)
	f := client(t, ForwardOptions{Targets: []Target{s.target()}, Timeout: time.Second})
	deliver := func() error { return f.Deliver(context.Background(), "t", chunkOf(1, "x"), 1) }
	for i := range 20 {
		if err := deliver(); err != nil {
			t.Fatalf("delivery %d: %v", i, err)
		}
		s.hangUp()
	}
	addr := s.l.Addr().String()
	s.stop()
	if err := deliver(); err == nil || Permanent(err) {
		t.Errorf("server away: error %v", err)
	}
	newServer(t, "tcp", addr, nil, nil)
	if err := deliver(); err != nil {
		t.Errorf("server back: %v", err)
	}
}

// TestForwardOnce: a server that asks for it gets a connection for each message.
func TestForwardOnce(t *testing.T) {
	s := newServer(t, "tcp", "127.0.0.1:0", nil, func(s *forwardServer) { s.key, s.once = "k", true })
	f := client(t, ForwardOptions{Targets: []Target{s.target()}, SharedKeyFile: file(t, "k")})
	for range 5 {
		if err := f.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err != nil {
			t.Fatal(err)
		}
	}
	if s.connections() != 5 {
		t.Errorf("%d connections", s.connections())
	}
}

// TestForwardTrust: who does not prove to be the right server gets no chunk.
func TestForwardTrust(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	key := file(t, "key")
	for name, c := range map[string]struct {
		tls     *tls.Config
		options ForwardOptions
		set     func(*forwardServer)
	}{
		"certificate of another authority": {other.server(t, false), ForwardOptions{TLS: TLSFiles{CA: file(t, string(a.pem))}}, nil},
		"certificate of another host":      {a.server(t, false), ForwardOptions{TLS: TLSFiles{CA: file(t, string(a.pem)), ServerName: "other.example"}}, nil},
		"client certificate missing":       {a.server(t, true), ForwardOptions{TLS: TLSFiles{CA: file(t, string(a.pem))}}, nil},
		"another shared key":               {nil, ForwardOptions{SharedKeyFile: key}, func(s *forwardServer) { s.key = "other" }},
		"password missing":                 {nil, ForwardOptions{SharedKeyFile: key}, func(s *forwardServer) { s.key, s.user = "key", "u" }},
		"wrong password": {nil, ForwardOptions{SharedKeyFile: key, User: "u", PasswordFile: file(t, "x")},
			func(s *forwardServer) { s.key, s.user, s.password = "key", "u", "y" }},
		"forged proof":         {nil, ForwardOptions{SharedKeyFile: key}, func(s *forwardServer) { s.key, s.forge = "other", true }},
		"client's proof again": {nil, ForwardOptions{SharedKeyFile: key, Hostname: "me"}, func(s *forwardServer) { s.key, s.forge, s.name = "other", true, "me" }},
		"no handshake":         {nil, ForwardOptions{SharedKeyFile: key, Timeout: 300 * time.Millisecond}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, "tcp", "127.0.0.1:0", c.tls, c.set)
			to := s.target()
			to.TLS = c.tls != nil
			c.options.Targets = []Target{to}
			f := client(t, c.options)
			err := f.Deliver(context.Background(), "t", chunkOf(1, "x"), 1)
			if err == nil || Permanent(err) {
				t.Errorf("error %v, want one that can be tried again", err)
			}
			if n := len(s.messages()); n > 0 {
				t.Errorf("the server got %d messages", n)
			}
		})
	}
}

// TestForwardRenewal: certificates and keys that change are read again.
func TestForwardRenewal(t *testing.T) {
	old, renewed := newAuthority(t), newAuthority(t)
	ca := file(t, string(old.pem))
	s := newServer(t, "tcp", "127.0.0.1:0", renewed.server(t, false), nil)
	to := s.target()
	to.TLS = true
	f := client(t, ForwardOptions{Targets: []Target{to}, TLS: TLSFiles{CA: ca}})
	if err := f.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err == nil {
		t.Fatal("a certificate of an unknown authority was taken")
	}
	if err := os.WriteFile(ca, renewed.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err != nil {
		t.Error(err)
	}
}

// TestForwardFailover: another target takes over at once, and the first one gets its work
// back later.
func TestForwardFailover(t *testing.T) {
	first := newServer(t, "tcp", "127.0.0.1:0", nil, nil)
	second := newServer(t, "tcp", "127.0.0.1:0", nil, nil)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	f := client(t, ForwardOptions{Targets: []Target{first.target(), second.target()}, Timeout: time.Second})
	deliver := func(want *forwardServer) {
		t.Helper()
		before := len(want.messages())
		if err := f.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err != nil {
			t.Error(err)
		}
		if len(want.messages()) != before+1 {
			t.Error("the other target got it")
		}
	}
	deliver(first)
	addr := first.l.Addr().String()
	first.stop()
	deliver(second)
	deliver(second)
	first = newServer(t, "tcp", addr, nil, nil)
	deliver(second) // the first one failed a moment ago
	f.targets[0].mu.Lock()
	f.targets[0].failed = time.Now().Add(-failedFor - time.Second)
	f.targets[0].mu.Unlock()
	deliver(first)

	// One that takes and does not acknowledge may have the chunk: the caller comes again,
	// and then to the other one.
	g := client(t, ForwardOptions{Targets: []Target{{Network: "tcp", Address: silent.Addr().String()}, second.target()}, Timeout: 300 * time.Millisecond})
	if err := g.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err == nil {
		t.Error("no acknowledgement, and no error")
	}
	before := len(second.messages())
	if err := g.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err != nil || len(second.messages()) != before+1 {
		t.Errorf("error %v; the other target did not take over", err)
	}
}

// TestForwardAtLeastOnce: under faults at random, who comes again until there is no error
// loses no chunk, and no chunk comes torn.
func TestForwardAtLeastOnce(t *testing.T) {
	var mu sync.Mutex
	r := mathrand.New(mathrand.NewPCG(1, 2))
	s := newServer(t, "tcp", "127.0.0.1:0", nil, func(s *forwardServer) {
		s.key = "k"
		s.fault = func() fault {
			mu.Lock()
			defer mu.Unlock()
			return []fault{none, none, none, noAck, wrongAck, cutRead, cutAck, notAck}[r.IntN(8)]
		}
	})
	f := client(t, ForwardOptions{Targets: []Target{s.target()}, SharedKeyFile: file(t, "k"), Timeout: 100 * time.Millisecond})
	const workers, each = 4, 40
	var wg sync.WaitGroup
	want := map[string]int{} // how often, once without faults
	failures := 0
	for w := range workers {
		for i := range each {
			want[string(chunkOf(3, fmt.Sprint(w, "-", i)))] = 0
		}
		wg.Go(func() {
			for i := range each {
				chunk := chunkOf(3, fmt.Sprint(w, "-", i))
				for f.Deliver(context.Background(), "t", chunk, 3) != nil {
					mu.Lock()
					failures++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for _, m := range s.messages() {
		if _, ok := want[string(m.entries)]; !ok {
			t.Fatal("a chunk that nobody sent")
		}
		want[string(m.entries)]++
	}
	for _, n := range want {
		if n == 0 {
			t.Error("a chunk was reported delivered and never came")
		}
	}
	if failures < workers*each/4 {
		t.Errorf("only %d failures: the faults were not there", failures)
	}
}

// TestForwardCancel: who gives up is let go at once.
func TestForwardCancel(t *testing.T) {
	s := newServer(t, "tcp", "127.0.0.1:0", nil, func(s *forwardServer) { s.fault = func() fault { return noAck } })
	f := client(t, ForwardOptions{Targets: []Target{s.target()}, Timeout: time.Minute})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := f.Deliver(ctx, "t", chunkOf(1, "x"), 1); err == nil {
		t.Error("no error")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestForwardTLSHangs: over TLS, too, a server that reads nothing costs the timeout and no
// more: saying goodbye to it would take five seconds.
func TestForwardTLSHangs(t *testing.T) {
	a := newAuthority(t)
	for name, bad := range map[string]fault{"reads nothing": stall, "not the protocol": notAck} {
		s := newServer(t, "tcp", "127.0.0.1:0", a.server(t, false), func(s *forwardServer) { s.fault = func() fault { return bad } })
		to := s.target()
		to.TLS = true
		f := client(t, ForwardOptions{Targets: []Target{to}, TLS: TLSFiles{CA: file(t, string(a.pem))}, Timeout: 500 * time.Millisecond})
		start := time.Now()
		if err := f.Deliver(context.Background(), "t", chunkOf(1, strings.Repeat("x", 16<<20)), 1); err == nil {
			t.Errorf("%s: no error", name)
		}
		if took := time.Since(start); took > 2500*time.Millisecond {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// TestForwardCloseEarly: what comes back after a Close that did not wait is closed.
func TestForwardCloseEarly(t *testing.T) {
	gate := make(chan struct{})
	s := newServer(t, "tcp", "127.0.0.1:0", nil, func(s *forwardServer) {
		s.fault = func() fault { <-gate; return none }
	})
	f, err := NewForward(ForwardOptions{Targets: []Target{s.target()}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- f.Deliver(context.Background(), "t", chunkOf(1, "x"), 1) }()
	for s.connections() == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.Close(ctx); err == nil {
		t.Error("closed while a delivery was under way")
	}
	close(gate)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := len(f.targets[0].idle); n > 0 {
		t.Errorf("%d connections are kept", n)
	}
}

// TestForwardClose: closing waits for what is under way, then nothing is left.
func TestForwardClose(t *testing.T) {
	before := runtime.NumGoroutine()
	s := newServer(t, "tcp", "127.0.0.1:0", nil, func(s *forwardServer) { s.fault = func() fault { return noAck } })
	f, err := NewForward(ForwardOptions{Targets: []Target{s.target()}, Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- f.Deliver(context.Background(), "t", chunkOf(1, "x"), 1) }()
	for len(s.messages()) == 0 {
		time.Sleep(time.Millisecond)
	}
	short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := f.Close(short); err == nil {
		t.Error("closed while a delivery was under way")
	}
	if err := f.Close(context.Background()); err != nil {
		t.Error(err)
	}
	select {
	case err := <-done:
		if err == nil {
			t.Error("delivered without an acknowledgement")
		}
	default:
		t.Error("Close did not wait")
	}
	if err := f.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err == nil {
		t.Error("delivered after Close")
	}
	s.stop()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]string{
		"tcp://127.0.0.1":         "tcp://127.0.0.1:24224",
		"tcp://log.example:1":     "tcp://log.example:1",
		"tls://[2001:db8::1]:24":  "tls://[2001:db8::1]:24",
		"unix:///run/logveil.sok": "unix:///run/logveil.sok",
		"":                        "", "tcp://": "", "http://x": "", "tcp://u:p@x": "", "tcp://x/y": "",
		"unix://x/y": "", "unix://": "", "tcp://x:y": "", "x:1": "", "tcp://x?y": "",
	} {
		got, err := ParseTarget(in)
		if s := got.String(); err == nil && s != want || (err != nil) != (want == "") {
			t.Errorf("%q is %q, %v; want %q", in, s, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "u:p") {
			t.Errorf("the error repeats the text: %v", err)
		}
	}
}

func TestOpen(t *testing.T) {
	for in, want := range map[string]bool{
		"tcp://127.0.0.1": false, "tcp://[::1]:1": false, "tcp://localhost": false, "unix:///x": false, "tls://log.example": false,
		"tcp://log.example": true, "tcp://10.0.0.1": true, "tcp://localhost.example": true, "tcp://127.0.0.1.example": true,
	} {
		to, err := ParseTarget(in)
		if err != nil || to.Open() != want {
			t.Errorf("%s: open %v, %v", in, to.Open(), err)
		}
	}
	for in, want := range map[string]bool{
		"http://127.0.0.9:1/x": false, "http://[::1]": false, "https://log.example": false, "": false,
		"http://log.example": true, "http://192.0.2.1": true,
	} {
		if OpenURL(in) != want {
			t.Errorf("%s: open %v", in, !want)
		}
	}
}

// TestForwardOptions: what cannot work is refused at the start, and named.
func TestForwardOptions(t *testing.T) {
	to := []Target{{Network: "tcp", Address: "127.0.0.1:1"}}
	for name, o := range map[string]ForwardOptions{
		"no target":        {Timeout: 1},
		"no timeout":       {Targets: to},
		"key file missing": {Targets: to, Timeout: 1, SharedKeyFile: "/nowhere/key"},
		"key file empty":   {Targets: to, Timeout: 1, SharedKeyFile: file(t, "\n")},
		"no certificate":   {Targets: to, Timeout: 1, TLS: TLSFiles{CA: file(t, "x")}},
		"no key":           {Targets: to, Timeout: 1, TLS: TLSFiles{Cert: file(t, "x"), Key: file(t, "y")}},
	} {
		if _, err := NewForward(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
