package log4j2test

import (
	"bytes"
	"context"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"logveil/detectors"
	"logveil/redact"
)

const (
	project  = "../../testdata/log4j2"
	recorded = project + "/recorded"
)

var update = flag.Bool("update", false, "record what Log4j2 writes")

// TestRecorded looks at what Log4j2 wrote when it was recorded.
func TestRecorded(t *testing.T) {
	if n := check(t, recorded); n < 7 {
		t.Errorf("%d logs", n)
	}
}

// TestLog4j2 builds the program, and looks at what it writes through each of its layouts,
// some of which is recorded. LOG4J2_VERSION names another version of Log4j2 than that of
// pom.xml, whose logs may be others than the recorded ones.
func TestLog4j2(t *testing.T) {
	version := os.Getenv("LOG4J2_VERSION")
	dir := run(t, version)
	if n := check(t, dir); n < 27 {
		t.Errorf("%d logs", n)
	}
	if version != "" {
		return
	}
	names, err := filepath.Glob(filepath.Join(recorded, "*.*"))
	if err != nil || len(names) < 8 {
		t.Fatalf("%d recorded files: %v", len(names), err)
	}
	for _, name := range names {
		now, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
		if err != nil {
			t.Fatal(err)
		}
		now = sender.ReplaceAll(now, []byte("${1}localhost$2"))
		if *update {
			if err := os.WriteFile(name, now, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if was, err := os.ReadFile(name); err != nil || !bytes.Equal(was, now) {
			t.Errorf("%s is not what Log4j2 writes now; go test -run TestLog4j2 -update records it: %v", name, err)
		}
	}
}

// sender is the host in the header of a line of syslog, and the process's number.
var sender = regexp.MustCompile(`(?m)^(<\d+>(?:1 \S+|\w+ +\d+ \S+) )\S+(?:( orders) \d+)?`)

// run builds the program, runs it, and returns the folder with what it wrote. It uses what
// Maven has fetched before, so that tests need no network.
func run(t *testing.T, version string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: Maven and Log4j2 take seconds")
	}
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: the recorded logs alone are looked at", tool)
		}
	}
	// Maven reads the sources; to look at them here tells the cache of go test about them.
	if err := filepath.WalkDir(project, func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
		t.Fatal(err)
	}
	build, out := t.TempDir(), t.TempDir()
	args := []string{"-o", "-q", "-B", "-f", project, "-Dout=" + build, "compile", "dependency:build-classpath"}
	if version != "" {
		args = append(args, "-Dlog4j.version="+version)
	}
	text, err := exec.Command("mvn", args...).CombinedOutput()
	if err != nil && bytes.Contains(text, []byte("offline")) && os.Getenv("CI") == "" {
		t.Skip("Maven has not fetched Log4j2: make log4j2 has it do so")
	}
	if err != nil {
		t.Fatalf("mvn: %v\n%s", err, text)
	}
	classpath, err := os.ReadFile(filepath.Join(build, "classpath"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("java", "-Dfile.encoding=UTF-8", "-Duser.timezone=UTC", "-Duser.language=en", "-Dout="+out,
		"-cp", filepath.Join(build, "classes")+string(os.PathListSeparator)+string(classpath), "com.acme.orders.Samples")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "JAVA_TOOL_OPTIONS=") })
	if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
		t.Fatalf("java: %v\n%s", err, text)
	}
	return out
}

// check redacts the logs in a folder and expects them to be, as their readers read them,
// what they were but for the planted values, and returns how many they were.
func check(t *testing.T, dir string) (logs int) {
	t.Helper()
	e, err := redact.New(redact.Options{Detectors: detectors.All()})
	if err != nil {
		t.Fatal(err)
	}
	values := planted(t, dir)
	seen := map[string]int{}
	names, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		read := readers[filepath.Ext(name)]
		if read == nil {
			continue
		}
		logs++
		in, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			was, err := read(in)
			if err != nil {
				t.Fatalf("as written: %v", err)
			}
			w := e.NewWorker()
			out := w.Append(context.Background(), nil, in)
			if n := w.Stats().Unscanned; n > 0 {
				t.Errorf("%d places were not scanned", n)
			}
			got, err := read(out)
			if err != nil {
				t.Fatalf("redacted: %v", err)
			}
			if len(got) != len(was) {
				t.Fatalf("%d parts became %d", len(was), len(got))
			}
			for i := range was {
				if got, want := blankMasks(got[i]), values.blank(was[i]); got != want {
					t.Errorf("got  %s\nwant %s\nwas  %s", got, want, was[i])
				}
			}
			for _, v := range values.list {
				seen[v] += strings.Count(string(in), v)
			}
			var piecewise bytes.Buffer
			if _, err := e.Copy(context.Background(), &piecewise, pieces{bytes.NewReader(in)}, redact.CopyOptions{Workers: 1}); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(piecewise.Bytes(), out) {
				t.Error("read in pieces it becomes something else")
			}
		})
	}
	for _, v := range values.list {
		if seen[v] == 0 {
			t.Errorf("%s stands in no log", v)
		}
	}
	return logs
}

// pieces reads at most 100 bytes at a time, as a pipe may.
type pieces struct{ r *bytes.Reader }

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), 100)]) }

// values are what the program says it planted.
type values struct {
	list   []string // the longest first
	blanks *strings.Replacer
}

func planted(t *testing.T, dir string) *values {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "planted.txt"))
	if err != nil {
		t.Fatal(err)
	}
	v := values{list: strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")}
	if n := len(slices.Compact(slices.Sorted(slices.Values(v.list)))); n < 80 || n != len(v.list) {
		t.Fatalf("%d planted values, %d different ones", len(v.list), n)
	}
	slices.SortFunc(v.list, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range v.list {
		pairs = append(pairs, s, blank)
	}
	v.blanks = strings.NewReplacer(pairs...)
	return &v
}

// blank returns a part of a log with its planted values blanked out.
func (v *values) blank(part string) string {
	return quotedBlank.ReplaceAllString(v.blanks.Replace(part), blank)
}

const blank = "\u00ab\u00bb"

var (
	aMask = regexp.MustCompile(`tok1_[a-z0-9]+_x[a-z0-9]*`)
	// quotedBlank has the quotes that a mask gets in the place of a number of JSON.
	quotedBlank = regexp.MustCompile(`\\*"` + blank + `\\*"`)
)

// blankMasks returns a part of a redacted log with its masks blanked out.
func blankMasks(part string) string {
	return quotedBlank.ReplaceAllString(aMask.ReplaceAllString(part, blank), blank)
}
