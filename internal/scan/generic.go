package scan

import (
	"encoding/binary"
	"math/bits"
)

// portable are the kernels in portable code.
var portable = implementation{
	name:     "portable",
	model:    bytePairs,
	classes:  classesGeneric,
	literals: literalsGeneric,
	run:      runGeneric,
	places:   placesGeneric,
}

func load16(b []byte) uint16     { return binary.LittleEndian.Uint16(b) }
func load64(b []byte) uint64     { return binary.LittleEndian.Uint64(b) }
func store64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// kindLanes holds for each byte the four bits of its kind, bit k as bit 8*k.
var kindLanes = func() (t [256]uint32) {
	for b, k := range kinds {
		for i := range 4 {
			t[b] |= uint32(k) >> i & 1 << (8 * i)
		}
	}
	return t
}()

// classesGeneric makes the class planes of the window.
func classesGeneric(s *Scanner) {
	xs := s.lanes[:s.stripe]
	gatherKinds(xs, s.w)
	// Of the commoner classes it is taken that the window has some.
	var upper, dot, dash, space, colon, at, plus, escape uint64
	for j := 0; j < len(xs); j += 8 {
		x := (*[8]uint32)(xs[j:])
		// Byte k of word i and byte i of word k change places, in both halves.
		b0, b1 := uint64(x[0])|uint64(x[4])<<32, uint64(x[1])|uint64(x[5])<<32
		b2, b3 := uint64(x[2])|uint64(x[6])<<32, uint64(x[3])|uint64(x[7])<<32
		const m2, m1 = 0x0000ffff0000ffff, 0x00ff00ff00ff00ff
		b0, b2 = b0&m2|b2&m2<<16, b0>>16&m2|b2&^m2
		b1, b3 = b1&m2|b3&m2<<16, b1>>16&m2|b3&^m2
		b0, b1 = b0&m1|b1&m1<<8, b0>>8&m1|b1&^m1
		b2, b3 = b2&m1|b3&m1<<8, b2>>8&m1|b3&^m1
		// Now they are the four bits of the kinds. See there for what they mean.
		o := (*[(int(NumClasses)-1)*stride + 8]byte)(s.planes[edge+j:])
		put := func(c Class, v uint64) uint64 {
			store64(o[int(c)*stride:], v)
			return v
		}
		put(Word, b3)
		put(NonWord, ^b3)
		put(Hex, b3&b0)
		put(Digit, b3&b2&b0)
		upper |= put(Upper, b3&b1)
		low, high := ^b3&^b2, ^b3&b2
		dot |= put(Dot, low&^b1&b0)
		dash |= put(Dash, low&b1&^b0)
		space |= put(Space, low&b1&b0)
		colon |= put(Colon, high&^b1&^b0)
		at |= put(At, high&^b1&b0)
		plus |= put(Plus, high&b1&^b0)
		escape |= put(Escape, high&b1&b0)
	}
	s.live = 1<<Word | 1<<NonWord | 1<<Hex | 1<<Digit
	for c, any := range [NumClasses]uint64{Upper: upper, Dot: dot, Dash: dash, Space: space, Colon: colon, At: at, Plus: plus, Escape: escape} {
		if any != 0 {
			s.live |= 1 << c
		}
	}
	for c := range int(NumClasses) {
		s.extend(c)
	}
	// Outside of the text there are no words.
	p := s.plane(int(NonWord))
	for q := p[s.stripe:][:edge]; len(q) > 0; q = q[8:] {
		store64(q, load64(q)|0x80808080_80808080)
	}
	s.planes[int(NonWord)*stride+edge-1] = p[s.stripe-1]<<1 | s.before
}

// gatherKinds gathers the kinds of the bytes at each place of all stripes: bit k of them in
// byte k, stripe by stripe.
func gatherKinds(xs []uint32, w []byte) {
	n := len(xs)
	w0, w1, w2, w3 := w[:n], w[n:][:n], w[2*n:][:n], w[3*n:][:n]
	w4, w5, w6, w7 := w[4*n:][:n], w[5*n:][:n], w[6*n:][:n], w[7*n:][:n]
	t := &kindLanes
	for i := range xs {
		x := t[w7[i]]
		x = x<<1 | t[w6[i]]
		x = x<<1 | t[w5[i]]
		x = x<<1 | t[w4[i]]
		x = x<<1 | t[w3[i]]
		x = x<<1 | t[w2[i]]
		x = x<<1 | t[w1[i]]
		xs[i] = x<<1 | t[w0[i]]
	}
}

// extend writes what a term that looks ahead sees after the last place of each stripe: the
// first places of the next one.
func (s *Scanner) extend(slot int) {
	p := s.plane(slot)
	q := p[s.stripe:]
	for i := 0; i < edge; i += 8 {
		store64(q[i:], load64(p[i:])>>1&0x7f7f7f7f_7f7f7f7f)
	}
}

