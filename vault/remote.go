package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"logveil/redact"
)

// RemoteConfig says how values become tokens inside Vault.
type RemoteConfig struct {
	// Mount is where the transit engine is mounted; empty means "transit".
	Mount string
	// Key is the name of the transit key.
	Key string
	// Version is the version of the key to use; 0 takes the latest one, and moves on when
	// there is a newer. A fleet whose tokens must be equal at all times names it.
	Version int
	// Tenant separates tokens: equal values of two tenants differ.
	Tenant string

	// Budget bounds how long the values of one batch of the engine wait for their
	// tokens. 0 means 250 ms.
	Budget time.Duration
	// Batch is the most values in one request, up to 1000. 0 means 200.
	Batch int
	// Linger is how long a request waits for more values. 0 means 2 ms, less than 0
	// not at all.
	Linger time.Duration
	// InFlight is the most requests at a time. 0 means 4.
	InFlight int
	// Queue is the most values that wait to be sent; what comes on top is masked. 0
	// means 8192.
	Queue int
	// CacheBytes bounds the memory for tokens that Vault made. 0 means 32 MiB.
	CacheBytes int
	// Refresh is how often the key is looked at. 0 means an hour.
	Refresh time.Duration
	// MaskOnStartFailure lets the scheme start while Vault cannot be reached; values
	// are masked until it can.
	MaskOnStartFailure bool
}

func (c *RemoteConfig) setDefaults() error {
	c.Mount = or(c.Mount, "transit")
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Batch, 200)
	def(&c.InFlight, 4)
	def(&c.Queue, 8192)
	def(&c.CacheBytes, 32<<20)
	if c.Budget == 0 {
		c.Budget = 250 * time.Millisecond
	}
	if c.Linger == 0 {
		c.Linger = 2 * time.Millisecond
	}
	if c.Refresh == 0 {
		c.Refresh = time.Hour
	}
	switch {
	case c.Key == "" || strings.ContainsAny(c.Key, "/ "):
		return errors.New("vault: a transit key needs a name, without / and space")
	case c.Batch < 1 || c.Batch > 1000:
		return errors.New("vault: a batch has 1 to 1000 values")
	case c.InFlight < 1 || c.Queue < 1 || c.Budget < 0 || c.CacheBytes < 0 || c.Version < 0 || c.Refresh < 0:
		return errors.New("vault: a limit is out of range")
	case strings.ContainsRune(c.Tenant, 0):
		return errors.New("vault: a tenant's name holds no NUL")
	}
	return nil
}

// MaskReason says why a value got a mask in the place of a token.
type MaskReason uint8

const (
	maskNone       MaskReason = iota
	MaskTimeout               // Vault did not answer within the budget
	MaskQueueFull             // too many values waited already
	MaskBreaker               // Vault does not answer; nothing is sent
	MaskDown                  // a request failed: connection, 5xx, sealed
	MaskQuota                 // a quota of Vault, and no time left to wait
	MaskDenied                // 403, after a new login
	MaskConfig                // 400 or 404: key or version missing
	MaskTooLarge              // a single value is more than Vault takes
	MaskItem                  // Vault refused this value, or answered without it
	MaskNoKey                 // no key at hand: none yet, or too old
	MaskUnfit                 // longer than MaxValue, or of a kind that cannot stand in a token
	MaskTenant                // of a tenant without keys
	numMaskReasons = int(MaskTenant) + 1
)

// MaskReasons returns all reasons.
func MaskReasons() []MaskReason {
	var all []MaskReason
	for r := MaskTimeout; int(r) < numMaskReasons; r++ {
		all = append(all, r)
	}
	return all
}

func (r MaskReason) String() string {
	return [numMaskReasons]string{"", "timeout", "queue full", "breaker open", "unreachable", "quota",
		"denied", "configuration", "too large", "item", "no key", "unfit", "unknown tenant"}[r]
}

