// Package config turns one policy file into a running system. It is the only place that
// reads YAML, and the only one that puts detectors, tokens and the engine together.
//
// # One declaration
//
// What a policy may say is declared once, in policy.go: each key with its type, bounds
// and a sentence for people, bound to the Go variable that it sets. From that one
// declaration come the strict decoding of a file, the defaults, the JSON Schema, the
// reference in docs/config.md, and the listing of what is in force. A key that is not
// declared does not exist.
//
// # What errors may show
//
// A policy names values that may stay in the logs, which are as sensitive as the logs
// themselves. So an error names the file, the line, the column and what was wanted
// there, and never repeats what was found. Where it suggests a word, the word is one of
// the declaration's own.
package config

//go:generate go run ./reference ../../docs
