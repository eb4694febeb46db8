package deliver

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// event is one event of a chunk, as raw MessagePack. It holds no copy.
type event struct {
	time, metadata, record []byte // metadata is empty in the old form [time, record]
}

// errChunk says that a chunk is not what Fluent Bit stores. It tells nothing of it.
var errChunk = errors.New("a chunk that is not a row of events")

// nextEvent reads the event that b begins with, [[time, metadata], record] or [time,
// record], and returns what follows.
func nextEvent(b []byte) (e event, rest []byte, err error) {
	n, rest, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil || n != 2 {
		return event{}, nil, errChunk
	}
	if msgp.NextType(rest) == msgp.ArrayType {
		n, rest, err = msgp.ReadArrayHeaderBytes(rest)
		if err != nil || n != 2 {
			return event{}, nil, errChunk
		}
		if e.time, rest, err = cut(rest); err != nil {
			return event{}, nil, err
		}
		if e.metadata, rest, err = cut(rest); err != nil {
			return event{}, nil, err
		}
	} else if e.time, rest, err = cut(rest); err != nil {
		return event{}, nil, err
	}
	if e.record, rest, err = cut(rest); err != nil {
		return event{}, nil, err
	}
	if msgp.NextType(e.record) != msgp.MapType {
		return event{}, nil, errChunk
	}
	return e, rest, nil
}

// cut returns the object that b begins with, and what follows.
func cut(b []byte) (object, rest []byte, err error) {
	rest, err = msgp.Skip(b)
	if err != nil {
		return nil, nil, errChunk
	}
	return b[:len(b)-len(rest)], rest, nil
}

// Marks of OpenTelemetry groups stand where the seconds of an event's time do: the event
// that begins a group has the resource and the scope of those that follow as its record.
const (
	groupStart = -1
	groupEnd   = -2
)

// when returns an event's time. mark is groupStart, groupEnd or 0; those have no time.
func (e event) when() (t time.Time, mark int, err error) {
	switch msgp.NextType(e.time) {
	case msgp.IntType, msgp.UintType:
		n, _, err := msgp.ReadInt64Bytes(e.time)
		if err != nil {
			return time.Time{}, 0, errChunk
		}
		if n == groupStart || n == groupEnd {
			return time.Time{}, int(n), nil
		}
		return time.Unix(n, 0), 0, nil
	case msgp.Float32Type, msgp.Float64Type:
		f, _, err := msgp.ReadFloat64Bytes(e.time)
		if err != nil || math.IsNaN(f) || math.Abs(f) > 1<<40 {
			return time.Time{}, 0, errChunk
		}
		whole, part := math.Modf(f)
		return time.Unix(int64(whole), int64(part*1e9)), 0, nil
	}
	// EventTime: seconds and nanoseconds, big endian, as an extension of type 0.
	b := e.time
	switch {
	case len(b) == 10 && b[0] == 0xd7 && b[1] == 0:
		b = b[2:]
	case len(b) == 11 && b[0] == 0xc7 && b[1] == 8 && b[2] == 0:
		b = b[3:]
	default:
		return time.Time{}, 0, errChunk
	}
	sec, nsec := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if m := int32(sec); m == groupStart || m == groupEnd {
		return time.Time{}, int(m), nil
	}
	return time.Unix(int64(sec), int64(nsec)), 0, nil
}

// leftOut says that some values of a chunk are no events, or cannot be written: they must
// not cost the others, and to come again would be in vain.
func leftOut(n int) error {
	if n == 0 {
		return nil
	}
	return permanent{fmt.Errorf("%d values left out of %w", n, errChunk)}
}

// skipValue returns what follows the value that b begins with, or nothing when it is damaged.
func skipValue(b []byte) []byte {
	_, rest, err := cut(b)
	if err != nil {
		return nil
	}
	return rest
}

// appendForwardEvents appends the events of a chunk as [time, record], the form of the
// Forward protocol, and returns how many, and how many values were left out. Metadata and
// the marks of groups have no place in it.
func appendForwardEvents(dst, chunk []byte) (_ []byte, records, left int) {
	for len(chunk) > 0 {
		e, rest, err := nextEvent(chunk)
		mark := 0
		if err == nil {
			_, mark, err = e.when()
		}
		if err != nil {
			left++
			chunk = skipValue(chunk)
			continue
		}
		chunk = rest
		if mark != 0 {
			continue
		}
		dst = append(dst, 0x92)
		dst = append(dst, e.time...)
		dst = append(dst, e.record...)
		records++
	}
	return dst, records, left
}

