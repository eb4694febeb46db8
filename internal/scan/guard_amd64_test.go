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
	var all, some [1 << filterBits]uint32
	for i := range all {
		all[i], some[i] = 1<<32-1, r.Uint32()
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
		var want, wantSome []uint16
		for i, m := range marks[:n] {
			for ; m != 0; m &= m - 1 {
				at := 64*i + bits.TrailingZeros64(m)
				want = append(want, uint16(at))
				if admits(&some, load32(text[at:])) == 1 {
					wantSome = append(wantSome, uint16(at))
				}
			}
		}
		check := func(name string, want []uint16, room int, kernel func(places *uint16) uintptr) {
			places := guardedPlaces(t, len(want)+room)
			if got := places[:kernel(&places[0])]; !slices.Equal(got, want) {
				t.Fatalf("%s: got %v, want %v", name, got, want)
			}
		}
		for _, name := range Implementations() {
			switch name {
			case "avx512":
				check("likelyPlacesAVX512", want, 1, func(places *uint16) uintptr {
					return likelyPlacesAVX512(places, &marks, uintptr(n), &text[0], &all[0])
				})
				check("likelyPlacesAVX512", wantSome, 1, func(places *uint16) uintptr {
					return likelyPlacesAVX512(places, &marks, uintptr(n), &text[0], &some[0])
				})
			case "avx2":
				check("markedPlaces", want, 32, func(places *uint16) uintptr { return markedPlaces(places, &marks[0], uintptr(n)) })
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
