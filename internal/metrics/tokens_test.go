package metrics

import (
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"logveil/internal/config"
	"logveil/vault"
	"logveil/vault/vaulttest"
)

// tokenSeries are the series of the collector of tokens on a page.
func tokenSeries(all map[string]float64) map[string]float64 {
	own := map[string]float64{}
	for name, v := range all {
		for _, prefix := range []string{"logveil_tokens_", "logveil_no_token_", "logveil_vault_", "logveil_key"} {
			if strings.HasPrefix(name, prefix) {
				own[name] = v
			}
		}
	}
	return own
}

// Every series exists before anything happened, and the same ones afterwards, with the
// counts that were measured.
func TestTokens(t *testing.T) {
	var now vault.Metrics
	m := New("test")
	if err := m.Register(Tokens(func() vault.Metrics { return now })); err != nil {
		t.Fatal(err)
	}
	url := serve(t, m)
	_, page := get(t, url+"/metrics")
	before := tokenSeries(series(t, page))
	for name, v := range before {
		if v != 0 && name != "logveil_vault_breaker_state,state=closed" {
			t.Errorf("%s is %v at the start", name, v)
		}
	}
	transit := vault.SchemeMetrics{Made: 7, Cached: 8, Requests: 3, Masked: map[vault.MaskReason]uint64{vault.MaskQueueFull: 9}}
	transit.Sizes.Buckets[1], transit.Sizes.Buckets[10], transit.Sizes.Sum = 1, 2, 1501       // 1, and 750 twice
	transit.Latency.Buckets[3], transit.Latency.Buckets[31], transit.Latency.Sum = 1, 1, 5e12 // 5 us, and very long
	now = vault.Metrics{
		Schemes: map[string]vault.SchemeMetrics{
			"transit": transit, "mask": {Made: 5},
			"envelope": {Made: 11, Masked: map[vault.MaskReason]uint64{vault.MaskNoKey: 2}, KeyAge: 90 * time.Second, KeysReady: 3, KeysMissing: 1},
		},
		Masked:  map[vault.MaskReason]uint64{vault.MaskTenant: 4},
		Breaker: vault.BreakerOpen, Opens: 6,
	}
	_, page = get(t, url+"/metrics")
	after := tokenSeries(series(t, page))
	if a, b := slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)); !slices.Equal(a, b) {
		t.Errorf("series at the start\n%s\nand later\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	want := map[string]float64{
		"logveil_tokens_made_total,scheme=transit": 7, "logveil_tokens_cached_total,scheme=transit": 8, "logveil_tokens_made_total,scheme=mask": 5,
		"logveil_no_token_total,reason=queue_full,scheme=transit": 9, "logveil_no_token_total,reason=no_key,scheme=envelope": 2,
		"logveil_no_token_total,reason=unknown_tenant,scheme=none": 4, "logveil_tokens_made_total,scheme=envelope": 11,
		"logveil_vault_batch_values,scheme=transit": 3, "logveil_vault_request_seconds,scheme=transit": 2,
		"logveil_vault_breaker_state,state=open": 1, "logveil_vault_breaker_opens_total": 6,
		"logveil_key_age_seconds,scheme=envelope": 90, "logveil_keys,scheme=envelope,state=ready": 3, "logveil_keys,scheme=envelope,state=missing": 1,
	}
	for name, v := range after {
		if v != want[name] {
			t.Errorf("%s is %v, want %v", name, v, want[name])
		}
	}
	for name := range want {
		if _, ok := after[name]; !ok {
			t.Errorf("no series %s", name)
		}
	}
	for _, line := range []string{
		`logveil_vault_batch_values_bucket{scheme="transit",le="0"} 0`, `logveil_vault_batch_values_bucket{scheme="transit",le="1"} 1`,
		`logveil_vault_batch_values_bucket{scheme="transit",le="511"} 1`, `logveil_vault_batch_values_bucket{scheme="transit",le="1023"} 3`,
		`logveil_vault_batch_values_sum{scheme="transit"} 1501`, `logveil_vault_request_seconds_bucket{scheme="transit",le="0.000128"} 1`,
		`logveil_vault_request_seconds_bucket{scheme="transit",le="33.554432"} 1`, `logveil_vault_request_seconds_sum{scheme="transit"} 5e+06`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

// With a real Vault, before and after it is sealed: the page and the alarms hold no value,
// no token and no tenant, and count what became of the values.
func TestPageHoldsNoValue(t *testing.T) {
	v := vaulttest.Start(t)
	t.Setenv("VAULT_TOKEN", v.RootToken)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"token": v.RootToken,
		"policy.yml": fmt.Sprintf(`
kinds: {card: {scheme: transit}, iban: {scheme: hmac}}
tokens: {tenants: {names: [quetzal-bank], record_field: bank}}
vault: {address: %q, ca_file: %q, budget: 60s, request_timeout: 30s, start_timeout: 60s, auth: {method: token_file, token_file: token}}
`, v.TLSAddr, v.CAFile),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := config.Load(filepath.Join(dir, "policy.yml"))
	if err != nil {
		t.Fatal(err)
	}
	op, err := p.Operator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	if _, err := op.Init(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var alarms strings.Builder
	r, err := p.Redactor(t.Context(), func(text string) {
		mu.Lock()
		defer mu.Unlock()
		alarms.WriteString(text + "\n")
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m := New("test")
	if err := m.Register(Tokens(r.Metrics)); err != nil {
		t.Fatal(err)
	}
	url := serve(t, m)
	w := r.Engine.NewWorker()
	ctx := r.ForTenant(t.Context(), "quetzal-bank")
	redact := func(card string) string {
		return string(w.Append(ctx, nil, []byte("mail xolotl.tlaloc@example.com card "+card+" iban DE89370400440532013000\n")))
	}
	if out := redact("4539578763621486"); strings.Contains(out, "_x ") {
		t.Fatalf("masks: %s", out)
	}
	v.Seal(t)
	for card := range strings.FieldsSeq("4111111111111111 5555555555554444 4012888888881881 371449635398431") {
		redact(card)
	}
	w.Append(r.ForTenant(t.Context(), "tezcat-bank"), nil, []byte("mail xolotl.tlaloc@example.com\n"))
	_, page := get(t, url+"/metrics")
	all := tokenSeries(series(t, page))
	for name, want := range map[string]float64{
		"logveil_tokens_made_total,scheme=transit": 1, "logveil_tokens_made_total,scheme=hmac": 1, "logveil_no_token_total,reason=unknown_tenant,scheme=none": 1,
	} {
		if all[name] != want {
			t.Errorf("%s is %v, want %v", name, all[name], want)
		}
	}
	if n := all["logveil_no_token_total,reason=unreachable,scheme=transit"] + all["logveil_no_token_total,reason=breaker_open,scheme=transit"]; n != 4 {
		t.Errorf("%v cards masked by a sealed Vault, want 4", n)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, secret := range []string{"xolotl", "4539578763621486", "5555555555554444", "DE8937", "quetzal", "tezcat", "tok1_"} {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(page, form) || secret != "quetzal" && strings.Contains(alarms.String(), form) {
				t.Errorf("%q stands on the page or in an alarm:\n%s", form, alarms.String())
			}
		}
	}
}
