package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// receiver is a real Fluent Bit that takes the Forward protocol and writes lines of JSON.
type receiver struct {
	program, addr, out string
	input              string // further lines of its input
	cmd                *exec.Cmd
	messages           string // the file of what it says
}

func (r *receiver) said(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(r.messages)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (r *receiver) start(t *testing.T) {
	t.Helper()
	host, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("[SERVICE]\n    flush 0.2\n    grace 2\n[INPUT]\n    name forward\n    listen %s\n    port %s\n%s[OUTPUT]\n    name file\n    match *\n    path %s\n    file %s\n    format plain\n",
		host, port, r.input, filepath.Dir(r.out), filepath.Base(r.out))
	name := file(t, config)
	r.cmd = exec.Command(r.program, "-c", name)
	r.messages = file(t, "")
	w, err := os.OpenFile(r.messages, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.cmd.Stdout, r.cmd.Stderr = w, w
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.stop(t, syscall.SIGKILL) })
	for range 200 {
		b, err := os.ReadFile(r.messages)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("listening on")) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("Fluent Bit does not listen\n%s", r.said(t))
}

func (r *receiver) stop(t *testing.T, s syscall.Signal) {
	t.Helper()
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Signal(s)
	err := r.cmd.Wait()
	r.cmd = nil
	if err != nil && s == syscall.SIGTERM {
		t.Errorf("Fluent Bit: %v\n%s", err, r.said(t))
	}
}

// numbers returns how often each text of a record came.
func (r *receiver) numbers(t *testing.T) map[string]int {
	t.Helper()
	b, err := os.ReadFile(r.out)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.said(t))
	}
	got := map[string]int{}
	for line := range bytes.Lines(b) {
		var v struct{ Log string }
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		got[v.Log]++
	}
	return got
}

// TestFluentBit delivers to a real Fluent Bit in every form that it takes, and while it is
// killed and comes back.
func TestFluentBit(t *testing.T) {
	program := os.Getenv("FLUENT_BIT")
	if program == "" {
		t.Skip("FLUENT_BIT names no Fluent Bit")
	}
	a := newAuthority(t)
	cert, key := a.pair(t, "server.example")
	ca := file(t, string(a.pem))
	tlsInput := "    tls on\n    tls.verify off\n    tls.crt_file " + cert + "\n    tls.key_file " + key + "\n"
	for name, c := range map[string]struct {
		tls     bool
		options ForwardOptions
		input   string
	}{
		"plain":      {},
		"gzip":       {options: ForwardOptions{Gzip: true}},
		"fluentd":    {options: ForwardOptions{Fluentd: true}},
		"shared key": {options: ForwardOptions{SharedKeyFile: file(t, "k3y")}, input: "    shared_key k3y\n    self_hostname server\n"},
		"user over tls": {tls: true, options: ForwardOptions{TLS: TLSFiles{CA: ca}, SharedKeyFile: file(t, "k3y"), User: "u", PasswordFile: file(t, "pw")},
			input: tlsInput + "    shared_key k3y\n    self_hostname server\n    security.users u pw\n"},
		"tls": {tls: true, options: ForwardOptions{TLS: TLSFiles{CA: ca, ServerName: "server.example"}, Gzip: true}, input: tlsInput},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Close()
			r := &receiver{program: program, addr: l.Addr().String(), out: filepath.Join(t.TempDir(), "out"), input: c.input}
			r.start(t)
			c.options.Targets = []Target{{Network: "tcp", Address: r.addr, TLS: c.tls}}
			f := client(t, c.options)
			var wg sync.WaitGroup
			for w := range 4 {
				wg.Go(func() {
					for i := range 25 {
						if err := f.Deliver(context.Background(), "app", chunkOf(3, fmt.Sprint(w*25+i)), 3); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			r.stop(t, syscall.SIGTERM)
			got := r.numbers(t)
			for n := range 100 {
				if got[fmt.Sprint(n)] != 3 {
					t.Errorf("chunk %d: %d records of 3", n, got[fmt.Sprint(n)])
				}
			}
			if strings.Contains(r.said(t), "[error]") {
				t.Errorf("Fluent Bit complains:\n%s", r.said(t))
			}
		})
	}

	t.Run("killed", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		r := &receiver{program: program, addr: l.Addr().String(), out: filepath.Join(t.TempDir(), "out")}
		r.start(t)
		f := client(t, ForwardOptions{Targets: []Target{{Network: "tcp", Address: r.addr}}, Timeout: time.Second})
		failures := 0
		for i := range 60 {
			if i%20 == 10 {
				time.Sleep(time.Second) // what it has acknowledged it keeps in memory
				r.stop(t, syscall.SIGKILL)
			}
			for f.Deliver(context.Background(), "app", chunkOf(1, fmt.Sprint(i)), 1) != nil {
				if failures++; r.cmd == nil {
					r.start(t)
				}
			}
		}
		r.stop(t, syscall.SIGTERM)
		got := r.numbers(t)
		for n := range 60 {
			if got[fmt.Sprint(n)] == 0 {
				t.Errorf("record %d is lost", n)
			}
		}
		if failures < 3 {
			t.Errorf("%d failures of three kills", failures)
		}
	})
}
