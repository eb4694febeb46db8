package keyed

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestOperator(t *testing.T) {
	// A key is everything up to the first '^', the value begins at the second.
	for _, c := range []struct {
		text string
		want Op // Start is not looked at
	}{
		{`key^=^v`, Op{}},
		{`key^ = ^v`, Op{Spaced: true}},
		{`key^:^v`, Op{Colon: true}},
		{`key^: ^v`, Op{Colon: true, Spaced: true}},
		{`key^:=^v`, Op{}},
		{`key^ ::= ^v`, Op{Spaced: true}},
		{`key^ :::= ^v`, Op{Spaced: true}},
		{`key^ => ^v`, Op{Spaced: true}},
		{`key^ -> ^v`, Op{Spaced: true}},
		{`key^ ?= ^v`, Op{Spaced: true}},
		{`key^ .= ^v`, Op{Spaced: true}},
		{`key^ += ^v`, Op{Spaced: true}},
		{`key^ != ^v`, Op{Spaced: true}},
		{`key^ == ^v`, Op{Spaced: true}},
		{`key^ === ^v`, Op{Spaced: true}},
		{`key^ || ^v`, Op{Spaced: true}},
		{`key^ ||= ^v`, Op{Spaced: true}},
		{`key^ <- ^v`, Op{Spaced: true}},
		{`"key^":"^v"`, Op{Colon: true, Quote: '"', KeyQuoted: true}},
		{`"key^" : "^v"`, Op{Colon: true, Spaced: true, Quote: '"', KeyQuoted: true}},
		{`\"key^\":\"^v\"`, Op{Colon: true, Quote: '"', Slashes: 1, KeyQuoted: true}},
		{`\\\"key^\\\":\\\"^v`, Op{Colon: true, Quote: '"', Slashes: 3, KeyQuoted: true}},
		{`'key^'='^v'`, Op{Quote: '\'', KeyQuoted: true}},
		{"key^ := `^v`", Op{Quote: '`', Spaced: true}},
		{`a["key^"] = "^v"`, Op{Quote: '"', Spaced: true, KeyQuoted: true}},
		{`a[key^]=^v`, Op{}},
		{`key^[]=^v`, Op{}},
		{`key^: ["^v"]`, Op{Colon: true, Spaced: true, Quote: '"'}},
		{`key^=@"^v"`, Op{Quote: '"'}},
		{`key^=r'^v'`, Op{Quote: '\''}},
		{`f("key^", "^v")`, Op{Form: Comma, Quote: '"', Spaced: true, KeyQuoted: true}},
		{`"name":"key^","value":"^v"`, Op{Quote: '"', KeyQuoted: true}},
		{"\"name\": \"key^\",\r\n      \"value\": \"^v\"", Op{Quote: '"', Spaced: true, KeyQuoted: true}},
		{`""key^"":""^v""`, Op{Colon: true, Quote: '"', KeyQuoted: true, Doubled: true}},
		{`""key^"": [""^v""]`, Op{Colon: true, Spaced: true, Quote: '"', KeyQuoted: true, Doubled: true}},
		{`""key^"" : ""^-v""`, Op{Colon: true, Spaced: true, Quote: '"', KeyQuoted: true, Doubled: true}},
		{`\""key^\"":\""^v\""`, Op{Colon: true, Quote: '"', Slashes: 1, KeyQuoted: true, Doubled: true}},
		{`key^=""^v""`, Op{Quote: '"', Doubled: true}},
		{`"key^":"^","x":1`, Op{Colon: true, Quote: '"', KeyQuoted: true}},
		{`""key^"":"^"""`, Op{Colon: true, Quote: '"', KeyQuoted: true, Doubled: true}},
		{`(key^)=(^v)`, Op{}},
		{`field 'key^': rejected value [^v];`, Op{Colon: true, KeyQuoted: true}},
		{`name="key^" value="^v"`, Op{Quote: '"', KeyQuoted: true}},
		{`key^ string = "^v"`, Op{Quote: '"', Spaced: true}},
		{`key^: String = "^v"`, Op{Quote: '"', Spaced: true}},
		{`key^: &str = "^v"`, Op{Quote: '"', Spaced: true}},
		{`<key^>^v</key>`, Op{Form: Tag}},
	} {
		first := strings.IndexByte(c.text, '^')
		second := strings.IndexByte(c.text[first+1:], '^') + first
		text := []byte(strings.ReplaceAll(c.text, "^", ""))
		got, ok := Operator(text, first)
		c.want.Start = second
		if !ok || got != c.want {
			t.Errorf("%s: got %+v %v, want %+v", c.text, got, ok, c.want)
		}
		for n := range text {
			if op, ok := Operator(text[:n:n], first); ok && op.Start >= n {
				t.Errorf("%s: of the first %d bytes the value starts at %d", c.text, n, op.Start)
			}
		}
	}
	for _, text := range []string{"key^ for root", "key^", "key^::Scope", `"key^", "v"`[:6], `["key^","v"]`[:7], "key^->method", "key^ < 3", "key^ - 3", "key^;", "key^|v", `key^, "v"`} {
		i := strings.IndexByte(text, '^')
		if op, ok := Operator([]byte(strings.Replace(text, "^", "", 1)), i); ok {
			t.Errorf("%s: found %+v", text, op)
		}
	}
}

