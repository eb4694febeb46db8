package instance

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"logveil/internal/config"
	"logveil/vault/vaulttest"
)

// world is a process with a policy in a folder of its own, and its log.
type world struct {
	*Process
	t    *testing.T
	file string

	mu  sync.Mutex
	log strings.Builder
}

func newWorld(t *testing.T, policy string) *world {
	w := &world{t: t, file: filepath.Join(t.TempDir(), "policy.yml")}
	w.write(policy)
	w.Process = NewProcess("v0", func(l Level, text string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		fmt.Fprintf(&w.log, "%d %s\n", l, text)
	})
	t.Cleanup(func() {
		w.Process.mu.Lock()
		defer w.Process.mu.Unlock()
		w.serve("off")
		for _, p := range w.policies {
			p.redactor.Close()
		}
	})
	return w
}

func (w *world) write(policy string) {
	w.t.Helper()
	if err := os.WriteFile(w.file, []byte("version: 1\n"+policy), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) text() string {
	w.Drain()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func (w *world) filter() *Filter {
	w.t.Helper()
	f, err := w.NewFilter(Options{ConfigFile: w.file})
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

func (w *world) output() *Output {
	w.t.Helper()
	o, err := w.NewOutput(Options{ConfigFile: w.file})
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

const masks = "default: {scheme: mask}\nfluent_bit: {metrics: {listen: off}}\n"

func record(fields ...string) []byte {
	b := msgp.AppendArrayHeader(nil, 2)
	b = msgp.AppendInt(b, 1700000000)
	b = msgp.AppendMapHeader(b, uint32(len(fields)/2))
	for _, f := range fields {
		b = msgp.AppendString(b, f)
	}
	return b
}

// redacted is what a host goes on with.
func redacted(f *Filter, chunk []byte) []byte {
	if out, changed := f.Redact(nil, chunk); changed {
		return out
	}
	return chunk
}

var raw, masked = record("log", "card 4111111111111111"), record("log", "card tok1_card_x")

// TestPolicies shares a policy among instances, takes a new one at the next start, and
// keeps the former when the file is bad or gone.
func TestPolicies(t *testing.T) {
	w := newWorld(t, masks)
	a, b := w.filter(), w.filter()
	if a.in.policy != b.in.policy {
		t.Error("two instances of one file have policies of their own")
	}
	first := a.in.policy
	w.write(masks + "kinds: {card: {enabled: false}}\n")
	c := w.filter()
	if c.in.policy == first || !bytes.Equal(redacted(c, raw), raw) || !bytes.Equal(redacted(a, raw), masked) {
		t.Error("a new instance has the old policy, or an old one the new policy")
	}
	a.Close()
	b.Close()
	c.Close()
	w.write("nonsense: 4111111111111111\n")
	d := w.filter()
	if d.in.policy != c.in.policy {
		t.Error("a bad policy took the place of the former")
	}
	if err := os.Remove(w.file); err != nil {
		t.Fatal(err)
	}
	if e := w.filter(); e.in.policy != c.in.policy {
		t.Error("without a file the former policy is not in force")
	}
	d.Close()
	w.write(masks)
	f := w.filter()
	if !bytes.Equal(redacted(f, raw), masked) {
		t.Error("the next good policy is not in force")
	}
	// The same file at another start is read again: what it names may have changed.
	f.Close()
	if g := w.filter(); g.in.policy == f.in.policy {
		t.Error("a start did not read the policy")
	}
	if log := w.text(); strings.Count(log, "the former one stays in force") != 2 || strings.Contains(log, "4111") {
		t.Errorf("log:\n%s", log)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, masks)
	for _, o := range []Options{{}, {ConfigFile: w.file + "x"}, {ConfigFile: w.file, TenantKey: "a b"}, {ConfigFile: w.file, TenantKey: "a..b"}} {
		if _, err := w.NewFilter(o); err == nil {
			t.Errorf("%+v starts", o)
		}
	}
	if _, err := w.NewOutput(Options{ConfigFile: w.file}); err == nil {
		t.Error("an output starts that knows no destination")
	}
	if w.policies[w.file].refs != 0 {
		t.Error("an output that did not start holds its policy")
	}
}

// TestTenantKey takes the name of the tenant from where the host's configuration says.
func TestTenantKey(t *testing.T) {
	w := newWorld(t, "tokens: {key_file: k, tenant: red, tenants: {names: [blue], record_field: team}}\nfluent_bit: {metrics: {listen: off}}\n")
	token := func(f *Filter, key, tenant string) string {
		return tokens.FindString(string(redacted(f, record("log", "card 4111111111111111", key, tenant))))
	}
	byPolicy := w.filter()
	byKey, err := w.NewFilter(Options{ConfigFile: w.file, TenantKey: "org"})
	if err != nil {
		t.Fatal(err)
	}
	red, blue := token(byPolicy, "team", "red"), token(byPolicy, "team", "blue")
	const mask = "tok1_card_x"
	if red == blue || red == mask || blue == mask {
		t.Errorf("red %q, blue %q", red, blue)
	}
	for _, tt := range []struct {
		f                 *Filter
		key, tenant, want string
	}{
		{byPolicy, "team", "nobody", mask},
		{byPolicy, "org", "blue", red}, // none: that of the policy
		{byKey, "org", "blue", blue},
		{byKey, "team", "blue", red},
		{byKey, "org", "nobody", mask},
	} {
		if got := token(tt.f, tt.key, tt.tenant); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.key, tt.tenant, got, tt.want)
		}
	}
}

var tokens = regexp.MustCompile(`tok1_card_\w+`)

// TestFlush tells a host what became of a chunk, in time.
func TestFlush(t *testing.T) {
	var answer atomic.Int32
	var got atomic.Pointer[[]byte]
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got.Store(&b)
		if answer.Load() == 0 {
			select {
			case <-release:
			case <-r.Context().Done():
			}
			return
		}
		w.WriteHeader(int(answer.Load()))
	}))
	defer s.Close()
	defer close(release)
	w := newWorld(t, "default: {scheme: mask}\nfluent_bit:\n  metrics: {listen: off}\n  output: {type: http, http: {url: '"+s.URL+"'}}\n")
	o := w.output()
	for _, tt := range []struct {
		status int32
		want   Result
	}{{200, Delivered}, {503, Retry}, {400, Refused}, {429, Retry}, {500, Retry}} {
		answer.Store(tt.status)
		if r, _ := o.Flush("app", raw); r != tt.want {
			t.Errorf("status %d: result %d, want %d", tt.status, r, tt.want)
		}
		if b := *got.Load(); !bytes.Contains(b, []byte("card tok1_card_x")) {
			t.Errorf("delivered %s", b)
		}
	}
	answer.Store(200)
	clean := record("log", "nothing to be found")
	if r, n := o.Flush("app", clean); r != Delivered || n != 1 || !bytes.Contains(*got.Load(), []byte("nothing to be found")) {
		t.Errorf("a clean chunk: result %d, %d records, delivered %s", r, n, *got.Load())
	}
	got.Store(new([]byte))
	if r, _ := o.Flush("app", []byte{0xc1}); r != Delivered || len(*got.Load()) != 0 {
		t.Errorf("a chunk with nothing in it: result %d, delivered %q", r, *got.Load())
	}
	answer.Store(0)
	start := time.Now()
	if r, n := o.Flush("app", raw); r != Retry || n != 1 {
		t.Errorf("an end that does not answer: result %d", r)
	}
	if took := time.Since(start); took > FlushWait+time.Second {
		t.Errorf("a flush took %v", took)
	}
	s.CloseClientConnections()
	o.Close()
	if log := w.text(); !strings.Contains(log, "tried again") || !strings.Contains(log, "given up") || strings.Contains(log, "4111") {
		t.Errorf("log:\n%s", log)
	}
}

