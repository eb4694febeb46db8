package fluentbit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	policy "logveil/internal/config"
)

const deploy = "../../deploy/fluent-bit"

// deployed returns the configurations of Fluent Bit in deploy/.
func deployed(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"yaml/*.yaml", "classic/*.conf", "*/fluent-bit.yaml"} {
		found, err := filepath.Glob(filepath.Join(deploy, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if !strings.HasSuffix(f, "plugins.conf") {
				files = append(files, f)
			}
		}
	}
	if len(files) < 20 {
		t.Fatalf("%d configurations in %s", len(files), deploy)
	}
	return files
}

// TestDeploy: what is shipped lets nothing past, and goes to the output it is named after.
func TestDeploy(t *testing.T) {
	for _, file := range deployed(t) {
		r, err := Check(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Problems {
			t.Errorf("%v", p)
		}
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		switch name {
		case "fluent-bit":
			name = "loki"
		case "output-face":
			name = Plugin
		}
		if len(r.Routes) != 1 || r.Routes[0].To != name || r.Routes[0].By == "nothing" {
			t.Errorf("%s: routes %+v", file, r.Routes)
		}
		if len(r.Policies) != 1 {
			t.Errorf("%s: policies %+v", file, r.Policies)
		}
	}
}

// TestDeployPolicies: the policies are valid, and those of outputs have one.
func TestDeployPolicies(t *testing.T) {
	n := 0
	err := filepath.WalkDir(deploy, func(file string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "policy.yml") {
			return err
		}
		n++
		p, err := policy.Load(file)
		if err != nil {
			t.Error(err)
			return nil
		}
		if (p.FluentBit.Output.Type != "") != (filepath.Base(file) == "output-policy.yml") {
			t.Errorf("%s: output %q", file, p.FluentBit.Output.Type)
		}
		return nil
	})
	if err != nil || n < 5 {
		t.Errorf("%d policies: %v", n, err)
	}
}

