package config

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"logveil/redact"
	"logveil/vault"
)

// Redactor is an engine that replaces what it finds by tokens, with what makes them. It is
// safe for concurrent use.
type Redactor struct {
	Engine *redact.Engine
	// KeyFile is where the key of the scheme local is, or empty when the policy needs
	// none; KeyMade says that it was made just now.
	KeyFile string
	KeyMade bool

	tenants    *vault.Tenants
	tokenizers map[string]*vault.Tokenizer // by tenant
	client     *vault.Client               // nil without a Vault
	schemes    []closer                    // those of Vault
}

// closer is a scheme that works in the background.
type closer interface {
	vault.Scheme
	Close()
}

// ForTenant returns a context whose values get the tokens of a tenant. Values of a tenant
// that the policy does not name are masked. A host makes one context for each tenant and
// keeps it: the engine takes it with every call.
//
// Without it, values belong to `tokens.tenant`; where the policy names other tenants and
// not that one, they are masked.
func (r *Redactor) ForTenant(ctx context.Context, tenant string) context.Context {
	return vault.WithTenant(ctx, tenant)
}

// Close ends the work in the background. Values are masked afterwards.
func (r *Redactor) Close() {
	for _, s := range r.schemes {
		s.Close()
	}
	if r.client != nil {
		r.client.Close()
	}
}

// Metrics returns the counts up to now.
func (r *Redactor) Metrics() vault.Metrics {
	schemes := make([]vault.Scheme, len(r.schemes))
	for i, s := range r.schemes {
		schemes[i] = s
	}
	return vault.Measure(r.tenants, schemes...)
}

// startersAtOnce bounds how many schemes ask Vault for their keys at a time.
const startersAtOnce = 8

// Redactor builds what redacts by the policy. When the policy needs a key file and there is
// none, it makes one, or returns a [NoKeyError] where SetKeyFile named it or its folder is
// missing and not the default; MakeKey makes it all the same. And it logs in to Vault, when a kind is under a scheme of Vault's,
// and takes or tries the keys of all tenants. That takes `vault.start_timeout` at most.
//
// alarm, when not nil, is called with what a person must look at, once the Redactor is
// there; what keeps it from starting is the error. It must not block; the texts hold no
// value and no secret. The caller closes the Redactor.
func (p *Policy) Redactor(ctx context.Context, alarm func(text string)) (*Redactor, error) {
	r := &Redactor{tokenizers: make(map[string]*vault.Tokenizer)}
	ok := false
	defer func() {
		if !ok {
			r.Close()
		}
	}()
	byTenant := make(map[string]map[Scheme]vault.Scheme)
	for _, t := range p.tenants() {
		byTenant[t] = map[Scheme]vault.Scheme{SchemeMask: vault.Mask{}}
	}
	if p.needsKey() {
		if err := r.startLocal(p, byTenant); err != nil {
			return nil, err
		}
	}
	held := &heldAlarms{to: alarm}
	if p.needsVault() {
		if err := r.startVault(ctx, p, held.raise, byTenant); err != nil {
			return nil, err
		}
	}
	for tenant, schemes := range byTenant {
		rules := map[redact.Kind]vault.Rule{}
		for _, k := range p.kindsInForce() {
			rule := p.Rule(redact.Kind(k))
			rules[redact.Kind(k)] = vault.Rule{Scheme: schemes[rule.Scheme], KeepLast: rule.KeepLast}
		}
		t, err := vault.New(vault.Options{
			Default: vault.Rule{Scheme: vault.Mask{}}, Kinds: rules,
			CacheBytes: vault.DefaultCacheBytes / len(byTenant),
		})
		if err != nil {
			return nil, err
		}
		r.tokenizers[tenant] = t
	}
	// The tenant of values that come without one.
	if t := r.tokenizers[p.Tokens.Tenant]; t != nil {
		r.tokenizers[""] = t
	}
	r.tenants = vault.NewTenants(r.tokenizers)
	var err error
	r.Engine, err = redact.New(p.options(r.tenants))
	if ok = err == nil; ok {
		held.release()
	}
	return r, err
}

