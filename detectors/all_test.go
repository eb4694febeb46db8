package detectors

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestAllMakeAnEngine(t *testing.T) {
	e, err := redact.New(redact.Options{Detectors: All()})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range e.Specs() {
		if names[s.Name] {
			t.Errorf("%s is listed twice", s.Name)
		}
		names[s.Name] = true
	}
	for _, name := range []string{"card", "iban", "ssn", "phone"} {
		if !names[name] {
			t.Errorf("%s is not listed", name)
		}
	}
}

func TestAllIsACopy(t *testing.T) {
	All()[0] = nil
	if All()[0] == nil {
		t.Error("a caller can change the list of another")
	}
}

// conformanceCases returns the cases of every conformance file.
func conformanceCases(t *testing.T) []detectortest.Case {
	t.Helper()
	files, err := filepath.Glob(conformance("*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no conformance files: %v", err)
	}
	var all []detectortest.Case
	for _, f := range files {
		cases, err := detectortest.Load(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cases...)
	}
	return all
}

func TestConformanceFilesHaveDetectors(t *testing.T) {
	names := map[string]bool{}
	for _, d := range All() {
		names[d.Spec().Name] = true
	}
	files, err := os.ReadDir(filepath.Dir(conformance("")))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(f.Name(), ".txt"); !names[name] {
			t.Errorf("%s: no detector of that name is listed", f.Name())
		}
	}
}

// TestAllTogether runs all detectors over the cases of each: whatever one of them finds,
// an engine that has all of them covers.
func TestAllTogether(t *testing.T) {
	ds := All()
	e, err := redact.New(redact.Options{Detectors: ds})
	if err != nil {
		t.Fatal(err)
	}
	w := e.NewWorker()
	for _, c := range conformanceCases(t) {
		found := w.Find(c.Text)
		covered := func(s redact.Span) bool {
			for _, f := range found {
				if f.Start <= s.Start && s.End <= f.End {
					return true
				}
			}
			return false
		}
		for _, f := range detectortest.Oracle(ds, c.Text) {
			if !covered(f.Span) {
				t.Errorf("in %q: %s at %d:%d is not covered", c.Text, ds[f.Detector].Spec().Name, f.Start, f.End)
			}
		}
	}
}
