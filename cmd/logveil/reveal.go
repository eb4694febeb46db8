package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"logveil/internal/config"
	"logveil/internal/pipe"
)

// revealFlags are the flags of reveal.
type revealFlags struct {
	policy, key   *string
	tenant        *string
	reason, audit string
	output        string
	quiet         bool
}

func (a *app) revealCmd() *cobra.Command {
	var f revealFlags
	cmd := &cobra.Command{
		Use:   "reveal [FILE...]",
		Short: "Turn tokens back into values",
		Long: `Reveal reads the files in order, or standard input when there is none, and writes their
text with the values in the places of their tokens. It reads any text: a log, a query
result, a single token. A value comes back in the standard form of its kind, a card as
digits for example.

Where the policy names a Vault, tokens are read under the Vault token of the person who
runs it (VAULT_TOKEN, or ~/.vault-token), and as far as that token may. --reason is
required then: it goes to Vault's audit log with every request, and to the file of
--audit-log, before a value is shown. The policy bounds how many tokens are revealed in a
second (vault.reveal_rate).

Tokens of other keys stay as they are, and so do masks and digests, whose values are gone,
and tokens that Vault does not let the caller read. A token that is damaged, or that names
the key but was not made with it for this tenant, stays too; then the exit code is 1.

With --output the file is made readable for its owner only, and gets its name when it is
complete.`,
		Example: `  grep 4711 app.clean.log | logveil reveal
  logveil reveal --key-file /etc/logveil/key app.clean.log
  logveil reveal -p policy.yml --reason 'ticket 4711' app.clean.log`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reveal(cmd.Context(), f, args)
		},
	}
	f.policy, f.key = policyFlag(cmd), keyFlag(cmd)
	f.tenant = tenantFlag(cmd, "reveal the tokens of this `NAME` only; * is all")
	cmd.Flags().StringVar(&f.reason, "reason", "", "the reason as `TEXT`, for the audit logs; required with a Vault")
	cmd.Flags().StringVar(&f.audit, "audit-log", "", "append a record of what is revealed, as JSON, to `FILE`")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of standard output")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "no summary")
	return cmd
}

// revealed counts what became of tokens.
type revealed struct{ revealed, masks, unknown, refused, forbidden, shredded, damaged uint64 }

func (r *revealed) text() string {
	s := plural(r.revealed, "token") + " revealed"
	sep := "; left as they are: "
	for _, c := range []struct {
		n    uint64
		what string
	}{{r.masks, "masks"}, {r.unknown, "of other keys"}, {r.forbidden, "that Vault does not let you read"},
		{r.shredded, "digests or of destroyed keys"}, {r.refused, "refused"}, {r.damaged, "damaged"}} {
		if c.n > 0 {
			s += fmt.Sprintf("%s%s %s", sep, group(c.n), c.what)
			sep = ", "
		}
	}
	return s
}

func (a *app) reveal(ctx context.Context, f revealFlags, names []string) error {
	policy, err := a.openPolicy(*f.policy, *f.key)
	if err != nil {
		return err
	}
	if policy.HasVault() && f.reason == "" {
		return usagef("why? --reason TEXT goes to the audit log")
	}
	if names, err = a.inputs(names); err != nil {
		return err
	}
	if err := a.refuseOverwrite(names, f.output); err != nil {
		return err
	}
	o := config.ReadOptions{Tenant: *f.tenant, Reason: f.reason, Waiting: func(d time.Duration) {
		if d > 2*time.Second && !f.quiet {
			a.note("waiting %.0f s: vault.reveal_rate bounds the tokens in a second", d.Seconds())
		}
	}}
	if f.audit != "" {
		if !policy.HasVault() {
			return usagef("--audit-log is for the tokens of a Vault")
		}
		log, err := os.OpenFile(f.audit, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		defer log.Close()
		o.Audit = synced{log}
	}
	r, err := policy.Reader(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := a.output(f.output, 0o600)
	if err != nil {
		return err
	}
	defer out.Discard()

	var sum revealed
	bad := false
	for _, name := range names {
		in, err := pipe.Open(ctx, name, a.stdin)
		if err != nil {
			return err
		}
		line, named := 1, false
		err = pipe.Words(ctx, out, in, func(dst, part []byte) ([]byte, error) {
			dst, st, err := r.AppendReveal(ctx, dst, part)
			if err != nil {
				return dst, err
			}
			sum.revealed += st.Revealed
			sum.masks += st.Masks
			sum.unknown += st.Unknown
			sum.forbidden += st.Forbidden
			sum.shredded += st.Shredded
			sum.refused += st.Refused
			sum.damaged += st.Damaged
			if at := r.BadAt(); at >= 0 && !named {
				named, bad = true, true // once in a file
				what := "is damaged"
				if st.Refused > 0 {
					what = "was not made with this key for this tenant"
				}
				a.note("%s:%d: a token %s; it stays as it is, and so do others like it", in.Name, line+bytes.Count(part[:at], []byte{'\n'}), what)
			}
			line += bytes.Count(part, []byte{'\n'})
			return dst, nil
		})
		in.Close()
		if err != nil {
			return err
		}
	}
	if err := out.Commit(); err != nil {
		return err
	}
	if !f.quiet {
		from := "key " + r.KeyFile
		if r.Vault != "" {
			from = "Vault at " + r.Vault
		}
		a.note("%s (%s)", sum.text(), from)
		a.noteDenied(r.Denied)
	}
	if bad {
		return silentError(exitError)
	}
	return nil
}

// synced writes records to the disk before it says that they are written.
type synced struct{ *os.File }

func (s synced) Write(p []byte) (int, error) {
	n, err := s.File.Write(p)
	if err == nil {
		err = s.Sync()
	}
	return n, err
}
