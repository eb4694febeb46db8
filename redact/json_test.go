package redact_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
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

// replaced reports whether got is was with parts of it replaced by tokens.
func replaced(was, got string) bool {
	return replacedBy(was, got) || replacedBy(was, aNumber.ReplaceAllString(got, "$1"))
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
// many of them hold a finding.
func sameJSON(e *redact.Engine, text []byte) (nodes, found int, err error) {
	was, err := flatten(text)
	if err != nil {
		return 0, 0, nil
	}
	spans, err := places(text)
	if err != nil {
		return 0, 0, nil // fastjson is more lenient
	}
	w := e.NewWorker()
	out := w.Append(context.Background(), nil, text)
	got, err := flatten(out)
	if err != nil {
		return 0, 0, fmt.Errorf("does not parse: %w: %.500s", err, out)
	}
	if !json.Valid(bytes.TrimSpace(out)) && json.Valid(bytes.TrimSpace(text)) {
		return 0, 0, fmt.Errorf("encoding/json does not take it: %.500s", out)
	}
	if len(was) != len(got) || len(was) != len(spans) {
		return 0, 0, fmt.Errorf("%d nodes became %d, at %d places", len(was), len(got), len(spans))
	}
	fs := w.Find(text)
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
			if b.kind != a.kind || !replaced(a.text, b.text) {
				return 0, 0, fmt.Errorf("%c %.200q became %c %.200q", a.kind, a.text, b.kind, b.text)
			}
		}
		if a.kind == 's' && a.text != b.text {
			if err := sameInside(a.text, b.text, 0); err != nil {
				return 0, 0, err
			}
		}
	}
	return len(was), found, nil
}

// sameInside says how JSON that is the whole of a string stopped being that.
func sameInside(was, got string, depth int) error {
	if s := strings.TrimSpace(was); len(s) == 0 || s[0] != '{' && s[0] != '[' || depth > 8 || !json.Valid([]byte(was)) || aToken.FindString(got) == got {
		return nil
	}
	a, err := flatten([]byte(was))
	if err != nil {
		return nil
	}
	b, err := flatten([]byte(got))
	if err != nil || len(a) != len(b) {
		return fmt.Errorf("inside a string, %.300q became %.300q: %w", was, got, err)
	}
	for i := range a {
		switch {
		case a[i] == b[i]:
		case a[i].kind == 's' && b[i].kind == 's':
			if err := sameInside(a[i].text, b[i].text, depth+1); err != nil {
				return err
			}
		case a[i].kind == 'k' && b[i].kind == 'k' && replaced(a[i].text, b[i].text):
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
