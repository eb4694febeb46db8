package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// way is how text comes to the program and goes from it.
type way struct {
	name              string
	pipedIn, pipedOut bool
	speeds, cpu       []float64 // GB/s by the wall clock, and user and system CPU seconds by GB
}

// process measures the program as it is used: bench process --program FILE --mb N --dir D
// --rounds N FILE. FILE is repeated to N MiB in the folder D, so that it is in the page cache;
// then rounds of file to file, file to pipe and pipe to pipe are interleaved. The other end of
// a pipe is this process, which needs CPU time, too, that is not counted. Text of another
// length in one of the ways is an error.
func process(args []string) (err error) {
	f := flag.NewFlagSet("process", flag.ContinueOnError)
	program := f.String("program", "bin/logveil", "the program to measure")
	mb := f.Int("mb", 668, "least size of the text, in MiB")
	dir := f.String("dir", os.TempDir(), "folder for text and output; in memory (/dev/shm), no disk is measured")
	rounds := f.Int("rounds", 9, "measured rounds")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 || *rounds < 1 {
		return errors.New("process: one file and one round or more are wanted")
	}
	bin, err := filepath.Abs(*program)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp(*dir, "logveil-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	in, out := filepath.Join(temp, "in.log"), filepath.Join(temp, "out.log")
	size, err := repeatTo(in, f.Arg(0), *mb<<20)
	if err != nil {
		return err
	}
	ways := []*way{{name: "file to file"}, {name: "file to pipe", pipedOut: true}, {name: "pipe to pipe", pipedIn: true, pipedOut: true}}
	written := int64(-1)
	for round := range *rounds + 1 {
		for _, w := range ways {
			n, took, cpu, err := w.run(bin, in, out)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			if written < 0 {
				written = n
			}
			if n != written {
				return fmt.Errorf("%s: %d bytes of output, where %s gave %d", w.name, n, ways[0].name, written)
			}
			if round > 0 { // the first one warms up
				w.speeds = append(w.speeds, float64(size)/took.Seconds()/1e9)
				w.cpu = append(w.cpu, cpu.Seconds()/float64(size)*1e9)
			}
		}
	}
	fmt.Printf("%s; %d CPUs; %d bytes in, %d out, in %s; %d interleaved rounds\n\n", machine(), runtime.NumCPU(), size, written, *dir, *rounds)
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "way\tGB/s, median\tbest\tCPU s/GB, median\tleast\t")
	for _, w := range ways {
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t\n", w.name, median(w.speeds), slices.Max(w.speeds), median(w.cpu), slices.Min(w.cpu))
	}
	return t.Flush()
}

// repeatTo writes the text of a file to another one, whole and again, until it has size bytes.
func repeatTo(name, from string, size int) (written int, err error) {
	text, err := os.ReadFile(from)
	if err != nil {
		return 0, err
	}
	if len(text) == 0 {
		return 0, errors.New("process: the file is empty")
	}
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for written < size {
		if _, err := f.Write(text); err != nil {
			return 0, err
		}
		written += len(text)
	}
	return written, nil
}

// run has the program redact a file once, and returns how many bytes came out, how long that
// took and the CPU time that the program used for it.
func (w *way) run(bin, in, out string) (n int64, took, cpu time.Duration, err error) {
	args := []string{"redact", "-q"}
	if !w.pipedOut {
		if err := os.Remove(out); err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, 0, 0, err
		}
		args = append(args, "-o", out)
	}
	if !w.pipedIn {
		args = append(args, in)
	}
	cmd := exec.Command(bin, args...)
	cmd.Stderr = os.Stderr
	var stdin io.WriteCloser
	if w.pipedIn {
		if stdin, err = cmd.StdinPipe(); err != nil {
			return 0, 0, 0, err
		}
	}
	var stdout io.Reader
	if w.pipedOut {
		if stdout, err = cmd.StdoutPipe(); err != nil {
			return 0, 0, 0, err
		}
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, 0, err
	}
	fed := make(chan error, 1)
	if w.pipedIn {
		go func() { fed <- feed(stdin, in) }()
	} else {
		fed <- nil
	}
	if w.pipedOut {
		n, err = drain(stdout)
	}
	err = errors.Join(err, <-fed, cmd.Wait())
	took = time.Since(start)
	if err != nil {
		return 0, 0, 0, err
	}
	if !w.pipedOut {
		fi, err := os.Stat(out)
		if err != nil {
			return 0, 0, 0, err
		}
		n = fi.Size()
	}
	return n, took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// feed writes a file to a pipe and closes that.
func feed(w io.WriteCloser, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return errors.Join(err, w.Close())
	}
	defer f.Close()
	// Neither end may bring its own way of copying, which goes by 32 KiB.
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{f}, make([]byte, 256<<10))
	return errors.Join(err, w.Close())
}

// drain reads a pipe to its end, and returns how much there was.
func drain(r io.Reader) (n int64, err error) {
	buf := make([]byte, 1<<20)
	for {
		m, err := r.Read(buf)
		n += int64(m)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
