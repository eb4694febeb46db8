package vault

import (
	"context"
	"sync"
	"time"

	"logveil/redact"
)

// waits are the values of one call of Tokenize that Vault was asked for.
type waits struct {
	list   []waited
	budget time.Duration
}

type waited struct {
	p *pending
	r *Remote
	i int // into the values
}

var waitsPool = sync.Pool{New: func() any { return new(waits) }}

func newWaits() *waits {
	w := waitsPool.Get().(*waits)
	w.list, w.budget = w.list[:0], 0
	return w
}

// start asks Vault for the token of value i, without waiting.
func (w *waits) start(k *remoteKind, i int, h hash128, canon []byte) {
	p, reason := k.start(h, canon)
	if reason != maskNone {
		k.r.metrics.masked[reason].Add(1)
		return
	}
	w.list = append(w.list, waited{p, k.r, i})
	w.budget = max(w.budget, k.r.cfg.Budget)
}

// answer waits for the tokens, and leaves without one what does not come in time.
func (w *waits) answer(ctx context.Context, vs []redact.Value, buf []byte) []byte {
	timer := time.NewTimer(w.budget)
	defer timer.Stop()
	late := ctx.Done()
	over := false
	for _, x := range w.list {
		if !over {
			select {
			case <-x.p.done:
			case <-timer.C:
				over = true
			case <-late:
				over = true
			}
		}
		reason := MaskTimeout
		select {
		case <-x.p.done:
			reason = x.p.reason
		default:
		}
		if reason != maskNone {
			x.r.metrics.masked[reason].Add(1)
			continue
		}
		start := len(buf)
		buf = append(buf, x.p.token...)
		vs[x.i].Token = buf[start:len(buf):len(buf)]
	}
	clear(w.list)
	waitsPool.Put(w)
	return buf
}
