// Package vaulttest runs a real Vault for a test: the program vault/vaultd, with TLS, an
// audit log, and the transit engine and the login methods mounted.
package vaulttest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// Server is a running vaultd; its tagged fields are the JSON line it prints.
type Server struct {
	Addr      string `json:"addr"`
	Standby   string `json:"standby_addr"`
	TLSAddr   string `json:"tls_addr"`
	CAFile    string `json:"ca_file"`
	RootToken string `json:"root_token"`
	UnsealKey string `json:"unseal_key"`
	PID       int    `json:"pid"`
	// Audit is the file of the audit device.
	Audit string `json:"-"`

	bin  string
	args []string
	end  func()
}

// Start runs a vaultd on free loopback ports until the test ends; it dies with the test's
// process too. Without the binary the test is skipped, but fails where CI is set.
func Start(t testing.TB, extra ...string) *Server {
	t.Helper()
	bin := os.Getenv("VAULTD")
	if bin == "" {
		var err error
		if bin, err = Binary(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(bin); err != nil {
		const how = "there is no vaultd; make it with: go run ./vault/vaulttest/build"
		if os.Getenv("CI") != "" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	dir := t.TempDir()
	s := &Server{Audit: filepath.Join(dir, "audit.log"), bin: bin}
	s.args = append([]string{"-ca-out", filepath.Join(dir, "ca.pem"), "-audit", s.Audit, "-log", "off", "-until-eof"}, extra...)
	s.run(t, "127.0.0.1:0", "127.0.0.1:0")
	t.Cleanup(func() { s.end() })
	return s
}

func (s *Server) run(t testing.TB, plain, tls string) {
	t.Helper()
	// Its end is that of the test, by end; the context of t is done before.
	cmd := exec.CommandContext(context.Background(), s.bin, append([]string{"-listen", plain, "-tls-listen", tls}, s.args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.end = func() {
		_ = in.Close()
		kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	}
	unseal, root := s.UnsealKey, s.RootToken
	if err := json.NewDecoder(out).Decode(s); err != nil {
		t.Fatalf("vaultd: %v", err)
	}
	if s.UnsealKey == "" {
		s.UnsealKey, s.RootToken = unseal, root
	}
}

// Kill ends the server at once, as a crash does.
func (s *Server) Kill() {
	if p, err := os.FindProcess(s.PID); err == nil {
		_ = p.Kill()
	}
	s.end()
}

// Restart runs the server again on the same ports, after Kill, with a new certificate
// authority. Started with -storage it finds what it had, sealed, and is unsealed here.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.run(t, strings.TrimPrefix(s.Addr, "http://"), strings.TrimPrefix(s.TLSAddr, "https://"))
	s.Unseal(t)
}

// Seal and Unseal do what they say.
func (s *Server) Seal(t testing.TB) {
	t.Helper()
	if err := s.Client(t).Sys().Seal(); err != nil {
		t.Fatal(err)
	}
}

// Unseal unseals the server.
func (s *Server) Unseal(t testing.TB) {
	t.Helper()
	c := s.Client(t)
	st, err := c.Sys().SealStatus()
	if err == nil && st.Sealed {
		_, err = c.Sys().Unseal(s.UnsealKey)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Active a little later than unsealed.
	for range 500 {
		if h, err := c.Sys().Health(); err == nil && !h.Standby && !h.Sealed {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("vaultd does not get active")
}

// Client has the root token and no retries. Nothing of it comes from the environment.
func (s *Server) Client(t testing.TB) *api.Client {
	t.Helper()
	cfg := api.DefaultConfig()
	cfg.Address, cfg.MaxRetries, cfg.Timeout = s.TLSAddr, 0, 10*time.Second
	cfg.HttpClient.Transport.(*http.Transport).DialContext = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	if err := cfg.ConfigureTLS(&api.TLSConfig{CACert: s.CAFile}); err != nil {
		t.Fatal(err)
	}
	c, err := api.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.ClearNamespace()
	c.SetToken(s.RootToken)
	return c
}

// Write writes with the root token.
func (s *Server) Write(t testing.TB, path string, data map[string]any) map[string]any {
	t.Helper()
	sec, err := s.Client(t).Logical().Write(path, data)
	if err != nil {
		t.Fatal(err)
	}
	if sec == nil {
		return nil
	}
	if sec.Auth != nil {
		return map[string]any{"token": sec.Auth.ClientToken}
	}
	return sec.Data
}

// Token makes a token with a policy given in HCL.
func (s *Server) Token(t testing.TB, policy string, options map[string]any) string {
	t.Helper()
	name := "p" + time.Now().Format("150405.000000000")
	s.Write(t, "sys/policies/acl/"+name, map[string]any{"policy": policy})
	data := map[string]any{"policies": []string{name}, "no_default_policy": false}
	for k, v := range options {
		data[k] = v
	}
	return s.Write(t, "auth/token/create", data)["token"].(string)
}
