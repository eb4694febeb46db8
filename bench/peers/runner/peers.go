package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A peer is one row of the table: how its program is built and how it is called.
type peer struct {
	name  string
	needs []string // programs that must be on the PATH
	build func(ctx context.Context, w workshop) error
	argv  func(w workshop) []string
	// external programs come from the command line; their failure is an error.
	external bool
}

// peers lists them in the order of the table.
var peers = []peer{
	goPeer("go-regexp", "goregexp"),
	goPeer("go-regexp-each", "goregexp", "--variant", "each"),
	goPeer("otel-redaction", "otel"),
	{name: "gitleaks", needs: []string{"go"}, build: buildGitleaks,
		argv: func(w workshop) []string { return []string{w.program("gitleaks")} }},
	{name: "rure", needs: []string{"cargo"}, build: cargo("rure-peer"),
		argv: func(w workshop) []string { return []string{w.crate("rure-peer"), "--patterns", w.patterns()} }},
	{name: "rure+secrets", needs: []string{"cargo", "go"},
		build: both(buildGitleaks, cargo("rure-peer")),
		argv: func(w workshop) []string {
			return []string{w.crate("rure-peer"), "--patterns", w.patterns(), "--patterns", w.rules()}
		}},
	{name: "vrl-redact", needs: []string{"cargo"}, build: cargo("vrl-peer"),
		argv: func(w workshop) []string { return []string{w.crate("vrl-peer"), "--patterns", w.patterns()} }},
	presidio("presidio", "patterns"),
	presidio("presidio-predefined", "predefined"),
	presidio("presidio-spacy", "spacy"),
}

// A workshop knows where sources lie and where what is built goes.
type workshop struct {
	source string // bench/peers
	cache  string
}

func (w workshop) patterns() string           { return filepath.Join(w.source, "patterns.txt") }
func (w workshop) rules() string              { return filepath.Join(w.cache, "gitleaks-rules.tsv") }
func (w workshop) program(name string) string { return filepath.Join(w.cache, "bin", name) }
func (w workshop) venv(name string) string    { return filepath.Join(w.cache, name) }
func (w workshop) crate(name string) string {
	return filepath.Join(w.cache, "cargo", "release", name)
}

// run executes a build step; its output goes to a log in the cache, which the error names.
func (w workshop) run(ctx context.Context, name, dir string, env []string, argv ...string) error {
	logs := filepath.Join(w.cache, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	log := filepath.Join(logs, name+".log")
	file, err := os.Create(log)
	if err != nil {
		return err
	}
	if nice, err := exec.LookPath("nice"); err == nil {
		argv = append([]string{nice, "-n", "10"}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), env...), file, file
	if err := errors.Join(cmd.Run(), file.Close()); err != nil {
		return fmt.Errorf("%w, see %s", err, log)
	}
	return nil
}

func goBuild(dir string) func(context.Context, workshop) error {
	return func(ctx context.Context, w workshop) error {
		return w.run(ctx, dir, filepath.Join(w.source, dir), []string{"GOWORK=off"},
			"go", "build", "-p", "1", "-o", w.program(dir), ".")
	}
}

func goPeer(name, dir string, args ...string) peer {
	return peer{name: name, needs: []string{"go"}, build: goBuild(dir), argv: func(w workshop) []string {
		return append([]string{w.program(dir), "--patterns", w.patterns()}, args...)
	}}
}

// buildGitleaks also writes down gitleaks' own rules, which the rure+secrets row needs.
func buildGitleaks(ctx context.Context, w workshop) error {
	if err := goBuild("gitleaks")(ctx, w); err != nil {
		return err
	}
	rules, err := exec.CommandContext(ctx, w.program("gitleaks"), "rules").Output()
	if err != nil {
		return err
	}
	return os.WriteFile(w.rules(), rules, 0o644)
}

func cargo(crate string) func(context.Context, workshop) error {
	return func(ctx context.Context, w workshop) error {
		return w.run(ctx, crate, filepath.Join(w.source, "rust"), []string{"CARGO_TARGET_DIR=" + filepath.Join(w.cache, "cargo")},
			"cargo", "build", "--release", "--locked", "-j", "1", "-p", crate)
	}
}

func both(first, second func(context.Context, workshop) error) func(context.Context, workshop) error {
	return func(ctx context.Context, w workshop) error {
		if err := first(ctx, w); err != nil {
			return err
		}
		return second(ctx, w)
	}
}

// presidio rows with a language model have an environment of their own, so that the model never loads elsewhere.
func presidio(name, variant string) peer {
	env, files := "presidio", []string{"requirements.txt"}
	if variant == "spacy" {
		env, files = "presidio-spacy", []string{"requirements.txt", "requirements-spacy.txt"}
	}
	return peer{name: name, needs: []string{"python3"},
		build: func(ctx context.Context, w workshop) error { return buildVenv(ctx, w, env, files) },
		argv: func(w workshop) []string {
			return []string{filepath.Join(w.venv(env), "bin", "python"), filepath.Join(w.source, "presidio", "peer.py"),
				"--variant", variant, "--patterns", w.patterns()}
		}}
}

// buildVenv makes a virtual environment unless one with the same requirements is there.
func buildVenv(ctx context.Context, w workshop, env string, files []string) error {
	var want strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(w.source, "presidio", f))
		if err != nil {
			return err
		}
		want.Write(text)
	}
	stamp := filepath.Join(w.venv(env), "requirements.stamp")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want.String() {
		return nil
	}
	if err := w.run(ctx, env, w.source, nil, "python3", "-m", "venv", "--clear", w.venv(env)); err != nil {
		return err
	}
	for _, f := range files {
		if err := w.run(ctx, env, filepath.Join(w.source, "presidio"), nil, filepath.Join(w.venv(env), "bin", "pip"),
			"install", "--quiet", "--no-deps", "--only-binary=:all:", "-r", f); err != nil {
			return err
		}
	}
	return os.WriteFile(stamp, []byte(want.String()), 0o644)
}
