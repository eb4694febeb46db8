package vault

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// breaker stops requests to a Vault that does not answer, and finds out when it does
// again. While it is open no value waits.
type breaker struct {
	timing  timing
	healthy func(context.Context) bool

	state  atomic.Uint32 // of breakerState
	opened chan struct{} // holds one element while a probe is due

	mu       sync.Mutex
	failures int // in a row
	since    time.Time
	opens    uint64
}

// BreakerState is what a breaker lets through.
type BreakerState uint32

const (
	// BreakerClosed lets all requests through.
	BreakerClosed BreakerState = iota
	// BreakerOpen lets none through; Vault is probed.
	BreakerOpen
	// BreakerTrial lets requests through, and opens at the first failure: Vault said
	// that it is well, and nothing succeeded yet.
	BreakerTrial
)

func (s BreakerState) String() string { return [...]string{"closed", "open", "trial"}[s] }

// failuresToOpen is how many failures in a row open the breaker. One may be a connection
// that had grown old.
const failuresToOpen = 3

func newBreaker(t timing, healthy func(context.Context) bool) *breaker {
	return &breaker{timing: t, healthy: healthy, opened: make(chan struct{}, 1)}
}

// allow reports whether a request may be sent.
func (b *breaker) allow() bool { return BreakerState(b.state.Load()) != BreakerOpen }

// success and failure report how a request went: whether Vault answered sensibly, even if
// the answer was no.
func (b *breaker) success() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures = 0
	if BreakerState(b.state.Load()) == BreakerTrial {
		b.state.Store(uint32(BreakerClosed))
	}
}

func (b *breaker) failure() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	if s := BreakerState(b.state.Load()); s == BreakerOpen || s == BreakerClosed && b.failures < failuresToOpen {
		return
	}
	b.state.Store(uint32(BreakerOpen))
	b.since = time.Now()
	b.opens++
	select {
	case b.opened <- struct{}{}:
	default:
	}
}

// run probes Vault while the breaker is open. The waits between probes grow, and do not
// start again from the shortest when a trial fails soon after.
func (b *breaker) run(ctx context.Context) {
	wait := b.timing.probeMin
	var closed time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.opened:
		}
		if time.Since(closed) > b.timing.probeMax {
			wait = b.timing.probeMin
		}
		for {
			t := time.NewTimer(jitter(wait))
			select {
			case <-ctx.Done():
				t.Stop()
				return
			case <-t.C:
			}
			if b.healthy(ctx) {
				break
			}
			wait = min(2*wait, b.timing.probeMax)
		}
		b.mu.Lock()
		b.state.Store(uint32(BreakerTrial))
		b.mu.Unlock()
		closed = time.Now()
	}
}

// snapshot returns the state, since when it is open, and how often it opened.
func (b *breaker) snapshot() (s BreakerState, open time.Duration, opens uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s = BreakerState(b.state.Load()); s == BreakerOpen {
		open = time.Since(b.since)
	}
	return s, open, b.opens
}
