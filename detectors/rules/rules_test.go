package rules

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func everyRule(yield func(family string, r Rule) bool) {
	for _, f := range families {
		for _, r := range f.rules {
			if !yield(f.name, r) {
				return
			}
		}
	}
}

func TestRulesAreWellFormed(t *testing.T) {
	ids := map[string]bool{}
	for family, r := range everyRule {
		if _, err := New(r); err != nil {
			t.Errorf("%s: %v", family, err)
		}
		if ids[r.ID] {
			t.Errorf("two rules are called %q", r.ID)
		}
		ids[r.ID] = true
		if !strings.HasPrefix(r.Source, "https://") {
			t.Errorf("rule %q: the source %q is no address", r.ID, r.Source)
		}
		if !r.Kind.Valid() {
			t.Errorf("rule %q: kind %q", r.ID, r.Kind)
		}
	}
	if len(ids) != len(All()) || len(ids) < 200 {
		t.Errorf("%d rules, %d detectors", len(ids), len(All()))
	}
}

func TestRulesThatAreNot(t *testing.T) {
	ok := Rule{ID: "x", Kind: "xx", Doc: "x", Source: "https://example.com", Pattern: `abc[0-9]{4}`}
	if _, err := New(ok); err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]string{
		`ab[0-9]{4}`:                "no text of three bytes",
		`abc[0-9]+`:                 "not allowed",
		`abc[0-9]{4,}`:              "no upper bound",
		`abc.{4}`:                   "not allowed",
		`abc[^x]{4}`:                "more than ASCII",
		`abc[0-9a]{4,8}a`:           "varying length",
		`abc[0-9]{1,8}-?[0-9]`:      "varying length",
		`(abc)[0-9](x)`:             "more than one group",
		`[0-9]{4}[a-z0-9]{1,2}-abc`: "no text of three bytes",
		`abc[0-9`:                   "missing closing",
		`(?:abc)?`:                  "may be empty",
		`\babc[0-9]{4}`:             "not allowed",
	} {
		r := ok
		r.Pattern = pattern
		if _, err := New(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", pattern, err, want)
		}
	}
	for _, r := range []Rule{
		{Kind: "xx", Doc: "x", Pattern: `abc`},
		{ID: "x", Kind: "xx", Pattern: `abc`},
		{ID: "x", Kind: "xx", Doc: "x\ny", Pattern: `abc`},
		{ID: "x", Kind: "xx", Doc: "x", Pattern: `abc`, MinEntropy: 9},
		{ID: "x", Kind: "xx", Doc: "x", Pattern: `abc`, Keywords: []string{"ab"}},
		{ID: "x", Kind: "xx", Doc: "x", Pattern: strings.Repeat(`[a-z]{1000}`, 20) + `-abc`},
	} {
		if _, err := New(r); err == nil {
			t.Errorf("%+v compiles", r)
		}
	}
}

// generate appends a random text that re matches, by the tree of package syntax and not
// by ours.
func generate(dst []byte, re *syntax.Regexp, rnd *rand.Rand) []byte {
	switch re.Op {
	case syntax.OpEmptyMatch:
	case syntax.OpLiteral:
		for _, c := range string(re.Rune) {
			if re.Flags&syntax.FoldCase != 0 && rnd.IntN(2) == 0 {
				c ^= 0x20
			}
			dst = append(dst, byte(c))
		}
	case syntax.OpCharClass:
		var class []byte
		for i := 0; i < len(re.Rune); i += 2 {
			for c := re.Rune[i]; c <= re.Rune[i+1]; c++ {
				class = append(class, byte(c))
			}
		}
		dst = append(dst, class[rnd.IntN(len(class))])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			dst = generate(dst, sub, rnd)
		}
	case syntax.OpAlternate:
		dst = generate(dst, re.Sub[rnd.IntN(len(re.Sub))], rnd)
	case syntax.OpCapture:
		dst = generate(dst, re.Sub[0], rnd)
	case syntax.OpQuest:
		if rnd.IntN(2) == 0 {
			dst = generate(dst, re.Sub[0], rnd)
		}
	case syntax.OpRepeat:
		n := re.Min
		if re.Max > re.Min {
			n += rnd.IntN(min(re.Max-re.Min, 40) + 1)
		}
		for range n {
			dst = generate(dst, re.Sub[0], rnd)
		}
	default:
		panic("unexpected " + re.String())
	}
	return dst
}

func mustParse(pattern string) *syntax.Regexp {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic(err)
	}
	return re
}

