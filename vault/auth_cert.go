package vault

import "context"

// Certificate logs in with the TLS client certificate of ClientConfig.
type Certificate struct {
	// Mount is where the method is mounted; empty means "cert".
	Mount string
	// Role names a certificate role; empty tries all.
	Role string
}

func (a Certificate) login(ctx context.Context, c caller) (*grant, error) {
	data := map[string]string{}
	if a.Role != "" {
		data["name"] = a.Role
	}
	return loginAt(ctx, c, "auth/"+or(a.Mount, "cert")+"/login", data)
}
