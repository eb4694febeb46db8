// Package protocol is what every Go peer of the benchmark shares: the command line, the clock and the one
// line of JSON on standard output. The programs in rust/ and presidio/ speak the same protocol.
//
//	PEER --rounds N --seconds S --mode lines|json [--patterns FILE] [--variant NAME] FILE
//
// The file is read into memory and cut into records (lines) before any clock runs. A warm-up round over the
// file, stopped after S seconds, fixes the prefix that every measured round then processes, so that all
// rounds of one run do the same work. A prefix that takes less than a quarter of a second is processed
// several times a round, because process clocks are too coarse for less; Result.Bytes counts every pass.
package protocol

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	stepRecords = 256      // records a step holds at most
	stepBytes   = 16 << 10 // bytes after which a step is full
	minRound    = 0.25     // seconds of wall time below which passes are repeated
	maxPasses   = 1000     // bound on that repetition
	modeLines   = "lines"  // records are text
	modeJSON    = "json"   // records are JSON documents, one a line
	linesOrJSON = "lines or json"
)

// Batch is a file in memory, cut into records. A record is a line without its line end.
type Batch struct {
	Data  []byte
	start []int // start[i] is where record i begins; one more entry closes the last record
	steps []int // steps[i] is the first record of step i; one more entry closes the last step
}

// Cut splits data into records and steps. A last line without a line end is a record too.
func Cut(data []byte) Batch {
	b := Batch{Data: data, start: []int{0}, steps: []int{0}}
	from := 0
	for at := 0; at < len(data); {
		n := bytes.IndexByte(data[at:], '\n')
		if n < 0 {
			n = len(data) - at - 1
		}
		at += n + 1
		b.start = append(b.start, at)
		if records := len(b.start) - 1; at-from >= stepBytes || records-b.steps[len(b.steps)-1] >= stepRecords {
			b.steps = append(b.steps, records)
			from = at
		}
	}
	if records := len(b.start) - 1; b.steps[len(b.steps)-1] != records {
		b.steps = append(b.steps, records)
	}
	return b
}

// Records is the number of records.
func (b Batch) Records() int { return len(b.start) - 1 }

// Record returns record i without its line end.
func (b Batch) Record(i int) []byte { return bytes.TrimSuffix(b.Range(i, i+1), []byte{'\n'}) }

// Range returns the bytes of records from to to-1, line ends included.
func (b Batch) Range(from, to int) []byte { return b.Data[b.start[from]:b.start[to]] }

// Steps yields the first record of each step and the first one after it: what Process is called with.
func (b Batch) Steps() iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for i := range len(b.steps) - 1 {
			if !yield(b.steps[i], b.steps[i+1]) {
				return
			}
		}
	}
}

// prefix is the batch cut after its first n steps.
func (b Batch) prefix(n int) Batch {
	records := b.steps[n]
	return Batch{Data: b.Data[:b.start[records]], start: b.start[:records+1], steps: b.steps[:n+1]}
}

// A Peer is what is measured. Only Process runs on the clock.
type Peer interface {
	// Prepare gets the records of the next pass, for peers whose API wants them in a form of its own.
	Prepare(b Batch) error
	// Process handles records from to to-1 of the batch given last.
	Process(from, to int) error
	// Findings returns how many values the last pass found.
	Findings() int
}

// Info says what was measured.
type Info struct {
	Peer    string `json:"peer"`
	Version string `json:"version"`
	Config  string `json:"config"`
}

// Round holds the CPU and wall seconds of one round.
type Round struct {
	User float64 `json:"user_s"`
	Sys  float64 `json:"sys_s"`
	Wall float64 `json:"wall_s"`
}

// Result is the line a peer prints. Bytes, Records and Findings are those of one round, all its passes counted.
type Result struct {
	Info
	Bytes     int     `json:"bytes"`
	Records   int     `json:"records"`
	Findings  int     `json:"findings"`
	Passes    int     `json:"passes"`
	FileBytes int     `json:"file_bytes"`
	Rounds    []Round `json:"rounds"`
}

// Args are the command line's values.
type Args struct {
	Rounds   int
	Seconds  float64
	JSON     bool
	Patterns string // file of patterns, see ReadPatterns
	Variant  string // which of a peer's configurations; "" is its first
	File     string
}

