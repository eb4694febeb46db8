package vault

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"logveil/redact"
)

// Scheme is a way to turn values into tokens.
type Scheme interface {
	// Name is what the scheme is called in a policy: "local", "mask".
	Name() string
	// bind returns what makes the tokens of a kind.
	bind(kind redact.Kind, keepLast int) binding
}

// binding makes the tokens of one kind. One of its fields is set.
type binding struct {
	mask   *maskMaker
	seal   *atomic.Pointer[sealMaker] // nil inside while there is no key
	remote *remoteKind
}

// scratch holds what a maker works on, so that it allocates nothing.
type scratch struct {
	siv     sivScratch
	hash    block
	payload []byte
}

// Mask is the scheme that keeps nothing but, where a rule says so, the last characters.
type Mask struct{}

// Name implements Scheme.
func (Mask) Name() string { return "mask" }

func (Mask) bind(kind redact.Kind, keepLast int) binding {
	return binding{mask: &maskMaker{kind, keepLast}}
}

type maskMaker struct {
	kind redact.Kind
	keep int
}

func (m *maskMaker) append(dst, canon []byte) []byte {
	return redact.AppendMaskKeep(dst, m.kind, kept(m.kind, canon, m.keep))
}

// Sealer is a scheme that seals values with AES-256-SIV under a key held in this process.
// Equal values of a kind have equal tokens wherever the same key is used, and whoever has
// the key can open them. A token tells the length of its value, and which values are
// equal; it tells nothing else to who lacks the key. A token made up or moved to another
// kind or tenant does not open.
type Sealer struct {
	name, kid, tenant string
	siv               *siv
}

// NewLocal returns the scheme "local": a key that this process holds without a Vault. The
// tenant, which may be empty, separates tokens: equal values of two tenants differ.
func NewLocal(key *Key, tenant string) (*Sealer, error) { return newSealer("local", key, tenant) }

func newSealer(name string, key *Key, tenant string) (*Sealer, error) {
	if strings.ContainsRune(tenant, 0) {
		return nil, errors.New("vault: a tenant's name holds no NUL")
	}
	b, err := key.derive("aes-siv", 64)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	s, err := newSIV(b)
	if err != nil {
		return nil, err
	}
	return &Sealer{name: name, kid: key.ID(), tenant: tenant, siv: s}, nil
}

// Name implements Scheme.
func (s *Sealer) Name() string { return s.name }

// header digests what a token is bound to besides its value.
func (s *Sealer) header(kind redact.Kind) block {
	return s.siv.header([]byte("tok1\x00" + s.tenant + "\x00" + string(kind)))
}

func (s *Sealer) bind(kind redact.Kind, _ int) binding {
	var b binding
	b.seal = new(atomic.Pointer[sealMaker])
	b.seal.Store(s.maker(kind))
	return b
}

func (s *Sealer) maker(kind redact.Kind) *sealMaker {
	return &sealMaker{kind: kind, kid: s.kid, siv: s.siv, header: s.header(kind), key: newHashKey()}
}

// sealMaker makes the tokens of one kind under one key. It is immutable and safe for
// concurrent use.
type sealMaker struct {
	kind   redact.Kind
	kid    string
	siv    *siv
	header block
	// key hashes values for the caches. Each sealMaker has its own, so that no token
	// of another key is found there.
	key *hashKey
}

// equal reports whether both seal with the same key.
func (m *sealMaker) equal(o *sealMaker) bool {
	var sc scratch
	seal := func(m *sealMaker) []byte { return m.siv.appendSeal(nil, &sc.siv, &m.header, make([]byte, blockSize)) }
	return bytes.Equal(seal(m), seal(o))
}

// append appends the token of a value, given in canonical form, to dst.
func (m *sealMaker) append(dst, canon []byte, sc *scratch) []byte {
	sc.payload = m.siv.appendSeal(sc.payload[:0], &sc.siv, &m.header, canon)
	return redact.AppendToken(dst, m.kind, m.kid, sc.payload)
}

func (s *Sealer) keyID() string { return s.kid }

func (s *Sealer) prepare(context.Context, []sealed) error { return nil }
func (s *Sealer) finish()                                 {}

func (s *Sealer) open(dst []byte, kind redact.Kind, payload []byte, sc *scratch) ([]byte, openResult) {
	h := s.header(kind)
	dst, ok := s.siv.appendOpen(dst, &sc.siv, &h, payload)
	if !ok {
		return dst, refused
	}
	return dst, opened
}
