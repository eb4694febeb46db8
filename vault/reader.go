package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"logveil/redact"
)

// KeyRef names a transit key and what it is used for.
type KeyRef struct {
	// Scheme is "envelope", "transit" or "hmac".
	Scheme string
	// Key is the name of the transit key.
	Key    string
	Tenant string
	// Epoch is the newest epoch of an envelope key.
	Epoch int
}

// ReaderConfig says which tokens a Reader reads, and why.
type ReaderConfig struct {
	// Mount is where the transit engine is mounted; empty means "transit".
	Mount string
	Keys  []KeyRef
	// Reason is why values are revealed, in printable ASCII; it goes to Vault as the
	// header X-Logveil-Reason, which Vault's audit log holds when `vault init` was run,
	// and to Audit.
	Reason string
	// Audit, when not nil, is told of each reveal before it happens; its error stops it.
	Audit func(RevealRecord) error
	// Rate bounds how many different tokens are revealed in a second; a second's worth may
	// come at once. 0 means 100; less than 0 no bound. It keeps honest callers slow: what
	// binds the others are Vault's quotas.
	Rate float64
	// Waiting, when not nil, is told of a wait for the rate before it begins.
	Waiting func(time.Duration)
	// Also are schemes whose keys are in this process, to read their tokens too.
	Also []Scheme
}

// RevealRecord is what an audit log keeps of a reveal. It holds no value.
type RevealRecord struct {
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"`
	// Entity and Name are who Vault says the caller is.
	Entity string `json:"entity,omitempty"`
	Name   string `json:"name,omitempty"`
	// Tokens counts tokens by kid and kind, as "kid kind".
	Tokens map[string]int `json:"tokens"`
}

// reasonHeader goes along with the requests of a Reader.
const reasonHeader = "X-Logveil-Reason"

// Reader reads tokens whose keys Vault holds, under the caller's own Vault token: every
// version and epoch that Vault still has. It is not safe for concurrent use.
type Reader struct {
	Revealer
	// Missing are keys that Vault does not have, Denied those that it does not let the
	// caller use. Their tokens stay as they are.
	Missing, Denied []KeyRef

	c    caller
	cfg  ReaderConfig
	keys []*readerKey
	who  struct {
		Entity string `json:"entity_id"`
		Name   string `json:"display_name"`
	}
	next time.Time // until when the tokens revealed so far use up the rate
	seen map[[sha256.Size]byte]struct{}
}

// readerKey is one version and epoch of a key.
type readerKey struct {
	KeyID
	mount  string
	c      caller
	header http.Header
	newest *readerKey // of the same reference
	// gone says that Vault has the version no more.
	gone bool

	sealers map[redact.Kind]*Sealer // of an envelope; nil: forbidden
	plain   map[string]*plainResult // of transit, by kind and payload
}

type plainResult struct {
	canon []byte
	res   openResult
}

// Manifest returns the keys of every token that can have been made with the references,
// the oldest first, as Vault has them now. A key that does not exist is left out.
func Manifest(ctx context.Context, c *Client, mount string, refs []KeyRef) ([]KeyID, error) {
	var ids []KeyID
	for _, ref := range refs {
		keys, err := manifest(ctx, c, or(mount, "transit"), ref, nil)
		if e, ok := errors.AsType[*keyError](err); err != nil && !(ok && e.missing) {
			return nil, err
		}
		for _, k := range keys {
			if !k.gone {
				ids = append(ids, k.KeyID)
			}
		}
	}
	return ids, nil
}

