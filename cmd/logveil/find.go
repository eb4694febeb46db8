package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"logveil/internal/pipe"
	"logveil/redact"
)

type findFlags struct {
	policy  *string
	records bool
	paths   bool
	format  *choice
}

func (a *app) findCmd() *cobra.Command {
	var f findFlags
	cmd := &cobra.Command{
		Use:   "find [FILE...]",
		Short: "Say where values stand and of what kind they are",
		Long: `Find reads the files in order, or standard input when there is none, and writes a line
for each finding: the place, FILE:LINE:COLUMN, the range of bytes in the file, and the
kind. Columns count bytes from 1, ranges count bytes from 0 and leave out their end. It
never writes a value.

With --paths it says, too, where in JSON a value stands: payload.items[2].card. A key that
is itself a value is shown as its kind, users.<email>.name.

With --records the input is one JSON object a line, {"id": ..., "text": "..."}, and so is
the output: {"id": ..., "findings": [{"start": 4, "end": 20, "kind": "card"}]}, with
offsets in bytes of the text in UTF-8.`,
		Example: `  # Which kinds are in a file, and how often
  logveil find app.log | awk '{print $3}' | sort | uniq -c

  # Findings of records, for a program
  echo '{"id": 1, "text": "mail to ann@example.com"}' | logveil find --records`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.find(cmd.Context(), f, args)
		},
	}
	f.policy = finderFlag(cmd)
	cmd.Flags().BoolVar(&f.records, "records", false, "read and write one JSON record a line")
	cmd.Flags().BoolVar(&f.paths, "paths", false, "say where in JSON each finding stands")
	f.format = format(cmd, "form of the output")
	return cmd
}

func (a *app) find(ctx context.Context, f findFlags, names []string) error {
	policy, err := a.openPolicy(*f.policy, "")
	if err != nil {
		return err
	}
	engine, err := policy.Finder()
	if err != nil {
		return err
	}
	if names, err = a.inputs(names); err != nil {
		return err
	}
	if err := a.refuseOverwrite(names, ""); err != nil {
		return err
	}
	out := bufio.NewWriterSize(pipe.Stdout(a.stdout), 64<<10)
	for _, name := range names {
		if err = a.findIn(ctx, f, engine, name, out); err != nil {
			break
		}
	}
	// What was found before an error is whole lines, and stays.
	return errors.Join(err, out.Flush())
}

func (a *app) findIn(ctx context.Context, f findFlags, engine *redact.Engine, name string, out *bufio.Writer) error {
	in, err := pipe.Open(ctx, name, a.stdin)
	if err != nil {
		return err
	}
	defer in.Close()
	// What stands in the buffer is written before waiting for more.
	src := flushing{in, out}
	if f.records {
		return findRecords(ctx, engine.NewWorker(), engine.Kind, in.Name, src, out)
	}
	write := appendText
	if f.format.word == "json" {
		write = appendJSON
	}
	var buf, path []byte
	w := engine.NewWorker()
	return pipe.Search(ctx, w, src, func(at pipe.Place, found redact.Finding) error {
		if f.paths {
			path = w.AppendPath(path[:0], found)
		}
		buf = write(buf[:0], name, at, engine.Kind(found), path)
		_, err := out.Write(buf)
		return err
	})
}

// flushing writes out what is buffered before it reads on.
type flushing struct {
	io.Reader
	out *bufio.Writer
}

func (f flushing) Read(p []byte) (int, error) {
	if f.out.Buffered() > 0 {
		if err := f.out.Flush(); err != nil {
			return 0, err
		}
	}
	return f.Reader.Read(p)
}

func appendText(dst []byte, name string, at pipe.Place, kind redact.Kind, path []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ':')
	dst = strconv.AppendInt(dst, at.Line, 10)
	dst = append(dst, ':')
	dst = strconv.AppendInt(dst, at.Col, 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, at.Start, 10)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, at.End, 10)
	dst = append(dst, ' ')
	dst = append(dst, kind...)
	if len(path) > 0 {
		dst = append(append(dst, ' '), path...)
	}
	return append(dst, '\n')
}

func appendJSON(dst []byte, name string, at pipe.Place, kind redact.Kind, path []byte) []byte {
	b, err := json.Marshal(struct {
		File  string      `json:"file"`
		Line  int64       `json:"line"`
		Col   int64       `json:"col"`
		Start int64       `json:"start"`
		End   int64       `json:"end"`
		Kind  redact.Kind `json:"kind"`
		Path  string      `json:"path,omitempty"`
	}{name, at.Line, at.Col, at.Start, at.End, kind, string(path)})
	if err != nil {
		panic("BUG: finding: " + err.Error())
	}
	return append(append(dst, b...), '\n')
}

func findRecords(ctx context.Context, w *redact.Worker, kind func(redact.Finding) redact.Kind, name string, src io.Reader, out *bufio.Writer) error {
	records := pipe.NewRecords(src)
	var buf []byte
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		id, text, err := records.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		buf = pipe.AppendFindings(buf[:0], id, w.Find(text), kind)
		if _, err := out.Write(buf); err != nil {
			return err
		}
	}
}
