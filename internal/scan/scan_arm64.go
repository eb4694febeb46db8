//go:build !purego

package scan

// native returns the implementation in assembly: every arm64 processor has NEON.
func native() []*implementation {
	return []*implementation{{
		name:     "neon",
		model:    evenPlaces,
		classes:  classesOfNEON,
		literals: literalsGeneric,
		run:      runOperations,
		kernels:  &kernelsNEON,
		places:   placesGeneric,
	}}
}

func classesOfNEON(s *Scanner) {
	classesNEON(&s.planes[edge], &s.w[0], uintptr(s.stripe))
	s.edges()
}

var kernelsNEON = kernels{
	opAnd2: and2NEON, opAnd3: and3NEON, opAnd4: and4NEON, opAdd2: add2NEON, opAdd3: add3NEON, opAdd4: add4NEON,
	opOr3: or3NEON, opSum22: sum22NEON, opSum222: sum222NEON, opSum2222: sum2222NEON,
}

// classesNEON makes the class planes of stripes, each a multiple of 16 bytes long. The first
// plane starts at planes.
//
//go:noescape
func classesNEON(planes, w *byte, stripe uintptr)

// The kernels take multiples of 64 bytes.

//go:noescape
func and2NEON(d *planeWords, x *[8]*planeWords, n int)

//go:noescape
func and3NEON(d *planeWords, x *[8]*planeWords, n int)

//go:noescape
func and4NEON(d *planeWords, x *[8]*planeWords, n int)

//go:noescape
func add2NEON(d *planeWords, x *[8]*planeWords, n int)

//go:noescape
func add3NEON(d *planeWords, x *[8]*planeWords, n int)

//go:noescape
func add4NEON(d *planeWords, x *[8]*planeWords, n int)

//go:noescape
func or3NEON(d *planeWords, x *[8]*planeWords, n int)

//go:noescape
func sum22NEON(d *planeWords, x *[8]*planeWords, n int)

//go:noescape
func sum222NEON(d *planeWords, x *[8]*planeWords, n int)

//go:noescape
func sum2222NEON(d *planeWords, x *[8]*planeWords, n int)
