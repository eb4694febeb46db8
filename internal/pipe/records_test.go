package pipe

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"logveil/redact"
)

func TestRecords(t *testing.T) {
	long := strings.Repeat("x", 700<<10)
	in := `{"id":1,"text":"a"}` + "\r\n\n  \n" + `{"text":"` + long + `","id":"two"}` + "\n" + `{"id":null,"text":"\ud83d\ude00\ud800\u0000"}`
	for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "halves": iotest.HalfReader(strings.NewReader(in))} {
		t.Run(name, func(t *testing.T) {
			rs := NewRecords(r)
			for _, want := range [][2]string{{"1", "a"}, {`"two"`, long}, {"null", "\U0001F600\ufffd\x00"}} {
				id, text, err := rs.Next()
				if err != nil {
					t.Fatal(err)
				}
				if string(id) != want[0] || string(text) != want[1] {
					t.Errorf("id %s and a text of %d bytes, want id %s and %d bytes", id, len(text), want[0], len(want[1]))
				}
			}
			if _, _, err := rs.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

func TestRecordsErrors(t *testing.T) {
	for in, want := range map[string]string{
		"hunter2":                        "line 1 is not a record: want a JSON object with \"id\" and a text in \"text\"",
		"\n{\"id\":1}":                   "line 2 is not a record",
		"{\"text\":\"hunter2\"}":         "line 1 is not a record",
		"{\"id\":1,\"text\":7}":          "line 1 is not a record",
		"{\"id\":1,\"text\":\"a\"} tail": "line 1 is not a record",
		"[]":                             "line 1 is not a record",
		"{\"id\":1,\"text\":\"" + strings.Repeat("x", maxRecord): "line 1 is longer than a record may be, 16 MiB",
	} {
		_, _, err := NewRecords(strings.NewReader(in)).Next()
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats the input: %v", err)
		}
	}
	boom := errors.New("boom")
	if _, _, err := NewRecords(iotest.ErrReader(boom)).Next(); !errors.Is(err, boom) {
		t.Errorf("error of the source: %v", err)
	}
}

// TestAppendFindings reads the answer back.
func TestAppendFindings(t *testing.T) {
	fs := []redact.Finding{{Span: redact.Span{Start: 0, End: 5}}, {Span: redact.Span{Start: 7, End: 12}, Detector: 1}}
	kind := func(f redact.Finding) redact.Kind { return []redact.Kind{"ssn", "card"}[f.Detector] }
	for n := range len(fs) + 1 {
		b := AppendFindings([]byte("before"), json.RawMessage(`{"a":1}`), fs[:n], kind)
		b, ok := bytes.CutPrefix(b, []byte("before"))
		var got struct {
			ID       map[string]int
			Findings []struct {
				Start, End int
				Kind       string
			}
		}
		if err := json.Unmarshal(b, &got); err != nil || !ok || b[len(b)-1] != '\n' || bytes.Count(b, []byte("\n")) != 1 {
			t.Fatalf("answer %q: %v", b, err)
		}
		if got.ID["a"] != 1 || got.Findings == nil || len(got.Findings) != n {
			t.Errorf("answer %q", b)
		}
		for i, f := range got.Findings {
			if f.Start != fs[i].Start || f.End != fs[i].End || f.Kind != string(kind(fs[i])) {
				t.Errorf("finding %d is %+v", i, f)
			}
		}
	}
}
