package redact_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"logveil/detectors"
	"logveil/redact"
)

// Logs in the forms of Mule and Log4j2 become what stands beside them, as a whole and read
// byte by byte.
func TestMule(t *testing.T) {
	files, err := filepath.Glob("../testdata/mule/*.masked")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d samples: %v", len(files), err)
	}
	e := engine(t, redact.Options{Detectors: detectors.All()})
	for _, name := range files {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		in, err := os.ReadFile(strings.TrimSuffix(name, ".masked") + ".log")
		if err != nil {
			t.Fatal(err)
		}
		if got := redacted(e, string(in)); got != string(want) {
			t.Errorf("%s: %s", name, difference(got, string(want)))
		}
		for _, n := range []int{1, 100, 4096} {
			var got bytes.Buffer
			if _, err := e.Copy(context.Background(), &got, &chunkReader{in, n}, redact.CopyOptions{Workers: 1}); err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("%s, read by %d: %s", name, n, difference(got.String(), string(want)))
			}
		}
	}
}
