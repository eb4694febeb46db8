package redact_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"logveil/detectors"
	"logveil/redact"
)

// fieldsOf reads a text in which fields stand between « and », what belongs to each from
// a ‹ on, and records begin at ¶.
func fieldsOf(s string) *redact.Fields {
	fs := &redact.Fields{}
	key, start := int32(-1), int32(0)
	for _, r := range s {
		at := int32(len(fs.Text))
		switch r {
		case '¶':
			fs.Records = append(fs.Records, at)
		case '‹':
			key = at
		case '«':
			if start = at; key < 0 {
				key = at
			}
		case '»':
			fs.Fields = append(fs.Fields, redact.Field{Start: start, End: at, Key: key})
			key = -1
		default:
			fs.Text = append(fs.Text, string(r)...)
		}
	}
	return fs
}

// appendFields puts the new texts into their places.
func appendFields(e *redact.Engine, fs *redact.Fields) string {
	dst, changes := e.NewWorker().AppendFields(context.Background(), []byte("before"), fs, nil)
	var out []byte
	from := int32(0)
	for _, c := range changes {
		f := fs.Fields[c.Field]
		out = append(append(out, fs.Text[from:f.Start]...), dst[c.Start:c.End]...)
		from = f.End
	}
	return string(append(out, fs.Text[from:]...))
}

func TestFields(t *testing.T) {
	e := engine(t, redact.Options{Detectors: []redact.Detector{
		word{name: "two", lit: "two", match: after(3, 2)},
		word{name: "far", lit: "far", match: after(3, 12)},
		word{name: "back", lit: "back", match: after(-2, 2)},
		word{name: "key", lit: "key=", match: func(b []byte, at int) (redact.Span, redact.Reason) {
			end := at + 5 // behind the quotation mark
			for end < len(b) && b[end] != '"' {
				end++
			}
			return redact.Span{Start: at + 5, End: end}, redact.Accepted
		}},
		word{name: "boom", lit: "boom", match: func([]byte, int) (redact.Span, redact.Reason) { panic("boom") }},
	}})
	for in, want := range map[string]string{
		"two11 «two11» two11":              "two11 twotok1_two_x two11", // only in the field
		"«two11»«two22»":                   "twotok1_two_xtwotok1_two_x",
		"«two»11 «two»22":                  "two11 two22",                           // begins behind the field
		"«far123456789»ab«c two11»":        "far123456789abc twotok1_two_x",         // over an edge: each alone
		"«a far1»2345«two11» «two11»":      "a far12345twotok1_two_x twotok1_two_x", // the key of far does not reach
		"«abc»back":                        "atok1_back_xback",                      // known by what stands behind
		`‹key="«a b»" «key="c d"»`:         `key="tok1_key_x" key="tok1_key_x"`,
		`‹key="«a" b»" x`:                  `key="tok1_key_x" x`,   // a quotation mark inside
		"‹key=\"«a\" two11\"\n c»\" x":     "key=\"tok1_key_x\" x", // with all that is in it
		`«key=»"«abc» x"`:                  `key="tok1_key_x x"`,   // a key that is a field itself
		"¶«key=\"»\n¶«abc»\"\n":            "key=\"\nabc\"\n",      // of another record
		"¶‹key=\"«a\nb» \"\n¶«two11»":      "key=\"tok1_key_x \"\ntwotok1_two_x",
		"«boom two11» «two11» ‹key=\"«ab»": `tok1_failed_x twotok1_two_x key="tok1_key_x`,
		"«boom\ntwo11»":                    "tok1_failed_x\ntwotok1_two_x",
	} {
		if got := appendFields(e, fieldsOf(in)); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
}

// TestFieldsWhole gives a field that only stands for a value.
func TestFieldsWhole(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All(), Tokenizer: spell{}})
	fs := fieldsOf(`{‹"password":"«xa quoted onex»","mail":"«ada@example.com»"}`)
	fs.Whole = [][]byte{[]byte(`"a quoted one"`)}
	fs.Fields[0].Whole = 1
	alone := redacted(e, `password='"a quoted one"'`)
	token := strings.TrimSuffix(strings.TrimPrefix(alone, "password='"), "'")
	got := appendFields(e, fs)
	if !strings.Contains(got, `"password":"`+token+`"`) {
		t.Errorf("%s, want the token %s", got, token)
	}
	// What is not known by its key is not looked for in it.
	fs = fieldsOf(`{‹"log":"«ada@example.com»"}`)
	fs.Whole = [][]byte{[]byte(`"ada@example.com"`)}
	fs.Fields[0].Whole = 1
	if got := appendFields(e, fs); got != string(fs.Text) {
		t.Errorf("%s", got)
	}
}

// Each text is JSON, or none, by itself: it is laid out without escapes.
func TestFieldsJSON(t *testing.T) {
	e := engine(t, redact.Options{Detectors: []redact.Detector{digits{}}})
	for in, want := range map[string]string{
		`{"log":"«[4111111111111111,5]»"}`:               `{"log":"["T",5]"}`,
		`{"log":"«{"a":4111111111111111,"b":"\"}»"}`:     `{"log":"{"a":"T","b":"\"}"}`,
		`{"log":"«a "quoted" x, 4111111111111111]»"}`:    `{"log":"a "quoted" x, T]"}`,
		`{"a":"«"»","log":"«":4111111111111111,0»"}`:     `{"a":""","log":"":T,0"}`,
		`{"n":«4111111111111111»,5:«-4111111111111111»}`: `{"n":"T",5:"T"}`,
	} {
		want = strings.ReplaceAll(want, "T", "tok1_card_x")
		if got := appendFields(e, fieldsOf(in)); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

// TestFieldsAlone compares many fields in one text with each of them by itself.
func TestFieldsAlone(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All()})
	parts := []string{
		"pay 4111111111111111 now", "ada@example.com", "nothing", "", "from 10.0.0.1 to 8.8.8.8",
		`password="hunter2x`, "password='hunter2x", "it's", "a\nb", `{"token":"Zx7kQ9vB2mN4"}`, "078-05-1120", "ssn", "token=", "user:pass@", "%61da%40example.com",
	}
	keys := []string{"log", "password", "ssn", "msg", "apiKey"}
	g := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		fs := &redact.Fields{}
		var want strings.Builder
		for range g.IntN(30) {
			key, part := keys[g.IntN(len(keys))], parts[g.IntN(len(parts))]
			at := int32(len(fs.Text))
			fs.Records = append(fs.Records, at)
			fs.Text = append(fs.Text, `"`+key+`":"`+part...)
			f := redact.Field{Start: at + int32(len(key)) + 4, End: int32(len(fs.Text)), Key: at}
			fs.Fields = append(fs.Fields, f)
			fs.Text = append(fs.Text, "\"\n"...)
			one := &redact.Fields{Text: slices.Clone(fs.Text[at:]), Fields: []redact.Field{{Start: f.Start - at, End: f.End - at}}}
			want.WriteString(appendFields(e, one))
		}
		if got := appendFields(e, fs); got != want.String() {
			t.Fatalf("%s\n got %s\nwant %s", fs.Text, got, &want)
		}
	}
}
