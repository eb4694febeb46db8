package detectors

import (
	"testing"

	"logveil/detectors/detectortest"
)

func TestCommandLine(t *testing.T) { detectortest.Run(t, commandLine{}, conformance("command-line")) }

func FuzzCommandLine(f *testing.F) {
	check := detectortest.Contract(f, commandLine{})
	cases, err := detectortest.Load(conformance("command-line"))
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		f.Add(c.Text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) < 200 {
			check(t, text)
		}
	})
}
