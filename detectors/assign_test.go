package detectors

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

// anyAssign is the three of them in one.
type anyAssign struct{}

func (anyAssign) Spec() redact.Spec {
	s := assign{passwords}.Spec()
	for _, f := range []family{secrets, tokens} {
		s.Anchor.Literals = append(s.Anchor.Literals, assign{f}.Spec().Anchor.Literals...)
	}
	s.Name, s.Kind = "assign", "secret"
	return s
}

func (anyAssign) Match(b []byte, at int) (redact.Span, redact.Reason) {
	n, _ := nounAt(b, at)
	if n == noNoun {
		return redact.Span{}, redact.RejectAnchor
	}
	return assign{nounFamily[n]}.Match(b, at)
}

func (anyAssign) Next(b []byte, at, from int) (redact.Span, redact.Reason) {
	n, _ := nounAt(b, at)
	return assign{nounFamily[n]}.Next(b, at, from)
}

func TestAssign(t *testing.T) {
	for _, f := range []family{passwords, secrets, tokens} {
		d := assign{f}
		t.Run(d.Spec().Name, func(t *testing.T) {
			detectortest.Run(t, d, conformance(d.Spec().Name))
		})
	}
}

func FuzzAssign(f *testing.F) {
	check := detectortest.Contract(f, anyAssign{})
	f.Add([]byte(`{"passwords": [{"x":1}, "zzzTopSecret9a": "zzzTopSecret9"}`)) // a list asks for more, and skips nothing
	for _, fam := range []family{passwords, secrets, tokens} {
		cases, err := detectortest.Load(conformance(assign{fam}.Spec().Name))
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range cases {
			f.Add(c.Text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) < 200 {
			check(t, text)
		}
	})
}

// TestNounsAreLiterals holds nounAt against the literals: each is a noun of its family,
// in either case, and what is no literal is no noun.
func TestNounsAreLiterals(t *testing.T) {
	var all []string
	for _, f := range []family{passwords, secrets, tokens} {
		for _, l := range (assign{f}).Spec().Anchor.Literals {
			all = append(all, l.Text)
			for _, text := range []string{l.Text, strings.ToUpper(l.Text), l.Text + "x"} {
				n, size := nounAt([]byte(text), 0)
				if n == noNoun || nounFamily[n] != f || size > len(text) || size > maxNoun {
					t.Errorf("%q: noun %v of %d bytes, want one of family %v", text, n, size, f)
				}
			}
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		text := []byte(all[rnd.IntN(len(all))] + "x=")
		text[rnd.IntN(len(text))] = "asxkt=: \"_pw0"[rnd.IntN(13)]
		isLiteral := false
		for _, l := range all {
			isLiteral = isLiteral || foldPrefix(text, l)
		}
		if n, _ := nounAt(text, 0); (n != noNoun) != isLiteral {
			t.Fatalf("%q: noun %v, but literal %v", text, n, isLiteral)
		}
	}
}

// TestAssignKeepsJSON redacts JSON that holds JSON that holds JSON, and expects all of it
// to parse as before, with the secret gone and all else in its place.
func TestAssignKeepsJSON(t *testing.T) {
	e, err := redact.New(redact.Options{Detectors: []redact.Detector{assign{passwords}, assign{secrets}, assign{tokens}}})
	if err != nil {
		t.Fatal(err)
	}
	w := e.NewWorker()
	rnd := rand.New(rand.NewPCG(3, 4))
	chars := []rune(`aZ9"\'/,;&}]{[ =:<>$#%é€` + "\n\t\x01")
	for range 3000 {
		secret := make([]rune, 4+rnd.IntN(12))
		for i := range secret {
			secret[i] = chars[rnd.IntN(len(chars))]
		}
		value := "Q7x" + string(secret) + "z1"
		text := mustJSON(t, map[string]any{"a": "b", "password": value, "z": []any{1, "c"}})
		depth := rnd.IntN(4)
		for range depth {
			text = mustJSON(t, map[string]any{"level": "INFO", "message": text, "n": 1})
		}
		got := w.Append(context.Background(), nil, []byte(text))
		inner := got
		for range depth {
			var o struct {
				Level, Message string
				N              int
			}
			if err := json.Unmarshal(inner, &o); err != nil || o.Level != "INFO" || o.N != 1 {
				t.Fatalf("%s became %s: %v", text, got, err)
			}
			inner = []byte(o.Message)
		}
		var o struct {
			A, Password string
			Z           []any
		}
		if err := json.Unmarshal(inner, &o); err != nil || o.A != "b" || len(o.Z) != 2 || !strings.HasPrefix(o.Password, "tok1_password_x") || strings.Contains(o.Password, "z1") {
			t.Fatalf("depth %d: %s became %s: %v", depth, text, got, err)
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// BenchmarkAssign times what logs hold most: nouns that no value follows, and a value.
func BenchmarkAssign(b *testing.B) {
	for _, text := range []string{
		"Failed password for root from 192.0.2.7 port 22 ssh2",
		`com.example.auth.TokenService started`,
		`org.example.KeyStore key=7 loaded`,
		"login password=hunter2abc ok",
	} {
		b.Run(strings.ReplaceAll(text, " ", "_"), func(b *testing.B) {
			t := []byte(text)
			at := 0
			for n, _ := nounAt(t, at); n == noNoun; n, _ = nounAt(t, at) {
				at++
			}
			b.ReportAllocs()
			for b.Loop() {
				anyAssign{}.Match(t, at)
			}
		})
	}
}
