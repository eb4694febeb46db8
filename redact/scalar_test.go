package redact_test

import (
	"encoding/json"
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
