package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"logveil/internal/pipe"
)

func (a *app) revealCmd() *cobra.Command {
	var policy, key *string
	var output string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "reveal [FILE...]",
		Short: "Turn tokens back into values",
		Long: `Reveal reads the files in order, or standard input when there is none, and writes their
text with the values in the places of their tokens. It reads any text: a log, a query
result, a single token. A value comes back in the standard form of its kind, a card as
digits for example.

Tokens of other keys stay as they are, and so do masks, whose values are gone. A token
that is damaged, or that names the key but was not made with it for this tenant, stays
too; then the exit code is 1.

With --output the file is made readable for its owner only, and gets its name when it is
complete.`,
		Example: `  grep 4711 app.clean.log | logveil reveal
  logveil reveal --key-file /etc/logveil/key app.clean.log`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reveal(cmd.Context(), *policy, *key, output, quiet, args)
		},
	}
	policy, key = policyFlag(cmd), keyFlag(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE` instead of standard output")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no summary")
	return cmd
}

// revealed counts what became of tokens.
type revealed struct{ revealed, masks, unknown, refused, damaged uint64 }

func (r *revealed) text() string {
	s := plural(r.revealed, "token") + " revealed"
	sep := "; left as they are: "
	for _, c := range []struct {
		n    uint64
		what string
	}{{r.masks, "masks"}, {r.unknown, "of other keys"}, {r.refused, "refused"}, {r.damaged, "damaged"}} {
		if c.n > 0 {
			s += fmt.Sprintf("%s%s %s", sep, group(c.n), c.what)
			sep = ", "
		}
	}
	return s
}

func (a *app) reveal(ctx context.Context, policyFile, key, output string, quiet bool, names []string) error {
	policy, err := openPolicy(policyFile, key)
	if err != nil {
		return err
	}
	if names, err = a.inputs(names); err != nil {
		return err
	}
	if err := a.refuseOverwrite(names, output); err != nil {
		return err
	}
	r, keyFile, err := policy.Revealer()
	if err != nil {
		return err
	}
	out, err := a.output(output, 0o600)
	if err != nil {
		return err
	}
	defer out.Discard()

	var sum revealed
	var scratch []byte
	bad := false
	for _, name := range names {
		in, err := pipe.Open(ctx, name, a.stdin)
		if err != nil {
			return err
		}
		line, named := 1, false
		err = pipe.Words(ctx, out, in, func(dst, part []byte) []byte {
			dst, st := r.AppendReveal(dst, part)
			sum.revealed += st.Revealed
			sum.masks += st.Masks
			sum.unknown += st.Unknown
			sum.refused += st.Refused
			sum.damaged += st.Damaged
			if st.Refused+st.Damaged > 0 && !named {
				// Once in a file: look for the line.
				named, bad = true, true
				at := line
				for l := range bytes.Lines(part) {
					scratch, st = r.AppendReveal(scratch[:0], l)
					clear(scratch)
					if st.Refused+st.Damaged > 0 {
						what := "is damaged"
						if st.Refused > 0 {
							what = "was not made with this key for this tenant"
						}
						a.note("%s:%d: a token %s; it stays as it is, and so do others like it", in.Name, at, what)
						break
					}
					at++
				}
			}
			line += bytes.Count(part, []byte{'\n'})
			return dst
		})
		in.Close()
		if err != nil {
			return err
		}
	}
	if err := out.Commit(); err != nil {
		return err
	}
	if !quiet {
		a.note("%s (key %s)", sum.text(), keyFile)
	}
	if bad {
		return silentError(exitError)
	}
	return nil
}
