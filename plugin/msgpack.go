package plugin

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
)

// Kinds of values, by what the walk does with them.
type kind uint8

const (
	kindAtom kind = iota // nil, bool
	kindInt
	kindFloat
	kindText // str and bin
	kindExt
	kindArray
	kindMap
)

// item is a value of MessagePack as it stands in a chunk.
// See https://github.com/msgpack/msgpack/blob/master/spec.md.
type item struct {
	kind kind
	// body is where the payload starts, or the first element; end is where the payload
	// ends, for containers as well as body.
	body, end int
	// n is how many values an array or a map has, a map two for each pair.
	n int
}

// shape is what the first byte of a value says.
type shape struct {
	kind kind
	// size is how many bytes follow the first one that hold a length, and with fixed
	// how many that hold the value.
	size uint8
	// fixed says that the length is in n, not in bytes that follow.
	fixed bool
	// ok is false for the one byte that begins no value.
	ok bool
	n  uint8
}

var shapes = func() (t [256]shape) {
	for c := range t {
		switch {
		case c <= 0x7f, c >= 0xe0:
			t[c] = shape{kind: kindInt, fixed: true, ok: true}
		case c <= 0x8f:
			t[c] = shape{kind: kindMap, fixed: true, ok: true, n: uint8(c&15) * 2}
		case c <= 0x9f:
			t[c] = shape{kind: kindArray, fixed: true, ok: true, n: uint8(c & 15)}
		case c <= 0xbf:
			t[c] = shape{kind: kindText, fixed: true, ok: true, n: uint8(c & 31)}
		}
	}
	for _, c := range []byte{0xc0, 0xc2, 0xc3} {
		t[c] = shape{kind: kindAtom, fixed: true, ok: true}
	}
	t[0xca] = shape{kind: kindFloat, fixed: true, ok: true, n: 4}
	t[0xcb] = shape{kind: kindFloat, fixed: true, ok: true, n: 8}
	for i := range 4 {
		t[0xcc+i] = shape{kind: kindInt, fixed: true, ok: true, n: 1 << i}
		t[0xd0+i] = shape{kind: kindInt, fixed: true, ok: true, n: 1 << i}
	}
	for i := range 5 {
		t[0xd4+i] = shape{kind: kindExt, fixed: true, ok: true, n: 1 << i}
	}
	for i := range 3 {
		t[0xc4+i] = shape{kind: kindText, ok: true, size: 1 << i} // bin
		t[0xd9+i] = shape{kind: kindText, ok: true, size: 1 << i} // str
		t[0xc7+i] = shape{kind: kindExt, ok: true, size: 1 << i}
	}
	for i := range 2 {
		t[0xdc+i] = shape{kind: kindArray, ok: true, size: 2 << i}
		t[0xde+i] = shape{kind: kindMap, ok: true, size: 2 << i}
	}
	return t
}()

// itemAt reads the value at b[p]. It reports false when no value begins there, or when its
// payload reaches beyond b.
func itemAt(b []byte, p int) (it item, ok bool) {
	if p >= len(b) {
		return it, false
	}
	c := b[p]
	p++
	if c-0xa0 < 0x20 { // Fast path - a short string.
		end := p + int(c&31)
		return item{kind: kindText, body: p, end: end}, end <= len(b)
	}
	s := &shapes[c]
	n := int(s.n)
	if !s.fixed {
		if len(b)-p < int(s.size) {
			return it, false
		}
		switch s.size {
		case 1:
			n = int(b[p])
		case 2:
			n = int(binary.BigEndian.Uint16(b[p:]))
		case 4:
			n = int(binary.BigEndian.Uint32(b[p:]))
		}
		p += int(s.size)
		if s.kind == kindMap {
			n *= 2
		}
	}
	it = item{kind: s.kind, body: p, end: p}
	switch s.kind {
	case kindArray, kindMap:
		// Each value has one byte at least.
		it.n = n
		return it, n <= len(b)-p
	case kindExt:
		it.body++
		n++
	}
	it.end = p + n
	return it, s.ok && n <= len(b)-p
}

// mapAt returns how many pairs the map at b[p] has, and where the first one stands; 0 for
// that when there is none, or none of the two forms in which Fluent Bit writes maps.
func mapAt(b []byte, p int) (n, body int) {
	switch {
	case p >= len(b):
		return 0, 0
	case b[p]&0xf0 == 0x80:
		n, body = int(b[p]&0x0f), p+1
	case b[p] == 0xdf && len(b)-p >= 5:
		n, body = int(binary.BigEndian.Uint32(b[p+1:])), p+5
	}
	if 2*n > len(b)-body {
		return 0, 0 // each value has one byte at least
	}
	return n, body
}

