package vault

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"logveil/redact"
)

// numberDetector finds "no:" and ten digits.
type numberDetector struct{}

func (numberDetector) Spec() redact.Spec {
	return redact.Spec{Name: "number", Kind: "number", Doc: "a number of a test", MaxLen: 16, Rank: 50,
		Anchor: redact.Anchor{Literals: []redact.Literal{{Text: "no:"}}}}
}

func (numberDetector) Match(b []byte, at int) (redact.Span, redact.Reason) {
	s := redact.Span{Start: at + 3, End: at + 13}
	if s.End > len(b) {
		return redact.Span{}, redact.RejectLength
	}
	for _, c := range b[s.Start:s.End] {
		if c < '0' || c > '9' {
			return redact.Span{}, redact.RejectAnchor
		}
	}
	return s, redact.Accepted
}

// stream redacts log lines with ever new values, as fast as it goes, and watches what
// comes out.
type stream struct {
	t       testing.TB
	engine  *redact.Engine
	budget  time.Duration
	n       atomic.Uint64
	tokens  atomic.Uint64
	masks   atomic.Uint64
	slowest atomic.Int64 // the longest time of a batch, less what its threads waited for a processor
	stall   atomic.Int64 // the longest that a short sleep took: what the machine adds
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

// workers and linesPerBatch make about as many values as a busy sidecar has.
const (
	streamWorkers = 2
	linesPerBatch = 40
)

func newStream(t testing.TB, tk *Tokenizer, budget time.Duration) *stream {
	t.Helper()
	e, err := redact.New(redact.Options{Detectors: []redact.Detector{numberDetector{}}, Tokenizer: tk})
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{t: t, engine: e, budget: budget}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	for range streamWorkers {
		s.wg.Go(func() { s.run(ctx) })
	}
	s.wg.Go(func() {
		for ctx.Err() == nil {
			start := time.Now()
			time.Sleep(2 * time.Millisecond)
			raise(&s.stall, time.Since(start))
		}
	})
	t.Cleanup(s.end)
	return s
}

func (s *stream) run(ctx context.Context) {
	w := s.engine.NewWorker()
	var in, out []byte
	var raw []string
	for ctx.Err() == nil {
		in, raw = in[:0], raw[:0]
		for range linesPerBatch {
			raw = append(raw, fmt.Sprintf("%010d", s.n.Add(1)*7919%9999999967))
			in = append(in, "level=info no:"+raw[len(raw)-1]+" msg=\"paid\"\n"...)
		}
		start, starved := time.Now(), starvation()
		out = w.Append(context.Background(), out[:0], in)
		raise(&s.slowest, time.Since(start)-(starvation()-starved))
		for _, r := range raw {
			if bytes.Contains(out, []byte(r)) {
				s.t.Errorf("raw value in the output: %q", out)
				return
			}
		}
		masks := bytes.Count(out, []byte("no:tok1_number_x "))
		s.masks.Add(uint64(masks))
		s.tokens.Add(uint64(bytes.Count(out, []byte("no:tok1_number_")) - masks))
		if bytes.Count(out, []byte("no:tok1_number_")) != linesPerBatch || bytes.Count(out, []byte(" msg=\"paid\"\n")) != linesPerBatch {
			s.t.Errorf("not the lines that went in: %q", out)
			return
		}
		time.Sleep(time.Millisecond) // leaves the one core to Vault
	}
}

// starvation is how long the threads of this process have waited for a processor, all
// together, as Linux counts it; 0 elsewhere.
func starvation() (d time.Duration) {
	tasks, _ := filepath.Glob("/proc/self/task/*/schedstat")
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if err != nil {
			continue // a thread that has ended
		}
		if f := strings.Fields(string(b)); len(f) == 3 {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			d += time.Duration(n)
		}
	}
	return d
}

// raise keeps the largest duration.
func raise(max *atomic.Int64, d time.Duration) {
	for old := max.Load(); int64(d) > old && !max.CompareAndSwap(old, int64(d)); old = max.Load() {
	}
}