// manifest returns the versions and epochs of a key, the oldest first.
func manifest(ctx context.Context, c caller, mount string, ref KeyRef, header http.Header) ([]*readerKey, error) {
	if !slices.Contains(remoteSchemes, ref.Scheme) {
		return nil, fmt.Errorf("vault: %q is no scheme with a key in Vault", ref.Scheme)
	}
	k, err := readKey(ctx, c, mount, ref.Key)
	if err != nil {
		return nil, err
	}
	if err := k.suits(ref.Scheme); err != nil {
		return nil, &keyError{mount: mount, name: ref.Key, text: err.Error()}
	}
	epochs := 0
	if ref.Scheme == "envelope" {
		epochs = ref.Epoch
	}
	var keys []*readerKey
	for v := 1; v <= k.Latest; v++ {
		for e := range epochs + 1 {
			keys = append(keys, &readerKey{
				KeyID: KeyID{Scheme: ref.Scheme, Key: ref.Key, Version: v, Epoch: e, Tenant: ref.Tenant},
				mount: mount, c: c, header: header, gone: v < k.oldest(ref.Scheme),
			})
		}
	}
	for _, rk := range keys {
		rk.newest = keys[len(keys)-1]
	}
	return keys, nil
}

// NewReader finds out which keys there are, and who the caller is.
func NewReader(ctx context.Context, c *Client, cfg ReaderConfig) (*Reader, error) {
	cfg.Mount = or(cfg.Mount, "transit")
	if cfg.Rate == 0 {
		cfg.Rate = 100
	}
	if strings.ContainsFunc(cfg.Reason, func(r rune) bool { return r < ' ' || r > '~' }) || len(cfg.Reason) > 500 {
		return nil, errors.New("vault: a reason is printable ASCII, 500 characters at most")
	}
	r := &Reader{Revealer: *newRevealer(), c: c, cfg: cfg}
	header := http.Header{}
	if cfg.Reason != "" {
		header.Set(reasonHeader, cfg.Reason)
	}
	var denied error
	for _, ref := range cfg.Keys {
		keys, err := manifest(ctx, c, cfg.Mount, ref, header)
		if e, ok := errors.AsType[*keyError](err); ok && e.missing {
			r.Missing = append(r.Missing, ref)
			continue
		}
		if err != nil && classOf(err) == classDenied {
			r.Denied, denied = append(r.Denied, ref), err
			continue
		}
		if err != nil {
			return nil, err
		}
		r.keys = append(r.keys, keys...)
	}
	if len(r.keys) == 0 && denied != nil {
		return nil, denied
	}
	for _, k := range r.keys {
		r.add(k)
	}
	for _, s := range cfg.Also {
		o, ok := s.(opener)
		if !ok {
			return nil, fmt.Errorf("vault: tokens of the scheme %q cannot be opened here", s.Name())
		}
		r.add(o)
	}
	r.before, r.seen = r.record, make(map[[sha256.Size]byte]struct{})
	body, err := c.call(ctx, request{method: http.MethodGet, path: "auth/token/lookup-self"})
	if err == nil {
		var a struct{ Data json.RawMessage }
		if json.Unmarshal(body, &a) == nil {
			_ = json.Unmarshal(a.Data, &r.who) // a caller without a name is recorded as one
		}
	} else if classOf(err) == classDown {
		return nil, err
	}
	return r, nil
}

// record writes the audit record and keeps the rate.
func (r *Reader) record(ctx context.Context, byKey map[string][]sealed) error {
	fresh := 0
	tokens := make(map[string]int)
	for kid, list := range byKey {
		for _, s := range list {
			tokens[kid+" "+string(s.kind)]++
			sum := sha256.Sum256(append([]byte(kid+" "+string(s.kind)+" "), s.payload...))
			if _, ok := r.seen[sum]; !ok {
				fresh++
				if len(r.seen) >= maxSeen {
					clear(r.seen)
				}
				r.seen[sum] = struct{}{}
			}
		}
	}
	if err := r.pace(ctx, fresh); err != nil {
		return err
	}
	if r.cfg.Audit == nil {
		return nil
	}
	err := r.cfg.Audit(RevealRecord{Time: time.Now().UTC(), Reason: r.cfg.Reason, Entity: r.who.Entity, Name: r.who.Name, Tokens: tokens})
	if err != nil {
		return fmt.Errorf("vault: nothing is revealed without an audit record: %w", err)
	}
	return nil
}

// maxSeen bounds how many tokens a Reader knows again, and with it its memory.
const maxSeen = 1 << 18