// TestQuotedEnd writes values as JSON, again and again, and expects End at the quote that
// encoding/json wrote.
func TestQuotedEnd(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const alphabet = `ab"\'/,} =é<`
	letters := []rune(alphabet)
	for range 3000 {
		v := make([]rune, 1+rnd.IntN(8))
		for i := range v {
			v[i] = letters[rnd.IntN(len(letters))]
		}
		quoted, _ := json.Marshal(string(v))
		text := `{"key":` + string(quoted) + `,"x":1}`
		value := string(quoted[1 : len(quoted)-1])
		for depth := range 4 {
			at := strings.Index(text, "key") + 3
			op, ok := Operator([]byte(text), at)
			if !ok {
				t.Fatalf("no operator in %s", text)
			}
			end, open := op.End([]byte(text), 4096)
			if got := text[op.Start:end]; got != value || open {
				t.Fatalf("depth %d: in %s the value is %q %v, want %q", depth, text, got, open, value)
			}
			// The text around is cut: what is left ends at the outer quote or the end.
			outer, _ := json.Marshal(text)
			inner, _ := json.Marshal(value)
			text = `{"m":` + string(outer) + `}`
			value = string(inner[1 : len(inner)-1])
		}
	}
}

func TestEnd(t *testing.T) {
	// The value is what stands between the bars.
	for _, text := range []string{
		`key=|v|`, `key=|v| x`, "key=|v|\nx", "key=|v|\r\n", "key=|v|\x00", "key=|v|\tx",
		`key=|a,b;c&d| x`, `key=|v|, x`, `key=|v|,x=1`, `key=|v|;x=1`, `key=|v|&x=1`, `key=|v|&amp;x=1`, `key=|a&b| x`,
		`{key=|v|}`, `(key=|v|)`, `[key=|v|]`, `{key=|a}b|}`, `key=|v|"`, `"key=|v|"`, `"key=|v|","x":1`, `'key=|v|'`, `key=|don't| x`,
		`key="|v|"x`, `key="|a b|"`, `""key"":""|v|"",""x"":""y""`, `"key=""|a b|"""`, `""key"":""|a\""b|"",""x"":1`, `(key)=(|v|) x`, `'key': rejected value [|v|]; x`, `key="|a\"b|"`, `key='|a'b|'`, `key='|it''s|'`, `key="|v|`, "key=\"|a b|\nx",
		`"m":"key=|v|\"x"`, `"m":"key=|v|\nx"`, `key=|a\nb| x`, `"m":"key=|a\\nb|"`, `key=|v|\u0026x=1`, `key=|v|\u003c/a`,
		`<key>|v|</key>`, `<key>|a b|</key>`, `<key>|v|&lt;/key>`, `<key>|v|\n</key>`,
		`key=|v|</a>`, `key=|v|&#xa;x`, `key=|v|&#13;`, `key=|a&#x2F;b| x`, `key=|v|\n  x`, "key=|v|\\n\tat x", `key=|v|#012x`, `key=|v#013| x`, `key=|#v#01| x`, `key=|a<1| x`, `key=|v|>`, "key=|v|` x", `key=|C:\dir\x| y`, `key=|p\|q|`[:8] + `| x`,
	} {
		start := strings.IndexByte(text, '|')
		end := strings.LastIndexByte(text, '|')
		b := []byte(text[:start] + text[start+1:end] + text[end+1:])
		op, ok := Operator(b, strings.Index(text, "key")+3)
		if !ok || op.Start != start {
			t.Errorf("%s: the value starts at %d %v, want %d", text, op.Start, ok, start)
			continue
		}
		if got, open := op.End(b, 4096); got != end-1 || open {
			t.Errorf("%s: the value ends at %d %v, want %d", text, got, open, end-1)
		}
	}
}

