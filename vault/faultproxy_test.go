package vault

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// faultProxy stands between a Client and a Vault, with TLS of its own, and does harm when
// told to.
type faultProxy struct {
	URL, CAFile string
	harm        atomic.Pointer[harm]
	cut         *cutListener
	handled     atomic.Uint64
	server      *httptest.Server
	// chosen, when not nil, is presented instead of the server's own certificate.
	chosen atomic.Pointer[tls.Certificate]
}

// certificate makes a certificate for the proxy that is valid around a time, jump before
// now, and has the Client trust it.
func (p *faultProxy) certificate(t testing.TB, w *world, jump time.Duration) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-jump)
	c := &x509.Certificate{SerialNumber: big.NewInt(at.UnixNano()), NotBefore: at.Add(-time.Hour), NotAfter: at.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := os.ReadFile(p.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	w.file(t, "proxy-ca.pem", string(trusted)+string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// present presents a certificate to new connections, and ends the old ones.
func (p *faultProxy) present(c *tls.Certificate) {
	p.chosen.Store(c)
	p.server.CloseClientConnections()
}

// harm answers a request instead of Vault; forward gives Vault's own answer.
type harm func(w http.ResponseWriter, r *http.Request, forward http.Handler)

func newFaultProxy(t testing.TB, w *world) *faultProxy {
	t.Helper()
	to, err := url.Parse(w.Addr)
	if err != nil {
		t.Fatal(err)
	}
	rp := httputil.NewSingleHostReverseProxy(to)
	rp.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	p := new(faultProxy)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.handled.Add(1)
		if h := p.harm.Load(); h != nil {
			(*h)(w, r, rp)
			return
		}
		rp.ServeHTTP(w, r)
	}))
	p.cut = &cutListener{Listener: s.Listener}
	p.cut.cond = sync.NewCond(&p.cut.mu)
	s.Listener = p.cut
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of what the tests do
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c := p.chosen.Load()
		if c == nil {
			return nil, nil
		}
		return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*c}, NextProtos: []string{"h2", "http/1.1"}}, nil
	}}
	p.server = s
	s.StartTLS()
	t.Cleanup(func() {
		p.cut.set(false)
		s.CloseClientConnections()
		s.Close()
	})
	p.URL = s.URL
	p.CAFile = w.file(t, "proxy-ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	return p
}

// set puts harm to all requests but those for sys/health, unless all is true; nil heals.
func (p *faultProxy) set(h harm) {
	if h == nil {
		p.harm.Store(nil)
		return
	}
	p.harm.Store(&h)
}

// onBatches limits harm to requests for batches of values.
func onBatches(h harm) harm {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if strings.Contains(r.URL.Path, "/encrypt/") || strings.Contains(r.URL.Path, "/hmac/") {
			h(w, r, forward)
			return
		}
		forward.ServeHTTP(w, r)
	}
}

// rewrite changes Vault's results.
func rewrite(f func(results []map[string]any) []map[string]any) harm {
	return onBatches(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		rec := httptest.NewRecorder()
		r.Header.Del("Accept-Encoding")
		forward.ServeHTTP(rec, r)
		var body struct {
			Data struct {
				Results []map[string]any `json:"batch_results"`
			} `json:"data"`
		}
		if err := json.NewDecoder(rec.Body).Decode(&body); err == nil {
			body.Data.Results = f(body.Data.Results)
		}
		w.WriteHeader(rec.Code)
		_ = json.NewEncoder(w).Encode(body)
	})
}

// batchLen returns how many values a request holds, and puts its body back.
func batchLen(r *http.Request) int {
	text, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(text))
	var body struct {
		Batch []json.RawMessage `json:"batch_input"`
	}
	_ = json.Unmarshal(text, &body)
	return len(body.Batch)
}

// cutListener is a network whose cable can be pulled: what is sent disappears, and nobody
// is told.
type cutListener struct {
	net.Listener
	mu   sync.Mutex
	cond *sync.Cond
	off  bool
}

func (l *cutListener) set(off bool) {
	l.mu.Lock()
	l.off = off
	l.mu.Unlock()
	l.cond.Broadcast()
}

func (l *cutListener) wait() {
	l.mu.Lock()
	for l.off {
		l.cond.Wait()
	}
	l.mu.Unlock()
}

func (l *cutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &cutConn{c, l}, nil
}

type cutConn struct {
	net.Conn
	l *cutListener
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.l.wait()
	return n, err
}

func (c *cutConn) Write(b []byte) (int, error) {
	c.l.wait()
	return c.Conn.Write(b)
}
