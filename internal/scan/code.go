package scan

// code is a program for kernels in assembly; see encode.
type code struct {
	words []uint32
	plain []uint32 // the same without a hand
}

func assemble(p *Program) code { return code{encode(p, true), encode(p, false)} }

func planeOffset(slot int) int { return slot*stride + edge }

// slotBit is the bit of a slot in Scanner.live, 0 from slot 64 on.
func slotBit(slot int) uint64 { return 1 << slot }

// The kernels in assembly run a program from words of 32 bits. A step is
//
//	offset of the plane that it writes; 0 when only the next step reads that
//	number of products; 0 after the last step
//	bit of the slot, in two words; 0 when nobody asks whether the slot is live
//
// and the products, each
//
//	slots that must be live for the product to be worth computing, in two words
//	number of words from here to the next product
//	operations
//
// An operation without the highest bit is the AND with what stands at that offset in the
// planes. The others are below. What the step before wrote is still at hand in registers,
// unless there are too few of those.
const (
	opEnd  = 1 << 31 // of the product
	opStop = 5 << 29 // end the product if it is all zero so far
	// opHand is the AND with the plane that the step before wrote, opHandAhead the same
	// shifted by the lowest bits.
	opHand      = 6 << 29
	opHandAhead = 7 << 29
)

// rare is the share of places below which a plane is likely to be all zero, so that it is
// worth a look, as a jump that cannot be foreseen costs more than a few operations.
const rare = 4.0 / Window

// minRest is how many terms must be left for a stop to be worth its jump.
const minRest = 3

func encode(p *Program, withHand bool) (words []uint32) {
	shares := make([]float64, p.Slots)
	copy(shares, classShare[:])
	// unsure tells of a slot that its plane may be left as it was when it should be zero.
	unsure := make([]bool, p.Slots)
	asked := uint64(0) // bits that are looked at
	for _, o := range p.Outs {
		asked |= slotBit(o)
	}
	type product struct {
		need  uint64
		words []uint32
	}
	type step struct {
		dst      int
		keep     bool // Dst is read later than by the next step
		products []product
	}
	var steps []step
	hand := -1 // slot that the step before wrote
	for i, s := range p.Steps {
		st := step{dst: s.Dst, keep: !withHand || keeps(p, i)}
		sure := false
		for k, ts := range s.Products {
			var x product
			for _, t := range ts {
				if t.Slot < int(NumClasses) || unsure[t.Slot] || shares[t.Slot] < rare {
					x.need |= slotBit(t.Slot)
				}
			}
			asked |= x.need
			var stops bool
			x.words, stops = encodeProduct(ts, s.Left[k], hand)
			sure = sure || x.need == 0 && !stops
			st.products = append(st.products, x)
		}
		steps = append(steps, st)
		shares[s.Dst] = s.Share
		unsure[s.Dst] = !sure && slotBit(s.Dst) != 0
		if withHand {
			hand = s.Dst
		}
	}
	for _, st := range steps {
		bit, dst := slotBit(st.dst)&asked, 0
		if st.keep {
			dst = planeOffset(st.dst)
		}
		words = append(words, uint32(dst), uint32(len(st.products)), uint32(bit), uint32(bit>>32))
		for _, x := range st.products {
			words = append(words, uint32(x.need), uint32(x.need>>32), uint32(len(x.words)))
			words = append(words, x.words...)
		}
	}
	return append(words, 0, 0)
}

// keeps reports whether what step i writes is read later than by the next step, which has
// it at hand.
func keeps(p *Program, i int) bool {
	dst := p.Steps[i].Dst
	for _, o := range p.Outs {
		if o == dst {
			return true
		}
	}
	for _, s := range p.Steps[min(i+2, len(p.Steps)):] {
		for _, ts := range s.Products {
			for _, t := range ts {
				if t.Slot == dst {
					return true
				}
			}
		}
		if s.Dst == dst {
			return false
		}
	}
	return false
}

// encodeProduct returns the operations of a product, and whether they may stop early.
func encodeProduct(ts []Term, left []float64, hand int) (words []uint32, stops bool) {
	for i, t := range ts {
		switch {
		case t.Slot != hand:
			words = append(words, uint32(planeOffset(t.Slot)+t.Shift))
		case t.Shift != 0:
			words = append(words, opHandAhead|uint32(t.Shift))
		default:
			words = append(words, opHand)
		}
		if i > 0 && !stops && left[i] < rare && len(ts)-i > minRest {
			words = append(words, opStop)
			stops = true
		}
	}
	return append(words, opEnd), stops
}