func (s *stream) end() {
	if s.stop == nil {
		return
	}
	s.stop()
	s.wg.Wait()
	s.stop = nil
	// The budget is for the wait; the machine, which is shared, may add its stalls. That
	// the wait keeps it to the nanosecond is for TestBudget.
	took, stall := time.Duration(s.slowest.Load()), time.Duration(s.stall.Load())
	s.t.Logf("%d tokens, %d masks; the slowest of the batches took %v, the budget is %v, the machine's longest stall %v", s.tokens.Load(), s.masks.Load(), took, s.budget, stall)
	if took > s.budget+200*time.Millisecond+2*stall {
		s.t.Errorf("a batch took %v, the budget is %v and the machine's longest stall %v", took, s.budget, stall)
	}
}

// flows waits until tokens come and no masks.
func (s *stream) flows(what string) {
	s.t.Helper()
	eventually(s.t, what+": tokens flow", func() bool {
		m, n := s.masks.Load(), s.tokens.Load()
		time.Sleep(60 * time.Millisecond)
		return s.masks.Load() == m && s.tokens.Load() > n
	})
}

// dry waits until masks come and no tokens.
func (s *stream) dry(what string) {
	s.t.Helper()
	eventually(s.t, what+": only masks", func() bool {
		m, n := s.masks.Load(), s.tokens.Load()
		time.Sleep(30 * time.Millisecond)
		return s.tokens.Load() == n && s.masks.Load() > m
	})
}

// bench is a Vault behind a fault proxy with a stream through one remote scheme.
type faultBench struct {
	*world
	proxy  *faultProxy
	client *Client
	remote *Remote
	stream *stream
	alarms *alarmLog
}

type alarmLog struct {
	mu    sync.Mutex
	texts []string
}

func (a *alarmLog) raise(text string) {
	a.mu.Lock()
	a.texts = append(a.texts, text)
	a.mu.Unlock()
}

func (a *alarmLog) has(part string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.texts, func(s string) bool { return strings.Contains(s, part) })
}

const testBudget = 150 * time.Millisecond

func newFaultBench(t *testing.T, through func(*world, *faultProxy) ClientConfig, extra ...string) *faultBench {
	t.Helper()
	w := newWorld(t, extra...)
	b := &faultBench{world: w, proxy: newFaultProxy(t, w), alarms: new(alarmLog)}
	cfg := w.config()
	if through != nil {
		cfg = through(w, b.proxy)
	}
	cfg.Alarm = b.alarms.raise
	cfg.RequestTimeout = 400 * time.Millisecond
	b.client = newClient(t, cfg)
	b.remote = newTransit(t, b.client, RemoteConfig{Budget: testBudget, Batch: 100})
	b.stream = newStream(t, newTokenizer(t, Options{Default: Rule{Scheme: b.remote}}), testBudget)
	b.stream.flows("at the start")
	return b
}

func throughProxy(w *world, p *faultProxy) ClientConfig {
	cfg := w.config()
	cfg.Address, cfg.CAFile = p.URL, p.CAFile
	return cfg
}

// masked reports whether values were masked for one of the reasons.
func (b *faultBench) masked(reasons ...MaskReason) bool {
	st := b.remote.Stats()
	for _, r := range reasons {
		if st.Masked[r] > 0 {
			return true
		}
	}
	return false
}

func (b *faultBench) wants(t *testing.T, reasons ...MaskReason) {
	t.Helper()
	if !b.masked(reasons...) {
		t.Errorf("masked: %v, want one of %v", b.remote.Stats().Masked, reasons)
	}
	// Each mask has its reason.
	b.stream.end()
	var n uint64
	for _, c := range b.remote.Stats().Masked {
		n += c
	}
	if n != b.stream.masks.Load() {
		t.Errorf("%d masks, %d reasons", b.stream.masks.Load(), n)
	}
}

func TestFaultSealed(t *testing.T) {
	b := newFaultBench(t, nil)
	b.Seal(t)
	b.stream.dry("sealed")
	eventually(t, "breaker opens", func() bool { return b.masked(MaskBreaker) && b.masked(MaskDown) })
	b.Unseal(t)
	b.stream.flows("unsealed")
	b.wants(t, MaskDown)
	b.wants(t, MaskBreaker)
}

