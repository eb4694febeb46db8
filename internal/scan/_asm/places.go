package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Of ../literal.go: the hashes, and the layout of literalEntry.
const (
	filterBits = 13
	filterMask = 0x07dfdf00
	sureBits   = 18
	wholeBits  = 13
	partBits   = 11
	caseMask   = 0xdfdfdfdf
	hashFactor = 0x9E3779B1

	entryFold = 0
	entryMask = 8
	entryWant = 16
	entryOff  = 28
	entryLast = 29
	entrySize = 32
)

// hash hashes the bytes of x under a mask, to bits.
func hash(x reg.GPVirtual, mask uint32, bits uint64) {
	ANDL(U32(mask), x.As32())
	IMUL3L(I32(hashFactor-1<<32), x.As32(), x.As32())
	SHRL(Imm(32-bits), x.As32())
}

// unconditional is how many places of a word are written without a look at how many there are.
const unconditional = 3

// keepPlaces writes the loops that write down the places of marks, and keep those whose four
// bytes x pass a test by a table, which leaves a bit for that in the lowest place of a register.
// How many places a word has cannot be foreseen, nor which ones pass, so there is no jump for
// either: a few are written for each word, and each is kept by where the next one is written.
func keepPlaces(table string, test func(x, table reg.GPVirtual) reg.GPVirtual) {
	places := Load(Param("places"), GP64()).(reg.GPVirtual)
	marks := Load(Param("marks"), GP64()).(reg.GPVirtual)
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	w := Load(Param("w"), GP64()).(reg.GPVirtual)
	t := Load(Param(table), GP64()).(reg.GPVirtual)

	p, next, end, base, word, at := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	write := func(to Mem) {
		TZCNTQ(word, at)
		ADDL(base.As32(), at.As32())
		MOVW(at.As16(), to)
		BLSRQ(word, word)
	}
	MOVQ(places, p)
	LEAQ(Mem{Base: marks, Index: n, Scale: 8}, end)
	XORL(base.As32(), base.As32())
	Label("word")
	MOVQ(Mem{Base: marks}, word)
	ADDQ(Imm(8), marks)
	POPCNTQ(word, next)
	LEAQ(Mem{Base: p, Index: next, Scale: 2}, next)
	for i := range unconditional {
		write(Mem{Base: p, Disp: 2 * i})
	}
	TESTQ(word, word)
	JNE(LabelRef("more"))
	Label("written")
	MOVQ(next, p)
	ADDL(Imm(64), base.As32())
	CMPQ(marks, end)
	JB(LabelRef("word"))

	from, x := GP64(), GP64()
	MOVQ(p, end)
	MOVQ(places, from)
	MOVQ(places, p)
	CMPQ(from, end)
	JEQ(LabelRef("none"))
	Label("place")
	MOVWLZX(Mem{Base: from}, at.As32())
	ADDQ(Imm(2), from)
	MOVW(at.As16(), Mem{Base: p})
	MOVL(Mem{Base: w, Index: at, Scale: 1}, x.As32())
	passed := test(x, t)
	ANDL(Imm(1), passed.As32())
	LEAQ(Mem{Base: p, Index: passed, Scale: 2}, p)
	CMPQ(from, end)
	JB(LabelRef("place"))
	Label("none")
	SUBQ(places, p)
	SHRQ(Imm(1), p)
	Store(p, ReturnIndex(0))
	RET()

	Label("more")
	ADDQ(Imm(2*unconditional), p)
	Label("another")
	write(Mem{Base: p})
	ADDQ(Imm(2), p)
	CMPQ(p, next)
	JB(LabelRef("another"))
	JMP(LabelRef("written"))
}

