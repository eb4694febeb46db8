package main

import (
	"bytes"
	"errors"

	"github.com/spf13/cobra"

	"logveil/internal/config"
	"logveil/internal/pipe"
)

func (a *app) checkCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Check policies and show what they put in force",
		Long: `Check reads policy files, reports everything that is wrong in them with file, line and
column, and shows what a valid one puts in force. It never shows an allowed value, and it
does not make a key.

The exit code is 0 when all are valid and 2 when one is not.`,
		Example: `  logveil check policy.yml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("which policy file?")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.check(args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yml", "yaml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
}

func (a *app) check(files []string) error {
	var failed error
	for _, file := range files {
		p, err := config.Load(file)
		if err != nil {
			var invalid *config.Error
			if !errors.As(err, &invalid) {
				err = policyError(err)
			}
			a.report(err)
			failed = silentError(exitUsage)
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
