package scan

import "encoding/binary"

// stage1Tables drive the portable stage 1: for each byte, one bit in each of sixteen
// lanes of eight bits, so that eight bytes, shifted and joined, are a byte of sixteen
// planes at once.
type stage1Tables struct {
	a, b [256]uint64
}

// Lanes of table a: the eight commonest classes. Lanes of table b: the two rare ones,
// and for each half of the buckets the bytes that its three positions admit, which is
// a first, loose test for literals.
const (
	laneAt = iota
	lanePlus
	laneLow0
	laneLow1
	laneLow2
	laneHigh0
	laneHigh1
	laneHigh2
)

func newStage1Tables(l *LiteralTable) (t stage1Tables) {
	for c := range 256 {
		for k := range Class(8) {
			if k.Contains(byte(c)) {
				t.a[c] |= 1 << (8 * k)
			}
		}
		set := func(lane int, on bool) {
			if on {
				t.b[c] |= 1 << (8 * lane)
			}
		}
		set(laneAt, At.Contains(byte(c)))
		set(lanePlus, Plus.Contains(byte(c)))
		for p := range MinLiteral {
			set(laneLow0+p, l.admit[p][c]&0xff != 0)
			set(laneHigh0+p, l.admit[p][c]>>8 != 0)
		}
	}
	return t
}

// stage1Generic makes the class planes and the literal plane of a window. w holds
// s.n*64 + MinLiteral-1 bytes or more.
func (s *Scanner) stage1Generic(w []byte) {
	t := &s.t.s1
	var any [NumClasses]uint64
	// The loose literal test of a word needs the bits of the next two bytes, which
	// lie in the next word: each word's test is finished one word later.
	var prev, next [8]uint64
	for i := 0; i <= s.n; i++ {
		if i < s.n {
			var a, b [8]uint64
			block := w[i*64 : i*64+64 : i*64+64]
			for j := range 8 {
				y := binary.LittleEndian.Uint64(block[j*8 : j*8+8])
				y0, y1, y2, y3 := byte(y), byte(y>>8), byte(y>>16), byte(y>>24)
				y4, y5, y6, y7 := byte(y>>32), byte(y>>40), byte(y>>48), byte(y>>56)
				a[j] = t.a[y0] | t.a[y1]<<1 | t.a[y2]<<2 | t.a[y3]<<3 | t.a[y4]<<4 | t.a[y5]<<5 | t.a[y6]<<6 | t.a[y7]<<7
				b[j] = t.b[y0] | t.b[y1]<<1 | t.b[y2]<<2 | t.b[y3]<<3 | t.b[y4]<<4 | t.b[y5]<<5 | t.b[y6]<<6 | t.b[y7]<<7
			}
			transpose(&a)
			transpose(&b)
			o := s.planes[pad+i:][:9*stride+1]
			for k := range 8 {
				o[k*stride] = a[k]
				any[k] |= a[k]
			}
			o[8*stride] = b[laneAt]
			o[9*stride] = b[lanePlus]
			any[At] |= b[laneAt]
			any[Plus] |= b[lanePlus]
			next = b
		} else {
			next = [8]uint64{}
			for k := range MinLiteral - 1 {
				c := t.b[w[i*64+k]]
				for l := range next {
					next[l] |= c >> (8 * l) & 1 << k
				}
			}
		}
		if i > 0 {
			low := prev[laneLow0] & (prev[laneLow1]>>1 | next[laneLow1]<<63) & (prev[laneLow2]>>2 | next[laneLow2]<<62)
			high := prev[laneHigh0] & (prev[laneHigh1]>>1 | next[laneHigh1]<<63) & (prev[laneHigh2]>>2 | next[laneHigh2]<<62)
			s.lit[i-1] = low | high
		}
		prev = next
	}
	for k := range any {
		s.planes[pad+k*stride+s.n] = 0
		s.empty[k] = any[k] == 0
	}
}

// transpose turns eight words of eight byte lanes into the eight words of each lane:
// byte j of word k and byte k of word j change places.
func transpose(x *[8]uint64) {
	const m4, m2, m1 = 0x00000000ffffffff, 0x0000ffff0000ffff, 0x00ff00ff00ff00ff
	x0, x1, x2, x3, x4, x5, x6, x7 := x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
	x0, x4 = x0&m4|x4<<32, x0>>32|x4&^m4
	x1, x5 = x1&m4|x5<<32, x1>>32|x5&^m4
	x2, x6 = x2&m4|x6<<32, x2>>32|x6&^m4
	x3, x7 = x3&m4|x7<<32, x3>>32|x7&^m4
	x0, x2 = x0&m2|x2&m2<<16, x0>>16&m2|x2&^m2
	x1, x3 = x1&m2|x3&m2<<16, x1>>16&m2|x3&^m2
	x4, x6 = x4&m2|x6&m2<<16, x4>>16&m2|x6&^m2
	x5, x7 = x5&m2|x7&m2<<16, x5>>16&m2|x7&^m2
	x0, x1 = x0&m1|x1&m1<<8, x0>>8&m1|x1&^m1
	x2, x3 = x2&m1|x3&m1<<8, x2>>8&m1|x3&^m1
	x4, x5 = x4&m1|x5&m1<<8, x4>>8&m1|x5&^m1
	x6, x7 = x6&m1|x7&m1<<8, x6>>8&m1|x7&^m1
	x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7] = x0, x1, x2, x3, x4, x5, x6, x7
}
