package scan

// code is a program with offsets into the planes of a Scanner in place of slots.
type code struct {
	steps []codeStep
	// words is the same for kernels in assembly. A step is the offset of its slot, the
	// number of its products, and its bit in two words; then the products, each the
	// slots it needs in two words, the number of its terms, and their offsets. An
	// offset of 0 ends the program.
	words []uint32
}

type codeStep struct {
	slot, dst int
	bit       uint64 // of the slot in Scanner.live; 0 when it has none
	ahead     bool
	products  []codeProduct
}

type codeProduct struct {
	need  uint64 // the slots, of those with a bit, that must be live
	terms []int
}

func assemble(p *Program) (c code) {
	at := func(slot, shift int) int { return slot*stride + edge + shift }
	bit := func(slot int) uint64 { return 1 << slot } // 0 from slot 64 on
	for _, s := range p.Steps {
		st := codeStep{slot: s.Dst, dst: at(s.Dst, 0), bit: bit(s.Dst), ahead: s.Ahead}
		c.words = append(c.words, uint32(st.dst), uint32(len(s.Products)), uint32(st.bit), uint32(st.bit>>32))
		for _, ts := range s.Products {
			var cp codeProduct
			for _, t := range ts {
				cp.need |= bit(t.Slot)
				cp.terms = append(cp.terms, at(t.Slot, t.Shift))
			}
			st.products = append(st.products, cp)
			c.words = append(c.words, uint32(cp.need), uint32(cp.need>>32), uint32(len(cp.terms)))
			for _, t := range cp.terms {
				c.words = append(c.words, uint32(t))
			}
		}
		c.steps = append(c.steps, st)
	}
	c.words = append(c.words, 0)
	return c
}
