package scan

import (
	"encoding/binary"
	"math/bits"
)

// portable are the kernels in portable code.
var portable = implementation{
	name:     "portable",
	model:    evenPlaces,
	classes:  classesGeneric,
	literals: literalsGeneric,
	run:      runOperations,
	kernels:  &kernelsGeneric,
	places:   placesGeneric,
}

func load32(b []byte) uint32     { return binary.LittleEndian.Uint32(b) }
func load64(b []byte) uint64     { return binary.LittleEndian.Uint64(b) }
func store64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// classesGeneric makes the class planes of the window. It turns the words of the eight
// stripes into one plane for each bit of the bytes, and makes the classes of those by
// logic, 64 bytes at a time, in the way of Parabix (Cameron, Herdy and Lin, "High
// Performance XML Parsing Using Parallel Bit Stream Technology", 2008).
func classesGeneric(s *Scanner) {
	n := s.stripe
	w := s.w
	if n < maxStripe {
		// Where whole windows have their stripes.
		for k := range stripes {
			copy(s.spread[k*maxStripe:][:n], w[k*n:])
		}
		w = s.spread[:]
	}
	classWords((*[classPlanes]byte)(s.planes[edge:]), (*[Window + slack]byte)(w), n)
	s.edges()
}

// edges completes the class planes at their edges.
func (s *Scanner) edges() {
	s.live = 1<<NumClasses - 1
	for c, ahead := range s.t.ahead {
		p := s.plane(c)
		extend(p[s.stripe:], (*planeWords)(p), ahead)
	}
	// Outside of the text there are no words.
	p := s.plane(int(NonWord))
	for q := p[s.stripe:][:edge]; len(q) > 0; q = q[8:] {
		store64(q, load64(q)|0x80808080_80808080)
	}
	s.planes[int(NonWord)*stride+edge-1] = p[s.stripe-1]<<1 | s.before
}

// classPlanes is the size of all class planes.
const classPlanes = int(NumClasses) * stride

