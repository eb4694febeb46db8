package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// row is one line of the table.
type row struct {
	Name  string `json:"name"`
	Model string `json:"model"`
	// Bytes is how much one call of work handles; Findings what it found.
	Bytes    int `json:"bytes"`
	Findings int `json:"findings"`
	// GBs is gigabytes a second of user CPU, the median of Rounds.
	GBs    float64   `json:"gb_per_s,omitempty"`
	Rounds []float64 `json:"user_s_per_call,omitempty"`
	Allocs int       `json:"allocs"`
	// Value is the result of a row that is not a throughput, in Unit.
	Value float64 `json:"value,omitempty"`
	Unit  string  `json:"unit,omitempty"`

	// use chooses the implementation before the clock starts.
	use  func()
	work func() (findings int)
}

// minSample is the least time that a sample takes, in seconds: process clocks are coarse.
const minSample = 0.08

// measure runs the rows in random order, round by round.
func measure(rows []*row, rounds int, profile string) error {
	calls := make([]int, len(rows))
	for i, r := range rows {
		r.use()
		r.Findings = r.work() // warms up, too
		t := time.Now()
		r.work()
		calls[i] = 1 + int(minSample/max(time.Since(t).Seconds(), 1e-9))
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range rounds {
		for _, i := range r.Perm(len(rows)) {
			x := rows[i]
			x.use()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			u := userCPU()
			for range calls[i] {
				x.work()
			}
			x.Rounds = append(x.Rounds, (userCPU()-u)/float64(calls[i]))
			runtime.ReadMemStats(&after)
			x.Allocs = int(after.Mallocs-before.Mallocs) / calls[i]
			if x.Allocs > 1000 {
				runtime.GC() // the collector is off: only rows that allocate need it
			}
		}
	}
	for _, x := range rows {
		t := median(x.Rounds)
		if x.Unit != "" {
			x.Value = t * x.Value
			continue
		}
		x.GBs = float64(x.Bytes) / t / 1e9
	}
	return nil
}

func median(x []float64) float64 {
	y := slices.Clone(x)
	slices.Sort(y)
	return y[len(y)/2]
}

// userCPU is the user CPU time of this thread, in seconds.
func userCPU() float64 {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &ru); err != nil {
		panic(err)
	}
	return float64(ru.Utime.Sec) + float64(ru.Utime.Usec)/1e6
}

// threadCPU is the CPU time of this thread, in seconds, by a clock that is finer than userCPU
// and counts the system's time, too.
func threadCPU() float64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return float64(ts.Sec) + float64(ts.Nsec)/1e9
}

// machine names the processor.
func machine() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for _, l := range bytes.Split(b, []byte{'\n'}) {
		if k, v, ok := strings.Cut(string(l), ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return runtime.GOARCH
}
