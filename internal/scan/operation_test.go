package scan

import (
	"math/rand/v2"
	"testing"
)

// naiveOperations are the operations, a byte at a time.
var naiveOperations = [opDone]func(d byte, x [8]byte) byte{
	opAnd2:    func(_ byte, x [8]byte) byte { return x[0] & x[1] },
	opAnd3:    func(_ byte, x [8]byte) byte { return x[0] & x[1] & x[2] },
	opAnd4:    func(_ byte, x [8]byte) byte { return x[0] & x[1] & x[2] & x[3] },
	opAdd2:    func(d byte, x [8]byte) byte { return d | x[0]&x[1] },
	opAdd3:    func(d byte, x [8]byte) byte { return d | x[0]&x[1]&x[2] },
	opAdd4:    func(d byte, x [8]byte) byte { return d | x[0]&x[1]&x[2]&x[3] },
	opOr3:     func(_ byte, x [8]byte) byte { return x[0] | x[1] | x[2] },
	opSum22:   func(_ byte, x [8]byte) byte { return x[0]&x[1] | x[2]&x[3] },
	opSum222:  func(_ byte, x [8]byte) byte { return x[0]&x[1] | x[2]&x[3] | x[4]&x[5] },
	opSum2222: func(_ byte, x [8]byte) byte { return x[0]&x[1] | x[2]&x[3] | x[4]&x[5] | x[6]&x[7] },
}

// The kernels of operations on planes of random bits at any distance from each other, which
// may overlap, as those of one slot with different shifts do; what they write does not.
func TestKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	planes, before := make([]byte, 9*stride), make([]byte, 9*stride)
	for _, impl := range implementations {
		if impl.kernels == nil {
			continue
		}
		for op, naive := range naiveOperations {
			for n := minStripe; n <= maxStripe; n *= 2 {
				for i := range planes {
					planes[i] = byte(r.Uint32())
				}
				copy(before, planes)
				var x [8]*planeWords
				var at [8]int
				for k := range x {
					at[k] = r.IntN(7 * stride)
					x[k] = (*planeWords)(planes[at[k]:])
				}
				const d = 8 * stride
				impl.kernels[op]((*planeWords)(planes[d:]), &x, n)
				for i, got := range planes {
					want := before[i]
					if j := i - d; j >= 0 && j < n {
						var terms [8]byte
						for k := range terms {
							terms[k] = before[at[k]+j]
						}
						want = naive(want, terms)
					}
					if got != want {
						t.Fatalf("%s, operation %d, %d bytes: byte %d is %02x, want %02x", impl.name, op, n, i-d, got, want)
					}
				}
			}
		}
	}
}
