package detectors

import (
	"net"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestMAC(t *testing.T) {
	detectortest.Run(t, mac{}, conformance("mac"))
}

func TestMACFloods(t *testing.T) { testFloods(t, mac{}, macFloods) }

var macFloods = []string{"12:34:56:78:", "aa:bb:cc:dd:ee:ff:", "aaaa.bbbb.cccc.", "00-11-22-33-", "00:11:22:33:44:55 x"}

func BenchmarkMAC(b *testing.B) {
	b.Run("date", func(b *testing.B) {
		benchmarkMatch(b, mac{}, "at 16-12-20-15.42.50 on the clock", 3, redact.RejectAnchor)
	})
	b.Run("accept", func(b *testing.B) {
		benchmarkMatch(b, mac{}, "from 00:11:43:e3:ba:c3 via eth1", 5, redact.Accepted)
	})
	benchmarkFloods(b, mac{}, macFloods)
}

func FuzzMAC(f *testing.F) {
	fuzzContract(f, mac{}, func(v []byte) bool {
		a, err := net.ParseMAC(string(v))
		return err == nil && len(a) == 6
	})
}
