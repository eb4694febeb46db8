package detectors

import (
	"bytes"
	encpem "encoding/pem"
	"math/rand/v2"
	"slices"
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

func FuzzPEM(f *testing.F) {
	fuzzContract(f, pem{}, func(v []byte) bool {
		return bytes.Contains(v, []byte("PRIVATE KEY")) || bytes.HasPrefix(v, []byte(puttyBegin))
	})
}

// TestPEMDecode wants what encoding/pem writes to be taken whole, and all of it to be
// what encoding/pem reads.
func TestPEMDecode(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		der := make([]byte, 12+rnd.IntN(3000))
		for i := range der {
			der[i] = byte(rnd.Uint32())
		}
		block := &encpem.Block{Type: "RSA PRIVATE KEY", Bytes: der}
		if rnd.IntN(3) == 0 {
			block.Headers = map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00112233445566778899AABBCCDDEEFF"}
		}
		key := bytes.TrimSuffix(encpem.EncodeToMemory(block), []byte("\n"))
		text := slices.Concat([]byte("key: "), key, []byte("\nnext line\n"))
		s, r := (pem{}).Match(text, 5)
		if r != redact.Accepted || !bytes.Equal(text[s.Start:s.End], key) {
			t.Fatalf("%v, %v of %d:\n%s", r, s, len(key), key)
		}
		if got, _ := encpem.Decode(text[s.Start:s.End]); got == nil || !bytes.Equal(got.Bytes, der) {
			t.Fatalf("encoding/pem reads something else")
		}
	}
}

// TestPEMEncoded wants nothing to be left of a key whose line ends are encoded.
func TestPEMEncoded(t *testing.T) {
	e, err := redact.New(redact.Options{Detectors: []redact.Detector{pem{}}})
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("Ab3/", 16)
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat(line+"\n", 20) + "Ab3=\n-----END PRIVATE KEY-----\n"
	for _, r := range []*strings.Replacer{
		strings.NewReplacer("\n", "%0A", "/", "%2F", "=", "%3D", " ", "%20"),
		strings.NewReplacer("\n", "%0D%0A", "/", "%2F", " ", "+"),
		strings.NewReplacer("\n", "&#10;"),
		strings.NewReplacer("\n", "&#xA;"),
		strings.NewReplacer("\n", `\u000a`, "/", `\/`),
	} {
		text := "key=" + r.Replace(key) + "&x=1 next\n"
		out := e.NewWorker().Append(t.Context(), nil, []byte(text))
		if bytes.Contains(out, []byte("Ab3")) || !bytes.HasPrefix(out, []byte("key=tok1_pem_x")) {
			t.Errorf("%.80q becomes %.200q", text, out)
		}
	}
}
