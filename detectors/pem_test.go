package detectors

import (
	"bytes"
	"strings"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestPEM(t *testing.T) {
	detectortest.Run(t, pem{}, conformance("pem"))
}

func TestPEMFloods(t *testing.T) { testFloods(t, pem{}, pemFloods) }

var pemFloods = []string{"-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n", "-----END PRIVATE KEY-----", "-----END PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----AAAAAAAAAAAAAAAA", "PuTTY-User-Key-File-2: ", "-----BEGIN PRIVATE KEY-----\na b\n", "a\n-----END PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\nx: "}

func BenchmarkPEM(b *testing.B) {
	b.Run("certificate", func(b *testing.B) {
		benchmarkMatch(b, pem{}, "-----BEGIN CERTIFICATE-----\nMIIB", 0, redact.RejectAnchor)
	})
	benchmarkFloods(b, pem{}, pemFloods)
}

// TestPEMLong cuts a key that is longer than may be looked at, and wants nothing of it
// left, wherever it begins in the text.
func TestPEMLong(t *testing.T) {
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat(strings.Repeat("Ab3/", 16)+"\n", 400) + "-----END PRIVATE KEY-----\n"
	e, err := redact.New(redact.Options{Detectors: []redact.Detector{pem{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range []string{"", "x\n", strings.Repeat("x y\n", 5000)} {
		out := e.NewWorker().Append(t.Context(), nil, []byte(before+key+"after\n"))
		if bytes.Contains(out, []byte("Ab3/")) || !bytes.HasSuffix(out, []byte("after\n")) {
			t.Errorf("%d bytes before: left %q", len(before), out[len(before):])
		}
	}
}

// TestPEMStream wants keys that a batch cuts to be found whole.
func TestPEMStream(t *testing.T) {
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat(strings.Repeat("Ab3/", 16)+"\n", 20) + "-----END PRIVATE KEY-----\n"
	text := strings.Repeat("one line and another\n"+key, 2000)
	e, err := redact.New(redact.Options{Detectors: []redact.Detector{pem{}}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := e.Copy(t.Context(), &out, strings.NewReader(text), redact.CopyOptions{Workers: 2}); err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat("one line and another\ntok1_pem_x\n", 2000)
	if out.String() != want {
		t.Errorf("%d bytes, want %d", out.Len(), len(want))
	}
}
