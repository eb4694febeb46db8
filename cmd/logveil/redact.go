package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"logveil/internal/config"
	"logveil/internal/pipe"
	"logveil/redact"
)

type redactFlags struct {
	policy, key *string
	makeKey     bool
	tenant      string
	output      string
	format      *choice
	quiet       bool
}

func (a *app) redactCmd() *cobra.Command {
	var f redactFlags
	cmd := &cobra.Command{
		Use:   "redact [FILE...]",
		Short: "Replace what is found by tokens",
		Long: `Redact reads the files in order, or standard input when there is none ("-" stands for it
too), and writes their text to standard output with a token in place of each finding.
Every other byte stays as it is: line ends, NUL bytes, what is not UTF-8. Lines that have
come whole do not wait for more, so it can stand in a pipe behind 'tail -f'.

With --output the file gets its name only when it is complete; a run that fails or is
stopped leaves what had the name before. An input is never overwritten.

To see first what would be replaced, and replace nothing, run 'logveil find'.

Compressed files and UTF-16 are refused, because nothing can be found in them as they are.

At the end a summary goes to standard error. On an interrupt the lines that were read
whole are finished and written; the exit code is 130 then (143 when terminated). A second
interrupt ends the program at once.`,
		Example: `  # In a pipe
  java -jar app.jar 2>&1 | logveil redact > app.log

  # Files, under a policy, with a summary for programs
  logveil redact --policy policy.yml --format json -o clean.log app.log app.log.1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.redact(cmd.Context(), f, args)
		},
	}
	f.policy = policyFlag(cmd)
	f.key = cmd.Flags().String("key-file", "", "key `FILE` of the local scheme, instead of the policy's; it has to be there, or --make-key given")
	cmd.Flags().BoolVar(&f.makeKey, "make-key", false, "make the key file, and its folder, if there is none")
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "the tenant `NAME` that the values belong to, instead of the policy's")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of standard output")
	f.format = format(cmd, "form of the summary")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "no summary and no progress bar")
	return cmd
}

func (a *app) redact(ctx context.Context, f redactFlags, names []string) error {
	policy, err := a.openPolicy(*f.policy, *f.key)
	if err != nil {
		return err
	}
	if f.makeKey {
		policy.MakeKey()
	}
	if f.tenant != "" && !policy.HasTenant(f.tenant) {
		return config.ErrTenant
	}
	if names, err = a.inputs(names); err != nil {
		return err
	}
	if err := a.refuseOverwrite(names, f.output); err != nil {
		return err
	}
	r, err := policy.Redactor(ctx, a.alarm)
	if err != nil {
		return keyAdvice(err)
	}
	defer r.Close()
	if f.tenant != "" {
		ctx = r.ForTenant(ctx, f.tenant)
	}
	if r.KeyMade {
		a.note("made a new key in %s; keep it safe: tokens can be turned back only with it", r.KeyFile)
	}
	out, err := a.output(f.output, 0o666)
	if err != nil {
		return err
	}
	defer out.Discard()

	s := newSummary(r.Engine)
	var bar *progress
	if !f.quiet && term.IsTerminal(int(a.stderr.Fd())) && (f.output != "" || !term.IsTerminal(int(a.stdout.Fd()))) {
		bar = newProgress(a.stderr, totalSize(names))
	}
	start := time.Now()
	edited, flush := policy.EditFields(out)
	for _, name := range names {
		var in *pipe.Input
		if in, err = pipe.Open(ctx, name, a.stdin); err != nil {
			break
		}
		var st redact.Stats
		st, err = r.Engine.Copy(ctx, edited, in.Blocking(), policy.CopyOptions(func(st redact.Stats) { bar.show(s.Bytes + st.Bytes) }))
		s.Add(&st)
		in.Close()
		if in.Binary() && !f.quiet {
			bar.clear()
			a.note("%s looks binary: it is searched as text, and bytes outside findings stay as they are", in.Name)
		}
		if err != nil {
			break
		}
	}
	bar.clear()
	if flushErr := flush(); err == nil {
		err = flushErr
	}
	if err == nil {
		err = out.Commit()
	}
	if !f.quiet && (err == nil || s.Bytes > 0) { // of a run that read nothing there is nothing to say
		s.tokens(r)
		s.write(a.stderr, f.format.word, time.Since(start))
	}
	return err
}

// keyAdvice says what to do about a key file that is missing.
func keyAdvice(err error) error {
	var missing *config.NoKeyError
	if errors.As(err, &missing) {
		return fmt.Errorf("%w; --make-key makes a new key there, whose tokens are equal to those of no other", err)
	}
	return err
}

func (a *app) openPolicy(file, key string) (*config.Policy, error) {
	policy := config.Builtin()
	if file != "" {
		var err error
		if policy, err = config.Load(file); err != nil {
			return nil, policyError(err)
		}
	}
	if key != "" {
		policy.SetKeyFile(key)
	}
	policy.OnWaiting(func(text string) { a.note("%s", text) })
	return policy, nil
}

// policyError says of a file that cannot be read that it is the policy.
func policyError(err error) error {
	var invalid *config.Error
	if errors.As(err, &invalid) {
		return err
	}
	return errors.New("policy: " + plain(err))
}
