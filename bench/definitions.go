package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"logveil/bench/corpus"
	"logveil/detectors"
	"logveil/detectors/rules"
	"logveil/redact"
	"logveil/vault"
)

const (
	modelReference = "reference"
	modelText      = "text"
	modelRecords   = "records"
	modelTokens    = "tokens"
	modelRules     = "rules"
	modelHostile   = "hostile"
)

// batch is how much text a call of the engine gets, in bytes: what the program reads.
const batch = 256 << 10

// definitions returns every row. texts holds the corpora by file name.
func definitions(texts map[string][]byte) ([]*row, error) {
	all, err := redact.New(redact.Options{Detectors: detectors.All()})
	if err != nil {
		return nil, err
	}
	clean := texts[corpus.Clean]
	dst := make([]byte, len(clean))
	none := func() {}
	rows := []*row{
		{Name: "memcpy", Model: modelReference, Bytes: len(clean), use: none, work: func() int { return copy(dst, clean) * 0 }},
		{Name: "count of line ends", Model: modelReference, Bytes: len(clean), use: none, work: func() int { return bytes.Count(clean, []byte{'\n'}) * 0 }},
	}
	for _, impl := range redact.Implementations() {
		use := func() {
			if err := redact.UseImplementation(impl); err != nil {
				panic(err)
			}
		}
		for _, c := range []struct{ name, file string }{
			{"clean", corpus.Clean}, {"sparse, 1 % of lines", corpus.Sparse}, {"dirty, 3 % of lines", corpus.Dirty},
			{"dense, every line", corpus.Dense}, {"JSON, clean", corpus.CleanJSON}, {"JSON, dirty", corpus.DirtyJSON},
			{"long lines", corpus.Long},
		} {
			text := texts[c.file]
			rows = append(rows, &row{Name: c.name + ", " + impl, Model: modelText, Bytes: len(text), use: use, work: redactBatches(all, text)})
		}
		small := clean[:min(len(clean), 4<<20)]
		rows = append(rows,
			&row{Name: "lines one by one, " + impl, Model: modelRecords, Bytes: len(small), use: use, work: redactLines(all, small)},
			&row{Name: "the same in batches, " + impl, Model: modelRecords, Bytes: len(small), use: use, work: redactBatches(all, small)})
	}
	best := redact.Implementations()[0]
	useBest := func() {
		if err := redact.UseImplementation(best); err != nil {
			panic(err)
		}
	}
	tokens, err := tokenRows(texts, best, useBest)
	if err != nil {
		return nil, err
	}
	rows = append(rows, tokens...)
	for _, n := range []int{10, 250, 500, 1000} {
		e, err := redact.New(redact.Options{Detectors: withRules(n)})
		if err != nil {
			return nil, err
		}
		for _, c := range []struct{ name, file string }{{"clean", corpus.Clean}, {"JSON, clean", corpus.CleanJSON}} {
			text := texts[c.file]
			rows = append(rows, &row{Name: fmt.Sprintf("%4d literal rules, %s, %s", n, c.name, best), Model: modelRules, Bytes: len(text), use: useBest, work: redactBatches(e, text)})
		}
		rows = append(rows, &row{Name: fmt.Sprintf("%4d literal rules, time to build an engine", n), Model: modelRules, Value: 1e3, Unit: "ms", use: useBest, work: func() int {
			if _, err := redact.New(redact.Options{Detectors: withRules(n)}); err != nil {
				panic(err)
			}
			return 0
		}})
	}
	for _, f := range corpus.Floods() {
		text := f.Text(1 << 20)
		rows = append(rows, &row{Name: "flood " + f.Name + ", " + best, Model: modelHostile, Bytes: len(text), use: useBest, work: redactBatches(all, text)})
	}
	return rows, nil
}

