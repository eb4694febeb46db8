package redact_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"logveil/bench/corpus"
	"logveil/detectors"
	"logveil/redact"
)

// word is a detector of one word, for tests: it takes the letters after its literal.
type word struct {
	name  string
	lit   string
	rank  int
	match func(b []byte, at int) (redact.Span, redact.Reason)
	multi bool
}

func (d word) Spec() redact.Spec {
	return redact.Spec{Name: d.name, Kind: redact.Kind(d.name), Doc: "test", MaxLen: 1000, Rank: d.rank, Multiline: d.multi,
		Anchor: redact.Anchor{Literals: []redact.Literal{{Text: d.lit}}}}
}

func (d word) Match(b []byte, at int) (redact.Span, redact.Reason) { return d.match(b, at) }

// after takes n bytes that start d bytes after the anchor.
func after(d, n int) func(b []byte, at int) (redact.Span, redact.Reason) {
	return func(b []byte, at int) (redact.Span, redact.Reason) {
		if at+d+n > len(b) || at+d < 0 {
			return redact.Span{}, redact.RejectLength
		}
		return redact.Span{Start: at + d, End: at + d + n}, redact.Accepted
	}
}

func engine(t testing.TB, o redact.Options) *redact.Engine {
	t.Helper()
	e, err := redact.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func redacted(e *redact.Engine, s string) string {
	return string(e.NewWorker().Append(context.Background(), nil, []byte(s)))
}

func TestOverlaps(t *testing.T) {
	e := engine(t, redact.Options{Detectors: []redact.Detector{
		word{name: "low", lit: "low", rank: 1, match: after(3, 8)},
		word{name: "high", lit: "high", rank: 9, match: after(4, 3)},
		word{name: "back", lit: "back", rank: 5, match: after(-4, 4)},
		word{name: "mid", lit: "low", rank: 5, match: after(3, 8)},
	}})
	for in, want := range map[string]string{
		"x high123 y":          "x hightok1_high_x y",
		"low12345678 ":         "lowtok1_mid_x ",   // equal spans: rank
		"lowhigh123a ":         "lowtok1_mid_x ",   // a span that covers all names it, whatever the rank
		"high12low3456789012 ": "hightok1_high_x ", // none covers all: rank, and all bytes go
		"abcdback.":            "tok1_back_x.",     // bytes before the anchor, to the end of the word
		"high123.high456 ":     "hightok1_high_x.hightok1_high_x ",
		"abcdback high123":     "tok1_back_x hightok1_high_x",
		"tok1_high_x low":      "tok1_high_x low",
		"lowtok1_ab_x ":        "lowtok1_ab_x ",   // to the end of the word it is a token: stays
		"low.tok1_ab_x ":       "lowtok1_mid_x ",  // more than a token: goes
		"tok1_highabc_x ":      "tok1_highabc_x ", // the anchor is inside a token
	} {
		if got := redacted(e, in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// list is a repeater: it takes the digits behind its literal, one finding each.
type list struct{ word }

func (list) Next(b []byte, at, from int) (redact.Span, redact.Reason) {
	i := from + 1
	if i >= len(b) || b[i-1] != ',' || b[i]-'0' > 9 {
		return redact.Span{}, redact.RejectOperator
	}
	return redact.Span{Start: i, End: i + 1}, redact.Accepted
}

func TestRepeater(t *testing.T) {
	d := list{word{name: "list", lit: "list=", match: after(5, 1)}}
	e := engine(t, redact.Options{Detectors: []redact.Detector{d}, Allow: func(_ redact.Kind, v []byte) bool { return string(v) == "2" }})
	if got, want := redacted(e, "list=1,2,3,x,4 list=5"), "list=tok1_list_x,2,tok1_list_x,x,4 list=tok1_list_x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// The values of a list count as candidates do.
	flood := "list=" + strings.Repeat("7,", 20000)
	if got := redacted(e, flood); strings.Contains(got, "7") {
		t.Errorf("a flood of values is let through")
	}
}

func TestAllowExemptsOneFindingOnly(t *testing.T) {
	e := engine(t, redact.Options{
		Detectors: []redact.Detector{
			word{name: "aa", lit: "aa=", rank: 1, match: after(3, 3)},
			word{name: "bb", lit: "=", rank: 2, match: after(1, 3)},
		}[:1],
		Allow: func(k redact.Kind, v []byte) bool { return k == "aa" && string(v) == "yes" },
	})
	if got := redacted(e, "aa=yes aa=non"); got != "aa=yes aa=tok1_aa_x" {
		t.Error(got)
	}
	e = engine(t, redact.Options{
		Detectors: []redact.Detector{
			word{name: "aa", lit: "aa=", rank: 1, match: after(3, 3)},
			word{name: "bb", lit: "a=y", rank: 2, match: after(2, 5)},
		},
		Allow: func(k redact.Kind, v []byte) bool { return k == "aa" && string(v) == "yes" },
	})
	if got := redacted(e, "aa=yesxx "); got != "aa=tok1_bb_x " {
		t.Error(got)
	}
}

func TestPanicMasksTheLine(t *testing.T) {
	boom := word{name: "boom", lit: "boom", rank: 1, match: func(b []byte, at int) (redact.Span, redact.Reason) {
		panic(string(b))
	}}
	high := word{name: "high", lit: "high", rank: 9, match: after(4, 3)}
	e := engine(t, redact.Options{Detectors: []redact.Detector{high, boom}})
	w := e.NewWorker()
	got := string(w.Append(context.Background(), nil, []byte("one high123 \ntwo boom secret\nthree high123\n")))
	if want := "one hightok1_high_x \ntok1_failed_x\nthree hightok1_high_x\n"; got != want {
		t.Errorf("got %q", got)
	}
	if w.Stats().Failed != 1 {
		t.Errorf("%d lines counted as failed", w.Stats().Failed)
	}
	// Many such lines, over many windows: all go, and it ends.
	in := strings.Repeat("boom secret\n", 5000) + "fine high123\n"
	got = redacted(e, in)
	if strings.Contains(got, "secret") || !strings.Contains(got, "tok1_failed_x") {
		t.Error("a line that panicked stands in the output")
	}
}

// TestPanicOutsideDetectors masks what the engine itself panics at, and goes on: here for
// a value beyond the end of the text.
func TestPanicOutsideDetectors(t *testing.T) {
	boom := word{name: "boom", lit: "boom", rank: 1, match: func(b []byte, at int) (redact.Span, redact.Reason) {
		return redact.Span{Start: at, End: len(b) + 5}, redact.Accepted
	}}
	high := word{name: "high", lit: "high", rank: 9, match: after(4, 3)}
	e := engine(t, redact.Options{Detectors: []redact.Detector{high, boom}})
	w := e.NewWorker()
	ctx := context.Background()
	const good, masked = "one high123 \n", "one hightok1_high_x \n"
	for in, want := range map[string]string{
		"boom secret":                      "tok1_failed_x",
		"boom secret\n":                    "tok1_failed_x\n",
		"one\r\n\nboom secret\nhigh123\n":  "tok1_failed_x\r\n\ntok1_failed_x\ntok1_failed_x\n",
		`{"a":"\\u0062oom secret"}` + "\n": "tok1_failed_x\n",
	} {
		failed := w.Stats().Failed
		if got := w.Append(ctx, nil, []byte(in)); string(got) != want {
			t.Errorf("%q became %q", in, got)
		}
		if n := w.Stats().Failed - failed; int(n) != strings.Count(want, "tok1") {
			t.Errorf("%q: %d counted", in, n)
		}
		if cs := w.Explain([]byte(in)); len(cs) > 0 {
			t.Errorf("%q: %d candidates after a panic", in, len(cs))
		}
		if got := w.Append(ctx, nil, []byte(good)); string(got) != masked {
			t.Errorf("after %q: %q", in, got)
		}
	}
	// In a stream, and in a line that is looked at in parts.
	long := strings.Repeat("x ", redact.MinLineCap) + "boom secret" + strings.Repeat(" x", redact.MinLineCap)
	var out bytes.Buffer
	if _, err := e.Copy(ctx, &out, strings.NewReader(good+"boom secret\n"+long+"\n"+good), redact.CopyOptions{LineCap: redact.MinLineCap}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, "secret") || !strings.HasSuffix(got, "\n"+masked) || !strings.Contains(got, "tok1_failed_x") {
		t.Errorf("a stream became %q", got)
	}
	// Of fields only those that panic are lost.
	fs := redact.Fields{Text: []byte("high123 .boom secret.high456 .")}
	for _, s := range []redact.Span{{Start: 0, End: 8}, {Start: 9, End: 20}, {Start: 21, End: 29}} {
		fs.Fields = append(fs.Fields, redact.Field{Start: int32(s.Start), End: int32(s.End), Key: int32(s.Start)})
	}
	dst, changes := w.AppendFields(ctx, nil, &fs, nil)
	got := ""
	for _, c := range changes {
		got += fmt.Sprintf("%d %s|", c.Field, dst[c.Start:c.End])
	}
	if want := "0 hightok1_high_x |1 tok1_failed_x|2 hightok1_high_x |"; got != want {
		t.Errorf("fields became %q", got)
	}
}

type badTokenizer struct{}

func (badTokenizer) Tokenize(context.Context, []redact.Value, []byte) []byte { panic("value") }

func TestTokenizerPanicMasks(t *testing.T) {
	e := engine(t, redact.Options{Tokenizer: badTokenizer{}, Detectors: []redact.Detector{word{name: "high", lit: "high", match: after(4, 3)}}})
	if got := redacted(e, "high123"); got != "hightok1_high_x" {
		t.Error(got)
	}
}

func TestFloodIsMaskedNotPassed(t *testing.T) {
	n := 0
	d := word{name: "all", lit: "aaa", match: func(b []byte, at int) (redact.Span, redact.Reason) {
		n++
		return redact.Span{}, redact.RejectValue
	}}
	var ds []redact.Detector
	for i := range 4 {
		d.name = fmt.Sprintf("all%d", i)
		ds = append(ds, d)
	}
	e := engine(t, redact.Options{Detectors: ds})
	in := "before\n" + strings.Repeat("a", 40000) + "\nafter\n"
	w := e.NewWorker()
	got := string(w.Append(context.Background(), nil, []byte(in)))
	if strings.Contains(got, "aaa") || w.Stats().Unscanned == 0 || !strings.HasSuffix(got, "\nafter\n") {
		t.Errorf("%d unscanned, %q", w.Stats().Unscanned, got)
	}
	if n > 8*len(in) {
		t.Errorf("%d candidates looked at", n)
	}
}

// sample is text with values of many kinds, lines of many lengths, and bytes that are
// not text.
func sample(r *rand.Rand, n int) []byte {
	parts := []string{"card 4111 1111 1111 1111", "4111111111111111", "ssn=123-45-6789", "john.doe@example.com", "10.20.30.40",
		"password=hunter2abc", "\n", "\n", "\r\n", " ", "INFO  [main] ", "\x00\xff", "DE89370400440532013000", "id 12345-67", "tok1_card_x",
		"https://svc:pa55w0rd@db.example.com/x", "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq9\nqwertyuiopasdfghjkl\n-----END RSA PRIVATE KEY-----\n",
		"Authorization: Bearer abcdefghijklmnop0123456789", "{\"a\":1}", "word"}
	var b []byte
	for len(b) < n {
		b = append(b, parts[r.IntN(len(parts))]...)
		if r.IntN(3) > 0 {
			b = append(b, ' ')
		}
	}
	return b
}

// A stream gives what the text as a whole gives, however it is read.
func TestCopyEqualsAppend(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All()})
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 30 {
		in := sample(r, r.IntN(200_000))
		want := redacted(e, string(in))
		for name, src := range map[string]io.Reader{
			"whole": bytes.NewReader(in), "half": iotest.HalfReader(bytes.NewReader(in)), "data+EOF": iotest.DataErrReader(bytes.NewReader(in)),
			"few": &chunkReader{in, r.IntN(5000) + 1},
		} {
			var got bytes.Buffer
			st, err := e.Copy(context.Background(), &got, src, redact.CopyOptions{Workers: 1 + i%3})
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != want {
				t.Fatalf("%s: text %d: %s", name, i, difference(got.String(), want))
			}
			if st.Bytes != uint64(len(in)) || st.BytesOut != uint64(len(want)) {
				t.Fatalf("%s: counted %d in, %d out of %d, %d", name, st.Bytes, st.BytesOut, len(in), len(want))
			}
		}
	}
}

type chunkReader struct {
	b []byte
	n int
}

func (c *chunkReader) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.n)], c.b)
	c.b = c.b[n:]
	return n, nil
}

