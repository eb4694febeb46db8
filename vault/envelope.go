package vault

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"logveil/redact"
)

// EnvelopeConfig says which keys an Envelope takes from Vault.
type EnvelopeConfig struct {
	// Mount is where the transit engine is mounted; empty means "transit".
	Mount string
	// Key is the name of a transit key of the type hmac.
	Key string
	// Version is the version of the key to use; 0 takes the latest one, and moves on
	// when there is a newer. A fleet whose tokens must be equal at all times names it.
	Version int
	// Epoch counts the keys taken from one version; a new one makes new tokens.
	Epoch int
	// Tenant separates tokens: equal values of two tenants differ.
	Tenant string
	// Kinds are the kinds to take keys for at the start. The key of another kind is
	// taken when it is met; until then its values are masked.
	Kinds []redact.Kind

	// Refresh is how often the keys are taken again. 0 means an hour.
	Refresh time.Duration
	// MaxAge is how long the keys are used when Vault is away; then values are masked.
	// 0 means a day.
	MaxAge time.Duration
	// MaskOnStartFailure lets NewEnvelope succeed without a key; values are masked
	// until Vault gives one.
	MaskOnStartFailure bool
}

func (c *EnvelopeConfig) setDefaults() error {
	c.Mount = or(c.Mount, "transit")
	if c.Refresh == 0 {
		c.Refresh = time.Hour
	}
	if c.MaxAge == 0 {
		c.MaxAge = 24 * time.Hour
	}
	switch {
	case c.Key == "" || strings.ContainsAny(c.Key, "/ "):
		return errors.New("vault: a transit key needs a name, without / and space")
	case strings.ContainsRune(c.Tenant, 0):
		return errors.New("vault: a tenant's name holds no NUL")
	case c.Version < 0 || c.Epoch < 0 || c.Refresh < 0 || c.MaxAge < c.Refresh:
		return errors.New("vault: a limit is out of range; the keys' maximum age is at least the time between refreshes")
	}
	for _, k := range c.Kinds {
		if !k.Valid() {
			return errors.New("vault: a kind that cannot stand in a token")
		}
	}
	return nil
}

// Envelope is the scheme "envelope": AES-256-SIV with keys that Vault derives, one for
// each kind. A fleet derives the same keys, so that equal values have equal tokens
// everywhere, and no value leaves the process for its token.
//
// A key is transit/hmac/<key>/sha2-512 of a label that names tenant, kind and epoch. It
// is kept in a [Secret] only while the cipher is made from it. Whoever may derive a
// label's key can read the tokens of that kind; Vault's policies can allow single labels.
type Envelope struct {
	client *Client
	cfg    EnvelopeConfig

	mu    sync.Mutex
	kinds map[redact.Kind]*envelopeKind
	id    KeyID
	taken time.Time // when the keys of all kinds were taken, or taken again
	warn  error     // why the last refresh failed
	// denied is why Vault refuses the keys of some kinds, and gives those of others.
	denied error

	refresh chan struct{}
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

// envelopeKind is one kind's maker; nil while there is no key.
type envelopeKind struct {
	kind    redact.Kind
	current atomic.Pointer[sealMaker]
}

// NewEnvelope takes the keys from Vault and keeps them fresh until Close.
func NewEnvelope(ctx context.Context, c *Client, cfg EnvelopeConfig) (*Envelope, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	e := &Envelope{client: c, cfg: cfg, kinds: make(map[redact.Kind]*envelopeKind), refresh: make(chan struct{}, 1)}
	for _, k := range cfg.Kinds {
		e.kinds[k] = &envelopeKind{kind: k}
	}
	err := e.takeAll(ctx)
	if err == nil {
		err = e.denied
	}
	// A key that is wrong will not become right by itself: that refuses to start.
	if _, wrong := errors.AsType[*keyError](err); err != nil && (wrong || !cfg.MaskOnStartFailure) {
		return nil, err
	}
	e.note(err)
	run, stop := context.WithCancel(c.ctx)
	e.stop = stop
	e.wg.Go(func() { e.run(run) })
	return e, nil
}

// Close ends the background work and drops the keys; values are masked afterwards.
func (e *Envelope) Close() {
	e.stop()
	e.wg.Wait()
	e.drop()
}

// Name implements Scheme.
func (e *Envelope) Name() string { return "envelope" }

func (e *Envelope) bind(kind redact.Kind, _ int) binding {
	return binding{seal: &e.ofKind(kind).current}
}

func (e *Envelope) ofKind(kind redact.Kind) *envelopeKind {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.kinds[kind]
	if k == nil {
		k = &envelopeKind{kind: kind}
		e.kinds[kind] = k
		select {
		case e.refresh <- struct{}{}:
		default:
		}
	}
	return k
}

// run refreshes the keys, and drops them when they are too old.
func (e *Envelope) run(ctx context.Context) {
	retry := e.client.cfg.timing.loginRetryMin
	for {
		e.mu.Lock()
		age, failed := time.Since(e.taken), e.warn != nil
		e.mu.Unlock()
		wait := jitter(e.cfg.Refresh) * 2 / 3
		if failed {
			wait = jitter(retry)
			retry = min(2*retry, e.client.cfg.timing.loginRetryMax)
			if left := e.cfg.MaxAge - age; left > 0 {
				wait = min(wait, left)
			}
		} else {
			retry = e.client.cfg.timing.loginRetryMin
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-e.refresh:
			t.Stop()
		case <-t.C:
		}
		err := e.takeAll(ctx)
		if ctx.Err() != nil {
			return
		}
		e.note(err)
		e.mu.Lock()
		tooOld := err != nil && time.Since(e.taken) >= e.cfg.MaxAge
		e.mu.Unlock()
		if tooOld {
			e.drop()
		}
	}
}

func (e *Envelope) note(err error) {
	e.mu.Lock()
	e.warn = err
	e.mu.Unlock()
	if err != nil {
		e.client.alarms.raise("envelope key: " + err.Error())
	}
}

func (e *Envelope) drop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range e.kinds {
		k.current.Store(nil)
	}
}

