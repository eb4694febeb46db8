package vault

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"logveil/redact"
)

// Plan is what an installation keeps in Vault. Everything that `logveil vault` does
// follows from it.
type Plan struct {
	// Mount is where the transit engine is mounted; empty means "transit".
	Mount string
	// Prefix begins the names of keys and policies; empty means "logveil".
	Prefix string
	// Tenants have keys of their own. None means one installation without tenants.
	Tenants []string
	// Schemes are those in use: "envelope", "transit", "hmac".
	Schemes []string
	// Kinds, when given, are the only kinds whose envelope keys may be derived. Vault's
	// policies enforce it.
	Kinds []redact.Kind
	// Epoch is the newest epoch of the envelope keys.
	Epoch int
}

// remoteSchemes are the schemes with a key in Vault.
var remoteSchemes = []string{"envelope", "transit", "hmac"}

func (p *Plan) check() error {
	p.Mount, p.Prefix = or(p.Mount, "transit"), or(p.Prefix, "logveil")
	if len(p.Tenants) == 0 {
		p.Tenants = []string{""}
	}
	if len(p.Schemes) == 0 {
		return errors.New("vault: a plan needs a scheme")
	}
	for _, s := range p.Schemes {
		if !slices.Contains(remoteSchemes, s) {
			return fmt.Errorf("vault: %q is no scheme with a key in Vault; use envelope, transit or hmac", s)
		}
	}
	for _, t := range append([]string{p.Mount, p.Prefix}, p.Tenants...) {
		// These stand in paths and in HCL.
		if strings.ContainsFunc(t, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.' || r == '/' && t == p.Mount)
		}) {
			return fmt.Errorf("vault: %q: a name holds letters, digits and - _ . only", t)
		}
	}
	for _, k := range p.Kinds {
		if !k.Valid() {
			return fmt.Errorf("vault: kind %q cannot stand in a token", k)
		}
	}
	return nil
}

// KeyName returns the name of a transit key: prefix, scheme and tenant.
func (p *Plan) KeyName(scheme, tenant string) string {
	name := or(p.Prefix, "logveil") + "-" + scheme
	if tenant != "" {
		name += "-" + tenant
	}
	return name
}

// Refs returns the keys of a plan.
func (p *Plan) Refs() ([]KeyRef, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return p.refs(p.Schemes), nil
}

// AllRefs returns the keys of a plan and those of the schemes that it does not use now: a
// former plan may have made tokens with them. It is for [NewReader].
func (p *Plan) AllRefs() ([]KeyRef, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return p.refs(remoteSchemes), nil
}

func (p *Plan) refs(schemes []string) []KeyRef {
	var refs []KeyRef
	for _, t := range p.Tenants {
		for _, s := range schemes {
			refs = append(refs, KeyRef{Scheme: s, Key: p.KeyName(s, t), Tenant: t, Epoch: p.Epoch})
		}
	}
	return refs
}

// Step is one thing that Init found or did.
type Step struct {
	// What names it: "key transit/logveil-envelope".
	What string
	// Done says what was done, or with dryRun would be: "made", "exists".
	Done string
}

// Init mounts the transit engine, makes the keys that are missing, and lets Vault's audit
// log hold the reasons of reveals. What is there already stays as it is; a key that does
// not suit its scheme is an error. With dryRun it changes nothing.
func Init(ctx context.Context, c *Client, p Plan, dryRun bool) ([]Step, error) {
	refs, err := p.Refs()
	if err != nil {
		return nil, err
	}
	var steps []Step
	// A write that is due unless something exists.
	ensure := func(what string, exists bool, path string, data any) error {
		step := Step{what, "exists"}
		if !exists {
			if step.Done = "made"; !dryRun {
				if _, err := write[struct{}](ctx, c, request{path: path}, data); err != nil {
					return err
				}
			}
		}
		steps = append(steps, step)
		return nil
	}
	mounts, err := read[map[string]struct {
		Type string `json:"type"`
	}](ctx, c, "sys/mounts")
	if err != nil {
		return nil, err
	}
	mounted := false
	if mounts != nil {
		m, ok := (*mounts)[p.Mount+"/"]
		if mounted = ok; ok && m.Type != "transit" {
			return nil, fmt.Errorf("vault: %s/ is mounted as %q, not as transit", p.Mount, m.Type)
		}
	}
	if err := ensure("engine "+p.Mount+"/", mounted, "sys/mounts/"+p.Mount, map[string]string{"type": "transit"}); err != nil {
		return steps, err
	}
	for _, ref := range refs {
		var k *transitKey
		if mounted {
			if k, err = read[transitKey](ctx, c, p.Mount+"/keys/"+ref.Key); err != nil {
				return steps, err
			}
		}
		if k != nil {
			if err := k.suits(ref.Scheme); err != nil {
				return steps, &keyError{mount: p.Mount, name: ref.Key, text: err.Error()}
			}
		}
		data := map[string]any{"type": "hmac", "key_size": 64}
		if ref.Scheme == "transit" {
			data = map[string]any{"type": "aes256-gcm96", "derived": true, "convergent_encryption": true}
		}
		if err := ensure("key "+p.Mount+"/"+ref.Key, k != nil, p.Mount+"/keys/"+ref.Key, data); err != nil {
			return steps, err
		}
	}
	header := "sys/config/auditing/request-headers/" + strings.ToLower(reasonHeader)
	h, err := read[map[string]any](ctx, c, header)
	if e, ok := errors.AsType[*requestError](err); ok && e.status == http.StatusBadRequest {
		h, err = nil, nil // that is how Vault says that it has none
	}
	if err != nil {
		return steps, err
	}
	return steps, ensure("audited header "+reasonHeader, h != nil, header, map[string]any{"hmac": false})
}

