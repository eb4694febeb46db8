package detectors

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
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

func FuzzJWT(f *testing.F) {
	fuzzContract(f, jwt{}, func(v []byte) bool {
		header, rest, ok := strings.Cut(string(v), ".")
		if strings.HasPrefix(header, "ZXlK") {
			return true // judged by the decoded form alone
		}
		h, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(header))
		if _, corrupt := errors.AsType[base64.CorruptInputError](err); corrupt {
			return strings.Contains(header, "=") || len(header)%4 == 1
		}
		return ok && rest != "" && strings.HasPrefix(strings.TrimSpace(string(h)), "{")
	})
}

// TestJWTHeaders wants every header that encoding/json writes to be read.
func TestJWTHeaders(t *testing.T) {
	for _, h := range []map[string]any{
		{"alg": "none"},
		{"alg": "HS256", "typ": "JWT"},
		{"typ": "JWT", "zip": "DEF", "alg": "RS256", "kid": "2024-01-01"},
		{"Zkey": []any{}, "alg": 1},
		{"a": map[string]any{}, "alg": "x"},
		{"a": []any{1, -2.5e10, true, nil, "x\"]}\\", []any{}, map[string]any{"alg": 1}}, "alg": "x"},
		{"x5c": []string{strings.Repeat("MIIB", 300)}, "alg": "RS256"},
		{"a\u00e9<>": "b", "alg": "ES256"},
	} {
		j, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		for _, enc := range []*base64.Encoding{base64.RawURLEncoding, base64.StdEncoding} {
			token := enc.EncodeToString(j) + ".e30.c2ln"
			if s, r := (jwt{}).Match([]byte(token+" "), 0); r != redact.Accepted || s.End != len(token) {
				t.Errorf("%s: %v, %v of %d", j, r, s, len(token))
			}
		}
		delete(h, "alg")
		if j, err = json.Marshal(h); err != nil {
			t.Fatal(err)
		}
		token := base64.RawURLEncoding.EncodeToString(j) + ".e30.c2ln"
		if s, r := (jwt{}).Match([]byte(token+" "), 0); r.OK() {
			t.Errorf("%s: %v, %v", j, r, s)
		}
	}
}

func TestJWTLong(t *testing.T) {
	token := "eyJhbGciOiJIUzI1NiJ9." + strings.Repeat("abcd", 5000) + ".sig"
	if s, r := (jwt{}).Match([]byte(token+" x"), 0); r != redact.AcceptedOpen || s.End != jwtMaxLen {
		t.Errorf("%v, %v", s, r)
	}
}
