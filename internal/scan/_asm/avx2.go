package main

import (
	"fmt"

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

// classesAVX2 turns the bytes of the eight stripes into a plane for each of their bits and makes
// the classes of those by logic, as classWords in ../generic.go does.
func classesAVX2() {
	TEXT("classesAVX2", attr.NOSPLIT, "func(planes, w *byte, stripe uintptr, before uint8) uint64")
	Pragma("noescape")
	Doc("classesAVX2 makes the class planes of a window and returns which are live.")
	planes := Load(Param("planes"), GP64()).(reg.GPVirtual)
	w := Load(Param("w"), GP64()).(reg.GPVirtual)
	n := Load(Param("stripe"), GP64()).(reg.GPVirtual)
	ADDQ(Imm(edge), planes)
	masks := map[uint64]Mem{4: bytes32(0x0f), 2: bytes32(0x33), 1: bytes32(0x55)}

	text, p4 := stripeAddresses(w, n)
	p, end := GP64(), GP64()
	MOVQ(planes, p)
	LEAQ(Mem{Base: planes, Index: n, Scale: 1}, end)
	Label("classes2")
	var x [8]reg.VecVirtual
	for i := range x {
		x[i] = YMM()
		VMOVDQU(text[i], x[i])
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
	binary := func(op func(a, b, to Op)) func(a, b reg.VecVirtual) reg.VecVirtual {
		return func(a, b reg.VecVirtual) reg.VecVirtual { t := YMM(); op(b, a, t); return t }
	}
	and, or, xor := binary(VPAND), binary(VPOR), binary(VPXOR)
	less := func(a, b reg.VecVirtual) reg.VecVirtual { t := YMM(); VPANDN(a, b, t); return t } // a AND NOT b

	col23, col47 := less(x[5], or(x[7], x[6])), less(x[6], x[7])
	col3 := and(col23, x[4])
	col2 := less(col23, x[4])
	b21 := or(x[2], x[1])
	stop := and(and(col3, x[3]), b21) // : and what comes after it
	isDigit := less(col3, stop)
	put(digit, isDigit)
	put(colon, less(stop, or(x[2], x[0])))
	some := or(b21, x[0])
	late := and(col2, x[3]) // ( to /
	early := less(col2, x[3])
	put(space, less(early, some))
	isEscape := and(and(early, x[2]), xor(x[1], x[0])) // % and &
	b10 := and(x[1], x[0])
	last4 := and(late, x[2])
	last2 := and(last4, x[1])
	slash := and(last2, x[0])
	put(dot, less(last2, slash))
	put(dash, less(and(last4, x[0]), slash))
	put(plus, less(and(late, b10), slash))

	b43 := or(x[4], x[3])
	named := and(col47, or(some, b43)) // all but @ and `
	col45 := less(col47, x[5])
	put(at, less(col45, named))
	high := and(and(x[4], x[3]), col47)
	letter := less(named, and(high, or(x[2], b10))) // less [ to _ and { to DEL
	put(upper, and(letter, col45))
	hex := less(and(letter, some), or(b43, and(x[2], b10))) // a to f
	put(hexDigit, or(isDigit, hex))
	high = and(and(high, col45), x[2])
	put(escape, or(isEscape, less(high, or(x[1], x[0])))) // and the backslash
	isWord := or(or(isDigit, letter), and(high, b10))     // and the underscore
	put(word, isWord)
	ones := YMM()
	VPCMPEQB(ones, ones, ones)
	put(nonWord, xor(isWord, ones))
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
	PREFETCHT0(Mem{Base: w, Disp: 2048})
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
