package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestBearer(t *testing.T) {
	detectortest.Run(t, bearer{}, conformance("bearer"))
}

func TestBasic(t *testing.T) {
	detectortest.Run(t, basic{}, conformance("basic"))
}

func TestAuthorizationFloods(t *testing.T) {
	testFloods(t, bearer{}, bearerFloods)
	testFloods(t, basic{}, basicFloods)
}

var (
	bearerFloods = []string{"bearer", "bearer ", "bearer:", "bearer=", "authorization", "authorization:", "authorization: ", "authorization=", "authorization: token ", "authorization: digest a=", "authorization: digest a=b,", "authorization: digest a=\"", "bearer a.", "authorization:x", "bearer realm="}
	basicFloods  = []string{"basic", "basic ", "basic:", "basic+", "basic=", "basic a", "basic AAAA", "basic YTpi", "basic/", "basic \xc3"}
)

func BenchmarkBearer(b *testing.B) {
	b.Run("prose", func(b *testing.B) {
		benchmarkMatch(b, bearer{}, "the bearer of news", 4, redact.RejectValue)
	})
	b.Run("field", func(b *testing.B) {
		benchmarkMatch(b, bearer{}, "authorization failed for x", 0, redact.RejectOperator)
	})
	b.Run("accept", func(b *testing.B) {
		benchmarkMatch(b, bearer{}, "Authorization: Bearer 38bb7b318cc6898c80317decb3452584", 15, redact.Accepted)
	})
	benchmarkFloods(b, bearer{}, bearerFloods)
}

func BenchmarkBasic(b *testing.B) {
	b.Run("prose", func(b *testing.B) {
		benchmarkMatch(b, basic{}, "with basic functionality", 5, redact.RejectValue)
	})
	benchmarkFloods(b, basic{}, basicFloods)
}
