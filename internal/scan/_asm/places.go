package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Of ../literal.go: the hash, and the layout of literalEntry.
const (
	hashBits   = 14
	filterBits = 11
	hashFactor = 0x9E3779B1 << 8 & (1<<32 - 1)

	entryFold = 0
	entryMask = 8
	entryWant = 16
	entryOff  = 28
	entryLast = 30
	entrySize = 40
)

// hash3 hashes the bytes in x.
func hash3(x reg.GPVirtual) {
	ORL(U32(0x20202020), x.As32())
	IMUL3L(I32(hashFactor), x.As32(), x.As32())
	SHRL(Imm(32-hashBits), x.As32())
}

// eachBit calls f for four bits of x at a time, as long as there are some: how many there
// are cannot be foreseen, and a jump for each would cost more than a few done in vain. When
// there are no bits left, at is at least 64.
func eachBit(name string, x, at reg.GPVirtual, f func(i int)) {
	Label(name)
	for i := range 4 {
		TZCNTQ(x, at)
		f(i)
		BLSRQ(x, x)
	}
	TESTQ(x, x)
	JNE(LabelRef(name))
}

// markedPlaces writes down the places of marks.
func markedPlaces() {
	TEXT("markedPlaces", attr.NOSPLIT, "func(places *uint16, marks *uint64, n uintptr) uintptr")
	Pragma("noescape")
	Doc("markedPlaces writes down the places marked in n words, and returns how many.",
		"It writes up to 64 bytes more than that. Needs BMI1 and POPCNT.")
	places := Load(Param("places"), GP64()).(reg.GPVirtual)
	marks := Load(Param("marks"), GP64()).(reg.GPVirtual)
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	p, q, base, x, at, c := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	MOVQ(places, p)
	XORQ(base, base)
	Label("word")
	MOVQ(Mem{Base: marks}, x)
	ADDQ(Imm(8), marks)
	POPCNTQ(x, c)
	MOVQ(p, q)
	LEAQ(Mem{Base: p, Index: c, Scale: 2}, p)
	eachBit("places", x, at, func(i int) {
		ADDL(base.As32(), at.As32())
		MOVW(at.As16(), Mem{Base: q, Disp: 2 * i})
		if i == 3 {
			ADDQ(Imm(8), q)
		}
	})
	ADDL(Imm(64), base.As32())
	SUBQ(Imm(1), n)
	JNE(LabelRef("word"))
	SUBQ(places, p)
	SHRQ(Imm(1), p)
	Store(p, ReturnIndex(0))
	RET()
}

// keepPlaces writes the loop that keeps the places whose four bytes x pass a test, which
// sets the carry flag for them and may change x. Each place is written and kept only if it
// passes: most do not, but which do cannot be foreseen.
func keepPlaces(table string, test func(x, table reg.GPVirtual)) {
	places := Load(Param("places"), GP64()).(reg.GPVirtual)
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	w := Load(Param("w"), GP64()).(reg.GPVirtual)
	t := Load(Param(table), GP64()).(reg.GPVirtual)
	i, count, at, x := GP64(), GP64(), GP64(), GP64()
	XORQ(count, count)
	XORQ(i, i)
	CMPQ(i, n)
	JEQ(LabelRef("none"))
	Label("place")
	MOVWLZX(Mem{Base: places, Index: i, Scale: 2}, at.As32())
	MOVW(at.As16(), Mem{Base: places, Index: count, Scale: 2})
	MOVL(Mem{Base: w, Index: at, Scale: 1}, x.As32())
	test(x, t)
	ADCQ(Imm(0), count)
	INCQ(i)
	CMPQ(i, n)
	JB(LabelRef("place"))
	Label("none")
	Store(count, ReturnIndex(0))
	RET()
}

