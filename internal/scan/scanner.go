package scan

const (
	// Window is how many bytes are scanned at a time.
	Window = 4 << 10
	// Margin is how much of a window, in bytes at its end, is there only as context.
	Margin = 64

	// stripes is the number of parts of a window, one for each bit of a byte of a plane.
	stripes = 8
	// minStripe is the length of the shortest stripe in bytes; longer ones are a power
	// of two times that.
	minStripe = 64
	maxStripe = Window / stripes
	// edge is what a plane has before and after its bytes: places before the first
	// stripe, and after the last one.
	edge = 64
	// stride is the distance of planes.
	stride = edge + maxStripe + edge
	// minSame is how many literals are noted by their first bytes before they are
	// compared further, if there is no chain that has as many.
	minSame = 256
	// slack is how many bytes after a window are read.
	slack = 8
)

// Tables are what an engine compiles once: the program of its shapes and the tables of
// its literals. Immutable, safe for concurrent use.
type Tables struct {
	prog *Program
	code code
	// ops is the program for portable code, and ahead how far it looks ahead in each class.
	ops   []operation
	ahead [NumClasses]int
	lits  literals
}

// NewTables compiles shapes and literals.
func NewTables(shapes []string, lits []Literal) (*Tables, error) {
	p, err := Compile(shapes)
	if err != nil {
		return nil, err
	}
	t := &Tables{prog: p, code: assemble(p)}
	t.ops, t.ahead = operations(p)
	if err := t.lits.init(lits); err != nil {
		return nil, err
	}
	t.lits.table(active.model)
	return t, nil
}

// Program returns the compiled shapes.
func (t *Tables) Program() *Program { return t.prog }

// Found is a literal found in a text: its index, and where it starts.
type Found struct{ ID, Start int }

// Scanner holds the planes of one goroutine. Not safe for concurrent use.
type Scanner struct {
	t    *Tables
	impl *implementation
	lits *literalTable
	// planes holds one plane after another, stride bytes apart. That of slot i starts at
	// i*stride + edge. It is aligned to 64 bytes.
	planes []byte
	ops    []boundOperation // of portable code, on these planes
	// live has a bit for each of the first 64 slots: its plane is in use. That of a slot
	// without is all zero, whatever stands in it.
	live uint64
	// marks is the plane of places where a literal may be, without stripes: bit i of
	// word j stands for byte 64*j + i.
	marks, more [Window / 64]uint64

	text   []byte // the whole text
	base   int    // offset of the window in it
	w      []byte // the window: stripes, and slack after them
	stripe int    // bytes in a stripe
	before byte   // 1 if a byte of no word, or nothing, stands before the window, else 0
	// tail holds a window that ends too near the end of the text, zero bytes after it.
	tail [Window + slack]byte

	// spread holds a short window with its stripes where a whole one has them.
	spread [Window + slack]byte

	shapes []int // see Live

	// found are the literals in the window, in order. No more are looked for once counted, of
	// those that start in text[from:to), are more than most.
	found                   []Found
	from, to, counted, most int

	places [stripes][maxStripe]uint16
	counts [stripes]uint64
	marked [Window + 32]uint16
	same   []uint64
}

// NewScanner returns a Scanner of the tables.
func NewScanner(t *Tables) *Scanner {
	// One more for what portable code has between, and one that it reads beyond.
	s := &Scanner{t: t, planes: alignedBytes((t.prog.Slots + 2) * stride), shapes: make([]int, len(t.prog.Outs))}
	s.ops = bind(t.ops, s.planes)
	return s
}

// Load scans the window of text that starts at off and has at most Window bytes. The byte
// before off is looked at, too. Candidates within Margin bytes of the end are certain only
// where the text ends there; the windows of a text overlap by as much.
func (s *Scanner) Load(text []byte, off int) { s.LoadUpTo(text, off, 0, 0, 0) }

// LoadUpTo is Load, but of the literals that start in text[from:to) no more are looked for once
// they are known to be more than most. Whether they are is the same for all implementations;
// how many are found then is not.
func (s *Scanner) LoadUpTo(text []byte, off, from, to, most int) {
	s.from, s.to, s.counted, s.most = from, to, 0, most
	s.load(text, off)
	// Literals first: they read the text in order, which memory is quickest at.
	if len(s.t.lits.lits) > 0 {
		s.impl.literals(s)
	}
	s.impl.classes(s)
	s.impl.run(s)
}

// load chooses the kernels and the window.
func (s *Scanner) load(text []byte, off int) {
	if s.impl != active {
		s.impl = active
		s.lits = s.t.lits.table(active.model)
		s.same = make([]uint64, max(minSame, s.lits.longest+1))
	}
	n := min(len(text)-off, Window)
	s.text, s.base, s.found = text, off, s.found[:0]
	s.stripe = minStripe
	for stripes*s.stripe < n {
		s.stripe *= 2
	}
	s.before = 1
	if off > 0 && Word.Contains(text[off-1]) {
		s.before = 0
	}
	end := stripes*s.stripe + slack
	if off+end <= len(text) {
		s.w = text[off : off+end]
	} else {
		s.w = s.tail[:end]
		clear(s.w[copy(s.w, text[off:off+n]):])
	}
}

// overrun reports whether no more literals are looked for.
func (s *Scanner) overrun() bool { return s.counted > s.most }

// Literals returns the literals that start in text[from:to), which must be within the
// loaded window, in order of their starts. They are valid until the next Load.
func (s *Scanner) Literals(from, to int) []Found {
	f := s.found
	for len(f) > 0 && f[0].Start < from {
		f = f[1:]
	}
	for len(f) > 0 && f[len(f)-1].Start >= to {
		f = f[:len(f)-1]
	}
	return f
}

// Live returns the shapes that may have candidates in the window, in order: most have none,
// which is told without a look at their planes. They are valid until the next Load.
func (s *Scanner) Live() []int {
	n := 0
	for shape, slot := range s.t.prog.Outs {
		s.shapes[n] = shape
		if slot >= 64 || s.live>>slot&1 != 0 {
			n++
		}
	}
	return s.shapes[:n]
}

// Candidates returns the places in text[from:to), which must be within the loaded window,
// that a shape starts at, in order, as offsets from the start of the window. They are valid
// until the next call of Candidates or Load.
func (s *Scanner) Candidates(shape, from, to int) []uint16 {
	return s.bits(s.t.prog.Outs[shape], from, to)
}

// Escapes returns the places in text[from:to) of bytes that may introduce an escape
// sequence, as Candidates does.
func (s *Scanner) Escapes(from, to int) []uint16 { return s.bits(int(Escape), from, to) }

// bits returns the places in text[from:to) of the bits of a slot.
func (s *Scanner) bits(slot, from, to int) []uint16 {
	if slot < 64 && s.live>>slot&1 == 0 {
		return nil
	}
	out := s.impl.places(s, s.plane(slot)[:s.stripe])
	for len(out) > 0 && int(out[0]) < from-s.base {
		out = out[1:]
	}
	for len(out) > 0 && int(out[len(out)-1]) >= to-s.base {
		out = out[:len(out)-1]
	}
	return out
}

// joinPlaces joins the places of each stripe, of which counts tells the number.
func (s *Scanner) joinPlaces() []uint16 {
	out := s.marked[:0]
	for k, m := range s.counts {
		base := k * s.stripe
		for _, j := range s.places[k][:m] {
			out = append(out, uint16(base)+j)
		}
	}
	return out
}

// plane returns the plane of a slot and the edge after it.
func (s *Scanner) plane(slot int) []byte {
	o := slot*stride + edge
	return s.planes[o : o+maxStripe+edge]
}