// classWords makes n bytes of the class planes. w holds stripes of maxStripe bytes.
func classWords(o *[classPlanes]byte, w *[Window + slack]byte, n int) {
	_, _ = o[0], w[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 8 {
		// Word k holds bytes of stripe k; bit k of each byte of word b is bit b of them.
		b0, b1 := load64(w[j:]), load64(w[maxStripe+j:])
		b0, b1 = swapBits(b0, b1, 1, 0x55555555_55555555)
		b2, b3 := load64(w[2*maxStripe+j:]), load64(w[3*maxStripe+j:])
		b2, b3 = swapBits(b2, b3, 1, 0x55555555_55555555)
		b0, b2 = swapBits(b0, b2, 2, 0x33333333_33333333)
		b1, b3 = swapBits(b1, b3, 2, 0x33333333_33333333)
		b4, b5 := load64(w[4*maxStripe+j:]), load64(w[5*maxStripe+j:])
		b4, b5 = swapBits(b4, b5, 1, 0x55555555_55555555)
		b6, b7 := load64(w[6*maxStripe+j:]), load64(w[7*maxStripe+j:])
		b6, b7 = swapBits(b6, b7, 1, 0x55555555_55555555)
		b4, b6 = swapBits(b4, b6, 2, 0x33333333_33333333)
		b5, b7 = swapBits(b5, b7, 2, 0x33333333_33333333)
		b0, b4 = swapBits(b0, b4, 4, 0x0f0f0f0f_0f0f0f0f)
		b1, b5 = swapBits(b1, b5, 4, 0x0f0f0f0f_0f0f0f0f)
		b2, b6 = swapBits(b2, b6, 4, 0x0f0f0f0f_0f0f0f0f)
		b3, b7 = swapBits(b3, b7, 4, 0x0f0f0f0f_0f0f0f0f)

		// The columns of ASCII: 2, 3, and 4 to 7. An x^x&y is an x&^y.
		b21, b10 := b2|b1, b1&b0
		some := b21 | b0
		col23, col47 := b5&^(b7|b6), b6&^b7
		col3 := col23 & b4
		col2 := col23 ^ col3
		stop := col3 & b3 & b21 // : and what comes after it
		digit := col3 ^ stop
		store64(o[int(Digit)*stride+j:], digit)
		store64(o[int(Colon)*stride+j:], stop&^(b2|b0))
		last := col2 & b3 // ( to /
		first := col2 ^ last
		store64(o[int(Space)*stride+j:], first&^some)
		escape := first & b2 & (b1 ^ b0) // % and &
		last4 := last & b2
		last2 := last4 & b1
		slash := last2 & b0
		store64(o[int(Dot)*stride+j:], last2^slash)
		store64(o[int(Dash)*stride+j:], last4&b0^slash)
		store64(o[int(Plus)*stride+j:], last&b10^slash)

		high := b4 & b3
		named := col47 & (some | b4 | b3)          // all but @ and `
		letter := named ^ col47&high&(b2|b10)      // less [ to _ and { to DEL
		hex := letter & some &^ (b4 | b3 | b2&b10) // a to f
		col45 := col47 &^ b5
		store64(o[int(Upper)*stride+j:], letter&col45)
		store64(o[int(Hex)*stride+j:], digit|hex)
		store64(o[int(At)*stride+j:], col45&^named)
		high &= col45 & b2
		store64(o[int(Escape)*stride+j:], escape|high&^(b1|b0)) // and the backslash
		word := digit | letter | high&b10                       // and the underscore
		store64(o[int(Word)*stride+j:], word)
		store64(o[int(NonWord)*stride+j:], ^word)
	}
}

// swapBits swaps bits of two words: those of b under the mask, and those of a that are n
// higher.
func swapBits(a, b uint64, n uint, mask uint64) (uint64, uint64) {
	x := (a>>n ^ b) & mask
	return a ^ x<<n, b ^ x
}

// extend writes to q what a term that looks ahead in plane p, by up to n places, sees after
// the last place of each stripe: the first places of the next one.
func extend(q []byte, p *planeWords, n int) {
	for i := 0; i < n; i += 8 {
		store64(q[i:], load64(p[i:])>>1&0x7f7f7f7f_7f7f7f7f)
	}
}

// literalsGeneric finds the literals in the window.
func literalsGeneric(s *Scanner) {
	t := s.lits
	n := 0
	for i := 0; i < stripes*s.stripe; i += 128 {
		for m := markEven(&t.filter, (*[128 + slack]byte)(s.w[i:])); m != 0; m &= m - 1 {
			// Each place is written, and kept only if it passes: most do not, but which do
			// cannot be foreseen.
			at := i + 2*bits.TrailingZeros64(m)
			s.marked[n] = uint16(at)
			n += t.surely(load32(s.w[at:]))
		}
	}
	s.compareAt(s.marked[:n])
}

// markEven returns a bit for each of 64 even places: whether it may have a window.
func markEven(f *[1 << filterBits]uint32, x *[128 + slack]byte) (m uint64) {
	_ = f[0]
	for k := 112; k >= 0; k -= 16 {
		y := (*[16 + slack]byte)(x[k:])
		a := admits(f, load32(y[14:]))
		a = 2*a + admits(f, load32(y[12:]))
		a = 2*a + admits(f, load32(y[10:]))
		a = 2*a + admits(f, load32(y[8:]))
		a = 2*a + admits(f, load32(y[6:]))
		a = 2*a + admits(f, load32(y[4:]))
		a = 2*a + admits(f, load32(y[2:]))
		a = 2*a + admits(f, load32(y[0:]))
		m = m<<8 + a
	}
	return m
}

// runOperations runs the program over the planes of the window.
func runOperations(s *Scanner) {
	ks := s.impl.kernels
	n := s.stripe
	for i := 0; i < len(s.ops); i++ {
		o := &s.ops[i]
		if o.op == opDone {
			s.live |= o.bit
			if o.rare && !anyWord(o.d, n) {
				s.live &^= o.bit
			}
			extend(o.d[n:], o.d, o.ahead)
			continue
		}
		if o.need&^s.live != 0 {
			if o.first {
				clear(o.d[:n])
			}
			i += o.rest
			continue
		}
		ks[o.op](o.d, &o.x, n)
		if o.stop && !anyWord(o.d, n) {
			i += o.rest
		}
	}
}

// anyWord reports whether there is a bit in n bytes of a plane.
func anyWord(a *planeWords, n int) bool {
	_ = a[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 32 {
		if load64(a[j:])|load64(a[j+8:])|load64(a[j+16:])|load64(a[j+24:]) != 0 {
			return true
		}
	}
	return false
}

var kernelsGeneric = kernels{
	opAnd2: and2, opAnd3: and3, opAnd4: and4, opAdd2: add2, opAdd3: add3, opAdd4: add4, opOr3: or3,
	opSum22: sum22, opSum222: sum222, opSum2222: sum2222,
}

// The loops are written out because the compiler does not unroll them.

func and2(d *planeWords, x *[8]*planeWords, n int) {
	a, b := x[0], x[1]
	_, _, _ = d[0], a[0], b[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 32 {
		store64(d[j:], load64(a[j:])&load64(b[j:]))
		store64(d[j+8:], load64(a[j+8:])&load64(b[j+8:]))
		store64(d[j+16:], load64(a[j+16:])&load64(b[j+16:]))
		store64(d[j+24:], load64(a[j+24:])&load64(b[j+24:]))
	}
}

func add2(d *planeWords, x *[8]*planeWords, n int) {
	a, b := x[0], x[1]
	_, _, _ = d[0], a[0], b[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 32 {
		store64(d[j:], load64(d[j:])|load64(a[j:])&load64(b[j:]))
		store64(d[j+8:], load64(d[j+8:])|load64(a[j+8:])&load64(b[j+8:]))
		store64(d[j+16:], load64(d[j+16:])|load64(a[j+16:])&load64(b[j+16:]))
		store64(d[j+24:], load64(d[j+24:])|load64(a[j+24:])&load64(b[j+24:]))
	}
}

func and3(d *planeWords, x *[8]*planeWords, n int) {
	a, b, c := x[0], x[1], x[2]
	_, _, _, _ = d[0], a[0], b[0], c[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 32 {
		store64(d[j:], load64(a[j:])&load64(b[j:])&load64(c[j:]))
		store64(d[j+8:], load64(a[j+8:])&load64(b[j+8:])&load64(c[j+8:]))
		store64(d[j+16:], load64(a[j+16:])&load64(b[j+16:])&load64(c[j+16:]))
		store64(d[j+24:], load64(a[j+24:])&load64(b[j+24:])&load64(c[j+24:]))
	}
}

func add3(d *planeWords, x *[8]*planeWords, n int) {
	a, b, c := x[0], x[1], x[2]
	_, _, _, _ = d[0], a[0], b[0], c[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 32 {
		store64(d[j:], load64(d[j:])|load64(a[j:])&load64(b[j:])&load64(c[j:]))
		store64(d[j+8:], load64(d[j+8:])|load64(a[j+8:])&load64(b[j+8:])&load64(c[j+8:]))
		store64(d[j+16:], load64(d[j+16:])|load64(a[j+16:])&load64(b[j+16:])&load64(c[j+16:]))
		store64(d[j+24:], load64(d[j+24:])|load64(a[j+24:])&load64(b[j+24:])&load64(c[j+24:]))
	}
}

func and4(d *planeWords, x *[8]*planeWords, n int) {
	a, b, c, e := x[0], x[1], x[2], x[3]
	_, _, _, _, _ = d[0], a[0], b[0], c[0], e[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 32 {
		store64(d[j:], load64(a[j:])&load64(b[j:])&load64(c[j:])&load64(e[j:]))
		store64(d[j+8:], load64(a[j+8:])&load64(b[j+8:])&load64(c[j+8:])&load64(e[j+8:]))
		store64(d[j+16:], load64(a[j+16:])&load64(b[j+16:])&load64(c[j+16:])&load64(e[j+16:]))
		store64(d[j+24:], load64(a[j+24:])&load64(b[j+24:])&load64(c[j+24:])&load64(e[j+24:]))
	}
}

func add4(d *planeWords, x *[8]*planeWords, n int) {
	a, b, c, e := x[0], x[1], x[2], x[3]
	_, _, _, _, _ = d[0], a[0], b[0], c[0], e[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 32 {
		store64(d[j:], load64(d[j:])|load64(a[j:])&load64(b[j:])&load64(c[j:])&load64(e[j:]))
		store64(d[j+8:], load64(d[j+8:])|load64(a[j+8:])&load64(b[j+8:])&load64(c[j+8:])&load64(e[j+8:]))
		store64(d[j+16:], load64(d[j+16:])|load64(a[j+16:])&load64(b[j+16:])&load64(c[j+16:])&load64(e[j+16:]))
		store64(d[j+24:], load64(d[j+24:])|load64(a[j+24:])&load64(b[j+24:])&load64(c[j+24:])&load64(e[j+24:]))
	}
}

func or3(d *planeWords, x *[8]*planeWords, n int) {
	a, b, c := x[0], x[1], x[2]
	_, _, _, _ = d[0], a[0], b[0], c[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 32 {
		store64(d[j:], load64(a[j:])|load64(b[j:])|load64(c[j:]))
		store64(d[j+8:], load64(a[j+8:])|load64(b[j+8:])|load64(c[j+8:]))
		store64(d[j+16:], load64(a[j+16:])|load64(b[j+16:])|load64(c[j+16:]))
		store64(d[j+24:], load64(a[j+24:])|load64(b[j+24:])|load64(c[j+24:]))
	}
}

func sum22(d *planeWords, x *[8]*planeWords, n int) {
	a, b, c, e := x[0], x[1], x[2], x[3]
	_, _, _, _, _ = d[0], a[0], b[0], c[0], e[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 32 {
		store64(d[j:], load64(a[j:])&load64(b[j:])|load64(c[j:])&load64(e[j:]))
		store64(d[j+8:], load64(a[j+8:])&load64(b[j+8:])|load64(c[j+8:])&load64(e[j+8:]))
		store64(d[j+16:], load64(a[j+16:])&load64(b[j+16:])|load64(c[j+16:])&load64(e[j+16:]))
		store64(d[j+24:], load64(a[j+24:])&load64(b[j+24:])|load64(c[j+24:])&load64(e[j+24:]))
	}
}

func sum222(d *planeWords, x *[8]*planeWords, n int) {
	a, b, c, e, f, g := x[0], x[1], x[2], x[3], x[4], x[5]
	_, _, _, _, _, _, _ = d[0], a[0], b[0], c[0], e[0], f[0], g[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 32 {
		store64(d[j:], load64(a[j:])&load64(b[j:])|load64(c[j:])&load64(e[j:])|load64(f[j:])&load64(g[j:]))
		store64(d[j+8:], load64(a[j+8:])&load64(b[j+8:])|load64(c[j+8:])&load64(e[j+8:])|load64(f[j+8:])&load64(g[j+8:]))
		store64(d[j+16:], load64(a[j+16:])&load64(b[j+16:])|load64(c[j+16:])&load64(e[j+16:])|load64(f[j+16:])&load64(g[j+16:]))
		store64(d[j+24:], load64(a[j+24:])&load64(b[j+24:])|load64(c[j+24:])&load64(e[j+24:])|load64(f[j+24:])&load64(g[j+24:]))
	}
}

func sum2222(d *planeWords, x *[8]*planeWords, n int) {
	a, b, c, e, f, g, h, i := x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
	_, _, _, _, _, _, _, _, _ = d[0], a[0], b[0], c[0], e[0], f[0], g[0], h[0], i[0]
	n = min(n, maxStripe)
	for j := 0; j < n; j += 32 {
		store64(d[j:], load64(a[j:])&load64(b[j:])|load64(c[j:])&load64(e[j:])|load64(f[j:])&load64(g[j:])|load64(h[j:])&load64(i[j:]))
		store64(d[j+8:], load64(a[j+8:])&load64(b[j+8:])|load64(c[j+8:])&load64(e[j+8:])|load64(f[j+8:])&load64(g[j+8:])|load64(h[j+8:])&load64(i[j+8:]))
		store64(d[j+16:], load64(a[j+16:])&load64(b[j+16:])|load64(c[j+16:])&load64(e[j+16:])|load64(f[j+16:])&load64(g[j+16:])|load64(h[j+16:])&load64(i[j+16:]))
		store64(d[j+24:], load64(a[j+24:])&load64(b[j+24:])|load64(c[j+24:])&load64(e[j+24:])|load64(f[j+24:])&load64(g[j+24:])|load64(h[j+24:])&load64(i[j+24:]))
	}
}

func placesGeneric(s *Scanner, plane []byte) []uint16 {
	s.counts = [stripes]uint64{}
	for i := 0; i < len(plane); i += 32 {
		p := (*[32]byte)(plane[i:])
		if load64(p[0:])|load64(p[8:])|load64(p[16:])|load64(p[24:]) == 0 {
			continue // as most are
		}
		for j := 0; j < len(p); j += 8 {
			for m := load64(p[j:]); m != 0; m &= m - 1 {
				b := bits.TrailingZeros64(m)
				k := b % stripes
				s.places[k][s.counts[k]] = uint16(i + j + b/stripes)
				s.counts[k]++
			}
		}
	}
	return s.joinPlaces()
}
