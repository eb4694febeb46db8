package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestUrlcred(t *testing.T) {
	detectortest.Run(t, urlcred{}, conformance("urlcred"))
}
