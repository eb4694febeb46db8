package plugin

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"logveil/detectors"
	"logveil/redact"
)

func newEngine(t testing.TB) *redact.Engine {
	t.Helper()
	e, err := redact.New(redact.Options{Detectors: detectors.All()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newRedactor(t testing.TB) *Redactor {
	t.Helper()
	return New(Options{Engine: newEngine(t)})
}

// pair is a pair of a map, in its order, with its length wherever it matters.
type pair struct{ key, value any }

// object is a map that keeps its order.
type object []pair

// ext is an extension.
type ext struct {
	kind int8
	data []byte
}

// appendAny encodes a value with tinylib/msgp, the decoder's other half.
func appendAny(b []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		b = msgp.AppendMapHeader(b, uint32(len(v)))
		for _, p := range v {
			b = appendAny(appendAny(b, p.key), p.value)
		}
		return b
	case []any:
		b = msgp.AppendArrayHeader(b, uint32(len(v)))
		for _, e := range v {
			b = appendAny(b, e)
		}
		return b
	case ext:
		b, err := msgp.AppendExtension(b, &msgp.RawExtension{Type: v.kind, Data: v.data})
		if err != nil {
			panic(err)
		}
		return b
	case msgp.Raw: // as it is
		return append(b, v...)
	}
	b, err := msgp.AppendIntf(b, v)
	if err != nil {
		panic(err)
	}
	return b
}

// decode reads one value, maps in their order.
func decode(b []byte) (v any, rest []byte, err error) {
	switch msgp.NextType(b) {
	case msgp.MapType:
		n, b, err := msgp.ReadMapHeaderBytes(b)
		if err != nil {
			return nil, b, err
		}
		o := object{}
		for range n {
			var p pair
			if p.key, b, err = decode(b); err != nil {
				return nil, b, err
			}
			if p.value, b, err = decode(b); err != nil {
				return nil, b, err
			}
			o = append(o, p)
		}
		return o, b, nil
	case msgp.ArrayType:
		n, b, err := msgp.ReadArrayHeaderBytes(b)
		if err != nil {
			return nil, b, err
		}
		a := []any{}
		for range n {
			var e any
			if e, b, err = decode(b); err != nil {
				return nil, b, err
			}
			a = append(a, e)
		}
		return a, b, nil
	case msgp.InvalidType:
		return nil, b, fmt.Errorf("no value begins with % x", b[:min(1, len(b))])
	case msgp.ExtensionType, msgp.TimeType, msgp.Complex64Type, msgp.Complex128Type:
		it, ok := itemAt(b, 0)
		if !ok {
			return nil, b, fmt.Errorf("an extension is cut off")
		}
		return ext{int8(b[it.body-1]), b[it.body:it.end]}, b[it.end:], nil
	}
	return msgp.ReadIntfBytes(b)
}

func decodeAll(t testing.TB, b []byte) []any {
	t.Helper()
	var all []any
	for len(b) > 0 {
		v, rest, err := decode(b)
		if err != nil {
			t.Fatalf("tinylib/msgp: %v", err)
		}
		all, b = append(all, v), rest
	}
	return all
}

// now is a time as Fluent Bit writes it: the extension 0 of seconds and nanoseconds.
var now = ext{0, []byte{0x65, 0x6e, 0x6f, 0x70, 0, 0, 0, 1}}

func event(body any) []byte { return appendAny(nil, []any{[]any{now, object{}}, body}) }

// TestForms redacts events of each form that Fluent Bit has or had.
func TestForms(t *testing.T) {
	const card, mask = "4111111111111111", "tok1_card_x"
	body := func(s string) object { return object{{"log", "paid with " + s}, {"n", int64(1)}} }
	tests := []struct {
		name     string
		in, want any
	}{
		{"new", []any{[]any{now, object{}}, body(card)}, []any{[]any{now, object{}}, body(mask)}},
		{"old, time as an extension", []any{now, body(card)}, []any{now, body(mask)}},
		{"old, time as an integer", []any{int64(1700000000), body(card)}, []any{int64(1700000000), body(mask)}},
		{"old, time as a float", []any{1.7e9, body(card)}, []any{1.7e9, body(mask)}},
		{"metadata",
			[]any{[]any{now, object{{"otlp", object{{"attributes", object{{"user.card", card}}}}}}}, body("-")},
			[]any{[]any{now, object{{"otlp", object{{"attributes", object{{"user.card", mask}}}}}}}, body("-")}},
		{"start of a group",
			[]any{[]any{int64(-1), object{{"schema", "otlp"}}}, object{{"resource", object{{"attributes", object{{"owner", card}}}}}}},
			[]any{[]any{int64(-1), object{{"schema", "otlp"}}}, object{{"resource", object{{"attributes", object{{"owner", mask}}}}}}}},
		{"end of a group", []any{[]any{int64(-2), object{}}, object{}}, []any{[]any{int64(-2), object{}}, object{}}},
		{"a body that is no map", []any{[]any{now, object{}}, card}, []any{[]any{now, object{}}, mask}},
		{"no event: a string", card, mask},
		{"no event: three values", []any{now, card, card}, []any{now, mask, mask}},
		{"no event: a string for a time", []any{card, object{}}, []any{mask, object{}}},
		{"a card as a number", []any{now, object{{"card", int64(4111111111111111)}}}, []any{now, object{{"card", mask}}}},
		{"a password as a number", []any{now, object{{"password", int64(194837)}}}, []any{now, object{{"password", "tok1_password_x"}}}},
		{"numbers that are nothing", []any{now, object{{"size", int64(194837)}, {"t", uint64(1764075264123456789)}, {"z", -0.5}, {"u", uint64(1 << 63)}}},
			[]any{now, object{{"size", int64(194837)}, {"t", uint64(1764075264123456789)}, {"z", -0.5}, {"u", uint64(1 << 63)}}}},
		{"a card as a float", []any{now, object{{"card", 4111111111111111.0}}}, []any{now, object{{"card", mask}}}},
		{"places on the map", []any{now, object{{"lat", 52.520008}, {"lon", float32(13.40495)}}}, []any{now, object{{"lat", "tok1_geo_x"}, {"lon", "tok1_geo_x"}}}},
		{"floats that are nothing", []any{now, object{{"load", 0.4111111111111111}, {"t", 1764075264.123456}, {"a", math.NaN()}, {"b", math.Inf(-1)}, {"c", 5e-324}, {"d", -1.7e308}, {"e", float32(1e-9)}}},
			[]any{now, object{{"load", 0.4111111111111111}, {"t", 1764075264.123456}, {"a", math.NaN()}, {"b", math.Inf(-1)}, {"c", 5e-324}, {"d", -1.7e308}, {"e", float32(1e-9)}}}},
		{"times", []any{now, object{{"t", ext{-1, []byte("12345678")}}, {"u", ext{-1, []byte("1234")}}}}, []any{now, object{{"t", ext{-1, []byte("12345678")}}, {"u", ext{-1, []byte("1234")}}}}},
		{"text that says it is a time", []any{now, object{{"t", ext{-1, []byte("paid with " + card)}}}}, []any{now, object{{"t", ext{-1, []byte("paid with " + mask)}}}}},
		{"bytes", []any{now, object{{"log", []byte("paid with " + card)}}}, []any{now, object{{"log", []byte("paid with " + mask)}}}},
		{"an extension that has text", []any{now, object{{"log", ext{7, []byte("paid with " + card)}}}}, []any{now, object{{"log", ext{7, []byte("paid with " + mask)}}}}},
		{"an extension of a fixed size", []any{now, object{{"x", ext{7, []byte(card)}}}}, []any{now, object{{"x", ext{7, []byte(mask)}}}}},
		{"a key that is a value", []any{now, object{{"ada@example.com", int64(3)}}}, []any{now, object{{"tok1_email_x", int64(3)}}}},
		{"a number that is a key", []any{now, object{{int64(4111111111111111), "x"}}}, []any{now, object{{mask, "x"}}}},
		{"a map that is a key", []any{now, object{{object{{"k", card}}, "x"}}}, []any{now, object{{object{{"k", mask}}, "x"}}}},
	}
	r := newRedactor(t)
	for _, tt := range tests {
		in, want := appendAny(nil, tt.in), appendAny(nil, tt.want)
		got, c := r.Append(t.Context(), nil, in)
		if c != (Counts{Records: 1}) {
			t.Errorf("%s: counts %+v", tt.name, c)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s\n got % x\nwant % x", tt.name, got, want)
		}
	}
}

// TestNumbers puts in the place of a number what the policy says.
func TestNumbers(t *testing.T) {
	in := event(object{{"card", int64(4111111111111111)}, {"n", int64(12345)}, {"ssn", []any{int64(123456789), int64(7)}}, {"s", "card 4111111111111111"}})
	for numbers, check := range map[redact.Numbers]func(v any) bool{
		redact.NumbersString: func(v any) bool { s, ok := v.(string); return ok && strings.HasPrefix(s, "tok1_") },
		redact.NumbersNull:   func(v any) bool { return v == nil },
		redact.NumbersNumber: func(v any) bool {
			u, ok := v.(uint64)
			return ok && u != 4111111111111111 && len(fmt.Sprint(u)) == 16
		},
	} {
		e, err := redact.New(redact.Options{Detectors: detectors.All(), Numbers: numbers})
		if err != nil {
			t.Fatal(err)
		}
		got, _ := New(Options{Engine: e}).Append(t.Context(), nil, in)
		v, _, err := decode(got)
		if err != nil {
			t.Fatal(err)
		}
		body := v.([]any)[1].(object)
		if !check(body[0].value) || body[1].value != int64(12345) || body[3].value != "card tok1_card_x" {
			t.Errorf("%s: %#v", numbers, body)
		}
	}
}

// TestFloats puts in the place of a float what the policy says, and knows it again.
func TestFloats(t *testing.T) {
	for _, numbers := range []redact.Numbers{redact.NumbersString, redact.NumbersNull, redact.NumbersNumber} {
		e, err := redact.New(redact.Options{Detectors: detectors.All(), Numbers: numbers})
		if err != nil {
			t.Fatal(err)
		}
		r := New(Options{Engine: e})
		kinds := map[string]int{}
		for i := range 200 {
			f := 52.000001 + float64(i)*0.007013
			in := event(object{{"lat", f}, {"card", 4111111111111111.0}})
			got, _ := r.Append(t.Context(), nil, in)
			if again, _ := r.Append(t.Context(), nil, got); !bytes.Equal(again, got) {
				t.Errorf("%s: %v: a second time % x, then % x", numbers, f, got, again)
			}
			v, rest, err := decode(got)
			if err != nil || len(rest) > 0 {
				t.Fatal(err)
			}
			for _, p := range v.([]any)[1].(object) {
				if p.value == f || p.value == 4111111111111111.0 {
					t.Errorf("%s: %v stays", numbers, f)
				}
				kinds[fmt.Sprintf("%T", p.value)]++
			}
		}
		want := map[redact.Numbers]string{redact.NumbersString: "string", redact.NumbersNull: "<nil>", redact.NumbersNumber: "float64"}[numbers]
		if kinds[want] < 300 || kinds["string"] > 0 && want != "string" {
			t.Errorf("%s: %v", numbers, kinds)
		}
	}
}

// TestUnderKeys puts values, with all that could end them too early, under a key that
// tells what they are. The key is all that there is to tell.
func TestUnderKeys(t *testing.T) {
	const mask = "tok1_password_x"
	values := []string{
		"hunter2 blue", `correct "horse" battery`, "correct 'horse' battery", `back\slash"quote`, "two\nlines of it",
		"a,b=c;d&e", `"quoted"`, `{"json": "in it"}`, "ends with a quote\"", "\x00nul \x7f inside", "`tick` tock", "x: y", "naïve pässwörd",
	}
	r := newRedactor(t)
	check := func(name string, in, want any) {
		t.Helper()
		got, _ := r.Append(t.Context(), nil, event(in))
		if !bytes.Equal(got, event(want)) {
			v, _, _ := decode(got)
			t.Errorf("%s: %q", name, v)
		}
	}
	for _, v := range values {
		check("alone", object{{"password", v}}, object{{"password", mask}})
		check("between others",
			object{{"a", `it's "so"`}, {"password", v}, {"b", `and 'so`}},
			object{{"a", `it's "so"`}, {"password", mask}, {"b", `and 'so`}})
		check("deep", object{{"a", object{{"b", []any{object{{"dbPassword", v}}}}}}}, object{{"a", object{{"b", []any{object{{"dbPassword", mask}}}}}}})
		check("in an array", object{{"password", []any{v, "x", v, []any{v}}}}, object{{"password", []any{mask, "x", mask, []any{mask}}}})
		check("first of an array", object{{"password", []any{v}}, {"n", []any{int64(7), int64(8)}}}, object{{"password", []any{mask}}, {"n", []any{int64(7), int64(8)}}})
		check("bytes", object{{"password", []byte(v)}}, object{{"password", []byte(mask)}})
	}
	check("a cookie's attributes stay",
		object{{"Set-Cookie", "sid=31d4d96e407aad42; Path=/; HttpOnly"}},
		object{{"Set-Cookie", "sid=tok1_token_x; Path=/; HttpOnly"}})
}

// TestNotAcross puts beginnings and ends of values into neighbouring strings: nothing may
// be taken over an edge, and what is whole on one side must go all the same.
func TestNotAcross(t *testing.T) {
	r := newRedactor(t)
	for _, tt := range []struct{ in, want object }{
		{object{{"a", "4111 1111"}, {"b", "1111 1111"}}, object{{"a", "4111 1111"}, {"b", "1111 1111"}}},
		{object{{"a", "ada@"}, {"b", "example.com"}}, object{{"a", "ada@"}, {"b", "example.com"}}},
		{object{{"a", "password="}, {"b", "web1"}}, object{{"a", "password="}, {"b", "web1"}}},
		{object{{"a", "password='hunter2x"}, {"b", "web1"}, {"c", "pay 4111111111111111"}, {"d", "it's"}},
			object{{"a", "password='tok1_password_x"}, {"b", "web1"}, {"c", "pay tok1_card_x"}, {"d", "it's"}}},
		{object{{"a", "-----BEGIN RSA PRIVATE KEY-----"}, {"b", "web1"}}, object{{"a", "-----BEGIN RSA PRIVATE KEY-----"}, {"b", "web1"}}},
	} {
		got, _ := r.Append(t.Context(), nil, event(tt.in))
		v, _, err := decode(got)
		if err != nil {
			t.Fatal(err)
		}
		want, _, _ := decode(event(tt.want))
		if fmt.Sprint(v) != fmt.Sprint(want) {
			t.Errorf("%q\n got %q\nwant %q", tt.in, v, want)
		}
	}
}

// TestNotAcrossRecords puts what tells a value into the record before.
func TestNotAcrossRecords(t *testing.T) {
	r := newRedactor(t)
	for _, first := range []string{"password", "password:", "password=", `{"password":`, "<password>", "ssn", "Authorization: Bearer", "name=\"password\"\r\n"} {
		for _, second := range []string{"Zx7kQ9vB2mN4", "123456789", "hunter2x"} {
			chunk := slices.Concat(event(object{{"log", first}}), event(object{{"log", second}}), event(object{{"log", first}, {"x", "y"}}), event(object{{second, second}}))
			if got, _ := r.Append(t.Context(), nil, chunk); !bytes.Equal(got, chunk) {
				t.Errorf("%q, then %q: %q", first, second, decodeAll(t, got))
			}
		}
	}
}

// TestSiblings looks at what a record says about its own fields: a name in one, the value
// in another.
func TestSiblings(t *testing.T) {
	r := newRedactor(t)
	in := event(object{{"name", "password"}, {"value", "hunter2 blue"}})
	got, _ := r.Append(t.Context(), nil, in)
	w := newEngine(t).NewWorker()
	text := w.Append(t.Context(), nil, []byte(`{"name":"password","value":"hunter2 blue"}`))
	if a, b := bytes.Contains(text, []byte("hunter2 blue")), bytes.Contains(got, []byte("hunter2 blue")); a != b {
		t.Errorf("in JSON text the value stays: %v; in a record: %v", a, b)
	}
}

// wide encodes a string under a header of any width, as Fluent Bit writes them.
func wide(width int, s string) msgp.Raw {
	switch width {
	case 0:
		return append(msgp.Raw{0xa0 | byte(len(s))}, s...)
	case 1:
		return append(msgp.Raw{0xd9, byte(len(s))}, s...)
	case 2:
		return append(binary.BigEndian.AppendUint16(msgp.Raw{0xda}, uint16(len(s))), s...)
	}
	return append(binary.BigEndian.AppendUint32(msgp.Raw{0xdb}, uint32(len(s))), s...)
}

// TestHeaders keeps the width of a header that is wider than it must be, and widens one
// that is too narrow.
func TestHeaders(t *testing.T) {
	const card, mask = "4111111111111111", "tok1_card_x"
	long := strings.Repeat("- ", 122) // 244 bytes: with a mask for an address more than 255
	tests := []struct{ in, want msgp.Raw }{
		{wide(0, card), wide(0, mask)},
		{wide(1, card), wide(1, mask)},
		{wide(2, card), wide(2, mask)},
		{wide(3, card), wide(3, mask)},
		{wide(1, long+"ip 1.1.1.1"), wide(2, long+"ip tok1_ipv4_x")},
		{wide(0, "a password=abc1"), wide(0, "a password=tok1_password_x")},
		{wide(0, "ab ip 8.8.8.8, ip 1.1.1.1"), wide(1, "ab ip tok1_ipv4_x, ip tok1_ipv4_x")},
	}
	r := newRedactor(t)
	before := msgp.Raw{0xdf, 0, 0, 0, 1, 0xdb, 0, 0, 0, 1, 'k'} // a map32 of one pair, its key a str32
	for _, tt := range tests {
		in := append(append(msgp.Raw{0xdd, 0, 0, 0, 2, 1}, before...), tt.in...)
		want := append(append(msgp.Raw{0xdd, 0, 0, 0, 2, 1}, before...), tt.want...)
		got, _ := r.Append(t.Context(), nil, in)
		if !bytes.Equal(got, want) {
			t.Errorf("\n in %q\n got %q\nwant %q", in, got, want)
		}
	}
}

// width says which headers are as wide as they can be, others being as narrow.
type width struct{ maps, others bool }

// recorded are those of Fluent Bit's tail.
var recorded, widest = width{maps: true}, width{true, true}

func (w width) append(b []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		if w.maps {
			b = binary.BigEndian.AppendUint32(append(b, 0xdf), uint32(len(v)))
		} else {
			b = msgp.AppendMapHeader(b, uint32(len(v)))
		}
		for _, p := range v {
			b = w.append(w.append(b, p.key), p.value)
		}
		return b
	case []any:
		if w.others {
			b = binary.BigEndian.AppendUint32(append(b, 0xdd), uint32(len(v)))
		} else {
			b = msgp.AppendArrayHeader(b, uint32(len(v)))
		}
		for _, e := range v {
			b = w.append(b, e)
		}
		return b
	case string:
		if w.others {
			return append(b, wide(3, v)...)
		}
	}
	return appendAny(b, v)
}

// all encodes values one behind the other.
func (w width) all(vs []any) (b []byte) {
	for _, v := range vs {
		b = w.append(b, v)
	}
	return b
}

// sameLayout compares how a chunk is laid out with how the same values are under wide
// headers, which none of the short ways of laying out takes, and what becomes of both.
func sameLayout(t *testing.T, e *redact.Engine, chunk []byte) {
	t.Helper()
	other := widest.all(decodeAll(t, chunk))
	layOut := func(chunk []byte) (redact.Fields, []string) {
		r := New(Options{Engine: e})
		b := r.batches[0]
		for p := 0; p < len(chunk); {
			if _, p = r.layOut(b, chunk, p); p < 0 {
				return redact.Fields{}, nil
			}
		}
		var leaves []string
		for _, l := range b.leaves {
			leaves = append(leaves, string(widest.all(decodeAll(t, chunk[l.start:l.end]))))
		}
		return b.Fields, leaves
	}
	a, as := layOut(chunk)
	b, bs := layOut(other)
	if !bytes.Equal(a.Text, b.Text) {
		t.Fatalf("laid out: %q\nunder wide headers: %q", a.Text, b.Text)
	}
	if !slices.Equal(a.Fields, b.Fields) || !slices.Equal(a.Records, b.Records) || !slices.EqualFunc(a.Whole, b.Whole, bytes.Equal) || !slices.Equal(as, bs) {
		t.Fatalf("%q: other fields\n%+v, %q\nunder wide headers:\n%+v, %q", a.Text, a, as, b, bs)
	}
}

// TestLayout lays out records that are alike, and others between them.
func TestLayout(t *testing.T) {
	e := newEngine(t)
	plain := func(key, value string) []byte { return event(object{{key, value}}) }
	long := strings.Repeat("y", 70000)
	chunks := [][]byte{
		slices.Concat(plain("log", "first"), plain("log", "second"), plain("log", "third")),
		slices.Concat(plain("log", "a"), plain("lag", "b"), plain("log", ""), plain("log", strings.Repeat("x", 300)), plain("log", long), plain("log", long[:65535]), plain("log", "c")),
		slices.Concat(plain("password", "a"), plain("password", "b\"c"), plain("password", "d"), plain("log", "e"), plain("log", "f")),
		slices.Concat(plain("", "a"), plain("", "b"), plain(long[:31], "c"), plain(long[:31], "d"), plain(long[:32], "e"), plain(long[:32], "f")),
		slices.Concat(plain("log", "a"), event(object{{"log", "a"}, {"stream", "b"}}), event(object{}), event(object{{"log", int64(5)}}), event(object{{"log", []byte("c")}})),
		slices.Concat(plain("log", "a"), appendAny(nil, []any{int64(1), object{{"log", "b"}}}), appendAny(nil, []any{[]any{now, object{{"m", "n"}}}, object{{"log", "b"}}}), plain("log", "c")),
		slices.Concat(plain("log", "a"), appendAny(nil, "log"), appendAny(nil, []any{[]any{now, object{}}, "log"}), event([]any{"log", "x"}), plain("log", "b")),
	}
	g := &generator{Rand: rand.New(rand.NewPCG(3, 4))}
	for range 300 {
		var chunk []byte
		for range g.IntN(20) {
			one := g.record()
			for range g.IntN(3) {
				chunk = append(chunk, one...)
			}
		}
		chunks = append(chunks, chunk)
	}
	for _, chunk := range chunks {
		sameLayout(t, e, chunk)
		sameLayout(t, e, recorded.all(decodeAll(t, chunk)))
	}
	alike := chunks[0]
	for _, chunk := range [][]byte{alike, recorded.all(decodeAll(t, alike))} {
		r := New(Options{Engine: e})
		if n, end := r.layOut(r.batches[0], chunk, 0); n != 3 || end != len(chunk) {
			t.Errorf("%d records that are alike are laid out in one go", n)
		}
		want, _ := r.Append(t.Context(), nil, chunk)
		for cut := range chunk {
			got, c := r.Append(t.Context(), nil, chunk[:cut])
			whole := 0
			for end := skip(chunk, 0); end <= cut; end = skip(chunk, end) {
				whole++
			}
			if c.Records != whole || !bytes.HasPrefix(want, got) {
				t.Fatalf("cut at %d: %d records, want %d: %q", cut, c.Records, whole, got)
			}
		}
	}
}

// TestChanged tells chunks that stay as they are.
func TestChanged(t *testing.T) {
	e, err := redact.New(redact.Options{Detectors: append(detectors.All(), broken{})})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Engine: e})
	clean := bytes.Repeat(event(object{{"log", "nothing"}, {"n", int64(1)}}), 20)
	card, masked := event(object{{"log", "4111111111111111"}}), event(object{{"log", "tok1_card_x"}})
	deep := event(object{{"log", "nothing"}})
	for range maxDepth + 2 {
		deep = append([]byte{0x91}, deep...)
	}
	for what, tt := range map[string]struct {
		chunk, want []byte // nothing when it is not to change
	}{
		"empty":      {nil, nil},
		"clean":      {clean, nil},
		"clean, two": {slices.Concat(clean, event(object{{"a", "b"}})), nil},
		"a token":    {slices.Concat(clean, masked), nil},
		"first":      {slices.Concat(card, clean), slices.Concat(masked, clean)},
		"last":       {slices.Concat(clean, card), slices.Concat(clean, masked)},
		"middle":     {slices.Concat(clean, card, clean), slices.Concat(clean, masked, clean)},
		"damage":     {slices.Concat(clean, []byte{0xc1}), clean},
		"all damage": {[]byte{0xc1}, []byte{}},
		"deep":       {slices.Concat(clean, deep, clean), slices.Concat(clean, appendAny(nil, object{{"logveil", "tok1_failed_x"}}), clean)},
		"a panic":    {slices.Concat(clean, event(object{{"log", "boom"}})), slices.Concat(clean, event(object{{"log", "tok1_failed_x"}}))},
	} {
		out, _, changed := r.AppendChanged(t.Context(), []byte("before"), tt.chunk)
		if changed != (tt.want != nil) || string(out) != "before"+string(tt.want) {
			t.Errorf("%s: changed is %v: %q", what, changed, out)
		}
	}
}

