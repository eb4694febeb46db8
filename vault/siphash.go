package vault

import (
	"encoding/binary"
	"math/bits"
)

// sipKey is a key of SipHash-2-4-128, a keyed hash. Source: Aumasson and Bernstein, "SipHash:
// a fast short-input PRF", 2012, and the 128-bit variant of their reference code.
type sipKey struct{ k0, k1 uint64 }

func (k sipKey) sum(p []byte) hash128 {
	v0 := k.k0 ^ 0x736f6d6570736575
	v1 := k.k1 ^ 0x646f72616e646f6d ^ 0xee
	v2 := k.k0 ^ 0x6c7967656e657261
	v3 := k.k1 ^ 0x7465646279746573
	last := uint64(len(p)) << 56
	for len(p) >= 8 {
		m := binary.LittleEndian.Uint64(p)
		p = p[8:]
		v3 ^= m
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0 ^= m
	}
	switch len(p) {
	case 7:
		last |= uint64(p[6]) << 48
		fallthrough
	case 6:
		last |= uint64(p[5]) << 40
		fallthrough
	case 5:
		last |= uint64(p[4]) << 32
		fallthrough
	case 4:
		last |= uint64(binary.LittleEndian.Uint32(p))
	case 3:
		last |= uint64(p[2]) << 16
		fallthrough
	case 2:
		last |= uint64(p[1]) << 8
		fallthrough
	case 1:
		last |= uint64(p[0])
	}
	v3 ^= last
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0 ^= last
	v2 ^= 0xee
	for range 4 {
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	}
	h := hash128{lo: v0 ^ v1 ^ v2 ^ v3}
	v1 ^= 0xdd
	for range 4 {
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	}
	h.hi = v0 ^ v1 ^ v2 ^ v3
	return h
}

func sipRound(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v3
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 += v3
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}