// JSONOptions say what a line of JSON holds besides the keys of a record.
type JSONOptions struct {
	// TimeKey is the key of the event's time, RFC 3339 in UTC with nanoseconds; empty
	// for no time.
	TimeKey string
	// TagKey is the key of the tag; empty for no tag.
	TagKey string
	// Metadata adds what is not empty of the event's metadata and of the record that
	// begins its group, under the keys metadata and group.
	Metadata bool
}

// lines is a chunk as lines of JSON.
type lines struct {
	text []byte
	ends []int // of each line, behind its line feed
	left int   // how many values are in no line, because they are no events
}

// appendLines writes the events of a chunk as lines of JSON. Keys that a record has itself
// win over those of the options. What JSON cannot hold is written as its nearest: bytes
// of a text that are not UTF-8 as U+FFFD, a bin that is not UTF-8 and the data of an
// extension as base64, NaN and infinities as null, keys that are no text as their JSON in
// quotes, those that are keys in keys in keys as their MessagePack in base64.
func (o JSONOptions) appendLines(tag string, chunk []byte) lines {
	l := lines{text: make([]byte, 0, len(chunk)+len(chunk)/4)}
	var group []byte
	for len(chunk) > 0 {
		e, rest, err := nextEvent(chunk)
		var t time.Time
		mark := 0
		if err == nil {
			t, mark, err = e.when()
		}
		switch {
		case err != nil:
		case mark == groupStart:
			group = e.record
		case mark == groupEnd:
			group = nil
		default:
			var text []byte
			if text, err = o.appendLine(l.text, tag, t, group, e); err == nil {
				l.text = append(text, '\n')
				l.ends = append(l.ends, len(l.text))
			}
		}
		if err != nil {
			l.left++
			rest = skipValue(chunk)
		}
		chunk = rest
	}
	return l
}

