package vault

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// KeyID says which key made a token. Its kid, which stands in the token, is computed from
// it, so that a fleet agrees without shared state, and so that the key of any token is
// found again by going through the versions that Vault has.
type KeyID struct {
	// Scheme is "envelope", "transit" or "hmac".
	Scheme string
	// Key is the name of the transit key.
	Key string
	// Version is the transit key's version.
	Version int
	// Epoch counts the envelope keys that were taken from one version.
	Epoch int
	// Tenant is what the key belongs to.
	Tenant string
}

// kid returns the key's name in tokens: the first letter of the scheme and five base-36
// digits. Two keys of an installation share one with a probability of 1 in 60 million;
// then a reader tries both.
func (k KeyID) kid() string {
	sum := sha256.Sum256([]byte("logveil kid 1\x00" + k.Scheme + "\x00" + k.Key + "\x00" + strconv.Itoa(k.Version) +
		"\x00" + strconv.Itoa(k.Epoch) + "\x00" + k.Tenant))
	return kidOf(k.Scheme[0], binary.BigEndian.Uint64(sum[:]))
}

// Kid returns the key's name in tokens.
func (k KeyID) Kid() string { return k.kid() }

// kidOf writes n in base 36 behind a prefix.
func kidOf(prefix byte, n uint64) string {
	const base36 = "0123456789abcdefghijklmnopqrstuvwxyz"
	id := [1 + kidDigits]byte{prefix}
	for i := kidDigits; i > 0; i-- {
		id[i] = base36[n%36]
		n /= 36
	}
	return string(id[:])
}

// transitKey is what Vault tells about a transit key.
type transitKey struct {
	Type                 string `json:"type"`
	Derived              bool   `json:"derived"`
	Convergent           bool   `json:"convergent_encryption"`
	Exportable           bool   `json:"exportable"`
	AllowPlaintextBackup bool   `json:"allow_plaintext_backup"`
	DeletionAllowed      bool   `json:"deletion_allowed"`
	Latest               int    `json:"latest_version"`
	MinAvailable         int    `json:"min_available_version"`
	MinDecryption        int    `json:"min_decryption_version"`
	MinEncryption        int    `json:"min_encryption_version"`
}

// readKey returns a transit key, or an error that tells what to do when there is none.
func readKey(ctx context.Context, c caller, mount, name string) (*transitKey, error) {
	k, err := read[transitKey](ctx, c, mount+"/keys/"+name)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, &keyError{mount: mount, name: name, text: "does not exist; make it with `logveil vault init`", missing: true}
	}
	return k, nil
}

// keyError is a transit key that cannot be used.
type keyError struct {
	mount, name, text string
	missing           bool // there is no such key
}

func (e *keyError) Error() string { return "vault: key " + e.mount + "/" + e.name + " " + e.text }

// suits returns what makes the key useless for a scheme, or nil.
func (k *transitKey) suits(scheme string) error {
	switch scheme {
	case "transit":
		switch {
		case k.Type != "aes256-gcm96" && k.Type != "aes128-gcm96" && k.Type != "chacha20-poly1305":
			return fmt.Errorf("has type %q, which cannot be convergent; it must be aes256-gcm96", k.Type)
		case !k.Derived || !k.Convergent:
			return errors.New("is not convergent and derived: equal values would get different tokens")
		}
	default:
		if k.Type != "hmac" {
			return fmt.Errorf("has type %q; it must be hmac, so that it can neither encrypt nor be exported", k.Type)
		}
	}
	if k.Exportable || k.AllowPlaintextBackup {
		return errors.New("can be exported or backed up in the clear; make one that cannot")
	}
	return nil
}

// oldest returns the oldest version whose tokens can be read. What is older than the
// minimum for decryption is archived out of reach, and a digest obeys the minimum for
// encryption too.
func (k *transitKey) oldest(scheme string) int {
	v := max(1, k.MinAvailable, k.MinDecryption)
	if scheme != "transit" {
		v = max(v, k.MinEncryption)
	}
	return v
}

// retired reports whether a version makes no tokens any more, because its key's oldest
// version for that is a later one.
func retired(ctx context.Context, c caller, mount string, id KeyID) (bool, error) {
	k, err := readKey(ctx, c, mount, id.Key)
	if err != nil {
		return false, err
	}
	return id.Version < max(k.oldest(id.Scheme), k.MinEncryption), nil
}

// checkKey makes sure that a key suits a scheme and has the version, and returns its id.
func checkKey(ctx context.Context, c caller, scheme, mount, name string, version int) (KeyID, error) {
	k, err := readKey(ctx, c, mount, name)
	if err != nil {
		return KeyID{}, err
	}
	if err := k.suits(scheme); err != nil {
		return KeyID{}, &keyError{mount: mount, name: name, text: err.Error()}
	}
	if version == 0 {
		version = k.Latest
	}
	if oldest := max(k.oldest(scheme), k.MinEncryption); version > k.Latest || version < oldest {
		return KeyID{}, &keyError{mount: mount, name: name, text: fmt.Sprintf("has no version %d that may be used; it has %d to %d", version, oldest, k.Latest)}
	}
	return KeyID{Scheme: scheme, Key: name, Version: version}, nil
}
