package fluentbit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// planted is a value that no output and no disk may see.
const planted = "ada.lovelace@example.com"

// verdicts are configurations for a real Fluent Bit. DIR is a folder of the test's own;
// leaks says whether the planted value comes to light in it, idle that nothing reaches an
// output.
var verdicts = []struct {
	name        string
	leaks, yaml bool
	text        string
	idle        bool
}{
	{"no redactor", true, false, "INPUT a\nOUT *\n", false},
	{"filter over all", false, false, "INPUT a\nREDACT *\nOUT *\n", false},
	{"filter over another tag", true, false, "INPUT a\nREDACT b\nOUT *\n", false},
	{"filter over one of two tags", true, false, "INPUT a.x\nINPUT b.x\nREDACT a.*\nOUT *\n", false},
	{"two filters over two tags", false, false, "INPUT a.x\nINPUT b.x\nREDACT a.*\nREDACT *.x\nOUT *\n", false},
	{"output over the other tag", false, false, "INPUT a.x\nINPUT b.x\nREDACT a.*\nOUT a*\n", false},
	{"stars inside", false, false, "INPUT a.mid.b\nREDACT a*d.b\nOUT *.b\n", false},
	{"stars inside that do not match", true, false, "INPUT a.mid.b\nREDACT a*d.c\nOUT *.b\n", false},
	{"default tags", false, false, "[INPUT]\n    name dummy\n    dummy {\"log\":\"VALUE\"}\n    samples 3\nREDACT dummy.0\nOUT dummy*\n", false},
	{"default tags of another number", true, false, "[INPUT]\n    name dummy\n    dummy {\"log\":\"VALUE\"}\n    samples 3\nREDACT dummy.1\nOUT dummy*\n", false},
	{"regex", false, false, "INPUT app.1\n[FILTER]\n    name logveil\n    match_regex ^app\\.[0-9]$\n    config_file DIR/p.yml\nOUT *\n", false},
	{"regex of another tag", true, false, "INPUT app.x\n[FILTER]\n    name logveil\n    match_regex ^app\\.[0-9]$\n    config_file DIR/p.yml\nOUT *\n", false},
	{"output by regex", true, false, "INPUT app.x\n[OUTPUT]\n    name file\n    match_regex ^app\n    path DIR\n    file out\n" + "INPUT b\nREDACT b\n", false},
	{"rewritten before a narrow filter", true, false, "INPUT a\nREWRITE a new\nREDACT a\nOUT *\n", false},
	{"rewritten before a filter over all", false, false, "INPUT a\nREWRITE a new\nREDACT *\nOUT *\n", false},
	{"rewritten behind the filter", false, false, "INPUT a\nREDACT a\nREWRITE a new\nOUT *\n", false},
	{"rewritten from the old tag", true, false, "INPUT a.b\nREWRITE a.* new.$TAG[1]\nREDACT new.c\nOUT new.*\n", false},
	{"rewritten from the old tag, covered", false, false, "INPUT a.b\nREWRITE a.* new.$TAG[1]\nREDACT new.*\nOUT new.*\n", false},
	{"printed before", true, false, "INPUT a\n[FILTER]\n    name stdout\n    match a\nREDACT *\nOUT *\n", false},
	{"printed behind", false, false, "INPUT a\nREDACT *\n[FILTER]\n    name stdout\n    match a\nOUT *\n", false},
	{"output face", false, false, "INPUT a\nFACE a p.yml\n", false},
	{"another output beside the face", true, false, "INPUT a\nFACE a p.yml\nOUT a\n", false},
	{"face over another tag, null for the rest", false, false, "INPUT a\nFACE b p.yml\n[OUTPUT]\n    name null\n    match a\n", true},
	{"stored before the face, which cannot deliver", true, false, "STORE\nINPUT a\n    storage.type filesystem\nFACE a away.yml\n", false},
	{"in memory before the face, which cannot deliver", false, false, "STORE\nINPUT a\nFACE a away.yml\n", true},
	{"stored behind the filter", false, false, "STORE\nINPUT a\n    storage.type filesystem\nREDACT *\n[OUTPUT]\n    name http\n    match *\n    host 127.0.0.1\n    port 9\n    retry_limit no_limits\n", false},
	{"a tag out of a record", true, false, "INPUT a\nREWRITE a new.$log\nREDACT *\nOUT *\n", false},
	{"a tag out of a part of a record", true, false, "INPUT a\n[FILTER]\n    name rewrite_tag\n    match a\n    rule $log mail.(.*)$ new.$1 false\nREDACT *\nOUT *\n", false},
	{"a tag out of a record behind the filter", false, false, "INPUT a\nREDACT *\nREWRITE a new.$log\nOUT *\n", false},
	{"expected before", true, false, "INPUT a\n[FILTER]\n    name expect\n    match a\n    key_exists none\n    action warn\nREDACT *\nOUT *\n", false},
	{"expected behind", false, false, "INPUT a\nREDACT *\n[FILTER]\n    name expect\n    match a\n    key_exists none\n    action warn\nOUT *\n", false},
	{"a stream of raw records", true, false, "STREAM CREATE STREAM s WITH (tag='new') AS SELECT * FROM TAG:'a'\nINPUT a\nREDACT b\nOUT new\n", false},
	{"a stream of raw records, redacted later", false, false, "STREAM CREATE STREAM s WITH (tag='new') AS SELECT * FROM TAG:'a'\nINPUT a\nREDACT new\nOUT new\n", false},
	{"a stream of redacted records", false, false, "STREAM CREATE STREAM s WITH (tag='new') AS SELECT * FROM TAG:'a*'\nINPUT a\nREDACT a\nOUT new\n", false},
	{"a query that prints", true, false, "STREAM SELECT * FROM TAG:'a'\nINPUT a\nINPUT b\nREDACT b\nOUT b\n", false},
	{"a query that prints redacted records", false, false, "STREAM SELECT * FROM TAG:'a'\nINPUT a\nREDACT a\nOUT a\n", false},
	{"a stream of a redacted input", false, false, "STREAM CREATE STREAM s WITH (tag='new') AS SELECT * FROM STREAM:dummy.1\nINPUT a\nINPUT b\nREDACT b\nOUT new\n", false},
	{"a stream of an input", true, false, "STREAM CREATE STREAM s WITH (tag='new') AS SELECT * FROM STREAM:dummy.0\nINPUT a\nREDACT b\nOUT new\n", false},
	{"joined and stored before the face, which cannot deliver", true, false, "STORE\nINPUT a\n[FILTER]\n    name multiline\n    match a\n    multiline.key_content log\n    multiline.parser go\n    emitter_storage.type filesystem\nFACE a away.yml\n", false},
	{"joined in memory before the face, which cannot deliver", false, false, "STORE\nINPUT a\n[FILTER]\n    name multiline\n    match a\n    multiline.key_content log\n    multiline.parser go\nFACE a away.yml\n", true},
	{"joined and stored before the filter", false, false, "STORE\nINPUT a\n[FILTER]\n    name multiline\n    match a\n    multiline.key_content log\n    multiline.parser go\n    emitter_storage.type filesystem\nREDACT a\nOUT *\n", false},
	{"printed by a processor of the output", true, true, "pipeline:\n  inputs:\n    - {name: dummy, tag: a, samples: 3, dummy: '{\"log\":\"VALUE\"}'}\n  outputs:\n    - {name: file, match: '*', path: DIR, file: out, processors: {logs: [{name: stdout}, {name: logveil, config_file: DIR/p.yml}]}}\n", false},
	{"rewritten by a processor before another", false, true, "pipeline:\n  inputs:\n    - {name: dummy, tag: a, samples: 3, dummy: '{\"log\":\"VALUE\"}', processors: {logs: [{name: rewrite_tag, rule: $log . new true}, {name: logveil, config_file: DIR/p.yml}]}}\n  outputs:\n    - {name: file, match: '*', path: DIR, file: out}\n", false},
	{"rewritten by a processor before a narrow filter", true, true, "pipeline:\n  inputs:\n    - {name: dummy, tag: a, samples: 3, dummy: '{\"log\":\"VALUE\"}', processors: {logs: [{name: rewrite_tag, rule: $log . new true}]}}\n  filters:\n    - {name: logveil, match: a, config_file: DIR/p.yml}\n  outputs:\n    - {name: file, match: '*', path: DIR, file: out}\n", false},
	{"rewritten by a processor before a filter over all", false, true, "pipeline:\n  inputs:\n    - {name: dummy, tag: a, samples: 3, dummy: '{\"log\":\"VALUE\"}', processors: {logs: [{name: rewrite_tag, rule: $log . new true}]}}\n  filters:\n    - {name: logveil, match: '*', config_file: DIR/p.yml}\n  outputs:\n    - {name: file, match: '*', path: DIR, file: out}\n", false},
	{"rewritten by a processor of an output", true, true, "pipeline:\n  inputs:\n    - {name: dummy, tag: a, samples: 3, dummy: '{\"log\":\"VALUE\"}'}\n  outputs:\n    - {name: 'null', match: a, processors: {logs: [{name: rewrite_tag, rule: $log . new true}, {name: logveil, config_file: DIR/p.yml}]}}\n    - {name: file, match: new, path: DIR, file: out}\n", false},
	{"rewritten by a processor of an output behind the other", false, true, "pipeline:\n  inputs:\n    - {name: dummy, tag: a, samples: 3, dummy: '{\"log\":\"VALUE\"}'}\n  outputs:\n    - {name: 'null', match: a, processors: {logs: [{name: logveil, config_file: DIR/p.yml}, {name: rewrite_tag, rule: $log . new true}]}}\n    - {name: file, match: new, path: DIR, file: out}\n", false},
	{"rewritten by a processor behind", false, true, "pipeline:\n  inputs:\n    - {name: dummy, tag: a, samples: 3, dummy: '{\"log\":\"VALUE\"}', processors: {logs: [{name: logveil, config_file: DIR/p.yml}, {name: rewrite_tag, rule: $log . new true}]}}\n  outputs:\n    - {name: file, match: '*', path: DIR, file: out}\n", false},
	{"a stream in YAML", true, true, "stream_processor: [{name: t, exec: \"CREATE STREAM s WITH (tag='new') AS SELECT * FROM TAG:'a';\"}]\npipeline:\n  inputs:\n    - {name: dummy, tag: a, samples: 3, dummy: '{\"log\":\"VALUE\"}'}\n  filters:\n    - {name: logveil, match: b, config_file: DIR/p.yml}\n  outputs:\n    - {name: file, match: new, path: DIR, file: out}\n", false},
	{"pods named behind", true, false, "INPUT kube.var.log.containers.pod-1_prod_app-ID.log\nREDACT *\nKUBE\nOUT *\n", false},
	{"pods named behind, without labels and annotations", false, false, "INPUT kube.var.log.containers.pod-1_prod_app-ID.log\nREDACT *\nKUBE\n    labels off\n    annotations off\nOUT *\n", false},
	{"pods named before", false, false, "INPUT kube.var.log.containers.pod-1_prod_app-ID.log\nKUBE\nREDACT *\nOUT *\n", false},
	{"processor", false, true, "pipeline:\n  inputs:\n    - {name: dummy, tag: a, samples: 3, dummy: '{\"log\":\"VALUE\"}', processors: {logs: [{name: logveil, config_file: DIR/p.yml}]}}\n  filters:\n    - {name: rewrite_tag, match: a, rule: $log . new true}\n  outputs:\n    - {name: file, match: '*', path: DIR, file: out}\n", false},
	{"processor of one of two inputs", true, true, "pipeline:\n  inputs:\n    - {name: dummy, tag: a, samples: 3, dummy: '{\"log\":\"VALUE\"}', processors: {logs: [{name: logveil, config_file: DIR/p.yml}]}}\n    - {name: dummy, tag: b, samples: 3, dummy: '{\"log\":\"VALUE\"}'}\n  outputs:\n    - {name: file, match: '*', path: DIR, file: out}\n", false},
}

