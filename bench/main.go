// Command bench measures the engine: gigabytes of input a second of user CPU on one core,
// every detector on, the redacted text written to memory.
//
// Rows that are compared are measured in one run, interleaved, and the table shows medians,
// because machines are noisy. See METHODOLOGY.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"text/tabwriter"

	"logveil/bench/corpus"
	"logveil/redact"
)

func main() {
	work := run
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "peer":
			work = func() error { return peer(os.Args[2:]) }
		case "search":
			work = func() error { return search(os.Args[2:]) }
		case "prices":
			work = func() error { return prices(os.Args[2:]) }
		case "scaling":
			work = func() error { return scaling(os.Args[2:]) }
		case "process":
			work = func() error { return process(os.Args[2:]) }
		}
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	mb := flag.Int("mb", 32, "size of each corpus, in MiB")
	rounds := flag.Int("rounds", 5, "rounds; the table shows medians")
	only := flag.String("only", "", "measure only the rows whose name matches this regular expression")
	reference := flag.String("reference", filepath.Join("..", "shared"), "folder with real logs; generated ones stand in when it is absent")
	dir := flag.String("dir", "", "folder for the corpora (default: in the user's cache)")
	asJSON := flag.Bool("json", false, "print JSON instead of a table")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the measured rows to this file")
	flag.Parse()
	if flag.NArg() > 0 {
		return errors.New("no arguments are taken; see -help")
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	if *dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		*dir = filepath.Join(cache, "logveil-bench", "corpus")
	}
	man, err := corpus.Make(context.Background(), corpus.Options{Dir: *dir, Bytes: *mb << 20, Seed: 42, Reference: *reference})
	if err != nil {
		return err
	}
	texts := map[string][]byte{}
	for _, f := range man.Files {
		if texts[f.Name], err = os.ReadFile(filepath.Join(*dir, f.Name)); err != nil {
			return err
		}
	}
	rows, err := definitions(texts)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r *row) bool { return !match.MatchString(r.Name) && r.Model != modelReference })

	alone()
	if err := measure(rows, *rounds, *profile); err != nil {
		return err
	}
	report := report{
		Machine: machine(), Kernels: redact.Implementation(), Go: runtime.Version(),
		Corpora: man.Source, Rounds: *rounds, Rows: rows,
	}
	if *asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(report)
	}
	report.print()
	return nil
}

type report struct {
	Machine string `json:"machine"`
	Kernels string `json:"kernels"`
	Go      string `json:"go"`
	Corpora string `json:"corpora"`
	Rounds  int    `json:"rounds"`
	Rows    []*row `json:"rows"`
}

func (r *report) print() {
	fmt.Printf("%s; kernels %s; %s; %s corpora; one core, user CPU, median of %d interleaved rounds\n\n",
		r.Machine, r.Kernels, r.Go, r.Corpora, r.Rounds)
	var memcpy float64
	for _, x := range r.Rows {
		if x.Name == "memcpy" {
			memcpy = x.GBs
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "model\trow\tGB/s\tns/KB\tof memcpy\tMB\tfindings\tallocs\t")
	for _, x := range r.Rows {
		if x.Unit != "" {
			fmt.Fprintf(w, "%s\t%s\t%.3g %s\t\t\t\t\t\t\n", x.Model, x.Name, x.Value, x.Unit)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%.3f\t%.0f\t%.4f\t%.1f\t%d\t%d\t\n",
			x.Model, x.Name, x.GBs, 1e3/x.GBs*1.024, x.GBs/memcpy, float64(x.Bytes)/1e6, x.Findings, x.Allocs)
	}
	w.Flush()
}
