package vault

import (
	"math/bits"
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

// histogram counts by powers of two: bucket i holds values below 1<<i that no smaller
// bucket holds.
type histogram [32]atomic.Uint64

func (h *histogram) add(v uint64) { h[min(len(h)-1, bits.Len64(v))].Add(1) }

func (h *histogram) snapshot() (s Histogram) {
	for i := range h {
		s[i] = h[i].Load()
	}
	return s
}

// Histogram counts by powers of two: bucket i counts the values v with 1<<(i-1) <= v <
// 1<<i, bucket 0 those that are 0, and the last one all that are larger.
type Histogram [32]uint64

// Count returns the number of values.
func (h Histogram) Count() (n uint64) {
	for _, c := range h {
		n += c
	}
	return n
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
