package scan

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// testShapes are of every form that a shape can have.
var testShapes = []string{
	`\b\d{3}-\d{2}-\d{4}\b`,
	`\b\d{4}[ -]?\d{4}[ -]\d{4}`,
	`\d\.\d{1,3}\.\d{1,3}\.\d`,
	`\w@\w`,
	`\b\d{13}`,
	`\+\d`,
	`:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:`,
	`\b[A-Z]{2}\d{2}( ?[0-9A-Fa-f]{2}){2}`,
	`[0-9A-Fa-f]{2}(:|-)[0-9A-Fa-f]{2}`,
	`\d{2,3}\b`,
	`(::|:.{1,4}:.{2}:)`,
	`.{2}[:-].{0,3}\d`,
	`@.(.\.|-)\b\w`,
}

var testLiterals = []Literal{
	{"password", true}, {"AKIA", false}, {"eyJ", false}, {"token", true}, {"ghp_", false}, {"-----BEGIN", false},
	{"tok1_", false}, {"api_key", true}, {"apikey", true}, {"://", false}, {"secret", true}, {"xoxb-", false},
}

// hit is a candidate: of shape n, or of literal n.
type hit struct {
	shape bool
	n, at int
}

func (h hit) String() string { return fmt.Sprintf("{shape=%v %d at %d}", h.shape, h.n, h.at) }

var testRegexps = func() (res []*regexp.Regexp) {
	for _, s := range testShapes {
		res = append(res, regexp.MustCompile(`^(?s:.(?:`+s+`))`))
	}
	return res
}()

// naive finds the candidates in text[from:to) the obvious way.
func naive(text []byte, from, to int) (out []hit) {
	prefixed := append([]byte{0}, text...)
	for i, c := range prefixed {
		if c >= 0x80 {
			prefixed[i] = 0 // to package regexp, a byte may be less than a character
		}
	}
	for n, re := range testRegexps {
		for at := from; at < to; at++ {
			if re.Match(prefixed[at:min(len(prefixed), at+70)]) {
				out = append(out, hit{true, n, at})
			}
		}
	}
	for n, l := range testLiterals {
		for at := from; at+len(l.Text) <= len(text) && at < to; at++ {
			p := string(text[at : at+len(l.Text)])
			if p == l.Text || l.Fold && strings.EqualFold(p, l.Text) {
				out = append(out, hit{false, n, at})
			}
		}
	}
	return out
}

// scanAll finds candidates with a Scanner, over overlapping windows.
func scanAll(s *Scanner, text []byte, nshapes int) (out []hit) {
	each(text, func(off, from, to int) {
		s.Load(text, off)
		for n := range nshapes {
			for _, c := range s.Candidates(n, from, to) {
				out = append(out, hit{true, n, off + int(c)})
			}
		}
		for _, l := range s.Literals(from, to) {
			out = append(out, hit{false, l.ID, l.Start})
		}
	})
	slices.SortFunc(out, func(a, b hit) int {
		if a.shape != b.shape {
			if a.shape {
				return -1
			}
			return 1
		}
		if a.n != b.n {
			return a.n - b.n
		}
		return a.at - b.at
	})
	return out
}

// each calls f for the windows of a text and the part of each that it answers for.
func each(text []byte, f func(off, from, to int)) {
	for from := 0; from < len(text); {
		off := max(0, from-Margin) &^ 63
		to := min(off+Window-Margin, len(text))
		if off+Window >= len(text) {
			to = len(text)
		}
		f(off, from, to)
		from = to
	}
}

func randomText(r *rand.Rand, n int) []byte {
	words := []string{"123-45-6789", "4111 1111-1111 1111", "10.0.0.1", "a@b.c", "+49", "password", "PassWord=", "AKIA", "eyJ",
		":a:b:", "::", "DE12 ab cd", "aa:bb:cc-dd", " ", "\n", "\xff", "_", "tok1_", "://", "1234567890123456", "-", ".", "API_KEY", "\x00"}
	const alphabet = "019afAFgzGZ_-.: @+=\n\xff"
	var b []byte
	for len(b) < n {
		if r.IntN(3) == 0 {
			b = append(b, alphabet[r.IntN(len(alphabet))])
		} else {
			b = append(b, words[r.IntN(len(words))]...)
		}
	}
	return b[:n]
}

func newTestScanner(t testing.TB) *Scanner {
	tab, err := NewTables(testShapes, testLiterals)
	if err != nil {
		t.Fatal(err)
	}
	return NewScanner(tab)
}

// kernelNames are all implementations that there are for this architecture.
var kernelNames = map[string][]string{"amd64": {"avx512", "avx2", "portable"}, "arm64": {"neon", "portable"}}

// eachImplementation runs a test with all implementations. One that this machine lacks
// fails it where the environment variable LOGVEIL_REQUIRE names it, among others,
// separated by commas.
func eachImplementation(t *testing.T, f func(t *testing.T)) {
	before := Implementation()
	defer func() {
		if err := Use(before); err != nil {
			t.Fatal(err)
		}
	}()
	for _, name := range Implementations() {
		if err := Use(name); err != nil {
			t.Fatal(err)
		}
		t.Run(name, f)
	}
	required := strings.Split(os.Getenv("LOGVEIL_REQUIRE"), ",")
	for _, name := range append(kernelNames[runtime.GOARCH], required...) {
		switch {
		case name == "" || slices.Contains(Implementations(), name):
		case slices.Contains(required, name):
			t.Errorf("the kernels %q, which must be tested here, do not run on this machine", name)
		default:
			t.Logf("not run: the kernels %q", name)
		}
	}
}

