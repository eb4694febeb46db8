package corpus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"slices"
	"time"
)

// SearchOptions bound a search; the zero value of each field means the default.
type SearchOptions struct {
	Seed        uint64
	Size        int      // bytes of text measured at a time (default 256 KiB)
	Line        int      // line length, see Text (default unbroken)
	MaxUnit     int      // bytes a unit holds at most (default 32)
	Lineages    int      // units that evolve beside each other (default 16)
	Generations int      // children tried in each lineage (default 200)
	Repeat      int      // measurements of a child that looks slower, the least counts (default 3)
	Start       [][]byte // first units (default those of Floods; too long ones are left out)
}

// Found is a unit and what it costs.
type Found struct {
	Unit    []byte
	PerByte float64 // nanoseconds
}

func (o SearchOptions) withDefaults() SearchOptions {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.Size, 256<<10)
	set(&o.MaxUnit, 32)
	set(&o.Lineages, 16)
	set(&o.Generations, 200)
	set(&o.Repeat, 3)
	if len(o.Start) == 0 {
		for _, u := range floodUnits {
			o.Start = append(o.Start, []byte(u))
		}
	}
	o.Start = slices.DeleteFunc(slices.Clone(o.Start), func(u []byte) bool { return len(u) == 0 || len(u) > o.MaxUnit })
	if len(o.Start) == 0 {
		o.Start = [][]byte{{'a'}}
	}
	return o
}

// Search looks for units whose repetition takes measure the longest per byte: the slowest of the first units
// found lineages, which then mutate, and trade parts, each keeping a child that is slower than itself. It
// returns a unit for each lineage, slowest first, and ends early when ctx is done. Given the same durations
// it takes the same way. measure is never called from two goroutines and must not keep its argument.
func Search(ctx context.Context, measure func([]byte) time.Duration, o SearchOptions) []Found {
	o = o.withDefaults()
	r := rand.New(rand.NewPCG(o.Seed, 0x666c6f6f64))
	seen := map[string]bool{}
	cost := func(unit []byte, worthMoreThan float64) float64 {
		text := Text(unit, o.Line, o.Size)
		least := float64(measure(text)) / float64(len(text))
		// Noise only ever adds time, so what looks slow is measured again.
		for n := 1; n < o.Repeat && least > worthMoreThan && ctx.Err() == nil; n++ {
			least = min(least, float64(measure(text))/float64(len(text)))
		}
		return least
	}
	var found []Found
	for _, u := range o.Start {
		if ctx.Err() != nil || seen[string(u)] {
			continue
		}
		seen[string(u)] = true
		found = append(found, Found{bytes.Clone(u), cost(u, 0)})
	}
	slowestFirst(found)
	found = found[:min(len(found), o.Lineages)]
	for range o.Generations {
		for i := range found {
			if ctx.Err() != nil {
				slowestFirst(found)
				return found
			}
			child := mutate(r, found[i].Unit, found[r.IntN(len(found))].Unit, o.MaxUnit)
			if seen[string(child)] {
				continue
			}
			seen[string(child)] = true
			if c := cost(child, found[i].PerByte); c > found[i].PerByte {
				found[i] = Found{child, c}
			}
		}
	}
	slowestFirst(found)
	return found
}

func slowestFirst(f []Found) {
	slices.SortStableFunc(f, func(a, b Found) int {
		switch {
		case a.PerByte > b.PerByte:
			return -1
		case a.PerByte < b.PerByte:
			return 1
		}
		return bytes.Compare(a.Unit, b.Unit)
	})
}

// mutate returns a unit of 1 to most bytes made of one or two others.
func mutate(r *rand.Rand, unit, other []byte, most int) []byte {
	child := bytes.Clone(unit)
	for range 1 + r.IntN(3) {
		at := r.IntN(len(child) + 1)
		switch r.IntN(6) {
		case 0: // put a byte in
			child = slices.Insert(child, at, randomByte(r))
		case 1: // change a byte
			child[at%len(child)] = randomByte(r)
		case 2: // take bytes out
			if end := min(at+1+r.IntN(4), len(child)); at < end && end-at < len(child) {
				child = slices.Delete(child, at, end)
			}
		case 3: // repeat a part
			end := at + r.IntN(len(child)-at+1)
			child = slices.Insert(child, at, bytes.Clone(child[at:end])...)
		case 4: // put in a part of the other
			from := r.IntN(len(other))
			child = slices.Insert(child, at, other[from:from+1+r.IntN(len(other)-from)]...)
		case 5: // put in a known unit
			child = slices.Insert(child, at, []byte(floodUnits[r.IntN(len(floodUnits))])...)
		}
		if len(child) > most {
			child = child[:most]
		}
	}
	return child
}

// randomByte is mostly printable; line ends are left to Text.
func randomByte(r *rand.Rand) byte {
	for {
		c := byte(r.IntN(256))
		if r.IntN(8) > 0 {
			c = byte(' ' + r.IntN('~'-' '+1))
		}
		if c != '\n' {
			return c
		}
	}
}

// A Command measures a program that reads text on standard input, by the user CPU time of its process less
// that of a run on no text.
type Command struct {
	ctx  context.Context
	argv []string
	idle time.Duration
	err  error
}

// NewCommand measures what the program costs without input.
func NewCommand(ctx context.Context, argv []string) (*Command, error) {
	if len(argv) == 0 {
		return nil, errors.New("corpus: no command")
	}
	c := &Command{ctx: ctx, argv: argv}
	idle := time.Duration(1<<63 - 1)
	for range 3 {
		idle = min(idle, c.Measure(nil))
	}
	c.idle = idle
	return c, c.err
}

// Measure runs the program on text. After a run fails it returns 0 for every text, and Err says why.
func (c *Command) Measure(text []byte) time.Duration {
	if c.err != nil || c.ctx.Err() != nil {
		return 0
	}
	cmd := exec.CommandContext(c.ctx, c.argv[0], c.argv[1:]...)
	cmd.Stdin, cmd.Stdout = bytes.NewReader(text), io.Discard
	if err := cmd.Run(); err != nil {
		if c.ctx.Err() == nil {
			c.err = fmt.Errorf("on %d bytes that begin %q: %w", len(text), text[:min(len(text), 64)], err)
		}
		return 0
	}
	return max(0, cmd.ProcessState.UserTime()-c.idle)
}

// Err is the first failure of a run.
func (c *Command) Err() error { return c.err }
