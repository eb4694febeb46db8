package redact_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"logveil/detectors"
	"logveil/redact"
)

// Every implementation gives the same bytes: over all conformance files, and over the
// reference logs where they are there.
func TestImplementationsAgree(t *testing.T) {
	impls := redact.Implementations()
	t.Logf("kernels: %q", impls)
	defer func() {
		if err := redact.UseImplementation(impls[0]); err != nil {
			t.Error(err)
		}
	}()
	conformance, err := filepath.Glob("../testdata/*/*.txt")
	if err != nil || len(conformance) == 0 {
		t.Fatal("no conformance files", err)
	}
	logs, err := filepath.Glob(filepath.Join("..", "..", "shared", "corpora", "logs", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	if len(logs) == 0 {
		t.Log("no reference logs: compared over conformance files only")
	}
	e := engine(t, redact.Options{Detectors: detectors.All()})
	for _, file := range append(conformance, logs...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if testing.Short() && len(text) > 1<<20 {
			text = text[:1<<20]
		}
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("«"), nil), []byte("»"), nil) // marks
		want := ""
		for _, impl := range impls {
			if err := redact.UseImplementation(impl); err != nil {
				t.Fatal(err)
			}
			got := redacted(e, string(text))
			if want == "" {
				want = got
			} else if got != want {
				t.Fatalf("%s: %s and %s differ: %s", filepath.Base(file), impl, impls[0], difference(got, want))
			}
		}
	}
}