func difference(a, b string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("at %d: %q, want %q", i, a[max(0, i-60):min(len(a), i+60)], b[max(0, i-60):min(len(b), i+60)])
		}
	}
	return fmt.Sprintf("lengths %d and %d", len(a), len(b))
}

// A line longer than the cap gives what it gives whole.
func TestLongLines(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All()})
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 8 {
		in := bytes.ReplaceAll(sample(r, 3<<20), []byte{'\n'}, []byte{' '})
		in = bytes.ReplaceAll(in, []byte("-----BEGIN"), []byte("-----begin"))
		copy(in[r.IntN(100000):], "\n")
		if i%2 == 0 {
			in = append(in, "\nnext john.doe@example.com\n"...)
		}
		want := redacted(e, string(in))
		var got bytes.Buffer
		st, err := e.Copy(context.Background(), &got, bytes.NewReader(in), redact.CopyOptions{Workers: 2, LineCap: redact.MinLineCap + i*1000})
		if err != nil {
			t.Fatal(err)
		}
		if st.LongLines == 0 {
			t.Fatal("no line was long")
		}
		if got.String() != want {
			t.Fatalf("%d: %s", i, difference(got.String(), want))
		}
	}
}

// A value longer than any buffer is left out whole.
func TestEndlessValue(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All()})
	for _, head := range []string{"Authorization: Bearer ", "jwt eyJhbGciOiJIUzI1NiJ9.", "password="} {
		in := head + strings.Repeat("Zq9", 1<<20) + " tail\nnext\n"
		var got bytes.Buffer
		if _, err := e.Copy(context.Background(), &got, strings.NewReader(in), redact.CopyOptions{LineCap: redact.MinLineCap}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got.String(), "Zq9") || !strings.HasSuffix(got.String(), " tail\nnext\n") {
			t.Errorf("%q: %d bytes came out: %.100q", head, got.Len(), got.String())
		}
	}
}

