package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestCurlUser(t *testing.T) { detectortest.Run(t, curlUser{}, conformance("curl-user")) }
