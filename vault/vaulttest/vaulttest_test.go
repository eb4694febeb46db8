package vaulttest

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"testing"

	"github.com/hashicorp/vault/api"
)

func TestServer(t *testing.T) {
	s := Start(t, "-storage", t.TempDir())
	s.Write(t, "transit/keys/k", map[string]any{"derived": true, "convergent_encryption": true})
	d := map[string]any{"plaintext": "YWxpY2VAZXhhbXBsZS5jb20=", "context": "YQ=="}
	a := s.Write(t, "transit/encrypt/k", d)["ciphertext"]
	s.Seal(t)
	_, err := s.Client(t).Logical().Write("transit/encrypt/k", d)
	if re, ok := errors.AsType[*api.ResponseError](err); !ok || re.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("sealed: %v", err)
	}
	s.Unseal(t)
	if b := s.Write(t, "transit/encrypt/k", d)["ciphertext"]; a != b {
		t.Errorf("%v, and unsealed %v", a, b)
	}
	ca, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Restart(t)
	if b := s.Write(t, "transit/encrypt/k", d)["ciphertext"]; a != b {
		t.Errorf("%v, and restarted %v", a, b)
	}
	if now, err := os.ReadFile(s.CAFile); err != nil || bytes.Equal(ca, now) {
		t.Errorf("the certificate authority is the old one: %v", err)
	}
	log, err := os.ReadFile(s.Audit)
	if err != nil || len(log) == 0 || bytes.Contains(log, []byte("YWxpY2VAZXhhbXBsZS5jb20=")) || bytes.Contains(log, []byte("alice@example.com")) {
		t.Errorf("audit log of %d bytes: %v", len(log), err)
	}
}

// Without a vaultd, a run in CI must not pass.
func TestMissingBinaryFails(t *testing.T) {
	t.Setenv("VAULTD", "/nonexistent/vaultd")
	for _, ci := range []string{"", "1"} {
		t.Setenv("CI", ci)
		r := &recorder{TB: t}
		func() {
			defer func() { _ = recover() }()
			Start(r)
		}()
		if r.failed != (ci != "") || r.skipped != (ci == "") {
			t.Errorf("CI=%q: failed %v, skipped %v", ci, r.failed, r.skipped)
		}
	}
}

type recorder struct {
	testing.TB
	failed, skipped bool
}

func (r *recorder) Helper()      {}
func (r *recorder) Fatal(...any) { r.failed = true; panic("stop") }
func (r *recorder) Skip(...any)  { r.skipped = true; panic("stop") }
