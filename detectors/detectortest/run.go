package detectortest

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"logveil/redact"
)

// maxShift is past four blocks of 64 bytes, the widest a scanner is likely to read at
// once, so that every value crosses a block's edge at each of its bytes.
const maxShift = 260

// Option adjusts [Run].
type Option func(*suite)

// Valid names values that are right although one character of a marked value was changed,
// so that finding them is no failure. It is called with the changed bytes of the span.
func Valid(valid func(value []byte) bool) Option {
	return func(s *suite) { s.valid = valid }
}

// Run checks the detector against the conformance file, one subtest a case.
func Run(t *testing.T, d redact.Detector, file string, options ...Option) {
	t.Helper()
	cases, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	s := newSuite(t, d, options...)
	if s == nil {
		t.FailNow()
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("line%d", c.Line), func(t *testing.T) { s.check(t, c) })
	}
}

// Contract returns a check of the detector on texts of which nothing is known, as a fuzzer
// makes them: all that [Run] checks but what should be found and what masks do. The check
// is not safe for concurrent use.
func Contract(t testing.TB, d redact.Detector) func(t testing.TB, text []byte) {
	t.Helper()
	s := newSuite(t, d)
	if s == nil {
		t.FailNow()
	}
	return func(t testing.TB, text []byte) {
		t.Helper()
		s.contract(t, text)
	}
}

func (s *suite) contract(t reporter, text []byte) {
	t.Helper()
	before := slices.Clone(text)
	if s.checkBounds(t, text) {
		s.checkReach(t, text)
		o := *s.oracle
		o.fit = true
		if err := s.engine(text, o.find(text)); err != nil {
			t.Errorf("in %q: %v", text, err)
		}
	}
	if !bytes.Equal(before, text) {
		t.Errorf("Match changed the text")
	}
}

// reporter is the part of testing.T that the checks need.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

type suite struct {
	d      redact.Detector
	spec   redact.Spec
	oracle *oracle
	worker *redact.Worker // nil in tests of the kit itself
	valid  func([]byte) bool
}

// newSuite returns nil when the Spec is so broken that nothing can be run.
func newSuite(t reporter, d redact.Detector, options ...Option) *suite {
	t.Helper()
	s := &suite{d: d, spec: d.Spec(), valid: func([]byte) bool { return false }}
	for _, o := range options {
		o(s)
	}
	if !checkSpec(t, s.spec) {
		return nil
	}
	s.oracle = newOracle([]redact.Detector{d})
	e, err := redact.New(redact.Options{Detectors: []redact.Detector{d}})
	if err != nil {
		t.Errorf("redact.New: %v", err)
		return nil
	}
	s.worker = e.NewWorker()
	return s
}

var kindShape = regexp.MustCompile(`^[a-z][a-z0-9]{1,11}$`)

func checkSpec(t reporter, s redact.Spec) bool {
	t.Helper()
	ok := true
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("Spec: "+format, args...)
		ok = false
	}
	if s.Name == "" {
		fail("no Name")
	}
	if !kindShape.MatchString(string(s.Kind)) {
		fail("Kind %q is not %s", s.Kind, kindShape)
	}
	if s.Doc == "" || strings.Contains(s.Doc, "\n") {
		fail("Doc is not one line")
	}
	if s.MaxLen <= 0 || s.MaxLen > redact.MaxLookaround {
		fail("MaxLen %d is not in 1..%d", s.MaxLen, redact.MaxLookaround)
	}
	if s.Anchor.Shape == "" && len(s.Anchor.Literals) == 0 {
		fail("no anchor")
	}
	for _, l := range s.Anchor.Literals {
		if len(l.Text) < 3 || strings.ContainsFunc(l.Text, func(r rune) bool { return r >= 0x80 }) {
			fail("literal %q is not three bytes of ASCII or more", l.Text)
		}
	}
	if _, err := syntax.Parse(s.Anchor.Shape, syntax.Perl); err != nil {
		fail("shape: %v", err)
	}
	return ok
}

// check runs every check of one case. Each of them reports its first failure only.
func (s *suite) check(t reporter, c Case) {
	t.Helper()
	before := slices.Clone(c.Text)
	ok := s.checkBounds(t, c.Text) // the others rely on spans in bounds
	if ok {
		s.checkSpans(t, c)
		s.checkCuts(t, c)
		s.checkReach(t, c.Text)
		s.checkMutations(t, c)
		s.checkTwice(t, c)
		s.checkAllocs(t, c.Text)
	}
	if !bytes.Equal(before, c.Text) {
		t.Errorf("Match changed the text")
	}
}