// since says from which version on a verdict can be seen: before, Fluent Bit lacks what is
// in it, or aborts when it ends, also without the plugin.
var since = map[string]string{
	"a stream in YAML":                                       "3.2",
	"rewritten by a processor of an output":                  "4.0",
	"rewritten by a processor of an output behind the other": "4.0",
}

// TestVerdicts compares what is reported with what a real Fluent Bit does: a configuration
// has problems when, and only when, the planted value comes to light.
func TestVerdicts(t *testing.T) {
	h := newHost(t)
	for _, v := range verdicts {
		t.Run(v.name, func(t *testing.T) {
			if h.version < since[v.name] {
				t.Skipf("not in Fluent Bit %s", h.version)
			}
			dir := t.TempDir()
			file := layOut(t, dir, h.dir, v.text, v.yaml)
			verdict(t, h, dir, file, v.leaks, v.idle)
		})
	}
}

// layOut writes a configuration and what it needs, and returns its file.
func layOut(t *testing.T, dir, plugins, text string, yaml bool) string {
	t.Helper()
	file := filepath.Join(dir, "c.conf")
	var streams string
	service := "[SERVICE]\n    flush 0.2\n    grace 5\n    plugins_file DIR/plugins.conf\n"
	if yaml {
		file = filepath.Join(dir, "c.yaml")
		service = "service: {flush: 0.2, grace: 5, plugins_file: DIR/plugins.conf}\n"
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		switch {
		case len(w) == 2 && w[0] == "INPUT":
			line = "[INPUT]\n    name dummy\n    tag " + w[1] + "\n    dummy {\"log\":\"VALUE\"}\n    samples 3\n"
		case len(w) == 2 && w[0] == "REDACT":
			line = "[FILTER]\n    name logveil\n    match " + w[1] + "\n    config_file DIR/p.yml\n"
		case len(w) == 3 && w[0] == "REWRITE":
			line = "[FILTER]\n    name rewrite_tag\n    match " + w[1] + "\n    rule $log . " + w[2] + " false\n"
		case len(w) == 2 && w[0] == "OUT":
			line = "[OUTPUT]\n    name file\n    match " + w[1] + "\n    path DIR\n    file out\n"
		case len(w) == 3 && w[0] == "FACE":
			line = "[OUTPUT]\n    name logveil\n    match " + w[1] + "\n    workers 1\n    retry_limit no_limits\n    config_file DIR/" + w[2] + "\n"
		case len(w) == 1 && w[0] == "KUBE": // pods are known from a file
			line = "[FILTER]\n    name kubernetes\n    match *\n    kube_url http://127.0.0.1:9\n    kube_meta_preload_cache_dir DIR\n"
		case len(w) == 1 && w[0] == "STORE":
			service += "    storage.path DIR/store\n"
			line = ""
		case len(w) > 1 && w[0] == "STREAM":
			service += "    streams_file DIR/streams.conf\n"
			streams = "[STREAM_TASK]\n    name t\n    exec " + strings.Join(w[1:], " ") + ";\n"
			line = ""
		}
		b.WriteString(line)
	}
	here := strings.NewReplacer("-ID.log", "-"+strings.Repeat("0123456789abcdef", 4)+".log", "DIR", dir, "VALUE", "mail "+planted)
	const quiet = "default: {scheme: mask}\nfluent_bit:\n  metrics: {listen: off}\n  output:\n"
	for name, text := range map[string]string{
		file:                               service + b.String(),
		filepath.Join(dir, "streams.conf"): streams,
		filepath.Join(dir, "prod_pod-1.meta"): `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"pod-1","namespace":"prod","annotations":{"contact":"VALUE"},"labels":{"app":"x"}},` +
			`"spec":{"nodeName":"n","containers":[{"name":"app"}]},"status":{}}`,
		filepath.Join(dir, "p.yml"):        quiet + "    {type: file, file: {path: face}}\n",
		filepath.Join(dir, "away.yml"):     quiet + "    {type: forward, timeout: 1s, forward: {targets: ['tcp://127.0.0.1:9']}}\n",
		filepath.Join(dir, "plugins.conf"): "[PLUGINS]\n    path " + filepath.Join(plugins, "opt", "flb-filter_logveil.so") + "\n    path " + filepath.Join(plugins, "opt", "logveil.so") + "\n",
	} {
		if err := os.WriteFile(name, []byte(here.Replace(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// verdict runs a configuration and compares.
func verdict(t *testing.T, h host, dir, file string, leaks, idle bool) {
	t.Helper()
	r, err := Check(file)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, p := range r.Problems {
		said = append(said, p.Text)
	}
	light := run(t, h, dir, file)
	if (len(said) > 0) != leaks {
		t.Errorf("reported %q, want a leak: %v", said, leaks)
	}
	if (light != "") != leaks {
		t.Errorf("the value came to light in %q, want a leak: %v", light, leaks)
	}
	// Silence is no proof: redacted records must have come through.
	if !leaks && !idle && len(holding(t, dir, "tok1_email_")) == 0 {
		t.Error("nothing came through at all")
	}
}

// run runs a configuration until three records must be through, and returns where the
// planted value came to light.
func run(t *testing.T, h host, dir, file string) string {
	t.Helper()
	cmd := h.command(file)
	out, err := os.Create(filepath.Join(dir, "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(4 * time.Second) // dummy makes one record a second
	// What is on the disk now counts: at the end it may be gone.
	files := holding(t, dir, planted)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	done := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	err = cmd.Wait()
	done.Stop()
	b, rerr := os.ReadFile(filepath.Join(dir, "stdout"))
	if err != nil || rerr != nil || bytes.Contains(b, []byte("[error] [config]")) {
		t.Fatalf("%v, %v\n%s", err, rerr, b)
	}
	files = append(files, holding(t, dir, planted)...)
	var light []string
	for _, f := range files {
		// The configuration itself names the value.
		if name := filepath.Base(f); name != "c.conf" && name != "c.yaml" && name != "prod_pod-1.meta" {
			light = append(light, name)
		}
	}
	return strings.Join(light, " ")
}

// TestVerdictOfBacklog: chunks that were stored before there was a filter go out raw, and
// that is reported while they are there.
func TestVerdictOfBacklog(t *testing.T) {
	h := newHost(t)
	dir := t.TempDir()
	const away = "[OUTPUT]\n    name http\n    match *\n    host 127.0.0.1\n    port 9\n    retry_limit no_limits\n"
	const input = "STORE\nINPUT a\n    storage.type filesystem\n"
	run(t, h, dir, layOut(t, dir, h.dir, input+away, false))
	if err := os.Remove(filepath.Join(dir, "stdout")); err != nil {
		t.Fatal(err)
	}
	file := layOut(t, dir, h.dir, input+"REDACT *\nOUT *\n", false)
	r, err := Check(file)
	if err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Text, "wait there") {
		t.Errorf("%v, %v: want the chunks reported", r.Problems, err)
	}
	if light := run(t, h, dir, file); !strings.Contains(light, "out") {
		t.Errorf("the chunks came to light in %q: what is reported does not happen", light)
	}
	file = layOut(t, dir, h.dir, input+"REDACT *\nOUT *\n", false)
	if r, err := Check(file); err != nil || len(r.Problems) > 0 {
		t.Errorf("%v, %v: they are gone", r.Problems, err)
	}
}
