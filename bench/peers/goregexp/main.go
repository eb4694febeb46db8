// Command goregexp measures Go's regexp with the patterns of patterns.txt.
//
// Variant union: one alternation of all patterns, searched over blocks of lines; matches are counted, nothing
// is written, which favours this peer. Variant each: one ReplaceAll a pattern over every line, as programs
// that mask with regexp do.
package main

import (
	"fmt"
	"regexp"
	"runtime"

	"logveil/bench/peers/protocol"
)

func main() { protocol.Main(build) }

func build(a protocol.Args) (protocol.Peer, protocol.Info, error) {
	info := protocol.Info{Peer: "go-regexp", Version: runtime.Version()}
	ps, err := protocol.ReadPatterns(a.Patterns)
	if err != nil {
		return nil, info, err
	}
	switch a.Variant {
	case "", "union":
		re, err := regexp.Compile(protocol.Union(ps))
		info.Config = fmt.Sprintf("union of %d patterns over blocks, find only", len(ps))
		return &union{re: re}, info, err
	case "each":
		e := &each{}
		for _, p := range ps {
			re, err := regexp.Compile(p.Expr)
			if err != nil {
				return nil, info, fmt.Errorf("%s: %w", p.Name, err)
			}
			e.res = append(e.res, re)
		}
		info.Peer = "go-regexp-each"
		info.Config = fmt.Sprintf("%d ReplaceAll passes a line", len(ps))
		return e, info, nil
	}
	return nil, info, fmt.Errorf("--variant is union or each")
}

type union struct {
	re    *regexp.Regexp
	batch protocol.Batch
	found int
}

func (u *union) Prepare(b protocol.Batch) error { u.batch, u.found = b, 0; return nil }
func (u *union) Findings() int                  { return u.found }
func (u *union) Process(from, to int) error {
	u.found += len(u.re.FindAllIndex(u.batch.Range(from, to), -1))
	return nil
}

type each struct {
	res   []*regexp.Regexp
	batch protocol.Batch
	found int
	out   int // bytes written, so that the work has a use
}

func (e *each) Prepare(b protocol.Batch) error { e.batch, e.found = b, 0; return nil }
func (e *each) Findings() int                  { return e.found }
func (e *each) Process(from, to int) error {
	mask := []byte("****")
	for i := from; i < to; i++ {
		line := e.batch.Record(i)
		for _, re := range e.res {
			line = re.ReplaceAllFunc(line, func([]byte) []byte { e.found++; return mask })
		}
		e.out += len(line)
	}
	return nil
}
