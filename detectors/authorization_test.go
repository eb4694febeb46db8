package detectors

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
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

func FuzzBearer(f *testing.F) {
	fuzzContract(f, bearer{}, func(v []byte) bool { return !bytes.ContainsAny(v, "\n") })
}

func FuzzBasic(f *testing.F) {
	fuzzContract(f, basic{}, func(v []byte) bool { return !bytes.ContainsAny(v, " \t\n\"<>") })
}

// TestBasicPairs wants the base64 of any user and password to be found, and of anything
// without a colon to be left.
func TestBasicPairs(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 1 << 14 {
		w := make([]rune, 3+rnd.IntN(300))
		for i := range w {
			w[i] = rune(' ' + rnd.IntN(0x5f))
			if rnd.IntN(10) == 0 {
				w[i] = rune(0xc0 + rnd.IntN(0x2000))
			}
			if w[i] == ':' {
				w[i] = ';'
			}
		}
		enc := []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding}[rnd.IntN(4)]
		if text := []byte("Basic " + enc.EncodeToString([]byte(string(w))) + " x"); true {
			if s, r := (basic{}).Match(text, 0); r.OK() {
				t.Fatalf("%q: %v %v", text, s, r)
			}
		}
		w[rnd.IntN(min(len(w), 40))] = ':'
		want := enc.EncodeToString([]byte(string(w)))
		text := []byte("Basic " + want + " x")
		if s, r := (basic{}).Match(text, 0); r != redact.Accepted || string(text[s.Start:s.End]) != want {
			t.Fatalf("%q: %v %v", text, s, r)
		}
	}
}