// match calls Match and turns a panic into an error. The text is given without spare
// capacity, so that a look beyond its end panics.
func (s *suite) match(text []byte, at int) (sp redact.Span, r redact.Reason, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic at byte %d of %q: %v", at, text, p)
		}
	}()
	sp, r = s.d.Match(text[:len(text):len(text)], at)
	if r.OK() {
		switch {
		case sp.Start < 0 || sp.End > len(text) || sp.Start >= sp.End:
			err = fmt.Errorf("span %v is not in the text of %d bytes", sp, len(text))
		case sp.Start < at-s.spec.MaxLen || sp.End > at+s.spec.MaxLen:
			err = fmt.Errorf("span %v reaches further than %d bytes from %d", sp, s.spec.MaxLen, at)
		}
	}
	if err == nil && r.String() == "unknown" {
		err = fmt.Errorf("at byte %d the reason is unknown", at)
	}
	return sp, r, err
}

// checkBounds asks about every byte of the text and holds the answers against the law of
// anchors and the skip hints.
func (s *suite) checkBounds(t reporter, text []byte) bool {
	t.Helper()
	type answer struct {
		at int
		redact.Span
		ok, candidate bool
	}
	ascii := toASCII(text)
	var answers []answer
	for at := range text {
		sp, r, err := s.match(text, at)
		if err != nil {
			t.Errorf("Match: %v", err)
			return false
		}
		if sp2, r2, _ := s.match(text, at); sp2 != sp || r2 != r {
			t.Errorf("Match at %d of %q answers %v %v, then %v %v", at, text, sp, r, sp2, r2)
			return false
		}
		if r == redact.RejectMore {
			sp.End = at // where to be asked again, and not what may be skipped
		}
		answers = append(answers, answer{at, sp, r.OK(), s.oracle.anchors[0].candidate(ascii, at)})
	}
	for _, a := range answers {
		if a.ok && !slices.ContainsFunc(answers, func(b answer) bool { return b.candidate && b.ok && b.Span == a.Span }) {
			t.Errorf("Match at %d of %q accepts %v, which no candidate yields", a.at, text, a.Span)
			return false
		}
		if a.ok || !a.candidate {
			continue
		}
		for _, b := range answers {
			if b.candidate && b.ok && b.at > a.at && b.at < a.End {
				t.Errorf("the candidate at %d of %q says to skip to %d, but the one at %d is accepted", a.at, text, a.End, b.at)
				return false
			}
		}
	}
	return true
}

// spans checks that the oracle, and the engine, find exactly the given spans.
func (s *suite) spans(text []byte, want []redact.Span) ([]redact.Finding, error) {
	found := s.oracle.find(text)
	got := make([]redact.Span, 0, len(found))
	for _, f := range found {
		got = append(got, f.Span)
	}
	if !slices.Equal(got, want) {
		return nil, fmt.Errorf("in %q: found %s, want %s", text, quote(text, got), quote(text, want))
	}
	return found, s.engine(text, found)
}

// engine compares the engine with what the oracle found.
func (s *suite) engine(text []byte, want []redact.Finding) error {
	if s.worker == nil {
		return nil
	}
	got := s.worker.Find(text)
	err := Same(got, want)
	if err == nil || !encoded.Match(text) {
		return err
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g redact.Finding) bool { return covers(text, g.Span, w.Span) }) {
			return err
		}
	}
	return nil
}

// encoded matches text of which the engine may look at a decoded form, which the oracle
// does not: there the engine may find more, but nothing less.
var encoded = regexp.MustCompile(`[\\%&]|\d{4}\+\d{4}|[A-Za-z0-9+/_-]{16}`)

// covers reports whether g is all of w. A value of the text as it stands may begin before an
// escape that, decoded, stands before the value; then g begins behind that escape.
func covers(text []byte, g, w redact.Span) bool {
	return w.End <= g.End && (g.Start <= w.Start || g.Start-w.Start <= maxTorn && endsEscaped.Match(text[:g.Start]))
}

// maxTorn bounds how much too early such a value begins, in bytes.
const maxTorn = 64

// endsEscaped matches text that ends with an escape of JSON, of URLs or of XML, but of no letter.
var endsEscaped = regexp.MustCompile(`(?:\\[^u]|\\u00[0-2][0-9A-Fa-f]|%[0-2][0-9A-Fa-f]|&[a-z]+;|&#(?:x[0-2]?[0-9A-Fa-f]|[0-5]?[0-9]);)$`)

// Same says where the findings of an engine differ from those of the oracle. Which of
// several anchors of one value a finding names is left to the engine.
func Same(got, want []redact.Finding) error {
	eq := func(a, b redact.Finding) bool {
		return a.Span == b.Span && a.Detector == b.Detector && a.Open == b.Open
	}
	if !slices.EqualFunc(got, want, eq) {
		return fmt.Errorf("the engine finds %v, the oracle %v", got, want)
	}
	return nil
}

func quote(text []byte, spans []redact.Span) string {
	if len(spans) == 0 {
		return "nothing"
	}
	var parts []string
	for _, s := range spans {
		parts = append(parts, fmt.Sprintf("%d:%d %q", s.Start, s.End, text[s.Start:s.End]))
	}
	return strings.Join(parts, ", ")
}

