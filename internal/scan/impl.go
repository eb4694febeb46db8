package scan

import "unsafe"

// implementation is one set of kernels.
type implementation struct {
	name  string
	model *literalModel
	// classes makes the class planes of the loaded window, literals the plane of
	// literals, run those of the program.
	classes, literals, run func(*Scanner)
}

// active is the implementation in use.
var active = &portable

// Implementation names the kernels in use.
func Implementation() string { return active.name }

// alignedBytes returns n zero bytes that start at a multiple of 64.
func alignedBytes(n int) []byte {
	b := make([]byte, n+63)
	o := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & 63)
	return b[o : o+n : o+n]
}