// Killed, and restarted with the same storage and a new certificate authority.
func TestFaultKilled(t *testing.T) {
	b := newFaultBench(t, nil, "-storage", t.TempDir())
	b.Kill()
	b.stream.dry("killed")
	eventually(t, "masks by reason", func() bool { return b.masked(MaskDown) })
	b.Restart(t)
	b.stream.flows("restarted")
	b.wants(t, MaskDown)
}

func TestFaultSlow(t *testing.T) {
	b := newFaultBench(t, throughProxy)
	b.proxy.set(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		select {
		case <-time.After(10 * time.Second):
		case <-r.Context().Done():
		}
	})
	b.stream.dry("slow")
	eventually(t, "breaker opens", func() bool { return b.masked(MaskBreaker) })
	b.proxy.set(nil)
	b.stream.flows("fast again")
	b.wants(t, MaskTimeout)
	b.wants(t, MaskBreaker)
}

func TestFaultNetworkCut(t *testing.T) {
	b := newFaultBench(t, throughProxy)
	b.proxy.cut.set(true)
	b.stream.dry("cut")
	b.proxy.cut.set(false)
	b.stream.flows("mended")
	b.wants(t, MaskTimeout, MaskBreaker)
}

func TestFaultQuota(t *testing.T) {
	b := newFaultBench(t, nil)
	b.Write(t, "sys/quotas/rate-limit/t", map[string]any{"path": "transit", "rate": 2})
	eventually(t, "masks by quota", func() bool { return b.masked(MaskQuota) })
	if s, _, _ := b.client.breaker.snapshot(); s != BreakerClosed {
		t.Errorf("the breaker is %v", s)
	}
	if _, err := b.Client(t).Logical().Delete("sys/quotas/rate-limit/t"); err != nil {
		t.Fatal(err)
	}
	b.stream.flows("without a quota")
	b.wants(t, MaskQuota)
}

// The file gets another token after the first was revoked.
func TestFaultRevokedToken(t *testing.T) {
	b := newFaultBench(t, nil)
	b.Write(t, "auth/token/revoke", map[string]any{"token": b.client.conn.Load().api.Token()})
	b.stream.dry("revoked")
	eventually(t, "masks by 403", func() bool { return b.masked(MaskDenied) })
	b.file(t, "token", b.Token(t, redactorPolicy, map[string]any{"ttl": "1h"}))
	b.stream.flows("with a new token")
	b.wants(t, MaskDenied)
	if !b.alarms.has("permission denied") {
		t.Errorf("no alarm: %q", b.alarms.texts)
	}
}

// A token that was revoked costs nothing where a login gives another.
func TestFaultRevokedTokenAppRole(t *testing.T) {
	b := newFaultBench(t, func(w *world, _ *faultProxy) ClientConfig { return w.appRole(t, "1h", "1h") })
	first := b.client.conn.Load().api.Token()
	b.Write(t, "auth/token/revoke", map[string]any{"token": first})
	eventually(t, "new login", func() bool { return b.client.conn.Load().api.Token() != first })
	b.stream.flows("with a new token")
}

// Tokens that live for two seconds, renewable up to three, while the stream runs.
func TestFaultExpiringToken(t *testing.T) {
	b := newFaultBench(t, func(w *world, _ *faultProxy) ClientConfig { return w.appRole(t, "2s", "3s") })
	first := b.client.conn.Load().api.Token()
	masks := b.stream.masks.Load()
	time.Sleep(5 * time.Second)
	if now := b.client.conn.Load().api.Token(); now == first {
		t.Error("still the token that has expired")
	}
	b.stream.flows("after two logins")
	if n := b.remote.Stats().Masked[MaskDenied]; n > 0 {
		t.Errorf("%d values masked by 403", n)
	}
	t.Logf("%d masks of %d values: %v", b.stream.masks.Load()-masks, b.stream.tokens.Load(), b.remote.Stats().Masked)
}