// Policy is a Vault policy in HCL.
type Policy struct {
	// Name is that of the policy, such as "logveil-redactor-acme"; Role the part of it
	// that says for whom it is.
	Name, Role, Tenant string
	Doc, HCL           string
}

// Policies returns the least policies of each role: the redactor of each tenant, the
// investigator of each tenant, the auditor and the operator. A redactor may use the schemes
// of the plan; the others may use all, because a former plan may have had them.
func Policies(p Plan) ([]Policy, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	var out []Policy
	for _, t := range p.Tenants {
		suffix := ""
		if t != "" {
			suffix = "-" + t
		}
		out = append(out,
			Policy{p.Prefix + "-redactor" + suffix, "redactor", t, "make tokens; with the scheme envelope also read them", p.policy(t, false)},
			Policy{p.Prefix + "-investigator" + suffix, "investigator", t, "read tokens, and search for the tokens of a value", p.policy(t, true)})
	}
	var auditor, operator hcl
	for _, t := range p.Tenants {
		for _, s := range remoteSchemes {
			key := p.Mount + "/keys/" + p.KeyName(s, t)
			auditor.path(key, "read")
			operator.path(key, "create", "read", "update", "delete")
			operator.path(key+"/rotate", "update")
			operator.path(key+"/config", "update")
			operator.path(key+"/trim", "update")
			if s == "transit" {
				operator.path(p.Mount+"/rewrap/"+p.KeyName(s, t), "update")
			}
		}
	}
	auditor.path("sys/audit", "read", "sudo")
	auditor.path("sys/config/auditing/request-headers/"+strings.ToLower(reasonHeader), "read", "sudo")
	auditor.path("sys/policies/acl/"+p.Prefix+"-*", "read")
	operator.path("sys/mounts", "read")
	operator.path("sys/mounts/"+p.Mount, "create", "update")
	operator.path("sys/config/auditing/request-headers/"+strings.ToLower(reasonHeader), "create", "read", "update", "sudo")
	auditor.self()
	operator.self()
	return append(out,
		Policy{p.Prefix + "-auditor", "auditor", "", "see keys and policies, and no value", auditor.String()},
		Policy{p.Prefix + "-operator", "operator", "", "make, rotate, rewrap and shred keys, and see no value", operator.String()}), nil
}

// policy returns the policy of a redactor or an investigator.
func (p *Plan) policy(tenant string, reads bool) string {
	var h hcl
	for _, s := range remoteSchemes {
		switch inUse := slices.Contains(p.Schemes, s); {
		case inUse:
		case !reads, s == "envelope" && len(p.Kinds) == 0:
			continue // without kinds, keys of all could be derived
		}
		key := p.KeyName(s, tenant)
		h.path(p.Mount+"/keys/"+key, "read")
		switch s {
		case "envelope":
			var inputs []string
			for _, k := range p.Kinds {
				for e := range p.Epoch + 1 {
					label := envelopeLabel(KeyID{Tenant: tenant, Epoch: e}, k)
					inputs = append(inputs, base64.StdEncoding.EncodeToString(label))
				}
			}
			h.parameters(p.Mount+"/hmac/"+key+"/sha2-512", inputs)
		case "transit":
			// update, not create: with create, a missing key would come into being,
			// and not convergent.
			h.path(p.Mount+"/encrypt/"+key, "update")
			if reads {
				h.path(p.Mount+"/decrypt/"+key, "update")
			}
		case "hmac":
			h.path(p.Mount+"/hmac/"+key+"/sha2-256", "update")
		}
	}
	h.self()
	return h.String()
}

