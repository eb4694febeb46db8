package vault

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logveil/redact"
)

// works makes sure that a client has a token that makes tokens.
func works(t *testing.T, cfg ClientConfig) *Client {
	t.Helper()
	c := newClient(t, cfg)
	e := newEnvelope(t, c, EnvelopeConfig{Kinds: []redact.Kind{"email"}})
	if tok := tokenOf(newTokenizer(t, Options{Default: Rule{Scheme: e}}), "email", "a@example.com"); tok == "" {
		t.Error("no token")
	}
	return c
}

// refuses makes sure that a login fails with a text that holds none of the secrets.
func refuses(t *testing.T, cfg ClientConfig, want string, secrets ...string) {
	t.Helper()
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	err = c.Login(ctx)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
		return
	}
	for _, s := range secrets {
		if strings.Contains(err.Error(), s) {
			t.Errorf("the error holds a secret: %v", err)
		}
	}
}

func TestAuthTokenFile(t *testing.T) {
	w := newWorld(t)
	cfg := w.config()
	works(t, cfg)
	cfg.Auth = TokenFile{w.file(t, "bad", "hvs.bad-token-of-a-test")}
	refuses(t, cfg, "403", "bad-token")
	cfg.Auth = TokenFile{w.file(t, "empty", "")}
	refuses(t, cfg, "is empty")
	cfg.Auth = TokenFile{w.file(t, "two", "hvs.one\nhvs.two")}
	refuses(t, cfg, "more than one line", "hvs.one", "hvs.two")
	cfg.Auth = TokenFile{w.file(t, "long", strings.Repeat("a", 100_000))}
	refuses(t, cfg, "too long", "aaaa")
	cfg.Auth = TokenFile{filepath.Join(w.dir, "none")}
	refuses(t, cfg, "no such file")
}

// The token of the person at the keyboard, from the environment before the file.
func TestAuthCaller(t *testing.T) {
	w := newWorld(t)
	cfg := w.config()
	cfg.Auth = Caller{}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("VAULT_TOKEN", "")
	refuses(t, cfg, "vault login")
	if err := os.WriteFile(filepath.Join(home, ".vault-token"), []byte(w.Token(t, redactorPolicy, nil)), 0o600); err != nil {
		t.Fatal(err)
	}
	works(t, cfg)
	t.Setenv("VAULT_TOKEN", "hvs.bad-token-of-a-test")
	refuses(t, cfg, "403", "bad-token")
	t.Setenv("VAULT_TOKEN", "hvs.two\nhvs.lines")
	refuses(t, cfg, "not a token", "hvs.two")
	t.Setenv("VAULT_TOKEN", w.Token(t, redactorPolicy, nil)+"\n")
	works(t, cfg)
}

func TestAuthAppRole(t *testing.T) {
	w := newWorld(t)
	cfg := w.appRole(t, "1h", "2h")
	works(t, cfg)
	role := cfg.Auth.(*AppRole).RoleID
	// Wrapped: unwrapped once, and good for more than one login.
	wrap := func(path string) string {
		t.Helper()
		c := w.Client(t)
		c.SetWrappingLookupFunc(func(string, string) string { return "5m" })
		sec, err := c.Logical().Write(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return sec.WrapInfo.Token
	}
	token := wrap("auth/approle/role/redactor/secret-id")
	cfg.Auth = NewAppRole(AppRole{RoleID: role, SecretIDFile: w.file(t, "wrapped", token), Wrapped: true})
	c := works(t, cfg)
	first := c.conn.Load().api.Token()
	w.Write(t, "auth/token/revoke", map[string]any{"token": first})
	eventually(t, "second login", func() bool {
		_, err := c.call(t.Context(), request{method: http.MethodGet, path: "transit/keys/logveil-hmac"})
		return err == nil && c.conn.Load().api.Token() != first
	})
	// The token was used: nobody else can.
	cfg.Auth = NewAppRole(AppRole{RoleID: role, SecretIDFile: w.file(t, "used", token), Wrapped: true})
	refuses(t, cfg, "somebody else did", token)
	// A token that wraps something else was put in the place.
	other := wrap("auth/token/create")
	cfg.Auth = NewAppRole(AppRole{RoleID: role, SecretIDFile: w.file(t, "other", other), Wrapped: true})
	refuses(t, cfg, "may have replaced it", other)
	cfg.Auth = &AppRole{RoleID: role, SecretIDFile: w.file(t, "new", "x"), Wrapped: true}
	refuses(t, cfg, "NewAppRole")
	// The last, because Vault locks the role out after five failures.
	cfg.Auth = NewAppRole(AppRole{RoleID: role, SecretIDFile: w.file(t, "wrong", "5f2d4dd6-wrong")})
	refuses(t, cfg, "auth/approle/login", "5f2d4dd6", role)
}

// signer signs JSON web tokens with ES256.
type signer struct{ key *ecdsa.PrivateKey }

func newSigner(t *testing.T) signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{k}
}

func (s signer) public(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func (s signer) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(map[string]any{"alg": "ES256", "typ": "JWT"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...))
}

