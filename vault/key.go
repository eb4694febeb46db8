package vault

import (
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
)

// Key is a root key and the name it has in tokens. What encrypts is derived from it by
// HKDF, a key for each purpose. It is safe for concurrent use until Close.
type Key struct {
	id   string
	root Secret
}

const (
	// localKid begins the kid of a key from a key file. Five base-36 digits derived
	// from the key follow, so that keys can be told apart.
	localKid = 'l'

	kidDigits = 5
	minRoot   = 32
)

// NewLocalKey takes over root, at least 32 random bytes, and zeroes it.
func NewLocalKey(root []byte) (*Key, error) { return newKey(localKid, root) }

func newKey(prefix byte, root []byte) (*Key, error) {
	if len(root) < minRoot {
		return nil, errors.New("vault: a root key has at least 32 bytes")
	}
	k := &Key{root: NewSecret(root)}
	b, err := k.derive("kid", 8)
	if err != nil {
		return nil, err
	}
	// 36^5 names: two keys of a user rarely share one, and nothing breaks if they do,
	// because opening a payload tells which key it was.
	k.id = kidOf(prefix, binary.BigEndian.Uint64(b))
	return k, nil
}

// ID returns the key's name in tokens.
func (k *Key) ID() string { return k.id }

// Close zeroes the key. What was made from it before goes on working.
func (k *Key) Close() { k.root.Close() }

// derive returns n bytes for a purpose; the caller zeroes them after use.
func (k *Key) derive(purpose string, n int) ([]byte, error) {
	if k.root.Len() == 0 {
		return nil, errors.New("vault: the key is closed")
	}
	b, err := hkdf.Expand(sha512.New, k.root.bytes(), "logveil "+purpose+" 1", n)
	if err != nil {
		return nil, fmt.Errorf("vault: derive: %w", err)
	}
	return b, nil
}
