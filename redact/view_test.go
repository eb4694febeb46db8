package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"logveil/redact"
)

// grouped takes four groups of four digits with spaces between.
type grouped struct{}

func (grouped) Spec() redact.Spec {
	return redact.Spec{Name: "card", Kind: "card", Doc: "test", MaxLen: 20, Anchor: redact.Anchor{Shape: `\b\d{4} \d{4} \d{4} \d{4}\b`}}
}

func (grouped) Match(_ []byte, at int) (redact.Span, redact.Reason) {
	return redact.Span{Start: at, End: at + 19}, redact.Accepted
}

// handle takes letters, an at sign and letters.
type handle struct{}

func (handle) Spec() redact.Spec {
	return redact.Spec{Name: "handle", Kind: "handle", Doc: "test", MaxLen: 200, Anchor: redact.Anchor{Shape: `\w@\w`}}
}

func (handle) Match(b []byte, at int) (redact.Span, redact.Reason) {
	letter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	s := redact.Span{Start: at, End: at + 2}
	for s.Start > 0 && letter(b[s.Start-1]) {
		s.Start--
	}
	for s.End < len(b) && letter(b[s.End]) {
		s.End++
	}
	if !letter(b[at]) || s.End == at+2 {
		return s, redact.RejectValue
	}
	return s, redact.Accepted
}

func viewEngine(t testing.TB) *redact.Engine {
	return engine(t, redact.Options{Detectors: []redact.Detector{grouped{}, handle{}}})
}

func TestViews(t *testing.T) {
	e := viewEngine(t)
	for in, want := range map[string]string{
		`{"m":"\nada@example"}`:                  `{"m":"\nH"}`,
		`{"m":"x\\nada@example"}`:                `{"m":"x\\nH"}`,
		`{"m":"ada\u0040example"}`:               `{"m":"H"}`,
		`{"m":"\u0061da@exampl\u0065 x"}`:        `{"m":"H x"}`,
		`{"m":"{\"n\":\"\\u0061da@example\"}"}`:  `{"m":"{\"n\":\"H\"}"}`,
		`GET /?q=ada%40example&x=1`:              `GET /?q=H&x=1`,
		`GET /?q=%61da%40example`:                `GET /?q=H`,
		`ada\x40example \x4111\x20`:              `H \x4111\x20`,
		`C:\x86\ada@example`:                     `C:\x86\H`,
		`card=4111+1111+1111+1111&a=%20`:         `card=C&a=%20`,
		`card=4111%201111%201111%201111`:         `card=C`,
		`card%3D4111%201111%201111%201111`:       `card%3DC`,
		`%2534111%25201111%25201111%25201111%25`: `C%25`,
		`a%2520ada%2540example`:                  `a%2520H`,
		`<m>ada&#64;example</m>`:                 `<m>H</m>`,
		`<m>&lt;a&gt;ada&#x40;example</m>`:       `<m>&lt;a&gt;H</m>`,
		`C:\nada@example \x`:                     `C:\nH \x`,
		`\uD83D\uDE00ada@example`:                `\uD83D\uDE00H`,
		`50% ada@example`:                        `50% H`,
		`\ud83dada@example`:                      `\ud83dH`,
		`\`:                                      `\`,
		`%`:                                      `%`,
		`&#;`:                                    `&#;`,
		`\u00`:                                   `\u00`,
	} {
		want = strings.NewReplacer("H", "tok1_handle_x", "C", "tok1_card_x").Replace(want)
		if strings.HasPrefix(in, "C:") {
			want = "C" + strings.TrimPrefix(want, "tok1_card_x")
		}
		got := redacted(e, in)
		if got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
		if again := redacted(e, got); again != got {
			t.Errorf("again: %s became %s", got, again)
		}
	}
}

// An encoding puts a text into another one, and takes it out again.
type encoding struct {
	name string
	put  func(string) string
	take func(string) (string, error)
}

