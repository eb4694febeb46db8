package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"logveil/redact"
	"logveil/vault/vaulttest"
)

// redactorPolicy allows what a redactor with all schemes needs.
const redactorPolicy = `
path "transit/keys/+" { capabilities = ["read"] }
path "transit/encrypt/+" { capabilities = ["update"] }
path "transit/hmac/+/+" { capabilities = ["update"] }
`

// world is a Vault with keys for all schemes, and a token for a redactor.
type world struct {
	*vaulttest.Server
	dir, tokenFile string
}

func newWorld(t testing.TB, extra ...string) *world {
	t.Helper()
	s := vaulttest.Start(t, extra...)
	w := &world{Server: s, dir: t.TempDir()}
	w.makeKeys(t)
	w.tokenFile = w.file(t, "token", s.Token(t, redactorPolicy, map[string]any{"ttl": "1h"}))
	return w
}

func (w *world) makeKeys(t testing.TB) {
	t.Helper()
	w.Write(t, "transit/keys/logveil-transit", map[string]any{"derived": true, "convergent_encryption": true})
	w.Write(t, "transit/keys/logveil-hmac", map[string]any{"type": "hmac", "key_size": 64})
	w.Write(t, "transit/keys/logveil-envelope", map[string]any{"type": "hmac", "key_size": 64})
}

func (w *world) file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// patience is how long a request may take where a test is not about that: the machine may
// be busy.
const patience = 30 * time.Second

// fast are timings for tests of faults.
var fast = timing{
	loginRetryMin: 20 * time.Millisecond, loginRetryMax: 100 * time.Millisecond, reloginMin: 50 * time.Millisecond,
	probeMin: 20 * time.Millisecond, probeMax: 100 * time.Millisecond,
}

func (w *world) config() ClientConfig {
	return ClientConfig{Address: w.TLSAddr, CAFile: w.CAFile, Auth: TokenFile{w.tokenFile}, RequestTimeout: patience, timing: fast}
}

