package detectors

import (
	"bytes"
	"math/rand/v2"
	"net/url"
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

func FuzzURLCred(f *testing.F) {
	fuzzContract(f, urlcred{}, func(v []byte) bool { return !bytes.ContainsAny(v, " \t\n\"") })
}

// TestURLCredParse wants what net/url takes for a password to be found, and nothing of it
// to be left when it is written as it is.
func TestURLCredParse(t *testing.T) {
	const chars = "abcXYZ019-._~!$&'()*+,;=:%"
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 1 << 15 {
		odd := chars + []string{"@", "/?#"}[i%2]
		p := []byte("pw")
		for range 1 + rnd.IntN(12) {
			p = append(p, odd[rnd.IntN(len(odd))])
		}
		if bytes.Contains(p, []byte("://")) {
			continue // begins another URL
		}
		encoded := url.PathEscape(string(p))
		for _, want := range []string{encoded, string(p)} {
			u := "https://svc:" + want + "@db.example.com/x"
			if parsed, err := url.Parse(u); want == encoded {
				if q, _ := parsed.User.Password(); err != nil || q != string(p) {
					t.Fatalf("%s: net/url reads %q, %v", u, q, err)
				}
			}
			s, r := (urlcred{}).Match([]byte(u), 5)
			if !r.OK() || s.Start != len("https://svc:") || u[s.End:] != "@db.example.com/x" {
				t.Fatalf("%s: %v, %v", u, r, s)
			}
		}
	}
}
