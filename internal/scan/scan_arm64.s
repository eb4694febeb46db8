//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// SWAP4, SWAP2 and SWAP1 are swapBits of bytes: see classesGeneric. T and U are lost.
#define SWAP4(A, B, T) \
	VMOV A.B16, T.B16 \
	VSLI $4, B.B16, A.B16 \
	VSRI $4, T.B16, B.B16

#define SWAP2(A, B, T, U) \
	VSHL $2, B.B16, T.B16 \
	VUSHR $2, A.B16, U.B16 \
	VBIF V30.B16, T.B16, A.B16 \
	VBIT V30.B16, U.B16, B.B16

#define SWAP1(A, B, T, U) \
	VSHL $1, B.B16, T.B16 \
	VUSHR $1, A.B16, U.B16 \
	VBIF V31.B16, T.B16, A.B16 \
	VBIT V31.B16, U.B16, B.B16

// PUT stores the plane F of a class.
#define PUT(F, class) FMOVQ F, (const_stride*class)(R0)

// AND and its like compute Z = X op Y. LESS is X without Y, which it loses.
#define AND(Z, X, Y) VAND X.B16, Y.B16, Z.B16
#define OR(Z, X, Y) VORR X.B16, Y.B16, Z.B16
#define XOR(Z, X, Y) VEOR X.B16, Y.B16, Z.B16
#define LESS(Z, X, Y) \
	VAND X.B16, Y.B16, Y.B16 \
	VEOR X.B16, Y.B16, Z.B16

// The kernels of operations go on by 64 bytes. R0 is where they write, R1 to R8 the terms.

// FIRST loads a term, MEET makes the AND with another; FIRSTB and MEETB do so in other
// registers.
#define FIRST(R) VLD1.P 64(R), [V0.B16, V1.B16, V2.B16, V3.B16]
#define MEET(R) \
	VLD1.P 64(R), [V4.B16, V5.B16, V6.B16, V7.B16] \
	VAND V4.B16, V0.B16, V0.B16 \
	VAND V5.B16, V1.B16, V1.B16 \
	VAND V6.B16, V2.B16, V2.B16 \
	VAND V7.B16, V3.B16, V3.B16
#define FIRSTB(R) VLD1.P 64(R), [V16.B16, V17.B16, V18.B16, V19.B16]
#define MEETB(R) \
	VLD1.P 64(R), [V4.B16, V5.B16, V6.B16, V7.B16] \
	VAND V4.B16, V16.B16, V16.B16 \
	VAND V5.B16, V17.B16, V17.B16 \
	VAND V6.B16, V18.B16, V18.B16 \
	VAND V7.B16, V19.B16, V19.B16

// JOINB makes the OR of both; JOIN that with a plane.
#define JOINB \
	VORR V16.B16, V0.B16, V0.B16 \
	VORR V17.B16, V1.B16, V1.B16 \
	VORR V18.B16, V2.B16, V2.B16 \
	VORR V19.B16, V3.B16, V3.B16
#define JOIN(R) \
	VLD1.P 64(R), [V16.B16, V17.B16, V18.B16, V19.B16] \
	JOINB

// JOIND makes the OR with what stands where LAST stores.
#define JOIND \
	VLD1 (R0), [V16.B16, V17.B16, V18.B16, V19.B16] \
	JOINB
#define LAST(loop) \
	VST1.P [V0.B16, V1.B16, V2.B16, V3.B16], 64(R0) \
	SUBS $64, R9 \
	BNE  loop \
	RET

#define START \
	MOVD d+0(FP), R0 \
	MOVD x+8(FP), R10 \
	MOVD n+16(FP), R9
#define TERMS2 \
	START \
	LDP (R10), (R1, R2)
#define TERMS4 \
	TERMS2 \
	LDP 16(R10), (R3, R4)
#define TERMS6 \
	TERMS4 \
	LDP 32(R10), (R5, R6)
#define TERMS8 \
	TERMS6 \
	LDP 48(R10), (R7, R8)

// func classesNEON(planes, w *byte, stripe uintptr)
TEXT ·classesNEON(SB), NOSPLIT, $0-24
	MOVD planes+0(FP), R0
	MOVD w+8(FP), R1
	MOVD stripe+16(FP), R9
	ADD  R9, R1, R2
	ADD  R9, R2, R3
	ADD  R9, R3, R4
	ADD  R9, R4, R5
	ADD  R9, R5, R6
	ADD  R9, R6, R7
	ADD  R9, R7, R8
	VMOVI $0xff, V29.B16
	VMOVI $0x33, V30.B16
	VMOVI $0x55, V31.B16

