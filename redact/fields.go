package redact

import (
	"cmp"
	"context"
	"slices"
)

// Fields is a text in which only some parts are replaced, each by itself: the values of
// records, say, laid out so that detectors see the key before each.
type Fields struct {
	Text []byte
	// Fields are in order and do not overlap.
	Fields []Field
	// Records are where records begin in the text, in order. A value is known by what
	// stands before it in its own record only.
	Records []int32
	// Whole are the values that fields stand for.
	Whole [][]byte
}

// Field is one such part. It is small because there are many: a text with fields has at
// most 1<<31-1 bytes.
type Field struct {
	// Start and End bound the part in the text.
	Start, End int32
	// Key is where that begins which tells what the field is, its key for instance. From
	// there to the byte behind its end, a quotation mark for instance, it is looked at when
	// the whole text cannot be.
	Key int32
	// Whole, when not 0, says that the field only stands for Fields.Whole[Whole-1], which
	// cannot be laid out as it is. What is known by what stands before the field goes
	// whole, and gets a token of that value; what else may be in it is not looked for.
	Whole int32
}

// Change is the new text of a field.
type Change struct {
	// Field is an index into the fields.
	Field int
	// Span is the new text, in the buffer that it was appended to.
	Span
}

// AppendFields redacts the fields of a text and leaves what is between them alone. The new
// texts of those in which something was found are appended to dst, one behind the other,
// and what they are to changes, in the order of the fields; both are returned.
//
// Detectors see the whole text, but nothing is taken from one field into the next: a field
// that a finding would reach out of or into is looked at again alone, and so are the
// fields of a line that a panic or a limit masked. A value that is known by what stands
// before its field is not ended by a quotation mark or a line end inside the field, so
// that these need no escapes; only one near its beginning may leave nothing to know it by.
//
// Like Append it cannot fail, and waits for tokens until ctx is done. A panic elsewhere than
// in a detector masks the fields that it comes back for when they are looked at alone.
func (w *Worker) AppendFields(ctx context.Context, dst []byte, fs *Fields, changes []Change) ([]byte, []Change) {
	n, was := len(dst), len(changes)
	if !survives(func() { dst, changes = w.appendFields(ctx, dst, fs, changes) }) {
		dst, changes = w.appendAlone(ctx, dst[:n], fs, changes[:was])
	}
	w.stats.Bytes += uint64(len(fs.Text))
	return dst, changes
}

