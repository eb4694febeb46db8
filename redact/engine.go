package redact

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"logveil/internal/scan"
)

// Options are what an Engine is built from.
type Options struct {
	// Detectors are the detectors in force. One that is not listed costs nothing.
	Detectors []Detector
	// Tokenizer answers values; nil masks all of them.
	Tokenizer Tokenizer
	// Allow reports whether a value may stay, or is nil when none may. It exempts the
	// finding it is asked about and nothing else: another finding over the same bytes
	// still holds. It must be safe for concurrent use and must not keep value.
	Allow func(kind Kind, value []byte) bool
	// Numbers says what takes the place of JSON numbers; empty means NumbersString.
	Numbers Numbers
	// Depth is how many layers of encoding are undone, at most MaxDepth; 0 means
	// DefaultDepth. What lies deeper is masked if it looks like a value.
	Depth int
}

// DefaultDepth and MaxDepth are for Options.Depth.
const (
	DefaultDepth = 8
	MaxDepth     = 32
)

// Kinds of what the engine masks on its own account.
const (
	// KindUnscanned is text that a limit on work left unscanned.
	KindUnscanned Kind = "unscanned"
	// KindFailed is the line in which a detector panicked.
	KindFailed Kind = "failed"
	// KindEncoded is text in base64 that holds findings. They are replaced inside it;
	// where that cannot be, it is masked whole.
	KindEncoded Kind = "encoded"
)

// Values of Finding.Detector that stand for the engine itself.
const (
	Unscanned = -1 // see KindUnscanned
	Failed    = -2 // see KindFailed
	Encoded   = -3 // see KindEncoded

	engineKinds = 3 // how many there are
)

// Engine finds and replaces. It is immutable and safe for concurrent use.
type Engine struct {
	tokenizer Tokenizer
	allow     func(Kind, []byte) bool
	numbers   Numbers
	depth     int
	specs     []Spec
	dets      []inForce
	tables    *scan.Tables

	// kinds and masks are what findings are called, and their masks, by
	// Finding.Detector + engineKinds.
	kinds []Kind
	masks [][]byte

	shapes [][]int32 // detectors of each shape of the tables
	lits   [][]int32 // detectors of each literal of the tables
	// multiline are the literals of detectors whose values cross line ends.
	multiline [][]byte
	// tokenLit is the literal by which tokens of an earlier pass are found.
	tokenLit int
	// blobShape is the shape that anchors base64, formShape that of plus signs.
	blobShape, formShape int
}

// inForce is a detector with what is needed at each of its candidates.
type inForce struct {
	Detector
	// repeater is the detector, when it is one.
	repeater Repeater
	// weights are what a candidate costs by what is decided about it, in units of work.
	weights [numReasons]int32
}

// New builds an engine. It reports a detector whose Spec is not well formed.
func New(o Options) (*Engine, error) {
	e := &Engine{tokenizer: o.Tokenizer, allow: o.Allow, numbers: o.Numbers, depth: o.Depth}
	if e.depth == 0 {
		e.depth = DefaultDepth
	}
	if e.depth < 0 || e.depth > MaxDepth {
		return nil, fmt.Errorf("redact: depth %d is not within 1 and %d", o.Depth, MaxDepth)
	}
	if e.tokenizer == nil {
		e.tokenizer = MaskTokenizer{}
	}
	shapes := Shapes(o.Detectors)
	shapeIDs := map[string]int{}
	for i, s := range shapes {
		shapeIDs[s] = i
	}
	e.shapes = make([][]int32, len(shapes)-2)
	e.blobShape, e.formShape = len(shapes)-2, len(shapes)-1
	var lits []scan.Literal
	litIDs := map[scan.Literal]int{}
	addLit := func(l scan.Literal) int {
		if l.Fold {
			l.Text = strings.ToLower(l.Text)
		}
		id, ok := litIDs[l]
		if !ok {
			id = len(lits)
			litIDs[l] = id
			lits = append(lits, l)
			e.lits = append(e.lits, nil)
		}
		return id
	}
	e.tokenLit = addLit(scan.Literal{Text: tokenPrefix})
	e.kinds = []Kind{Encoded + engineKinds: KindEncoded, Failed + engineKinds: KindFailed, Unscanned + engineKinds: KindUnscanned}
	names := map[string]bool{}
	for i, d := range o.Detectors {
		s := d.Spec()
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("detector %q: %w", s.Name, err)
		}
		if names[s.Name] {
			return nil, fmt.Errorf("detector %q: the name is taken by another", s.Name)
		}
		names[s.Name] = true
		e.specs = append(e.specs, s)
		e.kinds = append(e.kinds, s.Kind)
		rep, _ := d.(Repeater)
		f := inForce{Detector: d, repeater: rep}
		for r := range f.weights {
			f.weights[r] = int32(s.Price(Reason(r)))
		}
		e.dets = append(e.dets, f)
		if s.Anchor.Shape != "" {
			id := shapeIDs[s.Anchor.Shape]
			e.shapes[id] = append(e.shapes[id], int32(i))
		}
		for _, l := range s.Anchor.Literals {
			id := addLit(scan.Literal{Text: l.Text, Fold: l.Fold})
			e.lits[id] = append(e.lits[id], int32(i))
			if s.Multiline {
				e.multiline = append(e.multiline, []byte(l.Text))
			}
		}
	}
	for _, k := range e.kinds {
		e.masks = append(e.masks, AppendMask(nil, k))
	}
	var err error
	if e.tables, err = scan.NewTables(shapes, lits); err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	return e, nil
}

// Shapes returns the shapes that an engine of these detectors scans for, its own last.
func Shapes(ds []Detector) []string {
	var out []string
	for _, d := range ds {
		if s := d.Spec().Anchor.Shape; s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return append(out, blobShape, formShape)
}

// regularWork is the least work on a value that is measured in vain.
const regularWork = 32

// Price returns the work on a candidate about which r is decided, in units of 10
// nanoseconds.
func (s *Spec) Price(r Reason) int {
	if n, ok := s.Work[r]; ok {
		return n
	}
	switch r {
	case RejectAnchor, RejectNeighbor, RejectRange, RejectOperator:
		return 1 + s.Weight/2 // told early
	case RejectRegular:
		return max(2*s.Weight, regularWork)
	}
	return 2 * max(s.Weight, 1)
}

func (s *Spec) check() error {
	switch {
	case s.Name == "":
		return errors.New("no name")
	case !s.Kind.Valid():
		return fmt.Errorf("kind %q is not [a-z][a-z0-9]{1,11}", s.Kind)
	case s.Anchor.Shape == "" && len(s.Anchor.Literals) == 0:
		return errors.New("no anchor")
	case s.MaxLen <= 0 || s.MaxLen > MaxLookaround:
		return fmt.Errorf("MaxLen %d is not within 1 and %d", s.MaxLen, MaxLookaround)
	case s.Multiline && len(s.Anchor.Literals) == 0:
		return errors.New("multi-line without a literal")
	}
	for _, l := range s.Anchor.Literals {
		if s.Multiline && l.Fold {
			return errors.New("multi-line with a literal in either case")
		}
	}
	return nil
}

// Specs returns the specs of the detectors in force, in the order of Options.Detectors.
// The caller must not change them.
func (e *Engine) Specs() []Spec { return e.specs }

// Kind returns what a finding is called.
func (e *Engine) Kind(f Finding) Kind { return e.kinds[f.Detector+engineKinds] }
