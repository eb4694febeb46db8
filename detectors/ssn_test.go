package detectors

import (
	"regexp"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestSSN(t *testing.T) {
	detectortest.Run(t, ssn{}, conformance("ssn"))
}

var (
	ssnShape = regexp.MustCompile(`^(00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])-(0[1-9]|[1-9][0-9])-(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})$`)

	beforeSSN = regexp.MustCompile(`(^|[^\w.+-]|(^|\W)[.-])$`)
	afterSSN  = regexp.MustCompile(`^($|[^\w.-]|-($|\W)|\.($|[^0-9]))`)
)

// checkSSNs compares every answer about a text with regular expressions, but for those
// about keywords.
func checkSSNs(t *testing.T, text []byte) {
	t.Helper()
	const n = len("ddd-dd-dddd")
	for at := range text {
		if !isDigit(text[at]) {
			continue
		}
		got, r := ssn{}.Match(text, at)
		ok := at+n <= len(text) && ssnShape.Match(text[at:at+n]) && beforeSSN.Match(text[:at]) && afterSSN.Match(text[at+n:])
		if want := (redact.Span{Start: at, End: at + n}); r.OK() != ok || ok && got != want {
			t.Fatalf("at %d of %q: %v %v, want %v", at, text, got, r, ok)
		}
	}
}

func TestSSNOracle(t *testing.T) {
	found := 0
	for text := range randomTexts(20000, "123-45-6789", "123", "45", "6789", "666", "900", "000", "00", "0", "1", "-", "-", ".", "+", "_", "x", " ", "\n", "ssn=", "ssn ") {
		checkSSNs(t, text)
		found += len(detectortest.Oracle([]redact.Detector{ssn{}}, text))
	}
	if found < 500 {
		t.Errorf("only %d numbers in all texts", found)
	}
	// Every area, group and serial number.
	for area := range 1000 {
		checkSSNs(t, ssnText(area, 45, 6789))
	}
	for group := range 100 {
		checkSSNs(t, ssnText(123, group, 6789))
	}
	for serial := range 10000 {
		checkSSNs(t, ssnText(123, 45, serial))
	}
}

func ssnText(area, group, serial int) []byte {
	d := func(n int) byte { return '0' + byte(n%10) }
	return []byte{d(area / 100), d(area / 10), d(area), '-', d(group / 10), d(group), '-', d(serial / 1000), d(serial / 100), d(serial / 10), d(serial)}
}

func FuzzSSN(f *testing.F) {
	seed(f, "ssn")
	contract := detectortest.Contract(f, ssn{})
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > fuzzMax {
			return
		}
		checkSSNs(t, text)
		contract(t, text)
	})
}

func BenchmarkSSN(b *testing.B) {
	for _, c := range []struct {
		name, text string
		at         int
		want       redact.Reason
	}{
		{"keyword", "the ssn of the person is not known to us at all", 4, redact.RejectContext},
		{"other word", "a mission of ours", 4, redact.RejectAnchor},
		{"range", "id 000-45-6789 x", 3, redact.RejectRange},
		{"neighbour", "id-123-45-6789 x", 3, redact.RejectNeighbor},
		{"plain", "id 123-45-6789 x", 3, redact.Accepted},
		{"behind a keyword", "ssn=123456789 x", 0, redact.Accepted},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkMatch(b, ssn{}, c.text, c.at, c.want) })
	}
}
