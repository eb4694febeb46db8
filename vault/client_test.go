package vault

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestRedirects follows a standby to where a policy could send requests, too, and nowhere
// else: a token or a value never goes in the clear to another machine.
func TestRedirects(t *testing.T) {
	active := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Vault-Token") != "a-token" {
			t.Errorf("the token went astray: %q", r.Header)
		}
		_, _ = w.Write([]byte(`{"data":{}}`))
	}))
	defer active.Close()
	to := ""
	standby := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", to+r.URL.Path)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	defer standby.Close()
	c, err := NewClient(ClientConfig{Address: standby.URL, RequestTimeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, tt := range []struct{ to, want string }{
		{active.URL, ""},
		{"http://192.0.2.1:8200", "a redirect that cannot be followed"},
		{"http://vault.example.com", "a redirect that cannot be followed"},
		{"ftp://127.0.0.1", "a redirect that cannot be followed"},
		{standby.URL, "no active node"},
	} {
		to = tt.to
		_, err := c.call(context.Background(), request{method: http.MethodGet, path: "auth/token/lookup-self", token: "a-token"})
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("to %s: %v", tt.to, err)
		}
	}
}
