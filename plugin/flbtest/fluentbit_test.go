package flbtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"logveil/vault/vaulttest"
)

// eachProgram runs a test against every Fluent Bit that FLUENT_BIT names.
func eachProgram(t *testing.T, test func(t *testing.T, program string)) {
	t.Helper()
	programs := filepath.SplitList(os.Getenv("FLUENT_BIT"))
	if len(programs) == 0 {
		t.Skip("FLUENT_BIT names no program of Fluent Bit")
	}
	for _, program := range programs {
		out, err := exec.Command(program, "--version").Output()
		if err != nil {
			t.Fatalf("%s: %v", program, err)
		}
		version, _, _ := strings.Cut(strings.TrimPrefix(string(out), "Fluent Bit "), "\n")
		t.Run(version, func(t *testing.T) { test(t, program) })
	}
}

// sink is an end that records come to, as lines of JSON over HTTP. It can be down.
type sink struct {
	t      testing.TB
	addr   string
	server *http.Server

	mu   sync.Mutex
	seen map[int]int // how often each number came
	raw  []string    // what came and must not
	n    int
	last time.Time

	tokens, masks int // of the kind email
}

func newSink(t testing.TB) *sink {
	t.Helper()
	s := &sink{t: t, addr: "127.0.0.1:0", seen: map[int]int{}}
	s.up()
	t.Cleanup(s.down)
	return s
}

func (s *sink) up() {
	s.t.Helper()
	var l net.Listener
	var err error
	for range 50 { // the port may not be free at once
		if l, err = net.Listen("tcp", s.addr); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = l.Addr().String()
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func(server *http.Server) { _ = server.Serve(l) }(s.server) // until it is down
}

// down ends the server. It finishes what it has begun: an answer that gets lost would make
// Fluent Bit send the same again.
func (s *sink) down() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		_ = s.server.Close()
	}
}

func (s *sink) port() string { _, p, _ := net.SplitHostPort(s.addr); return p }

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range bytes.Lines(body) {
		s.line(line)
	}
	s.last = time.Now()
	w.WriteHeader(http.StatusCreated)
}

func (s *sink) line(line []byte) {
	for _, p := range planted {
		if bytes.Contains(line, []byte(p)) && len(s.raw) < 5 {
			s.raw = append(s.raw, string(line))
		}
	}
	if bytes.Contains(line, []byte("@example.org")) {
		s.raw = append(s.raw, string(line))
	}
	switch mail := bytes.Index(line, []byte("tok1_email_")); {
	case mail < 0:
	case bytes.HasPrefix(line[mail:], []byte("tok1_email_x")):
		s.masks++
	default:
		s.tokens++
	}
	var record struct{ Log string }
	if err := json.Unmarshal(line, &record); err != nil {
		s.raw = append(s.raw, fmt.Sprintf("no JSON: %v", err))
		return
	}
	var n int
	if _, err := fmt.Sscanf(record.Log, "n=%d ", &n); err == nil {
		s.seen[n]++
		s.n++
	}
}

// counts returns how many of the lines came, and how many came more than once.
func (s *sink) counts() (came, again int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen), s.n - len(s.seen)
}