// appRole is a login whose tokens live as told.
func (w *world) appRole(t testing.TB, ttl, maxTTL string) ClientConfig {
	t.Helper()
	w.Write(t, "sys/policies/acl/redactor", map[string]any{"policy": redactorPolicy})
	w.Write(t, "auth/approle/role/redactor", map[string]any{"token_policies": "redactor", "token_ttl": ttl, "token_max_ttl": maxTTL})
	sec, err := w.Client(t).Logical().Read("auth/approle/role/redactor/role-id")
	if err != nil {
		t.Fatal(err)
	}
	secret := w.Write(t, "auth/approle/role/redactor/secret-id", nil)["secret_id"].(string)
	cfg := w.config()
	cfg.Auth = NewAppRole(AppRole{RoleID: sec.Data["role_id"].(string), SecretIDFile: w.file(t, "secret-id", secret)})
	return cfg
}

func (w *world) deleteKey(t *testing.T, key string) {
	t.Helper()
	w.Write(t, "transit/keys/"+key+"/config", map[string]any{"deletion_allowed": true})
	if _, err := w.Client(t).Logical().Delete("transit/keys/" + key); err != nil {
		t.Fatal(err)
	}
}

// A key that is gone, and one of the same name that came instead, make no tokens: what
// they would make joins with nothing.
func TestFaultMissingKey(t *testing.T) {
	b := newFaultBench(t, nil)
	b.deleteKey(t, "logveil-transit")
	b.stream.dry("no key")
	eventually(t, "masks by 403", func() bool { return b.masked(MaskDenied) })
	b.Write(t, "transit/keys/logveil-transit", map[string]any{"derived": true, "convergent_encryption": true})
	eventually(t, "masks by the canary", func() bool { return b.masked(MaskConfig) })
	b.stream.dry("another key")
	b.wants(t, MaskDenied) // to encrypt would make the key, which the policy does not allow
	b.wants(t, MaskConfig)
	if !b.alarms.has("was replaced or changed") || !b.alarms.has("permission denied") {
		t.Errorf("alarms: %q", b.alarms.texts)
	}
}

func TestFaultKeyNotConvergent(t *testing.T) {
	for _, key := range []map[string]any{{}, {"derived": true}} {
		b := newFaultBench(t, nil)
		b.deleteKey(t, "logveil-transit")
		b.Write(t, "transit/keys/logveil-transit", key)
		b.stream.dry("not convergent")
		eventually(t, "masks by the canary", func() bool { return b.masked(MaskConfig) })
		b.wants(t, MaskConfig)
		if !b.alarms.has("was replaced or changed") {
			t.Errorf("alarms: %q", b.alarms.texts)
		}
	}
}

// Every third value is refused: the others have tokens.
func TestFaultPartialBatch(t *testing.T) {
	b := newFaultBench(t, throughProxy)
	b.proxy.set(rewrite(func(rs []map[string]any) []map[string]any {
		for i := range rs {
			if i%3 == 1 {
				rs[i] = map[string]any{"error": "refused"}
			}
		}
		return rs
	}))
	m, n := b.stream.masks.Load(), b.stream.tokens.Load()
	eventually(t, "values", func() bool { return b.stream.tokens.Load() > n+1000 })
	share := float64(b.stream.masks.Load()-m) / float64(b.stream.masks.Load()-m+b.stream.tokens.Load()-n)
	if share < 0.2 || share > 0.45 {
		t.Errorf("%.2f of the values are masked, want a third", share)
	}
	b.proxy.set(nil)
	b.stream.flows("whole answers")
	b.wants(t, MaskItem)
}

