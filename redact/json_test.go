package redact_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fastjson"

	"logveil/detectors"
	"logveil/redact"
)

// node is a part of a JSON text in document order: a key, a leaf, or a bracket.
type node struct {
	kind byte // k key, s string, n number, l literal, or the bracket
	text string
}

// flatten returns the nodes of the JSON values of a text, as fastjson reads them.
func flatten(text []byte) ([]node, error) {
	var sc fastjson.Scanner
	sc.InitBytes(text)
	var out []node
	var walk func(v *fastjson.Value)
	walk = func(v *fastjson.Value) {
		switch v.Type() {
		case fastjson.TypeObject:
			out = append(out, node{'{', ""})
			v.GetObject().Visit(func(k []byte, v *fastjson.Value) {
				out = append(out, node{'k', string(k)})
				walk(v)
			})
			out = append(out, node{'}', ""})
		case fastjson.TypeArray:
			out = append(out, node{'[', ""})
			for _, v := range v.GetArray() {
				walk(v)
			}
			out = append(out, node{']', ""})
		case fastjson.TypeString:
			out = append(out, node{'s', string(v.GetStringBytes())})
		case fastjson.TypeNumber:
			out = append(out, node{'n', v.String()})
		default:
			out = append(out, node{'l', v.String()})
		}
	}
	for sc.Next() {
		walk(sc.Value())
	}
	return out, sc.Error()
}

// places returns the spans of the same nodes in the text, as encoding/json reads them.
func places(text []byte) ([]redact.Span, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out []redact.Span
	for {
		before := int(d.InputOffset())
		_, err := d.Token()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		end := int(d.InputOffset())
		start := before + len(text[before:end]) - len(bytes.TrimLeft(text[before:end], " \t\r\n,:"))
		out = append(out, redact.Span{Start: start, End: end})
	}
}

var aToken = regexp.MustCompile(`tok1_[a-z0-9]+_[a-z0-9]+(_[A-Za-z]+)?`)

// aNumber is the number that the mask of a key may have.
var aNumber = regexp.MustCompile(`(tok1_[a-z0-9]+_x[a-z0-9]*)-[0-9]+`)

// inQuotes is the token of a JSON number in quotation marks, as they may be written.
var inQuotes = regexp.MustCompile(`(?:\\*"|%(?:25)*22|&quot;|&#34;)(tok1_[a-z0-9]+_[A-Za-z0-9_]+)(?:\\*"|%(?:25)*22|&quot;|&#34;)`)

// replaced reports whether got is was with parts of it replaced by tokens.
func replaced(was, got string) bool {
	apart := aNumber.ReplaceAllString(got, "$1")
	return replacedBy(was, got) || replacedBy(was, apart) || replacedBy(was, inQuotes.ReplaceAllString(apart, "$1"))
}

func replacedBy(was, got string) bool {
	parts := aToken.Split(got, -1)
	if len(parts) < 2 || !strings.HasPrefix(was, parts[0]) {
		return false
	}
	was = was[len(parts[0]):]
	for i, p := range parts[1:] {
		j := strings.Index(was, p)
		if i == len(parts)-2 {
			j = len(was) - len(p)
			if !strings.HasSuffix(was, p) {
				return false
			}
		}
		if j < 0 {
			return false
		}
		was = was[j+len(p):]
	}
	return true
}

// sameJSON says how the redacted text differs, as JSON, from the text with the leaves and
// keys replaced that findings stand in. It returns how many nodes were compared, and how
// many of them hold a finding. None are compared where a number stands alone, which is text,
// where one string stands right behind another, as those of CSV do, or where a bound on work
// left lines unscanned.
func sameJSON(e *redact.Engine, text []byte) (nodes, found int, err error) {
	was, err := flatten(text)
	if err != nil {
		return 0, 0, nil
	}
	spans, err := places(text)
	if err != nil || len(was) != len(spans) {
		return 0, 0, nil // the readers do not agree: fastjson is more lenient
	}
	depth := 0
	for i, n := range was {
		switch n.kind {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case 'n', 'l':
			if depth == 0 {
				return 0, 0, nil
			}
		case 's':
			if depth == 0 && i > 0 && spans[i-1].End == spans[i].Start {
				return 0, 0, nil
			}
		}
	}
	w := e.NewWorker()
	out := w.Append(context.Background(), nil, text)
	fs := slices.Clone(w.Find(text))
	if slices.ContainsFunc(fs, func(f redact.Finding) bool { return f.Detector == redact.Unscanned }) {
		return 0, 0, nil // the line is masked whole
	}
	got, err := flatten(out)
	if err != nil {
		return 0, 0, fmt.Errorf("does not parse: %w: %.500s", err, out)
	}
	if !json.Valid(bytes.TrimSpace(out)) && json.Valid(bytes.TrimSpace(text)) {
		return 0, 0, fmt.Errorf("encoding/json does not take it: %.500s", out)
	}
	if len(was) != len(got) {
		return 0, 0, fmt.Errorf("%d nodes became %d", len(was), len(got))
	}
	for i := range was {
		a, b := was[i], got[i]
		for len(fs) > 0 && fs[0].End <= spans[i].Start {
			fs = fs[1:]
		}
		hit := len(fs) > 0 && fs[0].Start < spans[i].End && a.kind != '{' && a.kind != '[' && a.kind != '}' && a.kind != ']'
		switch {
		case !hit && a != b:
			return 0, 0, fmt.Errorf("%c %.200q became %c %.200q without a finding", a.kind, a.text, b.kind, b.text)
		case hit && fs[0].Detector == redact.Encoded && b.kind == 's':
			found++
		case hit && (a.kind == 'n' || a.kind == 'l'):
			found++
			if b.kind != 's' || aToken.FindString(b.text) != b.text {
				return 0, 0, fmt.Errorf("%c %.200q became %c %.200q", a.kind, a.text, b.kind, b.text)
			}
		case hit:
			found++
			if b.kind != a.kind {
				return 0, 0, fmt.Errorf("%c %.200q became %c %.200q", a.kind, a.text, b.kind, b.text)
			}
			if err := sameText(a.text, b.text, 0); err != nil {
				return 0, 0, err
			}
		}
	}
	return len(was), found, nil
}

