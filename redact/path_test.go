package redact_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestPath(t *testing.T) {
	e := viewEngine(t)
	w := e.NewWorker()
	for in, want := range map[string]string{
		`{"payload":{"customer":{"mail":"a@b"}}}`:                     "payload.customer.mail",
		`{"x":[1,{"y":"a@b"},["c@d"]]}`:                               "x[1].y x[2][0]",
		`INFO [main] got {"x":1,"y":"a@b"}`:                           "y",
		`INFO [main] {"x":1} then {"y":"a@b"}`:                        "y",
		`{"raw":"{\"k\":{\"m\":\"a@b\"}}"}`:                           "raw.k.m",
		`{"raw":"{\"r\":\"[1,{\\\"m\\\":\\\"a@b\\\"}]\"}","z":"c@d"}`: "raw.r[1].m z",
		"{\n  \"a\": {\n    \"b\": \"a@b\"\n  }\n}":                   "a.b",
		"x a@b\n{\"a\":\"a@b\"}":                                      " a",
		`{"a b":"a@b","":"a@b"}`:                                      `["a b"] [""]`,
		`{"users":{"a@b":{"mail":"c@d"}}}`:                            "users.<handle> users.<handle>.mail",
		`{"raw":"{\"c\\u0040d\":{\"mail\":\"a@b\"}}"}`:                "raw.<handle> raw.<handle>.mail",
		`mail a@b`:                  "",
		`{"a":{"b":"a@b`:            "a.b",
		`{"a":"see {\"b\":1} a@b"}`: "a",
		`{"a":` + strings.Repeat(`[`, 2000) + `"a@b"`:                            "",
		`{"a":"\u0061@b","n":{"c":[{"card":"x"},{"card":4111},"a@b"]},"d":null}`: "a n.c[2]",
	} {
		var got []string
		for _, f := range w.Find([]byte(in)) {
			got = append(got, string(w.AppendPath(nil, f)))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %q, want %q", in, s, want)
		}
	}
}

// Asked for in order, one reading gives all paths; backwards, each is read from its event's
// start.
func TestPathsInOrder(t *testing.T) {
	e := viewEngine(t)
	w := e.NewWorker()
	r := rand.New(rand.NewPCG(5, 6))
	var value func(depth int) any
	value = func(depth int) any {
		switch n := r.IntN(8); {
		case n < 2 || depth > 4:
			return "to a@b, or c@d"
		case n < 3:
			return r.IntN(1000)
		case n < 5:
			s := make([]any, r.IntN(4))
			for i := range s {
				s[i] = value(depth + 1)
			}
			return s
		case n < 6:
			s, err := json.Marshal(value(depth + 1))
			if err != nil {
				t.Fatal(err)
			}
			return string(s)
		}
		m := map[string]any{}
		for range r.IntN(4) {
			m[[]string{"k", "a b", "a@b", "x_1", ""}[r.IntN(5)]] = value(depth + 1)
		}
		return m
	}
	paths := map[string]bool{}
	for range 2000 {
		var text []byte
		for range 1 + r.IntN(4) {
			var line []byte
			var err error
			if r.IntN(3) == 0 {
				line, err = json.MarshalIndent(value(0), "", "  ")
			} else {
				line, err = json.Marshal(value(0))
			}
			if err != nil {
				t.Fatal(err)
			}
			text = append(append(append(text, []string{"", "INFO [main] ", "{ a@b "}[r.IntN(3)]...), line...), '\n')
		}
		fs := slices.Clone(w.Find(text))
		want := make([]string, len(fs))
		for i := len(fs) - 1; i >= 0; i-- {
			want[i] = string(w.AppendPath(nil, fs[i]))
		}
		w.Find(text)
		for i, f := range fs {
			got := string(w.AppendPath(nil, f))
			if got != want[i] {
				t.Fatalf("%s\nat %d: %q, want %q", text, f.Start, got, want[i])
			}
			paths[got] = true
		}
	}
	if len(paths) < 100 {
		t.Errorf("only %d different paths", len(paths))
	}
	// However far into an event.
	var b strings.Builder
	b.WriteString(`{"m":[`)
	for range 20_000 {
		b.WriteString(`{"k":"a@b"},`)
	}
	text := b.String() + `0]}`
	last := ""
	for _, f := range w.Find([]byte(text)) {
		last = string(w.AppendPath(nil, f))
	}
	if last != "m[19999].k" {
		t.Errorf("the last of 20,000 is %q", last)
	}
}