// Answers that are 200 and nonsense.
func TestFaultBadAnswers(t *testing.T) {
	body := func(text string) harm {
		return onBatches(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = w.Write([]byte(text)) })
	}
	b := newFaultBench(t, throughProxy)
	for name, h := range map[string]harm{
		"empty":           body(""),
		"null":            body("null"),
		"no data":         body(`{"data":null}`),
		"HTML":            body("<html>no:0123456789</html>"),
		"cut JSON":        body(`{"data":{"batch_results":[{"ciphertext":"vault:v1:`),
		"empty results":   rewrite(func(rs []map[string]any) []map[string]any { return nil }),
		"short":           rewrite(func(rs []map[string]any) []map[string]any { return rs[:1] }),
		"empty cipher":    rewrite(func(rs []map[string]any) []map[string]any { return make([]map[string]any, len(rs)) }),
		"other version":   rewrite(func(rs []map[string]any) []map[string]any { return each(rs, "vault:v1:", "vault:v2:") }),
		"not base 64":     rewrite(func(rs []map[string]any) []map[string]any { return each(rs, "vault:v1:", "vault:v1:!") }),
		"shuffled":        rewrite(func(rs []map[string]any) []map[string]any { slices.Reverse(rs); return rs }),
		"wrapped, no key": body(`{"wrap_info":{"token":"hvs.x"}}`),
	} {
		b.proxy.set(h)
		b.stream.dry(name)
		b.proxy.set(nil)
		b.stream.flows("after: " + name)
	}
	b.wants(t, MaskItem)
}

func each(rs []map[string]any, from, to string) []map[string]any {
	for _, r := range rs {
		if s, ok := r["ciphertext"].(string); ok {
			r["ciphertext"] = strings.Replace(s, from, to, 1)
		}
	}
	return rs
}

// Requests that Vault finds too large are halved, and nothing is lost.
func TestFaultTooLarge(t *testing.T) {
	t.Run("413", func(t *testing.T) {
		w := newWorld(t, "-max-request-size", "4000")
		r := newTransit(t, newClient(t, w.config()), RemoteConfig{Budget: 10 * time.Second})
		tk := newTokenizer(t, Options{Default: Rule{Scheme: r}})
		vs := make([]redact.Value, 300)
		for i := range vs {
			vs[i] = redact.Value{Kind: "email", Raw: fmt.Appendf(nil, "user%d@example.com", i)}
		}
		vs[150].Raw = bytes.Repeat([]byte("a"), 5000)
		tk.Tokenize(context.Background(), vs, nil)
		for i := range vs {
			if (len(vs[i].Token) == 0) != (i == 150) {
				t.Errorf("value %d: %q", i, vs[i].Token)
			}
		}
		if st := r.Stats(); st.Masked[MaskTooLarge] != 1 || len(st.Masked) != 1 {
			t.Errorf("%v", st.Masked)
		}
	})
	t.Run("JSON limit", func(t *testing.T) {
		b := newFaultBench(t, throughProxy)
		var limited atomic.Uint64
		b.proxy.set(onBatches(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
			if batchLen(r) > 12 {
				limited.Add(1)
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = w.Write([]byte(`{"errors":["JSON array exceeds allowed element count"]}`))
				return
			}
			forward.ServeHTTP(w, r)
		}))
		eventually(t, "halving", func() bool { return limited.Load() > 5 })
		n := b.stream.tokens.Load()
		eventually(t, "tokens in spite of it", func() bool { return b.stream.tokens.Load() > n+200 })
		if s, _, _ := b.client.breaker.snapshot(); s != BreakerClosed {
			t.Errorf("the breaker is %v", s)
		}
	})
}