// TestManifests: every document for Kubernetes can be read and says what it is, and what a
// kustomization lists is there.
func TestManifests(t *testing.T) {
	for _, dir := range []string{"kubernetes", "runtime-fabric"} {
		files, err := filepath.Glob(filepath.Join(deploy, dir, "*.yaml"))
		if err != nil || len(files) < 2 {
			t.Fatalf("%d files: %v", len(files), err)
		}
		for _, file := range files {
			if filepath.Base(file) == "fluent-bit.yaml" {
				continue
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i, doc := range strings.Split(string(b), "\n---\n") {
				var v map[string]any
				if err := yaml.Unmarshal([]byte(doc), &v); err != nil || v["apiVersion"] == nil || v["kind"] == nil {
					t.Errorf("%s, document %d: %v", file, i, err)
				}
				if v["kind"] != "Kustomization" {
					continue
				}
				for _, r := range v["resources"].([]any) {
					if _, err := os.Stat(filepath.Join(deploy, dir, r.(string))); err != nil {
						t.Error(err)
					}
				}
				for _, g := range v["configMapGenerator"].([]any) {
					for _, f := range g.(map[string]any)["files"].([]any) {
						if _, err := os.Stat(filepath.Join(deploy, dir, f.(string))); err != nil {
							t.Error(err)
						}
					}
				}
			}
		}
	}
}

// host is a real Fluent Bit with the plugin, and deploy/ laid out beside it.
type host struct {
	program, dir string
	plugins      string // what it has, as --help lists it
	version      string // major and minor
	yaml         bool   // whether it reads parsers and plugins in YAML
}

// newHost returns the Fluent Bit that FLUENT_BIT names, and builds the plugin for it.
func newHost(t *testing.T) host {
	t.Helper()
	h := host{program: os.Getenv("FLUENT_BIT"), dir: t.TempDir()}
	if h.program == "" {
		t.Skip("FLUENT_BIT names no Fluent Bit")
	}
	if testing.Short() {
		t.Skip("-short: building the plugin takes a while")
	}
	help, err := exec.Command(h.program, "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%s --help: %v", h.program, err)
	}
	h.plugins = string(help)
	version, err := exec.Command(h.program, "--version").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`Fluent Bit v(\d+)\.(\d+)`).FindStringSubmatch(string(version))
	if m == nil {
		t.Fatal("a Fluent Bit without a version")
	}
	h.version = m[1] + "." + m[2]
	h.yaml = h.version >= "3.2"
	if err := os.CopyFS(filepath.Join(h.dir, "cfg"), os.DirFS(deploy)); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"opt", "var", "logs"} {
		if err := os.Mkdir(filepath.Join(h.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	filter := filepath.Join(h.dir, "opt", "flb-filter_logveil.so")
	build := exec.Command("go", "build", "-tags", "netgo,osusergo", "-buildmode=c-shared", "-o", filter, "../../plugin/flb")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the plugin: %v\n%s", err, out)
	}
	if err := os.Link(filter, filepath.Join(h.dir, "opt", "logveil.so")); err != nil {
		t.Fatal(err)
	}
	paths := strings.NewReplacer(
		"/opt/logveil", filepath.Join(h.dir, "opt"), "/etc/logveil", filepath.Join(h.dir, "cfg"),
		"/var/lib/fluent-bit", filepath.Join(h.dir, "var"), "/var/log/containers", filepath.Join(h.dir, "logs"),
		"/var/log/app", filepath.Join(h.dir, "logs"))
	err = filepath.WalkDir(filepath.Join(h.dir, "cfg"), func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(file, []byte(paths.Replace(string(b))), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// command runs Fluent Bit in the folder of a configuration.
func (h host) command(file string, args ...string) *exec.Cmd {
	cmd := exec.Command(h.program, append(args, "-c", filepath.Base(file))...)
	cmd.Dir = filepath.Dir(file)
	cmd.Env = append(os.Environ(), "ES_USER=u", "ES_PASSWORD=p", "SPLUNK_TOKEN=t", "FORWARD_KEY=k", "LOKI_HOST=loki.example")
	return cmd
}

// TestDeployDryRun has a real Fluent Bit read every configuration whose output it has.
func TestDeployDryRun(t *testing.T) {
	h := newHost(t)
	for _, file := range deployed(t) {
		rel, err := filepath.Rel(deploy, file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(rel, func(t *testing.T) {
			name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
			_, outputs, _ := strings.Cut(h.plugins, "Outputs")
			if slices.Contains([]string{"s3", "kafka"}, name) && !strings.Contains(outputs, "\n  "+name+" ") {
				t.Skipf("this Fluent Bit was built without the output %s", name)
			}
			if name == "fluent-bit" && !h.yaml {
				t.Skip("this Fluent Bit reads no parsers in YAML")
			}
			// 3.1 crashes after the test of any configuration with a filter as a
			// processor; what it says before is what counts.
			out, _ := h.command(filepath.Join(h.dir, "cfg", rel), "--dry-run").CombinedOutput()
			if !bytes.Contains(out, []byte("configuration test is successful")) {
				t.Errorf("%s", out)
			}
		})
	}
}

// TestMule runs the pipeline for Mule applications in a real Fluent Bit, over the log of a
// container whose lines the runtime cut in pieces: events of many lines come whole, and
// redacted.
func TestMule(t *testing.T) {
	h := newHost(t)
	if !h.yaml {
		t.Skip("this Fluent Bit reads no parsers in YAML")
	}
	sample, err := os.ReadFile("../../testdata/mule/sample.log")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	for i, line := range strings.Split(strings.TrimSuffix(string(sample), "\n"), "\n") {
		stamp := fmt.Sprintf("2026-03-02T08:14:%02d.%09dZ stdout ", i/10, i)
		for len(line) > 60 {
			log.WriteString(stamp + "P " + line[:50] + "\n")
			line = line[50:]
		}
		log.WriteString(stamp + "F " + line + "\n")
	}
	container := filepath.Join(h.dir, "logs", "orders-5d_prod_app-"+strings.Repeat("0123456789abcdef", 4)+".log")
	if err := os.WriteFile(container, log.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	// No Kubernetes and no Loki here: their places are taken by a filter that does
	// nothing, and by a file.
	file := filepath.Join(h.dir, "cfg", "runtime-fabric", "fluent-bit.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pipeline, _, ok := strings.Cut(string(b), "    - name: loki\n")
	kube := regexp.MustCompile(`(?m)^    - name: kubernetes\n(      .*\n)*`)
	if !ok || !kube.MatchString(pipeline) {
		t.Fatal("the pipeline is not as this test knows it")
	}
	pipeline = kube.ReplaceAllString(pipeline, "    - name: modify\n      match: kube.*\n      add: pod x\n")
	pipeline = strings.ReplaceAll(pipeline, "http_server: on", "http_server: off")
	pipeline += "    - name: stdout\n      match: kube.*\n      format: json_lines\n"
	if err := os.WriteFile(file, []byte(pipeline), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := h.command(file, "-q")
	var messages bytes.Buffer
	out := filepath.Join(h.dir, "out")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, &messages
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// It goes on when no more comes: two flushes, and two waits for more lines.
	time.Sleep(6 * time.Second)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &messages)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	whole := false
	d := json.NewDecoder(bytes.NewReader(got))
	for {
		var v struct{ Log string }
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		events++
		if strings.HasPrefix(v.Log, "ERROR") && strings.Contains(v.Log, "OnErrorPropagateHandler") && strings.Contains(v.Log, "FlowStack") && strings.Contains(v.Log, "aws_secret_access_key=tok1_") {
			whole = true
		}
	}
	lines := bytes.Count(sample, []byte("\n"))
	if events == 0 || events >= lines || !whole {
		t.Errorf("%d events of %d lines, one of many lines whole: %v\n%s\n%s", events, lines, whole, got, &messages)
	}
	for _, secret := range []string{"ada.lovelace@example.com", "4111111111111111", "wJalrXUtnFEMI", "AKIAIOSFODNN7EXAMPLE"} {
		if !bytes.Contains(sample, []byte(secret)) {
			t.Errorf("the sample has no %q any more", secret)
		}
		if bytes.Contains(got, []byte(secret)) {
			t.Errorf("%q came through", secret)
		}
		if files := holding(t, filepath.Join(h.dir, "var"), secret); len(files) > 0 {
			t.Errorf("%q stands in %v", secret, files)
		}
	}
}

// holding returns the files under a folder that hold a text.
func holding(t *testing.T, dir, text string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(file)
		if bytes.Contains(b, []byte(text)) {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
