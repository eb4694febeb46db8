package scan

import (
	"fmt"
	"os"
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
}

// kernelsVariable names the environment variable that keeps a process from kernels better
// than the one it names, for tests and to work around a processor's faults.
const kernelsVariable = "LOGVEIL_KERNELS"

// implementations are those that this machine can run, the best first.
var implementations = append(native(), &portable)

// active is the implementation in use.
var active = choose(os.Getenv(kernelsVariable))

// choose returns the implementation of that name, or the best one.
func choose(name string) *implementation {
	for _, m := range implementations {
		if m.name == name {
			return m
		}
	}
	return implementations[0]
}

// Implementation names the kernels in use: "avx512", "avx2" or "portable". The best that
// the processor can run is chosen when the process starts, unless LOGVEIL_KERNELS names
// another one.
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
	if !slices.Contains(Implementations(), name) {
		return fmt.Errorf("scan: this machine cannot run the kernels %q", name)
	}
	active = choose(name)
	return nil
}

// alignedBytes returns n zero bytes that start at a multiple of 64.
func alignedBytes(n int) []byte {
	b := make([]byte, n+63)
	o := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & 63)
	return b[o : o+n : o+n]
}
