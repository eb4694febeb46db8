package redact

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// sixteen takes runs of sixteen digits.
type sixteen struct{}

func (sixteen) Spec() Spec {
	return Spec{Name: "card", Kind: "card", Doc: "test", MaxLen: 20, Anchor: Anchor{Shape: `\b\d{16}\b`}}
}

func (sixteen) Match(_ []byte, at int) (Span, Reason) { return Span{at, at + 16}, Accepted }

func newSixteen(t *testing.T) *Engine {
	t.Helper()
	e, err := New(Options{Detectors: []Detector{sixteen{}}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A long table of JSON in a query stays JSON, though each of its numbers is read backwards over
// the rows before.
func TestTableInDecodedText(t *testing.T) {
	e := newSixteen(t)
	for _, row := range []string{`[%d]`, `["x",%d]`, `[["x",%d],[%d]]`, `[{"a":[1]},%d,"y"]`} {
		var rows []string
		for i := range 300 {
			n := 4111111111110000 + i
			rows = append(rows, fmt.Sprintf(row, slicesOf(n, strings.Count(row, "%d"))...))
		}
		table := "[" + strings.Join(rows, ",") + "]"
		text := []byte("GET /?q=" + url.QueryEscape(table) + " 200\n")
		out := e.NewWorker().Append(context.Background(), nil, text)
		query, _, _ := strings.Cut(strings.TrimPrefix(string(out), "GET /?q="), " ")
		got, err := url.QueryUnescape(query)
		if err != nil || !json.Valid([]byte(got)) || strings.Contains(got, "411111111111") {
			t.Fatalf("%s: what is in the query is no JSON, or a value stays (%v):\n%.300s", row, err, got)
		}
	}
}

func slicesOf(n, times int) (ns []any) {
	for range times {
		ns = append(ns, n)
	}
	return ns
}

// Where numbers are read backwards, all of them together read a text a bounded number of times.
func TestReadsBackwards(t *testing.T) {
	e := newSixteen(t)
	for _, unit := range []string{"4111111111111111},", `4111111111111111},"",`, "[4111111111111111}},", "4111111111111111]],"} {
		p := &pass{w: e.NewWorker(), b: []byte("x " + strings.Repeat(unit, 5000))}
		read := 0
		for i := 0; i < len(p.b); {
			n := bytes.Index(p.b[i:], []byte("4111"))
			if n < 0 {
				break
			}
			i += n
			before := p.last.room + readsPerByte*(i-p.last.at)
			_, ok := p.mark(i, false)
			read += before - p.last.room
			p.last.end, p.last.ok = i+16, ok
			i += 16
		}
		if read == 0 || read > readsPerByte*len(p.b) {
			t.Errorf("%q: of %d bytes, %d were read", unit, len(p.b), read)
		}
	}
}

// What cursors remember of brackets says the same as a look at each.
func TestOpens(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		b := make([]byte, 1+r.IntN(200))
		for i := range b {
			b[i] = `[[[]]{{}},,,  "\na`[r.IntN(18)]
		}
		var c cursor
		c.start(b, 0, len(b))
		for i, x := range b {
			if x != '[' && x != '{' {
				continue
			}
			var fresh cursor
			fresh.start(b, 0, len(b))
			c.pos, fresh.pos = i, i
			d, ok := c.opens(0)
			if want, wantOK := fresh.opens(0); d != want || ok != wantOK {
				t.Fatalf("%q at %d: got %d %v, want %d %v", b, i, d, ok, want, wantOK)
			}
		}
	}
}

// What is remembered of a list that is held back does not change where a stream is cut.
func TestCutInList(t *testing.T) {
	e := newSixteen(t)
	r := rand.New(rand.NewPCG(3, 4))
	lines := []string{"\"a\": [\n", "[\n", "  \"x\",\n", "  7,\n", "  \"key\",\n", "\n", "],\n", "\"k\":\n", "prose\n", "  4111111111111111,\n", "form-data; name=\"x\",\n"}
	for range 300 {
		var b []byte
		for range 1 + r.IntN(60) {
			b = append(b, lines[min(r.IntN(2*len(lines)), r.IntN(len(lines)))]...)
		}
		kept, fresh := &copier{e: e, lineCap: MinLineCap}, &copier{e: e, lineCap: MinLineCap}
		for from, to := 0, 1; to <= len(b); to++ {
			fresh.list, fresh.listed = Span{}, 0
			got, want := kept.cut(b[from:to], 0), fresh.cut(b[from:to], 0)
			if got != want || !bytes.Equal(kept.open, fresh.open) {
				t.Fatalf("%q: cut at %d, want %d", b[from:to], got, want)
			}
			from += got
		}
	}
}