// generator makes records at random. All strings come from its words, none of which says
// anything about its neighbours.
type generator struct {
	*rand.Rand
	planted int
}

var words = []string{
	"", "a", "log", "connection reset by peer", "GET /index.html 200", "größer", "{}", "[1,2]",
	"pay 4111111111111111 now", "ada@example.com", "from 8.8.8.8 to 10.0.0.1", "iban DE89370400440532013000.",
	"a=1 b=2", strings.Repeat("x ", 200), "user ada@example.com, ada@example.com",
	`{"card":4111111111111111,"to":"ada@example.com"}`, "password=hunter2x ok", "ZnJvbSBhZGFAZXhhbXBsZS5jb20gdG8gYWRhQGV4YW1wbGUuY29t",
}

func (g *generator) word() string {
	i := g.IntN(len(words))
	if i >= 8 && i != 12 && i != 13 {
		g.planted++
	}
	return words[i]
}

func (g *generator) value(depth int) any {
	n := 11
	if depth == 0 {
		n = 9
	}
	switch g.IntN(n) {
	case 0:
		return nil
	case 1:
		return g.IntN(2) == 0
	case 2:
		return int64(g.IntN(1<<30) - 1<<29)
	case 3:
		return g.Float64()
	case 4:
		return []byte(g.word())
	case 5:
		return ext{int8(g.IntN(100) + 1), []byte(g.word())}
	case 9:
		a := []any{}
		for range g.IntN(4) {
			a = append(a, g.value(depth-1))
		}
		return a
	case 10:
		return g.object(depth - 1)
	}
	return g.word()
}

