package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"text/tabwriter"
	"time"

	"logveil/bench/corpus"
	"logveil/detectors"
	"logveil/redact"
)

// search looks for texts that make the engine slow, as bench/corpus/floodsearch does, but in
// this process, which tries a hundred times as many.
func search(args []string) error {
	f := flag.NewFlagSet("search", flag.ContinueOnError)
	limit := f.Duration("for", 2*time.Minute, "how long to search")
	line := f.Int("line", 140, "line length in bytes; 0 for one unbroken line")
	unit := f.Int("unit", 40, "length of the longest unit, in bytes")
	seed := f.Uint64("seed", 1, "seed of the search")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	e, err := redact.New(redact.Options{Detectors: detectors.All()})
	if err != nil {
		return err
	}
	alone()
	w := e.NewWorker()
	var out []byte
	measure := func(text []byte) time.Duration {
		return time.Duration(1e9 * fastest(2, func() { out = w.Append(context.Background(), out[:0], text) }))
	}
	o := corpus.SearchOptions{Seed: *seed, Size: 32 << 10, Line: *line, MaxUnit: *unit, Generations: 1 << 20, Lineages: 24, Repeat: 4}
	for _, x := range corpus.Search(ctx, measure, o) {
		fmt.Printf("%.4f\t%q\n", 1/x.PerByte, x.Unit)
	}
	return nil
}

// candidate is a call of a detector.
type candidate struct {
	detector int
	b        []byte
	at       int
	reason   redact.Reason
}

// watched notes the candidates that a detector is asked about. It is no Repeater: the values
// of lists behind the first are left out.
type watched struct {
	redact.Detector
	i    int
	note func(candidate)
}

func (d watched) Match(b []byte, at int) (redact.Span, redact.Reason) {
	s, r := d.Detector.Match(b, at)
	d.note(candidate{d.i, b, at, r})
	return s, r
}

// prices prints, by detector and decision, what a candidate costs in the flood in which it
// costs the most, beside its price. What a rejected value was read for is charged on top.
func prices(args []string) error {
	if len(args) > 0 {
		return errors.New("prices takes no arguments")
	}
	all := detectors.All()
	var calls []candidate
	var last []byte
	note := func(c candidate) {
		// The text is a buffer of the engine, and most calls are about the same one.
		if !bytes.Equal(last, c.b) {
			last = bytes.Clone(c.b)
		}
		c.b = last
		calls = append(calls, c)
	}
	ds := make([]redact.Detector, len(all))
	for i, d := range all {
		ds[i] = watched{d, i, note}
	}
	e, err := redact.New(redact.Options{Detectors: ds})
	if err != nil {
		return err
	}
	alone()
	type kind struct {
		detector int
		reason   redact.Reason
	}
	type cost struct {
		kind
		ns, price float64
		flood     string
	}
	dearest := map[kind]cost{}
	const windows = 16
	for _, f := range corpus.Floods() {
		calls, last = calls[:0], nil
		e.NewWorker().Append(context.Background(), nil, f.Text(windows*4096))
		by := map[kind][]candidate{}
		for _, c := range calls {
			k := kind{c.detector, c.reason}
			by[k] = append(by[k], c)
		}
		for k, cs := range by {
			if len(cs) < 10*windows {
				continue // too few to make a flood
			}
			ns := 1e9 / float64(len(cs)) * fastest(9, func() {
				for i := range cs {
					all[k.detector].Match(cs[i].b, cs[i].at)
				}
			})
			if ns > dearest[k].ns {
				spec := all[k.detector].Spec()
				dearest[k] = cost{k, ns, 10 * float64(spec.Price(k.reason)), f.Name}
			}
		}
	}
	var rows []cost
	for _, c := range dearest {
		rows = append(rows, c)
	}
	slices.SortFunc(rows, func(a, b cost) int { return int(1e3 * (b.ns/b.price - a.ns/a.price)) })
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "detector\tdecision\tns\tprice\tflood\t")
	for _, c := range rows {
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%.0f\t%s\t\n", all[c.detector].Spec().Name, c.reason, c.ns, c.price, c.flood)
	}
	return w.Flush()
}

// alone keeps the measuring thread to itself.
func alone() {
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
}

// fastest returns the least CPU time that f took, in seconds, of n times.
func fastest(n int, f func()) float64 {
	least := 0.0
	for i := range n {
		before := threadCPU()
		f()
		if t := threadCPU() - before; i == 0 || t < least {
			least = t
		}
	}
	return least
}
