package redact_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"logveil/redact"
)

// digits takes a run of sixteen digits, whatever stands around it.
type digits struct{}

func (digits) Spec() redact.Spec {
	return redact.Spec{Name: "card", Kind: "card", Doc: "test", MaxLen: 20, Anchor: redact.Anchor{Shape: `\b\d{16}\b`}}
}

func (digits) Match(_ []byte, at int) (redact.Span, redact.Reason) {
	return redact.Span{Start: at, End: at + 16}, redact.Accepted
}

func TestNumbersStayJSON(t *testing.T) {
	e := engine(t, redact.Options{Detectors: []redact.Detector{digits{}}})
	for in, want := range map[string]string{
		`{"a":4111111111111111}`:                           `{"a":"T"}`,
		`{"a" : 4111111111111111 , "b": 1}`:                `{"a" : "T" , "b": 1}`,
		`{"a":"4111111111111111"}`:                         `{"a":"T"}`,
		`{"a":[1,4111111111111111]}`:                       `{"a":[1,"T"]}`,
		`{"a":[4111111111111111,2]}`:                       `{"a":["T",2]}`,
		`{"a":[[4111111111111111],2]}`:                     `{"a":[["T"],2]}`,
		`[4111111111111111]`:                               `["T"]`,
		"x\n[1, 4111111111111111]":                         "x\n[1, \"T\"]",
		`{"r":"{\"a\":4111111111111111}"}`:                 `{"r":"{\"a\":\"T\"}"}`,
		`{"r":"{\"s\":\"{\\\"a\\\":4111111111111111}\"}"}`: `{"r":"{\"s\":\"{\\\"a\\\":\\\"T\\\"}\"}"}`,
		"{\"a\":\n 4111111111111111\n}":                    "{\"a\":\n \"T\"\n}",
		`{a=4111111111111111, b=2}`:                        `{a=T, b=2}`,
		`card: 4111111111111111, 2`:                        `card: T, 2`,
		`"card": 4111111111111111 declined`:                `"card": T declined`,
		`{"m":"card: 4111111111111111, x"}`:                `{"m":"card: T, x"}`,
		`{"m":"cards 1, 4111111111111111, x"}`:             `{"m":"cards 1, T, x"}`,
		`{"a":4111111111111111`:                            `{"a":"T"`,
		`{"a":-4111111111111111}`:                          `{"a":"T"}`,
		`{"a":4111111111111111.50}`:                        `{"a":"T"}`,
		`{"a":["x", 4111111111111111, {"b":[1]}, 4111111111111111, true, 4111111111111111]}`: `{"a":["x", "T", {"b":[1]}, "T", true, "T"]}`,
		`[{"a":[1]}, 4111111111111111]`:                       `[{"a":[1]}, "T"]`,
		`{"r":"[4111111111111111,2]"}`:                        `{"r":"[\"T\",2]"}`,
		`{"r":"{\"s\":\"[1,4111111111111111]\"}"}`:            `{"r":"{\"s\":\"[1,\\\"T\\\"]\"}"}`,
		`q=%7B%22a%22%3A4111111111111111%7D`:                  `q=%7B%22a%22%3A%22T%22%7D`,
		`q=%7B%22a%22%3A%204111111111111111%2C%22b%22%3A1%7D`: `q=%7B%22a%22%3A%20%22T%22%2C%22b%22%3A1%7D`,
		`q=%5B4111111111111111%5D`:                            `q=%5Bnull%5D`,
		`{"m":"\n","r":"[4111111111111111,2]"}`:               `{"m":"\n","r":"[\"T\",2]"}`,
		`<r>{&quot;a&quot;:4111111111111111}</r>`:             `<r>{&quot;a&quot;:&quot;T&quot;}</r>`,
		`"Ada", 4111111111111111, "x"`:                        `"Ada", T, "x"`,
		`INFO x=[4111111111111111, 5]`:                        `INFO x=[T, 5]`,
		`Payload: ["x", 4111111111111111]`:                    `Payload: ["x", "T"]`,
		`{"a":"x", 4111111111111111, "b"}`:                    `{"a":"x", T, "b"}`,
		// Strings that look like the JSON around them.
		`{"":":4111111111111111,0"}`:                           `{"":":T,0"}`,
		`{"":":4111111111111111,0","x":"\n"}`:                  `{"":":T,0","x":"\n"}`,
		`{"":":\u0034111111111111111,0"}`:                      `{"":":T,0"}`,
		`{"a":"{\"x\":\":4111111111111111,0\"}","b":"\n"}`:     `{"a":"{\"x\":\":T,0\"}","b":"\n"}`,
		`{"a":["[1","x",",",4111111111111111]}`:                `{"a":["[1","x",",","T"]}`,
		`["a\\",4111111111111111]`:                             `["a\\","T"]`,
		`{"k\\":4111111111111111}`:                             `{"k\\":"T"}`,
		`{"k":["x\\\\",4111111111111111]}`:                     `{"k":["x\\\\","T"]}`,
		`{"r":"{\"k\":[\"x\\\\\",4111111111111111]}"}`:         `{"r":"{\"k\":[\"x\\\\\",\"T\"]}"}`,
		`{"m":"\n","r":"{\"k\\\\\":[\"\",4111111111111111]}"}`: `{"m":"\n","r":"{\"k\\\\\":[\"\",\"T\"]}"}`,
		`{"m":"card \"x\": 4111111111111111, y"}`:              `{"m":"card \"x\": T, y"}`,
		`got 5" and {"a":[1,4111111111111111]}`:                `got 5" and {"a":[1,"T"]}`,
		`m="{\"a\":[1,4111111111111111]}" n="[{},\"x"`:         `m="{\"a\":[1,\"T\"]}" n="[{},\"x"`,
		`<a b="[4111111111111111,2]">`:                         `<a b="[null,2]">`,
		`{"":"[4111111111111111%7D"}`:                          `{"":"[T%7D"}`,
		`{"m":"[\\4111111111111111\\,{"}`:                      `{"m":"[\\T\\,{"}`,
		`{"":"[4111111111111111%7D","b":4111111111111111}`:     `{"":"[T%7D","b":"T"}`,
		// Over line breaks.
		"{\"a\"\n:4111111111111111\n}":            "{\"a\"\n:\"T\"\n}",
		"{\"a\":[{}\n,4111111111111111\n]}":       "{\"a\":[{}\n,\"T\"\n]}",
		"[1,\n[2],\n\n\"x\",4111111111111111\n]":  "[1,\n[2],\n\n\"x\",\"T\"\n]",
		"a:\n 5,\n4111111111111111,\n":            "a:\n 5,\nT,\n",
		"  \"x\",\n  4111111111111111,\n  true\n": "  \"x\",\n  \"T\",\n  true\n",
		// However far the array begins before it.
		`{"a":[` + strings.Repeat(`1, `, 5000) + `4111111111111111]}`:        `{"a":[` + strings.Repeat(`1, `, 5000) + `"T"]}`,
		"{\"a\":[\n" + strings.Repeat("1,\n", 5000) + "4111111111111111\n]}": "{\"a\":[\n" + strings.Repeat("1,\n", 5000) + "\"T\"\n]}",
		`{"r":"[` + strings.Repeat(`1, `, 5000) + `4111111111111111]"}`:      `{"r":"[` + strings.Repeat(`1, `, 5000) + `\"T\"]"}`,
	} {
		want = strings.ReplaceAll(want, "T", "tok1_card_x")
		got := redacted(e, in)
		if got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
		if json.Valid([]byte(in)) && !json.Valid([]byte(got)) {
			t.Errorf("%s became %s, which does not parse", in, got)
		}
		if again := redacted(e, got); again != got {
			t.Errorf("again: %s became %s", got, again)
		}
	}
}