func (o JSONOptions) appendLine(dst []byte, tag string, t time.Time, group []byte, e event) ([]byte, error) {
	n, body, err := msgp.ReadMapHeaderBytes(e.record)
	if err != nil {
		return nil, errChunk
	}
	var w jsonWriter
	own := func(key string) bool { return key != "" && !hasKey(n, body, key) }
	dst = append(dst, '{')
	first := true
	key := func(name string) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendText(dst, []byte(name))
		dst = append(dst, ':')
	}
	if own(o.TimeKey) {
		key(o.TimeKey)
		dst = append(dst, '"')
		dst = t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000000Z")
		dst = append(dst, '"')
	}
	if own(o.TagKey) {
		key(o.TagKey)
		dst = appendText(dst, []byte(tag))
	}
	for _, more := range [...]struct {
		name string
		raw  []byte
	}{{"metadata", e.metadata}, {"group", group}} {
		if !o.Metadata || emptyMap(more.raw) || !own(more.name) {
			continue
		}
		key(more.name)
		if dst, _, err = w.appendJSON(dst, more.raw, 0); err != nil {
			return nil, err
		}
	}
	for range n {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if dst, body, err = w.appendKey(dst, body, 1); err != nil {
			return nil, err
		}
		dst = append(dst, ':')
		if dst, body, err = w.appendJSON(dst, body, 1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// hasKey reports whether a map of n entries has a text as one of its keys.
func hasKey(n uint32, body []byte, key string) bool {
	for range n {
		k, rest, err := cut(body)
		if err != nil {
			return false
		}
		if b, ok := text(k); ok && string(b) == key {
			return true
		}
		if _, body, err = cut(rest); err != nil {
			return false
		}
	}
	return false
}

// text returns the bytes of a str or a bin.
func text(b []byte) ([]byte, bool) {
	var t []byte
	var err error
	switch msgp.NextType(b) {
	case msgp.StrType:
		t, _, err = msgp.ReadStringZC(b)
	case msgp.BinType:
		t, _, err = msgp.ReadBytesZC(b)
	default:
		return nil, false
	}
	return t, err == nil
}

func emptyMap(raw []byte) bool {
	n, _, err := msgp.ReadMapHeaderBytes(raw)
	return err != nil || n == 0
}

// maxDepth bounds how deep a record may be nested.
const maxDepth = 512

// jsonWriter writes objects that stand in so many keys.
type jsonWriter struct{ keys int }

// appendJSON writes the object that b begins with, and returns what follows.
func (w jsonWriter) appendJSON(dst, b []byte, depth int) (out, rest []byte, err error) {
	if depth > maxDepth {
		return nil, nil, errors.New("a record that is nested too deep")
	}
	switch msgp.NextType(b) {
	case msgp.MapType:
		n, rest, err := msgp.ReadMapHeaderBytes(b)
		if err != nil {
			return nil, nil, errChunk
		}
		dst = append(dst, '{')
		for i := range n {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, rest, err = w.appendKey(dst, rest, depth+1); err != nil {
				return nil, nil, err
			}
			dst = append(dst, ':')
			if dst, rest, err = w.appendJSON(dst, rest, depth+1); err != nil {
				return nil, nil, err
			}
		}
		return append(dst, '}'), rest, nil
	case msgp.ArrayType:
		n, rest, err := msgp.ReadArrayHeaderBytes(b)
		if err != nil {
			return nil, nil, errChunk
		}
		dst = append(dst, '[')
		for i := range n {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, rest, err = w.appendJSON(dst, rest, depth+1); err != nil {
				return nil, nil, err
			}
		}
		return append(dst, ']'), rest, nil
	}
	one, rest, err := cut(b)
	if err != nil {
		return nil, nil, err
	}
	dst, err = appendScalar(dst, one)
	return dst, rest, err
}

func appendScalar(dst, one []byte) ([]byte, error) {
	if t, ok := text(one); ok {
		if msgp.NextType(one) == msgp.BinType && !utf8.Valid(t) {
			return appendBase64(dst, t), nil
		}
		return appendText(dst, t), nil
	}
	switch msgp.NextType(one) {
	case msgp.NilType:
		return append(dst, "null"...), nil
	case msgp.BoolType:
		v, _, err := msgp.ReadBoolBytes(one)
		return strconv.AppendBool(dst, v), err
	case msgp.IntType:
		v, _, err := msgp.ReadInt64Bytes(one)
		return strconv.AppendInt(dst, v, 10), err
	case msgp.UintType:
		v, _, err := msgp.ReadUint64Bytes(one)
		return strconv.AppendUint(dst, v, 10), err
	case msgp.Float32Type:
		v, _, err := msgp.ReadFloat32Bytes(one)
		return appendFloat(dst, float64(v), 32), err
	case msgp.Float64Type:
		v, _, err := msgp.ReadFloat64Bytes(one)
		return appendFloat(dst, v, 64), err
	}
	data, ok := extension(one)
	if !ok {
		return nil, errChunk
	}
	return appendBase64(dst, data), nil
}

func appendBase64(dst, data []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, data)
	return append(dst, '"')
}

// extension returns the data of an ext object.
func extension(b []byte) ([]byte, bool) {
	if len(b) < 3 {
		return nil, false
	}
	head := 0
	switch b[0] {
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		head = 2
	case 0xc7:
		head = 3
	case 0xc8:
		head = 4
	case 0xc9:
		head = 6
	}
	if head == 0 || len(b) < head {
		return nil, false
	}
	return b[head:], true
}

func appendFloat(dst []byte, v float64, bits int) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, bits)
}

// maxKeyDepth bounds how deep keys that are no text may be nested in each other: each time
// doubles the backslashes before the quotation marks inside.
const maxKeyDepth = 3

// appendKey writes the key that b begins with, as a text.
func (w jsonWriter) appendKey(dst, b []byte, depth int) (out, rest []byte, err error) {
	one, rest, err := cut(b)
	if err != nil {
		return nil, nil, err
	}
	if t, ok := text(one); ok {
		return appendText(dst, t), rest, nil
	}
	if w.keys == maxKeyDepth {
		return appendBase64(dst, one), rest, nil
	}
	key, _, err := jsonWriter{keys: w.keys + 1}.appendJSON(nil, one, depth)
	if err != nil {
		return nil, nil, err
	}
	if len(key) > 0 && key[0] == '"' {
		return append(dst, key...), rest, nil // an extension is in quotes already
	}
	return appendText(dst, key), rest, nil
}

const hexDigits = "0123456789abcdef"

// appendText writes a text as a JSON string.
func appendText(dst, s []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		dst = append(dst, s[from:i]...)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, `\ufffd`...)
		}
		i++
		from = i
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}