// skip returns the end of the value at b[p], at whatever depth it ends, or -1 when it is
// damaged.
func skip(b []byte, p int) int {
	for left := 1; left > 0; left-- {
		it, ok := itemAt(b, p)
		if !ok {
			return -1
		}
		left += it.n
		p = it.end
	}
	return p
}

// appendInt appends the decimal form of the integer b.
func appendInt(dst, b []byte) []byte {
	var u uint64
	for _, c := range b[1:] {
		u = u<<8 | uint64(c)
	}
	switch c := b[0]; {
	case c <= 0x7f:
		u = uint64(c)
	case c >= 0xe0:
		return strconv.AppendInt(dst, int64(int8(c)), 10)
	case c >= 0xd0:
		n := 64 - 8*len(b[1:])
		return strconv.AppendInt(dst, int64(u<<n)>>n, 10)
	}
	return strconv.AppendUint(dst, u, 10)
}

// maxPlain is from where on a float is written with an exponent: no value has more digits.
// One of less than minPlain has a decimal point with many zeros behind it.
const maxPlain, minPlain = 1e19, 1e-6

// appendFloat appends the float b as a JSON number. A whole one has no decimal point: it was
// an integer before a program came by that has only floats, as Lua has. NaN and infinities
// are null.
func appendFloat(dst, b []byte) []byte {
	var f float64
	bits := 64
	if len(b) == 5 {
		f, bits = float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:]))), 32
	} else {
		f = math.Float64frombits(binary.BigEndian.Uint64(b[1:]))
	}
	switch a := math.Abs(f); {
	case math.IsNaN(a), math.IsInf(a, 0):
		return append(dst, "null"...)
	case a != 0 && (a < minPlain || a >= maxPlain):
		return strconv.AppendFloat(dst, f, 'e', -1, bits)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bits)
}

// appendText appends a value of the form that old begins with, and with the payload text.
// The header has the width that it had, or what the length needs when that is more. In the
// place of a number comes what the engine puts in the place of a JSON number: a string,
// null or a number.
func appendText(dst, old, text []byte) []byte {
	if k := shapes[old[0]].kind; k == kindInt || k == kindFloat {
		return appendScalar(dst, text, k)
	}
	n := len(text)
	width := func(least byte) byte { // of the three widths of a form, counted from 0
		switch {
		case n > 1<<16-1 || least == 2:
			return 2
		case n > 1<<8-1 || least == 1:
			return 1
		}
		return 0
	}
	first := byte(0xd9)
	var w byte
	switch c := old[0]; {
	case c >= 0xd9 && c <= 0xdb:
		w = width(c - 0xd9)
	case c >= 0xc4 && c <= 0xc6:
		first, w = 0xc4, width(c-0xc4)
	case c >= 0xc7 && c <= 0xc9:
		first, w = 0xc7, width(c-0xc7)
	case c >= 0xd4 && c <= 0xd8:
		if len(old) == 2+n {
			return append(append(dst, old[:len(old)-n]...), text...)
		}
		first, w = 0xc7, width(0)
	default:
		if n < 32 {
			return append(append(dst, 0xa0|byte(n)), text...)
		}
		w = width(0)
	}
	dst = append(dst, first+w)
	switch w {
	case 0:
		dst = append(dst, byte(n))
	case 1:
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	}
	if first == 0xc7 {
		it, _ := itemAt(old, 0)
		dst = append(dst, old[it.body-1])
	}
	return append(dst, text...)
}

// appendScalar appends the value of JSON that is written as text, in the place of a number
// of the kind k. A number that a float cannot hold to its last digit, by which it is known
// again, becomes null.
func appendScalar(dst, text []byte, k kind) []byte {
	if string(text) == "null" {
		return append(dst, 0xc0)
	}
	if k == kindFloat {
		if f, err := strconv.ParseFloat(string(text), 64); err == nil {
			n := len(dst)
			dst = binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f))
			var again [32]byte
			if !bytes.Equal(appendFloat(again[:0], dst[n:]), text) {
				dst = append(dst[:n], 0xc0)
			}
			return dst
		}
	}
	if u, err := strconv.ParseUint(string(text), 10, 64); err == nil {
		return binary.BigEndian.AppendUint64(append(dst, 0xcf), u)
	}
	if i, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(i))
	}
	return appendText(dst, []byte{0xa0}, bytes.Trim(text, `"`))
}