// likelyPlaces keeps the places that pass the filter.
func likelyPlaces() {
	TEXT("likelyPlaces", attr.NOSPLIT, "func(places *uint16, n uintptr, w *byte, filter *uint64) uintptr")
	Pragma("noescape")
	Doc("likelyPlaces keeps those of n places that pass the filter, and returns how many.")
	keepPlaces("filter", func(h, filter reg.GPVirtual) {
		fourth, bits := GP64(), GP64()
		ORL(U32(0x20202020), h.As32())
		MOVL(h.As32(), fourth.As32())
		MOVL(h.As32(), bits.As32())
		SHRL(Imm(24), fourth.As32())
		SHRL(Imm(25), bits.As32())
		XORL(bits.As32(), fourth.As32())
		IMUL3L(I32(hashFactor), h.As32(), h.As32())
		SHRL(Imm(32-filterBits), h.As32())
		MOVQ(Mem{Base: filter, Index: h, Scale: 8}, bits)
		BTQ(fourth, bits)
	})
}

// surePlaces keeps the places that pass the second filter of even places.
func surePlaces() {
	TEXT("surePlaces", attr.NOSPLIT, "func(places *uint16, n uintptr, w *byte, sure *uint8) uintptr")
	Pragma("noescape")
	Doc("surePlaces keeps those of n places whose four bytes, or three of them, have a hash in a set, and returns",
		"how many. Needs BMI2.")
	keepPlaces("sure", func(x, sure reg.GPVirtual) {
		h, bits, any := GP64(), GP64(), GP64()
		for k, mask := range []uint32{quadMask, quadMask & 0x00ffffff, quadMask & 0xffffff00} {
			MOVL(x.As32(), h.As32())
			ANDL(U32(mask), h.As32())
			IMUL3L(I32(quadFactor&(1<<32-1)-1<<32), h.As32(), h.As32())
			SHRL(Imm(32-quadBits), h.As32())
			MOVL(h.As32(), bits.As32())
			SHRL(Imm(5), bits.As32())
			MOVL(Mem{Base: sure, Index: bits, Scale: 4}, bits.As32())
			SHRXL(h.As32(), bits.As32(), bits.As32())
			if k == 0 {
				MOVL(bits.As32(), any.As32())
			} else {
				ORL(bits.As32(), any.As32())
			}
		}
		BTL(Imm(0), any.As32())
	})
}

// compareEntries compares the first eight bytes of the literals that may be at places.
func compareEntries() {
	TEXT("compareEntries", attr.NOSPLIT, "func(same *uint64, places *uint16, n uintptr, w *byte, text *byte, base, limit int, index *uint16, entries *byte) uintptr")
	Pragma("noescape")
	Doc("compareEntries writes down the entries whose first eight bytes are in text, for n > 0 places in w, which",
		"is at base in text, and returns how many: the start in the upper half, the index of the entry in the lower.",
		"It passes entries that start outside of text[:limit], and reads eight bytes from where others start.",
		"It writes one more than it returns.")
	same := Load(Param("same"), GP64()).(reg.GPVirtual)
	places := Load(Param("places"), GP64()).(reg.GPVirtual)
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	w := Load(Param("w"), GP64()).(reg.GPVirtual)
	text := Load(Param("text"), GP64()).(reg.GPVirtual)
	limit := Load(Param("limit"), GP64()).(reg.GPVirtual)
	entries := Load(Param("entries"), GP64()).(reg.GPVirtual)
	end, at, i, start, x, e := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	LEAQ(Mem{Base: places, Index: n, Scale: 2}, end)
	first := GP64()
	MOVQ(same, first)

	Label("nextPlace")
	MOVWLZX(Mem{Base: places}, at.As32())
	ADDQ(Imm(2), places)
	MOVL(Mem{Base: w, Index: at, Scale: 1}, i.As32())
	hash3(i)
	Load(Param("index"), x)
	MOVWLZX(Mem{Base: x, Index: i, Scale: 2}, i.As32())
	Load(Param("base"), x)
	ADDQ(x, at)

	Label("entry")
	LEAQ(Mem{Base: i, Index: i, Scale: 4}, e) // of entrySize bytes, eight times five
	LEAQ(Mem{Base: entries, Index: e, Scale: entrySize / 5}, e)
	MOVBLZX(Mem{Base: e, Disp: entryOff}, x.As32())
	MOVQ(at, start)
	SUBQ(x, start)
	MOVQ(start, x)
	SHLQ(Imm(32), x)
	ORQ(i, x)
	MOVQ(x, Mem{Base: same})
	CMPQ(start, limit)
	JCC(LabelRef("pass"))
	MOVQ(Mem{Base: text, Index: start, Scale: 1}, x)
	ORQ(Mem{Base: e, Disp: entryFold}, x)
	ANDQ(Mem{Base: e, Disp: entryMask}, x)
	CMPQ(x, Mem{Base: e, Disp: entryWant})
	SETEQ(x.As8())
	MOVBLZX(x.As8(), x.As32())
	LEAQ(Mem{Base: same, Index: x, Scale: 8}, same)
	Label("after")
	INCL(i.As32())
	CMPB(Mem{Base: e, Disp: entryLast}, Imm(0))
	JEQ(LabelRef("entry"))
	CMPQ(places, end)
	JB(LabelRef("nextPlace"))
	SUBQ(first, same)
	SHRQ(Imm(3), same)
	Store(same, ReturnIndex(0))
	RET()

	Label("pass")
	ADDQ(Imm(8), same)
	JMP(LabelRef("after"))
}