func (g *generator) object(depth int) object {
	o := object{}
	for i := range g.IntN(5) {
		o = append(o, pair{fmt.Sprintf("k%d", i), g.value(depth)})
	}
	return o
}

func (g *generator) record() []byte {
	switch g.IntN(10) {
	case 0:
		return appendAny(nil, []any{int64(1700000000), g.object(3)})
	case 1:
		return appendAny(nil, g.value(2))
	}
	return appendAny(nil, []any{[]any{now, g.object(1)}, g.object(3)})
}

// redactTree is the oracle: each string of a decoded record by itself, through the engine
// as text between quotation marks.
func redactTree(w *redact.Worker, v any) any {
	text := func(s []byte) []byte {
		out := w.Append(context.Background(), nil, []byte(`"`+string(s)+`"`))
		return out[1 : len(out)-1]
	}
	switch v := v.(type) {
	case string:
		return string(text([]byte(v)))
	case []byte:
		return text(v)
	case ext:
		if v.kind == 0 {
			return v
		}
		return ext{v.kind, text(v.data)}
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, redactTree(w, e))
		}
		return out
	case object:
		out := object{}
		for _, p := range v {
			out = append(out, pair{redactTree(w, p.key), redactTree(w, p.value)})
		}
		return out
	}
	return v
}

