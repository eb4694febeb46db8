package scan

// code is a program with offsets into the planes of a Scanner in place of slots.
type code struct {
	steps []codeStep
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
		for _, ts := range s.Products {
			var cp codeProduct
			for _, t := range ts {
				cp.need |= bit(t.Slot)
				cp.terms = append(cp.terms, at(t.Slot, t.Shift))
			}
			st.products = append(st.products, cp)
		}
		c.steps = append(c.steps, st)
	}
	return c
}
