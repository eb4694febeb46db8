package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestEmail(t *testing.T) {
	detectortest.Run(t, email{}, conformance("email"))
}
