//go:build !purego

package scan

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go -C _asm run . -out ../scan_amd64.s -stubs ../stubs_amd64.go -pkg scan

// The kernels have these built in: see _asm/main.go.
var (
	_ [640]byte = [stride]byte{}
	_ [512]byte = [maxStripe]byte{}
	_ [12]byte  = [NumClasses]byte{}

	_ [13]byte = [filterBits]byte{}
	_ [18]byte = [sureBits]byte{}
	_ [13]byte = [wholeBits]byte{}
	_ [11]byte = [partBits]byte{}
	_ [28]byte = [unsafe.Offsetof(literalEntry{}.off)]byte{}
	_ [29]byte = [unsafe.Offsetof(literalEntry{}.last)]byte{}
	_ [32]byte = [unsafe.Sizeof(literalEntry{})]byte{}
)

// native returns the implementations in assembly that this machine can run.
func native() (ms []*implementation) {
	x := &cpu.X86
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VBMI && x.HasAVX512VBMI2 && x.HasAVX512GFNI && x.HasBMI1 && x.HasBMI2 && x.HasPOPCNT {
		ms = append(ms, &implementation{
			name:  "avx512",
			model: hashedPairs,
			classes: func(s *Scanner) {
				s.live = classesAVX512(&s.planes[0], &s.w[0], uintptr(s.stripe), s.before, (*[128]uint8)(kinds[:]))
			},
			literals: func(s *Scanner) {
				s.mark()
				s.compareMarked(likelyPlaces(&s.marked[0], &s.marks, uintptr(stripes*s.stripe/64), &s.w[0], &s.lits.filter[0]))
			},
			run: func(s *Scanner) {
				s.live = runAVX512(&s.planes[0], &s.t.code.words[0], uintptr(s.stripe), s.live)
			},
			places: func(s *Scanner, plane []byte) []uint16 {
				return s.marked[:orderedPlaces(&s.marked[0], &s.marks, &plane[0], uintptr(len(plane)))]
			},
		})
	}
	if x.HasAVX2 && x.HasBMI1 && x.HasBMI2 && x.HasPOPCNT {
		ms = append(ms, &implementation{
			name:  "avx2",
			model: evenPlaces,
			classes: func(s *Scanner) {
				s.live = classesAVX2(&s.planes[0], &s.w[0], uintptr(s.stripe), s.before)
			},
			literals: func(s *Scanner) {
				evenAVX2(&s.marks[0], &s.w[0], uintptr(stripes*s.stripe), &s.lits.filter[0])
				s.compareMarked(surePlaces(&s.marked[0], &s.marks, uintptr(stripes*s.stripe/64), &s.w[0], &s.lits.sure[0]))
			},
			run: func(s *Scanner) {
				s.live = runAVX2(&s.planes[0], &s.t.code.plain[0], uintptr(s.stripe), s.live)
			},
			places: func(s *Scanner, plane []byte) []uint16 {
				s.counts = [stripes]uint64{}
				return s.marked[:joinedPlaces(&s.marked[0], &s.places, &s.counts, &plane[0], uintptr(len(plane)))]
			},
		})
	}
	return ms
}

// mark marks likely places of literals, pass by pass.
func (s *Scanner) mark() {
	n, size, t := stripes*s.stripe, s.impl.model.tableSize(), s.lits.first
	literalsAVX512(&s.marks[0], &s.w[0], uintptr(n), &t[0])
	for t = t[size:]; len(t) > 0; t = t[size:] {
		literalsAVX512(&s.more[0], &s.w[0], uintptr(n), &t[0])
		for i := range n / 64 {
			s.marks[i] |= s.more[i]
		}
	}
}

// compareMarked finds the literals that have a window at the first n places of marked.
func (s *Scanner) compareMarked(n uintptr) {
	t := s.lits
	places := s.marked[:n]
	step := (len(s.same) - 1) / t.longest // so that all that can be found have room
	for len(places) > 0 && !s.overrun() {
		k := min(len(places), step)
		m := comparePlaces(&s.same[0], &places[0], uintptr(k), &s.w[0], unsafe.SliceData(s.text), s.base, max(0, len(s.text)-7),
			&t.whole[0], &t.part[0], (*byte)(unsafe.Pointer(&t.entries[0])))
		for _, x := range s.same[:m] {
			s.compare(uint32(x), int(int64(x)>>32))
		}
		places = places[k:]
	}
}
