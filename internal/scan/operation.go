package scan

// operation is one operation of the portable kernel: a loop over the words of some planes.
// A step of a Program becomes a few of them.
type operation struct {
	op    opcode
	dst   int    // the offset of the plane that it writes
	terms [8]int // the offsets of those that it reads, shifts included

	// need are the slots, of those with a bit in Scanner.live, that must be live for a
	// product to be worth computing; at its first operation.
	need uint64
	// stop says that dst is likely to be all zero and ends the product if it is.
	stop bool
	// rest is how many operations of the product come after this one.
	rest int
	// first says that it is the first product of its step.
	first bool

	// Of an opDone: the bit of the slot in Scanner.live, whether the plane is likely to be
	// all zero, and how far it is looked ahead in.
	bit   uint64
	rare  bool
	ahead int
}

// opcode says what dst is set to.
type opcode uint8

const (
	opAnd2    opcode = iota // the AND of two terms
	opAnd3                  // of three
	opAnd4                  // of four
	opAdd2                  // the OR of dst and the AND of two terms
	opAdd3                  // of three
	opAdd4                  // of four
	opOr3                   // the OR of three terms
	opSum22                 // the OR of the ANDs of two pairs of terms
	opSum222                // of three pairs
	opSum2222               // of four
	opDone                  // the step is done
)

// kernels compute the operations: each sets n bytes of d, a multiple of minStripe, to what
// its opcode says. They are loops over the words of a few planes without a branch: to stop
// where nothing is left costs more in jumps that cannot be foreseen than it saves, but for
// whole planes.
type kernels [opDone]func(d *planeWords, x *[8]*planeWords, n int)

// operations returns the operations of a program, and how far each class is looked ahead in.
// Besides the planes of the program they need one more.
func operations(p *Program) (ops []operation, aheadIn [NumClasses]int) {
	shares := make([]float64, p.Slots)
	copy(shares, classShare[:])
	ahead := make([]*int, p.Slots) // where the looks ahead in each slot are noted
	for i := range aheadIn {
		ahead[i] = &aheadIn[i]
	}
	ends := make([]operation, len(p.Steps))
	each := make([][]operation, len(p.Steps))
	for i, s := range p.Steps {
		dst := planeOffset(s.Dst)
		var pairs []int
		for k, ts := range s.Products {
			var need uint64
			var terms []int
			for _, t := range ts {
				if shares[t.Slot] < rare {
					need |= slotBit(t.Slot)
				}
				terms = append(terms, planeOffset(t.Slot)+t.Shift)
				*ahead[t.Slot] = max(*ahead[t.Slot], t.Shift)
			}
			if len(terms) <= 2 && need == 0 && len(pairs) == 2*k && k < 4 {
				pairs = append(pairs, terms[0], terms[len(terms)-1])
				continue
			}
			if k > 0 && len(pairs) == 2*k {
				each[i] = append(each[i], sumOf(pairs, dst))
			}
			x := product(terms, s.Left[k], dst, planeOffset(p.Slots), k > 0)
			x[0].need, x[0].first = need, k == 0
			each[i] = append(each[i], x...)
		}
		if len(pairs) == 2*len(s.Products) {
			each[i] = append(each[i], sumOf(pairs, dst))
		}
		ends[i] = operation{op: opDone, dst: dst, bit: slotBit(s.Dst), rare: s.Share < rare}
		shares[s.Dst], ahead[s.Dst] = s.Share, &ends[i].ahead
	}
	for i, x := range each {
		ops = append(append(ops, x...), ends[i])
	}
	return ops, aheadIn
}

// sumOf returns the operation for the OR of the ANDs of up to four pairs of terms.
func sumOf(pairs []int, dst int) operation {
	o := operation{op: [...]opcode{opAnd2, opSum22, opSum222, opSum2222}[len(pairs)/2-1], dst: dst}
	copy(o.terms[:], pairs)
	if x := o.terms; (o.op == opSum22 || o.op == opSum222) && x[0] == x[1] && x[2] == x[3] && x[4] == x[5] {
		o.op, o.terms[1] = opOr3, x[2]
		if len(pairs) > 4 {
			o.terms[2] = x[4]
		}
	}
	return o
}

// product returns the operations for the AND of terms into dst, with a plane for what is
// between. left holds the shares that are left after each term.
func product(terms []int, left []float64, dst, between int, add bool) (ops []operation) {
	if !add {
		between = dst
	}
	for n := 0; ; {
		var o operation
		k := copy(o.terms[:4], terms)
		if n += k; k == 1 {
			o.terms[1] = o.terms[0]
		}
		o.op, o.dst = opAnd2+opcode(max(0, k-2)), between
		if terms = terms[k:]; len(terms) > 0 {
			o.stop = left[n-1] < rare
			ops = append(ops, o)
			terms = append([]int{between}, terms...)
			n--
			continue
		}
		if o.dst = dst; add {
			o.op += opAdd2 - opAnd2
		}
		ops = append(ops, o)
		for i := range ops {
			ops[i].rest = len(ops) - 1 - i
		}
		return ops
	}
}

// boundOperation is an operation on the planes of one Scanner.
type boundOperation struct {
	operation
	d *planeWords
	x [8]*planeWords
}

// planeWords are the words of a plane, shifted or not. What comes after the stripe saves
// checks.
type planeWords = [maxStripe + edge]byte

// bind returns operations on planes.
func bind(ops []operation, planes []byte) []boundOperation {
	bound := make([]boundOperation, len(ops))
	for i, o := range ops {
		bound[i] = boundOperation{operation: o, d: (*planeWords)(planes[o.dst:])}
		for k, t := range o.terms {
			bound[i].x[k] = (*planeWords)(planes[t:])
		}
	}
	return bound
}