func TestCopyErrors(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All()})
	in := strings.Repeat("john.doe@example.com 4111111111111111\n", 100_000)
	t.Run("write", func(t *testing.T) {
		full := errors.New("no space left")
		_, err := e.Copy(context.Background(), writerFunc(func(p []byte) (int, error) { return 0, full }), endless{}, redact.CopyOptions{})
		if !errors.Is(err, full) {
			t.Error(err)
		}
	})
	t.Run("read", func(t *testing.T) {
		broken := errors.New("input/output error")
		// What of a line has come may end inside a value.
		for _, part := range []string{"", "card 4111 1111 1111 11", "john.doe@exa", strings.Repeat("x ", redact.MinLineCap) + "card 4111 1111 1111 11"} {
			var out bytes.Buffer
			_, err := e.Copy(context.Background(), &out, io.MultiReader(strings.NewReader(in+part), iotest.ErrReader(broken)), redact.CopyOptions{LineCap: redact.MinLineCap})
			rest, ok := strings.CutPrefix(out.String(), redacted(e, in))
			if !errors.Is(err, broken) || !ok || strings.Trim(rest, "x ") != "" {
				t.Errorf("%v, %v, %q", err, ok, rest[max(0, len(rest)-30):])
			}
		}
	})
	t.Run("stop", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		pr, pw := io.Pipe()
		go func() {
			_, _ = io.WriteString(pw, "one john.doe@example.com\ntwo 4111 1111 1111 11")
			cancel() // the reader now waits for more
		}()
		var out bytes.Buffer
		_, err := e.Copy(ctx, &out, pr, redact.CopyOptions{})
		if !errors.Is(err, context.Canceled) || strings.Contains(out.String(), "4111") {
			t.Errorf("%v %q", err, out.String())
		}
	})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "x\n"[i&1]
	}
	return len(p), nil
}