func parse(argv []string) (Args, error) {
	var a Args
	var mode string
	f := flag.NewFlagSet("peer", flag.ContinueOnError)
	f.IntVar(&a.Rounds, "rounds", 3, "measured rounds")
	f.Float64Var(&a.Seconds, "seconds", 2, "seconds after which the warm-up round stops, which fixes the work of every round")
	f.StringVar(&mode, "mode", modeLines, linesOrJSON)
	f.StringVar(&a.Patterns, "patterns", "patterns.txt", "file of patterns, name and pattern parted by a tab")
	f.StringVar(&a.Variant, "variant", "", "which of the peer's configurations")
	if err := f.Parse(argv); err != nil {
		return a, err
	}
	a.JSON = mode == modeJSON
	switch {
	case f.NArg() != 1:
		return a, fmt.Errorf("want one file, got %d", f.NArg())
	case mode != modeLines && mode != modeJSON:
		return a, fmt.Errorf("--mode is %s", linesOrJSON)
	case a.Rounds < 1 || !(a.Seconds > 0):
		return a, fmt.Errorf("--rounds and --seconds must be positive")
	}
	a.File = f.Arg(0)
	return a, nil
}

// Main runs the peer that build makes over the file of the command line and prints the result. It ends the
// process with status 1 and one line on standard error when anything fails.
func Main(build func(Args) (Peer, Info, error)) {
	a, err := parse(os.Args[1:])
	if err == nil {
		err = run(a, build, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(a Args, build func(Args) (Peer, Info, error), w io.Writer) error {
	data, err := os.ReadFile(a.File)
	if err != nil {
		return err
	}
	p, info, err := build(a)
	if err != nil {
		return err
	}
	res, err := Measure(p, Cut(data), a.Rounds, a.Seconds)
	if err != nil {
		return err
	}
	res.Info = info
	return json.NewEncoder(w).Encode(res)
}

// Measure runs the warm-up round and the measured rounds.
func Measure(p Peer, b Batch, rounds int, seconds float64) (Result, error) {
	if b.Records() == 0 {
		return Result{}, fmt.Errorf("the file is empty")
	}
	warm, steps, _, err := pass(p, b, seconds)
	if err != nil {
		return Result{}, err
	}
	if steps == len(b.steps)-1 {
		// The first pass over a short file may have paid for caches, so it does not set how often to repeat.
		if warm, _, _, err = pass(p, b, math.Inf(1)); err != nil {
			return Result{}, err
		}
	}
	file := len(b.Data)
	b = b.prefix(steps)
	passes := 1
	if want := min(minRound, seconds/2); warm.Wall < want {
		passes = int(min(math.Ceil(want/max(warm.Wall, 1e-9)), maxPasses))
	}
	res := Result{Passes: passes, FileBytes: file, Bytes: passes * len(b.Data), Records: passes * b.Records()}
	for range rounds {
		var sum Round
		res.Findings = 0
		for range passes {
			r, _, found, err := pass(p, b, math.Inf(1))
			if err != nil {
				return Result{}, err
			}
			sum.User, sum.Sys, sum.Wall = sum.User+r.User, sum.Sys+r.Sys, sum.Wall+r.Wall
			res.Findings += found
		}
		res.Rounds = append(res.Rounds, sum)
	}
	return res, nil
}

// pass processes the batch once, or the steps of it that begin within the given seconds, and says how many.
func pass(p Peer, b Batch, seconds float64) (Round, int, int, error) {
	if err := p.Prepare(b); err != nil {
		return Round{}, 0, 0, err
	}
	done := 0
	before, err := now()
	if err != nil {
		return Round{}, 0, 0, err
	}
	for done < len(b.steps)-1 {
		if err := p.Process(b.steps[done], b.steps[done+1]); err != nil {
			return Round{}, 0, 0, err
		}
		done++
		if time.Since(before.wall).Seconds() >= seconds {
			break
		}
	}
	after, err := now()
	return after.since(before), done, p.Findings(), err
}

type clock struct {
	user, sys float64
	wall      time.Time
}

func now() (clock, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return clock{seconds(u.Utime), seconds(u.Stime), time.Now()}, err
}

func seconds(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

func (c clock) since(b clock) Round {
	return Round{User: c.user - b.user, Sys: c.sys - b.sys, Wall: c.wall.Sub(b.wall).Seconds()}
}

// A Pattern is one line of a pattern file.
type Pattern struct{ Name, Expr string }

// ReadPatterns reads lines of a name and an expression parted by a tab; empty lines and lines that begin
// with # are comments.
func ReadPatterns(file string) ([]Pattern, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var ps []Pattern
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		name, expr, ok := strings.Cut(line, "\t")
		if !ok || name == "" || expr == "" {
			return nil, fmt.Errorf("%s:%d: want a name, a tab and a pattern", file, i+1)
		}
		ps = append(ps, Pattern{name, expr})
	}
	if len(ps) == 0 {
		return nil, fmt.Errorf("%s: no pattern", file)
	}
	return ps, nil
}

// Union joins patterns into one alternation.
func Union(ps []Pattern) string {
	exprs := make([]string, len(ps))
	for i, p := range ps {
		exprs[i] = "(?:" + p.Expr + ")"
	}
	return strings.Join(exprs, "|")
}
