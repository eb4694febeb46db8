package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func fileAt(t *testing.T, path string) *File {
	t.Helper()
	d, err := NewFile(FileOptions{Path: path, Mode: 0o640, Timeout: 5 * time.Second, JSON: JSONOptions{TimeKey: "date"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// logs returns the key log of each line of a file, all of which must be whole.
func logs(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 0 && b[len(b)-1] != '\n' {
		t.Errorf("%s ends within a line", path)
	}
	var all []string
	for line := range bytes.Lines(b) {
		var v struct{ Log *string }
		if err := json.Unmarshal(line, &v); err != nil || v.Log == nil {
			t.Errorf("%s: a line that is not whole: %q", path, line)
			continue
		}
		all = append(all, *v.Log)
	}
	return all
}

func put(t *testing.T, d Deliverer, text string) {
	t.Helper()
	if err := d.Deliver(context.Background(), "t", chunkOf(1, text), 1); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

func TestFileAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.log")
	d, e := fileAt(t, path), fileAt(t, path) // two instances, one file
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() { put(t, []Deliverer{d, e}[i%2], fmt.Sprint(i)) })
	}
	wg.Wait()
	seen := map[string]int{}
	for _, l := range logs(t, path) {
		seen[l]++
	}
	for i := range 200 {
		if n := seen[fmt.Sprint(i)]; n != 1 {
			t.Errorf("record %d stands there %d times", i, n)
		}
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm()&^0o640 != 0 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
}

// TestFileRotates: what has the path is what is written to.
func TestFileRotates(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.log")
	d := fileAt(t, path)
	put(t, d, "1")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	put(t, d, "2")
	put(t, d, "3")
	if err := os.Truncate(path, 0); err != nil { // copytruncate
		t.Fatal(err)
	}
	put(t, d, "4")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"log":"5"}`), 0o600); err != nil { // a line without an end
		t.Fatal(err)
	}
	put(t, d, "6")
	if got := strings.Join(logs(t, path+".1"), " ") + ", " + strings.Join(logs(t, path), " "); got != "1, 5 6" {
		t.Errorf("files hold %s", got)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := d.Deliver(context.Background(), "t", chunkOf(1, "7"), 1); err == nil || Permanent(err) {
		t.Errorf("folder gone: error %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, d, "8")
	if got := strings.Join(logs(t, path), " "); got != "8" {
		t.Errorf("folder back: %s", got)
	}
}

// full fills the file until there is no more room, makes room, and looks for halves.
func full(t *testing.T, path string, room func()) {
	t.Helper()
	d := fileAt(t, path)
	var want []string
	failed := 0
	for i := range 200 {
		text := fmt.Sprint(i, strings.Repeat("x", 3000))
		err := d.Deliver(context.Background(), "t", chunkOf(1, text), 1)
		switch {
		case err == nil:
			want = append(want, text)
		case Permanent(err):
			t.Fatalf("a full disk is permanent: %v", err)
		default:
			failed++
			if strings.Contains(err.Error(), "xxx") {
				t.Error("the error repeats the chunk")
			}
		}
		if failed == 5 {
			if got := logs(t, path); len(got) != len(want) {
				t.Fatalf("%d lines, %d were delivered", len(got), len(want))
			}
			room()
		}
	}
	got := logs(t, path)
	if failed != 5 || len(want) != 195 {
		t.Errorf("%d deliveries failed, %d did not", failed, len(want))
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("line %d is not what was delivered", i)
		}
	}
}

// blocking is a writer that hangs until it is let go.
type blocking struct {
	mu   sync.Mutex
	gate chan struct{}
	out  bytes.Buffer
}

func (b *blocking) Write(p []byte) (int, error) {
	<-b.gate
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

// TestLinesHang: a pipe that nobody reads costs each caller its timeout and no more, and
// nothing is torn when it goes on.
func TestLinesHang(t *testing.T) {
	w := &blocking{gate: make(chan struct{})}
	d, err := NewLines(w, JSONOptions{}, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		start := time.Now()
		if err := d.Deliver(context.Background(), "t", chunkOf(2, fmt.Sprint(i)), 2); err == nil || Permanent(err) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	}
	close(w.gate)
	put(t, d, "last")
	if err := d.Close(context.Background()); err != nil {
		t.Error(err)
	}
	path := file(t, w.out.String())
	if got := strings.Join(logs(t, path), " "); got != "0 0 last" {
		t.Errorf("lines %s", got)
	}
	if err := d.Deliver(context.Background(), "t", chunkOf(1, "x"), 1); err == nil {
		t.Error("delivered after Close")
	}
}

// short writes some bytes and fails, each second time.
type short struct {
	bytes.Buffer
	n int
}

func (s *short) Write(p []byte) (int, error) {
	if s.n++; s.n%2 == 1 {
		n, _ := s.Buffer.Write(p[:7])
		return n, io.ErrShortWrite
	}
	return s.Buffer.Write(p)
}

// TestLinesTorn: after half a line the next one begins on a line of its own.
func TestLinesTorn(t *testing.T) {
	w := &short{}
	d, err := NewLines(w, JSONOptions{}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Deliver(context.Background(), "t", chunkOf(1, "a"), 1); err == nil {
		t.Error("a short write is no error")
	}
	put(t, d, "a")
	if got, want := w.String(), "{\"log\":\n{\"log\":\"a\",\"n\":0}\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

// TestTornShared: half a chunk that could not be cut off at once is cut off later, unless
// another instance has appended behind it.
func TestTornShared(t *testing.T) {
	for _, others := range []int{0, 1} {
		name := filepath.Join(t.TempDir(), "f")
		a, b := fileAt(t, name), fileAt(t, name)
		put(t, a, "first")
		fi, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		a.torn = fi.Size()
		if _, err := a.f.WriteString(`{"log":"ha`); err != nil {
			t.Fatal(err)
		}
		a.tornEnd = a.torn + int64(len(`{"log":"ha`))
		for range others {
			put(t, b, "other")
		}
		put(t, a, "last")
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]int{`"first"`: 1, `"other"`: others, `"last"`: 1, `"ha`: others} {
			if n := bytes.Count(got, []byte(text)); n != want {
				t.Errorf("%d others: %s stands %d times, want %d:\n%s", others, text, n, want, got)
			}
		}
	}
}