// likelyPlaces keeps the places that the filter admits.
func likelyPlaces() {
	TEXT("likelyPlaces", attr.NOSPLIT, "func(places *uint16, marks *[64]uint64, n uintptr, w *byte, filter *uint32) uintptr")
	Pragma("noescape")
	Doc("likelyPlaces writes down the places marked in n > 0 words that a filter admits, and returns",
		"how many. It writes up to three more than are marked. Needs BMI1, BMI2 and POPCNT.")
	keepPlaces("filter", func(x, filter reg.GPVirtual) reg.GPVirtual {
		h := GP64()
		MOVL(x.As32(), h.As32())
		hash(h, filterMask, filterBits)
		MOVL(Mem{Base: filter, Index: h, Scale: 4}, h.As32())
		SHRXL(x.As32(), h.As32(), h.As32())
		return h
	})
}

// surePlaces keeps the places that have a hash in a set.
func surePlaces() {
	TEXT("surePlaces", attr.NOSPLIT, "func(places *uint16, marks *[64]uint64, n uintptr, w *byte, sure *uint8) uintptr")
	Pragma("noescape")
	Doc("surePlaces writes down the places marked in n > 0 words whose four bytes, or three of them,",
		"have a hash in a set, and returns how many. It writes up to three more than are marked. Needs BMI1, BMI2 and POPCNT.")
	keepPlaces("sure", func(x, sure reg.GPVirtual) reg.GPVirtual {
		h, bits, any := GP64(), GP64(), GP64()
		for k, mask := range []uint32{caseMask, caseMask & 0x00ffffff, caseMask & 0xffffff00} {
			MOVL(x.As32(), h.As32())
			hash(h, mask, sureBits)
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
		return any
	})
}

// comparePlaces compares the first eight bytes of the literals that may be at places.
func comparePlaces() {
	TEXT("comparePlaces", attr.NOSPLIT, "func(same *uint64, places *uint16, n uintptr, w *byte, text *byte, base, limit int, whole, part *uint32, entries *byte) uintptr")
	Pragma("noescape")
	Doc("comparePlaces writes down the entries whose first eight bytes are in text, for n > 0 places in w, which",
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
	end, at, i, first, last, start, x, e := GP64(), GP64(), GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	LEAQ(Mem{Base: places, Index: n, Scale: 2}, end)

	Label("nextPlace")
	MOVWLZX(Mem{Base: places}, at.As32())
	ADDQ(Imm(2), places)
	MOVL(Mem{Base: w, Index: at, Scale: 1}, i.As32())
	MOVL(i.As32(), first.As32())
	MOVL(i.As32(), last.As32())
	hash(i, caseMask, wholeBits)
	Load(Param("whole"), x)
	MOVL(Mem{Base: x, Index: i, Scale: 4}, i.As32())
	Load(Param("part"), x)
	hash(first, caseMask&0x00ffffff, partBits)
	MOVL(Mem{Base: x, Index: first, Scale: 4}, first.As32())
	hash(last, caseMask&0xffffff00, partBits)
	MOVL(Mem{Base: x, Index: last, Scale: 4}, last.As32())
	Load(Param("base"), x)
	ADDQ(x, at)

	Label("entry")
	MOVQ(i, e)
	SHLQ(Imm(5), e) // of entrySize bytes
	ADDQ(entries, e)
	MOVBQSX(Mem{Base: e, Disp: entryOff}, x)
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
	MOVL(first.As32(), i.As32())
	MOVL(last.As32(), first.As32())
	XORL(last.As32(), last.As32())
	TESTL(i.As32(), i.As32())
	JNE(LabelRef("entry"))
	MOVL(first.As32(), i.As32())
	XORL(first.As32(), first.As32())
	TESTL(i.As32(), i.As32())
	JNE(LabelRef("entry"))
	CMPQ(places, end)
	JB(LabelRef("nextPlace"))
	Load(Param("same"), x)
	SUBQ(x, same)
	SHRQ(Imm(3), same)
	Store(same, ReturnIndex(0))
	RET()

	Label("pass")
	ADDQ(Imm(8), same)
	JMP(LabelRef("after"))
}

// joinedPlaces writes down the places of the bits of a plane, first for each stripe apart,
// where they are in order, then one stripe behind the other.
func joinedPlaces() {
	TEXT("joinedPlaces", attr.NOSPLIT, "func(joined *uint16, places *[8][512]uint16, n *[8]uint64, plane *byte, stripe uintptr) uintptr")
	Pragma("noescape")
	Doc("joinedPlaces writes down the places of the bits of a plane in the order of the text, and returns how many.",
		"It writes up to 32 bytes more than that. It uses places, and n, which must be zero. Needs AVX2, BMI1 and BMI2.")
	places := Load(Param("places"), GP64()).(reg.GPVirtual)
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	plane := Load(Param("plane"), GP64()).(reg.GPVirtual)
	stripe := Load(Param("stripe"), GP64()).(reg.GPVirtual)
	// some gets a bit for each word that is not zero.
	p, end, x, at, k, count := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	zero, a, b := YMM(), YMM(), YMM()
	some, line, words, c := GP64(), GP64(), GP64(), GP64()
	VPXOR(zero, zero, zero)
	XORQ(some, some)
	XORQ(line, line)
	MOVQ(stripe, end)
	SHRQ(Imm(3), end)
	Label("line")
	VPCMPEQQ(Mem{Base: plane, Index: line, Scale: 8}, zero, a)
	VPCMPEQQ(Mem{Base: plane, Index: line, Scale: 8, Disp: 32}, zero, b)
	VMOVMSKPD(a, words.As32())
	VMOVMSKPD(b, c.As32())
	SHLL(Imm(4), c.As32())
	ORL(c.As32(), words.As32())
	XORL(Imm(0xff), words.As32())
	SHLXQ(line, words, words)
	ORQ(words, some)
	ADDQ(Imm(8), line)
	CMPQ(line, end)
	JB(LabelRef("line"))

	TESTQ(some, some)
	JEQ(LabelRef("none"))
	Label("word")
	word := GP64()
	TZCNTQ(some, word)
	MOVQ(Mem{Base: plane, Index: word, Scale: 8}, x)
	SHLL(Imm(3), word.As32())
	Label("bit")
	TZCNTQ(x, at)
	MOVL(at.As32(), k.As32())
	ANDL(Imm(7), k.As32())
	SHRL(Imm(3), at.As32())
	ADDL(word.As32(), at.As32())
	MOVQ(Mem{Base: n, Index: k, Scale: 8}, count)
	INCQ(Mem{Base: n, Index: k, Scale: 8})
	SHLL(Imm(9), k.As32())
	ADDQ(count, k)
	MOVW(at.As16(), Mem{Base: places, Index: k, Scale: 2})
	BLSRQ(x, x)
	JNE(LabelRef("bit"))
	BLSRQ(some, some)
	JNE(LabelRef("word"))
	Label("none")

	start, step, y := YMM(), YMM(), YMM()
	VPXOR(start, start, start)
	VMOVQ(stripe, y.AsX())
	VPBROADCASTW(y.AsX(), step)
	joined := Load(Param("joined"), GP64()).(reg.GPVirtual)
	left := GP32()
	MOVL(U32(8), left)
	Label("stripe")
	MOVQ(Mem{Base: n}, count)
	MOVQ(joined, p)
	LEAQ(Mem{Base: joined, Index: count, Scale: 2}, joined)
	MOVQ(places, x)
	Label("sixteen")
	VPADDW(Mem{Base: x}, start, y)
	VMOVDQU(y, Mem{Base: p})
	ADDQ(Imm(32), x)
	ADDQ(Imm(32), p)
	CMPQ(p, joined)
	JB(LabelRef("sixteen"))
	VPADDW(step, start, start)
	ADDQ(U32(2*maxStripe), places)
	ADDQ(Imm(8), n)
	SUBL(Imm(1), left)
	JNE(LabelRef("stripe"))
	Load(Param("joined"), x)
	SUBQ(x, joined)
	SHRQ(Imm(1), joined)
	Store(joined, ReturnIndex(0))
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
