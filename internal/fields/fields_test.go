package fields

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
)

func editor(t testing.TB, e Edits) *Editor {
	t.Helper()
	ed, err := NewEditor(e)
	if err != nil {
		t.Fatal(err)
	}
	return ed
}

func TestPaths(t *testing.T) {
	for _, e := range []Edits{{Drop: []string{""}}, {Drop: []string{"a..b"}}, {Rename: map[string]string{"a.": "b"}}, {Rename: map[string]string{"a": ""}}} {
		if _, err := NewEditor(e); err == nil {
			t.Errorf("%+v was taken", e)
		}
	}
}

// Lines come out alike however they are written, and long ones as they are.
func TestWriter(t *testing.T) {
	long := `{"drop":"` + strings.Repeat("x", maxRecord) + `"}`
	in := "{\"drop\":1,\"a\":2}\r\nx\n\n" + long + "\n{\"old\":1,\"new\":2}\n{\"old\":\"\\u0007\\u007f\\\"\"}"
	want := "{\"a\":2}\r\nx\n\n" + long + "\n{\"old\":1,\"new\":2}\n{\"new\":\"\\u0007\x7f\\\"\"}"
	for _, n := range []int{1, 7, 100, 1 << 16, len(in)} {
		var out bytes.Buffer
		w := NewWriter(&out, editor(t, Edits{Drop: []string{"drop"}, Rename: map[string]string{"old": "new"}}))
		for i := 0; i < len(in); i += n {
			if _, err := io.WriteString(w, in[i:min(len(in), i+n)]); err != nil {
				t.Fatal(err)
			}
			if n == 1 && i > 1<<16 && i < len(in)-1<<16 {
				i += 1 << 10 // the long line, in larger pieces
				if _, err := io.WriteString(w, in[i-1<<10+1:min(len(in), i+1)]); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("written by %d: %d bytes, want %d; ends with %q", n, out.Len(), len(want), out.String()[max(0, out.Len()-80):])
		}
	}
}

// A key that comes often in one object goes as often, and costs no more for each.
func TestRepeated(t *testing.T) {
	e := Edits{Drop: []string{"a", "o.a"}, Rename: map[string]string{"b": "c", "d": "a", "o.a": "e"}}
	for _, n := range []int{1, maxDelete, maxDelete + 1, 150_000} {
		many := strings.Repeat(`"a":1,`, n)
		d := `"d":[3]}`
		want := `{"o":{"x":0},"c":2,"a":[3]}`
		if n > maxDelete {
			want = `{"o":{"x":0},` + d[:len(d)-1] + `,"c":2}` // the new name is taken
		}
		line := "{" + many + `"o":{"a":{"b":1},` + strings.Repeat(`"a":2,`, min(n, 100)) + `"x":0},"b":2,` + d
		if got := editor(t, e).AppendLine(nil, []byte(line)); string(got) != want {
			t.Errorf("%d times: %.100s, want %s", n, got, want)
		}
	}
}

// What is left of a record is what encoding/json leaves of it.
func FuzzDrop(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":{"a":[1,{"a":2}]}}`, `{"b":"\ud83d\ude00\u0000\u007f\""}`, `{"a":"\ud800"}`, `{"a":1e400,"c":-0}`, `{"a":1,"a":2}`, "{" + strings.Repeat(`"a":1,`, 2*maxDelete) + `"b":{"a":2}}`, "{\"b\":\"\x7f\",\"a\":0}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		ed := editor(t, Edits{Drop: []string{"a", "b.a"}})
		out := ed.AppendLine(nil, line)
		decode := func(b []byte) (m map[string]any, ok bool) {
			d := json.NewDecoder(bytes.NewReader(b))
			d.UseNumber()
			return m, json.Valid(b) && d.Decode(&m) == nil && m != nil
		}
		was, ok := decode(bytes.TrimRight(line, "\r\n"))
		if !ok {
			return // whatever stays of what is no JSON
		}
		got, ok := decode(bytes.TrimRight(out, "\r\n"))
		if !ok {
			t.Fatalf("%q became %q", line, out)
		}
		if reflect.DeepEqual(was, got) {
			return // left alone
		}
		delete(was, "a")
		var drop func(v any)
		drop = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				delete(v, "a")
			case []any:
				for _, x := range v {
					drop(x)
				}
			}
		}
		drop(was["b"])
		if !reflect.DeepEqual(was, got) {
			t.Fatalf("%q became %q", line, out)
		}
	})
}
