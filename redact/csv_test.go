package redact_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"logveil/detectors"
	"logveil/redact"
)

// Random JSON in a field of CSV, which doubles its quotation marks, stays a field of JSON with
// equal leaves but for findings, and is found nearly as much in as without.
func TestJSONInCSV(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All()})
	worker := e.NewWorker()
	r := rand.New(rand.NewPCG(6, 6))
	found, plain := 0, 0
	for range rounds(50_000) {
		w := writer{r: r, b: []byte(`{"r":`)}
		w.value(0)
		var doc bytes.Buffer
		if err := json.Compact(&doc, append(w.b, '}')); err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(doc.Bytes(), '\\') >= 0 {
			continue // escapes within doubled quotes are looked at, and have no oracle
		}
		var row strings.Builder
		c := csv.NewWriter(&row)
		if err := c.Write([]string{"2026-03-02", doc.String(), "x, y"}); err != nil {
			t.Fatal(err)
		}
		c.Flush()
		out := worker.Append(context.Background(), nil, []byte(row.String()))
		found += len(worker.Find([]byte(row.String())))
		plain += len(worker.Find(doc.Bytes()))
		fields, err := csv.NewReader(bytes.NewReader(out)).Read()
		if err != nil || len(fields) != 3 {
			t.Fatalf("%s\nbecame %s\n%d fields, %v", row.String(), out, len(fields), err)
		}
		was, err := flatten(doc.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		got, err := flatten([]byte(fields[1]))
		if err != nil || len(got) != len(was) {
			t.Fatalf("%s\nbecame %s\n%d nodes, %v; were %d", row.String(), out, len(got), err, len(was))
		}
		for i := range was {
			if was[i].text == got[i].text {
				continue
			}
			if err := sameText(was[i].text, got[i].text, 0); err != nil {
				t.Fatalf("%s\nbecame %s\n%v", row.String(), out, err)
			}
		}
	}
	t.Logf("%d findings, %d without CSV", found, plain)
	if found < plain*99/100 || plain < rounds(5_000) {
		t.Errorf("%d findings, %d without CSV", found, plain)
	}
}
