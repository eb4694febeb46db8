package outputs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	root   = "../../.."
	deploy = root + "/deploy/fluent-bit"
)

// lines is how many lines of a log go through each configuration.
const lines = 3000

// planted are the values of line, which must arrive nowhere.
var planted = []string{"4111111111111111", "ada@example.com", "hunter2", "078-05-1120"}

// line is line n of a log, and what must come of it under deploy/'s policies; keep says
// that they leave a card its last digits.
func line(n int, keep bool) (text, redacted string) {
	card := "tok1_card_x"
	if keep {
		card += "1111"
	}
	switch n % 4 {
	case 0:
		return fmt.Sprintf("n=%07d paid with 4111111111111111 by ada@example.com", n),
			fmt.Sprintf("n=%07d paid with %s by tok1_email_x", n, card)
	case 1:
		return fmt.Sprintf("n=%07d login password=hunter2 ok", n), fmt.Sprintf("n=%07d login password=tok1_password_x ok", n)
	case 2:
		return fmt.Sprintf(`n=%07d {"user":"ada@example.com","ssn":"078-05-1120"}`, n),
			fmt.Sprintf(`n=%07d {"user":"tok1_email_x","ssn":"tok1_ssn_x"}`, n)
	}
	same := fmt.Sprintf("n=%07d GET /index.html 200 took %d ms", n, n%97)
	return same, same
}

// end is where the records of a configuration go to.
type end interface {
	// settings are the keys of the output that name the end, by the key that stands there.
	settings() [][2]string
	// lines returns the lines that have arrived.
	lines(t *testing.T) []string
	// wire returns what came, as it came or as it is kept.
	wire(t *testing.T) []byte
}

// TestOutputs runs each configuration of deploy/fluent-bit in each Fluent Bit. Only the
// folders, the name of the end and the authority that it is certified by are changed.
func TestOutputs(t *testing.T) {
	programs := filepath.SplitList(os.Getenv("FLUENT_BIT"))
	if len(programs) == 0 {
		t.Skip("FLUENT_BIT names no program of Fluent Bit")
	}
	last := newest(t, programs)
	n := 1 // the number of the next line: no two runs send the same one
	for _, o := range []struct {
		name, end string
		start     func(t *testing.T, w *world) end
	}{
		{"stdout", "standard output", startStdout},
		{"es", "VictoriaLogs", startElasticsearch},
		{"es", "OpenSearch", startOpenSearch},
		{"loki", "VictoriaLogs", startLoki},
		{"splunk", "VictoriaLogs", startSplunk},
		{"opentelemetry", "VictoriaLogs", startOpenTelemetry},
		{"s3", "Versity S3 Gateway", startS3},
		{"kafka", "Kafka", startKafka},
		{"forward", "Fluent Bit", startForward},
		{"output-face", "Fluent Bit", startFace},
	} {
		t.Run(o.name+" to "+o.end, func(t *testing.T) {
			for _, program := range programs {
				version, outputs := about(t, program)
				t.Run(version, func(t *testing.T) {
					if o.name != "output-face" && !strings.Contains(outputs, "\n  "+o.name+" ") {
						t.Skipf("this Fluent Bit was built without the output %s", o.name)
					}
					w := &world{program: program, receiver: last, authority: newAuthority(t, t.TempDir())}
					e := o.start(t, w)
					for _, file := range []string{"yaml/" + o.name + ".yaml", "classic/" + o.name + ".conf"} {
						t.Run(filepath.Dir(file), func(t *testing.T) {
							w.run(t, e, file, n)
							n += lines
						})
					}
				})
			}
		})
	}
}

// about returns the version of a Fluent Bit, and what it says of its outputs.
func about(t *testing.T, program string) (version, outputs string) {
	t.Helper()
	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	version, _, _ = strings.Cut(strings.TrimPrefix(string(out), "Fluent Bit "), "\n")
	help, err := exec.Command(program, "--help").Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	_, outputs, _ = strings.Cut(string(help), "Outputs")
	return version, outputs
}