// TestAgainstDecoder compares with what a decoder and the engine make of each string.
func TestAgainstDecoder(t *testing.T) {
	r, small := newRedactor(t), New(Options{Engine: newEngine(t), Batch: 500})
	w := newEngine(t).NewWorker()
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
	for round := range 300 {
		var chunk []byte
		var ends []int
		for range g.IntN(40) {
			chunk = append(chunk, g.record()...)
			ends = append(ends, len(chunk))
		}
		got, c := r.Append(t.Context(), nil, chunk)
		if c != (Counts{Records: len(ends)}) {
			t.Fatalf("round %d: %+v of %d records", round, c, len(ends))
		}
		in, out := decodeAll(t, chunk), decodeAll(t, got)
		if len(in) != len(out) {
			t.Fatalf("round %d: %d values of %d", round, len(out), len(in))
		}
		var alone []byte
		from := 0
		for i := range in {
			want := redactTree(w, in[i])
			if !bytes.Equal(appendAny(nil, out[i]), appendAny(nil, want)) {
				t.Fatalf("round %d, record %d\n  in %q\n got %q\nwant %q", round, i, in[i], out[i], want)
			}
			alone, _ = r.Append(t.Context(), alone, chunk[from:ends[i]])
			from = ends[i]
		}
		if !bytes.Equal(alone, got) {
			t.Fatalf("round %d: a record alone is redacted differently", round)
		}
		if got, _ := small.Append(t.Context(), nil, chunk); !bytes.Equal(alone, got) {
			t.Fatalf("round %d: in small batches it is redacted differently", round)
		}
		if again, _ := r.Append(t.Context(), nil, got); !bytes.Equal(again, got) {
			t.Fatalf("round %d: redacting twice changes something", round)
		}
	}
	if g.planted < 1000 {
		t.Errorf("only %d values were planted", g.planted)
	}
}

