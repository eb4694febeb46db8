package scan

// runGeneric runs the program over the planes of the window, in portable code. It uses
// what only scalar code can: after the first two terms of an AND few words are left
// that are not zero, and only those are looked at again.
func (s *Scanner) runGeneric() {
	n := s.n
	for i := range s.t.prog.Steps {
		st := &s.t.prog.Steps[i]
		dst := s.planes[pad+st.Dst*stride:][: n+1 : n+1]
		var any uint64
		if st.Or {
			any = s.orStep(st, dst[:n])
		} else {
			any = s.andStep(st, dst[:n])
		}
		if st.Accumulate {
			any |= b2u(!s.empty[st.Dst])
		}
		dst[n] = 0
		s.empty[st.Dst] = any == 0
	}
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// source returns the words that a term reads, one more than n, and the shift that is
// left within words.
func (s *Scanner) source(t *Term, n int) ([]uint64, uint) {
	o := pad + t.Slot*stride + t.Shift>>6
	return s.planes[o : o+n+1 : o+n+1], uint(t.Shift & 63)
}

// funnel is the word of bits r to r+63 of the pair (lo, hi), for r <= 63.
func funnel(lo, hi uint64, r uint) uint64 { return lo>>(r&63) | hi<<1<<(63-r&63) }

func (s *Scanner) orStep(st *Step, dst []uint64) (any uint64) {
	first := !st.Accumulate || s.empty[st.Dst]
	for i := range st.Terms {
		t := &st.Terms[i]
		if s.empty[t.Slot] {
			continue
		}
		a, r := s.source(t, len(dst))
		lo := a[0]
		a = a[1:][:len(dst)]
		for i := range dst {
			hi := a[i]
			v := funnel(lo, hi, r)
			lo = hi
			any |= v
			if !first {
				v |= dst[i]
			}
			dst[i] = v
		}
		first = false
	}
	return any
}

func (s *Scanner) andStep(st *Step, dst []uint64) (any uint64) {
	ts := st.Terms
	for i := range ts {
		if !ts[i].Not && s.empty[ts[i].Slot] {
			return 0
		}
	}
	n := len(dst)
	acc := st.Accumulate && !s.empty[st.Dst]
	a, ra := s.source(&ts[0], n)
	if len(ts) == 1 {
		lo := a[0]
		for i := range dst {
			hi := a[i+1]
			v := funnel(lo, hi, ra)
			lo = hi
			any |= v
			if acc {
				v |= dst[i]
			}
			dst[i] = v
		}
		return any
	}
	b, rb := s.source(&ts[1], n)
	var invB uint64
	if ts[1].Not {
		if s.empty[ts[1].Slot] {
			b = zeros[:n+1]
		}
		invB = ^uint64(0)
	}
	rest := ts[2:]
	if len(rest) == 0 && !acc {
		la, lb := a[0], b[0]
		a, b = a[1:][:len(dst)], b[1:][:len(dst)]
		for i := range dst {
			ha, hb := a[i], b[i]
			v := funnel(la, ha, ra) & (funnel(lb, hb, rb) ^ invB)
			la, lb = ha, hb
			dst[i] = v
			any |= v
		}
		return any
	}
	la, lb := a[0], b[0]
	a, b = a[1:][:len(dst)], b[1:][:len(dst)]
	for i := range dst {
		ha, hb := a[i], b[i]
		v := funnel(la, ha, ra) & (funnel(lb, hb, rb) ^ invB)
		la, lb = ha, hb
		if v != 0 {
			for j := range rest {
				t := &rest[j]
				o := pad + t.Slot*stride + t.Shift>>6 + i
				x := funnel(s.planes[o], s.planes[o+1], uint(t.Shift&63))
				if t.Not {
					if !s.empty[t.Slot] {
						v &^= x
					}
				} else if v &= x; v == 0 {
					break
				}
			}
		}
		any |= v
		if acc {
			v |= dst[i]
		}
		dst[i] = v
	}
	return any
}

var zeros [stride + 1]uint64
