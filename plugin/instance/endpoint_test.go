package instance

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// lines is a log.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(_ Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, text)
}

func (l *lines) with(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, s := range l.all {
		if strings.Contains(s, text) {
			n++
		}
	}
	return n
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func page(url string) (int, string) {
	r, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err.Error()
	}
	return r.StatusCode, string(b)
}

// TestEndpoint: the counts stand at the address of the policy in force, also after a
// reload that moves or closes it.
func TestEndpoint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yml")
	policy := func(listen string) {
		t.Helper()
		text := fmt.Sprintf("default: {scheme: mask}\nfluent_bit: {metrics: {listen: %q}}\n", listen)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log lines
	p := NewProcess("v7", log.add)
	first, second := freeAddr(t), freeAddr(t)
	policy(first)
	f, err := p.NewFilter(Options{ConfigFile: file})
	if err != nil {
		t.Fatal(err)
	}
	chunk := append([]byte{0x92, 0, 0x81, 0xa3, 'l', 'o', 'g', 0xa0 | 15}, "ada@example.com"...)
	if strings.Contains(string(redacted(f, chunk)), "ada@") {
		t.Error("not redacted")
	}
	status, text := page("http://" + first + "/metrics")
	for _, want := range []string{`logveil_records_total{face="filter"} 1`, `detector="email"`, `version="v7"`, "logveil_tokens_made_total", `logveil_policy_loads_total{result="loaded"} 1`} {
		if status != 200 || !strings.Contains(text, want) {
			t.Errorf("status %d, no %s", status, want)
		}
	}
	if strings.Contains(text, "ada@") || strings.Contains(text, file) {
		t.Error("the page shows a value or a path")
	}
	if status, text := page("http://" + first + "/readyz"); status != 200 {
		t.Errorf("/readyz: %d %s", status, text)
	}

	// A reload: all end, and then start again.
	f.Close()
	policy(second)
	if f, err = p.NewFilter(Options{ConfigFile: file}); err != nil {
		t.Fatal(err)
	}
	if status, _ := page("http://" + first + "/metrics"); status != 0 {
		t.Error("the former address still answers")
	}
	if status, text := page("http://" + second + "/metrics"); status != 200 || !strings.Contains(text, `face="filter"} 1`) {
		t.Errorf("the new address: %d; counts go on", status)
	}
	// A second instance of the same policy shares it.
	g, err := p.NewFilter(Options{ConfigFile: file})
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
	f.Close()
	policy("off")
	if f, err = p.NewFilter(Options{ConfigFile: file}); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if status, _ := page("http://" + second + "/metrics"); status != 0 {
		t.Error("off, and still there")
	}
}

// TestEndpointTaken: without its address the plugin redacts, and says so.
func TestEndpointTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.yml")
	text := fmt.Sprintf("default: {scheme: mask}\nfluent_bit: {metrics: {listen: %q}}\n", l.Addr())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log lines
	p := NewProcess("v7", log.add)
	for i := range 2 {
		f, err := p.NewFilter(Options{ConfigFile: file})
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		p.Drain()
		if n := log.with("metrics are not shown"); n != 1 {
			t.Errorf("start %d: said %d times", i, n)
		}
		_ = l.Close() // the next start gets it
	}
	if status, _ := page(fmt.Sprintf("http://%v/healthz", l.Addr())); status != 200 {
		t.Error("the address was free and is not served")
	}
}