// seeded answers every value with a token made from it.
type seeded struct{}

func (seeded) Tokenize(_ context.Context, vs []redact.Value, buf []byte) []byte {
	for i := range vs {
		if vs[i].Raw == nil {
			continue
		}
		n := len(buf)
		sum := sha256.Sum256(vs[i].Raw)
		buf = redact.AppendToken(buf, vs[i].Kind, "t0", sum[:16])
		vs[i].Token = buf[n:len(buf):len(buf)]
	}
	return buf
}

func TestNumbersPolicy(t *testing.T) {
	null := engine(t, redact.Options{Detectors: []redact.Detector{digits{}}, Tokenizer: seeded{}, Numbers: redact.NumbersNull})
	for in, want := range map[string]string{
		`{"a":-4111111111111111, "b":[4111111111111111]}`: `{"a":null, "b":[null]}`,
		`{"r":"{\"a\":4111111111111111}"}`:                `{"r":"{\"a\":null}"}`,
		`q=%7B%22a%22%3A4111111111111111%7D`:              `q=%7B%22a%22%3Anull%7D`,
	} {
		if got := redacted(null, in); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
	e := engine(t, redact.Options{Detectors: []redact.Detector{digits{}, number{}}, Tokenizer: seeded{}, Numbers: redact.NumbersNumber})
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[string]string{}
	for range 2000 {
		n := fmt.Sprintf("4%015d", r.Int64N(1e15))
		in := fmt.Sprintf(`{"a":%s,"n":%d,"t":"%s","x":[-%s.25,true]}`, n, r.Uint32()>>r.IntN(32), n, n)
		got := redacted(e, in)
		if len(got) < len(in) || !json.Valid([]byte(got)) || strings.Contains(got, n) {
			t.Fatalf("%s became %s", in, got)
		}
		if again := redacted(e, got); again != got {
			t.Fatalf("again: %s became %s", got, again)
		}
		var v struct{ A json.Number }
		if err := json.Unmarshal([]byte(got), &v); err != nil || len(v.A) != 16 || !strings.HasPrefix(string(v.A), "9000") {
			t.Fatalf("%s became %s", in, got)
		}
		if was := seen[string(v.A)]; was != "" && was != n {
			t.Logf("%s stands for two values", v.A) // one in 10^8
		}
		seen[string(v.A)] = n
		if again := redacted(e, fmt.Sprintf(`{"b": %s}`, n)); again != fmt.Sprintf(`{"b": %s}`, v.A) {
			t.Fatalf("%s became %s and %s", n, v.A, again)
		}
	}
	if len(seen) < 1990 {
		t.Errorf("2000 values became %d numbers", len(seen))
	}
}

// number takes every number behind "n".
type number struct{}

func (number) Spec() redact.Spec {
	return redact.Spec{Name: "number", Kind: "number", Doc: "test", MaxLen: 40, Anchor: redact.Anchor{Literals: []redact.Literal{{Text: `"n":`}}}}
}

func (number) Match(b []byte, at int) (redact.Span, redact.Reason) {
	s := redact.Span{Start: at + 4, End: at + 4}
	for s.End < len(b) && b[s.End]-'0' <= 9 {
		s.End++
	}
	return s, redact.Accepted
}

// Objects keep all their members, though their keys become masks.
func TestMaskedKeysStayApart(t *testing.T) {
	e := viewEngine(t)
	for in, want := range map[string]string{
		`{"a@x":1,"b@x":2,"a@x":3}`:                 `{"H":1,"H-2":2,"H":3}`,
		"{\"a@x\":1}\n{\"b@x\":2}\n":                "{\"H\":1}\n{\"H\":2}\n",
		"{\n  \"a@x\": 1,\n  \"b@x\": 2\n}\n":       "{\n  \"H\": 1,\n  \"H-2\": 2\n}\n",
		`{"to a@x":"c@x","to b@x" : "c@x"}`:         `{"to H":"H","to H-2" : "H"}`,
		`{"r":"{\"a@x\":1,\"b@x\":2}"}`:             `{"r":"{\"H\":1,\"H-2\":2}"}`,
		`{"\u0061@x":1,"a@x":2,"b\u0040x":[1]}`:     `{"H":1,"H":2,"H-2":[1]}`,
		`q=%7B%22a%40x%22%3A1%2C%22b%40x%22%3A2%7D`: `q=%7B%22H%22%3A1%2C%22H-2%22%3A2%7D`,
	} {
		want = strings.ReplaceAll(want, "H", "tok1_handle_x")
		got := redacted(e, in)
		if got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
		if again := redacted(e, got); again != got {
			t.Errorf("again: %s became %s", got, again)
		}
	}
	tokens := engine(t, redact.Options{Detectors: []redact.Detector{handle{}}, Tokenizer: seeded{}})
	if got := redacted(tokens, `{"a@x":1,"b@x":2}`); strings.Contains(got, "-2") {
		t.Error(got)
	}
}
