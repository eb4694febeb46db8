package detectors

import (
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
