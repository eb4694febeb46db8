package redact_test

import (
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