// TestDamage cuts and breaks chunks: nothing raw may pass, what stands whole before the
// damage must, and what comes out must be MessagePack.
func TestDamage(t *testing.T) {
	var chunk []byte
	var ends []int
	for i := range 4 {
		chunk = append(chunk, event(object{{"log", "card 4111111111111111 of ada@example.com"}, {"password", "hunter2 blue"}, {"i", int64(i)}})...)
		ends = append(ends, len(chunk))
	}
	r := newRedactor(t)
	whole, _ := r.Append(t.Context(), nil, chunk)
	check := func(in []byte, what string) Counts {
		t.Helper()
		got, c := r.Append(t.Context(), nil, in)
		for _, s := range []string{"4111111111111111", "ada@example.com", "hunter2"} {
			if bytes.Contains(got, []byte(s)) {
				t.Fatalf("%s: %q passed", what, s)
			}
		}
		if n := len(decodeAll(t, got)); n != c.Records {
			t.Fatalf("%s: %d records, counted %d", what, n, c.Records)
		}
		return c
	}
	for cut := range chunk {
		c := check(chunk[:cut], fmt.Sprintf("cut at %d", cut))
		n, _ := slices.BinarySearch(ends, cut+1)
		from := 0
		if n > 0 {
			from = ends[n-1]
		}
		if want := (Counts{Records: n, Damaged: cut - from}); c != want {
			t.Errorf("cut at %d: %+v, want %+v", cut, c, want)
		}
		if got, _ := r.Append(t.Context(), nil, chunk[:cut]); !bytes.HasPrefix(whole, got) {
			t.Errorf("cut at %d: what stands before the damage is not what it was", cut)
		}
	}
	// A byte that begins no value, in the place of each that begins one.
	for p := 0; p < ends[0]; {
		bad := slices.Clone(chunk)
		bad[p] = 0xc1
		if c := check(bad, fmt.Sprintf("reserved byte at %d", p)); c.Damaged == 0 {
			t.Errorf("reserved byte at %d: %+v", p, c)
		}
		it, _ := itemAt(chunk, p)
		p = it.end
	}
}

