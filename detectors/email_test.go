package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestEmail(t *testing.T) {
	detectortest.Run(t, email{}, conformance("email"))
}

func TestEmailFloods(t *testing.T) { testFloods(t, email{}, emailFloods) }

var emailFloods = []string{"@", "a@", "a@b.", "a@b.1 ", "@b.c", "a@b.c@", "a@1.2.3 ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@", "://a@b.cc", "\xc3\xa9@", "a@b.b.b.b.b.b.b.b.b.b.b.b."}

func BenchmarkEmail(b *testing.B) {
	b.Run("object", func(b *testing.B) {
		benchmarkMatch(b, email{}, "org.acme.FetchRequest@26408511 (kafka", 21, redact.RejectAnchor)
	})
	b.Run("host", func(b *testing.B) {
		benchmarkMatch(b, email{}, "12:01:01 local@tbird-admin1 /apps", 14, redact.RejectAnchor)
	})
	b.Run("accept", func(b *testing.B) {
		benchmarkMatch(b, email{}, "user=john.smith@example.com logged in", 15, redact.Accepted)
	})
	benchmarkFloods(b, email{}, emailFloods)
}
