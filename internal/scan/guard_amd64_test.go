//go:build linux && !purego

package scan

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// The kernels that write lists of places stay within what their documentation says.
func TestPlacesStayInside(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	marks := make([]uint64, Window/64)
	for round := range 40 {
		for i := range marks {
			marks[i] = r.Uint64() & r.Uint64() & r.Uint64()
			switch round {
			case 0:
				marks[i] = 0
			case 1:
				marks[i] = 1<<64 - 1
			case 2:
				marks[i] = 1 << 63
			}
		}
		n := 1 + r.IntN(len(marks))
		var want []uint16
		for i, m := range marks[:n] {
			for ; m != 0; m &= m - 1 {
				want = append(want, uint16(64*i+bits.TrailingZeros64(m)))
			}
		}
		kernels := map[string]func(*uint16, *uint64, uintptr) uintptr{}
		for _, name := range Implementations() {
			switch name {
			case "avx512":
				kernels[name] = markedPlacesAVX512
			case "avx2":
				kernels[name] = markedPlaces
			}
		}
		for name, kernel := range kernels {
			places := guardedPlaces(t, len(want)+32)
			k := int(kernel(&places[0], &marks[0], uintptr(n)))
			if got := places[:k]; !slices.Equal(got, want) {
				t.Fatalf("%s: got %v, want %v", name, got, want)
			}
		}
	}
}

// guardedPlaces returns room for n places right before a guard page.
func guardedPlaces(t *testing.T, n int) []uint16 {
	b := guarded(t, 2*n, true)
	return unsafe.Slice((*uint16)(unsafe.Pointer(&b[0])), n)
}

// The places of a plane are those of its bits, in order, and no more are written.
func TestOrderedPlaces(t *testing.T) {
	if !slices.Contains(Implementations(), "avx512") {
		t.Log("not run: the kernels avx512")
		return
	}
	r := rand.New(rand.NewPCG(9, 10))
	for round := range 60 {
		stripe := minStripe << (round % 4)
		plane := guarded(t, stripe, true)
		for i := range plane {
			switch {
			case round < 4:
				plane[i] = 0xff
			case round < 8:
			case r.IntN(1+round) == 0:
				plane[i] = byte(r.IntN(256))
			}
		}
		var want []uint16
		for k := range stripes {
			for i, x := range plane {
				if x>>k&1 != 0 {
					want = append(want, uint16(k*stripe+i))
				}
			}
		}
		var words [Window / 64]uint64
		places := guardedPlaces(t, max(1, len(want)))
		n := int(orderedPlaces(&places[0], &words, &plane[0], uintptr(stripe)))
		if got := places[:n]; !slices.Equal(got, want) {
			t.Fatalf("round %d: got %v, want %v", round, got, want)
		}
	}
}
