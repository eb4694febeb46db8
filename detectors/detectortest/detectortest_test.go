package detectortest

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"logveil/redact"
)

// fake is a detector made of its parts.
type fake struct {
	spec  redact.Spec
	match func(b []byte, at int) (redact.Span, redact.Reason)
}

func (f fake) Spec() redact.Spec                                   { return f.spec }
func (f fake) Match(b []byte, at int) (redact.Span, redact.Reason) { return f.match(b, at) }

// good finds "#ddd" where the last digit is the sum of the others.
func good() fake {
	return fake{
		spec: redact.Spec{Name: "sum", Kind: "sum", Doc: "A sum.", MaxLen: 8,
			Anchor: redact.Anchor{Shape: `\b\d{2}-\d`}},
		match: func(b []byte, at int) (redact.Span, redact.Reason) {
			end := at + 4
			switch {
			case end > len(b):
				return redact.Span{}, redact.RejectLength
			case at > 0 && b[at-1]-'0' <= 9:
				return redact.Span{}, redact.RejectNeighbor
			case b[at]-'0' > 9 || b[at+1]-'0' > 9 || b[at+2] != '-' || b[at+3]-'0' > 9:
				return redact.Span{}, redact.RejectAnchor
			case end < len(b) && b[end]-'0' <= 9:
				return redact.Span{}, redact.RejectNeighbor
			case (b[at]-'0'+b[at+1]-'0')%10 != b[at+3]-'0':
				return redact.Span{Start: at, End: end}, redact.RejectChecksum
			}
			return redact.Span{Start: at, End: end}, redact.Accepted
		},
	}
}

const goodFile = "# mutate: digit\nthe sum is «12-3» or «90-9»\n«44-8» 12-30 and 12-4\nnothing 12-\n"

// recorder keeps the failures that a check reports.
type recorder []string

func (r *recorder) Helper()                           {}
func (r *recorder) Errorf(format string, args ...any) { *r = append(*r, fmt.Sprintf(format, args...)) }

func failures(t *testing.T, d redact.Detector, file string) []string {
	t.Helper()
	cases, err := Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	var r recorder
	if s := newSuite(&r, d); s != nil {
		s.worker = nil // the engine would refuse some of these, which is not at issue
		for _, c := range cases {
			s.check(&r, c)
		}
	}
	return r
}

func TestGoodPasses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sum.txt")
	if err := os.WriteFile(file, []byte(goodFile), 0o600); err != nil {
		t.Fatal(err)
	}
	Run(t, good(), file)
}

