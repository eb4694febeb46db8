package scan

import (
	"fmt"
	"slices"
	"unsafe"
)

// implementation is one set of kernels.
type implementation struct {
	name  string
	model *literalModel
	// classes makes the class planes of the loaded window, literals the plane of
	// literals, run those of the program.
	classes, literals, run func(*Scanner)
	// kernels are those of operations, where run goes by them.
	kernels *kernels
	// places returns the places of the bits of a plane, in order, until the next call.
	places func(s *Scanner, plane []byte) []uint16
}

// implementations are those that this machine can run, the best first.
var implementations = append(native(), &portable)

// active is the implementation in use.
var active = implementations[0]

// Implementation names the kernels in use: "avx512", "avx2", "neon" or "portable". The best that
// the processor can run is chosen when the process starts.
func Implementation() string { return active.name }

// Implementations names the kernels that this machine can run, the best first.
func Implementations() (names []string) {
	for _, m := range implementations {
		names = append(names, m.name)
	}
	return names
}

// Use chooses kernels, for tests and benchmarks. It is not safe while any Scanner scans.
func Use(name string) error {
	i := slices.IndexFunc(implementations, func(m *implementation) bool { return m.name == name })
	if i < 0 {
		return fmt.Errorf("this machine has no kernels of that name, only %q", Implementations())
	}
	active = implementations[i]
	return nil
}

// alignedBytes returns n zero bytes that start at a multiple of 64.
func alignedBytes(n int) []byte {
	b := make([]byte, n+63)
	o := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & 63)
	return b[o : o+n : o+n]
}
