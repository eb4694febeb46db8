// Command makecorpus writes the benchmark's corpora into a folder and prints what it wrote as JSON.
//
//	go run ./bench/corpus/makecorpus -out DIR [-mb 16] [-seed 42] [-reference ../shared] [-floods MB]
//
// With a reference folder that holds eval/makecorpus.py and corpora/logs, clean, dirty and their JSON are
// made from real logs by that script; without one they are generated.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"logveil/bench/corpus"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "makecorpus:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("makecorpus", flag.ContinueOnError)
	out := f.String("out", "", "folder to write to")
	mb := f.Int("mb", 16, "size of each file, MiB")
	seed := f.Uint64("seed", 42, "seed of everything random")
	reference := f.String("reference", filepath.Join("..", "shared"), "folder with eval/makecorpus.py and corpora/logs; empty to generate")
	floods := f.Int("floods", 0, "also write floods/NAME.log, this many MiB each; 0 for none")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *out == "" || f.NArg() > 0 {
		return errors.New("-out names the folder to write to; there are no further arguments")
	}
	m, err := corpus.Make(ctx, corpus.Options{Dir: *out, Bytes: *mb << 20, Seed: *seed, Reference: *reference})
	if err != nil {
		return err
	}
	if *floods > 0 {
		if err := writeFloods(ctx, filepath.Join(*out, "floods"), *floods<<20); err != nil {
			return err
		}
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(m)
}

func writeFloods(ctx context.Context, dir string, size int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range corpus.Floods() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name+".log"), f.Text(size), 0o644); err != nil {
			return err
		}
	}
	return nil
}
