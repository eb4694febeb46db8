package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"logveil/redact"
	"logveil/vault"
)

// ErrNoVault is what is asked of a policy that names no Vault.
var ErrNoVault = errors.New("the policy has no section `vault`")

// ErrTenant is a name that is none of the policy's tenants. It does not repeat the name,
// which may be a value in the wrong place.
var ErrTenant = errors.New("that is no tenant of the policy; 'logveil check' lists them")

// AllTenants stands for all tenants of a policy; no tenant has this name.
const AllTenants = "*"

// HasTenant reports whether the policy names a tenant.
func (p *Policy) HasTenant(name string) bool { return name != "" && slices.Contains(p.tenants(), name) }

// tenantsNamed returns the tenant of the name, or all.
func (p *Policy) tenantsNamed(name string) ([]string, error) {
	all := p.tenants()
	switch {
	case name == AllTenants:
		return all, nil
	case slices.Contains(all, name):
		return []string{name}, nil
	}
	return nil, ErrTenant
}

// VaultPolicies returns the Vault policies of the roles around a policy; see
// [vault.Policies]. Kinds, when given, are the only ones whose envelope keys may be
// derived; otherwise they are those that the policy puts under the scheme envelope.
func (p *Policy) VaultPolicies(kinds []redact.Kind) ([]vault.Policy, error) {
	if !p.HasVault() {
		return nil, ErrNoVault
	}
	plan := p.plan()
	if kinds != nil {
		plan.Kinds = kinds
	}
	return vault.Policies(plan)
}

// Operator keeps a policy's keys in Vault, under the Vault token of the person who runs
// the program. It is not safe for concurrent use.
type Operator struct {
	policy *Policy
	client *vault.Client
}

// Operator logs in to Vault with the caller's own token.
func (p *Policy) Operator(ctx context.Context) (*Operator, error) {
	return p.operator(ctx, vault.Caller{})
}

// AsRedactor logs in to Vault as a redactor does, to find out whether that goes well.
func (p *Policy) AsRedactor(ctx context.Context) (*Operator, error) { return p.operator(ctx, p.auth()) }

// personsTimeout is the least time that a request of a person may take: no stream waits
// for it.
const personsTimeout = 10 * time.Second

func (p *Policy) operator(ctx context.Context, auth vault.Auth) (*Operator, error) {
	if !p.HasVault() {
		return nil, ErrNoVault
	}
	patient := *p
	patient.Vault.RequestTimeout = max(p.Vault.RequestTimeout, personsTimeout)
	c, err := patient.client(auth, nil)
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, p.Vault.StartTimeout)
	defer cancel()
	if err := p.login(within, c); err != nil {
		c.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return &Operator{p, c}, nil
}

// Close forgets the token.
func (o *Operator) Close() { o.client.Close() }

// Init makes what is missing in Vault; see [vault.Init].
func (o *Operator) Init(ctx context.Context, dryRun bool) ([]vault.Step, error) {
	return vault.Init(ctx, o.client, o.policy.plan(), dryRun)
}

// Check tries the keys of a tenant, or of all, as a redactor does when it starts.
func (o *Operator) Check(ctx context.Context, tenant string) ([]vault.CheckResult, error) {
	plan := o.policy.plan()
	var err error
	if plan.Tenants, err = o.policy.tenantsNamed(tenant); err != nil {
		return nil, err
	}
	return vault.Check(ctx, o.client, plan)
}

// Manifest returns the keys of every token of a tenant, or of all, that can still be read,
// those of schemes that are not in use now too.
func (o *Operator) Manifest(ctx context.Context, tenant string) ([]vault.KeyID, error) {
	plan := o.policy.plan()
	var err error
	if plan.Tenants, err = o.policy.tenantsNamed(tenant); err != nil {
		return nil, err
	}
	refs, err := plan.AllRefs()
	if err != nil {
		return nil, err
	}
	return vault.Manifest(ctx, o.client, plan.Mount, refs)
}

// Rotate gives the keys of a tenant, or of all, a new version; see [vault.Rotate].
func (o *Operator) Rotate(ctx context.Context, tenant string, to int, dryRun bool) ([]vault.Rotation, error) {
	tenants, err := o.policy.tenantsNamed(tenant)
	if err != nil {
		return nil, err
	}
	var done []vault.Rotation
	for _, t := range tenants {
		rs, err := vault.Rotate(ctx, o.client, o.policy.plan(), t, to, dryRun)
		if done = append(done, rs...); err != nil {
			return done, err
		}
	}
	return done, nil
}

// ShredPlan returns what Shred would destroy.
func (o *Operator) ShredPlan(ctx context.Context, tenant string, before bool) ([]vault.Shredding, error) {
	if !slices.Contains(o.policy.tenants(), tenant) {
		return nil, ErrTenant
	}
	return vault.ShredPlan(ctx, o.client, o.policy.plan(), tenant, before)
}

// Shred destroys the keys of a tenant, or with before their versions up to the newest one;
// see [vault.Shred] and [vault.ShredBefore].
func (o *Operator) Shred(ctx context.Context, tenant string, before bool, confirmation string) ([]vault.Shredding, error) {
	if before {
		return vault.ShredBefore(ctx, o.client, o.policy.plan(), tenant, confirmation)
	}
	return vault.Shred(ctx, o.client, o.policy.plan(), tenant, confirmation)
}

// ShredConfirmation is what has to be typed to shred a tenant.
func (o *Operator) ShredConfirmation(tenant string) string { return vault.ShredConfirmation(tenant) }

