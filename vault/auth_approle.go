package vault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// AppRole logs in with a role id and a secret id.
type AppRole struct {
	// Mount is where the method is mounted; empty means "approle".
	Mount  string
	RoleID string
	// SecretIDFile holds the secret id, or with Wrapped the token that wraps it; it is
	// empty when the role needs none. It is read again for each login.
	SecretIDFile string
	// Wrapped says that the file holds a wrapping token. It can be unwrapped once, so
	// the secret id is kept in memory for later logins, until the file holds another.
	Wrapped bool

	unwrapped *unwrapped
}

type unwrapped struct {
	wrapping Secret // the token that was used
	secretID Secret
}

// NewAppRole returns the method, ready to keep an unwrapped secret id.
func NewAppRole(a AppRole) *AppRole {
	a.unwrapped = new(unwrapped)
	return &a
}

func (a *AppRole) login(ctx context.Context, c caller) (*grant, error) {
	mount := or(a.Mount, "approle")
	data := map[string]string{"role_id": a.RoleID}
	if a.SecretIDFile != "" {
		id, err := readCredential("secret id", a.SecretIDFile)
		if err != nil {
			return nil, err
		}
		if a.Wrapped {
			if id, err = a.unwrap(ctx, c, mount, id); err != nil {
				return nil, err
			}
		}
		data["secret_id"] = id
	}
	return loginAt(ctx, c, "auth/"+mount+"/login", data)
}

// unwrap returns the secret id behind a wrapping token. Before it uses the token, it asks
// Vault where it comes from: somebody who took the first one could have put another in
// its place.
func (a *AppRole) unwrap(ctx context.Context, c caller, mount, token string) (string, error) {
	if a.unwrapped == nil {
		return "", errors.New("vault: AppRole: a wrapped secret id needs NewAppRole")
	}
	if string(a.unwrapped.wrapping.bytes()) == token {
		return string(a.unwrapped.secretID.bytes()), nil
	}
	from, err := write[struct {
		CreationPath string `json:"creation_path"`
	}](ctx, c, request{path: "sys/wrapping/lookup"}, map[string]string{"token": token})
	if err != nil {
		return "", fmt.Errorf("vault: the wrapping token cannot be used; if nobody here used it, somebody else did: %w", err)
	}
	if from == nil || !strings.HasPrefix(from.CreationPath, "auth/"+mount+"/role/") || !strings.HasSuffix(from.CreationPath, "/secret-id") {
		return "", errors.New("vault: the wrapping token does not wrap a secret id of this method; somebody may have replaced it")
	}
	body, err := c.call(ctx, request{method: http.MethodPut, path: "sys/wrapping/unwrap", token: token, body: []byte("{}")})
	if err != nil {
		return "", fmt.Errorf("vault: unwrap the secret id: %w", err)
	}
	got, err := decode[struct {
		SecretID string `json:"secret_id"`
	}]("sys/wrapping/unwrap", body)
	clear(body)
	if err != nil || got == nil || got.SecretID == "" {
		return "", errors.New("vault: the wrapping token does not hold a secret id")
	}
	a.unwrapped.wrapping.Close()
	a.unwrapped.secretID.Close()
	*a.unwrapped = unwrapped{NewSecret([]byte(token)), NewSecret([]byte(got.SecretID))}
	return got.SecretID, nil
}
