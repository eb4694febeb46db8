package deliver

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// httpServer takes lines of JSON, at most limit bytes of them in a request.
type httpServer struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	header http.Header
	limit  int
	wait   time.Duration
	hits   int
	logs   []string
	seen   http.Header
}

func newHTTPServer(t *testing.T) *httpServer {
	t.Helper()
	s := &httpServer{status: 200, header: http.Header{}, limit: 1 << 30}
	s.Server = httptest.NewUnstartedServer(s)
	t.Cleanup(func() { s.Close() })
	return s
}

func (s *httpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hits++
	s.seen = r.Header.Clone()
	time.Sleep(s.wait)
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = z
	}
	b, err := io.ReadAll(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for k, v := range s.header {
		w.Header()[k] = v
	}
	if len(b) > s.limit {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, "error in: "+string(b)) // as many do
	if s.status/100 != 2 {
		return
	}
	lines := bufio.NewScanner(strings.NewReader(string(b)))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var v struct{ Log string }
		if json.Unmarshal(lines.Bytes(), &v) == nil {
			s.logs = append(s.logs, v.Log)
		}
	}
}

func (s *httpServer) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func httpClient(t *testing.T, o HTTPOptions) *HTTP {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	d, err := NewHTTP(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestHTTP(t *testing.T) {
	a := newAuthority(t)
	for name, set := range map[string]func(*httpServer, *HTTPOptions){
		"plain": func(s *httpServer, _ *HTTPOptions) { s.Start() },
		"gzip":  func(s *httpServer, o *HTTPOptions) { s.Start(); o.Gzip = true },
		"tls": func(s *httpServer, o *HTTPOptions) {
			s.TLS = a.server(t, true)
			s.StartTLS()
			cert, key := a.pair(t, "client")
			o.TLS = TLSFiles{CA: file(t, string(a.pem)), Cert: cert, Key: key}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newHTTPServer(t)
			secret := file(t, "Bearer t0\n")
			o := HTTPOptions{Headers: map[string]string{"X-Scope-OrgID": "a"}, AuthorizationFile: secret}
			set(s, &o)
			o.URL = s.URL + "/in?key=k"
			d := httpClient(t, o)
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() { put(t, d, fmt.Sprint(i)) })
			}
			wg.Wait()
			slices.Sort(s.logs)
			if len(s.logs) != 50 || len(slices.Compact(s.logs)) != 50 {
				t.Errorf("%d lines", len(s.logs))
			}
			for k, want := range map[string]string{"Content-Type": "application/x-ndjson", "X-Scope-OrgID": "a", "Authorization": "Bearer t0"} {
				if got := s.seen.Get(k); got != want {
					t.Errorf("header %s: %q, want %q", k, got, want)
				}
			}
			if err := os.WriteFile(secret, []byte("Bearer t1"), 0o600); err != nil {
				t.Fatal(err)
			}
			if put(t, d, "x"); s.seen.Get("Authorization") != "Bearer t1" {
				t.Error("the new secret is not used")
			}
		})
	}
}

// TestHTTPStatus: what can never work is permanent, and all else is not.
func TestHTTPStatus(t *testing.T) {
	s := newHTTPServer(t)
	s.Start()
	d := httpClient(t, HTTPOptions{URL: s.URL + "/?key=k3y"})
	s.header.Set("Location", s.URL+"/elsewhere")
	for status := 200; status < 600; status++ {
		s.set(func() { s.status = status; s.hits = 0 })
		err := d.Deliver(context.Background(), "t", chunkOf(1, "secret"), 1)
		permanently := status == 400 || status == 413 || status == 422
		if (err == nil) != (status < 300) || Permanent(err) != permanently {
			t.Errorf("status %d: error %v, permanent %v", status, err, Permanent(err))
		}
		if s.hits != 1 {
			t.Errorf("status %d: %d requests", status, s.hits)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "k3y")) {
			t.Errorf("status %d: the error says too much: %v", status, err)
		}
	}
	s.Close()
	err := d.Deliver(context.Background(), "t", chunkOf(1, "secret"), 1)
	if err == nil || Permanent(err) || strings.Contains(err.Error(), "k3y") {
		t.Errorf("server away: error %v", err)
	}
}

