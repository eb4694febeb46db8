package fields

import (
	"bytes"
	"io"
)

// maxRecord is the longest line that is edited, in bytes; longer ones stay as they are.
const maxRecord = 1 << 20

// Writer edits the lines that are written to it and writes them on.
type Writer struct {
	dst  io.Writer
	ed   *Editor
	part []byte // of a line whose end has not come
	long bool   // the line is too long, and its beginning has been written
	out  []byte
}

// NewWriter returns a writer of edited lines to dst. [Writer.Flush] ends it.
func NewWriter(dst io.Writer, ed *Editor) *Writer { return &Writer{dst: dst, ed: ed} }

// Write implements io.Writer. Lines that have come whole are written on at once.
func (w *Writer) Write(p []byte) (int, error) {
	w.out = w.out[:0]
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n') + 1
		switch {
		case w.long && i > 0:
			w.out = append(w.out, rest[:i]...)
			w.long = false
		case w.long:
			w.out = append(w.out, rest...)
			i = len(rest)
		case i > 0 && len(w.part) == 0:
			w.out = w.ed.AppendLine(w.out, rest[:i])
		case i > 0:
			w.part = append(w.part, rest[:i]...)
			w.out = w.ed.AppendLine(w.out, w.part)
			w.part = w.part[:0]
		default:
			w.part = append(w.part, rest...)
			if i = len(rest); len(w.part) > maxRecord {
				w.out = append(w.out, w.part...)
				w.part, w.long = w.part[:0], true
			}
		}
		rest = rest[i:]
	}
	if len(w.out) > 0 {
		if _, err := w.dst.Write(w.out); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Flush writes the last line when it has no line end.
func (w *Writer) Flush() error {
	if len(w.part) == 0 {
		return nil
	}
	_, err := w.dst.Write(w.ed.AppendLine(nil, w.part))
	w.part = w.part[:0]
	return err
}