// hcl builds a policy.
type hcl struct{ strings.Builder }

func (h *hcl) path(path string, capabilities ...string) {
	fmt.Fprintf(h, "path %q {\n  capabilities = [%s]\n}\n", path, quoted(capabilities))
}

// self lets a token be looked at and renewed by who has it.
func (h *hcl) self() {
	h.path("auth/token/lookup-self", "read")
	h.path("auth/token/renew-self", "update")
}

// parameters allows one request with an input of the list and a key version, and no batch.
// An empty list allows any input.
func (h *hcl) parameters(path string, inputs []string) {
	fmt.Fprintf(h, "path %q {\n  capabilities = [\"update\"]\n  allowed_parameters = {\n    \"input\"       = [%s]\n    \"key_version\" = []\n  }\n}\n", path, quoted(inputs))
}

func quoted(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(q, ", ")
}

// CheckResult is what Check found about one key.
type CheckResult struct {
	Ref KeyRef
	// Versions are the oldest readable and the newest version.
	Oldest, Newest int
	// Kid is the kid of new tokens.
	Kid string
	// Err is what is wrong, or nil.
	Err error
}

// Check does with every key of a plan what a redactor does at its start.
func Check(ctx context.Context, c *Client, p Plan) ([]CheckResult, error) {
	refs, err := p.Refs()
	if err != nil {
		return nil, err
	}
	kinds := p.Kinds
	if len(kinds) == 0 {
		kinds = []redact.Kind{"email"}
	}
	var out []CheckResult
	for _, ref := range refs {
		res := CheckResult{Ref: ref}
		var k *transitKey
		if k, res.Err = readKey(ctx, c, p.Mount, ref.Key); res.Err == nil {
			res.Oldest, res.Newest = k.oldest(ref.Scheme), k.Latest
			id := KeyID{Scheme: ref.Scheme, Key: ref.Key, Version: k.Latest, Epoch: ref.Epoch, Tenant: ref.Tenant}
			if ref.Scheme != "envelope" {
				id.Epoch = 0
			}
			res.Kid = id.kid()
			res.Err = tryKey(ctx, c, p.Mount, ref, kinds)
		}
		out = append(out, res)
	}
	return out, nil
}

// tryKey starts a scheme and ends it.
func tryKey(ctx context.Context, c *Client, mount string, ref KeyRef, kinds []redact.Kind) error {
	switch ref.Scheme {
	case "envelope":
		e, err := NewEnvelope(ctx, c, EnvelopeConfig{Mount: mount, Key: ref.Key, Tenant: ref.Tenant, Epoch: ref.Epoch, Kinds: kinds})
		if err == nil {
			e.Close()
		}
		return err
	case "transit":
		r, err := NewTransit(ctx, c, RemoteConfig{Mount: mount, Key: ref.Key, Tenant: ref.Tenant})
		if err == nil {
			r.Close()
		}
		return err
	}
	r, err := NewHMAC(ctx, c, RemoteConfig{Mount: mount, Key: ref.Key, Tenant: ref.Tenant})
	if err == nil {
		r.Close()
	}
	return err
}

// Rotation is what Rotate did, or with dryRun would do, with a key.
type Rotation struct {
	Mount, Key string
	// From and To are the newest versions before and after.
	From, To int
}

// Rotate brings every key of a tenant to the version to, or to the next one after the
// newest of them when to is 0. A key that has the version stays, so that a rotation that
// was interrupted can be finished. Old tokens stay readable; new ones differ from them,
// until a rewrap moves the old ones.
func Rotate(ctx context.Context, c *Client, p Plan, tenant string, to int, dryRun bool) ([]Rotation, error) {
	refs, err := p.refsOf(tenant, p.Schemes)
	if err != nil {
		return nil, err
	}
	var all []Rotation
	newest := 0
	for _, ref := range refs {
		k, err := readKey(ctx, c, p.Mount, ref.Key)
		if err != nil {
			return nil, err
		}
		newest = max(newest, k.Latest)
		all = append(all, Rotation{Mount: p.Mount, Key: ref.Key, From: k.Latest})
	}
	switch {
	case to == 0:
		to = newest + 1
	case to > newest+1:
		return nil, fmt.Errorf("vault: version %d would leave some out; the newest is %d", to, newest)
	}
	for i := range all {
		r := &all[i]
		for r.To = r.From; r.To < to; r.To++ {
			if dryRun {
				continue
			}
			if _, err := write[struct{}](ctx, c, request{path: p.Mount + "/keys/" + r.Key + "/rotate"}, struct{}{}); err != nil {
				if r.To > r.From {
					i++ // some of the way
				}
				return all[:i], err
			}
		}
	}
	return all, nil
}

