// Logveil replaces personal data and secrets in logs by tokens.
//
// This is the program around the engine: what it does stands in the packages that it
// puts to work, one file here for each subcommand.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"logveil/internal/config"
	"logveil/internal/pipe"
	"logveil/redact"
)

// Exit codes. A run that a signal stopped ends with 128 and the number of the signal.
const (
	exitOK    = 0
	exitError = 1 // it could not be done, or not all of it
	exitUsage = 2 // it was asked for wrongly, or the policy is not valid
)

func main() {
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	if err := config.Harden(); err != nil {
		fmt.Fprintf(a.stderr, "logveil: warning: core dumps and debuggers could read values: %v\n", err)
	}
	// For tests, and to work around the faults of a processor.
	if name := os.Getenv("LOGVEIL_KERNELS"); name != "" {
		if err := redact.UseImplementation(name); err != nil {
			fmt.Fprintln(a.stderr, "logveil: LOGVEIL_KERNELS:", err)
			os.Exit(exitUsage)
		}
	}
	os.Exit(a.run(os.Args[1:]))
}

// app is what the subcommands share.
type app struct {
	stdin, stdout, stderr *os.File
}

// usageError is a mistake in how the program was called.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// silentError ends the program with an exit code when all has been said.
type silentError int

func (e silentError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// signalError says which signal stopped a run.
type signalError struct{ syscall.Signal }

func (e signalError) Error() string { return e.String() }

// run executes one command line and returns the exit code.
func (a *app) run(args []string) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		// nohup and shells ignore some on behalf of what they start.
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		s := <-signals
		signal.Stop(signals) // the second one ends the program at once
		cancel(signalError{s.(syscall.Signal)})
	}()

	root := a.rootCmd()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	var silent silentError
	var stopped signalError
	var usage usageError
	var policy *config.Error
	switch {
	case errors.As(err, &silent):
		return int(silent)
	case errors.As(err, &stopped):
		a.note("stopped by a signal (%v)", stopped)
		return 128 + int(stopped.Signal)
	case errors.As(err, &policy):
		a.report(policy)
		return exitUsage
	case errors.Is(err, config.ErrTenant):
		a.report(err)
		return exitUsage
	case errors.As(err, &usage):
		a.report(usage)
		a.note("'%s --help' says more", cmd.CommandPath())
		return exitUsage
	}
	a.report(err)
	return exitError
}

// note writes one line to standard error.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.stderr, "logveil: "+format+"\n", args...)
}

// alarm writes what happens in the background and a person must look at.
func (a *app) alarm(text string) { a.note("warning: %s", text) }

// report writes what went wrong to standard error, a line for each problem.
func (a *app) report(err error) {
	for line := range strings.SplitSeq(plain(err), "\n") {
		a.note("%s", line)
	}
}

// plain returns the part of an error that names the thing that failed and why, without
// the steps that led there.
func plain(err error) string {
	var form *pipe.FormatError
	if errors.As(err, &form) {
		return form.Error()
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Error()
	}
	return err.Error()
}

func (a *app) rootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "logveil",
		Short: "Replace personal data and secrets in logs by tokens",
		Long: `Logveil reads text, finds personal data and secrets in it, and writes the same text
with a token in place of each. Every other byte stays as it is.

Equal values get equal tokens, so that redacted logs can still be joined and counted,
and whoever has the key can turn single tokens back.

Exit codes: 0 it is done; 1 it could not be done, or not all of it; 2 it was asked for
wrongly, or the policy is not valid; 128 and the number of the signal when a signal
stopped it, as in 130 for an interrupt.`,
		Example: `  logveil redact < app.log > app.clean.log
  logveil redact --policy policy.yml -o clean.log app.log app.log.1
  logveil find app.log
  logveil reveal < app.clean.log`,
		Version:       readBuildInfo().String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetIn(a.stdin)
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("{{.Version}}\n")
	root.Flags().Bool("version", false, "say which version this is") // cobra's own would take -v, too
	root.AddCommand(a.redactCmd(), a.findCmd(), a.explainCmd(), a.revealCmd(), a.tokenCmd(), a.vaultCmd(), a.checkCmd(), a.versionCmd(), a.manCmd())
	root.SetHelpCommand(a.helpCmd())
	root.InitDefaultCompletionCmd()
	if c, _, err := root.Find([]string{"completion"}); err == nil {
		for _, shell := range c.Commands() {
			shell.Args = noArgs
		}
	}
	return root
}

// noArgs reports arguments without repeating them.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("it takes no arguments")
	}
	return nil
}

// unknownCommand does not repeat the word: it may be a value whose command was forgotten.
func unknownCommand(root *cobra.Command, word string) error {
	if s := root.SuggestionsFor(word); len(s) > 0 {
		return usagef("unknown command; did you mean '%s'?", s[0])
	}
	return usagef("unknown command")
}

// flagError says what is wrong with a flag without repeating its value.
func flagError(_ *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		return usagef("unknown flag --%s", unknown.GetSpecifiedName())
	case errors.As(err, &unknown):
		return usagef("unknown flag -%s", unknown.GetSpecifiedName())
	case errors.As(err, &missing):
		return usagef("flag --%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		if c, ok := f.Value.(*choice); ok {
			return usagef("flag --%s: want one of %s", f.Name, strings.Join(c.words, ", "))
		}
		return usagef("flag --%s: want %s", f.Name, f.Value.Type())
	}
	return usagef("a flag that cannot be read")
}

func (a *app) helpCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Say what a command does, with examples",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				root.InitDefaultHelpFlag()
				return root.Help()
			}
			found, rest, err := root.Find(args)
			if err != nil || found == root || len(rest) > 0 {
				return unknownCommand(root, args[0])
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range cmd.Root().Commands() {
				if len(args) == 0 && c.IsAvailableCommand() {
					names = append(names, c.Name()+"\t"+c.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}
