package deliver

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"
)

func groupHead(t *testing.T) []byte {
	t.Helper()
	b := []byte{0x92, 0x92, 0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80}
	b, err := msgp.AppendIntf(b, map[string]any{"resource": "r"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// groups is a chunk of two events in a group, with the marks of its begin and end.
func groups(t *testing.T) []byte {
	t.Helper()
	b := append(groupHead(t), chunkOf(2, "x")...)
	return append(b, 0x92, 0x92, 0xd7, 0, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0, 0x80, 0x80)
}

func TestLines(t *testing.T) {
	record := func(head []byte, body any) []byte {
		b, err := msgp.AppendIntf(append([]byte{0x92}, head...), body)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	old := []byte{0xce, 0x65, 0x53, 0xf1, 0}
	all := JSONOptions{TimeKey: "date", TagKey: "tag", Metadata: true}
	for name, c := range map[string]struct {
		o     JSONOptions
		chunk []byte
		want  string
	}{
		"old form":     {JSONOptions{TimeKey: "date"}, record(old, map[string]any{"a": "b"}), `{"date":"2023-11-14T22:13:20.000000000Z","a":"b"}`},
		"nothing more": {JSONOptions{}, record(old, map[string]any{"a": 1}), `{"a":1}`},
		"empty":        {JSONOptions{}, record(old, map[string]any{}), `{}`},
		"float time":   {JSONOptions{TimeKey: "date"}, record(msgp.AppendFloat64(nil, 1.5), map[string]any{}), `{"date":"1970-01-01T00:00:01.500000000Z"}`},
		"metadata and group": {all, groups(t),
			`{"date":"2023-11-14T22:13:20.000000000Z","tag":"T","group":{"resource":"r"},"log":"x","n":0}` + "\n" +
				`{"date":"2023-11-14T22:13:20.000000001Z","tag":"T","group":{"resource":"r"},"log":"x","n":1}`},
		"metadata": {all, append([]byte{0x92, 0x92}, append(append(old, msgp.AppendString(msgp.AppendString([]byte{0x81}, "k"), "v")...), 0x80)...),
			`{"date":"2023-11-14T22:13:20.000000000Z","tag":"T","metadata":{"k":"v"}}`},
		"own keys win":   {all, record(old, map[string]any{"date": 1}), `{"tag":"T","date":1}`},
		"own keys win 2": {all, append(append([]byte{0x92}, old...), 0x82, 0xa4, 'd', 'a', 't', 'e', 1, 0xa3, 't', 'a', 'g', 2), `{"date":1,"tag":2}`},
		"escapes":        {JSONOptions{}, record(old, map[string]any{"a": "\x00\"\\\n\r\t\x1f</ü\xff\xed\xa0\x80€\u2028"}), `{"a":"\u0000\"\\\n\r\t\u001f</ü\ufffd\ufffd\ufffd\ufffd€` + "\u2028\"}"},
		"bin":            {JSONOptions{}, record(old, map[string]any{"a": []byte("text")}), `{"a":"text"}`},
		"bin of bytes":   {JSONOptions{}, record(old, map[string]any{"a": []byte{1, 0xff}}), `{"a":"Af8="}`},
		"numbers": {JSONOptions{}, record(old, map[string]any{"a": []any{uint64(math.MaxUint64), int64(math.MinInt64), 1.5, float32(0.1), math.NaN(), math.Inf(1), 1e300, nil, true}}),
			`{"a":[18446744073709551615,-9223372036854775808,1.5,0.1,null,null,1e+300,null,true]}`},
		"ext and odd keys": {JSONOptions{}, append(append([]byte{0x92}, old...), 0x83, 0x01, 0xd4, 7, 0xff, 0xd5, 7, 0xfe, 0xff, 0xc7, 3, 9, 1, 2, 3, 0xc0, 0x90),
			`{"1":"/w==","/v8=":"AQID","null":[]}`},
	} {
		l := c.o.appendLines("T", c.chunk)
		if l.left > 0 {
			t.Errorf("%s: left out", name)
			continue
		}
		if got := strings.TrimSuffix(string(l.text), "\n"); got != c.want {
			t.Errorf("%s:\n\t%s\nwant\n\t%s", name, got, c.want)
		}
	}
}

// TestLinesOfRecords compares records that a Fluent Bit wrote with what a decoder of
// another kind makes of them.
func TestLinesOfRecords(t *testing.T) {
	files, err := filepath.Glob("../../../shared/corpora/fluentbit/*.msgpack")
	if err != nil || len(files) == 0 {
		t.Skip("no recorded chunks here: ../shared is absent")
	}
	for _, f := range files {
		chunk, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		l := JSONOptions{TimeKey: "@timestamp", Metadata: true}.appendLines("t", chunk)
		if l.left > 0 {
			t.Fatalf("%s: %d left out", f, l.left)
		}
		n := 0
		for rest := chunk; len(rest) > 0; {
			var v any
			if v, rest, err = msgp.ReadIntfBytes(rest); err != nil {
				t.Fatal(err)
			}
			head, ok := v.([]any)[0].([]any)
			if ok && isMark(head[0]) {
				continue
			}
			body := v.([]any)[1].(map[string]any)
			var got map[string]any
			from := 0
			if n > 0 {
				from = l.ends[n-1]
			}
			if err := json.Unmarshal(l.text[from:l.ends[n]], &got); err != nil {
				t.Fatalf("%s, line %d: %v", f, n, err)
			}
			for k := range body {
				if _, ok := got[k]; !ok {
					t.Errorf("%s, line %d has no %q", f, n, k)
				}
			}
			if at, err := time.Parse(time.RFC3339Nano, got["@timestamp"].(string)); err != nil || at.Year() > 2100 {
				t.Errorf("%s, line %d: time %v, %v", f, n, got["@timestamp"], err)
			}
			n++
		}
		if n != len(l.ends) || n == 0 {
			t.Errorf("%s: %d lines, want %d", f, len(l.ends), n)
		}
	}
}

// isMark reports whether a decoded time is the mark of a group.
func isMark(v any) bool {
	e, ok := v.(*msgp.RawExtension)
	return ok && len(e.Data) == 8 && (bytes.Equal(e.Data[:4], []byte{0xff, 0xff, 0xff, 0xff}) || bytes.Equal(e.Data[:4], []byte{0xff, 0xff, 0xff, 0xfe}))
}

// value makes a random value of what JSON and MessagePack have in common.
func value(r *rand.Rand, depth int) any {
	n := 7
	if depth == 0 {
		n = 5
	}
	switch r.IntN(n) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return float64(r.IntN(1<<30)) / 8
	case 3:
		return float64(r.IntN(1<<20) - 1<<19)
	case 4:
		runes := []rune("aZ \"\\/<\n\t\x01é€😀\u2028")
		s := make([]rune, r.IntN(20))
		for i := range s {
			s[i] = runes[r.IntN(len(runes))]
		}
		return string(s)
	case 5:
		l := make([]any, r.IntN(5))
		for i := range l {
			l[i] = value(r, depth-1)
		}
		return l
	}
	return mapping(r, depth-1)
}

func mapping(r *rand.Rand, depth int) map[string]any {
	m := map[string]any{}
	for range r.IntN(5) {
		m[string(rune('a'+r.IntN(26)))+"\"é"] = value(r, depth)
	}
	return m
}

// FuzzLines: a chunk of any bytes gives lines, each one JSON text, and no more of them, with
// what is left out, than a decoder of another kind finds values.
func FuzzLines(f *testing.F) {
	f.Add(chunkOf(2, "text"))
	f.Add([]byte{0x92, 0x00, 0x81, 0xa1, 'a', 0xc4, 1, 0xff})
	f.Add([]byte{0x92, 0x92, 0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80, 0x80})
	f.Fuzz(func(t *testing.T, chunk []byte) {
		l := JSONOptions{TimeKey: "date", TagKey: "tag", Metadata: true}.appendLines("t", chunk)
		n, damaged := 0, false
		for rest := chunk; len(rest) > 0 && !damaged; n++ {
			var err error
			rest, err = msgp.Skip(rest)
			damaged = err != nil
		}
		if len(l.ends)+l.left > n || damaged && l.left == 0 {
			t.Errorf("%d lines of %d values, %d left out, damaged: %v", len(l.ends), n, l.left, damaged)
		}
		for i, line := range bytes.Split(bytes.TrimSuffix(l.text, []byte("\n")), []byte("\n")) {
			if len(l.ends) > 0 && !json.Valid(line) {
				t.Errorf("line %d is not JSON: %q", i, line)
			}
		}
	})
}

// TestJSONRoundTrip compares with the standard library.
func TestJSONRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 2000 {
		want := map[string]any{"v": value(r, 4)}
		b, err := msgp.AppendIntf([]byte{0x92, 0x00}, want)
		if err != nil {
			t.Fatal(err)
		}
		l := JSONOptions{}.appendLines("t", b)
		if l.left > 0 {
			t.Fatal("left out")
		}
		var got map[string]any
		if err := json.Unmarshal(l.text, &got); err != nil {
			t.Fatalf("%v: %q", err, l.text)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is read as %v, want %v", l.text, got, want)
		}
	}
}

// TestDeep: nesting is bounded.
func TestDeep(t *testing.T) {
	for _, depth := range []int{maxDepth - 2, maxDepth + 2, 1 << 20} {
		b := append([]byte{0x92, 0x00, 0x81, 0xa1, 'a'}, bytes.Repeat([]byte{0x91}, depth)...)
		l := JSONOptions{}.appendLines("t", append(b, 0xc0))
		if ok := l.left == 0; ok != (depth < maxDepth) {
			t.Errorf("depth %d: %d left out", depth, l.left)
		}
	}
}

// TestKeysInKeys keeps records whose keys are maps, and those in their keys, at any depth,
// and what they hold of text as far as it can be read.
func TestKeysInKeys(t *testing.T) {
	for depth := 1; depth <= 200; depth++ {
		// {{{"inner": "v"}: 1}: 1}
		key := msgp.AppendString(msgp.AppendString([]byte{0x81}, "inner"), "v")
		for range depth - 1 {
			key = append(append([]byte{0x81}, key...), 1)
		}
		chunk := append(append([]byte{0x92, 0xce, 0x65, 0x53, 0xf1, 0, 0x82}, key...), msgp.AppendString(msgp.AppendString([]byte{1}, "log"), "text")...)
		l := JSONOptions{}.appendLines("t", chunk)
		if l.left > 0 || len(l.ends) != 1 {
			t.Fatalf("%d deep: the record is left out", depth)
		}
		var got map[string]any
		if err := json.Unmarshal(l.text, &got); err != nil {
			t.Fatalf("%d deep: %v", depth, err)
		}
		if len(got) != 2 || got["log"] != "text" {
			t.Errorf("%d deep: %s", depth, l.text)
		}
		if len(l.text) > 200+8*len(chunk) {
			t.Errorf("%d deep: %d bytes become %d", depth, len(chunk), len(l.text))
		}
		if depth <= maxKeyDepth && !strings.Contains(string(l.text), "inner") {
			t.Errorf("%d deep: %s", depth, l.text)
		}
		// A deep value of a key is no key in a key.
		deep := []byte{0x81}
		deep = msgp.AppendString(deep, "k")
		for range depth {
			deep = append(deep, 0x91)
		}
		deep = msgp.AppendString(deep, "v")
		l = JSONOptions{}.appendLines("t", append(append([]byte{0x92, 0xce, 0x65, 0x53, 0xf1, 0, 0x81}, deep...), 1))
		if l.left > 0 || !strings.Contains(string(l.text), `\"v\"`) {
			t.Errorf("a key with a value %d deep: %d left out, %s", depth, l.left, l.text)
		}
	}
}