// maskedWhole is the event of a record that is masked whole.
func maskedWhole() []byte { return event(object{{"logveil", "tok1_failed_x"}}) }

// TestDepth masks what is nested too deep, and nothing else.
func TestDepth(t *testing.T) {
	nest := func(n int, v any) any {
		for range n {
			v = []any{v}
		}
		return v
	}
	good, card := event(object{{"log", "ok"}}), "4111111111111111"
	chunk := slices.Concat(good, event(object{{"a", nest(100, card)}}), event(object{{"a", nest(300, card)}}), appendAny(nil, nest(100000, card)), good)
	got, c := newRedactor(t).Append(t.Context(), nil, chunk)
	bare := appendAny(nil, object{{"logveil", "tok1_failed_x"}}) // of what is no event
	if want := slices.Concat(good, event(object{{"a", nest(100, "tok1_card_x")}}), maskedWhole(), bare, good); !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	if c != (Counts{Records: 5, Deep: 2}) {
		t.Errorf("%+v", c)
	}
}

// broken panics at the word "boom".
type broken struct{ redact.Detector }

func (broken) Spec() redact.Spec {
	return redact.Spec{Name: "broken", Kind: "broken", MaxLen: 10, Anchor: redact.Anchor{Literals: []redact.Literal{{Text: "boom"}}}}
}

func (broken) Match(b []byte, at int) (redact.Span, redact.Reason) {
	panic("at " + string(b[at:]))
}

// TestPanicInDetector masks the string in which a detector panics. Its neighbours, and
// other records, are redacted like any others.
func TestPanicInDetector(t *testing.T) {
	e, err := redact.New(redact.Options{Detectors: append(detectors.All(), broken{})})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Engine: e})
	var chunk, want []byte
	for range 3 {
		chunk = append(chunk, event(object{{"a", "secret boom secret"}, {"password", "hunter2 blue"}, {"b", "ok"}, {"c", "card 4111111111111111"}})...)
		want = append(want, event(object{{"a", "tok1_failed_x"}, {"password", "tok1_password_x"}, {"b", "ok"}, {"c", "card tok1_card_x"}})...)
	}
	got, c := r.Append(t.Context(), nil, chunk)
	if !bytes.Equal(got, want) {
		t.Errorf("got %q", decodeAll(t, got))
	}
	if c != (Counts{Records: 3}) || r.Stats().Failed == 0 {
		t.Errorf("%+v, %d failed", c, r.Stats().Failed)
	}
}

// TestPanicOutside masks the record that makes something else than the engine panic.
func TestPanicOutside(t *testing.T) {
	r := New(Options{
		Engine: newEngine(t), TenantPath: []string{"tenant"}, Tenants: []string{"bad"},
		ForTenant: func(ctx context.Context, tenant string) context.Context {
			if tenant == "bad" {
				panic("no such tenant")
			}
			return ctx
		},
	})
	good, masked := event(object{{"log", "card 4111111111111111"}}), event(object{{"log", "card tok1_card_x"}})
	bad := event(object{{"tenant", "bad"}, {"log", "card 4111111111111111"}})
	got, c := r.Append(t.Context(), nil, slices.Concat(good, bad, good))
	if !bytes.Equal(got, slices.Concat(masked, maskedWhole(), masked)) {
		t.Errorf("%q", decodeAll(t, got))
	}
	if c != (Counts{Records: 3, Panics: 2}) {
		t.Errorf("%+v", c)
	}
	if n := r.Stats().Findings; n == nil || slices.Max(n) == 0 {
		t.Error("the counts of before the panic are lost")
	}
}

// tenantTokenizer answers with the name of the tenant.
type tenantTokenizer struct{}

type tenantKey struct{}

func (tenantTokenizer) Tokenize(ctx context.Context, vs []redact.Value, buf []byte) []byte {
	name, _ := ctx.Value(tenantKey{}).(string)
	for i := range vs {
		n := len(buf)
		buf = append(append(buf, "<"...), name...)
		buf = append(buf, '>')
		vs[i].Token = buf[n:len(buf):len(buf)]
	}
	return buf
}

