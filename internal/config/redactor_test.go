package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"logveil/vault"
	"logveil/vault/vaulttest"
)

// vaultWorld is a real Vault with the keys of a policy, and the policy's folder.
type vaultWorld struct {
	*vaulttest.Server
	dir string
}

func newVaultWorld(t *testing.T) *vaultWorld {
	t.Helper()
	w := &vaultWorld{vaulttest.Start(t), t.TempDir()}
	w.write(t, "root", w.RootToken)
	return w
}

func (w *vaultWorld) write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(w.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// policy loads a policy whose section vault is completed.
func (w *vaultWorld) policy(t *testing.T, text string) *Policy {
	t.Helper()
	if !strings.Contains(text, "start_timeout:") {
		text += "  request_timeout: 30s\n  start_timeout: 60s\n" // the machine may be busy
	}
	text += fmt.Sprintf("  address: %s\n  ca_file: %s\n", w.TLSAddr, w.CAFile)
	if !strings.Contains(text, "auth:") {
		text += "  auth: {method: token_file, token_file: root}\n"
	}
	p, err := Load(w.write(t, "policy.yml", text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// initKeys makes the keys of a policy.
func (w *vaultWorld) initKeys(t *testing.T, p *Policy) {
	t.Helper()
	c, err := p.client(vault.TokenFile{Path: filepath.Join(w.dir, "root")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Init(t.Context(), c, p.plan(), false); err != nil {
		t.Fatal(err)
	}
}

func newRedactor(t *testing.T, p *Policy) *Redactor {
	t.Helper()
	r, err := p.Redactor(t.Context(), func(text string) { t.Log("alarm:", text) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func (r *Redactor) text(ctx context.Context, in string) string {
	return string(r.Engine.NewWorker().Append(ctx, nil, []byte(in)))
}

const fiveKinds = "mail ann@example.com card 4111111111111111 iban DE89370400440532013000 ssn 123-45-6789 mac 00:1b:63:84:45:e6\n"

// Each kind gets a token of its scheme, the same in another process.
func TestRedactorWithVault(t *testing.T) {
	w := newVaultWorld(t)
	p := w.policy(t, `
kinds:
  card: {scheme: transit}
  iban: {scheme: hmac}
  ssn: {scheme: mask, keep_last: 4}
  mac: {scheme: local}
tokens: {key_file: local.key}
vault:
  budget: 60s
`)
	if _, err := p.Redactor(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "vault init") {
		t.Fatalf("without keys: %v", err)
	}
	w.initKeys(t, p)
	r := newRedactor(t, p)
	got := r.text(t.Context(), fiveKinds)
	want := `^mail tok1_email_e\w+ card tok1_card_t\w+ iban tok1_iban_h\w+ ssn tok1_ssn_x6789 mac tok1_mac_l\w+\n$`
	if !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("%s\nwant %s", got, want)
	}
	if again := newRedactor(t, p).text(t.Context(), fiveKinds); again != got {
		t.Errorf("%s\nand in another process\n%s", got, again)
	}
}

// Tenants have tokens of their own; values of nobody and of unknown tenants are masked.
func TestRedactorTenants(t *testing.T) {
	w := newVaultWorld(t)
	for _, c := range []struct {
		policy string
		masked []string
	}{
		{"tokens: {tenants: {names: [acme, beta]}}\nvault:\n", []string{"", "gamma"}},
		{"tokens: {tenant: acme, tenants: {names: [beta]}}\nvault:\n", []string{"gamma"}},
		{"default: {scheme: local}\ntokens: {key_file: local.key, tenant: acme, tenants: {names: [beta]}}\nvault:\n", []string{"gamma"}},
	} {
		p := w.policy(t, c.policy)
		if p.needsVault() {
			w.initKeys(t, p)
		}
		r := newRedactor(t, p)
		const in, mask = "mail ann@example.com\n", "mail tok1_email_x\n"
		of := func(tenant string) string { return r.text(r.ForTenant(t.Context(), tenant), in) }
		for _, tenant := range c.masked {
			if got := of(tenant); got != mask {
				t.Errorf("%stenant %q: %s", c.policy, tenant, got)
			}
		}
		acme, beta := of("acme"), of("beta")
		if acme == beta || acme == mask || beta == mask || strings.Contains(acme+beta, "ann@") {
			t.Errorf("%sacme %sbeta %s", c.policy, acme, beta)
		}
		want := mask
		if p.Tokens.Tenant == "acme" {
			want = acme
		}
		if got := r.text(t.Context(), in); got != want {
			t.Errorf("%sno tenant: %s, want %s", c.policy, got, want)
		}
	}
}

// Without Vault a redactor refuses to start, or masks until it comes.
func TestRedactorStart(t *testing.T) {
	w := newVaultWorld(t)
	p := w.policy(t, "vault:\n  start_timeout: 1s\n")
	w.initKeys(t, p)
	w.Seal(t)
	start := time.Now()
	if _, err := p.Redactor(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "sealed") {
		t.Errorf("sealed: %v", err)
	}
	if took := time.Since(start); took > 9*time.Second {
		t.Errorf("refused after %v", took)
	}
	p.Vault.OnStartFailure = StartMask
	r := newRedactor(t, p)
	const in = "mail ann@example.com\n"
	if got := r.text(t.Context(), in); got != "mail tok1_email_x\n" {
		t.Errorf("sealed: %s", got)
	}
	w.Unseal(t)
	for end := time.Now().Add(60 * time.Second); !strings.Contains(r.text(t.Context(), in), "_email_e"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no tokens 60 s after Vault was unsealed")
		}
	}
	// A login that Vault refuses is told at once, and not after start_timeout.
	p.Vault.OnStartFailure, p.Vault.StartTimeout = StartRefuse, time.Minute
	w.write(t, "root", "hvs.wrong")
	start = time.Now()
	if _, err := p.Redactor(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "403") || strings.Contains(err.Error(), "hvs.wrong") {
		t.Errorf("a wrong token: %v", err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("refused after %v", took)
	}
}

// Every method of a policy becomes the login of its name.
func TestAuthMethods(t *testing.T) {
	for method, keys := range map[AuthMethod]string{
		AuthTokenFile: "token_file: f", AuthAppRole: "role_id: r", AuthKubernetes: "role: r", AuthJWT: "role: r, jwt_file: f", AuthCert: "role: r", AuthAgent: "",
	} {
		text := fmt.Sprintf("vault: {address: 'https://localhost', client_cert: c, client_key: k, auth: {method: %s, %s}}", method, keys)
		p, err := parse("dir/p.yml", []byte(strings.Replace(text, ", }", "}", 1)))
		if err != nil {
			t.Errorf("%s: %v", method, err)
			continue
		}
		got := fmt.Sprintf("%T %+v", p.auth(), p.auth())
		want := map[AuthMethod]string{
			AuthTokenFile: "vault.TokenFile {Path:dir/f}", AuthAppRole: "*vault.AppRole", AuthKubernetes: "vault.Kubernetes {Mount: Role:r File:}",
			AuthJWT: "vault.JWT {Mount: Role:r File:dir/f}", AuthCert: "vault.Certificate {Mount: Role:r}", AuthAgent: "<nil>",
		}[method]
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
}

func TestTenantPath(t *testing.T) {
	for _, c := range []struct {
		t    Tenants
		want string
	}{
		{Tenants{}, ""}, {Tenants{RecordField: "a.b"}, "a|b"}, {Tenants{KubernetesLabel: "example.com/c"}, "kubernetes|labels|example.com/c"},
	} {
		if got := strings.Join(c.t.Path(), "|"); got != c.want {
			t.Errorf("%+v: %q", c.t, got)
		}
	}
}