func (w *Worker) appendFields(ctx context.Context, dst []byte, fs *Fields, changes []Change) ([]byte, []Change) {
	w.taken, w.takenIn, w.again = w.taken[:0], w.takenIn[:0], w.again[:0]
	k := 0
	for _, f := range w.findIn(fs) {
		for k < len(fs.Fields) && int(fs.Fields[k].End) <= f.Start {
			k++
		}
		n := k
		for n < len(fs.Fields) && int(fs.Fields[n].Start) < f.End {
			n++
		}
		if n == k+1 && (f.Detector >= 0 || f.Detector == Encoded) && fs.sameRecord(f.At, &fs.Fields[k]) {
			w.take(fs, f, k)
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
	dst, changes = w.writeFields(ctx, dst, fs, changes)
	for _, i := range w.again {
		dst, changes = w.appendField(ctx, dst, fs, i, changes)
	}
	if len(w.again) > 0 {
		slices.SortFunc(changes[was:], func(a, b Change) int { return cmp.Compare(a.Field, b.Field) })
	}
	return dst, changes
}

// findIn is Find for a text with fields.
func (w *Worker) findIn(fs *Fields) []Finding {
	w.fields = fs
	out := w.Find(fs.Text)
	w.fields = nil
	return out
}

// text returns the field around Text[i], or reports that there is none, or one without the
// quotation marks of a text.
func (fs *Fields) text(i int) (Span, bool) {
	k, _ := slices.BinarySearchFunc(fs.Fields, i, func(f Field, i int) int { return int(f.End) - 1 - i })
	if k == len(fs.Fields) {
		return Span{}, false
	}
	s := Span{int(fs.Fields[k].Start), int(fs.Fields[k].End)}
	return s, s.Start <= i && s.Start > 0 && fs.Text[s.Start-1] == '"'
}

// isNumber reports whether s is a whole field without quotation marks.
func (fs *Fields) isNumber(s Span) bool {
	field, text := fs.text(s.Start)
	return !text && field == s
}

// appendField appends field i, looked at alone, if something is found in it.
func (w *Worker) appendField(ctx context.Context, dst []byte, fs *Fields, i int, changes []Change) ([]byte, []Change) {
	f := fs.Fields[i]
	key := f.Key
	end := min(int(f.End)+1, len(fs.Text))
	one := Fields{Text: fs.Text[key:end:end], Fields: []Field{{f.Start - key, f.End - key, 0, f.Whole}}, Whole: fs.Whole}
	w.taken, w.takenIn = w.taken[:0], w.takenIn[:0]
	for _, found := range w.findIn(&one) {
		if found.End > int(f.Start-key) && found.Start < int(f.End-key) {
			w.take(&one, found, 0)
		}
	}
	if len(w.taken) > 0 {
		n := len(changes)
		dst, changes = w.writeFields(ctx, dst, &one, changes)
		changes[n].Field = i
	}
	return dst, changes
}

// appendAlone appends all fields, each looked at alone and masked when that panics.
func (w *Worker) appendAlone(ctx context.Context, dst []byte, fs *Fields, changes []Change) ([]byte, []Change) {
	w.renew()
	for i := range fs.Fields {
		n, k := len(dst), len(changes)
		if !survives(func() { dst, changes = w.appendField(ctx, dst, fs, i, changes) }) {
			w.renew()
			w.stats.Failed++
			dst = AppendMask(dst[:n], KindFailed)
			changes = append(changes[:k], Change{i, Span{n, len(dst)}})
		}
	}
	return dst, changes
}

// sameRecord reports whether the anchor of a finding in a field stands in the same record.
func (fs *Fields) sameRecord(at int, field *Field) bool {
	if at >= int(field.Key) {
		return true
	}
	i, here := slices.BinarySearch(fs.Records, field.Start)
	if !here {
		i--
	}
	return i < 0 || at >= int(fs.Records[i])
}

// take takes what of a finding lies in field i.
func (w *Worker) take(fs *Fields, f Finding, i int) {
	if n := len(w.taken); n > 0 && w.takenIn[n-1] == i && w.taken[n-1].End >= f.End {
		return // the one before was taken to the end of the field
	}
	field := &fs.Fields[i]
	start, end := int(field.Start), int(field.End)
	byKey := f.At < start && f.Detector >= 0
	s := Span{max(f.Start, start), min(f.End, end)}
	switch {
	case field.Whole > 0:
		if !byKey && f.Detector >= 0 {
			return
		}
		f.Span, f.Open, f.value, f.blob, f.scalar = Span{start, end}, false, w.addValue(fs.Whole[field.Whole-1]), 0, 0
	case byKey && s.End < end && endsQuoted(fs.Text[s.End]):
		s.End = end
		fallthrough
	case s != f.Span:
		f.Span, f.value, f.blob, f.scalar = s, 0, 0, 0
		fallthrough
	default:
		f.Open = false // a field ends where it ends
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
func (w *Worker) writeFields(ctx context.Context, dst []byte, fs *Fields, changes []Change) ([]byte, []Change) {
	w.tokenize(ctx, fs.Text, w.taken)
	for i := 0; i < len(w.taken); {
		n, from := w.takenIn[i], i
		for i < len(w.taken) && w.takenIn[i] == n {
			i++
		}
		f := &fs.Fields[n]
		start := len(dst)
		dst = w.write(dst, fs.Text, w.taken[from:i], from, int(f.Start), int(f.End))
		changes = append(changes, Change{n, Span{start, len(dst)}})
	}
	return dst, changes
}
