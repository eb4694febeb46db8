package vault

import "context"

// JWT logs in with a JSON web token from a file that something keeps fresh, such as a
// SPIFFE helper or a CI system. The file is read again for each login.
type JWT struct {
	// Mount is where the method is mounted; empty means "jwt".
	Mount string
	Role  string
	File  string
}

func (a JWT) login(ctx context.Context, c caller) (*grant, error) {
	return loginWithJWT(ctx, c, or(a.Mount, "jwt"), a.Role, a.File)
}

func loginWithJWT(ctx context.Context, c caller, mount, role, file string) (*grant, error) {
	jwt, err := readCredential("JSON web token", file)
	if err != nil {
		return nil, err
	}
	return loginAt(ctx, c, "auth/"+mount+"/login", map[string]string{"role": role, "jwt": jwt})
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
