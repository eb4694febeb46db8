package protocol

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lineCounter finds the letter x and remembers the records it was given.
type lineCounter struct {
	b     Batch
	seen  []string
	found int
	slow  time.Duration
}

func (c *lineCounter) Prepare(b Batch) error { c.b, c.seen, c.found = b, nil, 0; return nil }
func (c *lineCounter) Findings() int         { return c.found }
func (c *lineCounter) Process(from, to int) error {
	for i := from; i < to; i++ {
		c.seen = append(c.seen, string(c.b.Record(i)))
		c.found += bytes.Count(c.b.Record(i), []byte("x"))
	}
	time.Sleep(c.slow)
	return nil
}

func TestCutKeepsEveryByte(t *testing.T) {
	for _, text := range []string{"a\n", "a", "\n", "\n\n", "a\nb", "a\n\nb\n", strings.Repeat("line\n", 1000), strings.Repeat("y", 40000) + "\nz\n"} {
		b := Cut([]byte(text))
		var joined []byte
		for from, to := range b.Steps() {
			joined = append(joined, b.Range(from, to)...)
		}
		if string(joined) != text {
			t.Errorf("steps of %.20q... hold %d bytes, want %d", text, len(joined), len(text))
		}
		want := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if b.Records() != len(want) {
			t.Fatalf("%.20q...: %d records, want %d", text, b.Records(), len(want))
		}
		for i, w := range want {
			if got := string(b.Record(i)); got != w {
				t.Errorf("%.20q...: record %d is %.20q, want %.20q", text, i, got, w)
			}
		}
	}
}

func TestMeasureCountsEveryPass(t *testing.T) {
	p := &lineCounter{}
	res, err := Measure(p, Cut([]byte("ax\nxx\n\nb\n")), 2, 0.01)
	if err != nil {
		t.Fatal(err)
	}
	if res.Passes < 2 || res.Bytes != 9*res.Passes || res.Records != 4*res.Passes || res.Findings != 3*res.Passes || len(res.Rounds) != 2 {
		t.Errorf("got %+v", res)
	}
	if strings.Join(p.seen, "|") != "ax|xx||b" {
		t.Errorf("last pass saw %q", p.seen)
	}
}

func TestMeasureStopsAtTheCap(t *testing.T) {
	p := &lineCounter{slow: 20 * time.Millisecond}
	text := strings.Repeat("x\n", 100*stepRecords)
	res, err := Measure(p, Cut([]byte(text)), 1, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	if res.Passes != 1 || res.Bytes >= len(text) || res.Bytes%(2*stepRecords) != 0 || res.Findings*2 != res.Bytes || res.FileBytes != len(text) {
		t.Errorf("got %+v for %d bytes", res, len(text))
	}
	if len(p.seen) != res.Records {
		t.Errorf("measured round saw %d records, reported %d", len(p.seen), res.Records)
	}
}

func TestRunPrintsOneLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(file, []byte("x\ny"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := parse([]string{"--rounds", "2", "--seconds", "0.01", "--mode", "json", file})
	if err != nil || !a.JSON {
		t.Fatal(a, err)
	}
	var out bytes.Buffer
	err = run(a, func(Args) (Peer, Info, error) { return &lineCounter{}, Info{"p", "v", "c"}, nil }, &out)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != 1 {
		t.Fatalf("%d lines", n)
	}
	var m map[string]any
	if err := json.Unmarshal(out.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"peer", "version", "config", "bytes", "records", "findings", "passes", "file_bytes", "rounds"} {
		if _, ok := m[k]; !ok {
			t.Errorf("no %q in the result", k)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, argv := range [][]string{{}, {"a", "b"}, {"--mode", "xml", "f"}, {"--rounds", "0", "f"}, {"--seconds", "0", "f"}} {
		if _, err := parse(argv); err == nil {
			t.Errorf("%q was accepted", argv)
		}
	}
}

func TestReadPatterns(t *testing.T) {
	ps, err := ReadPatterns(filepath.Join("..", "patterns.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range ps {
		names = append(names, p.Name)
	}
	if got, want := strings.Join(names, " "), "email card ssn phone ipv4 ipv6 mac iban jwt bearer aws github"; got != want {
		t.Errorf("patterns are %s, want %s", got, want)
	}
}
