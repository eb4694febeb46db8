package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"logveil/internal/pipe"
	"logveil/redact"
)

type explainFlags struct {
	policy     *string
	showValues bool
	format     *choice
}

// maxExplain bounds what is explained at a time, in bytes.
const maxExplain = 1 << 20

func (a *app) explainCmd() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain [TEXT...]",
		Short: "Say why a value was or was not found",
		Long: `Explain looks at the texts, or at standard input when there is none, and writes a line for
each candidate: where it stands, which detector looked at it, and what became of it. A
candidate is a place that looks like a value at first sight. What came closest to being one
stands first among those of its line; with --format json they stand in order.

Text on the command line is seen by whoever may list processes, and stays in the shell's
history: give real values on standard input.

Values are shown only with --show-values, and only on a terminal.`,
		Example: `  logveil explain 'card 4111 1111 1111 1112'
  sed -n 4711p app.log | logveil explain --show-values`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.explain(cmd.Context(), f, args)
		},
	}
	f.policy = finderFlag(cmd)
	cmd.Flags().BoolVar(&f.showValues, "show-values", false, "show the values too; only on a terminal")
	f.format = format(cmd, "form of the output")
	return cmd
}

// explained is what is said of one candidate.
type explained struct {
	Line     int    `json:"line"`
	Col      int    `json:"col"`
	Length   int    `json:"length,omitempty"`
	Kind     string `json:"kind"`
	Detector string `json:"detector"`
	Taken    bool   `json:"taken"`
	Reason   string `json:"reason"`
	Outcome  string `json:"outcome,omitempty"`
	Path     string `json:"path,omitempty"`
	Value    string `json:"value,omitempty"`

	telling int // see telling
}

// telling orders what is said of a line: 0 for what is a value or has the whole form of
// one, up to 2 for what a detector gave up at a glance.
func telling(r redact.Reason) int {
	switch r {
	case redact.Accepted, redact.AcceptedOpen, redact.RejectChecksum:
		return 0
	case redact.RejectRange, redact.RejectValue, redact.RejectRegular:
		return 1
	}
	return 2
}

func (a *app) explain(ctx context.Context, f explainFlags, texts []string) error {
	if f.showValues && !term.IsTerminal(int(a.stdout.Fd())) {
		return usagef("--show-values works only on a terminal: values do not go into files and pipes")
	}
	policy, err := a.openPolicy(*f.policy, "")
	if err != nil {
		return err
	}
	engine, err := policy.Finder()
	if err != nil {
		return err
	}
	if len(texts) == 0 {
		text, err := a.readAll(ctx)
		if err != nil {
			return err
		}
		texts = []string{text}
	}
	var rows []explained
	w := engine.NewWorker()
	for i, text := range texts {
		for _, r := range explainText(engine, w, []byte(text), f.showValues) {
			// Each text of the command line counts as a line.
			r.Line += i
			rows = append(rows, r)
		}
	}
	var b bytes.Buffer
	if f.format.word == "json" {
		writeExplainedJSON(&b, rows)
	} else {
		writeExplained(&b, rows, f.showValues)
	}
	_, err = pipe.Stdout(a.stdout).Write(b.Bytes())
	return err
}

// readAll returns what stands on standard input.
func (a *app) readAll(ctx context.Context) (string, error) {
	if _, err := a.inputs(nil); err != nil {
		return "", err
	}
	in, err := pipe.Open(ctx, "-", a.stdin)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(in, maxExplain+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxExplain {
		return "", errors.New("the text is too long to explain: give the lines in question, 1 MiB at most")
	}
	return string(b), nil
}

func explainText(e *redact.Engine, w *redact.Worker, text []byte, values bool) []explained {
	cs := w.Explain(text)
	rows := make([]explained, len(cs))
	spans := make([]redact.Span, len(cs))
	order := make([]int, len(cs)) // of the places
	for i, c := range cs {
		spec := e.Specs()[c.Detector]
		rows[i] = explained{
			Kind: string(spec.Kind), Detector: spec.Name,
			Taken: c.Reason.OK(), Reason: c.Reason.String(), Outcome: c.Outcome, telling: telling(c.Reason),
		}
		// A rejected candidate has no span: all that is known is where it begins.
		start, end := c.At, min(len(text), c.At+40)
		if c.Reason.OK() {
			start, end = c.Start, c.End
			rows[i].Length = c.Len()
		} else if i := bytes.IndexByte(text[start:end], '\n'); i >= 0 {
			end = start + i
		}
		spans[i], order[i] = redact.Span{Start: start, End: end}, i
		if values {
			rows[i].Value = string(text[start:end])
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return spans[a].Start - spans[b].Start })
	line, lineStart, read := 1, 0, 0
	for _, i := range order {
		between := text[read:spans[i].Start]
		if n := bytes.LastIndexByte(between, '\n'); n >= 0 {
			line, lineStart = line+bytes.Count(between, []byte{'\n'}), read+n+1
		}
		read = spans[i].Start
		rows[i].Line, rows[i].Col = line, spans[i].Start-lineStart+1
		rows[i].Path = string(w.AppendPath(nil, redact.Finding{Span: spans[i]}))
	}
	return rows
}

func writeExplained(b *bytes.Buffer, rows []explained, values bool) {
	if len(rows) == 0 {
		b.WriteString("no candidates\n")
		return
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "PLACE\tKIND\tDETECTOR\tTAKEN\tWHY")
	if values {
		fmt.Fprint(t, "\tVALUE")
	}
	fmt.Fprintln(t)
	slices.SortStableFunc(rows, func(a, b explained) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.telling, b.telling))
	})
	for _, r := range rows {
		taken, why := "no", r.Reason
		if r.Taken {
			taken = "yes"
			why += fmt.Sprintf(", %d bytes", r.Length)
			if r.Outcome != "" {
				why += "; " + r.Outcome
			}
		}
		if r.Path != "" {
			why += "; at " + r.Path
		}
		fmt.Fprintf(t, "%d:%d\t%s\t%s\t%s\t%s", r.Line, r.Col, r.Kind, r.Detector, taken, why)
		if values {
			// Quoted, so that what stands in a log cannot command the terminal.
			fmt.Fprintf(t, "\t%s", strconv.Quote(r.Value))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

func writeExplainedJSON(b *bytes.Buffer, rows []explained) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	for _, r := range rows {
		if err := e.Encode(r); err != nil {
			panic("BUG: explain: " + err.Error())
		}
	}
}
