package detectors

import (
	"iter"
	"math/big"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

// conformance names the conformance file of a detector.
func conformance(name string) string {
	return filepath.Join("..", "testdata", "detectors", name+".txt")
}

// benchmarkMatch measures one call of Match, and fails when it does not answer as wanted.
func benchmarkMatch(b *testing.B, d redact.Detector, text string, at int, want redact.Reason) {
	b.Helper()
	buf := []byte(text)
	b.ReportAllocs()
	for b.Loop() {
		if _, r := d.Match(buf, at); r != want {
			b.Fatalf("%v, want %v", r, want)
		}
	}
}

func TestCard(t *testing.T) {
	detectortest.Run(t, card{}, conformance("card"))
}

var (
	plainCardShape   = regexp.MustCompile(`^[0-9]{12,19}$`)
	groupedCardShape = regexp.MustCompile(`^[0-9]{4}([ .-])([0-9]{4}([ .-])[0-9]{4}([ .-])([0-9]{2,4}|[0-9]{4}([ .-])[0-9]{1,3})|[0-9]{6}([ .-])[0-9]{4,5})$`)

	beforePlainCard   = regexp.MustCompile(`(^|[^\w.-]|(^|[^0-9])\.|(^|\W)[0-9]{12,19}-)$`)
	beforeGroupedCard = regexp.MustCompile(`(^|[^\w.-]|(^|\W)[0-9]{0,19}[.-])$`)
	afterPlainCard    = regexp.MustCompile(`^($|[^\w.]|\.($|[^0-9])|\.0{1,8}($|[^\w.-]|\.($|\W)))`)
	afterGroupedCard  = regexp.MustCompile(`^($|\W)`)
)

// cardOracle takes the longest card at b[at:], and with it those that begin in it and are
// grouped in the same way.
func cardOracle(b []byte, at int) (redact.Span, bool) {
	s, ok := oneCardOracle(b, at)
	end := s.End
	for q := at + 1; ok && b[at+4]-'0' > 9 && q < s.End; q++ {
		if o, found := oneCardOracle(b, q); found && b[q-1] == b[at+4] && b[q+4] == b[at+4] {
			end = max(end, o.End)
		}
	}
	s.End = end
	return s, ok
}

var (
	floatCardShape  = regexp.MustCompile(`^(\d{12,20}|\d\.\d{10,19})[eE][+-]?\d{1,3}$`)
	beforeFloatCard = regexp.MustCompile(`(^|[^\w.-])$`)
	fraction        = regexp.MustCompile(`^\.\d`)
)

// oneCardOracle takes the longest card at b[at:] by trying every end.
func oneCardOracle(b []byte, at int) (redact.Span, bool) {
	for end := min(len(b), at+32); end > at; end-- {
		s, before, after := string(b[at:end]), string(b[:at]), string(b[end:])
		var digits string
		switch {
		case plainCardShape.MatchString(s):
			if !beforePlainCard.MatchString(before) || !afterPlainCard.MatchString(after) {
				continue
			}
			digits = s
		case groupedCardShape.MatchString(s):
			if strings.Count(s, s[4:5]) != strings.Count(s, " ")+strings.Count(s, "-")+strings.Count(s, ".") ||
				!beforeGroupedCard.MatchString(before) || !afterGroupedCard.MatchString(after) {
				continue
			}
			digits = strings.ReplaceAll(s, s[4:5], "")
		case floatCardShape.MatchString(s):
			q, ok := new(big.Rat).SetString(s)
			if !ok || !q.IsInt() || s[0] == '0' || !beforeFloatCard.MatchString(before) || !afterGroupedCard.MatchString(after) || fraction.MatchString(after) {
				continue
			}
			if digits = q.Num().String(); len(digits) < cardMin || len(digits) > cardMax {
				continue
			}
		default:
			continue
		}
		known := slices.ContainsFunc(cardIssuers[:], func(i cardIssuer) bool {
			p := digits[:4]
			return p >= fourDigits(i.lo) && p <= fourDigits(i.hi) && i.lens&lens(len(digits)) != 0
		})
		if known && luhnOracle(digits) {
			return redact.Span{Start: at, End: end}, true
		}
	}
	return redact.Span{}, false
}

func fourDigits(n uint16) string {
	return string([]byte{'0' + byte(n/1000), '0' + byte(n/100%10), '0' + byte(n/10%10), '0' + byte(n%10)})
}

func luhnOracle(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			d = d*2/10 + d*2%10
		}
		sum += d
	}
	return sum%10 == 0
}

// checkCards compares every answer about a text with the oracle's.
func checkCards(t *testing.T, text []byte) {
	t.Helper()
	for at := range text {
		got, r := card{}.Match(text, at)
		want, ok := cardOracle(text, at)
		if r.OK() != ok || ok && got != want {
			t.Fatalf("at %d of %q: %v %v, want %v %v", at, text, got, r, want, ok)
		}
	}
}

func TestCardOracle(t *testing.T) {
	found := 0
	for text := range randomTexts(4000, "4111", "1111", "1111", "1", "4111111111111111", "5555555555554444", "378282246310005",
		"3782 822463 10005", "4222222222222", "6205500000000000004", "4.111111111111111E15", "4.11111111111111", "37828224631000500e-2", "e", "E+15", "e-1", "000", "0000", " ", " ", "-", "-", ".", ".", "_", "x", "\n") {
		checkCards(t, text)
		found += len(detectortest.Oracle([]redact.Detector{card{}}, text))
	}
	if found < 500 {
		t.Errorf("only %d cards in all texts", found)
	}
}

// randomTexts yields n texts made of the given parts, the same ones each time.
func randomTexts(n int, parts ...string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		r := rand.New(rand.NewPCG(1, 2))
		for range n {
			var b []byte
			for range 1 + r.IntN(10) {
				b = append(b, parts[r.IntN(len(parts))]...)
			}
			if !yield(b) {
				return
			}
		}
	}
}

// seed gives the cases of a conformance file to a fuzz target.
func seed(f *testing.F, name string) {
	f.Helper()
	cases, err := detectortest.Load(conformance(name))
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		f.Add(c.Text)
	}
}

// fuzzMax keeps the brute force of the oracles short, in bytes.
const fuzzMax = 200

func FuzzCard(f *testing.F) {
	seed(f, "card")
	contract := detectortest.Contract(f, card{})
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > fuzzMax {
			return
		}
		checkCards(t, text)
		contract(t, text)
	})
}

func BenchmarkCard(b *testing.B) {
	for _, c := range []struct {
		name, text string
		at         int
		want       redact.Reason
	}{
		{"clock", "ts=1718035200000 x", 3, redact.RejectRange},
		{"nanoseconds", "ts=1718035200000000000 x", 3, redact.RejectRange},
		{"block", "blk_-4608999687919862906 x", 5, redact.RejectNeighbor},
		{"length", "id 471803520000 x and so on", 3, redact.RejectRange},
		{"checksum", "id 4111111111111112 x", 3, redact.RejectChecksum},
		{"plain", "id 4111111111111111 x", 3, redact.Accepted},
		{"grouped", "id 4111 1111 1111 1111 x", 3, redact.Accepted},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkMatch(b, card{}, c.text, c.at, c.want) })
	}
}
