package redact_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"logveil/detectors"
	"logveil/detectors/detectortest"
	"logveil/redact"
)

// A long line may be cut at any byte of any conformance case: the parts give what the
// whole gives.
func TestCutAtEveryByte(t *testing.T) {
	files, err := filepath.Glob("../testdata/detectors/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no conformance files", err)
	}
	e := engine(t, redact.Options{Detectors: detectors.All()})
	w, whole := e.NewWorker(), e.NewWorker()
	ctx := context.Background()
	before := bytes.Repeat([]byte(" "), 100)
	after := bytes.Repeat([]byte(" "), 2*redact.MaxLookaround+400)
	var dst []byte
	cuts := 0
	for _, file := range files {
		cases, err := detectortest.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range cases {
			if testing.Short() && i%10 != 0 {
				continue
			}
			text := append(append(bytes.Clone(before), bytes.ReplaceAll(c.Text, []byte{'\n'}, []byte{' '})...), after...)
			want := string(whole.Append(ctx, nil, text))
			for cut := len(before); cut <= len(text)-len(after); cut++ {
				// What AppendPart is sure of ends 2*MaxLookaround before the end.
				seen := cut + 2*redact.MaxLookaround
				var next int
				dst, next = w.AppendPart(ctx, dst[:0], text[:seen], 0, false)
				keep := max(0, next-redact.MaxLookaround)
				dst, _ = w.AppendPart(ctx, dst, text[keep:], next-keep, true)
				if string(dst) != want {
					t.Fatalf("%s:%d cut at %d: %s", filepath.Base(file), c.Line, cut-len(before), difference(string(dst), want))
				}
				cuts++
			}
		}
	}
	if cuts < 1000 {
		t.Errorf("only %d cuts", cuts)
	}
}

// A private key may be longer than what its detector reads, and than a batch, however its
// lines come. One longer than LineCap goes as several.
func TestLongKeysInStreams(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	var body strings.Builder
	for range 4_000 {
		var line [48]byte
		for i := range line {
			line[i] = byte(r.Uint32())
		}
		body.WriteString(base64.StdEncoding.EncodeToString(line[:]) + "\n")
	}
	const begin, end = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n", "-----END PGP PRIVATE KEY BLOCK-----\n"
	e := engine(t, redact.Options{Detectors: detectors.All()})
	for name, key := range map[string]string{"closed": begin + body.String() + end, "not closed": begin + body.String()} {
		for _, n := range []int{65, 4 << 10, 64 << 10, len(key) + 100} {
			for _, o := range []redact.CopyOptions{{}, {LineCap: redact.MinLineCap}} {
				var got bytes.Buffer
				if _, err := e.Copy(context.Background(), &got, &chunkReader{[]byte("the first line\n" + key + "the last line\n"), n}, o); err != nil {
					t.Fatal(err)
				}
				rest, first := strings.CutPrefix(got.String(), "the first line\n")
				rest, last := strings.CutSuffix(rest, "the last line\n")
				if rest = strings.ReplaceAll(rest, "tok1_pem_x\n", ""); !first || !last || rest != "" {
					t.Errorf("%s, read by %d, %+v: %.200q is left", name, n, o, rest)
				}
			}
		}
	}
}