// TestTenants makes each record's tokens for its tenant, and keeps the order of records.
func TestTenants(t *testing.T) {
	e, err := redact.New(redact.Options{Detectors: detectors.All(), Tokenizer: tenantTokenizer{}})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{
		Engine: e, TenantPath: []string{"kubernetes", "labels", "team"}, Tenants: []string{"red", "blue"},
		ForTenant: func(ctx context.Context, tenant string) context.Context {
			return context.WithValue(ctx, tenantKey{}, tenant)
		},
	})
	record := func(team any, mail string) []byte {
		return event(object{{"log", "from " + mail}, {"kubernetes", object{{"host", "h"}, {"labels", object{{"app", "a"}, {"team", team}}}}}})
	}
	var in, want []byte
	g := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		team := []any{"red", "blue", "green", "", int64(7), nil}[g.IntN(6)]
		in = append(in, record(team, "ada@example.com")...)
		token := "<>"
		switch team {
		case "red", "blue":
			token = fmt.Sprintf("<%s>", team)
		case "green":
			token = "<" + UnknownTenant + ">"
		}
		want = append(want, record(team, token)...)
	}
	got, c := r.Append(t.Context(), nil, in)
	if !bytes.Equal(got, want) || c.Records != 200 {
		t.Errorf("%+v, %q", c, decodeAll(t, got)[:5])
	}
}

// TestRecorded redacts chunks that a real Fluent Bit wrote.
func TestRecorded(t *testing.T) {
	files, err := filepath.Glob("../testdata/records/*.msgpack")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d recorded chunks, %v", len(files), err)
	}
	more, _ := filepath.Glob("../../shared/corpora/fluentbit/*.msgpack")
	if len(more) == 0 {
		t.Log("no larger recordings in ../shared: left out")
	}
	none, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	idle, r, small := New(Options{Engine: none}), newRedactor(t), New(Options{Engine: newEngine(t), Batch: 10000})
	for _, file := range append(files, more...) {
		chunk, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got, c := idle.Append(t.Context(), nil, chunk); !bytes.Equal(got, chunk) || c.Deep+c.Damaged > 0 {
			t.Errorf("%s: without detectors something changes: %+v", file, c)
		}
		got, c := r.Append(t.Context(), nil, chunk)
		in, out := decodeAll(t, chunk), decodeAll(t, got)
		if len(in) != len(out) || c != (Counts{Records: len(in)}) {
			t.Fatalf("%s: %d records of %d, %+v", file, len(out), len(in), c)
		}
		var alone []byte
		for p := 0; p < len(chunk); {
			end := skip(chunk, p)
			alone, _ = r.Append(t.Context(), alone, chunk[p:end])
			p = end
		}
		if !bytes.Equal(alone, got) {
			t.Errorf("%s: a record alone is redacted differently", file)
		}
		if got, _ := small.Append(t.Context(), nil, chunk); !bytes.Equal(alone, got) {
			t.Errorf("%s: in small batches it is redacted differently", file)
		}
	}
}

