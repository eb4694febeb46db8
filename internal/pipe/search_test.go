package pipe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"logveil/detectors"
	"logveil/redact"
)

type hit struct {
	Place
	kind redact.Kind
}

// slowFind is what Search must give: one look at the whole text, places counted from the
// start for each finding.
func slowFind(e *redact.Engine, text []byte) []hit {
	var hits []hit
	for _, f := range e.NewWorker().Find(text) {
		before := text[:f.Start]
		hits = append(hits, hit{Place{
			Line:  int64(bytes.Count(before, []byte("\n"))) + 1,
			Col:   int64(f.Start - bytes.LastIndexByte(before, '\n')),
			Start: int64(f.Start), End: int64(f.End),
		}, e.Kind(f)})
	}
	return hits
}

func searchAll(t *testing.T, e *redact.Engine, r io.Reader) []hit {
	t.Helper()
	var hits []hit
	err := Search(t.Context(), e.NewWorker(), r, func(p Place, f redact.Finding) error {
		hits = append(hits, hit{p, e.Kind(f)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

func compareHits(t *testing.T, text []byte, got, want []hit) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		if i < len(got) && i < len(want) && got[i] == want[i] {
			continue
		}
		t.Errorf("of %d bytes: %d findings, want %d; the first that differs is %d", len(text), len(got), len(want), i)
		if i < len(got) {
			t.Errorf("got  %+v", got[i])
		}
		if i < len(want) {
			t.Errorf("want %+v", want[i])
		}
		return
	}
}

func allDetectors(t testing.TB) *redact.Engine {
	t.Helper()
	e, err := redact.New(redact.Options{Detectors: detectors.All()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// sampleText makes a text with values in it, of many lines or of one.
func sampleText(rng *rand.Rand, size int, sep string) []byte {
	pem := "-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat(strings.Repeat("MIIEowIBAAKC", 5)+"\n", 24) + "-----END RSA PRIVATE KEY-----"
	values := []string{
		"4111 1111 1111 1111", "378282246310005", "ssn 123-45-6789", "ann@example.com", "192.0.2.7",
		"DE89 3704 0044 0532 0130 00", "password=9fK2-vQp7LmX", "https://u:s3cr3tPassw0rd@example.com/x", "(212) 555-0147",
	}
	var b bytes.Buffer
	for b.Len() < size {
		switch n := rng.IntN(400); {
		case n == 0 && sep == "\n":
			b.WriteString(pem)
		case n < 40:
			b.WriteString(values[rng.IntN(len(values))])
		default:
			b.WriteString(strings.Repeat("lorem ipsum, ", rng.IntN(8)))
		}
		b.WriteString(sep)
	}
	return b.Bytes()
}

func TestSearch(t *testing.T) {
	e := allDetectors(t)
	seps := map[string]string{"lines": "\n", "crlf": "\r\n", "one line": " | "}
	if testing.Short() {
		seps = map[string]string{"crlf": "\r\n"}
	}
	for name, sep := range seps {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(len(sep))))
			text := sampleText(rng, 2*searchStep+12345, sep)
			want := slowFind(e, text)
			if len(want) < 500 {
				t.Fatalf("the text has only %d findings", len(want))
			}
			compareHits(t, text, searchAll(t, e, bytes.NewReader(text)), want)
		})
	}
}

// TestSearchPauses: a source that gives little at a time is answered at once, and in the
// end gives the same.
func TestSearchPauses(t *testing.T) {
	e := allDetectors(t)
	rng := rand.New(rand.NewPCG(2, 2))
	for range 20 {
		text := sampleText(rng, 40<<10, "\n")
		want := slowFind(e, text)
		compareHits(t, text, searchAll(t, e, &pieces{text, rng, 3000}), want)
		compareHits(t, text, searchAll(t, e, iotest.DataErrReader(&pieces{text, rng, 90 << 10})), want)
	}

	r, w := io.Pipe()
	found := make(chan int64)
	go func() {
		err := Search(context.Background(), e.NewWorker(), r, func(p Place, _ redact.Finding) error {
			found <- p.Line
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		close(found)
	}()
	for i := range int64(3) {
		fmt.Fprintf(w, "ssn 123-45-6789\n")
		if line := <-found; line != i+1 {
			t.Errorf("finding in line %d, want %d", line, i+1)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if n, more := <-found; more {
		t.Errorf("one finding more, in line %d", n)
	}
}

// pieces gives a text in pieces of random length.
type pieces struct {
	text []byte
	rng  *rand.Rand
	most int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 1+p.rng.IntN(p.most))], p.text)
	p.text = p.text[n:]
	return n, nil
}

func TestSearchErrors(t *testing.T) {
	e := allDetectors(t)
	boom := errors.New("boom")
	none := func(Place, redact.Finding) error { return nil }
	if err := Search(t.Context(), e.NewWorker(), iotest.ErrReader(boom), none); !errors.Is(err, boom) {
		t.Errorf("error of the source: %v", err)
	}
	err := Search(t.Context(), e.NewWorker(), strings.NewReader("ssn 123-45-6789\n"), func(Place, redact.Finding) error { return boom })
	if !errors.Is(err, boom) {
		t.Errorf("error of the receiver: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(boom)
	if err := Search(ctx, e.NewWorker(), strings.NewReader("x"), none); !errors.Is(err, boom) {
		t.Errorf("error of the context: %v", err)
	}
}
