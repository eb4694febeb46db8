package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (a *app) manCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages into a folder",
		Long: `Man writes a manual page for the program and one for each command into the folder, which
it makes when there is none. Put them where man(1) looks, such as
/usr/local/share/man/man1.`,
		Example: `  logveil man ~/.local/share/man/man1 && man logveil-redact`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("which folder?")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return writeManuals(cmd.Root(), args[0]) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
}

func writeManuals(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // manuals are for everybody
		return err
	}
	pages := []*cobra.Command{root}
	for i := 0; i < len(pages); i++ {
		for _, c := range pages[i].Commands() {
			// Those of completion are one page: they differ in a word.
			if c.IsAvailableCommand() && pages[i].Name() != "completion" {
				pages = append(pages, c)
			}
		}
	}
	for _, c := range pages {
		file := filepath.Join(dir, manualName(c)+".1")
		if err := os.WriteFile(file, manual(c), 0o644); err != nil { //nolint:gosec // manuals are for everybody
			return err
		}
	}
	return nil
}

func manualName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manual returns the page of a command in the man macros of roff, man(7).
func manual(c *cobra.Command) []byte {
	var b bytes.Buffer
	name := manualName(c)
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"%s\" \"Logveil manual\"\n", strings.ToUpper(roff(name)), roff("logveil "+readBuildInfo().Version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n")
	if c.HasSubCommands() {
		fmt.Fprintf(&b, ".B %s\n.I COMMAND\n[flags]\n", roff(c.CommandPath()))
	} else {
		use := strings.TrimPrefix(c.UseLine(), c.CommandPath())
		fmt.Fprintf(&b, ".B %s\n%s\n", roff(c.CommandPath()), roff(strings.TrimSpace(use)))
	}
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s", paragraphs(c.Long))
	if c.HasSubCommands() {
		fmt.Fprintf(&b, ".SH COMMANDS\n")
		for _, s := range c.Commands() {
			if s.IsAvailableCommand() {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(s.Name()), roff(s.Short))
			}
		}
	}
	c.InitDefaultHelpFlag()
	var flags bytes.Buffer
	c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		arg, usage := pflag.UnquoteUsage(f)
		head := "--" + f.Name
		if f.Shorthand != "" {
			head = "-" + f.Shorthand + ", " + head
		}
		if arg != "" {
			head += " " + arg
		}
		fmt.Fprintf(&flags, ".TP\n.B %s\n%s\n", roff(head), roff(usage))
	})
	fmt.Fprintf(&b, ".SH OPTIONS\n%s", flags.Bytes())
	if c.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roffLines(c.Example))
	}
	if c.HasParent() {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", roff(manualName(c.Root())))
	} else {
		fmt.Fprintf(&b, ".SH SEE ALSO\n")
		sep := ""
		for _, s := range c.Commands() {
			if s.IsAvailableCommand() {
				fmt.Fprintf(&b, "%s.BR %s (1)", sep, roff(manualName(s)))
				sep = ",\n"
			}
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// roff escapes a text for use within a line.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

func roffLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = roff(l)
	}
	return strings.Join(lines, "\n")
}

// paragraphs sets the paragraphs of a text.
func paragraphs(s string) string {
	var b strings.Builder
	for p := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		b.WriteString(".PP\n" + roffLines(p) + "\n")
	}
	return b.String()
}
