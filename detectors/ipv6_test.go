package detectors

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestIPv6(t *testing.T) {
	detectortest.Run(t, ipv6{}, conformance("ipv6"))
}

func TestIPv6Floods(t *testing.T) { testFloods(t, ipv6{}, ipv6Floods) }

var ipv6Floods = []string{"::1 ", "::", "a:b:", "12:34:56:78:", ":::", "1:2:3:4:5:6:7:8:", "std::", "a::b ", "fe80::1::", "::a"}

func BenchmarkIPv6(b *testing.B) {
	b.Run("scope", func(b *testing.B) {
		benchmarkMatch(b, ipv6{}, "call to std::string here", 11, redact.RejectNeighbor)
	})
	b.Run("chain", func(b *testing.B) {
		benchmarkMatch(b, ipv6{}, "43:51:43:a1:b5:fc:8b:b7:0a:3a:a9:b1:0f:66:73:a8", 5, redact.RejectLength)
	})
	b.Run("accept", func(b *testing.B) {
		benchmarkMatch(b, ipv6{}, "from fe80::22c9:d0ff:fe15:1b7c port", 9, redact.Accepted)
	})
	benchmarkFloods(b, ipv6{}, ipv6Floods)
}

func FuzzIPv6(f *testing.F) {
	fuzzContract(f, ipv6{}, func(v []byte) bool {
		a, err := netip.ParseAddr(string(v))
		return err == nil && !a.IsUnspecified() || leadingZero.Match(v)
	})
}

// leadingZero is what netip does not read in a dotted part.
var leadingZero = regexp.MustCompile(`[:.]0\d+\.|\.0\d`)

// TestIPv6All wants every address to be found, in each of its forms, where it stands
// alone, but for those that look like something else.
func TestIPv6All(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	taken := 0
	for range 1 << 16 {
		var a [16]byte
		for i := range a {
			a[i] = byte(rnd.Uint32())
		}
		for range rnd.IntN(4) {
			clear(a[rnd.IntN(8)*2:][:2])
		}
		addr := netip.AddrFrom16(a)
		for _, want := range []string{addr.String(), addr.StringExpanded(), strings.ToUpper(addr.String())} {
			text := []byte("x " + want + " x")
			at := bytes.IndexByte(text, ':')
			s, r := (ipv6{}).Match(text, at)
			if r != redact.Accepted || string(text[s.Start:s.End]) != want {
				t.Fatalf("%s: %v, %q", want, r, text[s.Start:s.End])
			}
			taken++
		}
	}
	if taken != 3<<16 {
		t.Errorf("%d looked at", taken)
	}
}
