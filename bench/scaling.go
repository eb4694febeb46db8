package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"text/tabwriter"
	"time"

	"logveil/detectors"
	"logveil/redact"
)

// scaling measures how much faster more cores are: bench scaling --rounds N FILE. Each
// core redacts all of FILE, again and again, with a worker of its own of one engine. Rounds
// of one core, two, and so on up to all of the machine are interleaved; by the wall clock,
// since cores that wait for each other use no CPU time. What else runs on the machine shows.
func scaling(args []string) error {
	f := flag.NewFlagSet("scaling", flag.ContinueOnError)
	rounds := f.Int("rounds", 9, "measured rounds")
	length := f.Duration("time", 300*time.Millisecond, "how long a core works in a round, at least")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return errors.New("scaling: one file is wanted")
	}
	text, err := os.ReadFile(f.Arg(0))
	if err != nil {
		return err
	}
	e, err := redact.New(redact.Options{Detectors: detectors.All()})
	if err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	works := make([]func() int, runtime.NumCPU())
	for i := range works {
		works[i] = redactBatches(e, text)
		works[i]() // warms up
	}
	speeds := make([][]float64, len(works)) // by cores less one, in GB/s
	for range *rounds {
		for n := range works {
			passes := make([]int, n+1)
			var group sync.WaitGroup
			start := time.Now()
			for i, work := range works[:n+1] {
				group.Go(func() {
					for time.Since(start) < *length {
						work()
						passes[i]++
					}
				})
			}
			group.Wait()
			total := 0
			for _, k := range passes {
				total += k
			}
			speeds[n] = append(speeds[n], float64(total*len(text))/time.Since(start).Seconds()/1e9)
		}
	}
	fmt.Printf("%s; kernels %s; %s; wall clock, median of %d interleaved rounds\n\n", machine(), redact.Implementation(), runtime.Version(), *rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "cores\tGB/s\tof one core\t")
	for n, s := range speeds {
		fmt.Fprintf(w, "%d\t%.3f\t%.2f\t\n", n+1, median(s), median(s)/median(speeds[0]))
	}
	return w.Flush()
}