// Remote is a scheme whose tokens Vault makes, one request for a batch of values.
//
// "transit" encrypts with a convergent key: whoever may decrypt with it, and nobody else,
// can read the tokens, and Vault's audit log tells who did. "hmac" digests: nobody can.
type Remote struct {
	name    string
	client  *Client
	cfg     RemoteConfig
	method  remoteMethod
	lru     *lru
	batcher *batcher
	metrics remoteMetrics
	// now is the version in use; nil until the key is known and checked.
	now atomic.Pointer[generation]
	// look asks for a look at the key before the next refresh is due.
	look chan struct{}

	mu    sync.Mutex
	kinds map[redact.Kind]*remoteKind
	calls map[hash128]*pending // in work, so that a value is asked for once
}

// generation is a version of the key while it is in use. It does not change.
type generation struct {
	id     KeyID
	kid    string
	canary canary
}

// canary is a value that goes first in each request, and the payload that must come back.
type canary struct {
	k       *remoteKind
	canon   []byte
	payload []byte
}

// remoteMethod is what differs between the schemes made in Vault.
type remoteMethod interface {
	path(c *RemoteConfig) string
	// appendItem appends the JSON of one value to a request.
	appendItem(dst []byte, k *remoteKind, canon []byte, version int) []byte
	// appendHead appends the start of a request, up to its array.
	appendHead(dst []byte, version int) []byte
	// result takes the payload out of one result.
	result(r *batchResult, version int) ([]byte, error)
}

// remoteKind is one kind under a Remote.
type remoteKind struct {
	r    *Remote
	kind redact.Kind
	// key hashes values for the caches. Each generation has another, so that no token of
	// an older one is found there.
	key atomic.Pointer[hashKey]
	// label separates kinds and tenants: the context of transit, the prefix of hmac.
	label []byte
	b64   string // of label
}

// NewTransit returns the scheme "transit". It checks the key and encrypts a probe twice.
func NewTransit(ctx context.Context, c *Client, cfg RemoteConfig) (*Remote, error) {
	return newRemote(ctx, "transit", c, cfg, transitMethod{})
}

// NewHMAC returns the scheme "hmac". It checks the key and digests a probe twice.
func NewHMAC(ctx context.Context, c *Client, cfg RemoteConfig) (*Remote, error) {
	return newRemote(ctx, "hmac", c, cfg, hmacMethod{})
}

func newRemote(ctx context.Context, name string, c *Client, cfg RemoteConfig, m remoteMethod) (*Remote, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	r := &Remote{name: name, client: c, cfg: cfg, method: m, lru: newLRU(cfg.CacheBytes), look: make(chan struct{}, 1),
		kinds: make(map[redact.Kind]*remoteKind), calls: make(map[hash128]*pending)}
	err := r.update(ctx)
	// A key that is wrong will not become right by itself: that refuses to start.
	if _, wrong := errors.AsType[*keyError](err); err != nil && (wrong || !cfg.MaskOnStartFailure) {
		return nil, err
	}
	if err != nil {
		c.alarms.raise(err.Error())
	}
	r.batcher = newBatcher(r)
	r.batcher.wg.Go(r.refresh)
	return r, nil
}

