package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

// batcher gathers values into requests.
type batcher struct {
	r     *Remote
	queue chan *pending

	mu    sync.Mutex
	slots *sync.Cond
	limit int // requests at a time; halved by a quota, grown by successes
	busy  int
	good  int // successes since limit changed
	// quiet is until when a quota told to wait.
	quiet time.Time
	// maxBytes bounds the values of a batch.
	maxBytes int

	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup
}

func newBatcher(r *Remote) *batcher {
	b := &batcher{r: r, queue: make(chan *pending, r.cfg.Queue), limit: r.cfg.InFlight, maxBytes: maxBatchBytes}
	b.slots = sync.NewCond(&b.mu)
	b.ctx, b.stop = context.WithCancel(r.client.ctx)
	b.wg.Go(b.run)
	return b
}

func (b *batcher) close() {
	b.stop()
	b.slots.Broadcast()
	b.wg.Wait()
}

// run forms batches until ctx is done; then it answers everybody with a mask.
func (b *batcher) run() {
	// A goroutine that waits for a slot must wake up when ctx is done.
	stop := context.AfterFunc(b.ctx, b.slots.Broadcast)
	defer stop()
	for {
		var first *pending
		select {
		case <-b.ctx.Done():
			b.drain()
			return
		case first = <-b.queue:
		}
		if !b.acquire() {
			b.fail([]*pending{first}, MaskDown)
			b.drain()
			return
		}
		batch := b.gather(first)
		b.wg.Go(func() {
			b.process(batch, true)
			b.release()
		})
	}
}

func (b *batcher) drain() {
	for {
		select {
		case p := <-b.queue:
			b.fail([]*pending{p}, MaskDown)
		default:
			return
		}
	}
}

// maxBatchBytes keeps requests of long values far below Vault's 32 MiB.
const maxBatchBytes = 1 << 20

// gather takes values until the batch is full or the linger is over.
func (b *batcher) gather(first *pending) []*pending {
	batch, size := []*pending{first}, len(first.canon)
	var timer *time.Timer
	for len(batch) < b.r.cfg.Batch && size < b.maxBytes {
		select {
		case p := <-b.queue:
			batch, size = append(batch, p), size+len(p.canon)
			continue
		default:
		}
		if b.r.cfg.Linger < 0 {
			break
		}
		if timer == nil {
			timer = time.NewTimer(b.r.cfg.Linger)
			defer timer.Stop()
		}
		select {
		case p := <-b.queue:
			batch, size = append(batch, p), size+len(p.canon)
		case <-timer.C:
			return batch
		case <-b.ctx.Done():
			return batch
		}
	}
	return batch
}

// acquire waits for a slot; it reports false when ctx is done.
func (b *batcher) acquire() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.busy >= b.limit && b.ctx.Err() == nil {
		b.slots.Wait()
	}
	b.busy++
	return b.ctx.Err() == nil
}

func (b *batcher) release() {
	b.mu.Lock()
	b.busy--
	b.mu.Unlock()
	b.slots.Signal()
}

// process sends a batch and answers its values. With again it may try once more after a
// quota.
func (b *batcher) process(batch []*pending, again bool) {
	if !b.r.client.breaker.allow() {
		b.fail(batch, MaskBreaker)
		return
	}
	b.waitForQuota()
	ctx, cancel := context.WithTimeout(b.ctx, b.r.client.cfg.RequestTimeout)
	defer cancel()
	start := time.Now()
	g := b.r.now.Load()
	results, err := b.r.send(ctx, g, batch)
	b.r.metrics.request(len(batch), time.Since(start))
	br := b.r.client.breaker
	if err == nil {
		br.success()
		b.grow()
		b.answer(g, batch, results)
		return
	}
	reason := MaskDown
	switch c := classOf(err); c {
	case classTooLarge:
		br.success()
		if len(batch) > 1 {
			half := len(batch) / 2
			b.process(batch[:half], again)
			b.process(batch[half:], again)
			return
		}
		reason = MaskTooLarge
	case classQuota:
		br.success()
		reason = MaskQuota
		var after time.Duration
		if e, ok := errors.AsType[*requestError](err); ok {
			after = e.after
		}
		if b.shrink(after) && again {
			b.process(batch, false)
			return
		}
	case classDenied:
		br.success()
		reason = MaskDenied
	case classConfig:
		br.success()
		reason = MaskConfig
		b.r.client.alarms.raise(err.Error())
		b.r.lookSoon() // the version may have been retired, for a newer one
	case classCanceled:
	default:
		br.failure()
	}
	b.fail(batch, reason)
}

