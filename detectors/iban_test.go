package detectors

import (
	"math/big"
	"regexp"
	"strings"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/internal/check"
	"logveil/redact"
)

func TestIBAN(t *testing.T) {
	detectortest.Run(t, iban{}, conformance("iban"))
}

var (
	ibanShapes = []*regexp.Regexp{
		regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[0-9A-Z]+$`),
		regexp.MustCompile(`^[A-Z]{2}[0-9]{2}( [0-9A-Z]{4})*( [0-9A-Z]{1,3})?$`),
		regexp.MustCompile(`^[A-Z]{2}[0-9]{2}(-[0-9A-Z]{4})*(-[0-9A-Z]{1,3})?$`),
	}
	afterWord  = regexp.MustCompile(`^($|\W)`)
	beforeWord = regexp.MustCompile(`(^|\W)$`)
)

// ibanOracle takes the upper-case number at b[at:] by trying every end.
func ibanOracle(b []byte, at int) (redact.Span, bool) {
	if !beforeWord.Match(b[:at]) {
		return redact.Span{}, false
	}
	for end := min(len(b), at+45); end >= at+check.IBANMin; end-- {
		s := string(b[at:end])
		shaped := false
		for _, r := range ibanShapes {
			shaped = shaped || r.MatchString(s)
		}
		compact := strings.NewReplacer(" ", "", "-", "").Replace(s)
		if !shaped || len(compact) != check.IBANLen(s[0], s[1]) || !afterWord.Match(b[end:]) {
			continue
		}
		var digits strings.Builder
		for _, c := range []byte(compact[4:] + compact[:4]) {
			digits.WriteString(big.NewInt(int64(strings.IndexByte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", c))).String())
		}
		n, _ := new(big.Int).SetString(digits.String(), 10)
		if compact[2:4] >= "02" && compact[2:4] <= "98" && n.Mod(n, big.NewInt(97)).Int64() == 1 {
			return redact.Span{Start: at, End: end}, true
		}
	}
	return redact.Span{}, false
}

// checkIBANs compares every answer about a text with the oracle's, but for those about the
// word IBAN.
func checkIBANs(t *testing.T, text []byte) {
	t.Helper()
	for at := range text {
		if hasFold(text, at, "iban") {
			continue
		}
		got, r := iban{}.Match(text, at)
		want, ok := ibanOracle(text, at)
		if r.OK() != ok || ok && got != want {
			t.Fatalf("at %d of %q: %v %v, want %v %v", at, text, got, r, want, ok)
		}
	}
}

func TestIBANOracle(t *testing.T) {
	found := 0
	for text := range randomTexts(3000, "NO9386011117947", "NO93 8601 1117 947", "NO93-8601-1117-947", "DE89 ", "DE89-", "GB29 NWBK", " 6016 1331 9268 19",
		"GB29NWBK60161331926819", "MT84 MALT 0110 0001 2345 MTLC AST0 01S", "NO93", " 8601", " 1117", " 947", "-", "x", "_", "0", " ", "IBAN ", "\n", "no9386011117947") {
		checkIBANs(t, text)
		found += len(detectortest.Oracle([]redact.Detector{iban{}}, text))
	}
	if found < 500 {
		t.Errorf("only %d numbers in all texts", found)
	}
}

func FuzzIBAN(f *testing.F) {
	seed(f, "iban")
	contract := detectortest.Contract(f, iban{})
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > fuzzMax {
			return
		}
		checkIBANs(t, text)
		contract(t, text)
	})
}

func BenchmarkIBAN(b *testing.B) {
	for _, c := range []struct {
		name, text string
		at         int
		want       redact.Reason
	}{
		{"country", "id AB12CD34EF56GH78IJ90", 3, redact.RejectRange},
		{"length", "id GB29NWBK60161331926819ABCDEF", 3, redact.RejectLength},
		{"word", "the iban of the payee is not known to us at all", 4, redact.RejectContext},
		{"checksum", "id GB28NWBK60161331926819", 3, redact.RejectChecksum},
		{"plain", "id GB29NWBK60161331926819", 3, redact.Accepted},
		{"grouped", "id GB29 NWBK 6016 1331 9268 19", 3, redact.Accepted},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkMatch(b, iban{}, c.text, c.at, c.want) })
	}
}
