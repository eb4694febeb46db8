package redact

import (
	"cmp"
	"context"
	"slices"
)

// Field is a part of a text that is replaced by itself: the value of a record, say, in a
// text that was laid out so that detectors see its key before it.
type Field struct {
	// Span is the part.
	Span
	// Alone is the part with what tells what it is, its key for instance. It is looked at
	// when the whole text cannot be.
	Alone Span
	// Whole, when not nil, says that the field only stands for this value, which cannot be
	// laid out as it is. What is known by what stands before the field goes whole, and is
	// called a token of Whole; what else may be in it is not looked for.
	Whole []byte
}

// Change is the new text of a field.
type Change struct {
	// Field is an index into the fields.
	Field int
	// Span is the new text, in the buffer that it was appended to.
	Span
}

// AppendFields redacts the fields of b and leaves the text between them alone. The fields
// are in order and do not overlap. The new texts of those in which something was found
// are appended to dst, one behind the other, and what they are to changes, in the order
// of the fields; both are returned.
//
// Detectors see all of b, but nothing is taken from one field into the next: a field that
// a finding would reach out of or into is looked at again alone, and so are the fields of
// a line that a panic or a limit masked. A value that is known by what stands before its
// field is not ended by a quotation mark or a line end inside the field, so that these
// need no escapes.
//
// Like Append it cannot fail, and waits for tokens until ctx is done.
func (w *Worker) AppendFields(ctx context.Context, dst, b []byte, fields []Field, changes []Change) ([]byte, []Change) {
	w.taken, w.takenIn, w.again = w.taken[:0], w.takenIn[:0], w.again[:0]
	k := 0
	for _, f := range w.Find(b) {
		for k < len(fields) && fields[k].End <= f.Start {
			k++
		}
		n := k
		for n < len(fields) && fields[n].Start < f.End {
			n++
		}
		if n == k+1 && (f.Detector >= 0 || f.Detector == Encoded) {
			w.take(b, f, fields[k], k)
			continue
		}
		for ; k < n; k++ {
			w.again = append(w.again, k)
		}
		k = max(0, k-1) // the next finding may be in the last of them
	}
	if len(w.again) > 0 {
		w.again = slices.Compact(w.again)
		w.leaveAgain()
	}
	was := len(changes)
	dst, changes = w.writeFields(ctx, dst, b, fields, changes)
	for _, i := range w.again {
		f := fields[i]
		text := b[f.Alone.Start:f.Alone.End]
		f.Start, f.End = f.Start-f.Alone.Start, f.End-f.Alone.Start
		w.taken, w.takenIn = w.taken[:0], w.takenIn[:0]
		for _, found := range w.Find(text) {
			if found.Start < f.End && found.End > f.Start {
				w.take(text, found, f, 0)
			}
		}
		if len(w.taken) > 0 {
			n := len(changes)
			dst, changes = w.writeFields(ctx, dst, text, []Field{f}, changes)
			changes[n].Field = i
		}
	}
	if len(w.again) > 0 {
		slices.SortFunc(changes[was:], func(a, b Change) int { return cmp.Compare(a.Field, b.Field) })
	}
	w.stats.Bytes += uint64(len(b))
	return dst, changes
}

// take takes what of a finding lies in field, which has the number i.
func (w *Worker) take(b []byte, f Finding, field Field, i int) {
	if n := len(w.taken); n > 0 && w.takenIn[n-1] == i && w.taken[n-1].End >= f.End {
		return // the one before was taken to the end of the field
	}
	if field.Whole != nil {
		if f.At >= field.Start && f.Detector >= 0 {
			return
		}
		n := len(w.values)
		w.values = append(w.values, field.Whole...)
		w.decoded = append(w.decoded, Span{n, len(w.values)})
		f.Span, f.Open, f.value, f.blob = field.Span, false, int32(len(w.decoded)), 0
		w.taken, w.takenIn = append(w.taken, f), append(w.takenIn, i)
		return
	}
	s := Span{max(f.Start, field.Start), min(f.End, field.End)}
	if f.At < field.Start && f.Detector >= 0 && s.End < field.End && endsQuoted(b[s.End]) {
		s.End = field.End
	}
	if s != f.Span {
		f.Span, f.Open, f.value, f.blob = s, false, 0, 0
	}
	w.taken, w.takenIn = append(w.taken, f), append(w.takenIn, i)
}

// endsQuoted reports whether c can end a value for a detector that takes the text for a
// quoted one.
func endsQuoted(c byte) bool { return delimiter(c) || c == '`' || c == '\\' }

// leaveAgain drops what was taken in fields that are looked at again.
func (w *Worker) leaveAgain() {
	n := 0
	for i, f := range w.taken {
		if _, again := slices.BinarySearch(w.again, w.takenIn[i]); !again {
			w.taken[n], w.takenIn[n] = f, w.takenIn[i]
			n++
		}
	}
	w.taken, w.takenIn = w.taken[:n], w.takenIn[:n]
}

// writeFields appends the fields in which something was taken.
func (w *Worker) writeFields(ctx context.Context, dst, b []byte, fields []Field, changes []Change) ([]byte, []Change) {
	w.tokenize(ctx, b, w.taken)
	for i := 0; i < len(w.taken); {
		n, from := w.takenIn[i], i
		for i < len(w.taken) && w.takenIn[i] == n {
			i++
		}
		start := len(dst)
		dst = w.write(dst, b, w.taken[from:i], from, fields[n].Start, fields[n].End)
		changes = append(changes, Change{n, Span{start, len(dst)}})
	}
	return dst, changes
}