var encodings = []encoding{
	{"json", func(s string) string {
		b, _ := json.Marshal(map[string]string{"k": s})
		return string(b)
	}, func(s string) (string, error) {
		var m map[string]string
		err := json.Unmarshal([]byte(s), &m)
		return m["k"], err
	}},
	{"json, all escaped", func(s string) string {
		var b strings.Builder
		b.WriteString(`{"k":"`)
		for _, c := range []byte(s) {
			b.WriteString(`\u00`)
			b.WriteByte("0123456789abcdef"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&15])
		}
		return b.String() + `"}`
	}, func(s string) (string, error) {
		var m map[string]string
		err := json.Unmarshal([]byte(s), &m)
		return m["k"], err
	}},
	{"nginx", func(s string) string {
		var b strings.Builder
		b.WriteString(`192.0.2.7 "`)
		for _, c := range []byte(s) {
			if c < ' ' || c > '~' || c == '"' || c == '\\' {
				fmt.Fprintf(&b, `\x%02X`, c)
			} else {
				b.WriteByte(c)
			}
		}
		return b.String() + `"`
	}, func(s string) (string, error) { return strconv.Unquote(strings.TrimPrefix(s, "192.0.2.7 ")) }},
	{"query", func(s string) string { return "a=%20&q=" + url.QueryEscape(s) }, func(s string) (string, error) {
		v, err := url.ParseQuery(s)
		return v.Get("q"), err
	}},
	{"path", func(s string) string { return "/x/" + url.PathEscape(s) }, func(s string) (string, error) {
		return url.PathUnescape(strings.TrimPrefix(s, "/x/"))
	}},
	{"xml", func(s string) string {
		var b strings.Builder
		b.WriteString("<v>")
		_ = xml.EscapeText(&b, []byte(s)) // into memory
		return b.String() + "</v>"
	}, func(s string) (string, error) {
		var v string
		err := xml.Unmarshal([]byte(s), &v)
		return v, err
	}},
	{"base64", func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte("a text that is long enough " + s))
	}, func(s string) (string, error) {
		b, err := base64.StdEncoding.DecodeString(s)
		return strings.TrimPrefix(string(b), "a text that is long enough "), err
	}},
	{"base64url", func(s string) string {
		return "t." + base64.RawURLEncoding.EncodeToString([]byte(">>> a text that is long enough "+s))
	}, func(s string) (string, error) {
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(s, "t."))
		return strings.TrimPrefix(string(b), ">>> a text that is long enough "), err
	}},
	{"form", func(s string) string { return url.Values{"user": {"ann b"}, "k": {s}}.Encode() }, func(s string) (string, error) {
		v, err := url.ParseQuery(s)
		return v.Get("k"), err
	}},
	{"data URI", func(s string) string {
		return "data:text/plain;base64," + base64.StdEncoding.EncodeToString([]byte("a text that is long enough "+s))
	}, func(s string) (string, error) {
		_, s, _ = strings.Cut(s, ",")
		b, err := base64.StdEncoding.DecodeString(s)
		return strings.TrimPrefix(string(b), "a text that is long enough "), err
	}},
	{"basic", func(s string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("somebody-who-works-here:"+s))
	}, func(s string) (string, error) {
		b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "Authorization: Basic "))
		return strings.TrimPrefix(string(b), "somebody-who-works-here:"), err
	}},
	{"claims", func(s string) string {
		b, _ := json.Marshal(map[string]string{"iss": "https://issuer.example", "sub": s})
		e := base64.RawURLEncoding.EncodeToString
		return e([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + e(b) + "." + e([]byte("\x01\xfe\x85\x9c\x03\x8d\xee\xfa\x01\xfe\x85\x9c\x03\x8d\xee\xfa"))
	}, func(s string) (string, error) {
		_, s, _ = strings.Cut(s, ".")
		s, _, _ = strings.Cut(s, ".")
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			return "", err
		}
		var m map[string]string
		err = json.Unmarshal(b, &m)
		return m["sub"], err
	}},
	{"attribute", func(s string) string {
		var b strings.Builder
		b.WriteString(`<v id="1" a="`)
		_ = xml.EscapeText(&b, []byte(s)) // into memory
		return b.String() + `"/>`
	}, func(s string) (string, error) {
		var v struct {
			A string `xml:"a,attr"`
		}
		err := xml.Unmarshal([]byte(s), &v)
		return v.A, err
	}},
	{"CDATA", func(s string) string {
		// It cannot hold its own end, and has only one form of line ends.
		r := strings.NewReplacer("]]>", "]]]]><![CDATA[>", "\r", "]]>&#13;<![CDATA[")
		return "<v><![CDATA[" + r.Replace(s) + "]]></v>"
	}, func(s string) (string, error) {
		var v string
		err := xml.Unmarshal([]byte(s), &v)
		return v, err
	}},
	{"wire log", func(s string) string {
		r := strings.NewReplacer("\r", `[\r]`, "\n", `[\n]"`+"\n"+`<< "`)
		return `<< "` + r.Replace(s+"\r\n") + `"`
	}, func(s string) (string, error) {
		s = strings.NewReplacer(`[\r]`, "\r", `[\n]"`+"\n"+`<< "`, "\n").Replace(s)
		return strings.TrimSuffix(strings.TrimPrefix(s, `<< "`), "\r\n\""), nil
	}},
	{"multipart", func(s string) string {
		b := fmt.Sprintf("b%d", len(s))
		return "--" + b + "\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\n" + s + "\r\n--" + b + "--\r\n"
	}, func(s string) (string, error) {
		b, _, _ := strings.Cut(s, "\r\n")
		p, err := multipart.NewReader(strings.NewReader(s), strings.TrimPrefix(b, "--")).NextPart()
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(p)
		return string(text), err
	}},
}