// wait waits until so many different lines came, or none has come for a while.
func (s *sink) wait(lines int, idle time.Duration) {
	start := time.Now()
	for {
		came, _ := s.counts()
		s.mu.Lock()
		last := s.last
		s.mu.Unlock()
		if last.Before(start) {
			last = start
		}
		if came >= lines || time.Since(last) > idle {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *sink) check(t *testing.T, lines int) (lost, again int) {
	t.Helper()
	came, again := s.counts()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.raw {
		t.Errorf("raw: %s", r)
	}
	var missing []int
	for n := 0; n < lines && came < lines && len(missing) < 10; n++ {
		if s.seen[n] == 0 {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		t.Logf("missing: %d", missing)
	}
	return lines - came, again
}

// line is line n of a log, every third with something planted.
func line(n int) string {
	switch n % 12 {
	case 0:
		return fmt.Sprintf("n=%06d paid with 4111111111111111 by ada@example.com\n", n)
	case 3:
		return fmt.Sprintf("n=%06d login password=hunter2 ok\n", n)
	case 6:
		return fmt.Sprintf(`n=%06d {"user":"ada@example.com","ssn":"078-05-1120"}`+"\n", n)
	case 9:
		return fmt.Sprintf("n=%06d %s card 4111111111111111\n", n, strings.Repeat("- ", 200))
	}
	return fmt.Sprintf("n=%06d GET /index.html 200 took %d ms\n", n, n%97)
}

func writeLines(t testing.TB, file string, from, to int) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for n := from; n < to; n++ {
		if text = append(text, line(n)...); len(text) > 16<<10 || n == to-1 {
			if _, err := f.Write(text); err != nil { // whole lines, as programs write them
				t.Fatal(err)
			}
			text = text[:0]
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// world is a folder with a configuration of Fluent Bit, and what goes in and out.
type world struct {
	t       *testing.T
	program string
	dir     string
	sink    *sink
}

// newWorld writes the policy, and the configuration: service and pipeline, in which
// words in capitals stand for places of the world.
func newWorld(t *testing.T, program, plugin, policy, conf string) *world {
	t.Helper()
	w := &world{t: t, program: program, dir: t.TempDir(), sink: newSink(t)}
	w.write("policy.yml", w.fill(policy))
	w.write("plugins.conf", fmt.Sprintf("[PLUGINS]\n    path %[1]s/flb-filter_logveil.so\n    path %[1]s/logveil.so\n", plugin))
	w.write("fluent-bit.yaml", w.fill(conf))
	return w
}

func (w *world) fill(s string) string {
	return strings.NewReplacer("DIR", w.dir, "PORT", w.sink.port()).Replace(s)
}

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// process is a running Fluent Bit.
type process struct {
	w    *world
	cmd  *exec.Cmd
	born time.Time
	done chan error
}

func (w *world) start() *process {
	w.t.Helper()
	log, err := os.OpenFile(w.path("fluent-bit.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	p := &process{w: w, born: time.Now(), done: make(chan error, 1), cmd: exec.Command(w.program, "-c", w.path("fluent-bit.yaml"))}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	w.t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

func (p *process) signal(s syscall.Signal) {
	p.w.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.w.t.Fatalf("%v\n%s", err, p.w.log())
	}
}

// stop sends SIGTERM and waits for the end.
func (p *process) stop() {
	p.w.t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case err := <-p.done:
		status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if status.Signal() == syscall.SIGTERM && time.Since(p.born) < 5*time.Second {
			return // so young that it had no handler yet
		}
		if err != nil {
			p.w.t.Fatalf("the end of Fluent Bit: %v\n%s", err, p.w.log())
		}
	case <-time.After(40 * time.Second):
		_ = p.cmd.Process.Signal(syscall.SIGABRT)
		p.w.t.Fatalf("Fluent Bit does not end\n%s", p.w.log())
	}
}

// log returns the end of Fluent Bit's log.
func (w *world) log() string {
	b, _ := os.ReadFile(w.path("fluent-bit.log"))
	return string(b[max(0, len(b)-6000):])
}

// noneRaw looks at every file of a folder, and at the log.
func (w *world) noneRaw(folder string) {
	w.t.Helper()
	check := func(path string) {
		b, err := os.ReadFile(path)
		if err != nil {
			return // gone in the meantime
		}
		for _, p := range planted {
			if bytes.Contains(b, []byte(p)) {
				w.t.Errorf("%q stands in %s", p, path)
			}
		}
	}
	check(w.path("fluent-bit.log"))
	_ = filepath.WalkDir(w.path(folder), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			check(path)
		}
		return nil
	})
}

const service = `
service:
  flush: 0.2
  grace: 5
  log_level: info
  hot_reload: on
  scheduler.base: 1
  scheduler.cap: 2
  plugins_file: DIR/plugins.conf
  storage.path: DIR/storage
`

const tail = `
    - name: tail
      tag: app
      path: DIR/app.log
      db: DIR/app.db
      read_from_head: true
      refresh_interval: 1
`

const filterFace = `
  filters:
    - name: logveil
      match: '*'
      config_file: DIR/policy.yml
`

const toSink = `
  outputs:
    - name: http
      match: '*'
      host: 127.0.0.1
      port: PORT
      format: json_lines
      retry_limit: no_limits
`

const outputFace = `
  outputs:
    - name: logveil
      match: '*'
      config_file: DIR/policy.yml
      workers: 2
      retry_limit: no_limits
`

const deliverHTTP = masks + `
fluent_bit:
  metrics: {listen: off}
  output:
    type: http
    http: {url: 'http://127.0.0.1:PORT/'}
`

const masksOnly = masks + "fluent_bit: {metrics: {listen: off}}\n"

// TestFluentBitFaces sends lines through every face.
func TestFluentBitFaces(t *testing.T) {
	const lines = 20000
	for name, c := range map[string]struct{ policy, conf string }{
		"filter":              {masksOnly, service + "pipeline:\n  inputs:" + tail + filterFace + toSink},
		"filter with storage": {masksOnly, service + "pipeline:\n  inputs:" + tail + "      storage.type: filesystem\n" + filterFace + toSink},
		"processor":           {masksOnly, service + "pipeline:\n  inputs:" + tail + "      processors:\n        logs:\n          - name: logveil\n            config_file: DIR/policy.yml\n" + toSink},
		"threaded processor":  {masksOnly, service + "pipeline:\n  inputs:" + tail + "      threaded: true\n      processors:\n        logs:\n          - name: logveil\n            config_file: DIR/policy.yml\n" + toSink},
		"output":              {deliverHTTP, service + "pipeline:\n  inputs:" + tail + outputFace},
		"both":                {deliverHTTP, service + "pipeline:\n  inputs:" + tail + filterFace + outputFace},
	} {
		t.Run(name, func(t *testing.T) {
			eachProgram(t, func(t *testing.T, program string) {
				w := newWorld(t, program, plugin(t), c.policy, c.conf)
				writeLines(t, w.path("app.log"), 0, lines)
				p := w.start()
				w.sink.wait(lines, 20*time.Second)
				p.stop()
				if lost, again := w.sink.check(t, lines); lost != 0 || again != 0 {
					t.Errorf("%d lost, %d twice\n%s", lost, again, w.log())
				}
				w.noneRaw("storage")
			})
		})
	}
}

// TestFluentBitStops writes numbered lines while Fluent Bit is stopped and started at
// random, reloaded, and its end is down for a while again and again. The same is done
// without the plugin, for what Fluent Bit loses or sends twice by itself.
func TestFluentBitStops(t *testing.T) {
	lines, stops := 400_000, 20
	if testing.Short() {
		lines, stops = 40_000, 3
	}
	run := func(t *testing.T, program, face string, with bool) (lost, again int) {
		if !with {
			face, _, _ = strings.Cut(face, "WITH")
		}
		w := newWorld(t, program, plugin(t), masksOnly,
			service+"pipeline:\n  inputs:"+tail+"      storage.type: filesystem\n"+strings.Replace(face, "WITH", "", 1)+toSink)
		if !with {
			w.write("plugins.conf", "[PLUGINS]\n")
		}
		random := rand.New(rand.NewPCG(5, 6))
		written := make(chan struct{})
		go func() {
			defer close(written)
			for n := 0; n < lines; n += lines / 200 {
				writeLines(t, w.path("app.log"), n, min(lines, n+lines/200))
				time.Sleep(150 * time.Millisecond)
			}
		}()
		for i := range stops {
			p := w.start()
			time.Sleep(time.Duration(200+random.IntN(1200)) * time.Millisecond)
			// A reload with the end down would wait for it, and stop for nobody.
			switch i % 5 {
			case 1, 4:
				p.signal(syscall.SIGHUP)
				time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
			case 2:
				w.sink.down()
				time.Sleep(time.Duration(500+random.IntN(1000)) * time.Millisecond)
			}
			if with {
				w.noneRaw("storage")
			}
			p.stop()
			if with {
				w.noneRaw("storage")
			}
			if i%5 == 3 {
				w.sink.up() // it was down for this start and its stop, too
			}
		}
		if stops%5 == 3 {
			w.sink.up()
		}
		<-written
		p := w.start()
		w.sink.wait(lines, 30*time.Second)
		p.stop()
		if !with {
			w.sink.raw = nil
		}
		return w.sink.check(t, lines)
	}
	for name, face := range map[string]string{ // behind WITH what the plugin takes
		"filter":             "WITH" + filterFace,
		"threaded processor": "      threaded: true\nWITH      processors:\n        logs:\n          - name: logveil\n            config_file: DIR/policy.yml\n",
	} {
		t.Run(name, func(t *testing.T) {
			eachProgram(t, func(t *testing.T, program string) {
				lost0, again0 := run(t, program, face, false)
				lost, again := run(t, program, face, true)
				t.Logf("%d lines, %d stops: without the plugin %d lost, %d twice; with it %d lost, %d twice, 0 raw", lines, stops, lost0, again0, lost, again)
				// What happens to a version by itself happens to some stops and not to others: v3.1
				// to v4.2 cut a line in two, v5.1 sends a chunk again whose answer comes while it ends.
				loses := lost0 > 0 || strings.Contains(t.Name(), "/v3.") || strings.Contains(t.Name(), "/v4.")
				if lost > 0 && (!loses || lost > stops) || again > 0 && again0 == 0 {
					t.Errorf("with the plugin %d lost and %d twice; without it %d and %d", lost, again, lost0, again0)
				}
			})
		})
	}
}

// TestFluentBitSinkDown has an end that is down for a minute, for both faces.
func TestFluentBitSinkDown(t *testing.T) {
	const lines = 50_000
	down := time.Minute
	if testing.Short() {
		down = 5 * time.Second
	}
	for name, c := range map[string]struct{ policy, conf string }{
		"filter": {masksOnly, service + "pipeline:\n  inputs:" + tail + "      storage.type: filesystem\n" + filterFace + toSink},
		"output": {deliverHTTP, service + "pipeline:\n  inputs:" + tail + outputFace},
	} {
		t.Run(name, func(t *testing.T) {
			eachProgram(t, func(t *testing.T, program string) {
				w := newWorld(t, program, plugin(t), c.policy, c.conf)
				p := w.start()
				writeLines(t, w.path("app.log"), 0, lines/2)
				w.sink.wait(lines/4, 10*time.Second)
				w.sink.down()
				writeLines(t, w.path("app.log"), lines/2, lines)
				time.Sleep(down)
				if name == "filter" {
					w.noneRaw("storage")
				}
				w.sink.up()
				w.sink.wait(lines, 30*time.Second)
				// v3.1 sends a chunk again whose answer is under way while it ends.
				time.Sleep(time.Second)
				p.stop()
				lost, again := w.sink.check(t, lines)
				t.Logf("down for %v: %d lost, %d twice", down, lost, again)
				if lost != 0 || again != 0 {
					t.Errorf("%d lost, %d twice\n%s", lost, again, w.log())
				}
				w.noneRaw("none")
			})
		})
	}
}

// TestFluentBitFullDisk fills the disk under the output's file, and under Fluent Bit's
// storage.
func TestFluentBitFullDisk(t *testing.T) {
	const lines = 20_000
	disk := func(t *testing.T, w *world) func() {
		t.Helper()
		dir := w.path("disk")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
			t.Skipf("no small disk to fill, since only root may mount one: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
		ballast := filepath.Join(dir, "ballast")
		if err := os.WriteFile(ballast, make([]byte, 16<<20-64<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		return func() { os.Remove(ballast) }
	}
	t.Run("output", func(t *testing.T) {
		eachProgram(t, func(t *testing.T, program string) {
			w := newWorld(t, program, plugin(t), masks+"fluent_bit: {metrics: {listen: off}, output: {type: file, file: {path: DIR/disk/out}}}\n",
				service+"pipeline:\n  inputs:"+tail+outputFace)
			free := disk(t, w)
			writeLines(t, w.path("app.log"), 0, lines)
			p := w.start()
			time.Sleep(5 * time.Second)
			free()
			read := func() {
				f, err := os.Open(w.path("disk/out"))
				if err != nil {
					return
				}
				defer f.Close()
				w.sink.mu.Lock()
				defer w.sink.mu.Unlock()
				w.sink.seen, w.sink.n = map[int]int{}, 0
				for s := bufio.NewScanner(f); s.Scan(); {
					w.sink.line(s.Bytes())
				}
			}
			for range 100 {
				if read(); w.sink.n >= lines {
					break
				}
				time.Sleep(200 * time.Millisecond)
			}
			p.stop()
			read()
			lost, again := w.sink.check(t, lines)
			t.Logf("%d lost, %d twice", lost, again)
			if lost != 0 {
				t.Errorf("%d lost\n%s", lost, w.log())
			}
		})
	})
	t.Run("storage", func(t *testing.T) {
		eachProgram(t, func(t *testing.T, program string) {
			run := func(filters string) (lost, again int) {
				w := newWorld(t, program, plugin(t), masksOnly, strings.ReplaceAll(service, "DIR/storage", "DIR/disk")+
					"pipeline:\n  inputs:"+tail+"      storage.type: filesystem\n"+filters+toSink)
				free := disk(t, w)
				writeLines(t, w.path("app.log"), 0, lines)
				p := w.start()
				time.Sleep(5 * time.Second)
				if filters != "" {
					w.noneRaw("disk")
				}
				free()
				w.sink.wait(lines, 10*time.Second)
				p.stop()
				if filters == "" {
					w.sink.raw = nil
				}
				return w.sink.check(t, lines)
			}
			lost0, again0 := run("")
			lost, again := run(filterFace)
			t.Logf("without the plugin %d lost, %d twice; with it %d lost, %d twice, 0 raw", lost0, again0, lost, again)
			if lost > lost0 || again > again0 {
				t.Errorf("with the plugin %d lost and %d twice; without it %d and %d", lost, again, lost0, again0)
			}
		})
	})
}

// TestFluentBitPanics sends lines through a plugin with a detector that panics.
func TestFluentBitPanics(t *testing.T) {
	eachProgram(t, func(t *testing.T, program string) {
		w := newWorld(t, program, faultyPlugin(t), masksOnly, service+"pipeline:\n  inputs:"+tail+filterFace+toSink)
		p := w.start()
		const lines = 3000
		more := func(from, to int) {
			t.Helper()
			f, err := os.OpenFile(w.path("app.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for n := from; n < to; n++ {
				end := [...]string{" boom\n", " boomnil\n", "\n", "\n", "\n"}[n%5]
				fmt.Fprint(f, strings.TrimSuffix(line(n), "\n"), end)
			}
		}
		more(0, lines/2)
		w.sink.wait(lines/2*3/5, 10*time.Second)
		p.signal(syscall.SIGHUP) // Fluent Bit takes the signals of faults
		time.Sleep(2 * time.Second)
		more(lines/2, lines)
		w.sink.wait(lines*3/5, 20*time.Second)
		p.stop()
		came, again := w.sink.counts()
		w.sink.check(t, lines)
		if came != lines*3/5 || again != 0 { // the others are masked whole, number and all
			t.Errorf("%d lines came, want %d; %d twice\n%s", came, lines*3/5, again, w.log())
		}
		w.noneRaw("storage")
	})
}

// TestFluentBitPolicyGone deletes the policy while Fluent Bit runs, makes it bad, and
// reloads.
func TestFluentBitPolicyGone(t *testing.T) {
	eachProgram(t, func(t *testing.T, program string) {
		w := newWorld(t, program, plugin(t), masksOnly, service+"pipeline:\n  inputs:"+tail+filterFace+toSink)
		p := w.start()
		n := 0
		more := func() {
			t.Helper()
			writeLines(t, w.path("app.log"), n, n+5000)
			n += 5000
			w.sink.wait(n, 20*time.Second)
		}
		reload := func() { p.signal(syscall.SIGHUP); time.Sleep(2 * time.Second) }
		more()
		if err := os.Remove(w.path("policy.yml")); err != nil {
			t.Fatal(err)
		}
		more()
		reload()
		more()
		w.write("policy.yml", "version: 1\nnonsense: here\n")
		reload()
		more()
		p.stop()
		if lost, again := w.sink.check(t, n); lost != 0 || again != 0 {
			t.Errorf("%d lost, %d twice\n%s", lost, again, w.log())
		}
		w.noneRaw("storage")

		// From a new start there is no former policy: nothing may run.
		p = w.start()
		select {
		case err := <-p.done:
			if err == nil {
				t.Errorf("Fluent Bit ended well with a bad policy\n%s", w.log())
			}
		case <-time.After(20 * time.Second):
			t.Errorf("Fluent Bit runs with a bad policy\n%s", w.log())
		}
	})
}

// TestFluentBitDaemon starts in the background, where Go cannot run.
func TestFluentBitDaemon(t *testing.T) {
	eachProgram(t, func(t *testing.T, program string) {
		w := newWorld(t, program, plugin(t), masksOnly, service+"pipeline:\n  inputs:"+tail+filterFace+toSink)
		writeLines(t, w.path("app.log"), 0, 100)
		if err := exec.Command(program, "-d", "-c", w.path("fluent-bit.yaml")).Run(); err != nil {
			t.Log(err)
		}
		w.sink.wait(1, 3*time.Second)
		if came, _ := w.sink.counts(); came > 0 {
			t.Error("it ran")
		}
		if out, _ := exec.Command("pgrep", "-f", w.path("fluent-bit.yaml")).Output(); len(out) > 0 {
			t.Errorf("it still runs as %s", out)
		}
	})
}

// TestFluentBitVaultSealed seals a real Vault, under a scheme that needs it for each new
// value, and unseals it again.
func TestFluentBitVaultSealed(t *testing.T) {
	eachProgram(t, func(t *testing.T, program string) {
		v := vaulttest.Start(t)
		w := newWorld(t, program, plugin(t), fmt.Sprintf("version: 1\ndefault: {scheme: transit}\nfluent_bit: {metrics: {listen: off}}\n"+
			"vault:\n  address: %s\n  ca_file: %s\n  auth: {method: token_file, token_file: token}\n", v.TLSAddr, v.CAFile),
			service+"pipeline:\n  inputs:"+tail+filterFace+toSink)
		w.write("token", v.RootToken)
		init := exec.Command("go", "run", "./cmd/logveil", "vault", "init", "--policy", w.path("policy.yml"))
		init.Dir = root
		init.Env = append(os.Environ(), "VAULT_TOKEN="+v.RootToken)
		if out, err := init.CombinedOutput(); err != nil {
			t.Fatalf("vault init: %v\n%s", err, out)
		}
		p := w.start()
		n := 0
		more := func() {
			t.Helper()
			f, err := os.OpenFile(w.path("app.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			for range 2000 { // a value of its own in each line, so that Vault is asked
				fmt.Fprintf(f, "n=%06d mail user%d@example.org card 4111111111111111\n", n, n)
				n++
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			w.sink.wait(n, 20*time.Second)
		}
		more()
		v.Seal(t)
		more()
		more()
		v.Unseal(t)
		more()
		p.stop()
		if lost, again := w.sink.check(t, n); lost != 0 || again != 0 {
			t.Errorf("%d lost, %d twice\n%s", lost, again, w.log())
		}
		t.Logf("%d tokens, %d masks", w.sink.tokens, w.sink.masks)
		if w.sink.tokens == 0 || w.sink.masks == 0 {
			t.Errorf("%d tokens and %d masks: was Vault ever there, and ever away?", w.sink.tokens, w.sink.masks)
		}
		w.noneRaw("storage")
	})
}

// TestFluentBitMetrics reads the output's counts among Fluent Bit's own, also after a
// reload.
func TestFluentBitMetrics(t *testing.T) {
	eachProgram(t, func(t *testing.T, program string) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		_ = l.Close()
		w := newWorld(t, program, plugin(t), deliverHTTP, service+"  http_server: on\n  http_listen: 127.0.0.1\n  http_port: "+port+
			"\npipeline:\n  inputs:"+tail+outputFace)
		p := w.start()
		for i, lines := range []int{1000, 3000} {
			writeLines(t, w.path("app.log"), i*1000, lines)
			w.sink.wait(lines, 20*time.Second)
			time.Sleep(time.Second) // a flush counts when it has ended
			client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
			r, err := client.Get("http://127.0.0.1:" + port + "/api/v2/metrics/prometheus")
			if err != nil {
				t.Fatalf("%v\n%s", err, w.log())
			}
			page, err := io.ReadAll(r.Body)
			r.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{
				fmt.Sprintf(`logveil_output_records_total{name="logveil.0",result="delivered"} %d`, (i+1)*1000),
				`logveil_output_records_total{name="logveil.0",result="retry"} 0`,
				`logveil_output_bytes_total{name="logveil.0",result="error"} 0`,
			} {
				if !bytes.Contains(page, []byte(want+"\n")) {
					t.Errorf("start %d: the page has no %s\n%s", i, want, page[:min(len(page), 3000)])
				}
			}
			// v3.1 dies of a reload when any output in Go has workers.
			if strings.Contains(t.Name(), "/v3.1.") {
				break
			}
			if i == 0 {
				p.signal(syscall.SIGHUP)
				time.Sleep(3 * time.Second)
			}
		}
		p.stop()
	})
}
