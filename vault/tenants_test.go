package vault

import (
	"context"
	"strings"
	"testing"

	"logveil/redact"
)

func TestTenants(t *testing.T) {
	tokenizer := func(tenant string) *Tokenizer {
		return newTokenizer(t, Options{Default: Rule{Scheme: testSealer(t, 1, tenant)}})
	}
	ts := NewTenants(map[string]*Tokenizer{"": tokenizer(""), "acme": tokenizer("acme")})
	seen := map[string]string{}
	for _, tenant := range []string{"", "acme", "beta"} {
		ctx := context.Background()
		if tenant != "" {
			ctx = WithTenant(ctx, tenant)
		}
		vs := []redact.Value{{Kind: "email", Raw: []byte("a@example.com")}}
		ts.Tokenize(ctx, vs, nil)
		tok := string(vs[0].Token)
		if (tok == "") != (tenant == "beta") || tok != "" && !strings.HasPrefix(tok, "tok1_email_") {
			t.Errorf("tenant %q: %q", tenant, tok)
		}
		if was, ok := seen[tok]; ok {
			t.Errorf("tenants %q and %q have one token", was, tenant)
		}
		seen[tok] = tenant
		if n := testing.AllocsPerRun(100, func() { ts.Tokenize(ctx, vs, vs[0].Token[:0]) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
	if ts.Unknown() != 102 {
		t.Errorf("%d values of unknown tenants", ts.Unknown())
	}
}

var _ redact.Tokenizer = (*Tenants)(nil)
