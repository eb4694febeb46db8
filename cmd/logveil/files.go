package main

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/term"

	"logveil/internal/pipe"
)

// inputs returns the names of what is to be read, "-" when none is given. Each is looked
// at first, so that nothing is written when one of them cannot be read.
func (a *app) inputs(names []string) ([]string, error) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	var errs []error
	for _, name := range names {
		if name == "-" {
			if term.IsTerminal(int(a.stdin.Fd())) {
				a.note("reading from the terminal; Ctrl-D ends it")
			}
			continue
		}
		if err := pipe.Check(name); err != nil {
			errs = append(errs, errors.New(plain(err)))
		}
	}
	return names, errors.Join(errs...)
}

// output returns where the text goes: the file, or standard output when there is none.
func (a *app) output(name string, perm fs.FileMode) (*pipe.Output, error) {
	if name == "" || name == "-" {
		return pipe.Stdout(a.stdout), nil
	}
	return pipe.Create(name, perm)
}

// refuseOverwrite reports an input that is also the output.
func (a *app) refuseOverwrite(names []string, output string) error {
	var out fs.FileInfo
	var err error
	if output == "" || output == "-" {
		out, err = a.stdout.Stat()
	} else {
		out, err = os.Stat(output)
	}
	if err != nil {
		return nil // what is not there yet is no input
	}
	if !out.Mode().IsRegular() {
		return nil
	}
	for _, name := range names {
		var in fs.FileInfo
		if name == "-" {
			name = "standard input"
			in, err = a.stdin.Stat()
		} else {
			in, err = os.Stat(name)
		}
		if err == nil && os.SameFile(in, out) {
			return usagef("%s is both input and output: it would be overwritten while it is read", name)
		}
	}
	return nil
}

// totalSize returns the size of all files together, or 0 when one has none.
func totalSize(names []string) int64 {
	var total int64
	for _, name := range names {
		fi, err := os.Stat(name)
		if name == "-" || err != nil || !fi.Mode().IsRegular() {
			return 0
		}
		total += fi.Size()
	}
	return total
}
