package pipe

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestEnlarge: both ends of a run make their pipe hold more, and leave other files alone.
func TestEnlarge(t *testing.T) {
	size := func(f *os.File) int {
		n, err := unix.FcntlInt(f.Fd(), unix.F_GETPIPE_SZ, 0)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for name, open := range map[string]func(r, w *os.File){
		"input":  func(r, _ *os.File) { _, _ = Open(t.Context(), "-", r) },
		"output": func(_, w *os.File) { Stdout(w) },
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		before := size(r)
		if _, err := unix.FcntlInt(r.Fd(), unix.F_SETPIPE_SZ, pipeSize); err != nil {
			t.Skipf("this system lets no pipe hold %d bytes: %v", pipeSize, err)
		}
		if _, err := unix.FcntlInt(r.Fd(), unix.F_SETPIPE_SZ, before); err != nil {
			t.Fatal(err)
		}
		if open(r, w); size(r) != pipeSize {
			t.Errorf("%s: the pipe holds %d bytes, want %d", name, size(r), pipeSize)
		}
		r.Close()
		w.Close()
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	enlarge(null)
}