// ReadOptions say which tokens a Reader reads, and why.
type ReadOptions struct {
	// Tenant is one of the policy's, or AllTenants.
	Tenant string
	// Reason goes to Vault's audit log, and to Audit.
	Reason string
	// Audit gets a line of JSON for each reveal, before it happens; nil for none.
	Audit io.Writer
	// Unbound takes away the bound on tokens in a second.
	Unbound bool
	// Waiting is told of waits for that bound; nil tells nobody.
	Waiting func(time.Duration)
}

// Reader reads and searches tokens: under the key file, and where the policy names a Vault
// under the Vault token of the person who runs the program. It is not safe for concurrent
// use.
type Reader struct {
	// KeyFile is the key file in use, or empty; Vault is the address of Vault, or empty.
	KeyFile, Vault string
	// Denied are keys of the policy that Vault does not let the caller use.
	Denied []string

	local    *vault.Revealer
	remote   *vault.Reader
	client   *vault.Client
	searched []vault.Scheme // of the key file, one for each tenant
}

// Reader builds what reads by the policy. It makes no key.
func (p *Policy) Reader(ctx context.Context, o ReadOptions) (*Reader, error) {
	tenants, err := p.tenantsNamed(o.Tenant)
	if err != nil {
		return nil, err
	}
	r := &Reader{}
	if err := r.readKeyFile(p, tenants); err != nil && (!p.HasVault() || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	if !p.HasVault() {
		r.local, err = vault.NewRevealer(r.searched...)
		return r, err
	}
	op, err := p.Operator(ctx)
	if err != nil {
		return nil, err
	}
	plan := p.plan()
	used := plan.Schemes
	plan.Tenants = tenants
	if len(plan.Schemes) == 0 {
		plan.Schemes = []string{string(SchemeEnvelope)} // none in use now; all are looked for
	}
	cfg := vault.ReaderConfig{Mount: plan.Mount, Reason: o.Reason, Rate: float64(p.Vault.RevealRate), Waiting: o.Waiting, Also: r.searched}
	if cfg.Keys, err = plan.AllRefs(); err != nil {
		op.Close()
		return nil, err
	}
	if o.Unbound {
		cfg.Rate = -1
	}
	if o.Audit != nil {
		cfg.Audit = func(rec vault.RevealRecord) error { return json.NewEncoder(o.Audit).Encode(rec) }
	}
	if r.remote, err = vault.NewReader(ctx, op.client, cfg); err != nil {
		op.Close()
		return nil, err
	}
	r.client, r.Vault = op.client, p.Vault.Address
	for _, ref := range r.remote.Denied {
		if slices.Contains(used, ref.Scheme) {
			r.Denied = append(r.Denied, plan.Mount+"/"+ref.Key)
		}
	}
	return r, nil
}

// readKeyFile adds the schemes of the key file.
func (r *Reader) readKeyFile(p *Policy, tenants []string) error {
	file, err := p.keyFile()
	if err != nil {
		return err
	}
	key, err := vault.LoadKey(file)
	if err != nil {
		return err
	}
	defer key.Close()
	for _, t := range tenants {
		local, err := vault.NewLocal(key, t)
		if err != nil {
			return err
		}
		r.searched = append(r.searched, local)
	}
	r.KeyFile = file
	return nil
}

// Close forgets the caller's token.
func (r *Reader) Close() {
	if r.client != nil {
		r.client.Close()
	}
}

// AppendReveal appends text to dst with the values in the places of their tokens. When
// Vault cannot be reached it returns an error and dst as it was.
func (r *Reader) AppendReveal(ctx context.Context, dst, text []byte) ([]byte, vault.RevealStats, error) {
	if r.remote != nil {
		return r.remote.AppendRevealContext(ctx, dst, text)
	}
	dst, st := r.local.AppendReveal(dst, text)
	return dst, st, nil
}

// BadAt returns where the first token stood in the last text of AppendReveal that is damaged
// or was not made with the key that it names, or -1.
func (r *Reader) BadAt() int {
	if r.remote != nil {
		return r.remote.BadAt()
	}
	return r.local.BadAt()
}

// AppendRewrap appends text to dst with its tokens moved to the newest version of their
// keys in Vault; see [vault.Reader.AppendRewrap].
func (r *Reader) AppendRewrap(ctx context.Context, dst, text []byte) ([]byte, vault.RewrapStats, error) {
	if r.remote == nil {
		return dst, vault.RewrapStats{}, ErrNoVault
	}
	return r.remote.AppendRewrap(ctx, dst, text)
}

// Tokens returns the tokens that a value has, or had, under every key, the oldest first.
func (r *Reader) Tokens(ctx context.Context, kind redact.Kind, value []byte) ([]vault.KeyToken, error) {
	var all []vault.KeyToken
	for _, s := range r.searched {
		t, err := vault.New(vault.Options{Default: vault.Rule{Scheme: s}, CacheBytes: -1})
		if err != nil {
			return nil, err
		}
		vs := []redact.Value{{Kind: kind, Raw: value}}
		t.Tokenize(ctx, vs, nil)
		if len(vs[0].Token) == 0 {
			return nil, fmt.Errorf("such a value has no token: it is longer than %d bytes", vault.MaxValue)
		}
		all = append(all, vault.KeyToken{KeyID: vault.KeyID{Scheme: s.Name()}, Token: string(vs[0].Token)})
	}
	if r.remote == nil {
		return all, nil
	}
	more, err := r.remote.Tokens(ctx, kind, value)
	return append(all, more...), err
}
