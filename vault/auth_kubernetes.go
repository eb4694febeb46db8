package vault

import "context"

// Kubernetes logs in with the token of the pod's service account. The kubelet replaces
// the file before the token expires, so it is read again for each login.
type Kubernetes struct {
	// Mount is where the method is mounted; empty means "kubernetes".
	Mount string
	Role  string
	// File holds the token; empty means the place where Kubernetes puts it.
	File string
}

const serviceAccountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token" //nolint:gosec // a path

func (a Kubernetes) login(ctx context.Context, c caller) (*grant, error) {
	return loginWithJWT(ctx, c, or(a.Mount, "kubernetes"), a.Role, or(a.File, serviceAccountToken))
}
