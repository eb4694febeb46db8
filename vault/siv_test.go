package vault

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Trim(s, "-"), " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkSIV(t *testing.T, key, plain, sealed []byte, valid bool, ad ...[]byte) {
	t.Helper()
	s, err := newSIV(key)
	if err != nil {
		t.Fatal(err)
	}
	var sc sivScratch
	h := s.header(ad...)
	if got := s.appendSeal([]byte("dst"), &sc, &h, plain); bytes.Equal(got, append([]byte("dst"), sealed...)) != valid {
		t.Errorf("sealed %x, want %x, valid %v", got[3:], sealed, valid)
	}
	got, ok := s.appendOpen([]byte("dst"), &sc, &h, sealed)
	if ok != valid {
		t.Fatalf("opened: %v, want %v", ok, valid)
	}
	if valid && string(got) != "dst"+string(plain) {
		t.Errorf("opened %x, want %x", got[3:], plain)
	}
	if !valid && string(got) != "dst" {
		t.Errorf("refused, but gave out %x", got)
	}
}

// RFC 5297, appendix A.
func TestSIVRFC5297(t *testing.T) {
	checkSIV(t, unhex(t, "fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0 f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff"),
		unhex(t, "11223344 55667788 99aabbcc ddee"),
		unhex(t, "85632d07 c6e8f37f 950acd32 0a2ecc93 40c02b96 90c4dc04 daef7f6a fe5c"), true,
		unhex(t, "10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627"))
	checkSIV(t, unhex(t, "7f7e7d7c 7b7a7978 77767574 73727170 40414243 44454647 48494a4b 4c4d4e4f"),
		unhex(t, "74686973 20697320 736f6d65 20706c61 696e7465 78742074 6f20656e 63727970 74207573 696e6720 5349562d 414553"),
		unhex(t, "7bdb6e3b 432667eb 06f4d14b ff2fbd0f cb900f2f ddbe4043 26601965 c889bf17 dba77ceb 094fa663 b7a3f748 ba8af829 ea64ad54 4a272e9c 485b62a3 fd5c0d"), true,
		unhex(t, "00112233 44556677 8899aabb ccddeeff deaddada deaddada ffeeddcc bbaa9988 77665544 33221100"),
		unhex(t, "10203040 50607080 90a0"),
		unhex(t, "09f91102 9d74e35b d84156c5 635688c0"))
}

func TestSIVWycheproof(t *testing.T) {
	text, err := os.ReadFile("testdata/aes_siv_cmac_512.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		n++
		t.Run(f[0], func(t *testing.T) {
			checkSIV(t, unhex(t, f[2]), unhex(t, f[4]), unhex(t, f[5]), f[1] == "valid", unhex(t, f[3]))
		})
	}
	if n != 147 {
		t.Errorf("%d vectors, want 147", n)
	}
}

// The plain reading of RFC 5297, section 2.4, to compare every length with.
func refSeal(s *siv, plain []byte, ad ...[]byte) []byte {
	cmac := func(m []byte) block {
		var x block
		for len(m) > 16 {
			for i := range x {
				x[i] ^= m[i]
			}
			s.mac.Encrypt(x[:], x[:])
			m = m[16:]
		}
		last := make([]byte, 16)
		copy(last, m)
		key := s.sub1
		if len(m) < 16 {
			last[len(m)] = 0x80
			key = s.sub2
		}
		for i := range x {
			x[i] ^= last[i] ^ key[i]
		}
		s.mac.Encrypt(x[:], x[:])
		return x
	}
	double := func(b block) (r block) {
		for i := range r {
			r[i] = b[i] << 1
			if i < 15 {
				r[i] |= b[i+1] >> 7
			}
		}
		if b[0]&0x80 != 0 {
			r[15] ^= 0x87
		}
		return r
	}
	d := cmac(make([]byte, 16))
	for _, a := range ad {
		d = double(d)
		c := cmac(a)
		for i := range d {
			d[i] ^= c[i]
		}
	}
	m := bytes.Clone(plain)
	if len(m) >= 16 {
		for i := range d {
			m[len(m)-16+i] ^= d[i]
		}
	} else {
		d = double(d)
		m = append(m, 0x80)
		m = append(m, make([]byte, 16-len(m))...)
		for i := range d {
			m[i] ^= d[i]
		}
	}
	v := cmac(m)
	out := append([]byte{}, v[:]...)
	ctr := v
	ctr[8] &= 0x7f
	ctr[12] &= 0x7f
	for i := 0; i < len(plain); i += 16 {
		var ks block
		s.ctr.Encrypt(ks[:], ctr[:])
		for j := i; j < min(len(plain), i+16); j++ {
			out = append(out, plain[j]^ks[j-i])
		}
		for j := 15; j >= 0; j-- {
			ctr[j]++
			if ctr[j] != 0 {
				break
			}
		}
	}
	return out
}

func TestSIVEveryLength(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	fill := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	for _, keyLen := range []int{32, 48, 64} {
		for n := range 300 {
			key, plain, ad := fill(keyLen), fill(n), fill(r.IntN(50))
			s, err := newSIV(key)
			if err != nil {
				t.Fatal(err)
			}
			checkSIV(t, key, plain, refSeal(s, plain, ad), true, ad)
			bad := refSeal(s, plain, ad)
			bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
			checkSIV(t, key, plain, bad, false, ad)
			checkSIV(t, key, plain, bad[:r.IntN(16)], false, ad)
		}
	}
	for _, n := range []int{0, 16, 31, 33, 65} {
		if _, err := newSIV(make([]byte, n)); err == nil {
			t.Errorf("a key of %d bytes is taken", n)
		}
	}
}

func BenchmarkSIVSeal(b *testing.B) {
	s, _ := newSIV(make([]byte, 64))
	h := s.header([]byte("ad"))
	plain, dst, sc := make([]byte, 23), make([]byte, 0, 64), new(sivScratch)
	b.ReportAllocs()
	for b.Loop() {
		dst = s.appendSeal(dst[:0], sc, &h, plain)
	}
}

// What one guess costs who has the key: the synthetic IV alone tells whether it is right.
func BenchmarkGuess(b *testing.B) {
	s, _ := newSIV(make([]byte, 64))
	h := s.header([]byte("ad"))
	plain, sc := []byte("000000000"), new(sivScratch)
	// CPU time of this thread, because other work on the machine stretches wall time.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	from := threadTime()
	for b.Loop() {
		s.vector(sc, &h, plain)
	}
	b.ReportMetric(float64((threadTime()-from).Nanoseconds())/float64(b.N), "cpu-ns/op")
}
