package vault

import (
	"context"
	"sync/atomic"

	"logveil/redact"
)

// tenantKey is the key of a tenant in a context.
type tenantKey struct{}

// WithTenant returns a context whose values belong to a tenant.
func WithTenant(ctx context.Context, tenant string) context.Context {
	return context.WithValue(ctx, tenantKey{}, tenant)
}

// Tenants answers values with the Tokenizer of the tenant that the context names; see
// [WithTenant]. It implements redact.Tokenizer and is safe for concurrent use.
type Tenants struct {
	of      map[string]*Tokenizer
	unknown atomic.Uint64
}

// NewTenants takes the Tokenizer of each tenant; that of "" is for contexts that name
// none. Values of a tenant without a Tokenizer are masked: they must not get tokens of
// another's key.
func NewTenants(of map[string]*Tokenizer) *Tenants { return &Tenants{of: of} }

// Tokenize implements redact.Tokenizer.
func (t *Tenants) Tokenize(ctx context.Context, vs []redact.Value, buf []byte) []byte {
	name, _ := ctx.Value(tenantKey{}).(string)
	tk := t.of[name]
	if tk == nil {
		t.unknown.Add(uint64(len(vs)))
		return buf
	}
	return tk.Tokenize(ctx, vs, buf)
}

// Unknown returns how many values were masked because their tenant has no Tokenizer.
func (t *Tenants) Unknown() uint64 { return t.unknown.Load() }
