package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"logveil/internal/config"
	"logveil/redact"
)

// summary is what a run did.
type summary struct {
	redact.Stats
	engine *redact.Engine
	// masks are the values masked for want of a token, the most frequent reason first.
	masks []maskCount
}

func newSummary(e *redact.Engine) *summary { return &summary{engine: e} }

// maskCount is how many values of a scheme were masked for a reason.
type maskCount struct {
	scheme, reason string
	n              uint64
}

// tokens adds what became of the values that were to get tokens.
func (s *summary) tokens(r *config.Redactor) {
	m := r.Metrics()
	for _, c := range m.MaskCounts() {
		s.masks = append(s.masks, maskCount{c.Scheme, c.Reason.String(), c.N})
	}
}

// kindCount is how often a kind was found.
type kindCount struct {
	kind redact.Kind
	n    uint64
}

// kinds returns the findings by kind, the most frequent first.
func (s *summary) kinds() (counts []kindCount, total uint64) {
	byKind := map[redact.Kind]uint64{}
	for i, n := range s.Findings {
		if n > 0 {
			byKind[s.engine.Specs()[i].Kind] += n
			total += n
		}
	}
	for k, n := range byKind {
		counts = append(counts, kindCount{k, n})
	}
	slices.SortFunc(counts, func(a, b kindCount) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.kind, b.kind))
	})
	return counts, total
}

func (s *summary) write(w io.Writer, form string, took time.Duration) {
	if form == "json" {
		s.writeJSON(w, took)
		return
	}
	counts, total := s.kinds()
	fmt.Fprintf(w, "logveil: %s, %s in %.3g s, %.3g MB/s\n", plural(s.Lines, "line"), megabytes(s.Bytes), took.Seconds(), s.speed(took))
	fmt.Fprintf(w, "logveil: %s", plural(total, "finding"))
	for i, c := range counts {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(w, "%s%s %s", sep, group(c.n), c.kind)
	}
	fmt.Fprintln(w)
	if s.Masked > 0 {
		fmt.Fprintf(w, "logveil: %s masked for want of a token", plural(s.Masked, "value"))
		for i, c := range s.masks {
			sep := ", "
			if i == 0 {
				sep = ": "
			}
			fmt.Fprintf(w, "%s%s %s", sep, group(c.n), c.reason)
			if c.scheme != "" {
				fmt.Fprintf(w, " (%s)", c.scheme)
			}
		}
		fmt.Fprintln(w)
	}
	if s.Failed > 0 {
		fmt.Fprintf(w, "logveil: %s masked whole because a detector failed: this is a bug\n", plural(s.Failed, "line"))
	}
	if s.Unscanned > 0 {
		fmt.Fprintf(w, "logveil: %s masked unread because the text held too many candidates\n", plural(s.Unscanned, "place"))
	}
	if s.LongLines > 0 {
		fmt.Fprintf(w, "logveil: %s longer than limits.line_cap, searched in parts\n", plural(s.LongLines, "line"))
	}
}

func (s *summary) writeJSON(w io.Writer, took time.Duration) {
	counts, _ := s.kinds()
	byKind := map[redact.Kind]uint64{}
	for _, c := range counts {
		byKind[c.kind] = c.n
	}
	byReason := map[string]uint64{}
	for _, c := range s.masks {
		byReason[c.reason] += c.n
	}
	b, err := json.Marshal(struct {
		Lines     uint64                 `json:"lines"`
		Bytes     uint64                 `json:"bytes"`
		BytesOut  uint64                 `json:"bytes_out"`
		Findings  map[redact.Kind]uint64 `json:"findings"`
		Masked    uint64                 `json:"masked"`
		MaskedBy  map[string]uint64      `json:"masked_by"`
		Failed    uint64                 `json:"failed"`
		Unscanned uint64                 `json:"unscanned"`
		LongLines uint64                 `json:"long_lines"`
		Seconds   float64                `json:"seconds"`
		MBPerS    float64                `json:"mb_per_s"`
	}{
		s.Lines, s.Bytes, s.BytesOut, byKind, s.Masked, byReason, s.Failed, s.Unscanned, s.LongLines,
		roundTo(took.Seconds(), 6), roundTo(s.speed(took), 3),
	})
	if err != nil {
		panic("BUG: summary: " + err.Error())
	}
	fmt.Fprintf(w, "%s\n", b)
}

// speed is in megabytes, of a million bytes, per second.
func (s *summary) speed(took time.Duration) float64 {
	return float64(s.Bytes) / 1e6 / max(took.Seconds(), 1e-9)
}

func roundTo(f float64, digits int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return r
}

// megabytes writes a number of bytes in units of a thousand.
func megabytes(n uint64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d bytes", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}

func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return group(n) + " " + noun + "s"
}

// group writes a number with commas between groups of three digits.
func group(n uint64) string {
	s := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}