// TestBadFails breaks one rule at a time and wants the failure that names it.
func TestBadFails(t *testing.T) {
	accept := func(b []byte, at int) (redact.Span, redact.Reason) {
		return good().match(b, at)
	}
	sink := make([]byte, 0)
	calls := 0
	for name, bad := range map[string]struct {
		file string
		make func(f *fake)
		want string
	}{
		"missed": {"sum «12-4»\n", func(f *fake) {}, "found nothing"},
		"false":  {"sum 12-3\n", func(f *fake) {}, "want nothing"},
		"span": {goodFile, func(f *fake) {
			f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
				s, r := accept(b, at)
				s.End--
				return s, r
			}
		}, "found 11:14"},
		"start of text": {goodFile, func(f *fake) {
			f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
				if at == 64 {
					return redact.Span{}, redact.RejectAnchor
				}
				return accept(b, at)
			}
		}, "shifted by"},
		"look past the end": {goodFile, func(f *fake) {
			f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
				_ = b[at+1]
				return accept(b, at)
			}
		}, "panic"},
		"span past the end": {goodFile, func(f *fake) {
			f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
				if at+1 == len(b) && b[at] == '-' {
					return redact.Span{Start: at, End: at + 2}, redact.Accepted
				}
				return accept(b, at)
			}
		}, "not in the text"},
		"empty span": {goodFile, func(f *fake) {
			f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
				return redact.Span{Start: at, End: at}, redact.Accepted
			}
		}, "not in the text"},
		"span beyond MaxLen": {goodFile, func(f *fake) { f.spec.MaxLen = 3 }, "reaches further"},
		"law":                {goodFile, func(f *fake) { f.spec.Anchor.Shape = `\b\d{2}-[A-Z]` }, "no candidate yields"},
		"anchor of literals": {goodFile, func(f *fake) {
			f.spec.Anchor = redact.Anchor{Literals: []redact.Literal{{Text: "12-"}}}
		}, "no candidate yields"},
		"skip": {goodFile, func(f *fake) {
			f.spec.Anchor.Literals = []redact.Literal{{Text: "sum"}}
			f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
				if b[at] == 's' {
					return redact.Span{Start: at, End: at + 8}, redact.RejectAnchor
				}
				return accept(b, at)
			}
		}, "says to skip"},
		"reach": {goodFile, func(f *fake) {
			f.spec.MaxLen = 4
			f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
				s, r := accept(b, at)
				if at+6 < len(b) && b[at+6] == '7' {
					return redact.Span{}, redact.RejectContext
				}
				return s, r
			}
		}, "bytes further than 4"},
		"checksum": {goodFile, func(f *fake) {
			f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
				s, r := accept(b, at)
				if r == redact.RejectChecksum && b[at+3] == '5' {
					r = redact.Accepted
				}
				return s, r
			}
		}, "is found although"},
		"twice": {goodFile, func(f *fake) {
			f.spec.Anchor = redact.Anchor{Literals: []redact.Literal{{Text: "_x o"}}, Shape: f.spec.Anchor.Shape}
			f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
				if at+4 <= len(b) && string(b[at:at+4]) == "_x o" {
					return redact.Span{Start: at, End: at + 1}, redact.Accepted
				}
				return accept(b, at)
			}
		}, "redacted again"},
		"allocates": {goodFile, func(f *fake) {
			f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
				sink = make([]byte, len(b)+1)
				return accept(b, at)
			}
		}, "allocates"},
		"moody": {goodFile, func(f *fake) {
			f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
				calls++
				return redact.Span{}, redact.RejectAnchor + redact.Reason(calls%2)
			}
		}, "answers"},
		"no reason": {goodFile, func(f *fake) {
			f.match = func([]byte, int) (redact.Span, redact.Reason) { return redact.Span{}, 200 }
		}, "reason is unknown"},
		"name":    {goodFile, func(f *fake) { f.spec.Name = "" }, "no Name"},
		"kind":    {goodFile, func(f *fake) { f.spec.Kind = "Sum" }, "Kind"},
		"doc":     {goodFile, func(f *fake) { f.spec.Doc = "a\nb" }, "one line"},
		"anchor":  {goodFile, func(f *fake) { f.spec.Anchor = redact.Anchor{} }, "no anchor"},
		"literal": {goodFile, func(f *fake) { f.spec.Anchor.Literals = []redact.Literal{{Text: "ab"}} }, "three bytes"},
		"shape":   {goodFile, func(f *fake) { f.spec.Anchor.Shape = "(" }, "shape"},
		"length":  {goodFile, func(f *fake) { f.spec.MaxLen = redact.MaxLookaround + 1 }, "MaxLen"},
	} {
		t.Run(name, func(t *testing.T) {
			f := good()
			bad.make(&f)
			got := failures(t, f, bad.file)
			if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, bad.want) }) {
				t.Errorf("failures %q, want one with %q", got, bad.want)
			}
		})
	}
	_ = sink
}

func TestChangedTextIsSeen(t *testing.T) {
	f := good()
	f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
		b[at] = 'x'
		return redact.Span{}, redact.RejectAnchor
	}
	if got := failures(t, f, "sum 12-3\n"); !slices.Contains(got, "Match changed the text") {
		t.Errorf("failures %q", got)
	}
}

