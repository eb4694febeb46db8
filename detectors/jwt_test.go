package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestJWT(t *testing.T) {
	detectortest.Run(t, jwt{}, conformance("jwt"))
}

func TestJWTFloods(t *testing.T) { testFloods(t, jwt{}, jwtFloods) }

var jwtFloods = []string{"eyJ", "eyJa.", "eyJh", "eyJhIjoi", "eyJhIjp7", "ZXlK", "ewog", "eyJhbGciOiJub25lIn0 ", "eyJhIjpb", "eyAi", "ZXlKaElqcDc"}

func BenchmarkJWT(b *testing.B) {
	b.Run("other", func(b *testing.B) {
		benchmarkMatch(b, jwt{}, "data=eyJwYWdlIjoxfQ== and so on", 5, redact.RejectValue)
	})
	b.Run("accept", func(b *testing.B) {
		benchmarkMatch(b, jwt{}, "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnopqrstuvwx end", 4, redact.Accepted)
	})
	benchmarkFloods(b, jwt{}, jwtFloods)
}