func TestAgainstNaive(t *testing.T) { eachImplementation(t, testAgainstNaive) }

func testAgainstNaive(t *testing.T) {
	s := newTestScanner(t)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		n := r.IntN(400)
		if i%10 == 0 {
			n = Window - 200 + r.IntN(400)
		}
		if i == 1 {
			n = 2*Window + 77
		}
		text := randomText(r, n)
		compare(t, s, text, 0, n)
	}
}

// compare checks a scan of text, which holds candidates only in text[from:to).
func compare(t *testing.T, s *Scanner, text []byte, from, to int) {
	t.Helper()
	want, got := naive(text, from, to), scanAll(s, text, len(testShapes))
	if slices.Equal(want, got) {
		return
	}
	for _, h := range want {
		if !slices.Contains(got, h) {
			t.Fatalf("missed %v in %q", h, around(text, h.at))
		}
	}
	for _, h := range got {
		if !slices.Contains(want, h) {
			t.Fatalf("false %v in %q", h, around(text, h.at))
		}
	}
	t.Fatalf("order or repetition: got %v, want %v", got, want)
}

func around(b []byte, at int) []byte { return b[max(0, at-20):min(len(b), at+40)] }

// Every shape and literal at every place relative to the edges of windows.
func TestEveryOffset(t *testing.T) { eachImplementation(t, testEveryOffset) }

func testEveryOffset(t *testing.T) {
	s := newTestScanner(t)
	for _, v := range []string{"123-45-6789", "4111 1111-1111", "10.20.30.4", "a@b", "password", "DE12ab cd", "AKIA"} {
		for _, base := range []int{0, 64, Window - 2*Margin, Window - Margin, Window} {
			for d := range 140 {
				text := bytes.Repeat([]byte{' '}, Window+300)
				copy(text[base+d:], v)
				text = text[:min(len(text), base+d+len(v)+d%3)]
				compare(t, s, text, max(0, base+d-10), min(len(text), base+d+40))
			}
		}
	}
}

// Every literal, alone and among literals that share its bytes, at even and at odd places,
// between all kinds of bytes.
func TestEveryLiteral(t *testing.T) { eachImplementation(t, testEveryLiteral) }

func testEveryLiteral(t *testing.T) {
	for _, n := range []int{1, 40, 1000} {
		lits := realLiterals(t, n)
		tab, err := NewTables(nil, lits)
		if err != nil {
			t.Fatal(err)
		}
		s := NewScanner(tab)
		r := rand.New(rand.NewPCG(uint64(n), 1))
		for id, l := range lits {
			for range 3 {
				var text []byte
				for range r.IntN(70) {
					text = append(text, byte(r.IntN(256)))
				}
				start := len(text)
				text = append(text, l.Text...)
				if l.Fold {
					for i, c := range text[start:] {
						if isLetter(c) {
							text[start+i] ^= byte(r.IntN(2)) << 5
						}
					}
				}
				for range r.IntN(3) {
					text = append(text, byte(r.IntN(256)))
				}
				var want []hit
				low := lower(string(text))
				for k, m := range lits {
					in, of := string(text), m.Text
					if m.Fold {
						in, of = low, lower(of)
					}
					for at := 0; ; at++ {
						i := strings.Index(in[at:], of)
						if i < 0 {
							break
						}
						at += i
						want = append(want, hit{false, k, at})
					}
				}
				if got := scanAll(s, text, 0); !slices.Equal(got, want) {
					t.Fatalf("literal %d %q in %q: got %v, want %v", id, l.Text, text, got, want)
				}
			}
		}
	}
}

// lower is strings.ToLower for ASCII, which leaves other bytes as they are.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if isLetter(c) {
			b[i] |= 0x20
		}
	}
	return string(b)
}

// realLiterals returns the first n of the literals in testdata: those of secret rules that
// are in use, names of services, names of fields.
func realLiterals(t testing.TB, n int) (ls []Literal) {
	f, err := os.Open(filepath.Join("testdata", "literals.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan() && len(ls) < n; {
		fold, text, _ := strings.Cut(s.Text(), " ")
		ls = append(ls, Literal{text, fold == "i"})
	}
	if len(ls) < n {
		t.Fatalf("testdata has %d literals", len(ls))
	}
	return ls
}

func TestBadShapes(t *testing.T) {
	for _, s := range []string{`(\(?\d|-)\d`, `\d+`, `[a-z]`, `\b`, `(?i:a)`, `é`, `\d{61}`, `-\b-`, `^\d`, `(`} {
		if _, err := Compile([]string{s}); err == nil {
			t.Errorf("shape %q was taken", s)
		}
	}
	for _, l := range []Literal{{"ab", false}, {"é12", false}, {strings.Repeat("x", 256), false}} {
		if _, err := NewTables(nil, []Literal{l}); err == nil {
			t.Errorf("literal %q was taken", l.Text)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("123-45-6789 password=x a@b"), 3)
	f.Fuzz(func(t *testing.T, text []byte, shift int) {
		if shift < 0 || shift > 300 || len(text) > 600 {
			return
		}
		// Go's regexp reads runes, shapes read bytes; they agree where no byte above
		// 127 can be part of a rune.
		for i := range text {
			if text[i] >= 128 {
				text[i] = 0xff
			}
		}
		text = append(bytes.Repeat([]byte{'x'}, shift), text...)
		eachImplementation(t, func(t *testing.T) {
			compare(t, newTestScanner(t), text, 0, len(text))
		})
	})
}
