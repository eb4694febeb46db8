package redact

// Kind names what a value is: "card", "email", "secret". It stands in tokens, so it
// matches [a-z][a-z0-9]{1,11}.
type Kind string

// Span is a half-open range of byte offsets, [Start, End).
type Span struct{ Start, End int }

// Len returns the number of bytes the span covers.
func (s Span) Len() int { return s.End - s.Start }

// Reason says what a detector decided about a candidate, so that the one code path
// that decides can also explain.
type Reason uint8

const (
	// Accepted: the span is a value.
	Accepted Reason = iota
	// AcceptedOpen: the span is a value whose end was not seen, because the text
	// ended or because the value is longer than the detector may look. The engine
	// masks what follows up to a delimiter and never lets the rest through.
	AcceptedOpen
	// RejectAnchor: the bytes at the anchor are not the full form.
	RejectAnchor
	// RejectNeighbor: a neighbouring byte makes it part of something longer.
	RejectNeighbor
	// RejectLength: too short or too long for the form.
	RejectLength
	// RejectRange: a number out of the range that the format allows.
	RejectRange
	// RejectChecksum: the check digits do not agree.
	RejectChecksum
	// RejectOperator: no operator stands between key and value.
	RejectOperator
	// RejectValue: the value cannot be a secret (placeholder, flag, too regular).
	RejectValue
	// RejectRegular: the value was read and measured, and is too regular for a secret. Few
	// rejections cost as much.
	RejectRegular
	// RejectContext: a keyword that the form needs is not near.
	RejectContext
	// RejectAlone: a key that tells of a value only beside another one, and none is near.
	RejectAlone
	// RejectAmong: the same, and many keys are near, of which none is such a one.
	RejectAmong
	// RejectMore: no value ends before Span.End, but a Repeater wants to be asked for the
	// next one from there. The end of the text says that it cut a list.
	RejectMore
	numReasons
)

// OK reports whether the candidate was taken.
func (r Reason) OK() bool { return r <= AcceptedOpen }

// String returns a few words for people; it never holds any of the text.
func (r Reason) String() string {
	if r >= numReasons {
		return "unknown"
	}
	return [numReasons]string{
		"accepted", "accepted, end not seen", "anchor: not the full form",
		"neighbour: part of something longer", "length", "range", "checksum",
		"no operator after the key", "value: cannot be one", "value: too regular for a secret",
		"context: no keyword near", "context: no other key near",
		"context: none of the keys near tells of it", "no value so far",
	}[r]
}

// Literal is a fixed text that anchors a detector. It has at least three bytes, all ASCII.
type Literal struct {
	Text string
	// Fold makes ASCII letters match in either case.
	Fold bool
}

// Anchor is how candidates are found: by literals, by a shape, or both.
//
// A shape is a regular expression in Go's syntax, restricted to what bitmaps can
// answer: digits, word characters, upper-case letters, hexadecimal digits, the single
// characters @ . - : + and space, unions of those, any byte, counts, alternation, and \b. It
// looks at most 60 bytes ahead of its start and one byte behind. A candidate stands at
// the start of each place where the shape matches, overlapping places included.
//
// Law: every value that Match accepts has a candidate at one of its anchors; a
// prefilter may cry wolf but never sleeps.
type Anchor struct {
	Literals []Literal
	Shape    string
}

// Spec is what the engine knows of a detector before it sees a byte.
type Spec struct {
	// Name is unique among detectors: "card", "github-pat".
	Name string
	// Kind is what its findings are called.
	Kind Kind
	// Doc is one line for people.
	Doc    string
	Anchor Anchor
	// MaxLen bounds, in bytes, how far from the anchor Match looks to either side,
	// and so how long a value can be. At most MaxLookaround.
	MaxLen int
	// Weight is how much a candidate costs at most, as a rule, in units of 20
	// nanoseconds; 0 means 1. The engine bounds the sum over a window of text.
	Weight int
	// Work is what a candidate costs by what is decided about it, in units of 10
	// nanoseconds, as far as Weight does not say it well. See Spec.Price.
	Work map[Reason]int
	// Multiline says that values may go on over line ends, so that a stream must not be
	// cut at a line end inside one. Needs literals.
	Multiline bool
	// Closed says that a value of which the end was not seen ends where something closes
	// it: the quotation mark that it began with, the next tag, or else the line, or the next
	// delimiter where it has no blank so far.
	Closed bool
	// Rank orders findings that overlap. All bytes of findings that overlap are
	// replaced together. The replacement is called after the highest-ranked finding
	// that spans them all, or, when none does, after the highest-ranked one; ties go to
	// the longer, then the earlier.
	Rank int
}

// MaxLookaround is the largest Spec.MaxLen, in bytes.
const MaxLookaround = 16 << 10

// Detector confirms candidates of one kind.
//
// It must be immutable, safe for concurrent use, do no I/O, allocate nothing and keep
// no reference to b.
type Detector interface {
	Spec() Spec

	// Match decides about the candidate at b[at], the first byte of the literal or
	// the shape that anchors it, and returns the exact span of the value: the bytes
	// to replace, which need not hold the anchor. It looks at most Spec.MaxLen bytes
	// to either side of at and never beyond b.
	//
	// When it rejects, but for RejectMore, a Span.End beyond at says that no candidate of this detector
	// in (at, Span.End) can be accepted, so that the engine may skip them; and a Span.Start
	// beyond at that it has read as much as from at to there, which is work of its own.
	Match(b []byte, at int) (Span, Reason)
}

// Repeater is a Detector of which a candidate may hold several values, as the key of a list
// does.
type Repeater interface {
	Detector

	// Next returns the first value of the candidate at b[at] that begins at b[from] or
	// behind it, from being the end of what Match or Next returned before or of lines that
	// were masked whole. It looks at most Spec.MaxLen bytes to either side of at and from.
	// RejectOperator says that the candidate is no list, which must be told in next to no
	// time.
	Next(b []byte, at, from int) (Span, Reason)
}
