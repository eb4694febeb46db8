package rules

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"

	"logveil/detectors/internal/keyed"
	"logveil/redact"
)

// Rule is one secret format. See the package comment for the two templates.
type Rule struct {
	// ID names the rule and its detector: "github-pat". Unique.
	ID string
	// Kind is the vendor's short name, which stands in tokens.
	Kind redact.Kind
	// Doc is one line for people.
	Doc string
	// Source is where the vendor documents the format.
	Source string
	// Pattern is the format.
	Pattern string
	// Keywords, when not empty, must stand before the value, with an operator. Each has
	// at least three bytes, all ASCII.
	Keywords []string
	// MinEntropy is the least entropy of the value by the frequencies of its bytes, in
	// bits per byte; 0 asks for none. It keeps out examples such as xxxxxxxx.
	MinEntropy float64
}

const (
	rank   = 70
	weight = 5
	// maxKey is how many more bytes of a key may follow a keyword.
	maxKey = 20
)

// New compiles a rule. The detector is immutable.
func New(r Rule) (redact.Detector, error) {
	d, err := compile(r)
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w", r.ID, err)
	}
	return d, nil
}

func compile(r Rule) (*detector, error) {
	switch {
	case r.ID == "":
		return nil, errors.New("no ID")
	case r.Doc == "" || strings.Contains(r.Doc, "\n"):
		return nil, errors.New("no doc, or one of several lines")
	case r.MinEntropy < 0 || r.MinEntropy > 7:
		return nil, errors.New("the entropy is not within 0 and 7")
	}
	seqs, err := parse(r.Pattern, false)
	if err != nil {
		return nil, err
	}
	if len(r.Keywords) == 0 && shortestAnchor(seqs) < goodAnchor {
		spelled, err := parse(r.Pattern, true)
		if err != nil {
			return nil, err
		}
		if shortestAnchor(spelled) > shortestAnchor(seqs) {
			seqs = spelled
		}
	}
	d := &detector{
		seqs:     seqs,
		keywords: make([]string, 0, len(r.Keywords)),
		minBits:  int(math.Round(r.MinEntropy * 1024)),
	}
	s := &d.spec
	s.Name, s.Kind, s.Doc, s.Rank, s.Weight = r.ID, r.Kind, r.Doc, rank, weight
	width := 0
	for i := range seqs {
		width = max(width, seqs[i].width())
	}
	if len(r.Keywords) > 0 {
		longest := 0
		for _, k := range r.Keywords {
			if err := checkLiteral(k); err != nil {
				return nil, fmt.Errorf("keyword: %w", err)
			}
			longest = max(longest, len(k))
			d.keywords = append(d.keywords, strings.ToLower(k))
			s.Anchor.Literals = append(s.Anchor.Literals, redact.Literal{Text: k, Fold: true})
		}
		s.MaxLen = longest + maxKey + keyed.MaxTag + width + edge
	} else {
		seen := map[redact.Literal]int{} // the first sequence of each anchor
		for i := range seqs {
			l, err := seqs[i].chooseAnchor()
			if err != nil {
				return nil, err
			}
			if first, ok := seen[l]; ok {
				for _, s := range []*sequence{&seqs[first], &seqs[i]} {
					s.before, s.after = -1, -1
				}
				continue
			}
			seen[l] = i
			if shape := runShape(l); shape != "" && s.Anchor.Shape == "" {
				s.Anchor.Shape = shape
				continue
			}
			s.Anchor.Literals = append(s.Anchor.Literals, l)
		}
		s.MaxLen = width + edge
	}
	if s.MaxLen > redact.MaxLookaround {
		return nil, fmt.Errorf("a match may be %d bytes long", width)
	}
	return d, nil
}

// runShape returns the shape of a literal that is one capital again and again, or "" for others.
// Each letter in a run of them would be a place to compare it at, in any base64 of zeros. A
// power of two costs the fewest operations.
func runShape(l redact.Literal) string {
	n := len(l.Text)
	if l.Fold || n < minRun || n > maxRun || !keyed.IsUpper(l.Text[0]) || strings.Count(l.Text, l.Text[:1]) < n {
		return ""
	}
	return fmt.Sprintf("[A-Z]{%d}", 1<<(bits.Len(uint(n))-1))
}

// minRun and maxRun bound the length of such literals, in bytes: fewer capitals are words of a
// log, and no shape looks further.
const minRun, maxRun = 16, 60

// goodAnchor is the length from which an anchor is rare enough in any text.
const goodAnchor = 4

// shortestAnchor returns the length of the shortest anchor of the sequences, or 0 when one
// of them has none.
func shortestAnchor(seqs []sequence) int {
	shortest := 255
	for i := range seqs {
		l, err := seqs[i].chooseAnchor()
		if err != nil {
			return 0
		}
		shortest = min(shortest, len(l.Text))
	}
	return shortest
}

// edge is how far Match looks beyond a match, to judge its neighbours.
const edge = 24

func checkLiteral(s string) error {
	if len(s) < 3 {
		return fmt.Errorf("%q has less than three bytes", s)
	}
	for _, c := range []byte(s) {
		if c >= 0x80 {
			return fmt.Errorf("%q holds more than ASCII", s)
		}
	}
	return nil
}
