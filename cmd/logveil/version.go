package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"logveil/internal/pipe"
	"logveil/redact"
)

// version is set by the linker.
var version string

// buildInfo says what program this is.
type buildInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Scan    string `json:"scan"`
}

// String is the line that version and --version print.
func (b buildInfo) String() string {
	return fmt.Sprintf("logveil %s (%s, %s/%s, scans with %s)", b.Version, b.Go, b.OS, b.Arch, b.Scan)
}

func readBuildInfo() buildInfo {
	b := buildInfo{
		Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Scan: redact.Implementation(),
	}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = s.Value
			}
		}
	}
	if b.Version == "" && ok {
		b.Version = info.Main.Version
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "unreleased"
	}
	return b
}

func (a *app) versionCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Long:  "Version says which version this is, what it was built with, and by which instructions of\nthe processor it scans.",
		Args:  noArgs,
	}
	f := format(cmd, "form of the output")
	cmd.RunE = func(*cobra.Command, []string) error {
		b := readBuildInfo()
		if f.word == "json" {
			j, err := json.Marshal(b)
			if err != nil {
				panic("BUG: version: " + err.Error())
			}
			_, err = fmt.Fprintf(pipe.Stdout(a.stdout), "%s\n", j)
			return err
		}
		_, err := fmt.Fprintf(pipe.Stdout(a.stdout), "%s\n", b)
		return err
	}
	return cmd
}