// world is a folder for the ends and the runs of one Fluent Bit.
type world struct {
	program  string
	receiver string // the Fluent Bit that another one sends to
	out      string // where the run prints to
	authority
}

// newest returns the program of the highest version. Fluent Bit 2.2 has no shared keys for
// what it receives.
func newest(t *testing.T, programs []string) string {
	t.Helper()
	of := func(program string) []int {
		version, _ := about(t, program)
		v := make([]int, 3)
		if _, err := fmt.Sscanf(version, "v%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
			t.Fatalf("%s: version %q", program, version)
		}
		return v
	}
	return slices.MaxFunc(programs, func(a, b string) int { return slices.Compare(of(a), of(b)) })
}

// builds is a folder for the plugin.
var builds string

func TestMain(m *testing.M) {
	var err error
	if builds, err = os.MkdirTemp("", "outputs"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(builds)
	os.Exit(code)
}

// plugin builds the plugin under both names, once.
var plugin = sync.OnceValue(func() error {
	filter := filepath.Join(builds, "flb-filter_logveil.so")
	build := exec.Command("go", "build", "-tags", "netgo,osusergo", "-buildmode=c-shared", "-o", filter, "./plugin/flb")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return os.Link(filter, filepath.Join(builds, "logveil.so"))
})

// run runs a configuration until all lines have arrived, and compares.
func (w *world) run(t *testing.T, e end, file string, from int) {
	t.Helper()
	if err := plugin(); err != nil {
		t.Fatalf("building the plugin: %v", err)
	}
	dir := t.TempDir()
	for _, d := range []string{"logs", "var"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.layOut(t, dir, e)
	keep := !strings.Contains(file, "output-face")
	var log bytes.Buffer
	want := map[string]bool{}
	for n := from; n < from+lines; n++ {
		text, redacted := line(n, keep)
		fmt.Fprintln(&log, text)
		want[redacted] = true
	}
	write(t, filepath.Join(dir, "logs", "app.log"), log.String())

	w.out = filepath.Join(dir, "out")
	f := run(t, w.program, filepath.Join(dir, "cfg", file), w.out)
	var got map[string]int
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(200 * time.Millisecond) {
		got = map[string]int{}
		for _, l := range e.lines(t) {
			var n int
			if _, err := fmt.Sscanf(l, "n=%d ", &n); err != nil || n >= from && n < from+lines {
				got[l]++
			}
		}
		if len(got) >= lines {
			break
		}
	}
	// What is on the disk now may be gone at the end.
	none(t, "var", files(t, filepath.Join(dir, "var")))
	f.stop(t)
	none(t, "var", files(t, filepath.Join(dir, "var")))
	none(t, "what came", e.wire(t))
	none(t, "the log", f.log(t))
	missing, other, again := 0, 0, 0
	for l := range want {
		if got[l] == 0 {
			if missing++; missing < 4 {
				t.Errorf("missing: %s", l)
			}
		}
	}
	for l, n := range got {
		if !want[l] {
			if other++; other < 4 {
				t.Errorf("not expected: %s", l)
			}
		}
		again += n - 1
	}
	t.Logf("%d lines: %d arrived, %d missing, %d others, %d again", lines, lines-missing, missing, other, again)
	if again > 0 {
		t.Errorf("%d lines came again", again)
	}
	if t.Failed() {
		t.Logf("%s", f.log(t))
	}
}

// layOut copies deploy/ into a folder and puts the names of this place into it.
func (w *world) layOut(t *testing.T, dir string, e end) {
	t.Helper()
	cfg := filepath.Join(dir, "cfg")
	if err := os.CopyFS(cfg, os.DirFS(deploy)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(cfg, "secrets", "shared-key"), "forward-key")
	write(t, filepath.Join(cfg, "secrets", "ca.pem"), string(w.pem))
	places := strings.NewReplacer("/opt/logveil", builds, "/etc/logveil", cfg,
		"/var/lib/fluent-bit", filepath.Join(dir, "var"), "/var/log/app", filepath.Join(dir, "logs"), "127.0.0.1:2021", "127.0.0.1:0")
	err := filepath.WalkDir(cfg, func(file string, e2 fs.DirEntry, err error) error {
		if err != nil || e2.IsDir() {
			return err
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text := places.Replace(string(b))
		switch {
		case strings.HasSuffix(file, "output-policy.yml"):
			if face, ok := e.(*face); ok {
				text = face.policy(t, text)
			}
		case strings.HasSuffix(file, ".yaml") || strings.HasSuffix(file, ".conf"):
			text = set(text, e.settings())
		}
		return os.WriteFile(file, []byte(text), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// set gives keys of the last output of a configuration other values. A key that is not
// there comes last.
func set(text string, settings [][2]string) string {
	at := max(strings.LastIndex(text, "\n[OUTPUT]\n"), strings.LastIndex(text, "\n  outputs:\n"))
	if at < 0 {
		return text
	}
	head, output := text[:at], strings.TrimRight(text[at:], "\n")+"\n"
	for _, s := range settings {
		key := regexp.MustCompile(`(?m)^( +(?:- )?` + regexp.QuoteMeta(s[0]) + `:? +)\S.*$`)
		switch {
		case key.MatchString(output):
			output = key.ReplaceAllString(output, "${1}"+s[1])
		case strings.Contains(head, "\n[SERVICE]\n"):
			output += "    " + s[0] + " " + s[1] + "\n"
		default:
			output += "      " + s[0] + ": " + s[1] + "\n"
		}
	}
	return head + output
}

// fluentBit is a running Fluent Bit.
type fluentBit struct {
	cmd  *exec.Cmd
	out  string
	done chan error
}

// run starts one with a configuration; its standard output goes to a file.
func run(t *testing.T, program, conf, out string) *fluentBit {
	t.Helper()
	stdout, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	stderr, err := os.Create(out + ".log")
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	f := &fluentBit{cmd: exec.Command(program, "-c", filepath.Base(conf)), out: out, done: make(chan error, 1)}
	f.cmd.Dir = filepath.Dir(conf)
	f.cmd.Stdout, f.cmd.Stderr = stdout, stderr
	f.cmd.Env = append(os.Environ(), "ES_USER=es-user", "ES_PASSWORD=es-password", "SPLUNK_TOKEN=splunk-token",
		"FORWARD_KEY=forward-key", "HOSTNAME=here", "AWS_ACCESS_KEY_ID=s3-access", "AWS_SECRET_ACCESS_KEY=s3-secret-key")
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { f.done <- f.cmd.Wait() }()
	t.Cleanup(func() { _ = f.cmd.Process.Kill() })
	return f
}

// stop asks it to end, and waits.
func (f *fluentBit) stop(t *testing.T) {
	t.Helper()
	_ = f.cmd.Process.Signal(syscall.SIGTERM) // one that has ended is told by what it left
	select {
	case err := <-f.done:
		if err != nil {
			t.Errorf("the end of Fluent Bit: %v", err)
		}
	case <-time.After(40 * time.Second):
		t.Error("Fluent Bit does not end")
		_ = f.cmd.Process.Kill()
	}
}

func (f *fluentBit) log(t *testing.T) []byte { return read(t, f.out+".log") }

// none reports planted values in a text.
func none(t *testing.T, what string, text []byte) {
	t.Helper()
	for _, p := range planted {
		if i := bytes.Index(text, []byte(p)); i >= 0 {
			t.Errorf("%s holds %q: %q", what, p, text[max(0, i-100):min(len(text), i+100)])
		}
	}
}

// files returns the text of all files under a folder.
func files(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			b, _ := os.ReadFile(file) // it may be gone in the meantime
			all = append(all, b...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
