package scan

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The generated code gives what the program gives.
func TestFixedEqualsProgram(t *testing.T) {
	shapes := fixedShapes[:]
	tab, err := NewTables(shapes, testLiterals)
	if err != nil {
		t.Fatal(err)
	}
	if tab.fixed == nil {
		t.Fatal("the generated code is not used for its own shapes")
	}
	program := *tab
	program.fixed = nil
	a, b := NewScanner(tab), NewScanner(&program)
	r := rand.New(rand.NewPCG(11, 12))
	for range 300 {
		text := randomText(r, r.IntN(Window)+1)
		a.Load(text, 0)
		b.Load(text, 0)
		for i, s := range shapes {
			x, y := candidates(a, i, len(text)), candidates(b, i, len(text))
			if !slices.Equal(x, y) {
				t.Fatalf("shape %q: generated %v, program %v", s, x, y)
			}
		}
	}
}

func candidates(s *Scanner, shape, n int) (out []int) {
	s.Candidates(shape, 0, n, func(at int) { out = append(out, at) })
	return out
}
