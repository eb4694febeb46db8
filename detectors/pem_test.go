package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestPem(t *testing.T) {
	detectortest.Run(t, pem{}, conformance("pem"))
}
