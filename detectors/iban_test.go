package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestIBAN(t *testing.T) {
	detectortest.Run(t, iban{}, conformance("iban"))
}
