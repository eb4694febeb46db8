package metrics

import (
	"math"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"logveil/vault"
)

// Schemes that are told apart, and the reasons for which each leaves values without a
// token. "none" stands for values that no scheme was asked for.
var (
	schemes      = []string{"envelope", "transit", "hmac", "local", "mask"}
	noTokenUnder = map[string][]vault.MaskReason{
		"envelope": {vault.MaskNoKey},
		"transit":  remoteReasons(),
		"hmac":     remoteReasons(),
		"none":     {vault.MaskUnfit, vault.MaskTenant},
	}
)

func remoteReasons() []vault.MaskReason {
	var all []vault.MaskReason
	for _, r := range vault.MaskReasons() {
		if r != vault.MaskUnfit && r != vault.MaskTenant {
			all = append(all, r)
		}
	}
	return all
}

// tokens collects what became of values that were to get tokens.
type tokens struct {
	measure func() vault.Metrics

	made, cached, missing, values, seconds, state, opens, age, keys *prometheus.Desc
}

// Tokens returns a collector of the counts that measure gives at each scrape, for
// [Metrics.Register]. Counts start again when a host measures another redactor, as after a
// change of its policy; Prometheus allows for that. Tenants are not told apart: who the
// customers are is nobody's business.
func Tokens(measure func() vault.Metrics) prometheus.Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("logveil_"+name, help, labels, nil)
	}
	return &tokens{
		measure: measure,
		made:    desc("tokens_made_total", "Tokens that were made, and masks where the policy wants masks, by scheme.", "scheme"),
		cached:  desc("tokens_cached_total", "Tokens that were answered from memory, by scheme.", "scheme"),
		missing: desc("no_token_total", "Values that were masked because there was no token for them, by scheme and reason.", "scheme", "reason"),
		values:  desc("vault_batch_values", "Values in one request to Vault.", "scheme"),
		seconds: desc("vault_request_seconds", "Seconds that one request to Vault took.", "scheme"),
		state:   desc("vault_breaker_state", "1 for the state in which the breaker before Vault is: closed lets requests through, open none, trial until the first failure.", "state"),
		opens:   desc("vault_breaker_opens_total", "How often the breaker before Vault opened."),
		age:     desc("key_age_seconds", "Seconds since the keys of the scheme were last taken from Vault, of the tenant for which it is longest ago.", "scheme"),
		keys:    desc("keys", "Keys of kinds and tenants that are at hand, and that are missing.", "scheme", "state"),
	}
}

// Describe implements prometheus.Collector.
func (t *tokens) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{t.made, t.cached, t.missing, t.values, t.seconds, t.state, t.opens, t.age, t.keys} {
		to <- d
	}
}

// Collect implements prometheus.Collector. Every series is there from the start.
func (t *tokens) Collect(to chan<- prometheus.Metric) {
	m := t.measure()
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, name := range schemes {
		s := m.Schemes[name]
		counter(t.made, s.Made, name)
		counter(t.cached, s.Cached, name)
		for _, r := range noTokenUnder[name] {
			counter(t.missing, s.Masked[r], name, label(r))
		}
	}
	for _, r := range noTokenUnder["none"] {
		counter(t.missing, m.Masked[r], "none", label(r))
	}
	for _, name := range []string{"transit", "hmac"} {
		s := m.Schemes[name]
		to <- prometheus.MustNewConstHistogram(t.values, s.Sizes.Count(), float64(s.Sizes.Sum), valueBuckets(&s.Sizes), name)
		to <- prometheus.MustNewConstHistogram(t.seconds, s.Latency.Count(), float64(s.Latency.Sum)/1e6, secondBuckets(&s.Latency), name)
	}
	for _, st := range []vault.BreakerState{vault.BreakerClosed, vault.BreakerOpen, vault.BreakerTrial} {
		v := 0.0
		if st == m.Breaker {
			v = 1
		}
		gauge(t.state, v, st.String())
	}
	counter(t.opens, m.Opens)
	e := m.Schemes["envelope"]
	gauge(t.age, e.KeyAge.Seconds(), "envelope")
	gauge(t.keys, float64(e.KeysReady), "envelope", "ready")
	gauge(t.keys, float64(e.KeysMissing), "envelope", "missing")
}

func label(r vault.MaskReason) string { return strings.ReplaceAll(r.String(), " ", "_") }

// valueBuckets turns powers of two into the buckets of Prometheus, up to the largest batch.
func valueBuckets(h *vault.Histogram) map[float64]uint64 {
	const largest = 10 // below 1024 values
	return buckets(h, 0, largest, func(i int) float64 { return float64(uint64(1)<<i - 1) })
}

// secondBuckets does it for microseconds, from an eighth of a millisecond to half a minute.
func secondBuckets(h *vault.Histogram) map[float64]uint64 {
	const shortest, longest = 7, 25
	return buckets(h, shortest, longest, func(i int) float64 { return math.Ldexp(1, i) / 1e6 })
}

// buckets sums the buckets up to each bound.
func buckets(h *vault.Histogram, from, to int, bound func(int) float64) map[float64]uint64 {
	b := make(map[float64]uint64)
	var n uint64
	for i, c := range h.Buckets[:to+1] {
		if n += c; i >= from {
			b[bound(i)] = n
		}
	}
	return b
}
