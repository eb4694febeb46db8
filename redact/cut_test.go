package redact_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"logveil/detectors"
	"logveil/detectors/detectortest"
	"logveil/redact"
)

// A long line may be cut at any byte of any conformance case: the parts give what the
// whole gives.
func TestCutAtEveryByte(t *testing.T) {
	files, err := filepath.Glob("../testdata/detectors/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no conformance files", err)
	}
	e := engine(t, redact.Options{Detectors: detectors.All()})
	w, whole := e.NewWorker(), e.NewWorker()
	ctx := context.Background()
	before := bytes.Repeat([]byte(" "), 100)
	after := bytes.Repeat([]byte(" "), 2*redact.MaxLookaround+400)
	var dst []byte
	cuts := 0
	for _, file := range files {
		cases, err := detectortest.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range cases {
			if testing.Short() && i%10 != 0 {
				continue
			}
			text := append(append(bytes.Clone(before), bytes.ReplaceAll(c.Text, []byte{'\n'}, []byte{' '})...), after...)
			want := string(whole.Append(ctx, nil, text))
			for cut := len(before); cut <= len(text)-len(after); cut++ {
				// What AppendPart is sure of ends 2*MaxLookaround before the end.
				seen := cut + 2*redact.MaxLookaround
				var next int
				dst, next = w.AppendPart(ctx, dst[:0], text[:seen], 0, false)
				keep := max(0, next-redact.MaxLookaround)
				dst, _ = w.AppendPart(ctx, dst, text[keep:], next-keep, true)
				if string(dst) != want {
					t.Fatalf("%s:%d cut at %d: %s", filepath.Base(file), c.Line, cut-len(before), difference(string(dst), want))
				}
				cuts++
			}
		}
	}
	if cuts < 1000 {
		t.Errorf("only %d cuts", cuts)
	}
}