// The limits that Vault itself has, 10,000 values and 32 MiB in a request, are met by
// halving, while a stream runs, and cost nobody a token. A Remote does not come near them
// by itself.
func TestFaultVaultsOwnLimits(t *testing.T) {
	for _, c := range []struct {
		name        string
		n, size     int
		maxRequests uint64
	}{{"values", 12_000, 10, 10}, {"bytes", (32 << 20) * 3 / 4 / MaxValue * 5 / 4, MaxValue, 10}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			// Vault is busy with what is too large: others wait for a processor.
			s := newStream(t, newTokenizer(t, Options{Default: Rule{Scheme: newTransit(t, newClient(t, w.config()), RemoteConfig{Budget: 10 * time.Second})}}), 10*time.Second)
			s.flows("at the start")
			big := newTransit(t, newClient(t, w.config()), RemoteConfig{Budget: 60 * time.Second, Queue: c.n, Linger: time.Second, InFlight: 1})
			big.cfg.Batch, big.batcher.maxBytes = c.n, 1<<30
			vs := make([]redact.Value, c.n)
			for i := range vs {
				vs[i] = redact.Value{Kind: "secret", Raw: fmt.Appendf(nil, "%0*d", c.size, i)}
			}
			newTokenizer(t, Options{Default: Rule{Scheme: big}}).Tokenize(t.Context(), vs, nil)
			for i := range vs {
				if len(vs[i].Token) == 0 {
					t.Fatalf("value %d is masked: %v", i, big.Stats().Masked)
				}
			}
			st := big.Stats()
			// One that was refused, and its halves.
			if st.Requests < 3 || st.Requests > c.maxRequests {
				t.Errorf("%d requests, want one that was refused and its halves", st.Requests)
			}
			t.Logf("%d requests of %v values", st.Requests, st.Sizes.Buckets)
			s.flows("after it")
			if n := s.masks.Load(); n > 0 {
				t.Errorf("%d masks in the stream", n)
			}
		})
	}
}

// Vault is away at the start: refuse, or masks until it comes.
func TestRemoteWithoutVaultAtStart(t *testing.T) {
	w := newWorld(t)
	w.Seal(t)
	c, err := NewClient(w.config())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, f := range []func(context.Context, *Client, RemoteConfig) (*Remote, error){NewTransit, NewHMAC} {
		if _, err := f(t.Context(), c, RemoteConfig{Key: "logveil-transit"}); err == nil {
			t.Fatal("started without Vault")
		}
	}
	tr := newTransit(t, c, RemoteConfig{MaskOnStartFailure: true, Budget: 5 * time.Second})
	hm := newHMAC(t, c, RemoteConfig{MaskOnStartFailure: true, Budget: 5 * time.Second})
	kinds := map[redact.Kind]Rule{"email": {Scheme: tr}, "card": {Scheme: hm}}
	tk := newTokenizer(t, Options{Default: Rule{Scheme: Mask{}}, Kinds: kinds})
	if a, b := tokenOf(tk, "email", "a@example.com"), tokenOf(tk, "card", "4111111111111111"); a+b != "" {
		t.Errorf("tokens from nothing: %q, %q", a, b)
	}
	if tr.Stats().Masked[MaskNoKey] != 1 || hm.Stats().Masked[MaskNoKey] != 1 {
		t.Errorf("%v, %v", tr.Stats().Masked, hm.Stats().Masked)
	}
	w.Unseal(t)
	eventually(t, "tokens", func() bool {
		return tokenOf(tk, "email", "a@example.com") != "" && tokenOf(tk, "card", "4111111111111111") != ""
	})
	if st := tk.Stats(); st.Schemes["transit"].Cached+st.Schemes["hmac"].Cached != st.Cached {
		t.Errorf("%+v", st)
	}
}

// A pair: requests to the standby are redirected; when the active one steps down there is
// no leader for a moment.
func TestFaultStandby(t *testing.T) {
	b := newFaultBench(t, func(w *world, _ *faultProxy) ClientConfig {
		cfg := w.config()
		cfg.Address, cfg.CAFile = w.Standby, ""
		return cfg
	}, "-standby", "127.0.0.1:0")
	if err := b.Client(t).Sys().StepDown(); err != nil {
		t.Fatal(err)
	}
	b.stream.flows("after the step down")
	t.Logf("%d masks, %v", b.stream.masks.Load(), b.remote.Stats().Masked)
}