// heldAlarms keeps alarms back until they are released.
type heldAlarms struct {
	to    func(string)
	mu    sync.Mutex
	texts []string
	free  bool
}

func (h *heldAlarms) raise(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.to == nil:
	case h.free:
		h.to(text)
	default:
		h.texts = append(h.texts, text)
	}
}

func (h *heldAlarms) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.free = true
	for _, text := range h.texts {
		h.to(text)
	}
	h.texts = nil
}

// startLocal adds the scheme of the key file.
func (r *Redactor) startLocal(p *Policy, byTenant map[string]map[Scheme]vault.Scheme) error {
	file, err := p.keyFile()
	if err != nil {
		return err
	}
	key, made, err := p.loadKey(file)
	if err != nil {
		return err
	}
	defer key.Close()
	for t, schemes := range byTenant {
		if schemes[SchemeLocal], err = vault.NewLocal(key, t); err != nil {
			return err
		}
	}
	r.KeyFile, r.KeyMade = file, made
	return nil
}

// startVault adds the schemes whose keys Vault holds.
func (r *Redactor) startVault(ctx context.Context, p *Policy, alarm func(string), byTenant map[string]map[Scheme]vault.Scheme) error {
	var err error
	if r.client, err = p.client(p.auth(), alarm); err != nil {
		return err
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, p.Vault.StartTimeout)
	defer cancel()
	switch err := p.login(ctx, r.client); {
	case caller.Err() != nil:
		return context.Cause(caller)
	case err != nil && p.Vault.OnStartFailure != StartMask:
		return fmt.Errorf("%w; on_start_failure: mask would start without Vault, and mask", err)
	}
	plan := p.plan()
	slots := make(chan struct{}, startersAtOnce)
	var wg sync.WaitGroup
	var mu sync.Mutex // guards what follows, and the schemes
	var errs []error
	for tenant, schemes := range byTenant {
		for _, name := range plan.Schemes {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				s, err := r.startScheme(ctx, p, &plan, tenant, Scheme(name), len(byTenant))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					errs = append(errs, err)
					return
				}
				r.schemes, schemes[Scheme(name)] = append(r.schemes, s), s
			})
		}
	}
	wg.Wait()
	if caller.Err() != nil {
		return context.Cause(caller)
	}
	return errors.Join(errs...)
}

// startScheme starts one scheme for one tenant.
func (r *Redactor) startScheme(ctx context.Context, p *Policy, plan *vault.Plan, tenant string, name Scheme, tenants int) (closer, error) {
	v := &p.Vault
	key := plan.KeyName(string(name), tenant)
	if name == SchemeEnvelope {
		return orNil(vault.NewEnvelope(ctx, r.client, vault.EnvelopeConfig{
			Mount: v.Mount, Key: key, Version: v.KeyVersion, Epoch: v.Epoch, Tenant: tenant, Kinds: plan.Kinds,
			Refresh: v.Refresh, MaxAge: v.MaxKeyAge, MaskOnStartFailure: v.OnStartFailure == StartMask,
		}))
	}
	cfg := vault.RemoteConfig{
		Mount: v.Mount, Key: key, Version: v.KeyVersion, Tenant: tenant,
		Budget: v.Budget, Batch: v.Batch, Linger: v.Linger, InFlight: v.InFlight, Queue: v.Queue,
		CacheBytes:         max(1, int(v.Cache)/(tenants*len(plan.Schemes))), // 0 would be the default
		Refresh:            v.Refresh,
		MaskOnStartFailure: v.OnStartFailure == StartMask,
	}
	if v.Linger == 0 {
		cfg.Linger = -1 // none, where 0 would be the default
	}
	if name == SchemeHMAC {
		return orNil(vault.NewHMAC(ctx, r.client, cfg))
	}
	return orNil(vault.NewTransit(ctx, r.client, cfg))
}

// orNil returns no scheme, instead of one that is a nil pointer, with an error.
func orNil[S closer](s S, err error) (closer, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}
