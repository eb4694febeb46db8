package redact

import "slices"

// Candidate is what Explain says of one place.
type Candidate struct {
	Span            // what the detector took, or looked at
	At       int    // the anchor
	Detector int    // index into Engine.Specs
	Reason   Reason // what the detector decided
	// Outcome says what became of a candidate that the detector took: "replaced",
	// "covered by NAME", "inside a token", "allowed"; empty for a rejected one.
	Outcome string
}

// Explain returns every candidate of a batch, taken or not, in order. It allocates.
func (w *Worker) Explain(b []byte) []Candidate {
	w.explain, w.explained = nil, true
	w.Find(b)
	w.explained, w.explainAt = false, nil
	cs := w.explain
	w.explain = nil
	slices.SortStableFunc(cs, func(a, b Candidate) int { return a.At - b.At })
	return cs
}

// moveOut makes places in the decoded text of v into those that it is decoded from.
func (c *Candidate) moveOut(v *view) {
	out := func(i int) int { return int(v.at[min(max(i, 0), len(v.b))]) }
	c.At, c.Span = out(c.At), Span{out(c.Start), out(c.End)}
}

// candidateAt is where a candidate is known by.
type candidateAt struct{ detector, at int }

// index makes the candidates from the n-th on known to outcome.
func (w *Worker) index(n int) {
	w.explainAt = make(map[candidateAt][]int)
	for i := n; i < len(w.explain); i++ {
		if c := &w.explain[i]; c.Reason.OK() && c.Outcome == "" {
			k := candidateAt{c.Detector, c.At}
			w.explainAt[k] = append(w.explainAt[k], i)
		}
	}
}

// outcome notes what became of a finding.
func (w *Worker) outcome(f Finding, s string) {
	if !w.explained {
		return
	}
	k := candidateAt{f.Detector, f.At}
	for _, i := range w.explainAt[k] {
		w.explain[i].Outcome = s
	}
	delete(w.explainAt, k)
}
