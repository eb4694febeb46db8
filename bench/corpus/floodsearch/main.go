// Command floodsearch looks for short texts whose repetition makes a program slow.
//
//	go run ./bench/corpus/floodsearch [-for 2m] [-mb 4] [-line 0] -- PROGRAM ARGS
//
// The program reads text on standard input; its output is thrown away. Each line printed is a rate in GB/s of
// user CPU and a unit, quoted, slowest first.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"logveil/bench/corpus"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "floodsearch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("floodsearch", flag.ContinueOnError)
	limit := f.Duration("for", 2*time.Minute, "how long to search")
	mb := f.Int("mb", 4, "size of the text of one measurement, MiB")
	line := f.Int("line", 0, "line length in bytes; 0 for one unbroken line")
	seed := f.Uint64("seed", 1, "seed of the search")
	if err := f.Parse(args); err != nil {
		return err
	}
	c, err := corpus.NewCommand(ctx, f.Args())
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	o := corpus.SearchOptions{Seed: *seed, Size: *mb << 20, Line: *line, Generations: 1 << 20}
	measure := func(text []byte) time.Duration {
		took := c.Measure(text)
		if c.Err() != nil {
			cancel()
		}
		return took
	}
	found := corpus.Search(limited, measure, o)
	if err := c.Err(); err != nil {
		return err
	}
	for _, x := range found {
		fmt.Printf("%.4f\t%q\n", 1/x.PerByte, x.Unit)
	}
	return nil
}
