package vault

import (
	"crypto/aes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// Values that differ in a byte or in their length have different hashes, around the length
// where another function takes over too; under another key all hashes are others.
func TestHashKey(t *testing.T) {
	k, other := newHashKey(), newHashKey()
	var b block
	seen := map[hash128]string{}
	note := func(p []byte) {
		t.Helper()
		h := k.sum(p, &b)
		if was, ok := seen[h]; ok && was != string(p) {
			t.Fatalf("%q and %q have one hash", was, p)
		}
		seen[h] = string(p)
		if k.sum(p, &b) != h || other.sum(p, &b) == h {
			t.Fatalf("%q: the hash changes, or does not depend on the key", p)
		}
	}
	for n := range 40 {
		p := make([]byte, n)
		note(p)
		for i := range p {
			for bit := range 8 {
				p[i] ^= 1 << bit
				note(p)
				p[i] ^= 1 << bit
			}
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		p := make([]byte, r.IntN(20))
		for i := range p {
			p[i] = "01."[r.IntN(3)]
		}
		note(p)
	}
	// A short hash gives its value back to who has the key, so none can be shared.
	inverse, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	h := (&hashKey{short: inverse}).sum([]byte("fifteen bytes !"), &b)
	binary.LittleEndian.PutUint64(b[:8], h.lo)
	binary.LittleEndian.PutUint64(b[8:], h.hi)
	inverse.Decrypt(b[:], b[:])
	if string(b[:15]) != "fifteen bytes !" || b[15] != 15 {
		t.Errorf("%q", b)
	}
	p := []byte("192.0.2.1")
	if n := testing.AllocsPerRun(100, func() { k.sum(p, &b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
