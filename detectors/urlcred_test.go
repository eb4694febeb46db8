package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestURLCred(t *testing.T) {
	detectortest.Run(t, urlcred{}, conformance("urlcred"))
}

func TestURLCredFloods(t *testing.T) { testFloods(t, urlcred{}, urlcredFloods) }

var urlcredFloods = []string{"://", "://a:", "://a:b/", "://a:b@", "://@", "://a@", "://a:b/@ ", "://a:b/@", "://a:1/", " ://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:b/c/d"}

func BenchmarkURLCred(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		benchmarkMatch(b, urlcred{}, "GET http://www.example.com/index.html HTTP", 8, redact.RejectContext)
	})
	b.Run("port", func(b *testing.B) {
		benchmarkMatch(b, urlcred{}, "GET http://localhost:8080/index.html HTTP", 8, redact.RejectContext)
	})
	b.Run("accept", func(b *testing.B) {
		benchmarkMatch(b, urlcred{}, "https://svc:s3cr3tPa55@db.example.com/x", 5, redact.Accepted)
	})
	benchmarkFloods(b, urlcred{}, urlcredFloods)
}