// refsOf returns the keys of one tenant.
func (p *Plan) refsOf(tenant string, schemes []string) ([]KeyRef, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if !slices.Contains(p.Tenants, tenant) {
		return nil, errors.New("vault: that is no tenant of the policy")
	}
	return slices.DeleteFunc(p.refs(schemes), func(r KeyRef) bool { return r.Tenant != tenant }), nil
}

// ShredConfirmation is what has to be typed to shred a tenant.
func ShredConfirmation(tenant string) string {
	return "shred " + or(tenant, "everything")
}

// Shredding is what Shred and ShredBefore did with a key, or would do.
type Shredding struct {
	Mount, Key string
	// From and To are the oldest and the newest version that go.
	From, To int
}

// ShredPlan returns what Shred would delete, or with before ShredBefore.
func ShredPlan(ctx context.Context, c *Client, p Plan, tenant string, before bool) ([]Shredding, error) {
	// Keys of schemes that are not in use now made tokens once.
	refs, err := p.refsOf(tenant, remoteSchemes)
	if err != nil {
		return nil, err
	}
	var all []Shredding
	for _, ref := range refs {
		k, err := read[transitKey](ctx, c, p.Mount+"/keys/"+ref.Key)
		if err != nil {
			return nil, err
		}
		if k == nil {
			continue
		}
		s := Shredding{p.Mount, ref.Key, max(1, k.MinAvailable), k.Latest}
		if before {
			s.To--
		}
		if s.From <= s.To {
			all = append(all, s)
		}
	}
	return all, nil
}

// Shred deletes the keys of a tenant with all their versions, those of schemes not in use
// now too. The tenant's tokens, in all logs and backups, are unreadable for good; there is
// no way back. The confirmation is that of [ShredConfirmation], typed by a person. What it
// returns is gone, also with an error.
func Shred(ctx context.Context, c *Client, p Plan, tenant, confirmation string) ([]Shredding, error) {
	return shred(ctx, c, p, tenant, confirmation, false, func(path string, _ int) error {
		if _, err := write[struct{}](ctx, c, request{path: path + "/config"}, map[string]bool{"deletion_allowed": true}); err != nil {
			return err
		}
		if _, err := c.call(ctx, request{method: http.MethodDelete, path: path}); err != nil {
			return err
		}
		k, err := read[transitKey](ctx, c, path)
		if err == nil && k != nil {
			err = errors.New("vault: " + path + " is still there after its deletion")
		}
		return err
	})
}

// ShredBefore deletes the versions of a tenant's keys before the newest one: tokens that
// were not moved by a rewrap are unreadable for good. Envelope keys already taken out of
// Vault by a redactor live there until it refreshes or ends. The confirmation is that of
// [ShredConfirmation].
func ShredBefore(ctx context.Context, c *Client, p Plan, tenant, confirmation string) ([]Shredding, error) {
	return shred(ctx, c, p, tenant, confirmation, true, func(path string, newest int) error {
		if _, err := write[struct{}](ctx, c, request{path: path + "/config"},
			map[string]int{"min_decryption_version": newest, "min_encryption_version": newest}); err != nil {
			return err
		}
		_, err := write[struct{}](ctx, c, request{path: path + "/trim"}, map[string]int{"min_available_version": newest})
		return err
	})
}

func shred(ctx context.Context, c *Client, p Plan, tenant, confirmation string, before bool, drop func(path string, newest int) error) ([]Shredding, error) {
	if confirmation != ShredConfirmation(tenant) {
		return nil, fmt.Errorf("vault: nothing was deleted: the confirmation is %q", ShredConfirmation(tenant))
	}
	todo, err := ShredPlan(ctx, c, p, tenant, before)
	if err != nil {
		return nil, err
	}
	for i, s := range todo {
		newest := s.To
		if before {
			newest++
		}
		if err := drop(s.Mount+"/keys/"+s.Key, newest); err != nil {
			return todo[:i], err
		}
	}
	return todo, nil
}