// sameText says how a text is not the other with parts of it replaced by tokens. Where it is
// JSON, that goes for its leaves and keys.
func sameText(was, got string, depth int) error {
	if was == got {
		return nil
	}
	a, err := flatten([]byte(was))
	if s := strings.TrimSpace(was); err != nil || len(s) == 0 || strings.IndexByte(`{["`, s[0]) < 0 || depth > redact.DefaultDepth || !json.Valid([]byte(was)) || aToken.FindString(got) == strings.TrimSpace(got) {
		if !replaced(was, got) {
			return fmt.Errorf("%.300q became %.300q", was, got)
		}
		return nil
	}
	b, err := flatten([]byte(got))
	if len(a) == 1 && replaced(was, got) {
		return nil
	}
	if err != nil || len(a) != len(b) {
		return fmt.Errorf("inside a string, %.300q became %.300q: %w", was, got, err)
	}
	for i := range a {
		switch {
		case a[i] == b[i]:
		case (a[i].kind == 's' || a[i].kind == 'k') && b[i].kind == a[i].kind:
			if err := sameText(a[i].text, b[i].text, depth+1); err != nil {
				return err
			}
		case (a[i].kind == 'n' || a[i].kind == 'l') && b[i].kind == 's' && aToken.FindString(b[i].text) == b[i].text:
		default:
			return fmt.Errorf("inside a string, %c %.200q became %c %.200q", a[i].kind, a[i].text, b[i].kind, b[i].text)
		}
	}
	return nil
}

