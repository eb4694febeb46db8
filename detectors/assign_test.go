package detectors

import (
	"path/filepath"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

// anyAssign is the three of them in one, so that one file can hold all their cases.
type anyAssign struct{}

func (anyAssign) Spec() redact.Spec {
	s := assign{passwords}.Spec()
	for _, f := range []family{secrets, tokens} {
		s.Anchor.Literals = append(s.Anchor.Literals, assign{f}.Spec().Anchor.Literals...)
	}
	s.Name, s.Kind = "assign", "secret"
	return s
}

func (anyAssign) Match(b []byte, at int) (redact.Span, redact.Reason) {
	n, _ := nounAt(b, at)
	if n == noNoun {
		return redact.Span{}, redact.RejectAnchor
	}
	return assign{nounFamily[n]}.Match(b, at)
}

func TestAssign(t *testing.T) {
	detectortest.Run(t, anyAssign{}, filepath.Join("..", "testdata", "detectors", "assign.txt"))
}