// TestVault seals, kills and starts a real Vault under a filter: there is nothing raw, and
// no chunk waits for longer than it may.
func TestVault(t *testing.T) {
	v := vaulttest.Start(t)
	w := newWorld(t, "")
	token := filepath.Join(filepath.Dir(w.file), "token")
	if err := os.WriteFile(token, []byte(v.RootToken), 0o600); err != nil {
		t.Fatal(err)
	}
	policy := fmt.Sprintf("default: {scheme: transit}\nfluent_bit: {metrics: {listen: off}}\nvault:\n  address: %s\n  ca_file: %s\n  auth: {method: token_file, token_file: token}\n", v.TLSAddr, v.CAFile)
	w.write(policy)
	p, err := config.Load(w.file)
	if err != nil {
		t.Fatal(err)
	}
	op, err := p.AsRedactor(t.Context()) // with the root token
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.Init(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	op.Close()
	f := w.filter()
	n := 0
	check := func(what string, want string) {
		t.Helper()
		n++
		chunk := record("log", fmt.Sprintf("mail user%d@example.com", n))
		start := time.Now()
		got := redacted(f, chunk)
		if took := time.Since(start); took > TokenWait+time.Second {
			t.Errorf("%s: a chunk took %v", what, took)
		}
		if bytes.Contains(got, []byte("@example.com")) || !bytes.Contains(got, []byte(want)) {
			t.Errorf("%s: %q, want %s", what, got, want)
		}
	}
	check("Vault is well", "tok1_email_t")
	v.Seal(t)
	for range 5 {
		check("sealed", "tok1_email_x")
	}
	v.Kill()
	check("killed", "tok1_email_x")

	// Without Vault there is no start, unless the policy says to mask.
	other := newWorld(t, policy)
	if err := os.WriteFile(filepath.Join(filepath.Dir(other.file), "token"), []byte(v.RootToken), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := other.NewFilter(Options{ConfigFile: other.file}); err == nil {
		t.Error("a filter starts without Vault")
	}
	other.write(policy + "  on_start_failure: mask\n  start_timeout: 2s\n")
	f = other.filter()
	check("started without Vault", "tok1_email_x")
}

// TestMetrics reads the counts where the policy says.
func TestMetrics(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	w := newWorld(t, "default: {scheme: mask}\nfluent_bit: {metrics: {listen: '"+addr+"'}}\n")
	f := w.filter()
	redacted(f, bytes.Repeat(raw, 10))
	clean := record("log", "nothing to be found")
	redacted(f, clean)
	redacted(f, []byte{0xc1})
	r, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`logveil_records_total{face="filter"} 11`,
		fmt.Sprintf(`logveil_input_bytes_total{face="filter"} %d`, 10*len(raw)+len(clean)+1),
		fmt.Sprintf(`logveil_output_bytes_total{face="filter"} %d`, 10*len(masked)+len(clean)),
		`logveil_findings_total{detector="card",kind="card"} 10`,
		`logveil_dropped_records_total{face="filter"} 1`,
		`logveil_policy_loads_total{result="loaded"} 1`,
		`logveil_ready 1`,
	} {
		if !bytes.Contains(page, []byte("\n"+want+"\n")) {
			t.Errorf("the page has no %s", want)
		}
	}
	w.write(masks)
	w.filter()
	if _, err := http.Get("http://" + addr + "/metrics"); err == nil {
		t.Error("metrics are shown that the policy has turned off")
	}
}
