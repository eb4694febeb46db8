// Command gitleaks measures the gitleaks library: the detector with its default configuration, asked line by
// line, as a log pipeline would. It finds secrets only and writes nothing.
//
//	gitleaks rules
//
// prints the default rules' names and expressions, parted by a tab, for the union of the rure peer. The optional
// run of word characters that many rules begin with is left off: it moves the start of a match, never whether
// there is one, and with it a union has too many states for any automaton.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/zricethezav/gitleaks/v8/detect"

	"logveil/bench/peers/protocol"
)

const (
	module       = "github.com/zricethezav/gitleaks/v8"
	optionalWord = `[\w.-]{0,50}?`
)

func main() {
	zerolog.SetGlobalLevel(zerolog.Disabled)
	if len(os.Args) == 2 && os.Args[1] == "rules" {
		if err := rules(); err != nil {
			fmt.Fprintln(os.Stderr, "gitleaks:", err)
			os.Exit(1)
		}
		return
	}
	protocol.Main(build)
}

func rules() error {
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return err
	}
	var lines []string
	for id, r := range d.Config.Rules {
		if r.Regex != nil {
			lines = append(lines, id+"\t"+strings.Replace(r.Regex.String(), optionalWord, "", 1))
		}
	}
	slices.Sort(lines)
	_, err = fmt.Println(strings.Join(lines, "\n"))
	return err
}

func build(a protocol.Args) (protocol.Peer, protocol.Info, error) {
	info := protocol.Info{Peer: "gitleaks", Version: version()}
	if a.Variant != "" {
		return nil, info, fmt.Errorf("this peer has no variants")
	}
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return nil, info, err
	}
	info.Config = fmt.Sprintf("default rules (%d), DetectBytes a line, find only", len(d.Config.Rules))
	return &peer{detector: d}, info, nil
}

func version() string {
	if bi, ok := debug.ReadBuildInfo(); ok {
		for _, m := range bi.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "unknown"
}

type peer struct {
	detector *detect.Detector
	batch    protocol.Batch
	found    int
}

func (p *peer) Prepare(b protocol.Batch) error { p.batch, p.found = b, 0; return nil }
func (p *peer) Findings() int                  { return p.found }
func (p *peer) Process(from, to int) error {
	for i := from; i < to; i++ {
		p.found += len(p.detector.DetectBytes(p.batch.Record(i)))
	}
	return nil
}