// TestNoAllocations redacts in steady state.
func TestNoAllocations(t *testing.T) {
	var chunk []byte
	for range 50 {
		chunk = append(chunk, event(object{{"log", "from 8.8.8.8, ada@example.com"}, {"a", object{{"password", "x\"yz"}}}})...)
	}
	r := newRedactor(t)
	ctx := context.Background()
	dst, _ := r.Append(ctx, nil, chunk)
	if n := testing.AllocsPerRun(50, func() { dst, _ = r.Append(ctx, dst[:0], chunk) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRecords(b *testing.B) {
	for _, file := range []string{"tail", "kubernetes"} {
		chunk, err := os.ReadFile("../../shared/corpora/fluentbit/" + file + ".msgpack")
		if err != nil {
			b.Skip("no recordings in ../shared")
		}
		none, err := redact.New(redact.Options{})
		if err != nil {
			b.Fatal(err)
		}
		walk := func(b *testing.B) {
			b.SetBytes(int64(len(chunk)))
			for b.Loop() {
				for p := 0; p < len(chunk); p = skip(chunk, p) {
				}
			}
		}
		redactWith := func(e *redact.Engine) func(b *testing.B) {
			return func(b *testing.B) {
				r := New(Options{Engine: e})
				dst, _ := r.Append(context.Background(), nil, chunk)
				b.SetBytes(int64(len(chunk)))
				for b.Loop() {
					dst, _ = r.Append(context.Background(), dst[:0], chunk)
				}
			}
		}
		b.Run(file+"/skip", walk)
		b.Run(file+"/skip-msgp", func(b *testing.B) {
			b.SetBytes(int64(len(chunk)))
			for b.Loop() {
				for rest := chunk; len(rest) > 0; {
					if rest, err = msgp.Skip(rest); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		b.Run(file+"/no-detectors", redactWith(none))
		b.Run(file+"/all-detectors", redactWith(newEngine(b)))
	}
}

// sameShape reports whether two values differ in their texts only, or in a number that
// became one.
func sameShape(a, b any) bool {
	switch a := a.(type) {
	case object:
		b, ok := b.(object)
		return ok && slices.EqualFunc(a, b, func(a, b pair) bool { return sameShape(a.key, b.key) && sameShape(a.value, b.value) })
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, sameShape)
	case string:
		_, ok := b.(string)
		return ok
	case []byte:
		_, ok := b.([]byte)
		return ok
	case ext:
		b, ok := b.(ext)
		return ok && a.kind == b.kind
	case int64, uint64, float32, float64:
		if s, ok := b.(string); ok && strings.Contains(s, "tok1_") {
			return true
		}
	}
	return bytes.Equal(appendAny(nil, a), appendAny(nil, b))
}

// FuzzAppend gives it anything. Where tinylib/msgp reads the whole, every record must be
// kept in its shape; where it does not, what comes out must be what that reads.
func FuzzAppend(f *testing.F) {
	f.Add(event(object{{"log", "card 4111111111111111"}, {"password", "x\"yz"}}))
	f.Add(appendAny(nil, []any{int64(1), object{{"a", []any{"b", []byte("c"), ext{5, []byte("dd")}}}}}))
	f.Add([]byte{0xc1})
	f.Add([]byte{0xdf, 0xff, 0xff, 0xff, 0xff, 0x01})
	e, err := redact.New(redact.Options{Detectors: detectors.All()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Repeat(event(object{{"log", "a\"b 4111111111111111"}}), 3))
	f.Add(bytes.Repeat(recorded.all([]any{[]any{[]any{now, object{}}, object{{"log", "a 4111111111111111"}}}}), 3))
	f.Add(slices.Concat(event(object{{"a", "b"}}), event(object{{"a", "c"}}), event(object{{"password", "c'd"}})))
	r := New(Options{Engine: e})
	f.Fuzz(func(t *testing.T, chunk []byte) {
		got, c := r.Append(context.Background(), nil, chunk)
		if c.Panics > 0 {
			t.Fatalf("%d panics", c.Panics)
		}
		n, whole, deep := 0, chunk, false
		for len(whole) > 0 {
			rest, err := msgp.Skip(whole)
			if err == msgp.ErrRecursion {
				deep = true
				break
			}
			if err != nil {
				break
			}
			n, whole = n+1, rest
		}
		if !deep && (c.Records != n || c.Damaged != len(whole)) {
			t.Fatalf("%+v; tinylib/msgp reads %d values and leaves %d bytes", c, n, len(whole))
		}
		out := 0
		for rest := got; len(rest) > 0; out++ {
			end := skip(rest, 0)
			if end < 0 {
				t.Fatal("what comes out is damaged")
			}
			if left, err := msgp.Skip(rest); err != msgp.ErrRecursion && (err != nil || len(left) != len(rest)-end) {
				t.Fatalf("what comes out is not what tinylib/msgp reads: %v", err)
			}
			rest = rest[end:]
		}
		if out != c.Records {
			t.Fatalf("%d records come out, counted %d", out, c.Records)
		}
		if again, c2 := r.Append(context.Background(), nil, got); c2 != (Counts{Records: out}) || len(again) == 0 != (out == 0) {
			t.Fatalf("a second time: %+v", c2)
		}
		if deep || len(whole) > 0 {
			return
		}
		in, to := decodeAll(t, chunk), decodeAll(t, got)
		if c.Deep > 0 {
			return
		}
		for i := range in {
			if !sameShape(in[i], to[i]) {
				t.Fatalf("record %d\n in %#v\nout %#v", i, in[i], to[i])
			}
		}
		sameLayout(t, e, chunk)
		// Whatever stands before it, a whole record with a card is redacted.
		card := event(object{{"log", "card 4111111111111111"}})
		if got, _ := r.Append(context.Background(), nil, slices.Concat(chunk, card)); !bytes.HasSuffix(got, event(object{{"log", "card tok1_card_x"}})) {
			t.Fatal("the record behind it is not redacted, or redacted differently")
		}
	})
}

// A large chunk leaves no large buffers behind.
func TestLargeBuffersGo(t *testing.T) {
	r := newRedactor(t)
	in := msgp.AppendArrayHeader(nil, 2)
	in = msgp.AppendInt64(in, 1)
	in = msgp.AppendMapHeader(in, 1)
	in = msgp.AppendString(in, "log")
	in = msgp.AppendString(in, strings.Repeat("nothing to find here ", maxKept/20+1))
	out, _ := r.Append(t.Context(), nil, in)
	if !bytes.Equal(out, in) {
		t.Fatal("the chunk has changed")
	}
	for _, b := range r.batches {
		if cap(b.Text) > maxKept || cap(b.out) > maxKept {
			t.Errorf("buffers of %d and %d bytes stay", cap(b.Text), cap(b.out))
		}
	}
}

// TestLists finds every value of a list or an object that a key tells of, in any order and
// however the values are written.
func TestLists(t *testing.T) {
	list := func(vs ...any) []any { return vs }
	long := strings.Repeat("the_very_long_way_to_", 5) + "passwords"
	many, masks := make([]any, 3000), make([]any, 3000)
	for i := range many {
		many[i], masks[i] = fmt.Sprintf("hunter%dQ", i), "tok1_password_x"
	}
	for _, c := range []struct{ in, want object }{
		{object{{"passwords", list("hunter2x0Q", "owl 7 \"x\" y", "a\nb'99")}}, object{{"passwords", list("tok1_password_x", "tok1_password_x", "tok1_password_x")}}},
		{object{{long, list("hunter2x0Q", "zebra88Kw", "owl99")}}, object{{long, list("tok1_password_x", "tok1_password_x", "tok1_password_x")}}},
		{object{{"passwords", many}}, object{{"passwords", masks}}},
		{object{{"lastNames", list("Li", "Wu", "Ng")}}, object{{"lastNames", list("tok1_name_x", "tok1_name_x", "tok1_name_x")}}},
		{object{{"ssnList", list(int64(123456789), int64(7), "123456780")}}, object{{"ssnList", list("tok1_ssn_x", int64(7), "tok1_ssn_x")}}},
		{object{{"name", object{{"first", "Ada"}, {"last", "Lovelace"}}}, {"b", object{{"first", "Ada"}}}}, object{{"name", object{{"first", "tok1_name_x"}, {"last", "tok1_name_x"}}}, {"b", object{{"first", "Ada"}}}}},
		{object{{"password", object{{"S", "hunter2x0Q"}}}}, object{{"password", object{{"S", "tok1_password_x"}}}}},
		{object{{"passwords", list(object{{"value", "hunter2x0Q"}}, object{{"n", "x"}, {"value", "zebra88Kw"}})}}, object{{"passwords", list(object{{"value", "tok1_password_x"}}, object{{"n", "x"}, {"value", "tok1_password_x"}})}}},
		{object{{"passwords", int64(1234567)}, {"tokens", list("a", "word", "list")}}, object{{"passwords", int64(1234567)}, {"tokens", list("a", "word", "list")}}},
	} {
		got, n := newRedactor(t).Append(t.Context(), nil, event(c.in))
		if want := event(c.want); !bytes.Equal(got, want) || n != (Counts{Records: 1}) {
			t.Errorf("%.200v:\n got %.300q\nwant %.300q", c.in, decodeAll(t, got), decodeAll(t, want))
		}
	}
}