// TestStrangers: what is no event, or cannot be written, costs no other one, however it goes
// on, and does not come again.
func TestStrangers(t *testing.T) {
	deep := append([]byte{0x92, 0, 0x81, 0xa1, 'a'}, append(bytes.Repeat([]byte{0x91}, maxDepth+2), 0xc0)...)
	strangers := [][]byte{{0xc0}, {0x93, 0, 0x80, 0}, {0x92, 0, 0xa1, 'x'}, {0x92, 0xc0, 0x80}, {0x92, 0x92, 0xa1, 'x', 0x80, 0x80}, deep}
	var chunk []byte
	for _, s := range strangers {
		chunk = append(append(chunk, s...), chunkOf(1, "good")...)
	}
	check := func(name string, got int, err error) {
		t.Helper()
		if !Permanent(err) || !strings.Contains(err.Error(), fmt.Sprintf("%d values left out", len(strangers))) || got != len(strangers) {
			t.Errorf("%s: %d delivered of %d, error %v", name, got, len(strangers), err)
		}
	}
	var out bytes.Buffer
	lines, err := NewLines(&out, JSONOptions{}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	err = lines.Deliver(context.Background(), "t", chunk, 2*len(strangers))
	check("lines", strings.Count(out.String(), `"log":"good"`), err)

	name := filepath.Join(t.TempDir(), "f")
	err = fileAt(t, name).Deliver(context.Background(), "t", chunk, 2*len(strangers))
	b, rerr := os.ReadFile(name)
	if rerr != nil {
		t.Fatal(rerr)
	}
	check("file", strings.Count(string(b), `"log":"good"`), err)

	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) }))
	defer s.Close()
	err = httpClient(t, HTTPOptions{URL: s.URL}).Deliver(context.Background(), "t", chunk, 2*len(strangers))
	check("http", strings.Count(string(body), `"log":"good"`), err)

	// Forward keeps MessagePack, and takes any record.
	events, records, left := appendForwardEvents(nil, chunk)
	if n := bytes.Count(events, []byte("good")); n != len(strangers) || records != n+1 || left != n-1 {
		t.Errorf("forward: %d good, %d records, %d left out", n, records, left)
	}
}

// TestDamagedChunk: no output takes it, and all say that it is of no use to come again.
func TestDamagedChunk(t *testing.T) {
	lines, err := NewLines(io.Discard, JSONOptions{}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []Deliverer{lines, fileAt(t, filepath.Join(t.TempDir(), "f"))} {
		for _, chunk := range [][]byte{{0xc1}, {0x93, 0, 0x80, 0}, {0x92, 0}, {0x92, 0, 0xc0}, append(chunkOf(1, "x"), 0x92)} {
			if err := d.Deliver(context.Background(), "t", chunk, 1); !Permanent(err) {
				t.Errorf("%T, % x: error %v", d, chunk, err)
			}
		}
	}
}
