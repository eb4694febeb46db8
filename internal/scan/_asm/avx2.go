package main

import (
	"fmt"
	"log"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bytes32 returns a constant of 32 bytes b.
func bytes32(b uint8) Mem {
	name := fmt.Sprintf("bytes%02x", b)
	if m, ok := constants[name]; ok {
		return m
	}
	m := GLOBL(name, attr.RODATA|attr.NOPTR)
	for i := range 32 {
		DATA(i, U8(b))
	}
	constants[name] = m
	return m
}

var constants = map[string]Mem{}

// AVX2 looks up sixteen values at most, so bytes are told apart by their halves: bit i of
// a byte's code is set if its lower half is in one of two sets and its upper half in the
// set that belongs to it.
var codes = [8][2]struct{ low, high []int }{
	{{span(0, 9), []int{3}}, {[]int{0xc}, []int{5}}},           // digits; \
	{{span(1, 6), []int{4, 6}}, {[]int{5, 6}, []int{2}}},       // a-f A-F; % &
	{{span(1, 0xf), []int{4, 6}}, {span(0, 0xa), []int{5, 7}}}, // letters
	{{span(0, 0xf), []int{4, 5}}, {}},                          // upper half
	{{[]int{0}, []int{2, 4}}, {}},                              // space @
	{{[]int{0xb, 0xe}, []int{2}}, {[]int{0xf}, []int{5}}},      // + .; _
	{{[]int{0xd, 0xe}, []int{2}}, {}},                          // - .
	{{[]int{0xa}, []int{3}}, {}},                               // :
}

func span(from, to int) (s []int) {
	for i := from; i <= to; i++ {
		s = append(s, i)
	}
	return s
}

// codeTables returns the tables of the lower and the upper halves, for the first and for
// the second set of each bit.
func codeTables() (low, high [2]Mem) {
	var l, h [2][16]uint8
	for bit, sets := range codes {
		for i, s := range sets {
			for _, x := range s.low {
				l[i][x] |= 1 << bit
			}
			for _, x := range s.high {
				h[i][x] |= 1 << bit
			}
		}
	}
	checkCodes(l, h)
	for i := range 2 {
		low[i] = GLOBL(fmt.Sprintf("codesLow%d", i), attr.RODATA|attr.NOPTR)
		for k := range 32 {
			DATA(k, U8(l[i][k%16]))
		}
		high[i] = GLOBL(fmt.Sprintf("codesHigh%d", i), attr.RODATA|attr.NOPTR)
		for k := range 32 {
			DATA(k, U8(h[i][k%16]))
		}
	}
	return low, high
}

// checkCodes makes sure that the classes can be told by the codes as classesAVX2 does.
func checkCodes(l, h [2][16]uint8) {
	for b := range 256 {
		c := l[0][b&15]&h[0][b>>4] | l[1][b&15]&h[1][b>>4]
		var p [8]bool
		for i := range p {
			p[i] = c>>i&1 != 0
		}
		in := func(lo, hi byte) bool { return b >= int(lo) && b <= int(hi) }
		is := func(x byte) bool { return b == int(x) }
		isDigit, isUpper, isLower := in('0', '9'), in('A', 'Z'), in('a', 'z')
		isHex := isDigit || in('a', 'f') || in('A', 'F')
		for name, x := range map[string][2]bool{
			"digit":  {p[0] && !p[3], isDigit},
			"word":   {p[0] && !p[3] || p[2] || p[5] && p[3], isDigit || isUpper || isLower || is('_')},
			"upper":  {p[2] && p[3], isUpper},
			"hex":    {p[0] && !p[3] || p[1] && p[2], isHex},
			"dot":    {p[5] && p[6], is('.')},
			"dash":   {p[6] && !p[5], is('-')},
			"space":  {p[4] && !p[3], is(' ')},
			"colon":  {p[7], is(':')},
			"at":     {p[4] && p[3], is('@')},
			"plus":   {p[5] && !p[6] && !p[3], is('+')},
			"escape": {p[0] && p[3] || p[1] && !p[2], is('\\') || is('%') || is('&')},
		} {
			if x[0] != x[1] {
				log.Fatalf("byte %#x: class %s is %v", b, name, x[0])
			}
		}
	}
}

func classesAVX2() {
	TEXT("classesAVX2", attr.NOSPLIT, "func(planes, w *byte, stripe uintptr, before uint8) uint64")
	Pragma("noescape")
	Doc("classesAVX2 makes the class planes of a window and returns which are live.")
	low, high := codeTables()
	planes := Load(Param("planes"), GP64()).(reg.GPVirtual)
	w := Load(Param("w"), GP64()).(reg.GPVirtual)
	n := Load(Param("stripe"), GP64()).(reg.GPVirtual)
	ADDQ(Imm(edge), planes)
	half := bytes32(0x0f)
	masks := map[uint64]Mem{4: half, 2: bytes32(0x33), 1: bytes32(0x55)}

	text, p4 := stripeAddresses(w, n)
	p, end := GP64(), GP64()
	MOVQ(planes, p)
	LEAQ(Mem{Base: planes, Index: n, Scale: 1}, end)
	Label("classes2")
	var x [8]reg.VecVirtual
	for i := range x {
		l, h, t, u := YMM(), YMM(), YMM(), YMM()
		VMOVDQU(text[i], l)
		VPSRLW(Imm(4), l, h)
		VPAND(half, l, l)
		VPAND(half, h, h)
		x[i] = YMM()
		VMOVDQU(low[0], x[i])
		VPSHUFB(l, x[i], x[i])
		VMOVDQU(high[0], t)
		VPSHUFB(h, t, t)
		VPAND(t, x[i], x[i])
		VMOVDQU(low[1], t)
		VPSHUFB(l, t, t)
		VMOVDQU(high[1], u)
		VPSHUFB(h, u, u)
		VPAND(u, t, t)
		VPOR(t, x[i], x[i])
	}
	// exchange swaps the upper bits of a with the lower bits of b, in fields of 2*n.
	exchange := func(a, b reg.VecVirtual, n uint64) {
		t := YMM()
		VPSRLW(Imm(n), a, t)
		VPXOR(b, t, t)
		VPAND(masks[n], t, t)
		VPXOR(t, b, b)
		VPSLLW(Imm(n), t, t)
		VPXOR(t, a, a)
	}
	for _, d := range []int{4, 2, 1} {
		for i := range x {
			if i&d == 0 {
				exchange(x[i], x[i+d], uint64(d))
			}
		}
	}
	put := func(c int, v reg.VecVirtual) { VMOVDQA(v, Mem{Base: p, Disp: c * stride}) }
	// andNot returns a AND NOT b, and and or the like, in a new register.
	andNot := func(a, b reg.VecVirtual) reg.VecVirtual { t := YMM(); VPANDN(a, b, t); return t }
	and := func(a, b reg.VecVirtual) reg.VecVirtual { t := YMM(); VPAND(a, b, t); return t }
	put(colon, x[7])
	put(dot, and(x[5], x[6]))
	put(dash, andNot(x[6], x[5]))
	t := andNot(x[5], x[6])
	VPANDN(t, x[3], t)
	put(plus, t)
	put(space, andNot(x[4], x[3]))
	put(at, and(x[4], x[3]))
	put(upper, and(x[2], x[3]))
	t = and(x[0], x[3])
	u := andNot(x[1], x[2])
	VPOR(t, u, t)
	put(escape, t)
	d := andNot(x[0], x[3])
	put(digit, d)
	t = and(x[1], x[2])
	VPOR(d, t, t)
	put(hexDigit, t)
	t = and(x[5], x[3])
	VPOR(d, t, t)
	VPOR(x[2], t, t)
	put(word, t)
	VPCMPEQB(d, d, d)
	VPXOR(d, t, t)
	put(nonWord, t)
	ADDQ(Imm(32), w)
	ADDQ(Imm(32), p4)
	ADDQ(Imm(32), p)
	CMPQ(p, end)
	JB(LabelRef("classes2"))

	// What stands after the last place of a stripe is the start of the next one.
	mask, outside := bytes32(0x7f), bytes32(0x80)
	for c := range numClasses {
		for i := range 2 {
			v := YMM()
			VMOVDQA(Mem{Base: planes, Disp: c*stride + 32*i}, v)
			VPSRLW(Imm(1), v, v)
			VPAND(mask, v, v)
			if c == nonWord {
				VPOR(outside, v, v)
			}
			VMOVDQA(v, Mem{Base: planes, Index: n, Scale: 1, Disp: c*stride + 32*i})
		}
	}
	before := Load(Param("before"), GP32())
	last := GP32()
	MOVBLZX(Mem{Base: planes, Index: n, Scale: 1, Disp: nonWord*stride - 1}, last)
	ADDL(last, last)
	ORL(before, last)
	MOVB(last.(reg.GPVirtual).As8(), Mem{Base: planes, Disp: nonWord*stride - 1})

	// Of the commoner classes it is taken that the window has some.
	rare := []int{upper, dot, dash, space, colon, at, plus, escape}
	any := make([]reg.VecVirtual, len(rare))
	for i := range any {
		any[i] = YMM()
		VPXOR(any[i], any[i], any[i])
	}
	MOVQ(planes, p)
	Label("any2")
	for i, c := range rare {
		VPOR(Mem{Base: p, Disp: c * stride}, any[i], any[i])
	}
	ADDQ(Imm(32), p)
	CMPQ(p, end)
	JB(LabelRef("any2"))
	live, bit := GP64(), GP64()
	MOVQ(U32(1<<digit|1<<word|1<<hexDigit|1<<nonWord), live)
	for i, c := range rare {
		XORL(bit.As32(), bit.As32())
		VPTEST(any[i], any[i])
		SETNE(bit.As8())
		SHLQ(Imm(uint64(c)), bit)
		ORQ(bit, live)
	}
	Store(live, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// dwords returns a register with all dwords x.
func dwords(x uint32) reg.VecVirtual {
	y, v := XMM(), YMM()
	g := GP32()
	MOVL(U32(x), g)
	VMOVD(g, y)
	VPBROADCASTD(y, v)
	return v
}

// evenAVX2 marks the even places where the window of a literal may be. It looks at the four
// bytes of eight places at a time, those that divide by four and those between them.
func evenAVX2() {
	TEXT("evenAVX2", attr.NOSPLIT, "func(marks *uint64, w *byte, n uintptr, filter *uint32)")
	Pragma("noescape")
	Doc("evenAVX2 marks the even places in w[:n] that a filter admits.")
	marks := Load(Param("marks"), GP64()).(reg.GPVirtual)
	w := Load(Param("w"), GP64()).(reg.GPVirtual)
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	filter := Load(Param("filter"), GP64()).(reg.GPVirtual)
	mask, factor, low := dwords(filterMask), dwords(hashFactor), dwords(31)
	end := GP64()
	LEAQ(Mem{Base: w, Index: n, Scale: 1}, end)
	Label("even2")
	var marked [2]reg.GPVirtual
	for half := range marked {
		var admitted [2]reg.VecVirtual
		for k := range admitted {
			x, h, sets, all := YMM(), YMM(), YMM(), YMM()
			VMOVDQU(Mem{Base: w, Disp: 32*half + 2*k}, x)
			VPAND(mask, x, h)
			VPMULLD(factor, h, h)
			VPSRLD(Imm(32-filterBits), h, h)
			VPCMPEQD(all, all, all)
			VPGATHERDD(all, Mem{Base: filter, Index: h, Scale: 4}, sets)
			VPAND(low, x, x)
			VPSRLVD(x, sets, sets)
			VPSLLD(Imm(31), sets, sets)
			VPSRAD(Imm(31), sets, sets)
			admitted[k] = sets
		}
		VPBLENDW(Imm(0xaa), admitted[1], admitted[0], admitted[0])
		marked[half] = GP64()
		VPMOVMSKB(admitted[0], marked[half].As32())
	}
	SHLQ(Imm(32), marked[1])
	ORQ(marked[1], marked[0])
	even := GP64()
	MOVQ(U64(0x5555555555555555), even)
	ANDQ(even, marked[0])
	MOVQ(marked[0], Mem{Base: marks})
	ADDQ(Imm(64), w)
	ADDQ(Imm(8), marks)
	CMPQ(w, end)
	JB(LabelRef("even2"))
	VZEROUPPER()
	RET()
}

// runAVX2 runs a program. There is an interpreter for each length of stripes but the
// longest, which is done in two parts.
func runAVX2() {
	TEXT("runAVX2", attr.NOSPLIT, "func(planes *byte, code *uint32, stripe uintptr, live uint64) uint64")
	Pragma("noescape")
	Doc("runAVX2 runs a program, of code without a hand, over planes and returns which slots are live. Needs BMI1.")
	planes := Load(Param("planes"), GP64()).(reg.GPVirtual)
	code := Load(Param("code"), GP64()).(reg.GPVirtual)
	n := Load(Param("stripe"), GP64()).(reg.GPVirtual)
	live := Load(Param("live"), GP64()).(reg.GPVirtual)
	CMPQ(n, U32(64))
	JEQ(LabelRef("narrow64"))
	CMPQ(n, U32(128))
	JEQ(LabelRef("narrow128"))
	for _, part := range []int{256, 128, 64} {
		interpreter256(planes, code, n, live, part)
	}
	Label("finished")
	Store(live, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// interpreter256 runs a program in parts of the planes of that many bytes.
func interpreter256(planes, code, n, live reg.GPVirtual, part int) {
	label := func(s string) string { return fmt.Sprintf("%s%d", s, part) }
	ref := func(s string) LabelRef { return LabelRef(label(s)) }
	t := part / 32
	product := make([]reg.VecVirtual, t)
	for i := range product {
		product[i] = YMM()
	}
	each := func(f func(i int)) {
		for i := range t {
			f(i)
		}
	}
	// zero sets the flags by whether all of the product is.
	zero := func() {
		a, b := YMM(), YMM()
		VPOR(product[0], product[1], a)
		if t > 2 {
			VPOR(product[2], product[3], b)
			for i := 4; i < t; i += 2 {
				VPOR(product[i], a, a)
				VPOR(product[i+1], b, b)
			}
			VPOR(a, b, a)
		}
		VPTEST(a, a)
	}
	dst, bit, end, at, x, start := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	products, written, any := GP32(), GP32(), GP32()

	Label(label("narrow"))
	MOVL(Mem{Base: code}, dst.As32())
	MOVL(Mem{Base: code, Disp: 4}, products)
	TESTL(products, products)
	JEQ(LabelRef("finished"))
	MOVQ(Mem{Base: code, Disp: 8}, bit)
	ADDQ(Imm(16), code)
	ADDQ(planes, dst)
	ANDNQ(live, bit, live)
	MOVQ(code, start)
	MOVQ(planes, at) // the part of the planes
	XORL(any, any)

	Label(label("part"))
	XORL(written, written)
	Label(label("product2"))
	MOVL(Mem{Base: code, Disp: 8}, end.As32())
	LEAQ(Mem{Base: code, Index: end, Scale: 4, Disp: 12}, end)
	MOVQ(Mem{Base: code}, x)
	ANDNQ(x, live, x)
	JNE(ref("nothing2"))
	MOVL(Mem{Base: code, Disp: 12}, x.As32())
	ADDQ(Imm(16), code)
	each(func(i int) { VMOVDQU(Mem{Base: at, Index: x, Scale: 1, Disp: 32 * i}, product[i]) })
	Label(label("operation2"))
	MOVL(Mem{Base: code}, x.As32())
	ADDQ(Imm(4), code)
	TESTL(x.As32(), x.As32())
	JLT(ref("special2"))
	each(func(i int) { VPAND(Mem{Base: at, Index: x, Scale: 1, Disp: 32 * i}, product[i], product[i]) })
	JMP(ref("operation2"))
	Label(label("special2"))
	BTL(U8(29), x.As32())
	JCC(ref("add2"))
	zero()
	JNE(ref("operation2"))

	Label(label("nothing2"))
	MOVQ(end, code)
	JMP(ref("next2"))

	Label(label("add2"))
	TESTQ(bit, bit)
	JEQ(ref("untested2"))
	XORL(x.As32(), x.As32())
	zero()
	SETNE(x.As8())
	ORL(x.As32(), any)
	Label(label("untested2"))
	TESTL(written, written)
	JEQ(ref("store2"))
	each(func(i int) { VPOR(Mem{Base: dst, Disp: 32 * i}, product[i], product[i]) })
	Label(label("store2"))
	each(func(i int) { VMOVDQA(product[i], Mem{Base: dst, Disp: 32 * i}) })
	MOVL(U32(1), written)
	Label(label("next2"))
	SUBL(Imm(1), products)
	JNE(ref("product2"))
	TESTL(written, written)
	JNE(ref("written2"))
	VPXOR(product[0], product[0], product[0])
	each(func(i int) { VMOVDQA(product[0], Mem{Base: dst, Disp: 32 * i}) })
	Label(label("written2"))
	if part*2 == maxStripe {
		// The other part, when there is one and it was not that.
		ADDQ(U32(uint32(part)), dst)
		ADDQ(U32(uint32(part)), at)
		MOVQ(at, x)
		SUBQ(planes, x)
		CMPQ(x, n)
		JCC(ref("end2"))
		MOVQ(code, end)
		MOVQ(start, code)
		MOVL(Mem{Base: code, Disp: -12}, products)
		JMP(ref("part"))
		Label(label("end2"))
		SUBQ(n, dst)
	}
	for i := range 2 {
		VMOVDQA(Mem{Base: dst, Disp: 32 * i}, product[i])
		VPSRLW(Imm(1), product[i], product[i])
		VPAND(bytes32(0x7f), product[i], product[i])
		VMOVDQA(product[i], Mem{Base: dst, Index: n, Scale: 1, Disp: 32 * i})
	}
	NEGQ(any.As64())
	ANDQ(any.As64(), bit)
	ORQ(bit, live)
	JMP(ref("narrow"))
}
