package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"logveil/detectors"
	"logveil/redact"
)

// peer measures the engine the way bench/peers/runner measures others, so that it stands in
// one table with them: bench peer --rounds N --seconds S --mode lines FILE. The protocol is
// described in bench/peers/README.md.
func peer(args []string) error {
	f := flag.NewFlagSet("peer", flag.ContinueOnError)
	rounds := f.Int("rounds", 3, "measured rounds")
	seconds := f.Float64("seconds", 2, "user CPU seconds of a round, at least")
	_ = f.String("mode", "lines", "what the records are; the engine does not need to know")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return errors.New("peer: one file is wanted")
	}
	text, err := os.ReadFile(f.Arg(0))
	if err != nil {
		return err
	}
	e, err := redact.New(redact.Options{Detectors: detectors.All()})
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	work := redactBatches(e, text)
	t := time.Now()
	found := work()
	passes := max(1, int(*seconds/time.Since(t).Seconds()))
	type round struct {
		User float64 `json:"user_s"`
		Sys  float64 `json:"sys_s"`
		Wall float64 `json:"wall_s"`
	}
	out := struct {
		Peer     string  `json:"peer"`
		Version  string  `json:"version"`
		Config   string  `json:"config"`
		Bytes    int     `json:"bytes"`
		Records  int     `json:"records"`
		Findings int     `json:"findings"`
		Rounds   []round `json:"rounds"`
	}{
		Peer: "logveil", Version: "this tree", Config: "all detectors, masks, kernels " + redact.Implementation(),
		Bytes: passes * len(text), Records: passes * bytes.Count(text, []byte{'\n'}), Findings: passes * found,
	}
	for range *rounds {
		u, t := userCPU(), time.Now()
		for range passes {
			work()
		}
		out.Rounds = append(out.Rounds, round{User: userCPU() - u, Wall: time.Since(t).Seconds()})
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}
