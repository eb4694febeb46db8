package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	measured     = "measured"
	buildTimeout = 30 * time.Minute
)

type options struct {
	Passes  int     `json:"passes"`
	Rounds  int     `json:"rounds"`
	Seconds float64 `json:"seconds"`
	Mode    string  `json:"mode"`
	base    string
	log     io.Writer
}

// A report is what a run measured, as -json writes it.
type report struct {
	Machine machine `json:"machine"`
	Corpus  corpus  `json:"corpus"`
	Options options `json:"options"`
	Rows    []row   `json:"rows"`
}

type machine struct {
	CPU  string `json:"cpu"`
	CPUs int    `json:"cpus"`
	OS   string `json:"os"`
	Arch string `json:"arch"`
}

type corpus struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// A row is one peer's result. Status is "measured" or says in a word why there is none. Bytes, Records and
// Findings are those of the last round.
type row struct {
	Name     string  `json:"name"`
	Status   string  `json:"status"`
	Version  string  `json:"version,omitempty"`
	Config   string  `json:"config,omitempty"`
	Bytes    int     `json:"bytes,omitempty"`
	Records  int     `json:"records,omitempty"`
	Findings int     `json:"findings"`
	Passes   int     `json:"passes,omitempty"` // times a round went over the same bytes
	Rate     spread  `json:"gb_per_user_s"`
	Ratio    float64 `json:"ratio,omitempty"` // the base row's rate by this one's, median over the passes

	peer  peer
	rates [][]float64 // by pass
}

type spread struct {
	Median float64   `json:"median"`
	Least  float64   `json:"least"`
	Most   float64   `json:"most"`
	All    []float64 `json:"all,omitempty"`
}

// result is the line a peer prints, see protocol/protocol.go.
type result struct {
	Version   string
	Config    string
	Bytes     int
	Records   int
	Findings  int
	Passes    int
	FileBytes int `json:"file_bytes"`
	Rounds    []struct {
		User float64 `json:"user_s"`
	}
}

// build builds what can be built and returns a row for each peer; Status is "" where it can run.
func build(ctx context.Context, w workshop, ps []peer, log io.Writer) []row {
	rows := make([]row, len(ps))
	for i, p := range ps {
		rows[i] = row{Name: p.name, peer: p}
		for _, tool := range p.needs {
			if _, err := exec.LookPath(tool); err != nil {
				rows[i].Status = "no " + tool
			}
		}
		if rows[i].Status != "" || p.build == nil {
			continue
		}
		fmt.Fprintf(log, "building %s\n", p.name)
		bctx, cancel := context.WithTimeout(ctx, buildTimeout)
		if err := p.build(bctx, w); err != nil {
			rows[i].Status = "build failed: " + err.Error()
		}
		cancel()
	}
	return rows
}

// measure runs every buildable row once a pass, one after the other, so that a slow minute of the machine
// falls on all of them alike.
func measure(ctx context.Context, w workshop, o options, file string, rows []row) (report, error) {
	rep := report{Machine: thisMachine(), Options: o}
	var err error
	if rep.Corpus, err = describe(file); err != nil {
		return rep, err
	}
	if o.base != "" && !slices.ContainsFunc(rows, func(r row) bool { return r.Name == o.base }) {
		return rep, fmt.Errorf("no row is called %q", o.base)
	}
	for pass := range o.Passes {
		for i := range rows {
			r := &rows[i]
			if r.Status != "" {
				continue
			}
			fmt.Fprintf(o.log, "pass %d of %d: %s\n", pass+1, o.Passes, r.Name)
			if err := r.once(ctx, w, o, file); err != nil {
				if ctx.Err() != nil {
					return rep, ctx.Err()
				}
				if r.peer.external {
					return rep, fmt.Errorf("%s: %w", r.Name, err)
				}
				r.Status = "run failed: " + err.Error()
			}
		}
	}
	base := slices.IndexFunc(rows, func(r row) bool { return r.Name == o.base && r.Status == "" })
	for i := range rows {
		r := &rows[i]
		if r.Status != "" {
			continue
		}
		r.Status = measured
		r.Rate = spreadOf(slices.Concat(r.rates...))
		if base >= 0 && base != i {
			var ratios []float64
			for pass := range r.rates {
				ratios = append(ratios, median(rows[base].rates[pass])/median(r.rates[pass]))
			}
			r.Ratio = median(ratios)
		}
	}
	rep.Rows = rows
	return rep, nil
}

// once runs the row's program and keeps what it reports.
func (r *row) once(ctx context.Context, w workshop, o options, file string) error {
	limit := 2*time.Minute + time.Duration(float64(o.Rounds+2)*4*o.Seconds*float64(time.Second))
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	argv := append(slices.Clone(r.peer.argv(w)), "--rounds", fmt.Sprint(o.Rounds), "--seconds", fmt.Sprint(o.Seconds), "--mode", o.Mode, file)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	// One thread each: background collectors and thread pools would only blur the count of CPU seconds.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("no result after %v", limit)
		}
		last := strings.TrimSpace(errs.String())
		return fmt.Errorf("%w: %s", err, last[strings.LastIndexByte(last, '\n')+1:])
	}
	var res result
	if err := json.Unmarshal(out.Bytes(), &res); err != nil {
		return errors.New("what it printed is not one JSON object")
	}
	if res.Bytes <= 0 || len(res.Rounds) != o.Rounds {
		return fmt.Errorf("it reports %d bytes and %d rounds, want %d rounds", res.Bytes, len(res.Rounds), o.Rounds)
	}
	var rates []float64
	for _, round := range res.Rounds {
		if !(round.User > 0) {
			return errors.New("a round took no CPU time: the file is too short")
		}
		rates = append(rates, float64(res.Bytes)/round.User/1e9)
	}
	r.rates = append(r.rates, rates)
	r.Version, r.Config, r.Bytes, r.Records, r.Findings, r.Passes = res.Version, res.Config, res.Bytes, res.Records, res.Findings, res.Passes
	return nil
}

func spreadOf(v []float64) spread {
	return spread{Median: median(v), Least: slices.Min(v), Most: slices.Max(v), All: v}
}

// median of a list that is not empty.
func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func describe(file string) (corpus, error) {
	f, err := os.Open(file)
	if err != nil {
		return corpus{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return corpus{Name: filepath.Base(file), Bytes: int(n), SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

func thisMachine() machine {
	m := machine{CPU: "unknown CPU", CPUs: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}
