package redact

import (
	"slices"

	"logveil/internal/scan"
)

// No input stalls the engine, because work is bounded by the length of the text, whatever
// stands in it. Its unit is ten nanoseconds. Each window of the text has maxWork for the
// candidates in it; what it leaves over is there for looks at what the text holds
// encoded, all depths together. What the bound leaves unseen is masked by the line. Text
// full of true values stays well below it.

const (
	// maxWork is the work on one window.
	maxWork = scan.Window * 7 / 8
	// near is how far away, in bytes, work left over may be spent.
	near = 8 * scan.Window
	// decodedPerUnit is how many bytes are decoded and scanned in one unit of work, and
	// deeperPerUnit how many behind maxShallow layers: what is written is seldom encoded so
	// often, floods are again and again.
	decodedPerUnit = 10
	deeperPerUnit  = 3
	maxShallow     = 3
	// stepsPerUnit is how many of the bytes that escapes begin with are looked at.
	stepsPerUnit = 4
	// perDecoded is the work on each text that is decoded, however short.
	perDecoded = 65
	// perLiteral is the work to find a literal.
	perLiteral = 2
	// tokenWork is the work on what may be a token of an earlier run.
	tokenWork = 3
	// perSample is the work to see whether something may be base64.
	perSample = 8
)

// savings are what the windows of a batch left over.
type savings struct {
	windows []saving
	// units is the sum of windows[first:next], which may be spent now.
	units, first, next int
}

// saving is what the window that begins at b[from] left over.
type saving struct{ from, units int }

// newBatch forgets the batch before.
func (s *savings) newBatch() { *s = savings{windows: s.windows[:0]} }

// newLook begins a look at the encoded parts of the batch, which come in order.
func (s *savings) newLook() { s.units, s.first, s.next = 0, 0, 0 }

// earn makes what the windows in and near the part left over the work that may be spent.
func (s *savings) earn(part Span) {
	for ; s.next < len(s.windows) && s.windows[s.next].from < part.End+near; s.next++ {
		s.units += s.windows[s.next].units
	}
	for ; s.first < s.next && s.windows[s.first].from < part.Start-near; s.first++ {
		s.units -= s.windows[s.first].units
	}
}

// spend takes n units of work, the oldest first.
func (s *savings) spend(n int) {
	s.units -= n
	for ; n > 0 && s.first < s.next; s.first++ {
		w := &s.windows[s.first]
		if w.units > n {
			w.units -= n
			break
		}
		n -= w.units
		w.units = 0
	}
}

// workFor returns the work that may be done on a window.
func (p *pass) workFor() int {
	if p.depth == 0 {
		return maxWork
	}
	return min(maxWork, p.w.saved.units)
}

// worked notes how much of the work for the window at b[from] was done.
func (p *pass) worked(from, work, left int) {
	if s := &p.w.saved; p.depth == 0 {
		s.windows = append(s.windows, saving{from, left})
	} else {
		s.spend(work - left)
	}
}

// newLook begins a look at the encoded parts of the text.
func (p *pass) newLook() {
	p.unseen = 0
	if p.depth == 0 {
		p.w.saved.newLook()
	}
}

// mayDecode reports whether there is work left to decode s, which stands encoded in the
// text, and to scan it. It takes that work, or masks the lines.
func (p *pass) mayDecode(s Span) bool {
	saved := &p.w.saved
	if p.depth == 0 {
		saved.earn(s)
	}
	perUnit := decodedPerUnit
	if p.depth > maxShallow {
		perUnit = deeperPerUnit
	}
	if p.w.mayDecode(s.Len() / perUnit) {
		return true
	}
	if s.End > p.unseen {
		m := p.lines(max(s.Start, p.unseen), s.End-1)
		p.unseen = m.End
		p.w.stats.Unscanned++
		p.found = append(p.found, Finding{Span: m, At: m.Start, Detector: Unscanned})
	}
	return false
}

// mayDecode takes the work to decode a text and to scan it, units beyond that on the shortest,
// or reports that it is not there.
func (w *Worker) mayDecode(units int) bool {
	units += perDecoded
	if w.saved.units < units {
		return false
	}
	w.saved.spend(units)
	return true
}

// unmasked calls look for each part of s that is not masked whole.
func (p *pass) unmasked(s Span, look func(Span)) {
	k, _ := slices.BinarySearchFunc(p.masks, s.Start, func(m Span, at int) int { return m.End - 1 - at })
	for ; s.Start < s.End; k++ {
		part := s
		if k < len(p.masks) && p.masks[k].Start < s.End {
			part.End = max(s.Start, p.masks[k].Start)
			s.Start = p.masks[k].End
		} else {
			s.Start = s.End
		}
		if part.Len() > 0 {
			look(part)
		}
	}
}