func newClient(t testing.TB, cfg ClientConfig) *Client {
	t.Helper()
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Login(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

func newTransit(t testing.TB, c *Client, cfg RemoteConfig) *Remote {
	t.Helper()
	cfg.Key = or(cfg.Key, "logveil-transit")
	r, err := NewTransit(context.Background(), c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func newHMAC(t testing.TB, c *Client, cfg RemoteConfig) *Remote {
	t.Helper()
	cfg.Key = or(cfg.Key, "logveil-hmac")
	r, err := NewHMAC(context.Background(), c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func newEnvelope(t testing.TB, c *Client, cfg EnvelopeConfig) *Envelope {
	t.Helper()
	cfg.Key = or(cfg.Key, "logveil-envelope")
	e, err := NewEnvelope(context.Background(), c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// eventually waits for something that happens in the background.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not in %v", what, patience)
}

// Each scheme: a token, the same one twice, by another process's state too, and different
// ones for other kinds, tenants and schemes.
func TestVaultSchemes(t *testing.T) {
	w := newWorld(t)
	c := newClient(t, w.config())
	seen := map[string]string{}
	for _, tenant := range []string{"", "acme"} {
		schemes := []Scheme{
			newTransit(t, c, RemoteConfig{Tenant: tenant, Budget: 5 * time.Second}),
			newHMAC(t, c, RemoteConfig{Tenant: tenant, Budget: 5 * time.Second}),
			newEnvelope(t, c, EnvelopeConfig{Tenant: tenant, Kinds: []redact.Kind{"email", "secret"}}),
		}
		again := []Scheme{
			newTransit(t, newClient(t, w.config()), RemoteConfig{Tenant: tenant, Budget: 5 * time.Second}),
			newHMAC(t, newClient(t, w.config()), RemoteConfig{Tenant: tenant, Budget: 5 * time.Second}),
			newEnvelope(t, newClient(t, w.config()), EnvelopeConfig{Tenant: tenant, Kinds: []redact.Kind{"email", "secret"}}),
		}
		for i, s := range schemes {
			tk := newTokenizer(t, Options{Default: Rule{Scheme: s}})
			tk2 := newTokenizer(t, Options{Default: Rule{Scheme: again[i]}})
			for _, kind := range []redact.Kind{"email", "secret"} {
				for _, raw := range []string{"alice@example.com", "bob@example.com", "\x00\xff", strings.Repeat("long", 1000)} {
					is := fmt.Sprintf("%s, tenant %q, %s %.20q", s.Name(), tenant, kind, raw)
					tok := tokenOf(tk, kind, raw)
					p, ok := redact.ParseToken([]byte(tok), 0)
					if !ok || p.Mask {
						t.Fatalf("%s: %q", is, tok)
					}
					if was, ok := seen[tok]; ok {
						t.Errorf("%s and %s have one token", was, is)
					}
					seen[tok] = is
					if second := tokenOf(tk, kind, raw); second != tok {
						t.Errorf("%s: %q, then %q", is, tok, second)
					}
					if other := tokenOf(tk2, kind, raw); other != tok {
						t.Errorf("%s: %q, and in another process %q", is, tok, other)
					}
				}
			}
		}
	}
	if len(seen) != 2*3*2*4 {
		t.Errorf("%d tokens", len(seen))
	}
}

// A value is asked for once, however many wait for it, and values share requests.
func TestTransitBatches(t *testing.T) {
	w := newWorld(t)
	r := newTransit(t, newClient(t, w.config()), RemoteConfig{Budget: 10 * time.Second, Linger: 20 * time.Millisecond})
	tk := newTokenizer(t, Options{Default: Rule{Scheme: r}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			vs := make([]redact.Value, 1000)
			for i := range vs {
				vs[i] = redact.Value{Kind: "email", Raw: fmt.Appendf(nil, "user%d@example.com", i)}
			}
			tk.Tokenize(context.Background(), vs, nil)
			for i := range vs {
				if len(vs[i].Token) == 0 {
					t.Errorf("value %d is masked", i)
					return
				}
			}
		})
	}
	wg.Wait()
	st := r.Stats()
	if st.Made != 1000 || st.Requests > 40 || len(st.Masked) != 0 {
		t.Errorf("%+v", st)
	}
	tk2 := newTokenizer(t, Options{Default: Rule{Scheme: r}})
	tokenOf(tk2, "email", "user1@example.com")
	if st := r.Stats(); st.Made != 1000 || st.Stored == 0 {
		t.Errorf("not from the cache: %+v", st)
	}
}

func TestRemoteAllocs(t *testing.T) {
	w := newWorld(t)
	c := newClient(t, w.config())
	for _, s := range []Scheme{newTransit(t, c, RemoteConfig{Budget: 5 * time.Second}), newEnvelope(t, c, EnvelopeConfig{Kinds: []redact.Kind{"email"}})} {
		tk := newTokenizer(t, Options{Default: Rule{Scheme: s}})
		vs := []redact.Value{{Kind: "email", Raw: []byte("alice@example.com")}}
		buf := tk.Tokenize(context.Background(), vs, make([]byte, 0, 1000))
		if n := testing.AllocsPerRun(100, func() { buf = tk.Tokenize(context.Background(), vs, buf[:0]) }); n != 0 || len(vs[0].Token) == 0 {
			t.Errorf("%s: %v allocations for a cached token", s.Name(), n)
		}
		if s.Name() != "envelope" {
			continue
		}
		if n := testing.AllocsPerRun(100, func() { vs[0].Raw[0]++; buf = tk.Tokenize(context.Background(), vs, buf[:0]) }); n != 0 {
			t.Errorf("%s: %v allocations for a new token", s.Name(), n)
		}
	}
}

// What is wrong with a key is told at the start.
func TestKeyChecks(t *testing.T) {
	w := newWorld(t)
	w.Write(t, "transit/keys/plain", map[string]any{})
	w.Write(t, "transit/keys/derived", map[string]any{"derived": true})
	w.Write(t, "transit/keys/exportable", map[string]any{"type": "hmac", "key_size": 32, "exportable": true})
	w.Write(t, "transit/keys/backup", map[string]any{"derived": true, "convergent_encryption": true})
	w.Write(t, "transit/keys/backup/config", map[string]any{"allow_plaintext_backup": true})
	w.Write(t, "transit/keys/logveil-transit/rotate", nil)
	w.Write(t, "transit/keys/logveil-transit/rotate", nil)
	w.Write(t, "transit/keys/logveil-transit/config", map[string]any{"min_decryption_version": 2, "min_encryption_version": 2})
	c := newClient(t, w.config())
	for _, k := range []struct {
		scheme, key string
		version     int
		want        string
	}{
		{"transit", "none", 0, "does not exist"}, {"transit", "plain", 0, "not convergent"}, {"transit", "derived", 0, "not convergent"},
		{"transit", "backup", 0, "in the clear"}, {"transit", "logveil-hmac", 0, `type "hmac"`}, {"transit", "logveil-transit", 4, "2 to 3"},
		{"transit", "logveil-transit", 1, "2 to 3"}, {"transit", "logveil-transit", 2, ""}, {"transit", "logveil-transit", 0, ""},
		{"hmac", "exportable", 0, "exported"}, {"hmac", "logveil-transit", 0, "must be hmac"}, {"hmac", "logveil-hmac", 2, "1 to 1"}, {"hmac", "logveil-hmac", 1, ""},
		{"envelope", "none", 0, "does not exist"}, {"envelope", "exportable", 0, "exported"}, {"envelope", "logveil-envelope", 1, ""},
		{"transit", "a/b", 0, "name"}, {"transit", "logveil-transit", -1, "range"}, {"envelope", "logveil-envelope", -1, "range"},
	} {
		var err error
		switch k.scheme {
		case "envelope":
			var e *Envelope
			// A key that is wrong refuses even where a missing Vault does not.
			if e, err = NewEnvelope(t.Context(), c, EnvelopeConfig{Key: k.key, Version: k.version, Kinds: []redact.Kind{"email"}, MaskOnStartFailure: true}); err == nil {
				e.Close()
			}
		default:
			f := NewTransit
			if k.scheme == "hmac" {
				f = NewHMAC
			}
			var r *Remote
			if r, err = f(t.Context(), c, RemoteConfig{Key: k.key, Version: k.version}); err == nil {
				r.Close()
			}
		}
		if k.want == "" && err != nil || k.want != "" && (err == nil || !strings.Contains(err.Error(), k.want)) {
			t.Errorf("%s %s version %d: %v, want %q", k.scheme, k.key, k.version, err, k.want)
		}
	}
}

func TestClientConfig(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg  ClientConfig
		want string
	}{
		{ClientConfig{Address: "vault.example.com"}, "scheme"},
		{ClientConfig{Address: "http://vault.example.com:8200"}, "loopback"},
		{ClientConfig{Address: "://"}, "not a URL"},
		{ClientConfig{Address: "https://localhost", CAFile: filepath.Join(dir, "none")}, "no such file"},
		{ClientConfig{Address: "https://localhost", CAFile: empty}, "no certificate"},
		{ClientConfig{Address: "https://localhost", CertFile: empty}, "both"},
		{ClientConfig{Address: "https://localhost", CertFile: empty, KeyFile: empty}, "client certificate"},
	} {
		_, err := NewClient(c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.cfg, err, c.want)
		}
	}
	// Nothing comes from the environment, least of all what weakens TLS.
	t.Setenv("VAULT_SKIP_VERIFY", "true")
	t.Setenv("VAULT_TOKEN", "from-the-environment")
	t.Setenv("VAULT_NAMESPACE", "from-the-environment")
	t.Setenv("VAULT_HEADERS", `{"x":"from-the-environment"}`)
	c, err := NewClient(ClientConfig{Address: "https://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a := c.conn.Load().api
	if a.Token() != "" || len(a.Headers()) != 1 || a.CloneConfig().TLSConfig() != nil && a.CloneConfig().TLSConfig().InsecureSkipVerify {
		t.Errorf("token %q, headers %v", a.Token(), a.Headers())
	}
	err = func() error { _, err := c.call(t.Context(), request{method: "GET", path: "sys/health"}); return err }()
	var re *requestError
	if !errors.As(err, &re) || re.class != classDown {
		t.Errorf("nobody listens: %v", err)
	}
}
