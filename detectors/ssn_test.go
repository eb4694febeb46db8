package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestSSN(t *testing.T) {
	detectortest.Run(t, ssn{}, conformance("ssn"))
}
