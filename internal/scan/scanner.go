package scan

import "math/bits"

const (
	// Window is how many bytes are scanned at a time.
	Window = 8 << 10
	// Margin is how much of a window, in bytes at each end, is there only as context.
	Margin = 64

	words = Window / 64
	// pad is the number of zero words between planes: what a shifted read sees beyond
	// the window.
	pad    = 8
	stride = words + pad
)

// Tables are what an engine compiles once: the program of its shapes and the table of
// its literals. Immutable, safe for concurrent use.
type Tables struct {
	prog *Program
	lits *LiteralTable
	s1   stage1Tables
	// fixed holds, for each shape, its output of runFixed; nil when that lacks one.
	fixed []int
}

// NewTables compiles shapes and literals.
func NewTables(shapes []string, lits []Literal) (*Tables, error) {
	p, err := Compile(shapes)
	if err != nil {
		return nil, err
	}
	l, err := NewLiteralTable(lits)
	if err != nil {
		return nil, err
	}
	return &Tables{prog: p, lits: l, s1: newStage1Tables(l), fixed: fixedOutputs(shapes)}, nil
}

// Program returns the compiled shapes.
func (t *Tables) Program() *Program { return t.prog }

// Scanner holds the planes of one goroutine. Not safe for concurrent use.
type Scanner struct {
	t *Tables
	// planes holds one plane after another, pad zero words before, between and after
	// them. The plane of slot i starts at pad + i*stride.
	planes []uint64
	// lit is the plane of literal hits.
	lit [words + 1]uint64
	// empty tells for each slot that its plane is all zero, whatever stands in it.
	empty []bool
	// fixed holds the planes that runFixed writes, and fixedAny their bits.
	fixed    []uint64
	fixedAny [len(fixedShapes)]uint64
	// tail holds a window that ends too near the end of the text, zero bytes after it.
	tail [Window + 64]byte

	text []byte // the whole text
	base int    // offset of the window in it
	n    int    // words of the window in use
}

// NewScanner returns a Scanner of the tables.
func NewScanner(t *Tables) *Scanner {
	s := &Scanner{
		t:      t,
		planes: make([]uint64, pad+t.prog.Slots*stride),
		empty:  make([]bool, t.prog.Slots),
	}
	if t.fixed != nil {
		s.fixed = make([]uint64, len(fixedShapes)*stride)
	}
	return s
}

// Load scans the window of text that starts at off and has at most Window bytes.
// Candidates within Margin bytes of its ends are certain only where the text ends there
// too; the windows of a text overlap, so that each place is well inside one of them.
func (s *Scanner) Load(text []byte, off int) {
	end := min(off+Window, len(text))
	s.text, s.base = text, off
	s.n = (end - off + 63) / 64
	w := text[off:end]
	// Stage 1 reads whole words, and the literals two bytes more.
	if off+s.n*64+MinLiteral-1 > len(text) {
		n := copy(s.tail[:], w)
		clear(s.tail[n : s.n*64+MinLiteral-1])
		w = s.tail[:]
	} else {
		w = text[off : off+s.n*64+MinLiteral-1]
	}
	s.stage1(w)
	s.run()
}

// Literals calls yield for each literal found with its window in text[from:to), which
// must be within the loaded window: the index of the literal, and where it starts.
func (s *Scanner) Literals(from, to int, yield func(id, start int)) {
	to = min(to, len(s.text)-MinLiteral+1)
	t, text := s.t.lits, s.text
	for i := (from - s.base) >> 6; i < s.n; i++ {
		base := s.base + i<<6
		for m := s.lit[i]; m != 0; m &= m - 1 {
			at := base + bits.TrailingZeros64(m)
			if at >= to {
				return
			}
			if t.admits(text[at:]) && at >= from {
				t.verify(text, at, yield)
			}
		}
	}
}

// Candidates calls yield for each candidate of a shape in text[from:to), which must be
// within the loaded window, in order.
func (s *Scanner) Candidates(shape, from, to int, yield func(at int)) {
	p := s.output(shape)
	if p == nil {
		return
	}
	for i := (from - s.base) >> 6; i < s.n; i++ {
		m := p[i]
		for m != 0 {
			at := s.base + i<<6 + bits.TrailingZeros64(m)
			m &= m - 1
			if at >= to {
				return
			}
			if at >= from {
				yield(at)
			}
		}
	}
}

// output returns the candidates of a shape, or nil when there are none.
func (s *Scanner) output(shape int) []uint64 {
	if s.t.fixed != nil {
		k := s.t.fixed[shape]
		if s.fixedAny[k] == 0 {
			return nil
		}
		return s.fixed[k*stride : k*stride+words]
	}
	slot := s.t.prog.Outs[shape]
	if s.empty[slot] {
		return nil
	}
	return s.plane(slot)
}

func (s *Scanner) plane(slot int) []uint64 {
	o := pad + slot*stride
	return s.planes[o : o+words]
}