classes:
	VLD1.P 16(R1), [V0.B16]
	VLD1.P 16(R2), [V1.B16]
	VLD1.P 16(R3), [V2.B16]
	VLD1.P 16(R4), [V3.B16]
	VLD1.P 16(R5), [V4.B16]
	VLD1.P 16(R6), [V5.B16]
	VLD1.P 16(R7), [V6.B16]
	VLD1.P 16(R8), [V7.B16]
	SWAP1(V0, V1, V16, V17)
	SWAP1(V2, V3, V18, V19)
	SWAP1(V4, V5, V20, V21)
	SWAP1(V6, V7, V22, V23)
	SWAP2(V0, V2, V16, V17)
	SWAP2(V1, V3, V18, V19)
	SWAP2(V4, V6, V20, V21)
	SWAP2(V5, V7, V22, V23)
	SWAP4(V0, V4, V16)
	SWAP4(V1, V5, V17)
	SWAP4(V2, V6, V18)
	SWAP4(V3, V7, V19)

	// Now Vi is the plane of bit i. The names are those of classWords.
	OR(V8, V2, V1)     // b21
	AND(V9, V1, V0)    // b10
	OR(V10, V8, V0)    // some
	OR(V16, V7, V6)
	LESS(V11, V5, V16) // col23
	AND(V16, V6, V7)
	XOR(V12, V6, V16)  // col47
	AND(V13, V11, V4)  // col3
	XOR(V14, V11, V13) // col2
	AND(V16, V13, V3)
	AND(V16, V16, V8)  // stop
	XOR(V15, V13, V16) // digit
	PUT(F15, const_Digit)
	OR(V17, V2, V0)
	LESS(V18, V16, V17)
	PUT(F18, const_Colon)
	AND(V16, V14, V3)  // last
	XOR(V17, V14, V16) // first
	AND(V18, V17, V10)
	XOR(V18, V17, V18)
	PUT(F18, const_Space)
	XOR(V19, V1, V0)
	AND(V19, V19, V2)
	AND(V19, V19, V17) // escape
	AND(V20, V16, V2)  // last4
	AND(V21, V20, V1)  // last2
	AND(V22, V21, V0)  // slash
	XOR(V23, V21, V22)
	PUT(F23, const_Dot)
	AND(V23, V20, V0)
	XOR(V23, V23, V22)
	PUT(F23, const_Dash)
	AND(V23, V16, V9)
	XOR(V23, V23, V22)
	PUT(F23, const_Plus)

	AND(V16, V4, V3)   // high
	OR(V17, V4, V3)
	OR(V18, V17, V10)
	AND(V18, V18, V12) // named
	AND(V20, V2, V9)
	OR(V17, V17, V20)  // b4|b3|b2&b10
	OR(V20, V2, V9)
	AND(V20, V20, V16)
	AND(V20, V20, V12)
	XOR(V20, V20, V18) // letter
	AND(V21, V20, V10)
	LESS(V21, V21, V17)
	OR(V21, V21, V15)
	PUT(F21, const_Hex)
	AND(V21, V12, V5)
	XOR(V21, V12, V21) // col45
	AND(V22, V20, V21)
	PUT(F22, const_Upper)
	AND(V18, V18, V21)
	XOR(V18, V18, V21)
	PUT(F18, const_At)
	AND(V16, V16, V21)
	AND(V16, V16, V2)  // high
	OR(V17, V1, V0)
	AND(V17, V17, V16)
	XOR(V17, V17, V16)
	OR(V19, V19, V17)
	PUT(F19, const_Escape)
	AND(V16, V16, V9)
	OR(V16, V16, V15)
	OR(V16, V16, V20)
	PUT(F16, const_Word)
	XOR(V16, V16, V29)
	PUT(F16, const_NonWord)

	ADD  $16, R0
	SUBS $16, R9
	BNE  classes
	RET

// func and2NEON(d *planeWords, x *[8]*planeWords, n int)
TEXT ·and2NEON(SB), NOSPLIT, $0-24
	TERMS2
loop:
	FIRST(R1)
	MEET(R2)
	LAST(loop)

// func and3NEON(d *planeWords, x *[8]*planeWords, n int)
TEXT ·and3NEON(SB), NOSPLIT, $0-24
	TERMS4
loop:
	FIRST(R1)
	MEET(R2)
	MEET(R3)
	LAST(loop)

// func and4NEON(d *planeWords, x *[8]*planeWords, n int)
TEXT ·and4NEON(SB), NOSPLIT, $0-24
	TERMS4
loop:
	FIRST(R1)
	MEET(R2)
	MEET(R3)
	MEET(R4)
	LAST(loop)

// func add2NEON(d *planeWords, x *[8]*planeWords, n int)
TEXT ·add2NEON(SB), NOSPLIT, $0-24
	TERMS2
loop:
	FIRST(R1)
	MEET(R2)
	JOIND
	LAST(loop)

// func add3NEON(d *planeWords, x *[8]*planeWords, n int)
TEXT ·add3NEON(SB), NOSPLIT, $0-24
	TERMS4
loop:
	FIRST(R1)
	MEET(R2)
	MEET(R3)
	JOIND
	LAST(loop)

// func add4NEON(d *planeWords, x *[8]*planeWords, n int)
TEXT ·add4NEON(SB), NOSPLIT, $0-24
	TERMS4
loop:
	FIRST(R1)
	MEET(R2)
	MEET(R3)
	MEET(R4)
	JOIND
	LAST(loop)

// func or3NEON(d *planeWords, x *[8]*planeWords, n int)
TEXT ·or3NEON(SB), NOSPLIT, $0-24
	TERMS4
loop:
	FIRST(R1)
	JOIN(R2)
	JOIN(R3)
	LAST(loop)

// func sum22NEON(d *planeWords, x *[8]*planeWords, n int)
TEXT ·sum22NEON(SB), NOSPLIT, $0-24
	TERMS4
loop:
	FIRST(R1)
	MEET(R2)
	FIRSTB(R3)
	MEETB(R4)
	JOINB
	LAST(loop)

// func sum222NEON(d *planeWords, x *[8]*planeWords, n int)
TEXT ·sum222NEON(SB), NOSPLIT, $0-24
	TERMS6
loop:
	FIRST(R1)
	MEET(R2)
	FIRSTB(R3)
	MEETB(R4)
	JOINB
	FIRSTB(R5)
	MEETB(R6)
	JOINB
	LAST(loop)

// func sum2222NEON(d *planeWords, x *[8]*planeWords, n int)
TEXT ·sum2222NEON(SB), NOSPLIT, $0-24
	TERMS8
loop:
	FIRST(R1)
	MEET(R2)
	FIRSTB(R3)
	MEETB(R4)
	JOINB
	FIRSTB(R5)
	MEETB(R6)
	JOINB
	FIRSTB(R7)
	MEETB(R8)
	JOINB
	LAST(loop)
