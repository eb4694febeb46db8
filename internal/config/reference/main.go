// Command reference writes what is generated from the declaration of the policy into a
// folder: config.md for people and policy.schema.json for machines.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"logveil/internal/config"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: reference DIR")
		os.Exit(2)
	}
	for name, content := range map[string][]byte{
		"config.md":          config.Reference(),
		"policy.schema.json": config.Schema(),
	} {
		//nolint:gosec // documentation is for everybody
		if err := os.WriteFile(filepath.Join(os.Args[1], name), content, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "reference:", err)
			os.Exit(1)
		}
	}
}
