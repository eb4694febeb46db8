package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The test binary stands in for peers: LOGVEIL_FAKE_PEER holds the file that notes who ran in what order.
func TestMain(m *testing.M) {
	if log := os.Getenv("LOGVEIL_FAKE_PEER"); log != "" {
		fake(log)
	}
	os.Exit(m.Run())
}

// fake is called as NAME BYTES SECONDS and reports each round as that many bytes and seconds.
func fake(log string) {
	name, size, seconds := os.Args[1], os.Args[2], os.Args[3]
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		os.Exit(2)
	}
	fmt.Fprintln(f, strings.Join(os.Args[1:], " "))
	f.Close()
	if seconds == "crash" {
		fmt.Fprintln(os.Stderr, "first line\nlast line")
		os.Exit(3)
	}
	var rounds []string
	for i, arg := range os.Args {
		if arg == "--rounds" {
			for range int(os.Args[i+1][0] - '0') {
				rounds = append(rounds, `{"user_s":`+seconds+`,"sys_s":0,"wall_s":9}`)
			}
		}
	}
	fmt.Printf(`{"peer":%q,"version":"v1","config":"none","bytes":%s,"records":3,"findings":7,"passes":1,"file_bytes":9,"rounds":[%s]}`+"\n",
		name, size, strings.Join(rounds, ","))
	os.Exit(0)
}

func fakePeer(name, size, seconds string) peer {
	return peer{name: name, argv: func(workshop) []string { return []string{os.Args[0], name, size, seconds} }}
}

func setUp(t *testing.T) (log, file string, common []string) {
	dir := t.TempDir()
	log, file = filepath.Join(dir, "log"), filepath.Join(dir, "corpus.log")
	if err := os.WriteFile(file, []byte("line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LOGVEIL_FAKE_PEER", log)
	return log, file, []string{"-peers", "..", "-cache", filepath.Join(dir, "cache")}
}

func TestRunsInterleavedAndReports(t *testing.T) {
	log, file, common := setUp(t)
	jsonFile := file + ".json"
	ps := []peer{fakePeer("slow", "1000000", "0.5"), {name: "absent", needs: []string{"no-such-tool"}}, fakePeer("broken", "1", "crash")}
	args := append(common, "-also", "ours="+os.Args[0]+" ours 4000000 0.001", "-passes", "2", "-rounds", "3", "-mode", "json", "-json", jsonFile, file)
	var out, errs bytes.Buffer
	if err := run(context.Background(), args, ps, &out, &errs); err != nil {
		t.Fatal(err, errs.String())
	}
	ran, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for line := range strings.Lines(string(ran)) {
		order = append(order, strings.Fields(line)[0])
		if !strings.HasSuffix(strings.TrimSpace(line), "--rounds 3 --seconds 2 --mode json "+file) {
			t.Errorf("called as %q", line)
		}
	}
	if got := strings.Join(order, " "); got != "ours slow broken ours slow" {
		t.Errorf("order %q", got)
	}
	text, err := os.ReadFile(jsonFile)
	if err != nil {
		t.Fatal(err)
	}
	var rep report
	if err := json.Unmarshal(text, &rep); err != nil {
		t.Fatal(err)
	}
	got := map[string]row{}
	for _, r := range rep.Rows {
		got[r.Name] = r
	}
	if r := got["ours"]; r.Status != measured || r.Rate.Median != 4 || len(r.Rate.All) != 6 || r.Ratio != 0 {
		t.Errorf("ours: %+v", r)
	}
	if r := got["slow"]; r.Status != measured || r.Rate.Median != 0.002 || r.Ratio != 2000 || r.Findings != 7 || r.Version != "v1" {
		t.Errorf("slow: %+v", r)
	}
	if r := got["absent"]; r.Status != "no no-such-tool" {
		t.Errorf("absent: %+v", r)
	}
	if r := got["broken"]; !strings.HasPrefix(r.Status, "run failed: ") || !strings.HasSuffix(r.Status, "last line") {
		t.Errorf("broken: %+v", r)
	}
	if rep.Corpus.Name != "corpus.log" || rep.Corpus.Bytes != 5 || bytes.Contains(text, []byte(filepath.Dir(file))) {
		t.Errorf("corpus: %+v", rep.Corpus)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[2], "ours") || !strings.HasPrefix(lines[3], "slow") || !strings.HasSuffix(lines[3], "2000.0") {
		t.Errorf("table:\n%s", out.String())
	}
}

func TestAlsoFailingIsAnError(t *testing.T) {
	_, file, common := setUp(t)
	args := append(common, "-only", "none", "-also", "ours="+os.Args[0]+" ours 1 crash", file)
	var out, errs bytes.Buffer
	if err := run(context.Background(), args, nil, &out, &errs); err == nil || !strings.Contains(err.Error(), "last line") {
		t.Errorf("got %v", err)
	}
}

func TestRefuses(t *testing.T) {
	_, file, common := setUp(t)
	for _, args := range [][]string{
		{}, {file, file}, {"-mode", "xml", file}, {"-passes", "0", file}, {"-only", "nobody", file},
		{"-also", "noequals", file}, {"-base", "nobody", "-only", "none", file}, {file + ".absent"},
	} {
		var out, errs bytes.Buffer
		if err := run(context.Background(), append(common, args...), nil, &out, &errs); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}

func TestRejectsResultsThatCannotBe(t *testing.T) {
	_, file, common := setUp(t)
	for _, p := range []peer{fakePeer("zero", "0", "1"), fakePeer("idle", "5", "0"), {name: "silent", argv: func(workshop) []string { return []string{"true"} }}} {
		var out, errs bytes.Buffer
		if err := run(context.Background(), append(common, file), []peer{p}, &out, &errs); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "run failed") {
			t.Errorf("%s: %s", p.name, out.String())
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 3, 2, 1}, 2.5}} {
		if got := median(c.v); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.v, got, c.want)
		}
	}
}