// Every JSON record of real logs parses after as it did before, but for the findings.
func TestRealJSON(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpora/logs/*")
	labelled, _ := filepath.Glob("../../shared/corpora/labelled/*.jsonl")
	if len(files) == 0 {
		t.Skip("no ../shared/corpora")
	}
	e := engine(t, redact.Options{Detectors: detectors.All()})
	records, nodes, found, bad := 0, 0, 0, 0
	check := func(name string, rec []byte) {
		n, f, err := sameJSON(e, rec)
		if err != nil {
			if bad++; bad < 30 {
				t.Errorf("%s: %v", filepath.Base(name), err)
			}
			return
		}
		if n > 0 {
			records++
			nodes += n
			found += f
		}
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(b) {
			if i := bytes.IndexByte(line, '{'); i >= 0 && i < 200 {
				check(name, line[i:])
			}
		}
	}
	for _, name := range labelled {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(b) {
			check(name, line) // the record of the set is JSON, and often its text is, too
			if s := fastjson.GetString(line, "text"); strings.HasPrefix(strings.TrimSpace(s), "{") || strings.HasPrefix(strings.TrimSpace(s), "[") {
				check(name, []byte(s))
			}
		}
	}
	t.Logf("%d records, %d nodes, %d with findings, %d broken", records, nodes, found, bad)
	if records < 10_000 {
		t.Errorf("only %d records", records)
	}
}

// FuzzJSON compares trees before and after, whatever the JSON.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":4111111111111111,"b":[-4111111111111111.5,"x",null]}`, `{"a":"{\"b\":4111111111111111}"}`,
		`{"password":"a\\","ssn":"123-45-6789"}`, `{"m":"\u0061da@example.com\n","k":["a,b",{"token":"abc123def456ghi"}]}`,
		`{"ada@example.com":1,"b@example.com":{"4111 1111 1111 1111":true}}`, `{"u":"https://u:pa55w0rd@h/?q=%7B%22a%22%3A4111111111111111%7D"}`,
		`[{"b":"eyJtIjoiYWRhQGV4YW1wbGUuY29tIiwibiI6ImFiY2RlZmdoIn0="}]`, `{"secret":12345678901234567890,"pin":1234}`,
	} {
		f.Add([]byte(s))
	}
	e := engine(f, redact.Options{Detectors: detectors.All()})
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, _, err := sameJSON(e, text); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// writer writes random JSON, with values in every place and every spelling.
type writer struct {
	r *rand.Rand
	b []byte
	// signs says that strings also begin and end with what looks like the JSON around them.
	signs bool
}

func (w *writer) space() {
	for w.r.IntN(3) == 0 {
		w.b = append(w.b, " \t\n"[w.r.IntN(3)])
	}
}

var plain = []string{"id", "x", "customer", "a b", "é", "", "status", "items", "message", "created_at", "trace-id"}
var telling = []string{"password", "ssn", "api_key", "email", "phone", "firstName", "dob", "iban", "accountNumber", "Authorization", "token"}
var planted = []string{"4111111111111111", "4111 1111 1111 1111", "ada@example.com", "123-45-6789", "DE89370400440532013000", "hunter2abc",
	"+44 20 7946 0958", "10.20.30.40", `pa"ss\word1`, "Ada Lovelace", "1980-03-12", "Bearer abcdefghij0123456789", "https://u:pa55w0rd@db.example.com/x",
	"card=4111+1111+1111+1111&x=1", "<m>ada@example.com</m>", "a\nada@example.com", `C:\temp\ada@example.com`, "path/to/x", "100%", "x@"}

func (w *writer) string(s string) {
	w.b = append(w.b, '"')
	for _, c := range s {
		switch k := w.r.IntN(40); {
		case k < 4 && strings.ContainsRune("oidm@", c): // not those of numbers and literals
			w.b = fmt.Appendf(w.b, `\u%04x`, c)
		case c == '/' && k < 20:
			w.b = append(w.b, `\/`...)
		case c == '"' || c == '\\':
			w.b = append(w.b, '\\', byte(c))
		case c == '\n':
			w.b = append(w.b, `\n`...)
		case c == '\t':
			w.b = append(w.b, `\t`...)
		default:
			w.b = append(w.b, string(c)...)
		}
	}
	w.b = append(w.b, '"')
}

func (w *writer) text() string {
	if w.r.IntN(2) == 0 {
		return plain[w.r.IntN(len(plain))]
	}
	before, behind := []string{"", "see ", "{", "id="}[w.r.IntN(4)], []string{"", " ok", ".", ","}[w.r.IntN(4)]
	if w.signs && w.r.IntN(2) == 0 {
		before, behind = w.structure(), w.structure()
	}
	return before + planted[w.r.IntN(len(planted))] + behind
}

// structure returns what in a string looks like the JSON around it.
func (w *writer) structure() string {
	const signs = `:,[{"\ }]0`
	var s []byte
	for range w.r.IntN(4) {
		s = append(s, signs[w.r.IntN(len(signs))])
	}
	return string(s)
}

func (w *writer) value(depth int) {
	w.space()
	switch k := w.r.IntN(12); {
	case k < 2 && depth < 5:
		w.b = append(w.b, '{')
		for i := range w.r.IntN(5) {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.space()
			switch w.r.IntN(6) {
			case 0:
				w.string(w.text())
			case 1, 2:
				w.string(telling[w.r.IntN(len(telling))])
			default:
				w.string(plain[w.r.IntN(len(plain))])
			}
			w.space()
			w.b = append(w.b, ':')
			w.value(depth + 1)
		}
		w.b = append(w.b, '}')
	case k < 4 && depth < 5:
		w.b = append(w.b, '[')
		for i := range w.r.IntN(5) {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.value(depth + 1)
		}
		w.b = append(w.b, ']')
	case k == 4 && depth < 5:
		inner := writer{r: w.r, signs: w.signs}
		inner.value(depth + 1)
		w.string(string(inner.b))
	case k < 7:
		w.b = append(w.b, []string{"4111111111111111", "-4111111111111111", "123456789", "0", "4111111111111111.0", "1e9", "true", "null", "false", "12025550123"}[w.r.IntN(10)]...)
	default:
		w.string(w.text())
	}
	w.space()
}

// rounds is how often something is tried: n times, a tenth of that in short tests.
func rounds(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

func TestRandomJSON(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All()})
	r := rand.New(rand.NewPCG(5, 5))
	nodes, found := 0, 0
	for range rounds(20_000) {
		w := writer{r: r, b: []byte(`{"r":`), signs: true}
		w.value(0)
		w.b = append(w.b, '}')
		n, f, err := sameJSON(e, w.b)
		if err != nil {
			t.Fatalf("%s\n%v", w.b, err)
		}
		nodes += n
		found += f
	}
	t.Logf("%d nodes, %d with findings", nodes, found)
	if found < rounds(5_000) {
		t.Errorf("only %d findings", found)
	}
}