func TestValidOption(t *testing.T) {
	cases, err := Parse([]byte("# mutate: digit\n«12-3»\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := good()
	plain := f.match
	f.match = func(b []byte, at int) (redact.Span, redact.Reason) {
		s, r := plain(b, at)
		if r == redact.RejectChecksum && b[at+3] == '5' {
			r = redact.Accepted
		}
		return s, r
	}
	var r recorder
	s := newSuite(&r, f, Valid(func(v []byte) bool { return v[3] == '5' }))
	s.worker = nil
	s.check(&r, cases[0])
	if len(r) != 0 {
		t.Errorf("failures %q", []string(r))
	}
}

func TestParse(t *testing.T) {
	got, err := Parse([]byte("# a comment\n\n a\\tb«v»«w\\n»\\\\ \n#mutate: alnum\n\\x23 \\xc2\\xab\\x00\n# mutate: none\nz"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Case{
		{Line: 3, Text: []byte(" a\tbvw\n\\ "), Spans: []redact.Span{{Start: 4, End: 5}, {Start: 5, End: 7}}, Mutate: MutateNone},
		{Line: 5, Text: []byte("# «\x00"), Mutate: MutateAlnum},
		{Line: 7, Text: []byte("z"), Mutate: MutateNone},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, bad := range []string{"«", "»", "«»", "««a»»", "a»", `\q`, `\x1`, `\xzz`, `\`, "# mutate: some"} {
		if _, err := Parse([]byte("ok\n" + bad)); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
			t.Errorf("Parse(%q): %v", bad, err)
		}
	}
}

func TestLoadWantsBothSigns(t *testing.T) {
	for text, ok := range map[string]bool{"«a»\nb": true, "«a»": false, "b": false, "": false} {
		file := filepath.Join(t.TempDir(), "f.txt")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); (err == nil) != ok {
			t.Errorf("Load(%q): %v", text, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file loads")
	}
}

// word makes a detector of a fixed word.
func word(name, text string, rank int, reason redact.Reason) redact.Detector {
	return fake{
		spec: redact.Spec{Name: name, Kind: "word", Doc: "A word.", MaxLen: 64, Rank: rank,
			Anchor: redact.Anchor{Literals: []redact.Literal{{Text: text}}}},
		match: func(b []byte, at int) (redact.Span, redact.Reason) {
			if at+len(text) > len(b) || string(b[at:at+len(text)]) != text {
				return redact.Span{}, redact.RejectAnchor
			}
			return redact.Span{Start: at, End: at + len(text)}, reason
		},
	}
}

// lines makes a detector of a word after which values of many lines begin.
func lines(name, text string) redact.Detector {
	f := word(name, text, 0, redact.AcceptedOpen).(fake)
	f.spec.Multiline = true
	return f
}

func TestOracleClusters(t *testing.T) {
	f := func(start, end, at, detector int, open bool) redact.Finding {
		return redact.Finding{Span: redact.Span{Start: start, End: end}, At: at, Detector: detector, Open: open}
	}
	for name, c := range map[string]struct {
		ds   []redact.Detector
		text string
		want []redact.Finding
	}{
		"apart, and touching": {
			[]redact.Detector{word("a", "aaa", 1, redact.Accepted), word("b", "bbb", 2, redact.Accepted)}, "aaabbb-aaa",
			[]redact.Finding{f(0, 6, 3, 1, false), f(7, 10, 7, 0, false)}},
		"the whole one wins over a higher rank": {
			[]redact.Detector{word("a", "abcdef", 1, redact.Accepted), word("b", "bcd", 9, redact.Accepted)}, "xabcdefx",
			[]redact.Finding{f(1, 7, 1, 0, false)}},
		"the highest rank when none is whole": {
			[]redact.Detector{word("a", "abcd", 1, redact.Accepted), word("b", "cdef", 9, redact.Accepted)}, "abcdef",
			[]redact.Finding{f(0, 6, 2, 1, false)}},
		"a chain is one": {
			[]redact.Detector{word("a", "abc", 5, redact.Accepted), word("b", "cde", 5, redact.Accepted), word("c", "efgh", 5, redact.Accepted)}, "abcdefgh",
			[]redact.Finding{f(0, 8, 4, 2, false)}},
		"the earlier of equals": {
			[]redact.Detector{word("a", "cde", 5, redact.Accepted), word("b", "abc", 5, redact.Accepted)}, "abcde",
			[]redact.Finding{f(0, 5, 0, 1, false)}},
		"the first listed of the same": {
			[]redact.Detector{word("a", "abc", 5, redact.Accepted), word("b", "abc", 5, redact.Accepted)}, "abc",
			[]redact.Finding{f(0, 3, 0, 0, false)}},
		"open at the end": {
			[]redact.Detector{word("a", "abcd", 9, redact.Accepted), word("b", "cdef", 1, redact.AcceptedOpen)}, "abcdef",
			[]redact.Finding{f(0, 6, 0, 0, true)}},
		"open to a delimiter": {
			[]redact.Detector{word("a", "abc", 9, redact.AcceptedOpen)}, "abc\xffd. abcd\"abc",
			[]redact.Finding{f(0, 6, 0, 0, false), f(7, 11, 7, 0, false), f(12, 15, 12, 0, true)}},
		"open over lines": {
			[]redact.Detector{lines("a", "abc")}, "abc\nd\r\ne\n f\nabc\n\ng",
			[]redact.Finding{f(0, 8, 0, 0, false), f(12, 18, 12, 0, true)}},
		"two over one": {
			[]redact.Detector{word("a", "aba", 1, redact.Accepted)}, "ababa",
			[]redact.Finding{f(0, 5, 0, 0, false)}},
	} {
		got := Oracle(c.ds, []byte(c.text))
		same := slices.EqualFunc(got, c.want, func(a, b redact.Finding) bool {
			return a.Span == b.Span && a.At == b.At && a.Detector == b.Detector && a.Open == b.Open
		})
		if !same {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// TestCandidates compares the places of shapes with a regular expression over the whole
// text, which sees its own neighbours.
func TestCandidates(t *testing.T) {
	at := func(a redact.Anchor, text string) []int {
		o := newOracle([]redact.Detector{fake{spec: redact.Spec{Anchor: a}}})
		var got []int
		for i := range text {
			if o.anchors[0].candidate(toASCII([]byte(text)), i) {
				got = append(got, i)
			}
		}
		return got
	}
	for _, c := range []struct {
		shape, text string
		want        []int
	}{
		{`\b\d{3}\b`, "123 4567 x890 _12 345", []int{0, 18}},
		{`\d{2}`, "1234", []int{0, 1, 2}},
		{`\b\d`, "é1\xff2\x003a4", []int{2, 4, 6}},
		{`\d{60}\b`, strings.Repeat("1", 60), []int{0}},
		{`\d{60}\b`, strings.Repeat("1", 61), []int{1}},
		{`\d{60}\b`, strings.Repeat("1", 61) + "x", nil},
		{`a@b`, "a@b\na@b", []int{0, 4}},
		{`\n`, "\n\n", []int{0, 1}},
	} {
		if got := at(redact.Anchor{Shape: c.shape}, c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s in %q: %v, want %v", c.shape, c.text, got, c.want)
		}
	}
	// Shapes whose matches cannot overlap, so that package regexp names all of them.
	text := "12-34 a12-34 +49-12 x@y 99-11z 00-00\xff77-88\x00\xc3\xa911-22"
	for _, shape := range []string{`\b\d{2}-\d{2}\b`, `\w@\w`, `\+\d{2}`} {
		var want []int
		for _, m := range regexp.MustCompile(shape).FindAllStringIndex(text, -1) {
			want = append(want, m[0])
		}
		if got := at(redact.Anchor{Shape: shape}, text); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", shape, got, want)
		}
	}
	lits := redact.Anchor{Literals: []redact.Literal{{Text: "Key"}, {Text: "pass", Fold: true}}}
	if got, want := at(lits, "key Key PASS pasS \xe2\x84\xaaey pas"), []int{4, 8, 13}; !slices.Equal(got, want) {
		t.Errorf("literals: %v, want %v", got, want)
	}
}
