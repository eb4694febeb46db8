package detectors

import (
	"strings"
	"testing"

	"logveil/detectors/detectortest"
)

func TestPhone(t *testing.T) {
	detectortest.Run(t, phone{}, conformance("phone"))
}

func TestCallingCodes(t *testing.T) {
	n := 0
	for code, c := range callingCodeTable {
		if c.min == 0 {
			continue
		}
		n++
		digits := 1
		for x := code; x >= 10; x /= 10 {
			digits++
		}
		if c.min < 4 || c.min > c.max || c.max > c.top || int(c.top)+digits > phoneDigits {
			t.Errorf("+%d: bounds %v", code, c)
		}
		for x := code / 10; x > 0; x /= 10 {
			if callingCodeTable[x].min > 0 {
				t.Errorf("+%d begins +%d", x, code)
			}
		}
	}
	if want := len(strings.Fields(callingCodes)); n != want || n < 200 {
		t.Errorf("%d codes, want %d", n, want)
	}
}
