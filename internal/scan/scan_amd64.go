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

	_ [14]byte = [hashBits]byte{}
	_ [28]byte = [unsafe.Offsetof(literalEntry{}.off)]byte{}
	_ [30]byte = [unsafe.Offsetof(literalEntry{}.last)]byte{}
	_ [40]byte = [unsafe.Sizeof(literalEntry{})]byte{}
)

// native returns the implementations in assembly that this machine can run.
func native() (ms []*implementation) {
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512GFNI {
		ms = append(ms, &implementation{
			name:  "avx512",
			model: hashedPairs,
			classes: func(s *Scanner) {
				s.live = classesAVX512(&s.planes[0], &s.w[0], uintptr(s.stripe), s.before, (*[128]uint8)(kinds[:]))
			},
			literals: func(s *Scanner) {
				n, size := stripes*s.stripe, hashedPairs.tableSize()
				literalsAVX512(&s.marks[0], &s.w[0], uintptr(n), &s.lits.first[0])
				for t := s.lits.first[size:]; len(t) > 0; t = t[size:] {
					var more [Window / 64]uint64
					literalsAVX512(&more[0], &s.w[0], uintptr(n), &t[0])
					for i := range n / 64 {
						s.marks[i] |= more[i]
					}
				}
				s.compareMarked()
			},
			run: func(s *Scanner) {
				s.live = runAVX512(&s.planes[0], &s.t.code.words[0], uintptr(s.stripe), s.live)
			},
		})
	}
	return ms
}

// compareMarked finds the literals at the places that are marked.
func (s *Scanner) compareMarked() {
	t := s.lits
	n := likelyPlaces(&s.marked[0], &s.marks[0], uintptr(stripes*s.stripe/64), &s.w[0], &t.filter[0])
	step := (len(s.same) - 1) / t.longest // so that all that can be found have room
	for places := s.marked[:n]; len(places) > 0; {
		k := min(len(places), step)
		m := compareEntries(&s.same[0], &places[0], uintptr(k), &s.w[0], unsafe.SliceData(s.text), s.base, max(0, len(s.text)-7), &t.index[0], (*byte)(unsafe.Pointer(&t.entries[0])))
		for _, x := range s.same[:m] {
			s.compare(int(uint32(x)), int(int64(x)>>32))
		}
		places = places[k:]
	}
}
