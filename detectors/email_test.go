package detectors

import (
	"bytes"
	"math/rand/v2"
	"net/mail"
	"strings"
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

func FuzzEmail(f *testing.F) {
	fuzzContract(f, email{}, func(v []byte) bool {
		local, domain, ok := strings.Cut(string(v), "@")
		return ok && local != "" && strings.Contains(domain, ".") && !strings.ContainsAny(string(v), " \t\n\"<>:;,/")
	})
}

// TestEmailAddrSpec wants what net/mail reads, within the characters that are taken, to
// be found whole.
func TestEmailAddrSpec(t *testing.T) {
	const local, label = "abcXYZ019._%+-'#$~", "abcXYZ019-"
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func(chars string, n int) string {
		w := make([]byte, n)
		for i := range w {
			w[i] = chars[rnd.IntN(len(chars))]
		}
		return string(w)
	}
	found := 0
	for range 1 << 16 {
		want := "a" + word(local, rnd.IntN(12)) + "@" + "b" + word(label, rnd.IntN(6)) + "c." + word(label, rnd.IntN(3)) + "d.example"
		if _, err := mail.ParseAddress(want); err != nil {
			continue
		}
		found++
		text := []byte("x <" + want + "> x")
		s, r := (email{}).Match(text, bytes.IndexByte(text, '@'))
		if r != redact.Accepted || string(text[s.Start:s.End]) != want {
			t.Fatalf("%s: %v, %q", want, r, text[s.Start:s.End])
		}
	}
	if found < 1<<14 {
		t.Errorf("only %d addresses", found)
	}
}