// Whatever the nesting, what is taken out of the redacted text is the redacted inner text.
func TestNestedEncodings(t *testing.T) {
	e := viewEngine(t)
	r := rand.New(rand.NewPCG(9, 10))
	inner := []string{"card 4111 1111 1111 1111.", "to ada@example ok", "\nada@example\n4111 1111 1111 1111\t", `"ada@example"`, "nothing here, 100% & <b> \\ fine"}
	masked := 0
	for range rounds(10_000) {
		text := inner[r.IntN(len(inner))]
		want := redacted(e, text)
		var used []encoding
		in := text
		for range 1 + r.IntN(6) {
			c := encodings[r.IntN(len(encodings))]
			if len(in) > 20_000 {
				break
			}
			if c.name == "wire log" && strings.Contains(in, `[\r]`) {
				continue // it does not escape its own escapes
			}
			used = append(used, c)
			in = c.put(in)
		}
		out := redacted(e, in)
		names := ""
		got := out
		var err error
		for i := len(used) - 1; i >= 0; i-- {
			names += used[i].name + " "
			if strings.Contains(got, "tok1_encoded_x") {
				masked++ // base64 in a URL that has no sample of its escapes
				got = want
				break
			}
			if got, err = used[i].take(got); err != nil {
				t.Fatalf("%s: %v\n%q\nbecame\n%q", names, err, in, out)
			}
		}
		if got != want {
			t.Fatalf("%s of %q holds %q, want %q\n%s\nbecame\n%s", names, text, got, want, in, out)
		}
	}
	if masked > rounds(300) {
		t.Errorf("%d of %d masked whole", masked, rounds(10_000))
	}
}

// Deeper than the limit nothing stands either, what is masked for it is a value of the layer
// at the limit, and text without values stays as it is.
func TestBeyondDepth(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	wholly := viewEngine(t)
	masked := 0
	for i := range rounds(4000) {
		e := engine(t, redact.Options{Detectors: []redact.Detector{grouped{}, handle{}}, Depth: 1 + i%3})
		clean := i%4 == 0
		text := "to ada@example, card 4111 1111 1111 1111."
		if clean {
			text = "nothing here, 100% & <b> \\ \"fine\""
		}
		in := text
		var used []encoding
		for range 2 + r.IntN(5) {
			if c := encodings[r.IntN(len(encodings))]; len(in) < 20_000 && (c.name != "wire log" || !strings.Contains(in, `[\r]`)) {
				used = append(used, c)
				in = c.put(in)
			}
		}
		out := redacted(e, in)
		if clean {
			if out != in && redacted(wholly, in) == in {
				t.Fatalf("%s\nbecame\n%s", in, out)
			}
			continue
		}
		got := out
		for i := len(used) - 1; i >= 0; i-- {
			var err error
			if got, err = used[i].take(got); err != nil || strings.Contains(got, "tok1_encoded_x") {
				if !strings.Contains(out, "tok1_encoded_x") && !strings.Contains(got, "tok1_encoded_x") {
					t.Fatalf("%s: %v\n%s\nbecame\n%s", used[i].name, err, in, out)
				}
				masked++
				break
			}
		}
		if strings.Contains(got, "4111 1111") || strings.Contains(got, "ada@example") {
			t.Fatalf("%s\nbecame\n%s\nwhich holds %q", in, out, got)
		}
	}
	if masked < rounds(500) {
		t.Errorf("%d masked", masked)
	}
}

// fenced takes what stands between < and >, or to the end of the text.
type fenced struct{}

func (fenced) Spec() redact.Spec {
	return redact.Spec{Name: "fenced", Kind: "fenced", Doc: "test", MaxLen: 200, Anchor: redact.Anchor{Literals: []redact.Literal{{Text: "in <"}}}}
}

func (fenced) Match(b []byte, at int) (redact.Span, redact.Reason) {
	s := redact.Span{Start: at + len("in <"), End: len(b)}
	if n := strings.IndexByte(string(b[s.Start:]), '>'); n >= 0 {
		s.End = s.Start + n
	}
	return s, redact.Accepted
}

// Base64 in a finding goes with it; what is only in part in it is looked at.
func TestBase64InFinding(t *testing.T) {
	e := engine(t, redact.Options{Detectors: []redact.Detector{fenced{}, grouped{}}})
	blob := base64.StdEncoding.EncodeToString([]byte("a number, 4111 1111 1111 1111"))
	if !strings.HasSuffix(blob, "=") {
		t.Fatal("no padding")
	}
	alone := redacted(e, blob)
	if text, err := base64.StdEncoding.DecodeString(alone); err != nil || string(text) != "a number, tok1_card_x" {
		t.Fatalf("%q became %q", blob, alone)
	}
	for in, want := range map[string]string{
		"in <" + blob + "> " + blob:                         "in <tok1_fenced_x> " + alone,
		"in <x " + blob + "> " + blob:                       "in <tok1_fenced_x> " + alone,
		"in <" + blob[:20] + ">" + blob:                     "in <tok1_fenced_x>" + alone,
		blob + " in <" + blob + " " + blob:                  alone + " in <tok1_fenced_x",
		"in <" + strings.TrimRight(blob, "=") + "> " + blob: "in <tok1_fenced_x> " + alone,
		`in <\n` + blob + "> " + blob:                       "in <tok1_fenced_x> " + alone,
	} {
		if got := redacted(e, in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
}
