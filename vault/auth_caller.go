package vault

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Caller logs in with the Vault token of the person who runs the program, as Vault's own
// command line does: the environment variable VAULT_TOKEN, or the file .vault-token in the
// home folder, which `vault login` writes. The token is not renewed.
type Caller struct{}

func (Caller) login(ctx context.Context, c caller) (*grant, error) {
	token := strings.TrimSpace(os.Getenv("VAULT_TOKEN"))
	if token == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, errNoToken
		}
		switch token, err = readCredential("token", filepath.Join(home, ".vault-token")); {
		case errors.Is(err, fs.ErrNotExist):
			return nil, errNoToken
		case err != nil:
			return nil, &loginError{strings.TrimPrefix(err.Error(), "vault: ")}
		}
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r < '!' || r > '~' }) {
		return nil, &loginError{"VAULT_TOKEN is not a token"}
	}
	g, err := tokenGrant(ctx, c, token)
	if err == nil {
		g.renewable = false
	}
	return g, err
}

var errNoToken = &loginError{"there is no token: run `vault login`, or set VAULT_TOKEN"}

// loginError is a login that was not tried, and will not go better the next time.
type loginError struct{ text string }

func (e *loginError) Error() string { return "vault: log in: " + e.text }