// refresh looks at the key again and again: often while there is none in use.
func (r *Remote) refresh() {
	ctx, retry := r.batcher.ctx, r.client.cfg.timing.loginRetryMin
	for {
		wait := jitter(r.cfg.Refresh) * 2 / 3
		if r.now.Load() == nil {
			wait = jitter(retry)
			retry = min(2*retry, r.client.cfg.timing.loginRetryMax)
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-r.look:
			t.Stop()
			// Not more often than logins: what asks for it may be a flood.
			sleep(ctx, r.client.cfg.timing.reloginMin)
		case <-t.C:
		}
		if err := r.update(ctx); err != nil && ctx.Err() == nil {
			r.client.alarms.raise(err.Error())
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// lookSoon asks for a look at the key.
func (r *Remote) lookSoon() {
	select {
	case r.look <- struct{}{}:
	default:
	}
}

// update finds the key, and checks and probes a version that is not yet in use. A key of
// the same name that came in the place of the one in use does not take over.
func (r *Remote) update(ctx context.Context) error {
	id, err := checkKey(ctx, r.client, r.name, r.cfg.Mount, r.cfg.Key, r.cfg.Version)
	if err != nil {
		return err
	}
	id.Tenant = r.cfg.Tenant
	was := r.now.Load()
	switch {
	case was == nil:
	case id.Version < was.id.Version:
		return r.replaced()
	case id == was.id:
		return nil // the canary watches
	}
	g := &generation{id: id, kid: id.kid()}
	if err := r.probe(ctx, g); err != nil {
		return err
	}
	if was != nil {
		// Last, so that it vouches for the probe. An older version that was retired
		// cannot.
		results, err := r.send(ctx, was, nil)
		switch refused := err == nil && len(results) == 1 && results[0].Error != ""; {
		case refused, err != nil && classOf(err) == classConfig:
			if ok, err := retired(ctx, r.client, r.cfg.Mount, was.id); err != nil {
				return err
			} else if !ok {
				return r.replaced()
			}
		case err != nil:
			return err
		case len(results) != 1 || !was.sings(r.method, &results[0]):
			return r.replaced()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.Store(g)
	for _, k := range r.kinds {
		k.key.Store(newHashKey())
	}
	return nil
}

func (r *Remote) replaced() error {
	return &keyError{mount: r.cfg.Mount, name: r.cfg.Key, text: "was replaced or changed since the start; values are masked"}
}

// Close ends the background work. Values asked for afterwards are masked.
func (r *Remote) Close() { r.batcher.close() }

// Name implements Scheme.
func (r *Remote) Name() string { return r.name }

func (r *Remote) bind(kind redact.Kind, _ int) binding { return binding{remote: r.ofKind(kind)} }

func (r *Remote) ofKind(kind redact.Kind) *remoteKind {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.kinds[kind]
	if k == nil {
		label := remoteLabel(r.cfg.Tenant, kind)
		k = &remoteKind{r: r, kind: kind, label: label, b64: base64.StdEncoding.EncodeToString(label)}
		k.key.Store(newHashKey())
		r.kinds[kind] = k
	}
	return k
}

// remoteLabel is what Vault is told of tenant and kind. It never changes for a version of
// the format; the 1 is its version.
func remoteLabel(tenant string, kind redact.Kind) []byte {
	return []byte("logveil 1\x00" + tenant + "\x00" + string(kind) + "\x00")
}

// probe makes sure that equal values have equal tokens, and that kinds differ. What it
// learns stays as a canary: the same value goes along with each request, and the payload
// must come back the same. A key that was replaced, or that has lost its convergence,
// would otherwise make tokens that join with nothing or that nobody can read.
func (r *Remote) probe(ctx context.Context, g *generation) error {
	value := make([]byte, 18)
	_, _ = rand.Read(value) // never fails, by its contract
	a, b := r.ofKind("probe"), r.ofKind("probe2")
	g.canary = canary{k: a, canon: value}
	results, err := r.send(ctx, g, []*pending{{k: a, canon: value}, {k: b, canon: value}})
	if err != nil {
		return err
	}
	var payloads [3]string
	for i := range min(len(results), len(payloads)) {
		p, err := r.method.result(&results[i], g.id.Version)
		if err != nil {
			return fmt.Errorf("vault: key %s: a probe failed: %w", r.cfg.Key, err)
		}
		payloads[i] = string(p)
	}
	switch {
	case payloads[2] == "":
		return fmt.Errorf("vault: key %s: a probe was not answered", r.cfg.Key)
	case payloads[0] != payloads[1]:
		return fmt.Errorf("vault: key %s gives equal values different tokens; it is not convergent", r.cfg.Key)
	case payloads[0] == payloads[2]:
		return fmt.Errorf("vault: key %s gives different kinds equal tokens; it is not derived", r.cfg.Key)
	}
	g.canary.payload = []byte(payloads[0])
	return nil
}

// sings reports whether the canary's result is the one that probe saw.
func (g *generation) sings(m remoteMethod, result *batchResult) bool {
	p, err := m.result(result, g.id.Version)
	return err == nil && bytes.Equal(p, g.canary.payload)
}

// transitMethod is convergent encryption.
type transitMethod struct{}

func (transitMethod) path(c *RemoteConfig) string { return c.Mount + "/encrypt/" + c.Key }

func (transitMethod) appendHead(dst []byte, _ int) []byte {
	// Without the code, one bad value would cost the answers of all others.
	return append(dst, `{"partial_failure_response_code":200,"batch_input":[`...)
}

func (transitMethod) appendItem(dst []byte, k *remoteKind, canon []byte, version int) []byte {
	dst = append(dst, `{"context":"`...)
	dst = append(dst, k.b64...)
	dst = append(dst, `","key_version":`...)
	dst = strconv.AppendInt(dst, int64(version), 10)
	dst = append(dst, `,"plaintext":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, canon)
	return append(dst, `"}`...)
}

func (transitMethod) result(r *batchResult, version int) ([]byte, error) {
	return unprefixed([]byte(r.Ciphertext), version)
}

// hmacMethod is a keyed digest.
type hmacMethod struct{}

func (hmacMethod) path(c *RemoteConfig) string { return c.Mount + "/hmac/" + c.Key + "/sha2-256" }

func (hmacMethod) appendHead(dst []byte, version int) []byte {
	dst = append(dst, `{"key_version":`...)
	dst = strconv.AppendInt(dst, int64(version), 10)
	return append(dst, `,"batch_input":[`...)
}

func (hmacMethod) appendItem(dst []byte, k *remoteKind, canon []byte, _ int) []byte {
	dst = append(dst, `{"input":"`...)
	at := len(dst)
	// The label's length is not a multiple of three, so encode both in one.
	n := base64.StdEncoding.EncodedLen(len(k.label) + len(canon))
	in := make([]byte, 0, len(k.label)+len(canon))
	in = append(append(in, k.label...), canon...)
	dst = append(dst, make([]byte, n)...)
	base64.StdEncoding.Encode(dst[at:], in)
	clear(in)
	return append(dst, `"}`...)
}

func (hmacMethod) result(r *batchResult, version int) ([]byte, error) {
	p, err := unprefixed([]byte(r.HMAC), version)
	if err == nil && len(p) != sha256.Size {
		err = errors.New("a digest of the wrong length")
	}
	return p, err
}

// unprefixed returns the bytes behind "vault:v<version>:".
func unprefixed(s []byte, version int) ([]byte, error) {
	rest, ok := bytes.CutPrefix(s, []byte("vault:v"+strconv.Itoa(version)+":"))
	if !ok {
		return nil, errors.New("an answer of another form or key version")
	}
	b, err := base64.StdEncoding.AppendDecode(nil, rest)
	if err != nil || len(b) < redact.MinPayload {
		return nil, errors.New("an answer that is not base 64")
	}
	return b, nil
}

// pending is a value that Vault was asked for.
type pending struct {
	k     *remoteKind
	hash  hash128
	canon []byte // zeroed when done
	done  chan struct{}
	// token and reason are set before done is closed.
	token  []byte
	reason MaskReason
}

// start asks for the token of a value, or joins who asked for it already. It does not
// wait. The reason is not maskNone when there is nothing to wait for.
func (k *remoteKind) start(h hash128, canon []byte) (*pending, MaskReason) {
	r := k.r
	r.mu.Lock()
	if p := r.calls[h]; p != nil {
		r.mu.Unlock()
		return p, maskNone
	}
	if r.now.Load() == nil {
		r.mu.Unlock()
		return nil, MaskNoKey
	}
	if !r.client.breaker.allow() {
		r.mu.Unlock()
		return nil, MaskBreaker
	}
	p := &pending{k: k, hash: h, canon: append([]byte(nil), canon...), done: make(chan struct{})}
	select {
	case r.batcher.queue <- p:
	default:
		r.mu.Unlock()
		clear(p.canon)
		return nil, MaskQueueFull
	}
	r.calls[h] = p
	r.mu.Unlock()
	return p, maskNone
}

// finish answers who waits for p, with a payload of the generation or a reason.
func (r *Remote) finish(p *pending, g *generation, payload []byte, reason MaskReason) {
	clear(p.canon)
	if p.reason = reason; reason == maskNone {
		r.metrics.made.Add(1)
		p.token = redact.AppendToken(nil, p.k.kind, g.kid, payload)
		r.lru.put(p.hash, p.token)
	}
	r.mu.Lock()
	delete(r.calls, p.hash)
	r.mu.Unlock()
	close(p.done)
}
