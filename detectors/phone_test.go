package detectors

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"logveil/detectors/detectortest"
	"logveil/redact"
)

func TestPhone(t *testing.T) {
	detectortest.Run(t, phone{}, conformance("phone"))
}

func TestCallingCodes(t *testing.T) {
	n := 0
	for code, c := range callingCodeTable {
		if c.low == 0 {
			continue
		}
		n++
		digits := 1
		for x := code; x >= 10; x /= 10 {
			digits++
		}
		if c.low < 4 || c.low > c.min || c.min > c.max || c.max > c.top || int(c.top)+digits > phoneDigits {
			t.Errorf("+%d: bounds %v", code, c)
		}
		for x := code / 10; x > 0; x /= 10 {
			if callingCodeTable[x].low > 0 {
				t.Errorf("+%d begins +%d", x, code)
			}
		}
	}
	if want := len(strings.Fields(callingCodes)); n != want || n < 200 {
		t.Errorf("%d codes, want %d", n, want)
	}
}

func TestPhoneContract(t *testing.T) {
	contract := detectortest.Contract(t, phone{})
	found := 0
	for text := range randomTexts(3000, "+1", "+44 20 7946 0123", "(212) 555-0123", "212-555-0123", "2125550123", "+44", "+49", "212", "555", "0123", "(212)", "(", ")", " ", " ", "-", "-", ".", "/", "0", "12", "20 7946",
		"phone", "tel", "call ", "mobile=", "\":\"", "No", ": ", "x12", " ext. 4", "ab", "\n") {
		contract(t, text)
		found += len(detectortest.Oracle([]redact.Detector{phone{}}, text))
	}
	if found < 400 {
		t.Errorf("only %d numbers in all texts", found)
	}
}

// TestPhoneExamples takes the example numbers that libphonenumber lists by country.
func TestPhoneExamples(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "shared", "corpora", "labelled", "validators_phone_examples.jsonl"))
	if err != nil {
		t.Skip("../shared/corpora is not here")
	}
	defer f.Close()
	all, found := map[string]int{}, map[string]int{}
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		var r struct {
			Text   string
			Format string `json:"phone_format"`
		}
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		text := r.Text
		if r.Format == "NATIONAL" {
			text = "phone: " + text
		}
		all[r.Format]++
		for _, x := range detectortest.Oracle([]redact.Detector{phone{}}, []byte(text)) {
			if text[x.Start:x.End] == r.Text {
				found[r.Format]++
			}
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	for format, least := range map[string]float64{"E164": 0.99, "INTERNATIONAL": 0.98, "NATIONAL": 0.9} {
		if share := float64(found[format]) / float64(all[format]); !(share >= least) {
			t.Errorf("%s: %d of %d found", format, found[format], all[format])
		}
	}
}

func FuzzPhone(f *testing.F) {
	seed(f, "phone")
	contract := detectortest.Contract(f, phone{})
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) <= fuzzMax {
			contract(t, text)
		}
	})
}

func BenchmarkPhone(b *testing.B) {
	for _, c := range []struct {
		name, text string
		at         int
		want       redact.Reason
	}{
		{"zone", "03:56:14 +0330] x", 9, redact.RejectRange},
		{"zone west", "03:56:14 +1030] x", 9, redact.RejectRange},
		{"status and size", `GET / HTTP/1.1" 200 4523 "-"`, 16, redact.RejectAnchor},
		{"two numbers", "took 128 200 4523 ms", 9, redact.RejectAnchor},
		{"word", "the telemetry of it", 4, redact.RejectAnchor},
		{"no number", "the call was not answered by anyone here", 4, redact.RejectContext},
		{"international", "to +44 20 7946 0123 x", 3, redact.Accepted},
		{"north american", "to (212) 555-0123 x", 9, redact.Accepted},
		{"behind a keyword", "phone=2125550123 x", 0, redact.Accepted},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkMatch(b, phone{}, c.text, c.at, c.want) })
	}
}
