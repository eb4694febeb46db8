package redact

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
)

// pins is a detector of what stands behind "pin=".
type pins struct{}

func (pins) Spec() Spec {
	return Spec{Name: "pin", Kind: "pin", Anchor: Anchor{Literals: []Literal{{Text: "pin="}}}, MaxLen: 16}
}

func (pins) Match(b []byte, at int) (Span, Reason) {
	if len(b)-at < 8 {
		return Span{}, RejectLength
	}
	return Span{at + 4, at + 8}, Accepted
}

// tripped is a Tokenizer that breaks the worker that calls it, so that writing panics.
type tripped struct{ w *Worker }

func (t *tripped) Tokenize(_ context.Context, vs []Value, buf []byte) []byte {
	for _, v := range vs {
		if string(v.Raw) == "9999" {
			t.w.vals = nil
		}
	}
	return buf
}

// TestPanicInWriting makes the engine panic behind the finding of values: nothing is raw, all
// is counted, and the next batch is as ever.
func TestPanicInWriting(t *testing.T) {
	broken := &tripped{}
	e, err := New(Options{Detectors: []Detector{pins{}}, Tokenizer: broken})
	if err != nil {
		t.Fatal(err)
	}
	w := e.NewWorker()
	broken.w = w
	ctx := context.Background()
	good := func(after string) {
		t.Helper()
		if got := w.Append(ctx, nil, []byte("a pin=1234 b\n")); string(got) != "a pin=tok1_pin_x b\n" {
			t.Errorf("after %s: %q", after, got)
		}
	}
	const bad = "x pin=1234\r\npin=9999 y\n\nz"
	got := w.Append(ctx, []byte("before "), []byte(bad))
	if want := "before tok1_failed_x\r\ntok1_failed_x\n\ntok1_failed_x"; string(got) != want {
		t.Errorf("a batch became %q", got)
	}
	s := w.Stats()
	if s.Failed != 3 || s.Lines != 3 || s.Bytes != uint64(len(bad)) || s.BytesOut != uint64(len(got)-len("before ")) {
		t.Errorf("counted %+v", s)
	}
	good("a batch")

	long := "pin=9999 and pin=1234 " + strings.Repeat("x ", MinLineCap) + "pin=1234\n"
	var out bytes.Buffer
	for from, final := 0, false; !final; {
		end := min(len(long), from+4*MaxLookaround)
		final = end == len(long)
		part, next := w.AppendPart(ctx, nil, []byte(long[:end]), from, final)
		out.Write(part)
		from = next
	}
	if got := out.String(); got != "tok1_failed_x\n" {
		t.Errorf("a long line became %.200q", got)
	}
	good("a long line")

	fs := Fields{Text: []byte("pin=1234 .pin=9999 .pin=5678 .")}
	for i := range 3 {
		fs.Fields = append(fs.Fields, Field{Start: int32(10 * i), End: int32(10*i + 9), Key: int32(10 * i)})
	}
	dst, changes := w.AppendFields(ctx, nil, &fs, nil)
	fields := ""
	for _, c := range changes {
		fields += fmt.Sprintf("%d %s|", c.Field, dst[c.Start:c.End])
	}
	if want := "0 pin=tok1_pin_x |1 tok1_failed_x|2 pin=tok1_pin_x |"; fields != want {
		t.Errorf("fields became %q", fields)
	}
	good("fields")
}

// TestPanicInStream does the same to a stream: the run goes on to its end.
func TestPanicInStream(t *testing.T) {
	e, err := New(Options{Detectors: []Detector{pins{}}})
	if err != nil {
		t.Fatal(err)
	}
	e.masks = nil // writing a mask panics
	in := strings.Repeat("a line\n", 3) + "pin=1234\n" + strings.Repeat("pin=5678 ", MinLineCap) + "\nend\n"
	var out bytes.Buffer
	stats, err := e.Copy(context.Background(), &out, strings.NewReader(in), CopyOptions{LineCap: MinLineCap, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, "1234") || strings.Contains(got, "5678") || strings.Count(got, "\n") != strings.Count(in, "\n") {
		t.Errorf("a stream became %.300q", got)
	}
	if stats.Failed == 0 || stats.Lines != uint64(strings.Count(in, "\n")) {
		t.Errorf("counted %+v", stats)
	}
}