func (b *batcher) fail(batch []*pending, reason MaskReason) {
	for _, p := range batch {
		b.r.finish(p, nil, nil, reason)
	}
}

// answer hands results out; a result that is missing or bad masks its value only. A canary
// that is silent masks all.
func (b *batcher) answer(g *generation, batch []*pending, results []batchResult) {
	if len(results) == 0 {
		b.fail(batch, MaskItem)
		return
	}
	if !g.sings(b.r.method, &results[0]) {
		// Where the version was retired, a newer one takes over; else the key was replaced.
		b.r.client.alarms.raise(b.r.replaced().Error())
		b.r.lookSoon()
		b.fail(batch, MaskConfig)
		return
	}
	results = results[1:]
	for i, p := range batch {
		if i >= len(results) || results[i].Error != "" {
			b.r.finish(p, nil, nil, MaskItem)
			continue
		}
		payload, err := b.r.method.result(&results[i], g.id.Version)
		if err != nil {
			b.r.finish(p, nil, nil, MaskItem)
			continue
		}
		b.r.finish(p, g, payload, maskNone)
	}
}

const quotaPause = 50 * time.Millisecond

// shrink halves the number of requests at a time, and reports whether the wait that Vault
// asked for fits the budget.
func (b *batcher) shrink(after time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit, b.good = max(1, b.limit/2), 0
	wait := max(after, quotaPause)
	if until := time.Now().Add(wait); until.After(b.quiet) {
		b.quiet = until
	}
	return wait < b.r.cfg.Budget
}

// grow allows one more request at a time after a while without trouble.
func (b *batcher) grow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.good++; b.limit < b.r.cfg.InFlight && b.good >= 16 {
		b.limit, b.good = b.limit+1, 0
		b.slots.Signal()
	}
}

// waitForQuota waits as a 429 asked to, at most a second: then it is tried again.
func (b *batcher) waitForQuota() {
	b.mu.Lock()
	d := min(time.Until(b.quiet), time.Second)
	b.mu.Unlock()
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-b.ctx.Done():
	}
}

// batchResult is one result of a batch, of whichever operation.
type batchResult struct {
	Ciphertext string `json:"ciphertext"`
	HMAC       string `json:"hmac"`
	// Plaintext is kept as it came, quotes and all, so that it can be zeroed.
	Plaintext json.RawMessage `json:"plaintext"`
	Error     string          `json:"error"`
}

// send makes one request of the canary and the values and returns the results, of which
// there may be fewer.
func (r *Remote) send(ctx context.Context, g *generation, batch []*pending) ([]batchResult, error) {
	size := 300
	for _, p := range batch {
		size += 100 + len(p.k.b64) + 2*len(p.canon)
	}
	version := g.id.Version
	body := r.method.appendHead(make([]byte, 0, size), version)
	body = r.method.appendItem(body, g.canary.k, g.canary.canon, version)
	for _, p := range batch {
		body = append(body, ',')
		body = r.method.appendItem(body, p.k, p.canon, version)
	}
	body = append(body, "]}"...)
	path := r.method.path(&r.cfg)
	answer, err := r.client.call(ctx, request{method: http.MethodPut, path: path, body: body, quiet: true})
	clearSent(body, err)
	if err != nil {
		return nil, err
	}
	return batchResults(path, answer)
}

// batchResults takes the results out of an answer.
func batchResults(path string, answer []byte) ([]batchResult, error) {
	if len(bytes.TrimSpace(answer)) == 0 {
		return nil, nil
	}
	var a struct {
		Data struct {
			BatchResults []batchResult `json:"batch_results"`
		} `json:"data"`
	}
	if json.Unmarshal(answer, &a) != nil {
		return nil, &requestError{op: http.MethodPut + " " + path, class: classDown, said: "the answer is not JSON"}
	}
	return a.Data.BatchResults, nil
}
