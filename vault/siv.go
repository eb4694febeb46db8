package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// AES-SIV, RFC 5297: deterministic authenticated encryption. The synthetic IV is a CMAC
// over the associated data and the plaintext, and serves both as the tag and as the
// counter of AES-CTR.

const (
	blockSize = aes.BlockSize
	// sivOverhead is how much longer, in bytes, a sealed plaintext is.
	sivOverhead = blockSize
)

type block [blockSize]byte

// siv is a pair of keys. It is immutable and safe for concurrent use.
type siv struct {
	mac, ctr cipher.Block
	// sub1 and sub2 are CMAC's keys for a last block that is whole or padded.
	sub1, sub2 block
}

// sivScratch holds the blocks that AES works on. They would escape to the heap at each
// call, because the ciphers are behind an interface.
type sivScratch struct{ sum, ctr, pad block }

// newSIV takes a key of 32, 48 or 64 bytes: half for CMAC, half for AES-CTR.
func newSIV(key []byte) (*siv, error) {
	if n := len(key); n != 32 && n != 48 && n != 64 {
		return nil, errors.New("vault: an AES-SIV key has 32, 48 or 64 bytes")
	}
	mac, err := aes.NewCipher(key[:len(key)/2])
	if err != nil {
		return nil, err
	}
	ctr, err := aes.NewCipher(key[len(key)/2:])
	if err != nil {
		return nil, err
	}
	s := &siv{mac: mac, ctr: ctr}
	mac.Encrypt(s.sub1[:], s.sub1[:])
	s.sub1 = s.sub1.doubled()
	s.sub2 = s.sub1.doubled()
	return s, nil
}

// doubled multiplies by x in GF(2^128), in constant time.
func (b block) doubled() block {
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	carry := hi >> 63
	binary.BigEndian.PutUint64(b[:8], hi<<1|lo>>63)
	binary.BigEndian.PutUint64(b[8:], lo<<1^0x87&-carry)
	return b
}

func (b *block) xor(o *block) {
	x, y := binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])
	binary.LittleEndian.PutUint64(b[:8], x^binary.LittleEndian.Uint64(o[:8]))
	binary.LittleEndian.PutUint64(b[8:], y^binary.LittleEndian.Uint64(o[8:]))
}

// header digests the associated data: S2V up to, and without, its last string. It is
// the same for every value of a kind.
func (s *siv) header(ad ...[]byte) block {
	var sc sivScratch
	s.cmac(&sc, make([]byte, blockSize), nil)
	d := sc.sum
	for _, a := range ad {
		s.cmac(&sc, a, nil)
		d = d.doubled()
		d.xor(&sc.sum)
	}
	return d
}

// cmac leaves the CMAC of m in sc.sum. With end, the last 16 bytes of m, of which there
// are at least as many, count as xored with end.
func (s *siv) cmac(sc *sivScratch, m []byte, end *block) {
	sum := &sc.sum
	*sum = block{}
	// Before the last block, end reaches back into the one that holds its first bytes.
	for len(m) > blockSize {
		sum.xor((*block)(m))
		if n := 2*blockSize - len(m); end != nil && n > 0 {
			// m has less than two blocks: the first n bytes of end stand in this one.
			subtle.XORBytes(sum[blockSize-n:], sum[blockSize-n:], end[:n])
		}
		s.mac.Encrypt(sum[:], sum[:])
		m = m[blockSize:]
	}
	if end != nil {
		subtle.XORBytes(sum[:], sum[:len(m)], end[blockSize-len(m):])
	}
	if len(m) == blockSize {
		sum.xor((*block)(m))
		sum.xor(&s.sub1)
	} else {
		subtle.XORBytes(sum[:], sum[:len(m)], m)
		sum[len(m)] ^= 0x80
		sum.xor(&s.sub2)
	}
	s.mac.Encrypt(sum[:], sum[:])
}

// vector leaves the synthetic IV of plain, under the associated data in header, in sc.sum.
func (s *siv) vector(sc *sivScratch, header *block, plain []byte) {
	if len(plain) >= blockSize {
		sc.pad = *header
		s.cmac(sc, plain, &sc.pad)
		return
	}
	sc.pad = header.doubled()
	subtle.XORBytes(sc.pad[:], sc.pad[:len(plain)], plain)
	sc.pad[len(plain)] ^= 0x80
	s.cmac(sc, sc.pad[:], nil)
}

// crypt xors text with the key stream of the synthetic IV iv.
func (s *siv) crypt(sc *sivScratch, iv *block, text []byte) {
	ctr := *iv
	ctr[8] &= 0x7f
	ctr[12] &= 0x7f
	hi, lo := binary.BigEndian.Uint64(ctr[:8]), binary.BigEndian.Uint64(ctr[8:])
	binary.BigEndian.PutUint64(sc.ctr[:8], hi)
	for len(text) > 0 {
		// The bit cleared above keeps lo from running over.
		binary.BigEndian.PutUint64(sc.ctr[8:], lo)
		lo++
		s.ctr.Encrypt(sc.pad[:], sc.ctr[:])
		if len(text) >= blockSize {
			(*block)(text).xor(&sc.pad)
			text = text[blockSize:]
			continue
		}
		subtle.XORBytes(text, text, sc.pad[:])
		return
	}
}

// appendSeal appends the synthetic IV and the ciphertext of plain to dst.
func (s *siv) appendSeal(dst []byte, sc *sivScratch, header *block, plain []byte) []byte {
	s.vector(sc, header, plain)
	dst = append(dst, sc.sum[:]...)
	dst = append(dst, plain...)
	s.crypt(sc, &sc.sum, dst[len(dst)-len(plain):])
	return dst
}

// appendOpen appends the plaintext of sealed to dst, or reports false and appends nothing.
func (s *siv) appendOpen(dst []byte, sc *sivScratch, header *block, sealed []byte) ([]byte, bool) {
	if len(sealed) < sivOverhead {
		return dst, false
	}
	iv := block(sealed)
	n := len(dst)
	dst = append(dst, sealed[sivOverhead:]...)
	s.crypt(sc, &iv, dst[n:])
	s.vector(sc, header, dst[n:])
	if subtle.ConstantTimeCompare(sc.sum[:], iv[:]) != 1 {
		clear(dst[n:])
		return dst[:n], false
	}
	return dst, true
}
