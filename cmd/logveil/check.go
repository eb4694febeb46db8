package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"logveil/internal/config"
	"logveil/internal/fluentbit"
	"logveil/internal/pipe"
)

func (a *app) checkCmd() *cobra.Command {
	var fluentBit bool
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check policies and show what they put in force",
		Long: `Check reads policy files, reports everything that is wrong in them with file, line and
column, and shows what a valid one puts in force. It never shows an allowed value, and it
does not make a key.

With --fluent-bit it reads configurations of Fluent Bit, classic or YAML, with all that
they include. It follows the records from each input to each output, and reports where they
get past the redaction: outputs that get them raw, tags that no filter covers, raw records
on a disk, chunk traces; and where they get lost: no retries, no workers. The policies that
they name are checked, too, where they are on this machine.

The exit code is 0 when all are valid, 2 when one is not, and 1 when one cannot be read
and those that can are valid.`,
		Example: `  logveil check policy.yml
  logveil check --fluent-bit /etc/fluent-bit/fluent-bit.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("which file?")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if fluentBit {
				return a.checkFluentBit(args)
			}
			return a.check(args)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yml", "yaml", "conf"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	cmd.Flags().BoolVar(&fluentBit, "fluent-bit", false, "the files are configurations of Fluent Bit")
	return cmd
}

// worse returns the exit code after one more file: what is not valid counts more than what
// cannot be read.
func worse(failed error, code int) error {
	var before silentError
	if errors.As(failed, &before) {
		code = max(code, int(before))
	}
	return silentError(code)
}

// checkFluentBit reports the ways past the redaction in configurations of Fluent Bit.
func (a *app) checkFluentBit(files []string) error {
	var failed error
	for _, file := range files {
		r, err := fluentbit.Check(file)
		if err != nil {
			a.report(err)
			failed = worse(failed, exitError)
			continue
		}
		for _, p := range r.Problems {
			a.note("%v", p)
		}
		bad := len(r.Problems) > 0
		for _, p := range r.Policies {
			bad = !a.checkNamedPolicy(p) || bad
		}
		if bad {
			failed = silentError(exitUsage)
			continue
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s: no record gets past the redaction\n\n", file)
		r.Show(&b)
		if _, err := pipe.Stdout(a.stdout).Write(b.Bytes()); err != nil {
			return err
		}
	}
	return failed
}

// checkNamedPolicy reports whether a policy that Fluent Bit's configuration names is valid,
// as far as can be seen here.
func (a *app) checkNamedPolicy(f fluentbit.PolicyFile) bool {
	p, err := config.Load(f.Path)
	var invalid *config.Error
	switch {
	case errors.As(err, &invalid):
		a.report(err)
		return false
	case err != nil:
		a.note("%s:%d: the policy cannot be read here, and is not checked", f.File, f.Line)
		return true
	case f.Output && p.FluentBit.Output.Type == "":
		a.note("%s:%d: the policy has no `fluent_bit.output`: where do records go?", f.File, f.Line)
		return false
	}
	for _, w := range p.Warnings() {
		a.note("%s: warning: %s", f.Path, w)
	}
	return true
}

func (a *app) check(files []string) error {
	var failed error
	for _, file := range files {
		p, err := config.Load(file)
		if err != nil {
			code := exitUsage
			var invalid *config.Error
			if !errors.As(err, &invalid) {
				err, code = policyError(err), exitError
			}
			a.report(err)
			failed = worse(failed, code)
			continue
		}
		var b bytes.Buffer
		p.Show(&b)
		if _, err := pipe.Stdout(a.stdout).Write(b.Bytes()); err != nil {
			return err
		}
		for _, w := range p.Warnings() {
			a.note("%s: warning: %s", file, w)
		}
	}
	return failed
}