func TestAuthJWT(t *testing.T) {
	w := newWorld(t)
	s := newSigner(t)
	w.Write(t, "sys/policies/acl/redactor", map[string]any{"policy": redactorPolicy})
	w.Write(t, "auth/jwt/config", map[string]any{"jwt_validation_pubkeys": s.public(t)})
	w.Write(t, "auth/jwt/role/redactor", map[string]any{"role_type": "jwt", "user_claim": "sub", "bound_audiences": "vault", "token_policies": "redactor", "token_ttl": "1h"})
	jwt := func(aud string) string {
		return s.sign(t, map[string]any{"sub": "pod", "aud": aud, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
	}
	cfg := w.config()
	file := w.file(t, "jwt", jwt("other"))
	cfg.Auth = JWT{Role: "redactor", File: file}
	refuses(t, cfg, "auth/jwt/login", "eyJ")
	// The file is read again for each login.
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(t.Context()); err == nil {
		t.Error("logged in")
	}
	w.file(t, "jwt", jwt("vault"))
	eventually(t, "a login with the new file", func() bool { return c.Login(t.Context()) == nil })
	works(t, cfg)
}

// The Kubernetes API server reviews the token of the pod.
func TestAuthKubernetes(t *testing.T) {
	w := newWorld(t)
	s := newSigner(t)
	claims := map[string]any{"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:apps:mule", "aud": []string{"vault"},
		"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"kubernetes.io": map[string]any{"namespace": "apps", "serviceaccount": map[string]any{"name": "mule", "uid": "1-2-3"}}}
	jwt := s.sign(t, claims)
	kube := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var review struct {
			Spec struct{ Token string }
		}
		_ = json.NewDecoder(r.Body).Decode(&review)
		rw.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rw).Encode(map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
			"status": map[string]any{"authenticated": review.Spec.Token == jwt, "audiences": []string{"vault"}, "user": map[string]any{
				"username": "system:serviceaccount:apps:mule", "uid": "1-2-3",
				"groups": []string{"system:serviceaccounts", "system:serviceaccounts:apps"}}}})
	}))
	defer kube.Close()
	w.Write(t, "sys/policies/acl/redactor", map[string]any{"policy": redactorPolicy})
	w.Write(t, "auth/kubernetes/config", map[string]any{"kubernetes_host": kube.URL, "disable_local_ca_jwt": true,
		"kubernetes_ca_cert": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: kube.Certificate().Raw}))})
	w.Write(t, "auth/kubernetes/role/redactor", map[string]any{"bound_service_account_names": "mule", "bound_service_account_namespaces": "apps", "token_policies": "redactor", "token_ttl": "1h"})
	cfg := w.config()
	cfg.Auth = Kubernetes{Role: "redactor", File: w.file(t, "sa", jwt)}
	works(t, cfg)
	claims["kubernetes.io"].(map[string]any)["namespace"] = "else"
	cfg.Auth = Kubernetes{Role: "redactor", File: w.file(t, "sa2", s.sign(t, claims))}
	refuses(t, cfg, "auth/kubernetes/login", "eyJ")
	cfg.Auth = Kubernetes{Role: "redactor"}
	refuses(t, cfg, "serviceaccount/token")
}

func TestAuthCertificate(t *testing.T) {
	w := newWorld(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "redactor"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	w.Write(t, "sys/policies/acl/redactor", map[string]any{"policy": redactorPolicy})
	w.Write(t, "auth/cert/certs/redactor", map[string]any{"certificate": cert, "token_policies": "redactor", "token_ttl": "1h"})
	cfg := w.config()
	cfg.Auth = Certificate{Role: "redactor"}
	refuses(t, cfg, "auth/cert/login")
	cfg.CertFile = w.file(t, "cert.pem", cert)
	cfg.KeyFile = w.file(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	works(t, cfg)
	cfg.Auth = Certificate{}
	works(t, cfg)
}

// An Agent adds the token; nobody logs in here.
func TestAgentSocket(t *testing.T) {
	w := newWorld(t)
	token, err := os.ReadFile(w.tokenFile)
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(w.Addr)
	if err != nil {
		t.Fatal(err)
	}
	agent := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		if r.In.Header.Get("X-Vault-Token") != "" {
			t.Error("a token came with the request")
		}
		r.Out.Header.Set("X-Vault-Token", strings.TrimSpace(string(token)))
	}}
	sock := filepath.Join(t.TempDir(), "agent.sock")
	ln, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: agent, ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	works(t, ClientConfig{Address: "unix://" + sock})
}

// A namespace goes along as a header; a community Vault does not look at it.
func TestNamespace(t *testing.T) {
	w := newWorld(t)
	p := newFaultProxy(t, w)
	seen := make(chan string, 100)
	p.set(func(rw http.ResponseWriter, r *http.Request, forward http.Handler) {
		select {
		case seen <- r.Header.Get("X-Vault-Namespace"):
		default:
		}
		r.Header.Del("X-Vault-Namespace")
		forward.ServeHTTP(rw, r)
	})
	cfg := throughProxy(w, p)
	cfg.Namespace = "team/a"
	works(t, cfg)
	if ns := <-seen; ns != "team/a" {
		t.Errorf("namespace %q", ns)
	}
}