const harmless = "the quick brown fox jumps over the lazy dog and runs through the wood to the river "

// line returns n bytes of harmless text that end in a line end.
func line(n int) []byte {
	if n == 0 {
		return nil
	}
	return append([]byte(strings.Repeat(harmless, n/len(harmless)+1)[:n-1]), '\n')
}

func (s *suite) checkSpans(t reporter, c Case) {
	t.Helper()
	found, err := s.spans(c.Text, c.Spans)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	for shift := 1; shift <= maxShift; shift++ {
		want := make([]redact.Span, 0, len(c.Spans))
		for _, sp := range c.Spans {
			want = append(want, redact.Span{Start: sp.Start + shift, End: sp.End + shift})
		}
		for _, before := range [][]byte{line(shift), bytes.Repeat([]byte(" "), shift)} {
			if _, err := s.spans(slices.Concat(before, c.Text), want); err != nil {
				t.Errorf("shifted by %d: %v", shift, err)
				return
			}
		}
	}
	// A line after changes nothing, unless the end of a value had not been seen.
	if slices.ContainsFunc(found, func(f redact.Finding) bool { return f.Open }) {
		return
	}
	if _, err := s.spans(slices.Concat(c.Text, []byte("\n"), line(len(harmless))), c.Spans); err != nil {
		t.Errorf("with a line after: %v", err)
	}
}

func (s *suite) checkCuts(t reporter, c Case) {
	t.Helper()
	for n := range len(c.Text) {
		for _, part := range [][]byte{c.Text[:n:n], c.Text[n:]} {
			if !s.checkBounds(t, part) {
				return
			}
			if err := s.engine(part, s.oracle.find(part)); err != nil {
				t.Errorf("cut at %d: %v", n, err)
				return
			}
		}
	}
}

// checkReach changes what lies beyond MaxLen of each candidate.
func (s *suite) checkReach(t reporter, text []byte) {
	t.Helper()
	pad := bytes.Repeat([]byte("."), s.spec.MaxLen+8)
	long := slices.Concat(pad, text, pad)
	ascii := toASCII(text)
	for at := range text {
		if !s.oracle.anchors[0].candidate(ascii, at) {
			continue
		}
		at += len(pad)
		sp, r, err := s.match(long, at)
		for _, c := range []byte("7aA -\n\x00\xff") {
			other := bytes.Repeat([]byte{c}, len(long))
			copy(other[at-s.spec.MaxLen:], long[at-s.spec.MaxLen:at+s.spec.MaxLen+1])
			sp2, r2, err2 := s.match(other, at)
			if sp2 != sp || r2 != r || err != nil || err2 != nil {
				t.Errorf("at %d of %q the answer %v %v (%v) becomes %v %v (%v) when bytes further than %d change to %q",
					at-len(pad), text, sp, r, err, sp2, r2, err2, s.spec.MaxLen, c)
				return
			}
		}
	}
}

// others returns the characters that c is changed to.
func (m Class) others(c byte) string {
	const digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, class := range []string{digits, lower, upper} {
		if strings.IndexByte(class, c) >= 0 && (m == MutateAlnum || m == MutateDigit && class == digits) {
			return strings.ReplaceAll(class, string(c), "")
		}
	}
	return ""
}

func (s *suite) checkMutations(t reporter, c Case) {
	t.Helper()
	for _, sp := range c.Spans {
		for i := sp.Start; i < sp.End; i++ {
			for _, other := range []byte(c.Mutate.others(c.Text[i])) {
				text := slices.Clone(c.Text)
				text[i] = other
				if s.valid(text[sp.Start:sp.End]) {
					continue
				}
				for _, f := range s.oracle.find(text) {
					if f.Span == sp {
						t.Errorf("%q is found although byte %d is %q and not %q", text[sp.Start:sp.End], i-sp.Start, other, c.Text[i])
						return
					}
				}
			}
		}
	}
}

func (s *suite) checkTwice(t reporter, c Case) {
	t.Helper()
	var out []byte
	last := 0
	for _, f := range s.oracle.find(c.Text) {
		out = append(out, c.Text[last:f.Start]...)
		out = append(out, "tok1_"+string(s.spec.Kind)+"_x"...)
		last = f.End
	}
	out = append(out, c.Text[last:]...)
	if _, err := s.spans(out, nil); err != nil {
		t.Errorf("redacted again: %v", err)
	}
}

func (s *suite) checkAllocs(t reporter, text []byte) {
	t.Helper()
	n := testing.AllocsPerRun(1, func() {
		for at := range text {
			s.d.Match(text, at)
		}
	})
	if n != 0 {
		t.Errorf("Match allocates %v times in %q", n, text)
	}
}
