package detectors

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/detectors/internal/keys"
	"logveil/redact"
)

func TestTelling(t *testing.T) {
	for _, d := range tellings(keys.Default()) {
		t.Run(d.Spec().Name, func(t *testing.T) {
			detectortest.Run(t, d, conformance(d.Spec().Name))
		})
	}
}

func FuzzTelling(f *testing.F) {
	ds := tellings(keys.Default())
	checks := make([]func(testing.TB, []byte), len(ds))
	for i, d := range ds {
		checks[i] = detectortest.Contract(f, d)
		cases, err := detectortest.Load(conformance(d.Spec().Name))
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range cases {
			f.Add(uint8(i), c.Text)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, text []byte) {
		if len(text) < 200 {
			checks[int(kind)%len(checks)](t, text)
		}
	})
}

// TestTellingKeepsJSON redacts JSON that holds JSON that holds JSON, and expects all of it to
// parse as before, every telling value gone, lists as long as they were, and all else in its
// place.
func TestTellingKeepsJSON(t *testing.T) {
	e, err := redact.New(redact.Options{Detectors: tellings(keys.Default())})
	if err != nil {
		t.Fatal(err)
	}
	w := e.NewWorker()
	rnd := rand.New(rand.NewPCG(5, 6))
	letters := []rune("abcdexyzéßñ")
	name := func() string {
		s := []rune{rune('A' + rnd.IntN(26))}
		for range 2 + rnd.IntN(8) {
			s = append(s, letters[rnd.IntN(len(letters))])
		}
		if rnd.IntN(4) == 0 {
			s = append(s, []rune(" O'Neil-Byron")...)
		}
		return string(s)
	}
	type record struct {
		First  string   `json:"firstName"`
		Count  int      `json:"nameCount"`
		Others []string `json:"lastNames"`
		City   string   `json:"ipAddress"`
		Cards  []any    `json:"cardNumbers"`
		Street string   `json:"street"`
		Z      []any    `json:"z"`
	}
	for range 2000 {
		in := record{First: name(), Count: 3, Others: []string{name(), name(), name()}, City: "x", Cards: []any{4111111111111112, "4000 0000 0000 0003"}, Street: "5 " + name() + " Street", Z: []any{"z", 1.5, nil}}
		text := mustJSON(t, in)
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
		var out record
		if err := json.Unmarshal(inner, &out); err != nil {
			t.Fatalf("%s became %s: %v", text, got, err)
		}
		masked := func(v any, kind string) bool {
			s, _ := v.(string)
			return strings.HasPrefix(s, "tok1_"+kind+"_")
		}
		ok := masked(out.First, "name") && len(out.Others) == 3 && len(out.Cards) == 2 && masked(out.Street, "address") &&
			out.Count == 3 && out.City == "x" && len(out.Z) == 3 && out.Z[0] == "z" && out.Z[1] == 1.5 && out.Z[2] == nil
		for _, o := range out.Others {
			ok = ok && masked(o, "name")
		}
		for _, c := range out.Cards {
			ok = ok && masked(c, "card")
		}
		if !ok {
			t.Fatalf("depth %d: %s became %s", depth, text, got)
		}
	}
}

// BenchmarkTelling times what logs hold most, keys that no value follows, and values.
func BenchmarkTelling(b *testing.B) {
	var name, phone redact.Detector
	for _, d := range tellings(keys.Default()) {
		switch d.Spec().Name {
		case "key-name":
			name = d
		case "key-phone":
			phone = d
		}
	}
	for _, c := range []struct {
		d          redact.Detector
		text, from string
	}{
		{phone, "I PhoneInterfaceManager: phone state", "Phone"},
		{phone, "com.android.phone: started", "phone"},
		{phone, "phone_number=2125550100 x", "phone_n"},
		{name, `{"firstName":"Ada","x":1}`, "firstN"},
		{name, `{"name":"orders-api","x":1}`, `"name`},
	} {
		b.Run(strings.ReplaceAll(c.text, " ", "_"), func(b *testing.B) {
			text, at := []byte(c.text), strings.Index(c.text, c.from)
			b.ReportAllocs()
			for b.Loop() {
				c.d.Match(text, at)
			}
		})
	}
}

// TestShapeOf compares counts in lanes with counts one by one, where lanes are full, too.
func TestShapeOf(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const sample = "07AZaz -./,=\x00\xff"
	for n := range 3 * maxLane {
		v := make([]byte, n)
		one := sample[r.IntN(len(sample))]
		for i := range v {
			if v[i] = one; n%2 == 0 {
				v[i] = byte(r.IntN(256))
			}
		}
		var want shape
		for _, c := range v {
			switch {
			case '0' <= c && c <= '9':
				want.digits++
			case 'A' <= c && c <= 'Z':
				want.uppers++
				want.letters++
			case 'a' <= c && c <= 'z':
				want.lowers++
				want.letters++
			case c == ' ':
				want.blanks++
			case c == '-':
				want.dashes++
			case c == '.':
				want.dots++
			case c == '/':
				want.slashes++
			default:
				want.others++
			}
		}
		if got := shapeOf(v); got != want {
			t.Fatalf("%q: %+v, want %+v", v, got, want)
		}
	}
}