// oracle finds what a rule should find, with package regexp.
type oracle struct {
	d       *detector
	pattern *regexp.Regexp   // anchored, longest
	seqs    []*regexp.Regexp // of the sequences
	grown   []*regexp.Regexp // with the bound of what they end in taken off
}

func newOracle(r Rule) *oracle {
	d, err := compile(r)
	if err != nil {
		panic(err)
	}
	longest := func(s string) *regexp.Regexp {
		re := regexp.MustCompile(`\A(?:` + s + `)`)
		re.Longest()
		return re
	}
	o := &oracle{d: d, pattern: longest(r.Pattern)}
	for i := range d.seqs {
		o.seqs = append(o.seqs, longest(d.seqs[i].source(false)))
		o.grown = append(o.grown, longest(d.seqs[i].source(true)))
	}
	return o
}

var wordChar = regexp.MustCompile(`^\w`)

// source writes a sequence as a regular expression.
func (s *sequence) source(grown bool) string {
	parts := make([]string, len(s.els))
	more := grown
	for i := len(s.els) - 1; i >= 0; i-- {
		e := s.els[i]
		switch {
		case e.mark:
		case e.set == nil:
			parts[i] = regexp.QuoteMeta(e.lit)
			if e.fold {
				parts[i] = "(?i:" + parts[i] + ")"
			}
			more = false
		default:
			class := "["
			for c := range 128 {
				if e.set[c] {
					class += fmt.Sprintf(`\x%02x`, c)
				}
			}
			parts[i] = fmt.Sprintf("%s]{%d,%d}", class, e.min, e.max)
			if more {
				parts[i] = fmt.Sprintf("%s]{%d,}", class, e.min)
			}
			more = more && e.min == 0
		}
	}
	return strings.Join(parts, "")
}

// match is what Match should answer about a value that starts at b[at], or an empty span.
func (o *oracle) match(b []byte, at int) redact.Span {
	m := o.pattern.FindSubmatchIndex(b[at:])
	if m == nil || m[1] == 0 {
		return redact.Span{}
	}
	end := at + m[1]
	long := false
	for i, re := range o.seqs {
		if n := re.FindIndex(b[at:]); n == nil || n[1] != m[1] {
			continue
		}
		if n := o.grown[i].FindIndex(b[at:]); n[1] > m[1] {
			last := o.d.seqs[i].els[len(o.d.seqs[i].els)-1]
			if last.set == nil || last.max < openRun || last.min == last.max {
				return redact.Span{}
			}
			long = true
		}
		break
	}
	isWord := func(i int) bool { return wordChar.Match(b[i : i+1]) }
	if !long && end < len(b) && isWord(end-1) && isWord(end) && b[end] != '_' {
		return redact.Span{}
	}
	if len(m) == 4 && m[2] >= 0 {
		return redact.Span{Start: at + m[2], End: at + m[3]}
	}
	return redact.Span{Start: at, End: end}
}

// TestSequencesArePattern holds the sequences of each rule against its pattern.
func TestSequencesArePattern(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, r := range everyRule {
		o := newOracle(r)
		tree := mustParse(r.Pattern)
		for range 10 {
			text := mutate(generate(nil, tree, rnd), rnd)
			want := o.pattern.FindIndex(text)
			end := -1
			for _, re := range o.seqs {
				if m := re.FindIndex(text); m != nil {
					end = max(end, m[1])
				}
			}
			if want == nil && end >= 0 || want != nil && end != want[1] {
				t.Errorf("rule %q: in %q the pattern matches %v, the sequences up to %d", r.ID, text, want, end)
			}
		}
	}
}

// mutate changes, drops or doubles a byte, or leaves the text as it is.
func mutate(text []byte, rnd *rand.Rand) []byte {
	if len(text) == 0 {
		return text
	}
	i := rnd.IntN(len(text))
	switch rnd.IntN(5) {
	case 0:
		text[i] = "aZ0-_. ="[rnd.IntN(8)]
	case 1:
		text = slices.Delete(text, i, i+1)
	case 2:
		text = slices.Insert(text, i, text[i])
	}
	return text
}

// TestMatchAgainstRegexp holds the matcher of each rule against package regexp.
func TestMatchAgainstRegexp(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, r := range everyRule {
		o := newOracle(r)
		tree := mustParse(r.Pattern)
		for range 12 {
			value := generate(nil, tree, rnd)
			checkRule(t, o, r, mutate(value, rnd), rnd)
		}
	}
}

var behind = []string{"", " ", "\n", "\"", "'", ",", "/", "-", "_", "=", "x", "0", "Z", "."}

