package vault

import (
	"math/rand/v2"
	"testing"
	"time"

	"logveil/redact"
)

// TestHistogram compares with counting one by one.
func TestHistogram(t *testing.T) {
	var h histogram
	var want Histogram
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		v := r.Uint64() >> r.IntN(64) >> 1
		h.add(v)
		want.Sum += v
		i := 0
		for i < histogramBuckets-1 && v >= 1<<i {
			i++
		}
		want.Buckets[i]++
	}
	got := h.snapshot()
	if got != want || got.Count() != 1000 {
		t.Errorf("%v, want %v", got, want)
	}
	got.merge(&want)
	if got.Count() != 2000 || got.Sum != 2*want.Sum {
		t.Errorf("merged: %v", got)
	}
}

// Every value is counted once, under its scheme, as made, cached or masked for a reason.
func TestMeasure(t *testing.T) {
	w := newWorld(t)
	c := newClient(t, w.config())
	schemes := map[string]Scheme{
		"transit":  newTransit(t, c, RemoteConfig{Budget: 10 * time.Second}),
		"hmac":     newHMAC(t, c, RemoteConfig{Budget: 10 * time.Second}),
		"envelope": newEnvelope(t, c, EnvelopeConfig{Kinds: []redact.Kind{"email"}}),
		"local":    testSealer(t, 1, ""),
		"mask":     Mask{},
	}
	kinds := map[redact.Kind]Rule{
		"card": {Scheme: schemes["transit"]}, "iban": {Scheme: schemes["hmac"]}, "email": {Scheme: schemes["envelope"]},
		"mac": {Scheme: schemes["local"]}, "ssn": {Scheme: schemes["mask"]},
	}
	one := newTokenizer(t, Options{Default: Rule{Scheme: Mask{}}, Kinds: kinds})
	two := newTokenizer(t, Options{Default: Rule{Scheme: Mask{}}, Kinds: kinds})
	tenants := NewTenants(map[string]*Tokenizer{"": one, "one": one, "two": two})
	for _, tenant := range []string{"", "one", "two", "three"} {
		ctx := WithTenant(t.Context(), tenant)
		for range 3 {
			var vs []redact.Value
			for kind := range kinds {
				vs = append(vs, redact.Value{Kind: kind, Raw: []byte("00:1b:63:84:45:e6")})
			}
			vs = append(vs, redact.Value{Kind: "pem", Raw: make([]byte, MaxValue+1)})
			tenants.Tokenize(ctx, vs, nil)
		}
	}
	w.deleteKey(t, "logveil-transit")
	if tok := tokenOf(one, "card", "new"); tok != "" {
		t.Errorf("a token without a key: %q", tok)
	}
	all := []Scheme{schemes["transit"], schemes["hmac"], schemes["envelope"]}
	m := Measure(tenants, all...)
	for name, s := range m.Schemes {
		var masked uint64
		for _, n := range s.Masked {
			masked += n
		}
		want := uint64(9) // three tenants with keys, three times each
		if name == "transit" {
			want++
		}
		if s.Made+s.Cached+masked != want || (name == "transit") != (masked == 1) {
			t.Errorf("%s: %+v", name, s)
		}
		// The two Tokenizers, and their lanes, have caches of their own; a Remote has one.
		if made := map[string]uint64{"mask": 9, "transit": 1, "hmac": 1}[name]; made > 0 && s.Made != made || s.Made == 0 {
			t.Errorf("%s: %d made, want %d", name, s.Made, made)
		}
		remote := name == "transit" || name == "hmac"
		if remote != (s.Requests > 0) || s.Sizes.Count() != s.Requests || s.Latency.Count() != s.Requests || remote != (s.Latency.Sum > 0) {
			t.Errorf("%s: %d requests, %d sizes, %d latencies", name, s.Requests, s.Sizes.Count(), s.Latency.Count())
		}
	}
	if len(m.Schemes) != 5 || m.Masked[MaskTenant] != 3*6 || m.Masked[MaskUnfit] != 9 || m.Breaker != BreakerClosed {
		t.Errorf("%+v", m)
	}
	if e := m.Schemes["envelope"]; e.KeyAge <= 0 || e.KeyAge > time.Minute || e.KeysReady != 1 || e.KeysMissing != 0 {
		t.Errorf("%+v", e)
	}
	counts := m.MaskCounts()
	if len(counts) != 3 || counts[0] != (MaskCount{MaskTenant, "", 18}) || counts[2].Scheme != "transit" || counts[2].Reason != MaskDenied {
		t.Errorf("%v", counts)
	}
	if rs := MaskReasons(); len(rs) != numMaskReasons-1 || rs[len(rs)-1].String() != "unknown tenant" {
		t.Errorf("%v", rs)
	}
}
