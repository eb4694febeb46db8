package metrics

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"logveil/vault"
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
