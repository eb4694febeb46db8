package pipe

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnreadable(t *testing.T) {
	wide := func(s string, nul int) string {
		var b strings.Builder
		for i := range len(s) {
			c := [2]byte{}
			c[1-nul] = s[i]
			b.Write(c[:])
		}
		return b.String()
	}
	for head, want := range map[string]string{
		"\x1f\x8b\x08\x00":              "compressed with gzip",
		"\x28\xb5\x2f\xfd\x04":          "compressed with zstd",
		"\xfd7zXZ\x00\x00":              "compressed with xz",
		"BZh91AY&SY\x00":                "compressed with bzip2",
		"BZh9\x17\x72\x45\x38\x50\x90":  "compressed with bzip2",
		"\x04\x22\x4d\x18":              "compressed with lz4",
		"PK\x03\x04\x14":                "a zip archive",
		"\xff\xfea\x00":                 "UTF-16",
		"\xfe\xff\x00a":                 "UTF-16",
		wide("INFO ssn 123-45-6789", 1): "UTF-16",
		wide("INFO ssn 123-45-6789", 0): "UTF-16",
		// Text, and binary data in which text stands as it is.
		"":                                   "",
		"B":                                  "",
		"BZh91AY":                            "",
		"BZhang paid 12.00":                  "",
		"PK":                                 "",
		"\xef\xbb\xbfINFO":                   "",
		"\x7fELF\x02\x01\x01\x00\x00\x00":    "",
		strings.Repeat("\x00", 64):           "",
		"a\x00b\x00c":                        "",
		"INFO\x00\x00\x00\x00one\x00two\x00": "",
	} {
		if form, _ := unreadable([]byte(head)); form != want {
			t.Errorf("%q is %q, want %q", head, form, want)
		}
	}
}

// TestInputRefuses: not one byte of what hides its values is handed on.
func TestInputRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.gz")
	if err := os.WriteFile(file, []byte("\x1f\x8b\x08\x00secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, blocking := range []bool{false, true} {
		in, err := Open(t.Context(), file, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		b := make([]byte, 64)
		n, err := reader(in, blocking).Read(b)
		var form *FormatError
		if n != 0 || !errors.As(err, &form) || form.Name != file {
			t.Errorf("read %d bytes, %v", n, err)
		}
		if strings.Trim(string(b), "\x00") != "" {
			t.Errorf("the buffer holds %q", b)
		}
	}
}

func reader(in *Input, blocking bool) io.Reader {
	if blocking {
		return in.Blocking()
	}
	return in
}

// TestInputStops: a read that waits for data ends when the run is stopped.
func TestInputStops(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	in, err := Open(ctx, "-", r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("line\n"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	if n, err := in.Read(b); err != nil || string(b[:n]) != "line\n" {
		t.Fatalf("read %q, %v", b[:n], err)
	}
	stop := errors.New("stop")
	cancel(stop)
	if n, err := in.Read(b); n != 0 || !errors.Is(err, stop) {
		t.Errorf("read %d bytes, %v; want the cause of the context", n, err)
	}
}

// TestInputWhole: what waits and what does not give the same bytes.
func TestInputWhole(t *testing.T) {
	want := strings.Repeat("0123456789abcdef\n", 100_000)
	file := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, blocking := range []bool{false, true} {
		in, err := Open(t.Context(), file, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if in.Size != int64(len(want)) {
			t.Errorf("size %d, want %d", in.Size, len(want))
		}
		if got, err := io.ReadAll(reader(in, blocking)); err != nil || string(got) != want {
			t.Errorf("from a file: %d bytes, %v", len(got), err)
		}

		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if _, err := w.WriteString(want); err != nil {
				t.Error(err)
			}
			w.Close()
		}()
		if in, err = Open(t.Context(), "-", r); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(reader(in, blocking)); err != nil || string(got) != want {
			t.Errorf("from a pipe: %d bytes, %v", len(got), err)
		}
	}
}
