package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// TokenFile logs in with a token from a file, such as a Vault Agent's sink. The file is
// read again for each new login.
type TokenFile struct{ Path string }

func (a TokenFile) login(ctx context.Context, c caller) (*grant, error) {
	token, err := readCredential("token", a.Path)
	if err != nil {
		return nil, err
	}
	return tokenGrant(ctx, c, token)
}

// tokenGrant asks Vault how long a token lives, and whether it does at all.
func tokenGrant(ctx context.Context, c caller, token string) (*grant, error) {
	body, err := c.call(ctx, request{method: http.MethodGet, path: "auth/token/lookup-self", token: token})
	if err != nil {
		return nil, err
	}
	self, err := decode[struct {
		TTL       int  `json:"ttl"`
		Renewable bool `json:"renewable"`
	}]("auth/token/lookup-self", body)
	if err != nil || self == nil {
		return nil, errors.New("vault: the token's data are not what was asked for")
	}
	return &grant{token: token, ttl: min(time.Duration(self.TTL)*time.Second, maxTTL), renewable: self.Renewable}, nil
}

// readCredential reads a short secret from a file, without the space around it.
func readCredential(what, path string) (string, error) {
	const longest = 64 << 10
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("vault: %s: %w", what, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, longest+1))
	defer clear(b)
	if err != nil {
		return "", fmt.Errorf("vault: %s: %w", what, err)
	}
	s := string(bytes.TrimSpace(b))
	switch {
	case s == "":
		return "", fmt.Errorf("vault: %s: %s is empty", what, path)
	case len(b) > longest:
		return "", fmt.Errorf("vault: %s: %s is too long", what, path)
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return "", fmt.Errorf("vault: %s: %s holds more than one line of text", what, path)
		}
	}
	return s, nil
}
