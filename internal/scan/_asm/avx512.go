package main

import (
	"fmt"
	"github.com/mmcloughlin/avo/attr"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Tables of truth for VPTERNLOG: bit 4*a + 2*b + c is f(a, b, c), where a is the
// destination, b the middle operand, c the first one after the table.
func tern(f func(a, b, c bool) bool) Constant {
	var t uint8
	for i := range uint8(8) {
		if f(i&4 != 0, i&2 != 0, i&1 != 0) {
			t |= 1 << i
		}
	}
	return U8(t)
}

var (
	and3 = tern(func(a, b, c bool) bool { return a && b && c })
	or3  = tern(func(a, b, c bool) bool { return a || b || c })
	not  = tern(func(_, _, c bool) bool { return !c })
	// choose takes from b where a is set, and from c elsewhere.
	choose = tern(func(a, b, c bool) bool { return a && b || !a && c })
	// orBoth is a OR (b AND c).
	orBoth = tern(func(a, b, c bool) bool { return a || b && c })
	// mixMasked is a XOR (b AND c).
	mixMasked = tern(func(a, b, c bool) bool { return a != (b && c) })
)

// broadcast returns a register with all bytes b.
func broadcast(b uint8) reg.VecVirtual {
	z, x := ZMM(), GP32()
	MOVL(U32(uint32(b)*0x01010101), x)
	VPBROADCASTD(x, z)
	return z
}

// stripeAddresses returns the addresses of the eight stripes from p on: p advances with
// the returned second pointer.
func stripeAddresses(p, n reg.GPVirtual) (at [8]Mem, p4 reg.GPVirtual) {
	n3 := GP64()
	LEAQ(Mem{Base: n, Index: n, Scale: 2}, n3)
	p4 = GP64()
	LEAQ(Mem{Base: p, Index: n, Scale: 4}, p4)
	for i, b := range []reg.Register{p, p4} {
		at[4*i] = Mem{Base: b}
		at[4*i+1] = Mem{Base: b, Index: n, Scale: 1}
		at[4*i+2] = Mem{Base: b, Index: n, Scale: 2}
		at[4*i+3] = Mem{Base: b, Index: n3, Scale: 1}
	}
	return at, p4
}

// classesAVX512 makes the class planes: it looks up the kinds of 64 bytes of each stripe
// at once, turns the eight registers of four bits into four registers of eight bits, the
// planes of the bits, and makes the planes of the classes from them.
func classesAVX512() {
	TEXT("classesAVX512", attr.NOSPLIT, "func(planes, w *byte, stripe uintptr, before uint8, kinds *[128]uint8) uint64")
	Pragma("noescape")
	Doc("classesAVX512 makes the class planes of a window and returns which are live. Needs AVX-512 F, BW, VBMI.")
	planes := Load(Param("planes"), GP64()).(reg.GPVirtual)
	w := Load(Param("w"), GP64()).(reg.GPVirtual)
	n := Load(Param("stripe"), GP64()).(reg.GPVirtual)
	kinds := Load(Param("kinds"), GP64()).(reg.GPVirtual)
	ADDQ(Imm(edge), planes)

	table := func(shift uint64) [2]reg.VecVirtual {
		t := [2]reg.VecVirtual{ZMM(), ZMM()}
		for i := range t {
			VMOVDQU64(Mem{Base: kinds, Disp: 64 * i}, t[i])
			if shift > 0 {
				VPSLLW(Imm(shift), t[i], t[i])
			}
		}
		return t
	}
	low, high := table(0), table(4)
	notASCII := broadcast(0x80)
	mask2, mask1 := broadcast(0x33), broadcast(0x55)
	seen := map[int]reg.VecVirtual{}
	for _, c := range []int{upper, dot, dash, space, colon, at, plus, escape} {
		seen[c] = ZMM()
		VPXORQ(seen[c], seen[c], seen[c])
	}

	text, p4 := stripeAddresses(w, n)
	p, end := GP64(), GP64()
	MOVQ(planes, p)
	LEAQ(Mem{Base: planes, Index: n, Scale: 1}, end)
	Label("classes512")
	var x [4]reg.VecVirtual
	for i := range x {
		x[i] = ZMM()
		y := ZMM()
		VPMINUB(text[i], notASCII, x[i]) // byte 0x80 counts as 0
		VPERMI2B(low[1], low[0], x[i])
		VPMINUB(text[i+4], notASCII, y)
		VPERMI2B(high[1], high[0], y)
		VPORQ(x[i], y, x[i])
	}
	// exchange swaps the upper bits of a with the lower bits of b, in fields of 2*n.
	exchange := func(a, b, mask reg.VecVirtual, n uint64) {
		l, h := ZMM(), ZMM()
		VPSRLW(Imm(n), a, l)
		VPSLLW(Imm(n), b, h)
		t := ZMM()
		VMOVDQA64(mask, t)
		VPTERNLOGQ(choose, h, a, t)
		VMOVDQA64(mask, a)
		VPTERNLOGQ(choose, b, l, a)
		VMOVDQA64(a, b)
		VMOVDQA64(t, a)
	}
	exchange(x[0], x[2], mask2, 2)
	exchange(x[1], x[3], mask2, 2)
	exchange(x[0], x[1], mask1, 1)
	exchange(x[2], x[3], mask1, 1)
	put := func(c int, v reg.VecVirtual) {
		VMOVDQA64(v, Mem{Base: p, Disp: c * stride})
		if s, ok := seen[c]; ok {
			VPORQ(v, s, s)
		}
	}
	b0, b1, b2, b3 := x[0], x[1], x[2], x[3]
	put(word, b3)
	t := ZMM()
	VPANDQ(b3, b0, t)
	put(hexDigit, t)
	VPANDQ(t, b2, t)
	put(digit, t)
	u := ZMM()
	VPANDQ(b3, b1, u)
	put(upper, u)
	for k, c := range []int{dot, dash, space, colon, at, plus, escape} {
		v := ZMM()
		VMOVDQA64(b2, v)
		VPTERNLOGQ(U8(1<<(k+1)), b0, b1, v)
		VPANDNQ(v, b3, v)
		put(c, v)
	}
	VPTERNLOGQ(not, b3, b3, b3)
	put(nonWord, b3)
	ADDQ(Imm(64), w)
	ADDQ(Imm(64), p4)
	ADDQ(Imm(64), p)
	CMPQ(p, end)
	JB(LabelRef("classes512"))

	// What stands after the last place of a stripe is the start of the next one.
	mask, outside := broadcast(0x7f), broadcast(0x80)
	for c := range numClasses {
		v := ZMM()
		VPSRLW(Imm(1), Mem{Base: planes, Disp: c * stride}, v)
		VPANDQ(mask, v, v)
		if c == nonWord {
			VPORQ(outside, v, v)
		}
		VMOVDQA64(v, Mem{Base: planes, Index: n, Scale: 1, Disp: c * stride})
	}
	before := Load(Param("before"), GP32())
	last := GP32()
	MOVBLZX(Mem{Base: planes, Index: n, Scale: 1, Disp: nonWord*stride - 1}, last)
	ADDL(last, last)
	ORL(before, last)
	MOVB(last.(reg.GPVirtual).As8(), Mem{Base: planes, Disp: nonWord*stride - 1})

	live, bit := GP64(), GP64()
	MOVQ(U32(1<<digit|1<<word|1<<hexDigit|1<<nonWord), live)
	for c := range numClasses {
		s, ok := seen[c]
		if !ok {
			continue
		}
		k := K()
		VPTESTMQ(s, s, k)
		XORL(bit.As32(), bit.As32())
		KORTESTB(k, k)
		SETNE(bit.As8())
		SHLQ(Imm(uint64(c)), bit)
		ORQ(bit, live)
	}
	Store(live, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// literalsAVX512 marks the places where a bucket has the hashes of four pairs of bytes.
func literalsAVX512() {
	TEXT("literalsAVX512", attr.NOSPLIT, "func(marks *uint64, w *byte, n uintptr, tables *byte)")
	Pragma("noescape")
	Doc("literalsAVX512 marks the places in w[:n] where literals may be. Needs AVX-512 F, BW, VBMI and GFNI.")
	marks := Load(Param("marks"), GP64()).(reg.GPVirtual)
	w := Load(Param("w"), GP64()).(reg.GPVirtual)
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	tables := Load(Param("tables"), GP64()).(reg.GPVirtual)
	pairs := [4][2]int{{0, 1}, {1, 2}, {0, 2}, {0, 3}}
	var t [len(pairs)][2][2]reg.VecVirtual // by pair, half of the buckets, half of the table
	for f := range t {
		for half := range 2 {
			for i := range 2 {
				t[f][half][i] = ZMM()
				VMOVDQU64(Mem{Base: tables, Disp: ((2*f+half)*2 + i) * 64}, t[f][half][i])
			}
		}
	}
	fold := broadcast(0xdf)
	// The matrix moves bit 3 to bit 0, 4 to 1, 6 to 3, 0 to 4, 1 to 5, 2 to 6. Its
	// byte 7-i has the bits that go to bit i.
	rotate := ZMM()
	m := GP64()
	MOVQ(Imm(1<<3<<56|1<<4<<48|1<<6<<32|1<<0<<24|1<<1<<16|1<<2<<8), m)
	VPBROADCASTQ(m, rotate)
	end := GP64()
	LEAQ(Mem{Base: w, Index: n, Scale: 1}, end)
	Label("literals512")
	PREFETCHT0(Mem{Base: w, Disp: 2048})
	// What is looked up is put together at the end, three at a time: other operations keep
	// look-ups waiting, which only half of the units can do.
	var looked [len(pairs)][2]reg.VecVirtual
	second, rotated := 0, ZMM() // of the pairs, which come in the order of those
	for f, pair := range pairs {
		if pair[1] != second {
			second = pair[1]
			VMOVDQU64(Mem{Base: w, Disp: second}, rotated)
			VGF2P8AFFINEQB(Imm(0), rotate, rotated, rotated)
		}
		h := ZMM()
		VMOVDQA64(rotated, h)
		VPTERNLOGQ(mixMasked, Mem{Base: w, Disp: pair[0]}, fold, h)
		looked[f] = [2]reg.VecVirtual{ZMM(), h}
		VMOVDQA64(h, looked[f][0])
		for half, v := range looked[f] {
			VPERMI2B(t[f][half][1], t[f][half][0], v)
		}
	}
	hit := looked[0]
	for half := range hit {
		VPTERNLOGQ(and3, looked[1][half], looked[2][half], hit[half])
	}
	VPANDQ(looked[3][0], hit[0], hit[0])
	VPTERNLOGQ(orBoth, looked[3][1], hit[1], hit[0])
	k := K()
	VPTESTMB(hit[0], hit[0], k)
	KMOVQ(k, Mem{Base: marks})
	ADDQ(Imm(64), w)
	ADDQ(Imm(8), marks)
	CMPQ(w, end)
	JB(LabelRef("literals512"))
	VZEROUPPER()
	RET()
}

// runAVX512 runs a program. There is one interpreter for each length of stripes, which
// holds whole planes in its registers.
func runAVX512() {
	TEXT("runAVX512", attr.NOSPLIT, "func(planes *byte, code *uint32, stripe uintptr, live uint64) uint64")
	Pragma("noescape")
	Doc("runAVX512 runs a program over planes and returns which slots are live. Needs AVX-512 F, BW, VBMI.")
	planes := Load(Param("planes"), GP64()).(reg.GPVirtual)
	code := Load(Param("code"), GP64()).(reg.GPVirtual)
	n := Load(Param("stripe"), GP64()).(reg.GPVirtual)
	live := Load(Param("live"), GP64()).(reg.GPVirtual)
	mask, iota := broadcast(0x7f), ZMM()
	VMOVDQU64(iotaBytes(), iota)
	for _, length := range []int{64, 128, 256} {
		CMPQ(n, U32(uint32(length)))
		JEQ(LabelRef(fmt.Sprintf("step%d", length)))
	}
	for _, length := range []int{512, 256, 128, 64} {
		interpreter(planes, code, live, iota, mask, length)
	}
	Label("done")
	Store(live, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// iotaBytes holds the numbers from 0 to 63.
func iotaBytes() Mem {
	const name = "iotaBytes"
	if m, ok := constants[name]; ok {
		return m
	}
	m := GLOBL(name, attr.RODATA|attr.NOPTR)
	for i := range 64 {
		DATA(i, U8(uint8(i)))
	}
	constants[name] = m
	return m
}

func interpreter(planes, code, live reg.GPVirtual, iota, mask reg.VecVirtual, length int) {
	label := func(s string) string { return fmt.Sprintf("%s%d", s, length) }
	ref := func(s string) LabelRef { return LabelRef(label(s)) }
	t := length / 64
	// What the step before wrote has one line more, to shift in.
	product, sum, hand := make([]reg.VecVirtual, t), make([]reg.VecVirtual, t), make([]reg.VecVirtual, t+1)
	for i := range t {
		product[i], sum[i] = ZMM(), ZMM()
	}
	for i := range hand {
		hand[i] = ZMM()
	}
	each := func(f func(i int)) {
		for i := range t {
			f(i)
		}
	}
	// zero sets the flags by whether all of v is.
	zero := func(v []reg.VecVirtual) {
		a := v[0]
		if t > 1 {
			a = ZMM()
			VPORQ(v[0], v[1], a)
		}
		for i := 2; i < t; i += 2 {
			VPTERNLOGQ(or3, v[i], v[i+1], a)
		}
		k := K()
		VPTESTMQ(a, a, k)
		KORTESTB(k, k)
	}
	dst, bit, end := GP64(), GP64(), GP64()
	products, any := GP32(), GP32()
	x := GP64()

	Label(label("step"))
	MOVL(Mem{Base: code}, dst.As32())
	MOVL(Mem{Base: code, Disp: 4}, products)
	TESTL(products, products)
	JEQ(LabelRef("done"))
	MOVQ(Mem{Base: code, Disp: 8}, bit)
	ADDQ(Imm(16), code)
	XORL(any, any)
	ANDNQ(live, bit, live)

	// Of a short record, to compute what is all zero costs less than jumps that are not
	// foreseen.
	skips := t > 1
	Label(label("product"))
	if skips {
		MOVL(Mem{Base: code, Disp: 8}, end.As32())
		LEAQ(Mem{Base: code, Index: end, Scale: 4, Disp: 12}, end)
		MOVQ(Mem{Base: code}, x)
		ANDNQ(x, live, x)
		JNE(ref("nothing"))
	}
	ADDQ(Imm(12), code)
	// operations reads operations: the first one sets the product, the others combine
	// with it.
	operations := func(first bool) {
		l := func(s string) string {
			if first {
				return label("first" + s)
			}
			return label("next" + s)
		}
		then := ref("nextOperation")
		combine := func(m Op, i int) {
			if first {
				VMOVDQU64(m, product[i])
			} else {
				VPANDQ(m, product[i], product[i])
			}
		}
		Label(l("Operation"))
		MOVL(Mem{Base: code}, x.As32())
		ADDQ(Imm(4), code)
		TESTL(x.As32(), x.As32())
		JLT(LabelRef(l("Special")))
		// Loads across lines cost more than putting lines together, but for those of short
		// records.
		together := t > 2
		if together {
			TESTL(U32(63), x.As32())
			JNE(LabelRef(l("Ahead")))
		}
		each(func(i int) { combine(Mem{Base: planes, Index: x, Scale: 1, Disp: 64 * i}, i) })
		JMP(then)

		index := ZMM()
		if together {
			Label(l("Ahead"))
			shift := GP32()
			MOVL(x.As32(), shift)
			ANDL(Imm(63), shift)
			VPBROADCASTB(shift, index)
			VPADDB(iota, index, index)
			SUBL(shift, x.As32())
			line := ZMM()
			VMOVDQA64(Mem{Base: planes, Index: x, Scale: 1}, line)
			for i := range t {
				next := ZMM()
				VMOVDQA64(Mem{Base: planes, Index: x, Scale: 1, Disp: 64 * (i + 1)}, next)
				VPERMT2B(next, index, line)
				combine(line, i)
				line = next
			}
			JMP(then)
		}

		Label(l("Special"))
		BTL(U8(29), x.As32())
		if first {
			JCC(LabelRef(l("Hand")))
		} else {
			JCC(LabelRef(l("HandOrEnd")))
			BTL(U8(30), x.As32())
			if skips {
				JCC(LabelRef(l("Stop")))
			} else {
				JCC(then)
			}
		}
		VPBROADCASTB(x.As32(), index)
		VPADDB(iota, index, index)
		each(func(i int) {
			line := ZMM()
			VMOVDQA64(index, line)
			VPERMI2B(hand[i+1], hand[i], line)
			combine(line, i)
		})
		JMP(then)

		if !first {
			Label(l("HandOrEnd"))
			BTL(U8(30), x.As32())
			JCC(ref("add"))
		}
		Label(l("Hand"))
		each(func(i int) { combine(hand[i], i) })
		JMP(then)

		if !first && skips {
			Label(l("Stop"))
			zero(product)
			JNE(then)
			JMP(ref("nothing"))
		}
	}
	operations(true)
	operations(false)

	Label(label("add"))
	TESTL(any, any)
	JNE(ref("or"))
	SUBL(Imm(1), products)
	JEQ(ref("only"))
	each(func(i int) { VMOVDQA64(product[i], sum[i]) })
	MOVL(U32(1), any)
	JMP(ref("product"))
	Label(label("or"))
	each(func(i int) { VPORQ(product[i], sum[i], sum[i]) })
	SUBL(Imm(1), products)
	JNE(ref("product"))

	Label(label("store"))
	each(func(i int) { VMOVDQA64(sum[i], hand[i]) })
	JMP(ref("storeHand"))
	Label(label("only"))
	each(func(i int) { VMOVDQA64(product[i], hand[i]) })
	Label(label("storeHand"))
	VPSRLW(Imm(1), hand[0], hand[t])
	VPANDQ(mask, hand[t], hand[t])
	TESTL(dst.As32(), dst.As32())
	JEQ(ref("test"))
	for i := range hand {
		VMOVDQA64(hand[i], Mem{Base: planes, Index: dst, Scale: 1, Disp: 64 * i})
	}
	Label(label("test"))
	TESTQ(bit, bit)
	JEQ(ref("step"))
	XORL(any, any)
	zero(hand[:t])
	SETNE(any.As8())
	NEGQ(any.As64())
	ANDQ(any.As64(), bit)
	ORQ(bit, live)
	JMP(ref("step"))

	if !skips {
		return
	}
	Label(label("nothing"))
	MOVQ(end, code)
	SUBL(Imm(1), products)
	JNE(ref("product"))
	TESTL(any, any)
	JNE(ref("store"))
	// Nothing at all: what stands in the plane does not matter, unless the slot has no
	// bit to tell so.
	TESTQ(bit, bit)
	JNE(ref("step"))
	each(func(i int) { VPXORQ(sum[i], sum[i], sum[i]) })
	JMP(ref("store"))
}
