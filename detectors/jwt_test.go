package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestJwt(t *testing.T) {
	detectortest.Run(t, jwt{}, conformance("jwt"))
}