// derivesAtOnce bounds the requests of one Envelope at a time. A policy has some hundreds
// of kinds, and each is a request.
const derivesAtOnce = 8

// takeAll derives the keys of all kinds. All kinds move to a new version together. A kind
// whose key Vault denies has none; that is an error only when it is so for all of them.
//
// A key of the same name that came in the place of the one in use is an error, and nothing
// changes: tokens made with it would join with nothing, and nobody would learn that the old
// ones cannot be read any more. It shows in a version below the one in use, or in another
// digest under the version in use. That digest is asked for last, so that it vouches for
// all that were taken before.
func (e *Envelope) takeAll(ctx context.Context) error {
	e.mu.Lock()
	was := e.id
	kinds := make([]*envelopeKind, 0, len(e.kinds))
	for _, k := range e.kinds {
		kinds = append(kinds, k)
	}
	e.mu.Unlock()
	id, err := checkKey(ctx, e.client, "envelope", e.cfg.Mount, e.cfg.Key, e.cfg.Version)
	if err != nil {
		return err
	}
	if id.Version < was.Version {
		return e.replaced()
	}
	id.Epoch, id.Tenant = e.cfg.Epoch, e.cfg.Tenant
	made, denied, err := e.derive(ctx, id, kinds)
	if err != nil {
		return err
	}
	same := was == id
	var witness *envelopeKind // a kind with a key at hand
	for i, k := range kinds {
		if k.current.Load() != nil && made[i] != nil {
			witness = k
		}
	}
	if witness != nil {
		s, err := deriveEnvelope(ctx, e.client, e.cfg.Mount, was, witness.kind)
		switch {
		case err == nil && !witness.current.Load().equal(s.maker(witness.kind)):
			return e.replaced()
		case err != nil && (same || classOf(err) != classConfig):
			return err
		case err != nil:
			// An older version that was retired cannot vouch for a newer.
			if ok, err := retired(ctx, e.client, e.cfg.Mount, was); err != nil {
				return err
			} else if !ok {
				return e.replaced()
			}
		}
	}
	if same {
		for i, k := range kinds {
			if now := k.current.Load(); now != nil && made[i] != nil && !now.equal(made[i]) {
				return e.replaced()
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.denied = denied
	for i, k := range kinds {
		// What has not changed stays, and with it the tokens in the caches. A key that
		// Vault gives no more goes.
		if !same || k.current.Load() == nil || made[i] == nil {
			k.current.Store(made[i])
		}
	}
	e.id, e.taken = id, time.Now()
	return nil
}

// derive takes the keys of the kinds. One that Vault denies stays nil, and is the second
// result; all denied are the third.
func (e *Envelope) derive(ctx context.Context, id KeyID, kinds []*envelopeKind) (made []*sealMaker, denied, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	made = make([]*sealMaker, len(kinds))
	errs := make([]error, len(kinds))
	slots := make(chan struct{}, derivesAtOnce)
	var wg sync.WaitGroup
	for i, k := range kinds {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			s, err := deriveEnvelope(ctx, e.client, e.cfg.Mount, id, k.kind)
			if err == nil {
				made[i] = s.maker(k.kind)
				return
			}
			if errs[i] = err; classOf(err) != classDenied {
				cancel()
			}
		})
	}
	wg.Wait()
	var without []redact.Kind
	var failed error
	for i, err := range errs {
		switch {
		case err == nil:
		case classOf(err) == classDenied:
			without, denied = append(without, kinds[i].kind), err
		case failed == nil || classOf(failed) == classCanceled:
			failed = err // one that was canceled says less than the one that failed
		}
	}
	if failed != nil {
		return nil, nil, failed
	}
	if denied != nil {
		slices.Sort(without)
		what := "kind " + string(without[0])
		if n := len(without) - 1; n > 0 {
			what += fmt.Sprintf(" and %d others", n)
		}
		denied = fmt.Errorf("%s: %w", what, denied)
		if len(without) == len(kinds) {
			return nil, nil, denied
		}
		e.client.alarms.raise("envelope key: " + denied.Error())
	}
	return made, denied, nil
}

func (e *Envelope) replaced() error {
	return &keyError{mount: e.cfg.Mount, name: e.cfg.Key, text: "was replaced by another of the same name; tokens made now cannot be read with it"}
}

// envelopeLabel is what Vault digests into a key. It never changes for a version of the
// format; the 1 is its version.
func envelopeLabel(id KeyID, kind redact.Kind) []byte {
	return []byte("logveil envelope 1\x00" + id.Tenant + "\x00" + string(kind) + "\x00" + strconv.Itoa(id.Epoch))
}

// deriveEnvelope takes the key of a kind from Vault.
func deriveEnvelope(ctx context.Context, c caller, mount string, id KeyID, kind redact.Kind) (*Sealer, error) {
	path := mount + "/hmac/" + id.Key + "/sha2-512"
	// The answer is key material: it must not stand in an error.
	answer, err := write[struct {
		HMAC json.RawMessage `json:"hmac"` // bytes, because a string cannot be zeroed
	}](ctx, c, request{path: path}, map[string]any{
		"input":       base64.StdEncoding.EncodeToString(envelopeLabel(id, kind)),
		"key_version": id.Version,
	})
	if err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, &requestError{op: http.MethodPut + " " + path, class: classDown, said: "an empty answer"}
	}
	root, err := unprefixed(bytes.Trim(answer.HMAC, `"`), id.Version)
	clear(answer.HMAC)
	if err != nil || len(root) != 64 {
		return nil, &requestError{op: http.MethodPut + " " + path, class: classDown, said: "the answer is no digest"}
	}
	key := &Key{id: id.kid(), root: NewSecret(root)}
	defer key.Close()
	return newSealer("envelope", key, id.Tenant)
}

// Status tells about the keys at hand.
func (e *Envelope) Status() EnvelopeStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := EnvelopeStatus{Key: e.id, Refresh: e.warn, Denied: e.denied}
	if !e.taken.IsZero() {
		s.Age = time.Since(e.taken)
	}
	for _, k := range e.kinds {
		if k.current.Load() == nil {
			s.Missing++
		} else {
			s.Ready++
		}
	}
	return s
}

// EnvelopeStatus is the state of an Envelope's keys.
type EnvelopeStatus struct {
	Key KeyID
	// Age is how long ago the keys were last taken from Vault; 0 before the first time.
	Age time.Duration
	// Refresh is why the last refresh failed, or nil.
	Refresh error
	// Ready and Missing count kinds with and without a key.
	Ready, Missing int
	// Denied is why Vault refuses the keys of some kinds, or nil.
	Denied error
}
