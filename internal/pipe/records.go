package pipe

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"logveil/redact"
)

// maxRecord bounds a line that holds a record, in bytes.
const maxRecord = 16 << 20

// Records reads records, one JSON object a line: {"id": ..., "text": "..."}. Blank lines
// are skipped, other members ignored.
type Records struct {
	r    *bufio.Reader
	line int
	long []byte
	text []byte
}

// NewRecords returns a reader of the records in r.
func NewRecords(r io.Reader) *Records {
	return &Records{r: bufio.NewReaderSize(r, 256<<10)}
}

// Next returns the next record: its id as it is written, which may be any JSON value, and
// its text in UTF-8. Both are valid until the next call. At the end it returns io.EOF.
// Errors name the line and never repeat any of it.
func (r *Records) Next() (id json.RawMessage, text []byte, err error) {
	for {
		line, err := r.readLine()
		if err != nil {
			return nil, nil, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		var rec struct {
			ID   json.RawMessage `json:"id"`
			Text *string         `json:"text"`
		}
		// The errors of encoding/json quote their input.
		if json.Unmarshal(line, &rec) != nil || rec.ID == nil || rec.Text == nil {
			return nil, nil, fmt.Errorf("line %d is not a record: want a JSON object with \"id\" and a text in \"text\"", r.line)
		}
		r.text = append(r.text[:0], *rec.Text...)
		return rec.ID, r.text, nil
	}
}

// readLine returns the next line, valid until the next call.
func (r *Records) readLine() ([]byte, error) {
	r.line++
	line, err := r.r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return wholeLine(line, err)
	}
	r.long = append(r.long[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) && len(r.long) <= maxRecord {
		line, err = r.r.ReadSlice('\n')
		r.long = append(r.long, line...)
	}
	if len(r.long) > maxRecord {
		return nil, fmt.Errorf("line %d is longer than a record may be, %d MiB", r.line, maxRecord>>20)
	}
	return wholeLine(r.long, err)
}

// wholeLine takes the end of the input for a line end.
func wholeLine(line []byte, err error) ([]byte, error) {
	if errors.Is(err, io.EOF) && len(line) > 0 {
		return line, nil
	}
	return line, err
}

// AppendFindings appends the answer to a record: {"id": ..., "findings": [{"start",
// "end", "kind"}, ...]} and a line end. Offsets are in bytes of the text, end exclusive.
func AppendFindings(dst []byte, id json.RawMessage, fs []redact.Finding, kind func(redact.Finding) redact.Kind) []byte {
	dst = append(dst, `{"id":`...)
	dst = append(dst, id...)
	dst = append(dst, `,"findings":[`...)
	for i, f := range fs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"start":`...)
		dst = strconv.AppendInt(dst, int64(f.Start), 10)
		dst = append(dst, `,"end":`...)
		dst = strconv.AppendInt(dst, int64(f.End), 10)
		dst = append(dst, `,"kind":"`...)
		dst = append(dst, kind(f)...)
		dst = append(dst, `"}`...)
	}
	return append(dst, "]}\n"...)
}
