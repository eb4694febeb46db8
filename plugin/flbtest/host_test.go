package flbtest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const root = "../.."

// compiler says why there is no C compiler, or is empty.
var compiler = sync.OnceValue(func() string {
	cc, err := exec.Command("go", "env", "CC").Output()
	if err == nil {
		_, err = exec.LookPath(strings.TrimSpace(string(cc)))
	}
	if err != nil {
		return fmt.Sprintf("no C compiler, so no plugin: %v", err)
	}
	return ""
})

var built sync.Map // of a name to the folder that holds it

var builds string

func TestMain(m *testing.M) {
	var err error
	if builds, err = os.MkdirTemp("", "flbtest"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(builds)
	os.Exit(code)
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// once builds something in a folder of its own.
func once(t testing.TB, name string, build func(dir string)) string {
	t.Helper()
	if why := compiler(); why != "" {
		t.Skip(why)
	}
	type result struct {
		sync.Once
		ok bool
	}
	v, _ := built.LoadOrStore(name, new(result))
	r := v.(*result)
	dir := filepath.Join(builds, name)
	r.Do(func() {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		build(dir)
		r.ok = true
	})
	if !r.ok {
		t.Fatalf("%s was not built", name)
	}
	return dir
}

// buildPlugin builds the plugin under both names, as make plugin does.
func buildPlugin(t testing.TB, dir string, args ...string) {
	t.Helper()
	so := filepath.Join(dir, "flb-filter_logveil.so")
	args = append([]string{"build", "-trimpath", "-tags", "netgo,osusergo", "-buildmode=c-shared", "-o", so}, args...)
	run(t, "go", append(args, "./plugin/flb")...)
	if err := os.Link(so, filepath.Join(dir, "logveil.so")); err != nil {
		t.Fatal(err)
	}
}

func plugin(t testing.TB) string {
	return once(t, "plugin", func(dir string) { buildPlugin(t, dir) })
}

// faultyPlugin has one detector more, which panics at the word "boom": with its text, and
// by a pointer to nothing at "boomnil".
func faultyPlugin(t testing.TB) string {
	return once(t, "faulty", func(dir string) {
		all, err := filepath.Abs(filepath.Join(root, "detectors", "all.go"))
		if err != nil {
			t.Fatal(err)
		}
		src, err := os.ReadFile(all)
		if err != nil {
			t.Fatal(err)
		}
		decl := regexp.MustCompile(`(?m)^func All\(\) \[\]redact\.Detector \{`)
		if len(decl.FindAll(src, -1)) != 1 {
			t.Fatal("detectors/all.go has no func All any more: where is the list?")
		}
		src = decl.ReplaceAll(src, []byte(`func All() []redact.Detector { return append(allButBroken(), broken{}) }

type broken struct{}

func (broken) Spec() redact.Spec {
	return redact.Spec{Name: "broken", Kind: "broken", MaxLen: 10, Anchor: redact.Anchor{Literals: []redact.Literal{{Text: "boom"}}}}
}

func (broken) Match(b []byte, at int) (redact.Span, redact.Reason) {
	if at+7 <= len(b) && string(b[at:at+7]) == "boomnil" {
		var nothing *redact.Span
		return *nothing, redact.Accepted
	}
	panic("at " + string(b[at:]))
}

func allButBroken() []redact.Detector {`))
		with := filepath.Join(dir, "all.go")
		overlay := filepath.Join(dir, "overlay.json")
		if err := os.WriteFile(with, src, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace":{%q:%q}}`, all, with), 0o600); err != nil {
			t.Fatal(err)
		}
		buildPlugin(t, dir, "-overlay", overlay)
	})
}

// host is a running host.
type host struct {
	t      testing.TB
	in     io.WriteCloser
	out    *bufio.Scanner
	stderr bytes.Buffer
	cmd    *exec.Cmd
	dir    string
}

func startHost(t testing.TB, plugin, version string, flags ...string) *host {
	t.Helper()
	bin := filepath.Join(once(t, "host"+strings.Join(flags, ""), func(dir string) {
		run(t, "sh", append([]string{"-c", `exec $(go env CC) "$@"`, "cc"}, append(flags, "-std=gnu11", "-Wall", "-Werror", "-O1", "-g",
			"-rdynamic", "-pthread", "plugin/flbtest/testdata/host.c", "-o", filepath.Join(dir, "host"), "-ldl")...)...)
	}), "host")
	h := &host{t: t, dir: t.TempDir()}
	h.cmd = exec.Command(bin, filepath.Join(plugin, "flb-filter_logveil.so"), filepath.Join(plugin, "logveil.so"), version)
	h.cmd.Stderr = &h.stderr
	var err error
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.out = bufio.NewScanner(out)
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = h.cmd.Process.Kill(), h.cmd.Wait() }) // when a test ends early
	return h
}

// end waits for the end of the host, and returns its log.
func (h *host) end() string {
	h.t.Helper()
	h.in.Close()
	if err := h.cmd.Wait(); err != nil {
		h.t.Fatalf("the host: %v\n%s", err, &h.stderr)
	}
	return h.stderr.String()
}

func (h *host) ask(format string, args ...any) string {
	h.t.Helper()
	line := fmt.Sprintf(format, args...)
	if _, err := fmt.Fprintln(h.in, line); err != nil {
		h.t.Fatalf("%s: %v\n%s", line, err, &h.stderr)
	}
	answer := make(chan bool, 1)
	go func() { answer <- h.out.Scan() }()
	select {
	case ok := <-answer:
		if !ok {
			_ = h.cmd.Wait()
			h.t.Fatalf("%s: the host ended\n%s", line, &h.stderr)
		}
	case <-time.After(2 * time.Minute):
		_ = h.cmd.Process.Kill()
		h.t.Fatalf("%s: no answer\n%s", line, &h.stderr)
	}
	return h.out.Text()
}

func (h *host) want(want, format string, args ...any) {
	h.t.Helper()
	if got := h.ask(format, args...); got != want {
		h.t.Errorf("%s: %s, want %s", fmt.Sprintf(format, args...), got, want)
	}
}

// write puts a file into the host's folder.
func (h *host) write(name, text string) string {
	h.t.Helper()
	file := filepath.Join(h.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return file
}

// filter gives a chunk to a filter and returns what goes on, which must be the chunk itself
// if and only if the filter says that it is untouched.
func (h *host) filter(id int, chunk []byte) []byte {
	h.t.Helper()
	out := filepath.Join(h.dir, "out")
	answer := h.ask("filter %d %s %s", id, h.write("in", string(chunk)), out)
	b, err := os.ReadFile(out)
	if err != nil {
		h.t.Fatal(err)
	}
	want := "modified"
	if bytes.Equal(b, chunk) {
		want = "untouched"
	}
	if answer != want {
		h.t.Errorf("the filter says %s of a chunk that is %s", answer, want)
	}
	return b
}