// pace waits as long as n more tokens go beyond the rate.
func (r *Reader) pace(ctx context.Context, n int) error {
	if r.cfg.Rate <= 0 || n == 0 {
		return nil
	}
	now := time.Now()
	if r.next.Before(now) {
		r.next = now
	}
	r.next = r.next.Add(time.Duration(float64(n) / r.cfg.Rate * float64(time.Second)))
	wait := r.next.Sub(now) - time.Second
	if wait <= 0 {
		return nil
	}
	if r.cfg.Waiting != nil {
		r.cfg.Waiting(wait)
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k *readerKey) keyID() string { return k.kid() }

// prepare asks Vault for the keys of new kinds, or for the values themselves.
func (k *readerKey) prepare(ctx context.Context, list []sealed) error {
	switch {
	case k.gone:
	case k.Scheme == "envelope":
		for _, s := range list {
			if _, err := k.sealer(ctx, s.kind); err != nil {
				return err
			}
		}
	case k.Scheme == "transit":
		return k.decrypt(ctx, list)
	}
	return nil
}

// sealer returns the key of a kind, or nil when Vault does not let the caller have it.
func (k *readerKey) sealer(ctx context.Context, kind redact.Kind) (*Sealer, error) {
	if s, ok := k.sealers[kind]; ok {
		return s, nil
	}
	if k.sealers == nil {
		k.sealers = make(map[redact.Kind]*Sealer)
	}
	s, err := deriveEnvelope(ctx, withHeader{k.c, k.header}, k.mount, k.KeyID, kind)
	switch {
	case err == nil:
	case classOf(err) == classDenied:
		s = nil
	default:
		return nil, err
	}
	k.sealers[kind] = s
	return s, nil
}

// withHeader adds a header to requests.
type withHeader struct {
	caller
	header http.Header
}

func (w withHeader) call(ctx context.Context, r request) ([]byte, error) {
	r.header = w.header
	return w.caller.call(ctx, r)
}

func (k *readerKey) open(dst []byte, kind redact.Kind, payload []byte, sc *scratch) ([]byte, openResult) {
	switch {
	case k.gone || k.Scheme == "hmac":
		return dst, gone
	case k.Scheme == "transit":
		p := k.plain[string(kind)+"\x00"+string(payload)]
		if p == nil {
			return dst, refused
		}
		return append(dst, p.canon...), p.res
	}
	s := k.sealers[kind]
	if s == nil {
		return dst, forbidden
	}
	return s.open(dst, kind, payload, sc)
}

func (k *readerKey) finish() {
	for _, p := range k.plain {
		clear(p.canon)
	}
	k.plain = nil
}

// Requests of a Reader have this many values.
const readerBatch = 200

// ciphertext returns the form in which Vault takes a payload.
func (k *readerKey) ciphertext(payload []byte) string {
	return "vault:v" + strconv.Itoa(k.Version) + ":" + base64.StdEncoding.EncodeToString(payload)
}

// decrypt fills plain.
func (k *readerKey) decrypt(ctx context.Context, list []sealed) error {
	k.plain = make(map[string]*plainResult)
	var todo []sealed
	for _, s := range list {
		id := string(s.kind) + "\x00" + string(s.payload)
		if k.plain[id] == nil {
			k.plain[id] = &plainResult{res: refused}
			todo = append(todo, s)
		}
	}
	for part := range slices.Chunk(todo, readerBatch) {
		results, err := k.batch(ctx, "decrypt", part, 0)
		switch c := classOf(err); {
		case err == nil:
		case c == classConfig:
			continue // none of them was made with this key
		case c == classDenied:
			for _, s := range part {
				k.plain[string(s.kind)+"\x00"+string(s.payload)].res = forbidden
			}
			continue
		default:
			return err
		}
		for i, s := range part {
			if i >= len(results) || results[i].Error != "" {
				continue
			}
			canon, err := base64.StdEncoding.AppendDecode(nil, bytes.Trim(results[i].Plaintext, `"`))
			clear(results[i].Plaintext)
			if err == nil {
				*k.plain[string(s.kind)+"\x00"+string(s.payload)] = plainResult{canon, opened}
			}
		}
	}
	return nil
}

// batch sends payloads to one of transit's operations on ciphertexts.
func (k *readerKey) batch(ctx context.Context, op string, list []sealed, version int) ([]batchResult, error) {
	type item struct {
		Ciphertext string `json:"ciphertext"`
		Context    []byte `json:"context"`
		KeyVersion int    `json:"key_version,omitempty"`
	}
	var data struct {
		Code  int    `json:"partial_failure_response_code"`
		Batch []item `json:"batch_input"`
	}
	data.Code = http.StatusOK
	for _, s := range list {
		data.Batch = append(data.Batch, item{k.ciphertext(s.payload), remoteLabel(k.Tenant, s.kind), version})
	}
	body, err := json.Marshal(data)
	if err != nil {
		return nil, errors.New("vault: a request that JSON cannot hold")
	}
	path := k.mount + "/" + op + "/" + k.Key
	answer, err := k.c.call(ctx, request{method: http.MethodPut, path: path, body: body, quiet: true, header: k.header})
	if err != nil {
		return nil, err
	}
	defer clear(answer)
	return batchResults(path, answer)
}

// KeyToken is the token that a value has under a key.
type KeyToken struct {
	KeyID KeyID
	Token string
	// Err is why there is none.
	Err error
}

// Tokens returns the tokens that a value has, or had, under every key, the oldest first,
// for searching stored logs without reading any of them.
func (r *Reader) Tokens(ctx context.Context, kind redact.Kind, raw []byte) ([]KeyToken, error) {
	if !kind.Valid() || len(raw) > MaxValue {
		return nil, errors.New("vault: such a value has no token")
	}
	canon := AppendCanonical(nil, kind, raw)
	defer clear(canon)
	var out []KeyToken
	for _, k := range r.keys {
		if k.gone {
			continue
		}
		t := KeyToken{KeyID: k.KeyID}
		payload, err := k.payload(ctx, kind, canon)
		switch {
		case err == nil:
			t.Token = string(redact.AppendToken(nil, kind, k.kid(), payload))
		case classOf(err) == classDown:
			return nil, err
		default:
			t.Err = err
		}
		out = append(out, t)
	}
	return out, nil
}

// payload makes a token's payload.
func (k *readerKey) payload(ctx context.Context, kind redact.Kind, canon []byte) ([]byte, error) {
	if k.Scheme == "envelope" {
		s, err := k.sealer(ctx, kind)
		if err != nil {
			return nil, err
		}
		if s == nil {
			return nil, &requestError{op: "derive the key of " + string(kind), class: classDenied}
		}
		h := s.header(kind)
		return s.siv.appendSeal(nil, new(sivScratch), &h, canon), nil
	}
	var m remoteMethod = transitMethod{}
	if k.Scheme == "hmac" {
		m = hmacMethod{}
	}
	label := remoteLabel(k.Tenant, kind)
	rk := &remoteKind{kind: kind, label: label, b64: base64.StdEncoding.EncodeToString(label)}
	path := m.path(&RemoteConfig{Mount: k.mount, Key: k.Key})
	body := append(m.appendItem(m.appendHead(nil, k.Version), rk, canon, k.Version), "]}"...)
	answer, err := k.c.call(ctx, request{method: http.MethodPut, path: path, body: body, quiet: true, header: k.header})
	clearSent(body, err)
	if err != nil {
		return nil, err
	}
	results, err := batchResults(path, answer)
	if err != nil {
		return nil, err
	}
	if len(results) != 1 || results[0].Error != "" {
		return nil, &requestError{op: path, class: classConfig, said: "no token of version " + strconv.Itoa(k.Version)}
	}
	return m.result(&results[0], k.Version)
}

// RewrapStats counts what AppendRewrap met.
type RewrapStats struct {
	// Moved counts tokens that are now of the newest version, Newest those that were.
	Moved, Newest uint64
	// Left counts tokens that stay, because their key is unknown, forbidden or gone,
	// and digests, which cannot be moved.
	Left uint64
}

// AppendRewrap appends text to dst with its tokens moved to the newest version and epoch
// of their keys. Equal values have equal tokens afterwards too. Tokens of transit are
// moved by Vault, without the value coming here; those of an envelope are opened and
// sealed in memory.
func (r *Reader) AppendRewrap(ctx context.Context, dst, text []byte) ([]byte, RewrapStats, error) {
	var st RewrapStats
	moved, err := r.rewrapped(ctx, text)
	if err != nil {
		return dst, st, err
	}
	for {
		at := bytes.Index(text, tokenStart)
		if at < 0 {
			return append(dst, text...), st, nil
		}
		dst = append(dst, text[:at]...)
		text = text[at:]
		tok, ok := redact.ParseToken(text, 0)
		n := len(tokenStart)
		if ok && !tok.Mask {
			n = tok.End
			switch to, known := moved[string(text[:n])]; {
			case !known:
				st.Left++
			case to == "":
				st.Newest++
			default:
				st.Moved++
				dst = append(dst, to...)
				text = text[n:]
				continue
			}
		}
		dst = append(dst, text[:n]...)
		text = text[n:]
	}
}

// rewrapped returns, for each token in text that can be moved, the one to move to, or
// nothing when it is of the newest version.
func (r *Reader) rewrapped(ctx context.Context, text []byte) (map[string]string, error) {
	type todo struct {
		sealed
		token string
	}
	moved := make(map[string]string)
	work := make(map[*readerKey][]todo)
	for {
		at := bytes.Index(text, tokenStart)
		if at < 0 {
			break
		}
		text = text[at:]
		tok, ok := redact.ParseToken(text, 0)
		if !ok || tok.Mask {
			text = text[len(tokenStart):]
			continue
		}
		token := string(text[:tok.End])
		kid := string(text[tok.Kid.Start:tok.Kid.End])
		payload, ok := tok.AppendPayload(nil, text)
		kind := redact.Kind(text[tok.Kind.Start:tok.Kind.End])
		text = text[tok.End:]
		for _, k := range r.keys {
			if !ok || k.kid() != kid || k.gone || k.Scheme == "hmac" {
				continue
			}
			if k.newest == k {
				moved[token] = ""
			} else if _, seen := moved[token]; !seen {
				moved[token] = token
				work[k] = append(work[k], todo{sealed{kind, payload}, token})
			}
		}
	}
	for k, list := range work {
		for part := range slices.Chunk(list, readerBatch) {
			payloads := make([][]byte, len(part))
			if k.Scheme == "transit" {
				items := make([]sealed, len(part))
				for i := range part {
					items[i] = part[i].sealed
				}
				results, err := k.batch(ctx, "rewrap", items, k.newest.Version)
				if c := classOf(err); err != nil && c != classDenied && c != classConfig {
					return nil, err
				}
				for i := range min(len(results), len(part)) {
					if results[i].Error == "" {
						payloads[i], _ = unprefixed([]byte(results[i].Ciphertext), k.newest.Version)
					}
				}
			} else {
				for i := range part {
					var err error
					if payloads[i], err = k.reseal(ctx, part[i].sealed); err != nil {
						return nil, err
					}
				}
			}
			for i := range part {
				if payloads[i] == nil {
					delete(moved, part[i].token)
					continue
				}
				moved[part[i].token] = string(redact.AppendToken(nil, part[i].kind, k.newest.kid(), payloads[i]))
			}
		}
	}
	return moved, nil
}

// reseal moves an envelope's payload to the newest key; nil when it cannot be opened.
func (k *readerKey) reseal(ctx context.Context, s sealed) ([]byte, error) {
	old, err := k.sealer(ctx, s.kind)
	if err != nil || old == nil {
		return nil, err
	}
	now, err := k.newest.sealer(ctx, s.kind)
	if err != nil || now == nil {
		return nil, err
	}
	var sc scratch
	canon, res := old.open(nil, s.kind, s.payload, &sc)
	defer clear(canon)
	if res != opened {
		return nil, nil
	}
	h := now.header(s.kind)
	return now.siv.appendSeal(nil, &sc.siv, &h, canon), nil
}
