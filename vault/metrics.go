package vault

import (
	"cmp"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
)

// remoteMetrics counts what a Remote does.
type remoteMetrics struct {
	made     atomic.Uint64
	stored   atomic.Uint64 // answered from the cache behind the lanes
	masked   [numMaskReasons]atomic.Uint64
	requests atomic.Uint64
	sizes    histogram
	latency  histogram // microseconds
}

func (m *remoteMetrics) request(n int, took time.Duration) {
	m.requests.Add(1)
	m.sizes.add(uint64(n))
	m.latency.add(uint64(max(0, took.Microseconds())))
}

// histogram is a Histogram in the making.
type histogram struct {
	buckets [histogramBuckets]atomic.Uint64
	sum     atomic.Uint64
}

func (h *histogram) add(v uint64) {
	h.buckets[min(histogramBuckets-1, bits.Len64(v))].Add(1)
	h.sum.Add(v)
}

func (h *histogram) snapshot() (s Histogram) {
	for i := range h.buckets {
		s.Buckets[i] = h.buckets[i].Load()
	}
	s.Sum = h.sum.Load()
	return s
}

const histogramBuckets = 32

// Histogram counts by powers of two: bucket i counts the values v with 1<<(i-1) <= v <
// 1<<i, bucket 0 those that are 0, and the last one all that are larger. Sum is that of all
// values.
type Histogram struct {
	Buckets [histogramBuckets]uint64
	Sum     uint64
}

// Count returns the number of values.
func (h *Histogram) Count() (n uint64) {
	for _, c := range h.Buckets {
		n += c
	}
	return n
}

func (h *Histogram) merge(o *Histogram) {
	for i, c := range o.Buckets {
		h.Buckets[i] += c
	}
	h.Sum += o.Sum
}

// RemoteStats are the counts of a Remote. All only grow, but for the breaker's state.
type RemoteStats struct {
	Scheme, Key, Tenant string
	// Made counts tokens that Vault made, Stored those answered from the Remote's
	// cache; a Tokenizer's Stats count those of its own.
	Made, Stored uint64
	// Masked counts values by the reason for their mask.
	Masked map[MaskReason]uint64
	// Requests counts requests; Sizes are their values, Latency their microseconds.
	Requests       uint64
	Sizes, Latency Histogram
	// Breaker is the state of the Client's breaker, Open how long it has been open,
	// and Opens how often it opened.
	Breaker BreakerState
	Open    time.Duration
	Opens   uint64
}

// Stats returns the counts up to now.
func (r *Remote) Stats() RemoteStats {
	m := &r.metrics
	s := RemoteStats{Scheme: r.name, Key: r.cfg.Key, Tenant: r.cfg.Tenant, Made: m.made.Load(), Stored: m.stored.Load(),
		Masked: make(map[MaskReason]uint64), Requests: m.requests.Load(), Sizes: m.sizes.snapshot(), Latency: m.latency.snapshot()}
	for i := range m.masked {
		if n := m.masked[i].Load(); n > 0 {
			s.Masked[MaskReason(i)] = n
		}
	}
	s.Breaker, s.Open, s.Opens = r.client.breaker.snapshot()
	return s
}

// Metrics are the counts of what makes the tokens of one host: all tenants together, by
// scheme. Counts only grow.
type Metrics struct {
	// Schemes are those in use.
	Schemes map[string]SchemeMetrics
	// Masked counts values that no scheme was asked for.
	Masked map[MaskReason]uint64
	// Breaker is the state of the breaker before Vault, Open how long it has been open,
	// and Opens how often it opened. It is closed where there is no Vault.
	Breaker BreakerState
	Open    time.Duration
	Opens   uint64
}

// SchemeMetrics are the counts of one scheme.
type SchemeMetrics struct {
	// Made counts new tokens, and masks where the scheme is "mask"; Cached those answered
	// from memory.
	Made, Cached uint64
	// Masked counts values that got a mask for want of a token.
	Masked map[MaskReason]uint64
	// Requests counts requests to Vault; Sizes are their values, Latency their
	// microseconds.
	Requests       uint64
	Sizes, Latency Histogram
	// KeyAge is how long ago the keys of an envelope were last taken from Vault, where
	// tenants differ the longest; 0 where there is none to grow old. KeysReady and
	// KeysMissing count kinds, of each tenant, with and without a key.
	KeyAge                 time.Duration
	KeysReady, KeysMissing int
}

// Measure sums up the counts of the tenants and of the schemes of all of them.
func Measure(t *Tenants, schemes ...Scheme) Metrics {
	m := Metrics{Schemes: make(map[string]SchemeMetrics), Masked: make(map[MaskReason]uint64)}
	of := func(name string) SchemeMetrics {
		s := m.Schemes[name]
		if s.Masked == nil {
			s.Masked = make(map[MaskReason]uint64)
		}
		return s
	}
	seen := make(map[*Tokenizer]bool) // one may answer for two names
	for _, tk := range t.of {
		if seen[tk] {
			continue
		}
		seen[tk] = true
		st := tk.Stats()
		for name, c := range st.Schemes {
			s := of(name)
			s.Made += c.Made + c.Masks
			s.Cached += c.Cached
			count(s.Masked, MaskNoKey, c.NoKey)
			m.Schemes[name] = s
		}
		count(m.Masked, MaskUnfit, st.Refused)
	}
	count(m.Masked, MaskTenant, t.Unknown())
	for _, scheme := range schemes {
		s := of(scheme.Name())
		switch x := scheme.(type) {
		case *Remote:
			st := x.Stats()
			s.Made += st.Made
			s.Cached += st.Stored
			for reason, n := range st.Masked {
				count(s.Masked, reason, n)
			}
			s.Requests += st.Requests
			s.Sizes.merge(&st.Sizes)
			s.Latency.merge(&st.Latency)
			m.Breaker, m.Open, m.Opens = st.Breaker, st.Open, st.Opens
		case *Envelope:
			st := x.Status()
			s.KeyAge = max(s.KeyAge, st.Age)
			s.KeysReady += st.Ready
			s.KeysMissing += st.Missing
			m.Breaker, m.Open, m.Opens = x.client.breaker.snapshot()
		}
		m.Schemes[scheme.Name()] = s
	}
	return m
}

// MaskCount is how many values were masked for want of a token.
type MaskCount struct {
	Reason MaskReason
	// Scheme is empty where none was asked.
	Scheme string
	N      uint64
}

// MaskCounts returns the masks by reason and scheme, the most frequent first.
func (m *Metrics) MaskCounts() []MaskCount {
	var all []MaskCount
	for reason, n := range m.Masked {
		all = append(all, MaskCount{reason, "", n})
	}
	for name, s := range m.Schemes {
		for reason, n := range s.Masked {
			all = append(all, MaskCount{reason, name, n})
		}
	}
	slices.SortFunc(all, func(a, b MaskCount) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Scheme, b.Scheme))
	})
	return all
}

func count(of map[MaskReason]uint64, reason MaskReason, n uint64) {
	if n > 0 {
		of[reason] += n
	}
}
