package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
)

// hashKey hashes values for the caches, which hold no plaintext: 128 bits under a random
// key that never leaves the process. It is immutable and safe for concurrent use.
//
// A value of up to 15 bytes, as most are, is one block of AES, a permutation, so that two
// of them never have the same hash. SipHash takes the longer ones.
type hashKey struct {
	sip   sipKey
	short cipher.Block
}

// hash128 is two halves of a hash.
type hash128 struct{ lo, hi uint64 }

func newHashKey() *hashKey {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, by its contract
	short, err := aes.NewCipher(b[16:])
	if err != nil {
		panic("BUG: a key of AES-128: " + err.Error())
	}
	return &hashKey{sipKey{binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])}, short}
}

// sum returns the hash of p. The block is for AES to work on; it would escape to the heap
// at each call.
func (k *hashKey) sum(p []byte, b *block) hash128 {
	if len(p) >= blockSize {
		return k.sip.sum(p)
	}
	*b = block{blockSize - 1: byte(len(p))}
	copy(b[:], p)
	k.short.Encrypt(b[:], b[:])
	return hash128{binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])}
}