// stripePlaces writes down the places of the bits of a plane, stripe by stripe: those of
// one stripe are in order.
func stripePlaces() {
	TEXT("stripePlaces", attr.NOSPLIT, "func(places *[8][512]uint16, n *[8]uint64, plane *byte, stripe uintptr)")
	Pragma("noescape")
	Doc("stripePlaces writes down the places of the bits of a plane, for each stripe apart, and adds their numbers to n.",
		"Needs AVX2 and BMI1.")
	places := Load(Param("places"), GP64()).(reg.GPVirtual)
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	plane := Load(Param("plane"), GP64()).(reg.GPVirtual)
	stripe := Load(Param("stripe"), GP64()).(reg.GPVirtual)
	// Lines of 64 bytes that have some, then words.
	p, end, x, at, k, count := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	MOVQ(plane, p)
	LEAQ(Mem{Base: plane, Index: stripe, Scale: 1}, end)
	zero := YMM()
	VPXOR(zero, zero, zero)
	words := GP32()
	a, b := YMM(), YMM()
	c := GP32()
	Label("line")
	VPCMPEQQ(Mem{Base: p}, zero, a)
	VPCMPEQQ(Mem{Base: p, Disp: 32}, zero, b)
	VMOVMSKPD(a, words)
	VMOVMSKPD(b, c)
	SHLL(Imm(4), c)
	ORL(c, words)
	XORL(Imm(0xff), words)
	JEQ(LabelRef("nextLine"))
	base := GP64()
	MOVQ(p, base)
	SUBQ(plane, base)
	Label("wordOfLine")
	word := GP32()
	TZCNTL(words, word)
	MOVQ(Mem{Base: p, Index: word.As64(), Scale: 8}, x)
	LEAQ(Mem{Base: base, Index: word.As64(), Scale: 8}, word.As64())
	Label("bit")
	TZCNTQ(x, at)
	MOVL(at.As32(), k.As32())
	ANDL(Imm(7), k.As32())
	SHRL(Imm(3), at.As32())
	ADDL(word, at.As32())
	MOVQ(Mem{Base: n, Index: k, Scale: 8}, count)
	INCQ(Mem{Base: n, Index: k, Scale: 8})
	SHLL(Imm(9), k.As32())
	ADDQ(count, k)
	MOVW(at.As16(), Mem{Base: places, Index: k, Scale: 2})
	BLSRQ(x, x)
	JNE(LabelRef("bit"))
	BLSRL(words, words)
	JNE(LabelRef("wordOfLine"))
	Label("nextLine")
	ADDQ(Imm(64), p)
	CMPQ(p, end)
	JB(LabelRef("line"))
	VZEROUPPER()
	RET()
}

