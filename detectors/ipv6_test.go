package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestIpv6(t *testing.T) {
	detectortest.Run(t, ipv6{}, conformance("ipv6"))
}