func TestEndIsBounded(t *testing.T) {
	for _, text := range []string{"key=" + strings.Repeat("a", 100), `key="` + strings.Repeat("a b", 40), "<key>" + strings.Repeat("a", 100)} {
		op, _ := Operator([]byte(text), strings.Index(text, "key")+3)
		if end, open := op.End([]byte(text), 50); end != op.Start+50 || !open {
			t.Errorf("%s: ends at %d %v", text, end, open)
		}
	}
}

func TestEntropy(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		v := make([]byte, 1+rnd.IntN(200))
		for i := range v {
			v[i] = byte(rnd.IntN(1 + rnd.IntN(100)))
		}
		var hist [256]float64
		for _, c := range v {
			hist[c]++
		}
		want := 0.0
		for _, n := range hist {
			if n > 0 {
				want -= n / float64(len(v)) * math.Log2(n/float64(len(v)))
			}
		}
		if got := float64(Entropy(v)) / 1024; math.Abs(got-want) > .01 {
			t.Fatalf("entropy of %v is %v, want %v", v, got, want)
		}
	}
	if Entropy(nil) != 0 {
		t.Error("entropy of nothing")
	}
}

func TestMeasure(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	const alphabet = "abcfgzABFGZ019_-./ \t@([{|<$*=é\n"
	for range 2000 {
		v := make([]byte, rnd.IntN(80))
		for i := range v {
			v[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		w := v[:min(len(v), MaxStats)]
		count := func(set string) (n int) {
			for _, c := range w {
				if strings.IndexByte(set, c) >= 0 {
					n++
				}
			}
			return n
		}
		const lower, upper, digit = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
		want := Stats{
			N: len(w), Lower: count(lower), Upper: count(upper), Digit: count(digit),
			Blank: count(" \t"), Dots: count("."), Slashes: count("/"), Odd: count("@([{|<$*"),
			Stars: strings.Contains(string(w), "***"), Hex: count("0123456789abcdefABCDEF-") == len(w),
		}
		want.Other = want.N - want.Lower - want.Upper - want.Digit
		if got := Measure(v); got != want {
			t.Fatalf("of %q: %+v, want %+v", v, got, want)
		}
	}
}

func TestStarts(t *testing.T) {
	for text, want := range map[string]bool{
		"|x": true, " |x": true, "=|x": true, "a|x": false, "_|x": false, "0|x": false, "-|x": true,
		`\n|x`: true, `\t|x`: true, `a\\n|x`: true, `\b|x`: false, `n|x`: false,
		`%20|x`: true, `%3D|x`: true, `%3|x`: false, `3D|x`: false, `%zz|x`: false,
		`\u003d|x`: true, `\u0022|x`: true, `u0022|x`: false, `\u00412|x`: false,
		"\x1b[31m|x": true, "\x1b[1;31m|x": true, "[31m|x": false, `\u001b[0m|x`: true, "am|x": false,
	} {
		i := strings.IndexByte(text, '|')
		if got := Starts([]byte(strings.Replace(text, "|", "", 1)), i); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestPlaceholder(t *testing.T) {
	for _, v := range []string{"", "*", "****", "ab***cd", "xxxx", "XXXXXXXX", "....", "-", "null", "NULL", "None", "<redacted>", "[REDACTED]", "[FILTERED",
		"${x}", "$(x)", "$DB_PASSWORD", "{{ x }}", "{x}", "{0}", "{}", "#{x}", "<%= x %>", "%s", "%(x)s", "%X%", "is required", "••••"} {
		s := Measure([]byte(v))
		if !s.Placeholder([]byte(v)) {
			t.Errorf("%q is taken for a value", v)
		}
	}
	for _, v := range []string{"hunter2", "secret", "password", "$ecret", "x1", "a*b", "{bcrypt}$2a", "<a1>", "%41bc", "0000", "aaaa"} {
		s := Measure([]byte(v))
		if s.Placeholder([]byte(v)) {
			t.Errorf("%q is taken for a placeholder", v)
		}
	}
}

func TestRandom(t *testing.T) {
	for v, want := range map[string]bool{
		"9f86d081884c7d65": true, "185be637-9cf3-bcc1-db01-7bf929ebbb21": true, "ya30abcDEF123": true,
		"hello": false, "hello world": false, "application": false, "12345678": false, "2024-01-02": false, "aaaaaaaaaaaaaaaa1b": false,
	} {
		s := Measure([]byte(v))
		if got := s.Random([]byte(v)); got != want {
			t.Errorf("%q: %v", v, got)
		}
	}
}