func TestNoAllocation(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All()})
	text := sample(rand.New(rand.NewPCG(7, 8)), 50_000)
	lines := func(encode func(string) string) (out []byte) {
		for l := range bytes.Lines(text) {
			out = append(append(out, encode(string(l))...), '\n')
		}
		return out
	}
	inBase64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	inJSON := func(s string) string { return `{"a":[` + strconv.Quote("\t"+s) + `,4111111111111111]}` }
	texts := map[string][]byte{
		"sample":             text,
		"in JSON":            lines(inJSON),
		"in JSON in JSON":    lines(func(s string) string { return inJSON(inJSON(s)) }),
		"in a URL":           lines(func(s string) string { return "/a?b=" + url.QueryEscape("\t"+s) }),
		"in base64":          lines(inBase64),
		"in base64 in a URL": lines(func(s string) string { return "/a?b=" + url.QueryEscape(inBase64(s)) }),
		"deeper than is looked": lines(func(s string) string {
			return "%" + strings.Repeat("25", 12) + "40a " + s + " " + inBase64(inBase64(s))
		}),
	}
	for _, f := range corpus.Floods() {
		texts["flood "+f.Name] = f.Text(6 << 10)
	}
	for name, in := range texts {
		w := e.NewWorker()
		dst := w.Append(context.Background(), nil, in)
		if n := testing.AllocsPerRun(3, func() { dst = w.Append(context.Background(), dst[:0], in) }); n != 0 {
			t.Errorf("%s: %v allocations per batch", name, n)
		}
	}
}

