package scan

import "math"

// The portable kernel looks for literals at every other place of a window, at four bytes
// of text there. Each literal is known by two of its windows, one for where it starts at an
// even place, and one for where it starts at an odd one. A window may begin a byte before
// the literal, or end a byte after it, so that literals of three bytes have two as well: of
// the four bytes only those in the middle are always known.

// evenPlaces is the model of the portable kernel.
var evenPlaces = &literalModel{}

// evenWindows returns the windows by which evenPlaces knows literals.
func evenWindows(lits []Literal) (ws []located) {
	for i, l := range lits {
		for odd := range 2 {
			ws = append(ws, located{i, rarestEven(l.Text, odd)})
		}
	}
	return ws
}

// rarestEven returns the offset of the window of a literal that marks the fewest places of
// logs among those at even offsets, or at odd ones.
func rarestEven(text string, odd int) (off int) {
	best := math.Inf(1)
	for o := -odd; o+MinLiteral <= len(text) && o <= maxOffset; o += 2 {
		b1, b2 := folded(text[o+1]), folded(text[o+2])
		s := share(b1, b2)
		if o+3 < len(text) {
			s *= afterShare[b2][text[o+3]&7]
		}
		if o >= 0 {
			s *= beforeShare[b1][text[o]&31]
		}
		if s += trueCost * windowShare(text, o); s <= best {
			best, off = s, o
		}
	}
	return off
}

// beforeShare and afterShare are roughly how often each folded byte of logs has each value
// of the low five bits in the byte before it, and of the low three bits in the byte after it.
var beforeShare, afterShare = func() (before [64][32]float64, after [64][8]float64) {
	for a := range 64 {
		var ofBefore, ofAfter float64
		for b := range 64 {
			before[a][b&31] += share(b, a)
			after[a][b&7] += share(a, b)
			ofBefore += share(b, a)
			ofAfter += share(a, b)
		}
		for k := range before[a] {
			before[a][k] /= ofBefore
		}
		for k := range after[a] {
			after[a][k] /= ofAfter
		}
	}
	return before, after
}()
