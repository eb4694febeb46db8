package scan

import (
	"encoding/binary"
	"math/bits"
)

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
	lits literals
}

// NewTables compiles shapes and literals.
func NewTables(shapes []string, lits []Literal) (*Tables, error) {
	p, err := Compile(shapes)
	if err != nil {
		return nil, err
	}
	t := &Tables{prog: p, code: assemble(p)}
	if err := t.lits.init(lits); err != nil {
		return nil, err
	}
	t.lits.table(active.model)
	return t, nil
}

// Program returns the compiled shapes.
func (t *Tables) Program() *Program { return t.prog }

// Scanner holds the planes of one goroutine. Not safe for concurrent use.
type Scanner struct {
	t    *Tables
	impl *implementation
	lits *literalTable
	// planes holds one plane after another, stride bytes apart. That of slot i starts at
	// i*stride + edge. It is aligned to 64 bytes.
	planes []byte
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

	// found are the literals in the window: the start in the text in the upper half, the
	// id in the lower, sorted.
	found []uint64

	lanes  [maxStripe]uint32
	places [stripes][maxStripe]uint16
	marked [Window + 1]uint16
	same   []uint64
}

// NewScanner returns a Scanner of the tables.
func NewScanner(t *Tables) *Scanner {
	return &Scanner{t: t, planes: alignedBytes(t.prog.Slots * stride)}
}

// Load scans the window of text that starts at off and has at most Window bytes. The byte
// before off is looked at, too. Candidates within Margin bytes of the end are certain only
// where the text ends there; the windows of a text overlap by as much.
func (s *Scanner) Load(text []byte, off int) {
	s.load(text, off)
	s.impl.classes(s)
	if len(s.t.lits.lits) > 0 {
		s.impl.literals(s)
	}
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

// Literals calls yield for each literal that starts in text[from:to), which must be within
// the loaded window, in order: the index of the literal, and where it starts. yield must
// not use the Scanner.
func (s *Scanner) Literals(from, to int, yield func(id, start int)) {
	for _, x := range s.found {
		if start := int(x >> 32); start >= from && start < to {
			yield(int(uint32(x)), start)
		}
	}
}

// Candidates calls yield for each candidate of a shape in text[from:to), which must be
// within the loaded window, in order. yield must not use the Scanner.
func (s *Scanner) Candidates(shape, from, to int, yield func(at int)) {
	slot := s.t.prog.Outs[shape]
	if slot < 64 && s.live>>slot&1 == 0 {
		return
	}
	// The bits of eight stripes are in each byte; those of a stripe are in order.
	var n [stripes]int
	p := s.plane(slot)[:s.stripe]
	for i := 0; i < len(p); i += 8 {
		for m := binary.LittleEndian.Uint64(p[i:]); m != 0; m &= m - 1 {
			b := bits.TrailingZeros64(m)
			k := b % stripes
			s.places[k][n[k]] = uint16(i + b/stripes)
			n[k]++
		}
	}
	for k := range n {
		base := s.base + k*s.stripe
		if base >= to {
			return
		}
		for _, j := range s.places[k][:n[k]] {
			if at := base + int(j); at >= from && at < to {
				yield(at)
			}
		}
	}
}

// plane returns the plane of a slot and the edge after it.
func (s *Scanner) plane(slot int) []byte {
	o := slot*stride + edge
	return s.planes[o : o+maxStripe+edge]
}
