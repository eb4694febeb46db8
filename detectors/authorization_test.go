package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestBearer(t *testing.T) {
	detectortest.Run(t, bearer{}, conformance("bearer"))
}

func TestBasic(t *testing.T) {
	detectortest.Run(t, basic{}, conformance("basic"))
}