// checkRule puts a value in a text and compares Match with the oracle.
func checkRule(t testing.TB, o *oracle, r Rule, value []byte, rnd *rand.Rand) {
	t.Helper()
	before, after := "id=", behind[rnd.IntN(len(behind))]
	if len(r.Keywords) > 0 {
		before = r.Keywords[rnd.IntN(len(r.Keywords))] + "_x = "
	}
	text := []byte(before + string(value) + after)
	at := len(before)
	want := o.match(text, at)
	var got []redact.Span
	for i := range text {
		if sp, reason := o.d.Match(text, i); reason.OK() {
			got = append(got, sp)
		}
	}
	if want.Len() > 0 && o.d.minBits == 0 && !slices.Contains(got, want) {
		t.Errorf("rule %q: in %q found %v, want %v", r.ID, text, got, want)
	}
	for _, sp := range got {
		// Whatever is found is a match that starts where regexp has one.
		if sp == want {
			continue
		}
		ok := false
		for i := range text {
			ok = ok || o.match(text, i) == sp
		}
		if !ok {
			t.Errorf("rule %q: in %q found %v, which is no match", r.ID, text, sp)
		}
	}
}

func FuzzMatch(f *testing.F) {
	rnd := rand.New(rand.NewPCG(5, 6))
	var all []Rule
	for _, r := range everyRule {
		all = append(all, r)
		f.Add(uint16(len(all)-1), generate(nil, mustParse(r.Pattern), rnd))
	}
	oracles := make([]*oracle, len(all))
	f.Fuzz(func(t *testing.T, rule uint16, value []byte) {
		i := int(rule) % len(all)
		if len(value) > 500 {
			return
		}
		if oracles[i] == nil {
			oracles[i] = newOracle(all[i])
		}
		checkRule(t, oracles[i], all[i], value, rand.New(rand.NewPCG(uint64(rule), uint64(len(value)))))
	})
}

// sections returns the examples of a family's file by rule.
func sections(t *testing.T, family string) map[string][]detectortest.Case {
	t.Helper()
	file := filepath.Join("..", "..", "testdata", "rules", family+".txt")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string][]detectortest.Case{}
	for _, s := range strings.Split("\n"+string(data), "\n## ")[1:] {
		id, text, _ := strings.Cut(s, "\n")
		cases, err := detectortest.Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s, %s: %v", file, id, err)
		}
		if m[id] != nil {
			t.Errorf("%s: two sections %q", file, id)
		}
		m[id] = cases
	}
	return m
}

// TestExamples checks that each rule finds the marked values in its examples and nothing
// else, and that it has some of both kinds.
func TestExamples(t *testing.T) {
	for _, f := range families {
		m := sections(t, f.name)
		for _, r := range f.rules {
			d, err := New(r)
			if err != nil {
				t.Fatal(err)
			}
			check := detectortest.Contract(t, d)
			positive, negative := 0, 0
			for _, c := range m[r.ID] {
				if len(c.Spans) > 0 {
					positive++
				} else {
					negative++
				}
				var got []redact.Span
				for _, f := range detectortest.Oracle([]redact.Detector{d}, c.Text) {
					got = append(got, f.Span)
				}
				if !slices.Equal(got, c.Spans) {
					t.Errorf("%s: in %q found %v, want %v", r.ID, c.Text, got, c.Spans)
				}
				check(t, c.Text)
				if n := testing.AllocsPerRun(1, func() {
					for at := range c.Text {
						d.Match(c.Text, at)
					}
				}); n != 0 {
					t.Errorf("%s: Match allocates %v times in %q", r.ID, n, c.Text)
				}
			}
			if positive == 0 || negative == 0 {
				t.Errorf("%s: %d positive and %d negative examples in %s.txt, want at least one of each", r.ID, positive, negative, f.name)
			}
			delete(m, r.ID)
		}
		for id := range m {
			t.Errorf("%s.txt: a section for %q, which is no rule", f.name, id)
		}
	}
}

// BenchmarkReject times Match of all rules at every byte of a line that holds none of
// their values.
func BenchmarkReject(b *testing.B) {
	text := []byte("2026-01-02T03:04:05Z INFO sk-ant-api03- aws_region=eu-west-1 heroku-router key-value pairs of systemd-logind AIza 10.0.0.1")
	ds := All()
	b.ReportAllocs()
	for b.Loop() {
		for _, d := range ds {
			for at := range text {
				d.Match(text, at)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(ds)*len(text)), "ns/match")
}