func TestBadSpecs(t *testing.T) {
	good := word{name: "good", lit: "good", match: after(0, 1)}
	for name, ds := range map[string][]redact.Detector{
		"same name": {good, good},
		"kind":      {word{name: "Bad", lit: "good", match: after(0, 1)}},
		"literal":   {word{name: "bad", lit: "ab", match: after(0, 1)}},
	} {
		if _, err := redact.New(redact.Options{Detectors: ds}); err == nil {
			t.Error(name, "was taken")
		}
	}
}

// spell answers a value with its own letters.
type spell struct{}

func (spell) Tokenize(_ context.Context, vs []redact.Value, buf []byte) []byte {
	for i := range vs {
		n := len(buf)
		buf = fmt.Appendf(buf, "<%s>", vs[i].Raw)
		vs[i].Token = buf[n:len(buf):len(buf)]
	}
	return buf
}

// However a value is written, the tokenizer is asked about the same.
func TestOneValueOneToken(t *testing.T) {
	e := engine(t, redact.Options{Tokenizer: spell{}, Detectors: detectors.All()})
	for _, in := range []string{
		"password=correct@horse9 ",
		"password=correct%40horse9 ",
		`{"a":"b\npassword=correct\u0040horse9 c"}`,
		`{"a":"{\"b\":\"\\npassword=correct\\u0040horse9 c\"}"}`,
	} {
		if got := redacted(e, in); !strings.Contains(got, "password=<correct@horse9>") {
			t.Errorf("%q became %q", in, got)
		}
		// More findings than are sorted one by one, of which the order is no accident.
		if got := redacted(e, strings.Repeat(in, 100)); strings.Count(got, "password=<correct@horse9>") != 100 {
			t.Errorf("100 times %q became %.200q", in, got)
		}
	}
}
