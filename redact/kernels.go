package redact

import "logveil/internal/scan"

// Implementation names the kernels that this process scans with, for people and
// benchmarks.
func Implementation() string { return scan.Implementation() }

// Implementations names the kernels that this processor has, the fastest first.
func Implementations() []string { return scan.Implementations() }

// UseImplementation changes the kernels in use, for tests and benchmarks. Nothing may be
// scanning.
func UseImplementation(name string) error { return scan.Use(name) }
