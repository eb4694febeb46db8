package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestConnstr(t *testing.T) {
	detectortest.Run(t, connstr{}, conformance("connstr"))
}