// bytes64 returns a constant of 64 bytes.
func bytes64(name string, b func(i int) uint8) Mem {
	m := GLOBL(name, attr.RODATA|attr.NOPTR)
	for i := range 64 {
		DATA(i, U8(b(i)))
	}
	return m
}

// orderedPlaces writes down the places of the bits of a plane in the order of the text. It
// takes eight bytes of the plane for a matrix of bits and turns them into eight bits of each
// stripe; those of a line make a word of each stripe.
func orderedPlaces() {
	TEXT("orderedPlaces", attr.NOSPLIT, "func(places *uint16, words *[64]uint64, plane *byte, stripe uintptr) uintptr")
	Pragma("noescape")
	Doc("orderedPlaces writes down the places of the bits of a plane in the order of the text, and returns how many.",
		"It uses words. Needs AVX-512 F, BW, DQ, VBMI, GFNI, BMI1 and BMI2.")
	places := Load(Param("places"), GP64()).(reg.GPVirtual)
	words := Load(Param("words"), GP64()).(reg.GPVirtual)
	plane := Load(Param("plane"), GP64()).(reg.GPVirtual)
	n := Load(Param("stripe"), GP64()).(reg.GPVirtual)
	reverse, units, gather := ZMM(), ZMM(), ZMM()
	VMOVDQU64(bytes64("reversedBytes", func(i int) uint8 { return uint8(i&^7 + 7 - i&7) }), reverse)
	VMOVDQU64(bytes64("gatheredBytes", func(i int) uint8 { return uint8(i%8*8 + i/8) }), gather)
	x := GP64()
	MOVQ(U64(0x8040201008040201), x) // byte k has bit k alone
	VPBROADCASTQ(x, units)

	// some gets bit 8*line + k if the word of stripe k is not zero.
	some, at, v, end := GP64(), GP64(), ZMM(), GP64()
	XORQ(some, some)
	XORQ(at, at)
	MOVQ(n, end)
	SHRQ(Imm(3), end)
	Label("lineOfPlane")
	VMOVDQA64(Mem{Base: plane, Index: at, Scale: 8}, v)
	VPSHUFB(reverse, v, v)
	VGF2P8AFFINEQB(Imm(0), v, units, v)
	VPERMB(v, gather, v)
	VMOVDQU64(v, Mem{Base: words, Index: at, Scale: 8})
	k, bits := K(), GP64()
	VPTESTMQ(v, v, k)
	KMOVB(k, bits.As32())
	SHLXQ(at, bits, bits)
	ORQ(bits, some)
	ADDQ(Imm(8), at)
	CMPQ(at, end)
	JB(LabelRef("lineOfPlane"))

	// Turned in the same way, it has bit 8*k + line.
	y := XMM()
	BSWAPQ(some)
	VMOVQ(some, y)
	VGF2P8AFFINEQB(Imm(0), y, units.AsX(), y)
	VMOVQ(y, some)
	p := GP64()
	MOVQ(places, p)
	TESTQ(some, some)
	JEQ(LabelRef("noWord"))
	Label("wordOfPlane")
	line, stripe, word := GP64(), GP64(), GP64()
	TZCNTQ(some, line)
	MOVQ(line, stripe)
	ANDL(Imm(7), line.As32())
	SHRL(Imm(3), stripe.As32())
	LEAQ(Mem{Base: stripe, Index: line, Scale: 8}, word)
	MOVQ(Mem{Base: words, Index: word, Scale: 8}, word)
	IMULQ(n, stripe)
	SHLL(Imm(6), line.As32())
	ADDL(line.As32(), stripe.As32())
	Label("bitOfWord")
	place := GP64()
	TZCNTQ(word, place)
	ADDL(stripe.As32(), place.As32())
	MOVW(place.As16(), Mem{Base: p})
	ADDQ(Imm(2), p)
	BLSRQ(word, word)
	JNE(LabelRef("bitOfWord"))
	BLSRQ(some, some)
	JNE(LabelRef("wordOfPlane"))
	Label("noWord")
	SUBQ(places, p)
	SHRQ(Imm(1), p)
	Store(p, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
