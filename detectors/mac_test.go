package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestMac(t *testing.T) {
	detectortest.Run(t, mac{}, conformance("mac"))
}
