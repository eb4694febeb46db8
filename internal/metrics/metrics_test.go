package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"logveil/detectors"
	"logveil/internal/deliver"
	"logveil/redact"
)

// serve returns the metrics' server and its address as a URL.
func serve(t *testing.T, m *Metrics) string {
	t.Helper()
	s, err := m.Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return "http://" + s.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// series returns every series of a page, by name and labels, and what it counts.
func series(t *testing.T, page string) map[string]float64 {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatalf("Prometheus' own parser: %v", err)
	}
	all := map[string]float64{}
	for name, f := range families {
		if f.GetHelp() == "" {
			t.Errorf("%s has no help text", name)
		}
		for _, m := range f.GetMetric() {
			key := name
			for _, l := range m.GetLabel() {
				key += "," + l.GetName() + "=" + l.GetValue()
			}
			switch {
			case m.GetCounter() != nil:
				all[key] = m.GetCounter().GetValue()
			case m.GetGauge() != nil:
				all[key] = m.GetGauge().GetValue()
			case m.GetHistogram() != nil:
				all[key] = float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return all
}

// failing answers with the errors that it has, one after the other.
type failing struct {
	deliver.Null
	errs []error
}

func (f *failing) Deliver(context.Context, string, []byte, int) error {
	err := f.errs[0]
	f.errs = f.errs[1:]
	return err
}

// busy returns metrics of an engine with every detector that has seen text, and its own
// counts.
func busy(t *testing.T, text string) (*Metrics, *redact.Engine, *redact.Stats) {
	t.Helper()
	e, err := redact.New(redact.Options{Detectors: detectors.All(), Tokenizer: redact.MaskTokenizer{}})
	if err != nil {
		t.Fatal(err)
	}
	m := New("v0", "policy")
	counts := m.Engine(e.Specs())
	w := e.NewWorker()
	var seen redact.Stats
	for range 3 {
		start := time.Now()
		out := w.Append(context.Background(), nil, []byte(text))
		m.Batch(FaceFilter, 2, len(text), len(out), time.Since(start))
		counts.Add(w.Stats(), &seen)
		counts.Add(w.Stats(), &seen) // nothing new: nothing is added
	}
	return m, e, w.Stats()
}

const planted = "card 4111 1111 1111 1111 of ada@example.com\npassword=correct-horse-9\n"

// TestCounts compares what a scrape shows with what the engine counted.
func TestCounts(t *testing.T) {
	m, e, stats := busy(t, planted)
	m.Dropped(FaceFilter, 4)
	m.Masked(ReasonPanic, 5)
	m.PolicyLoaded(true)
	m.PolicyLoaded(false)
	d := m.Deliverer("forward", &failing{errs: []error{nil, errors.New("later"), nil}})
	for range 3 {
		_ = d.Deliver(context.Background(), "tag.of.ada@example.com", []byte("0123456789"), 7)
	}
	_, page := get(t, serve(t, m)+"/metrics")
	got := series(t, page)
	var findings uint64
	for i, s := range e.Specs() {
		key := fmt.Sprintf("logveil_findings_total,detector=%s,kind=%s", s.Name, s.Kind)
		n, ok := got[key]
		if !ok {
			t.Errorf("no series %s", key)
		}
		if uint64(n) != stats.Findings[i] {
			t.Errorf("%s is %v, the engine counted %d", key, n, stats.Findings[i])
		}
		findings += stats.Findings[i]
	}
	if findings != 9 {
		t.Errorf("%d findings, want three in each of three batches", findings)
	}
	for key, want := range map[string]float64{
		"logveil_records_total,face=filter":                              6,
		"logveil_records_total,face=output":                              0,
		"logveil_input_bytes_total,face=filter":                          float64(3 * len(planted)),
		"logveil_redact_seconds,face=filter":                             3,
		"logveil_dropped_records_total,face=filter":                      4,
		"logveil_masked_total,reason=panic":                              5,
		"logveil_masked_total,reason=no_token":                           float64(stats.Masked),
		"logveil_policy_loads_total,result=failed":                       1,
		"logveil_policy_loads_total,result=loaded":                       1,
		"logveil_delivery_chunks_total,output=forward,result=delivered":  2,
		"logveil_delivery_chunks_total,output=forward,result=retry":      1,
		"logveil_delivery_chunks_total,output=forward,result=permanent":  0,
		"logveil_delivery_records_total,output=forward,result=delivered": 14,
		"logveil_delivery_bytes_total,output=forward,result=delivered":   20,
		"logveil_delivery_seconds,output=forward":                        3,
		"logveil_ready": 0,
		"logveil_delivery_records_total,output=forward,result=permanent": 0,
		"logveil_masked_total,reason=unscanned":                          0,
		"logveil_input_bytes_total,face=output":                          0,
		"logveil_delivery_bytes_total,output=forward,result=retry":       10,
		"logveil_output_bytes_total,face=output":                         0,
		"logveil_dropped_records_total,face=output":                      0,
		"logveil_masked_total,reason=detector":                           0,
		"logveil_redact_seconds,face=output":                             0,
		"logveil_delivery_records_total,output=forward,result=retry":     7,
		"logveil_delivery_bytes_total,output=forward,result=permanent":   0,
	} {
		if n, ok := got[key]; !ok || n != want {
			t.Errorf("%s is %v (there: %v), want %v", key, n, ok, want)
		}
	}
	for _, secret := range []string{"ada@", "example.com", "4111", "horse"} {
		if strings.Contains(page, secret) {
			t.Errorf("the page shows %q", secret)
		}
	}
	if n := testing.AllocsPerRun(100, func() { m.Batch(FaceFilter, 1, 1, 1, time.Millisecond) }); n > 0 {
		t.Errorf("%v allocations for a batch", n)
	}
}

// TestBounded: traffic makes no new series.
func TestBounded(t *testing.T) {
	m, _, _ := busy(t, planted)
	url := serve(t, m) + "/metrics"
	_, page := get(t, url)
	before := len(series(t, page))
	d := m.Deliverer("null", deliver.Null{})
	_, page = get(t, url)
	added := len(series(t, page)) - before
	for i := range 1000 {
		_ = d.Deliver(context.Background(), fmt.Sprint("tag", i), nil, 1)
		m.Batch(FaceOutput, i, i, i, time.Duration(i))
	}
	_, page = get(t, url)
	if n := len(series(t, page)) - before; n != added || added != 10 {
		t.Errorf("%d series more after traffic, %d when the output was named; want 10", n, added)
	}
}

func TestHealthAndReady(t *testing.T) {
	m := New("v0", "policy", "output")
	url := serve(t, m)
	expect := func(path string, status int, text string) {
		t.Helper()
		if s, b := get(t, url+path); s != status || b != text {
			t.Errorf("%s answers %d %q, want %d %q", path, s, b, status, text)
		}
	}
	expect("/healthz", 200, "ok\n")
	expect("/readyz", 503, "not ready: output, policy\n")
	m.SetReady("output", true)
	m.SetReady("output", true)
	expect("/readyz", 503, "not ready: policy\n")
	m.SetReady("policy", true)
	expect("/readyz", 200, "ready\n")
	m.SetReady("vault", false)
	expect("/readyz", 503, "not ready: vault\n")
	for _, path := range []string{"/", "/debug/pprof/", "/metrics/x"} {
		if s, _ := get(t, url+path); s != 404 {
			t.Errorf("%s answers %d", path, s)
		}
	}
	r, err := http.Post(url+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST answers %d", r.StatusCode)
	}
}

// TestPortTaken: an address in use is an error, and a closed server gives its own back.
func TestPortTaken(t *testing.T) {
	m := New("v0")
	s, err := m.Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Serve(s.Addr().String()); err == nil {
		t.Error("two servers at one address")
	}
	// A client that sends nothing does not keep the server from closing.
	idle, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = idle.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_ = s.Close(ctx)
	again, err := m.Serve(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestPromtool has Prometheus' own linter read the page.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	m, _, _ := busy(t, planted)
	m.Deliverer("forward", deliver.Null{})
	_, page := get(t, serve(t, m)+"/metrics")
	var own bytes.Buffer
	for line := range strings.SplitAfterSeq(page, "\n") {
		if strings.Contains(line, "logveil_") {
			own.WriteString(line)
		}
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = &own
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// TestPrometheus has a real Prometheus scrape the server, and asks it.
func TestPrometheus(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed")
	}
	if testing.Short() {
		t.Skip("-short: a Prometheus takes seconds to start and to scrape")
	}
	m, _, _ := busy(t, planted)
	target := strings.TrimPrefix(serve(t, m), "http://")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: logveil\n    static_configs: [{targets: [%q]}]\n", target)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr)
	var logs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &logs, &logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}()
	query := func(q string) string {
		r, err := http.Get("http://" + addr + "/api/v1/query?query=" + url.QueryEscape(q))
		if err != nil {
			return ""
		}
		defer r.Body.Close()
		var answer struct {
			Data struct {
				Result []struct{ Value [2]any }
			}
		}
		if json.NewDecoder(r.Body).Decode(&answer) != nil || len(answer.Data.Result) != 1 {
			return ""
		}
		s, _ := answer.Data.Result[0].Value[1].(string)
		return s
	}
	const q = `sum(logveil_findings_total{kind="card"}) + sum(up)`
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if query(q) == "4" { // a card in each of three batches, and one target that is up
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %q after 30 s\n%s", q, query(q), &logs)
		}
	}
}
