package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestIpv4(t *testing.T) {
	detectortest.Run(t, ipv4{}, conformance("ipv4"))
}
