//go:build purego || !(amd64 || arm64)

package scan

// native returns the implementations in assembly that this machine can run.
func native() []*implementation { return nil }