// While values stream, a rotation takes over at the next refresh, and at once when the
// version in use was retired; one that was named stays. Tokens are those of a process that
// starts then. A key of the same name with more versions does not take over.
func TestRemoteRotation(t *testing.T) {
	for _, name := range []string{"transit", "hmac"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := "transit/keys/logveil-" + name
			alarms := new(alarmLog)
			cfg := w.config()
			cfg.Alarm = alarms.raise
			c := newClient(t, cfg)
			start := newTransit
			if name == "hmac" {
				start = newHMAC
			}
			const refresh = 30 * time.Millisecond
			eager := start(t, c, RemoteConfig{Budget: 10 * time.Second, Refresh: refresh})
			lazy := start(t, c, RemoteConfig{Budget: 10 * time.Second})
			pinned := start(t, c, RemoteConfig{Budget: 10 * time.Second, Refresh: refresh, Version: 1})
			tokenizer := func(r *Remote) *Tokenizer { return newTokenizer(t, Options{Default: Rule{Scheme: r}}) }
			et, lt, pt := tokenizer(eager), tokenizer(lazy), tokenizer(pinned)
			token := func(tk *Tokenizer) string { return tokenOf(tk, "email", "a@example.com") }
			s := newStream(t, et, 10*time.Second)
			s.flows("at the start")
			first := token(et)
			if first == "" || token(lt) != first || token(pt) != first {
				t.Fatalf("%q, %q and %q", first, token(lt), token(pt))
			}
			w.Write(t, key+"/rotate", nil)
			eventually(t, "the new version", func() bool { return token(et) != first })
			second := token(et)
			if fresh := token(tokenizer(start(t, c, RemoteConfig{Budget: 10 * time.Second}))); second != fresh {
				t.Errorf("%q, and in a new process %q", second, fresh)
			}
			if token(lt) != first || token(pt) != first {
				t.Errorf("%q and %q before the refresh and with a version that was named, want %q", token(lt), token(pt), first)
			}
			w.Write(t, key+"/config", map[string]any{"min_encryption_version": 2, "min_decryption_version": 2})
			eventually(t, "the new version, after the old one was retired", func() bool { return tokenOf(lt, "email", "b@example.com") != "" })
			if tok := token(lt); tok != second {
				t.Errorf("%q, want %q", tok, second)
			}
			s.flows("after the rotation")
			if n := s.masks.Load(); n > 0 {
				t.Errorf("%d masks by a rotation: %v", n, eager.Stats().Masked)
			}
			s.end()
			w.deleteKey(t, "logveil-"+name)
			w.makeKeys(t)
			for range 3 {
				w.Write(t, key+"/rotate", nil)
			}
			eventually(t, "alarm", func() bool { return alarms.has("was replaced or changed") })
			for i := range 50 {
				if tok := tokenOf(et, "email", fmt.Sprintf("new%d@example.com", i)); tok != "" {
					t.Fatalf("a token under a key that was replaced: %q", tok)
				}
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
}

// The clock jumps: ten years ahead, Vault's certificate is over; ten years back, it is not
// yet valid. What time says is only asked for by TLS, and only for new connections. The
// certificates of this proxy change instead of the clock, which belongs to the machine.
func TestFaultClockJump(t *testing.T) {
	for name, jump := range map[string]time.Duration{"ahead": 10 * 365 * 24 * time.Hour, "back": -10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			b := newFaultBench(t, throughProxy)
			now, jumped := b.proxy.certificate(t, b.world, 0), b.proxy.certificate(t, b.world, jump)
			b.proxy.present(now)
			b.stream.flows("with a certificate of now")
			b.proxy.present(jumped)
			b.stream.dry("after the jump")
			b.proxy.present(now)
			b.stream.flows("when the clock is right again")
			b.wants(t, MaskDown, MaskBreaker)
		})
	}
}

// The active node of a pair is gone, and the other one has not taken over.
func TestFaultNoLeader(t *testing.T) {
	b := newFaultBench(t, throughProxy)
	b.proxy.set(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		// What Vault answers then, with this status.
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"errors":["local node not active but active cluster node not found"]}`))
	})
	b.stream.dry("no leader")
	eventually(t, "breaker opens", func() bool { return b.masked(MaskBreaker) && b.masked(MaskDown) })
	b.proxy.set(nil)
	b.stream.flows("with a leader")
	b.wants(t, MaskDown)
}
