//go:build !purego

package scan

import "golang.org/x/sys/cpu"

//go:generate go -C _asm run . -out ../scan_amd64.s -stubs ../stubs_amd64.go -pkg scan

// The kernels have these built in: see _asm/main.go.
var (
	_ [640]byte = [stride]byte{}
	_ [512]byte = [maxStripe]byte{}
	_ [12]byte  = [NumClasses]byte{}
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
				literalsAVX512(&s.lit[0], &s.w[0], uintptr(n), &s.lits.first[0])
				for t := s.lits.first[size:]; len(t) > 0; t = t[size:] {
					var more [Window / 64]uint64
					literalsAVX512(&more[0], &s.w[0], uintptr(n), &t[0])
					for i := range n / 64 {
						s.lit[i] |= more[i]
					}
				}
			},
			run: func(s *Scanner) {
				s.live = runAVX512(&s.planes[0], &s.t.code.words[0], uintptr(s.stripe), s.live)
			},
		})
	}
	return ms
}