// TestHTTPRest: a server that asks for time gets it.
func TestHTTPRest(t *testing.T) {
	s := newHTTPServer(t)
	s.Start()
	d := httpClient(t, HTTPOptions{URL: s.URL})
	s.set(func() { s.status = 429; s.header.Set("Retry-After", "100") })
	for range 5 {
		if err := d.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err == nil || Permanent(err) {
			t.Errorf("error %v", err)
		}
	}
	s.set(func() {
		if s.hits != 1 {
			t.Errorf("%d requests in a pause", s.hits)
		}
		s.status = 200
	})
	d.mu.Lock()
	if left := time.Until(d.rest); left < 50*time.Second || left > 100*time.Second {
		t.Errorf("left alone for %v", left)
	}
	d.rest = time.Now() // the pause is over
	d.mu.Unlock()
	put(t, d, "x")

	now := time.Now().Truncate(time.Second)
	for in, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "99999999999": 0, "4000000000": maxRest,
		now.UTC().Add(9 * time.Second).Format(http.TimeFormat): 9 * time.Second,
		now.UTC().Add(-time.Hour).Format(http.TimeFormat):      0,
		now.UTC().Add(99 * time.Hour).Format(http.TimeFormat):  maxRest,
	} {
		if got := retryAfter(in, now); got != want {
			t.Errorf("%q is %v, want %v", in, got, want)
		}
	}
}

// TestHTTPTooLarge: a chunk goes in parts that the server takes, and one record that is
// too large does not cost the others.
func TestHTTPTooLarge(t *testing.T) {
	s := newHTTPServer(t)
	s.Start()
	s.limit = 300
	d := httpClient(t, HTTPOptions{URL: s.URL})
	var chunk []byte
	want := map[string]bool{}
	for i := range 100 {
		text := strconv.Itoa(i) + strings.Repeat("y", i%7*10)
		want[text] = true
		chunk = append(chunk, chunkOf(1, text)...)
	}
	if err := d.Deliver(context.Background(), "t", chunk, 100); err != nil {
		t.Fatal(err)
	}
	chunk = append(chunk[:len(chunk):len(chunk)], chunkOf(1, strings.Repeat("z", 400))...)
	chunk = append(chunk, chunkOf(1, "behind")...)
	err := d.Deliver(context.Background(), "t", chunk, 102)
	if !Permanent(err) {
		t.Errorf("error %v, want a permanent one", err)
	}
	count := map[string]int{}
	for _, l := range s.logs {
		count[l]++
	}
	for text := range want {
		if count[text] != 2 {
			t.Errorf("a record came %d times in two deliveries", count[text])
		}
	}
	if count["behind"] != 1 || len(count) != 101 {
		t.Errorf("the record behind the large one came %d times; %d different ones", count["behind"], len(count))
	}
}

// TestHTTPTimeout: a server that is slow costs the timeout.
func TestHTTPTimeout(t *testing.T) {
	s := newHTTPServer(t)
	s.Start()
	s.wait = 2 * time.Second
	d := httpClient(t, HTTPOptions{URL: s.URL, Timeout: 100 * time.Millisecond})
	start := time.Now()
	if err := d.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err == nil || Permanent(err) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(start); took > 1500*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

// TestHTTPTrust: a server with another certificate gets nothing, and a redirect is not
// followed.
func TestHTTPTrust(t *testing.T) {
	s, elsewhere := newHTTPServer(t), newHTTPServer(t)
	s.TLS = newAuthority(t).server(t, false)
	s.StartTLS()
	d := httpClient(t, HTTPOptions{URL: s.URL, TLS: TLSFiles{CA: file(t, string(newAuthority(t).pem))}})
	if err := d.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err == nil || Permanent(err) || s.hits > 0 {
		t.Errorf("error %v, %d requests", err, s.hits)
	}
	elsewhere.Start()
	from := newHTTPServer(t)
	from.Start()
	for _, status := range []int{301, 302, 303, 307, 308} {
		from.set(func() { from.status = status; from.header.Set("Location", elsewhere.URL) })
		d = httpClient(t, HTTPOptions{URL: from.URL})
		if err := d.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err == nil || Permanent(err) {
			t.Errorf("redirect: error %v", err)
		}
	}
	if elsewhere.hits > 0 {
		t.Error("a redirect was followed")
	}
}

func TestCheckURL(t *testing.T) {
	for in, ok := range map[string]bool{
		"http://127.0.0.1:8080/x?y=z": true, "https://log.example": true,
		"": false, "log.example": false, "ftp://x": false, "http://": false, "http://u:p@x": false, "https://x/#f": false, "http://x:y": false,
	} {
		if err := CheckURL(in); (err == nil) != ok {
			t.Errorf("%q: %v", in, err)
		} else if err != nil && strings.Contains(err.Error(), "u:p") {
			t.Errorf("the error repeats the URL: %v", err)
		}
		if _, err := url.Parse(in); ok && err != nil {
			t.Error(err)
		}
	}
}

// FuzzRetryAfter: no text asks for a pause that is negative or too long.
func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Fri, 31 Dec 1999 23:59:59 GMT")
	f.Fuzz(func(t *testing.T, s string) {
		if p := retryAfter(s, time.Unix(0, 0)); p < 0 || p > maxRest {
			t.Errorf("%q: %v", s, p)
		}
	})
}
