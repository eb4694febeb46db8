// Command runner measures the peers of the benchmark on one file, interleaved, and prints a table.
//
//	go run ./bench/peers/runner [flags] FILE
//	go run ./bench/peers/runner -also 'ours=bin/bench-engine --impl avx2' -json out.json FILE
//
// It builds what the toolchains on the machine allow into a cache folder. A peer that cannot be built or run
// is a row with a word that says why, never an error. A command given with -also speaks the peers' protocol
// (see protocol/protocol.go) and runs in the same interleaved passes; its failure is an error. Rates are
// bytes of input by seconds of user CPU of the whole process, so they are per core whatever the number of
// threads.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], peers, os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "runner:", err)
		os.Exit(1)
	}
}

// alsoFlag collects -also name=command.
type alsoFlag []peer

func (a *alsoFlag) String() string { return "" }
func (a *alsoFlag) Set(s string) error {
	name, command, ok := strings.Cut(s, "=")
	argv := strings.Fields(command)
	if !ok || name == "" || len(argv) == 0 {
		return errors.New("want name=command")
	}
	*a = append(*a, peer{name: name, external: true, argv: func(workshop) []string { return argv }})
	return nil
}

func run(ctx context.Context, args []string, all []peer, stdout, stderr io.Writer) error {
	var also alsoFlag
	var o options
	var only, source, cache, jsonFile string
	var buildOnly, list bool
	f := flag.NewFlagSet("runner", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.Passes, "passes", 3, "interleaved passes over all peers")
	f.IntVar(&o.Rounds, "rounds", 1, "measured rounds of each peer in each pass")
	f.Float64Var(&o.Seconds, "seconds", 2, "seconds a round lasts at most; slow peers see a prefix of the file")
	f.StringVar(&o.Mode, "mode", "lines", "lines or json: what a record of FILE is")
	f.StringVar(&o.base, "base", "", "the row that ratios are taken of (default the first -also)")
	f.StringVar(&only, "only", "", "comma-separated names of the peers to run (default all; none for -also alone)")
	f.StringVar(&source, "peers", "", "folder of the peers' sources (default bench/peers, looked for upwards)")
	f.StringVar(&cache, "cache", "", "folder for builds (default $XDG_CACHE_HOME/logveil-bench)")
	f.StringVar(&jsonFile, "json", "", "file to write the report to as JSON, - for standard output instead of the table")
	f.BoolVar(&buildOnly, "build", false, "only build")
	f.BoolVar(&list, "list", false, "only list the peers' names")
	f.Var(&also, "also", "name=command of a further program that speaks the protocol; may be repeated")
	if err := f.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(all, only)
	if err != nil {
		return err
	}
	if list {
		for _, p := range chosen {
			fmt.Fprintln(stdout, p.name)
		}
		return nil
	}
	if o.Passes < 1 || o.Rounds < 1 || !(o.Seconds > 0) || o.Mode != "lines" && o.Mode != "json" {
		return errors.New("-passes, -rounds and -seconds must be positive, -mode is lines or json")
	}
	if !buildOnly && f.NArg() != 1 {
		return fmt.Errorf("want one file, got %d", f.NArg())
	}
	w, err := openWorkshop(source, cache)
	if err != nil {
		return err
	}
	chosen = append([]peer(also), chosen...)
	if o.base == "" && len(also) > 0 {
		o.base = also[0].name
	}
	o.log = stderr
	rows := build(ctx, w, chosen, stderr)
	if buildOnly {
		for _, r := range rows {
			fmt.Fprintf(stdout, "%s\t%s\n", r.Name, r.Status)
		}
		return ctx.Err()
	}
	report, err := measure(ctx, w, o, f.Arg(0), rows)
	if err != nil {
		return err
	}
	if jsonFile != "-" {
		if err := report.table(stdout); err != nil {
			return err
		}
	}
	if jsonFile != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		text = append(text, '\n')
		if jsonFile == "-" {
			_, err = stdout.Write(text)
		} else {
			err = os.WriteFile(jsonFile, text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// choose picks peers by name; "" is all of them, "none" is none.
func choose(all []peer, only string) ([]peer, error) {
	if only == "" {
		return all, nil
	}
	var chosen []peer
	for name := range strings.SplitSeq(only, ",") {
		if name == "none" {
			continue
		}
		i := slices.IndexFunc(all, func(p peer) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no peer is called %q", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func openWorkshop(source, cache string) (workshop, error) {
	if source == "" {
		dir, err := os.Getwd()
		if err != nil {
			return workshop{}, err
		}
		for source == "" {
			if at := filepath.Join(dir, "bench", "peers"); exists(filepath.Join(at, "patterns.txt")) {
				source = at
			} else if up := filepath.Dir(dir); up != dir {
				dir = up
			} else {
				return workshop{}, errors.New("cannot find bench/peers here or above: give -peers")
			}
		}
	}
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return workshop{}, fmt.Errorf("%w: give -cache", err)
		}
		cache = filepath.Join(user, "logveil-bench")
	}
	var err error
	if source, err = filepath.Abs(source); err != nil {
		return workshop{}, err
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return workshop{}, err
	}
	return workshop{source: source, cache: cache}, os.MkdirAll(filepath.Join(cache, "bin"), 0o755)
}

func exists(file string) bool { _, err := os.Stat(file); return err == nil }

// table prints one row a peer, fastest first, then those that were not measured.
func (r report) table(w io.Writer) error {
	rows := slices.Clone(r.Rows)
	slices.SortStableFunc(rows, func(a, b row) int {
		switch {
		case a.Rate.Median > b.Rate.Median:
			return -1
		case a.Rate.Median < b.Rate.Median:
			return 1
		}
		return 0
	})
	fmt.Fprintf(w, "%s, %d CPUs; %s, %d bytes, %s; GB/s of user CPU, median (least, most) of %d\n",
		r.Machine.CPU, r.Machine.CPUs, r.Corpus.Name, r.Corpus.Bytes, r.Options.Mode, r.Options.Passes*r.Options.Rounds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "peer\tversion\tconfiguration\tGB/s\t(least, most)\tfindings/MB\t"+r.ratioTitle())
	for _, x := range rows {
		if x.Status != measured {
			fmt.Fprintf(t, "%s\t-\t%s\t-\t-\t-\t-\n", x.Name, x.Status)
			continue
		}
		ratio := "-"
		if x.Ratio > 0 {
			ratio = fmt.Sprintf("%.1f", x.Ratio)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t(%s, %s)\t%.0f\t%s\n", x.Name, x.Version, x.Config,
			rate(x.Rate.Median), rate(x.Rate.Least), rate(x.Rate.Most), float64(x.Findings)*1e6/float64(x.Bytes), ratio)
	}
	return t.Flush()
}

func (r report) ratioTitle() string {
	if r.Options.base == "" {
		return "ratio"
	}
	return r.Options.base + " is faster by"
}

// rate prints GB/s with three digits that count.
func rate(v float64) string {
	switch {
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
