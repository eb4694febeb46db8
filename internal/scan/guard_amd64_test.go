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
	var marks [Window / 64]uint64
	w := guarded(t, Window+slack, true)
	for i := range w {
		w[i] = byte(r.IntN(256))
	}
	var all, some literalTable
	for i := range all.filter {
		all.filter[i], some.filter[i] = 1<<32-1, r.Uint32()
	}
	for i := range all.sure {
		all.sure[i], some.sure[i] = 1<<8-1, byte(r.Uint32()&r.Uint32())
	}
	for round := range 40 {
		for i := range marks {
			marks[i] = r.Uint64() & r.Uint64() & r.Uint64()
			switch {
			case round == 0:
				marks[i] = 0
			case round == 1:
				marks[i] = 1<<64 - 1
			case round == 2:
				marks[i] = 1 << 63
			case round%2 == 0:
				marks[i] = 1 << r.IntN(64) & -r.Uint64N(2)
			}
		}
		n := 8 << r.IntN(4)
		text := w[len(w)-64*n-slack:]
		var marked, likely, sure []uint16
		for i, m := range marks[:n] {
			for ; m != 0; m &= m - 1 {
				at := uint16(64*i + bits.TrailingZeros64(m))
				marked = append(marked, at)
				x := load32(text[at:])
				if admits(&some.filter, x) == 1 {
					likely = append(likely, at)
				}
				if some.surely(x) == 1 {
					sure = append(sure, at)
				}
			}
		}
		check := func(name string, want []uint16, kernel func(places *uint16) uintptr) {
			places := guardedPlaces(t, len(marked)+3)
			if got := places[:kernel(&places[0])]; !slices.Equal(got, want) {
				t.Fatalf("%s: got %v, want %v", name, got, want)
			}
		}
		if !slices.Contains(Implementations(), "avx2") {
			t.Log("not run: the kernels avx2")
			return
		}
		for _, c := range []struct {
			table        *literalTable
			likely, sure []uint16
		}{{&all, marked, marked}, {&some, likely, sure}} {
			check("likelyPlaces", c.likely, func(places *uint16) uintptr {
				return likelyPlaces(places, &marks, uintptr(n), &text[0], &c.table.filter[0])
			})
			check("surePlaces", c.sure, func(places *uint16) uintptr {
				return surePlaces(places, &marks, uintptr(n), &text[0], &c.table.sure[0])
			})
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
		for _, name := range Implementations() {
			var got []uint16
			switch name {
			case "avx512":
				var words [Window / 64]uint64
				places := guardedPlaces(t, max(1, len(want)))
				got = places[:orderedPlaces(&places[0], &words, &plane[0], uintptr(stripe))]
			case "avx2":
				var apart [stripes][maxStripe]uint16
				var counts [stripes]uint64
				places := guardedPlaces(t, len(want)+16)
				got = places[:joinedPlaces(&places[0], &apart, &counts, &plane[0], uintptr(stripe))]
			default:
				continue
			}
			if !slices.Equal(got, want) {
				t.Fatalf("round %d: %s: got %v, want %v", round, name, got, want)
			}
		}
	}
}