// tokenRows compare masks with sealed tokens. The schemes local and envelope seal with the
// same code; what differs is where their key comes from.
func tokenRows(texts map[string][]byte, impl string, use func()) ([]*row, error) {
	key, err := vault.NewLocalKey(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	defer key.Close()
	sealer, err := vault.NewLocal(key, "")
	if err != nil {
		return nil, err
	}
	var rows []*row
	for _, c := range []struct{ name, file string }{{"dirty, 3 % of lines", corpus.Dirty}, {"dense, every line", corpus.Dense}} {
		text := texts[c.file]
		for _, s := range []struct {
			name   string
			scheme vault.Scheme
			fresh  bool
		}{{"masks", vault.Mask{}, false}, {"sealed, cache empty at first", sealer, true}, {"sealed, values seen before", sealer, false}} {
			rule := vault.Rule{Scheme: s.scheme}
			t, err := vault.New(vault.Options{Default: rule})
			if err != nil {
				return nil, err
			}
			e, err := redact.New(redact.Options{Detectors: detectors.All(), Tokenizer: t})
			if err != nil {
				return nil, err
			}
			pass := redactBatches(e, text)
			work := pass
			if s.fresh {
				work = func() int {
					// Rules that are set again find none of their tokens in the cache.
					if err := t.SetRules(rule, nil); err != nil {
						panic(err)
					}
					return pass()
				}
			}
			rows = append(rows, &row{Name: fmt.Sprintf("%s: %s, %s", c.name, s.name, impl), Model: modelTokens, Bytes: len(text), use: use, work: work})
		}
	}
	return rows, nil
}

// redactBatches redacts a text in batches cut at line ends, as the program does; a line
// longer than a batch is a batch.
func redactBatches(e *redact.Engine, text []byte) func() int {
	var batches [][]byte
	for rest := text; len(rest) > 0; {
		n := min(batch, len(rest))
		if i := bytes.LastIndexByte(rest[:n], '\n'); i >= 0 {
			n = i + 1
		} else if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			n = i + 1
		} else {
			n = len(rest)
		}
		batches = append(batches, rest[:n])
		rest = rest[n:]
	}
	w := e.NewWorker()
	var out []byte
	return func() int {
		before := findings(w)
		for _, b := range batches {
			out = w.Append(context.Background(), out[:0], b)
		}
		return findings(w) - before
	}
}

// redactLines redacts a text line by line, as a host that has no batches must.
func redactLines(e *redact.Engine, text []byte) func() int {
	lines := bytes.SplitAfter(text, []byte{'\n'})
	w := e.NewWorker()
	var out []byte
	return func() int {
		before := findings(w)
		for _, b := range lines {
			out = w.Append(context.Background(), out[:0], b)
		}
		return findings(w) - before
	}
}

func findings(w *redact.Worker) int {
	n := uint64(0)
	for _, k := range w.Stats().Findings {
		n += k
	}
	return int(n)
}

// withRules returns the detectors less those of rules, and n rules of a made-up prefix or
// keyword each: words of four to eight letters, every other one in either case.
func withRules(n int) []redact.Detector {
	known := map[string]bool{}
	for _, d := range rules.All() {
		known[d.Spec().Name] = true
	}
	ds := slices.DeleteFunc(detectors.All(), func(d redact.Detector) bool { return known[d.Spec().Name] })
	r := rand.New(rand.NewPCG(7, 7))
	seen := map[string]bool{}
	for len(seen) < n {
		var b strings.Builder
		for range 2 + r.IntN(3) {
			b.WriteByte("bcdfghjklmnpqrstvwxz"[r.IntN(20)])
			b.WriteByte("aeiouy"[r.IntN(6)])
		}
		if b.WriteByte("_-"[r.IntN(2)]); !seen[b.String()] {
			seen[b.String()] = true
			ds = append(ds, literalRule{b.String(), len(seen)%2 == 0})
		}
	}
	return ds
}

// literalRule takes nothing; it costs what finding its literal costs.
type literalRule struct {
	literal string
	fold    bool
}

func (r literalRule) Spec() redact.Spec {
	return redact.Spec{Name: r.literal, Kind: "secret", Doc: "a rule of the benchmark", MaxLen: 100,
		Anchor: redact.Anchor{Literals: []redact.Literal{{Text: r.literal, Fold: r.fold}}}}
}

func (literalRule) Match([]byte, int) (redact.Span, redact.Reason) {
	return redact.Span{}, redact.RejectValue
}
