package detectors

import (
	"path/filepath"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

// conformance names the conformance file of a detector.
func conformance(name string) string {
	return filepath.Join("..", "testdata", "detectors", name+".txt")
}

// benchmarkMatch measures one call of Match, and fails when it does not answer as wanted.
func benchmarkMatch(b *testing.B, d redact.Detector, text string, at int, want redact.Reason) {
	b.Helper()
	buf := []byte(text)
	b.ReportAllocs()
	for b.Loop() {
		if _, r := d.Match(buf, at); r != want {
			b.Fatalf("%v, want %v", r, want)
		}
	}
}

func TestCard(t *testing.T) {
	detectortest.Run(t, card{}, conformance("card"))
}