// literalsGeneric finds the literals in the window.
func literalsGeneric(s *Scanner) {
	markPairs(s)
	t := s.lits
	n := 0
	for i, m := range s.marks[:stripes*s.stripe/64] {
		for ; m != 0; m &= m - 1 {
			// Each place is written, and kept only if it passes: most do not, but which
			// do cannot be foreseen.
			at := i*64 + bits.TrailingZeros64(m)
			s.marked[n] = uint16(at)
			n += t.admits(binary.LittleEndian.Uint32(s.w[at:]))
		}
	}
	for _, at := range s.marked[:n] {
		place := s.base + int(at)
		for i := int(t.entry(binary.LittleEndian.Uint32(s.w[at:]))); ; i++ {
			e := &t.entries[i]
			start := place - int(e.off)
			if start >= 0 && (start+8 > len(s.text) || (load64(s.text[start:])|e.fold)&e.mask == e.want) {
				s.compare(i, start)
			}
			if e.last {
				break
			}
		}
	}
}

// markPairs marks the places of pairs of bytes that a window of a literal starts with.
func markPairs(s *Scanner) {
	t := (*[1 << 16]byte)(s.lits.first)
	for i := 0; i*64 < stripes*s.stripe; i++ {
		var m uint64
		for k := 56; k >= 0; k -= 8 {
			x := (*[9]byte)(s.w[i*64+k:])
			a := uint64(t[load16(x[7:])])
			a = a<<1 | uint64(t[load16(x[6:])])
			a = a<<1 | uint64(t[load16(x[5:])])
			a = a<<1 | uint64(t[load16(x[4:])])
			a = a<<1 | uint64(t[load16(x[3:])])
			a = a<<1 | uint64(t[load16(x[2:])])
			a = a<<1 | uint64(t[load16(x[1:])])
			a = a<<1 | uint64(t[load16(x[0:])])
			m = m<<8 | a
		}
		s.marks[i] = m
	}
}

// runGeneric runs the program over the planes of the window. It uses what only scalar code
// can: after the first two terms of a product few words are left that are not zero, and
// only those are looked at again.
func runGeneric(s *Scanner) {
	for i := range s.t.code.steps {
		st := &s.t.code.steps[i]
		var any uint64
		add := false
		for k := range st.products {
			p := &st.products[k]
			if p.need&^s.live != 0 {
				continue
			}
			any |= s.product(st.dst, p.terms, add)
			add = true
		}
		if !add && st.bit == 0 {
			clear(s.planes[st.dst:][:s.stripe])
		}
		s.live &^= st.bit
		if any != 0 {
			s.live |= st.bit
		}
		if st.ahead {
			s.extend(st.slot)
		}
	}
}

// product computes the AND of terms into dst, or adds it to that.
func (s *Scanner) product(dst int, terms []int, add bool) (any uint64) {
	a, b, rest := terms[0], terms[0], terms[1:]
	if len(rest) > 0 {
		b, rest = rest[0], rest[1:]
	}
	// Written out, because indexes that are no constants are checked.
	for j := 0; j < s.stripe; j += 64 {
		d := (*[64]byte)(s.planes[dst+j:])
		x := (*[64]byte)(s.planes[a+j:])
		y := (*[64]byte)(s.planes[b+j:])
		v0, v1 := load64(x[0:])&load64(y[0:]), load64(x[8:])&load64(y[8:])
		v2, v3 := load64(x[16:])&load64(y[16:]), load64(x[24:])&load64(y[24:])
		v4, v5 := load64(x[32:])&load64(y[32:]), load64(x[40:])&load64(y[40:])
		v6, v7 := load64(x[48:])&load64(y[48:]), load64(x[56:])&load64(y[56:])
		m := v0 | v1 | v2 | v3 | v4 | v5 | v6 | v7
		if m != 0 && len(rest) > 0 {
			v := [8]uint64{v0, v1, v2, v3, v4, v5, v6, v7}
			m = s.remain(&v, rest, j)
			v0, v1, v2, v3, v4, v5, v6, v7 = v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
		}
		any |= m
		if add {
			if m == 0 {
				continue
			}
			v0, v1 = v0|load64(d[0:]), v1|load64(d[8:])
			v2, v3 = v2|load64(d[16:]), v3|load64(d[24:])
			v4, v5 = v4|load64(d[32:]), v5|load64(d[40:])
			v6, v7 = v6|load64(d[48:]), v7|load64(d[56:])
		}
		store64(d[0:], v0)
		store64(d[8:], v1)
		store64(d[16:], v2)
		store64(d[24:], v3)
		store64(d[32:], v4)
		store64(d[40:], v5)
		store64(d[48:], v6)
		store64(d[56:], v7)
	}
	return any
}

// remain takes the AND of v, the words at place j, with the terms, and returns the OR of
// what remains.
func (s *Scanner) remain(v *[8]uint64, terms []int, j int) (any uint64) {
	for i, x := range v {
		if x == 0 {
			continue
		}
		for _, t := range terms {
			if x &= load64(s.planes[t+j+8*i:]); x == 0 {
				break
			}
		}
		v[i] = x
		any |= x
	}
	return any
}

func placesGeneric(s *Scanner, plane []byte) []uint16 {
	s.counts = [stripes]uint64{}
	for i := 0; i < len(plane); i += 8 {
		for m := load64(plane[i:]); m != 0; m &= m - 1 {
			b := bits.TrailingZeros64(m)
			k := b % stripes
			s.places[k][s.counts[k]] = uint16(i + b/stripes)
			s.counts[k]++
		}
	}
	return s.joinPlaces()
}
