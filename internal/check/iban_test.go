package check

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var ibanShape = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[0-9A-Z]+$`)

// ibanOracle moves the first four characters to the end and divides.
func ibanOracle(s string) bool {
	if !ibanShape.MatchString(s) {
		return false
	}
	m := regexp.MustCompile(`\b` + s[:2] + `([0-9]{2})\b`).FindStringSubmatch(ibanLens + " " + ibanLensOther)
	if m == nil || len(s) != int(m[1][0]-'0')*10+int(m[1][1]-'0') {
		return false
	}
	return s[2:4] != "00" && s[2:4] != "01" && s[2:4] != "99" && mod97Oracle(s[4:]+s[:4]) == 1
}

func TestIBANTable(t *testing.T) {
	n := 0
	for a := byte('A'); a <= 'Z'; a++ {
		for b := byte('A'); b <= 'Z'; b++ {
			l := IBANLen(a, b)
			if l == 0 {
				continue
			}
			n++
			if l < IBANMin || l > IBANMax {
				t.Errorf("%c%c: length %d out of bounds", a, b, l)
			}
		}
	}
	if want := len(strings.Fields(ibanLens)) + len(strings.Fields(ibanLensOther)); n != want {
		t.Errorf("%d countries, want %d", n, want)
	}
	for _, s := range []string{"de", "D1", "1D", "\xff\xff", "ZZ"} {
		if IBANLen(s[0], s[1]) != 0 {
			t.Errorf("%q has a length", s)
		}
	}
}

// Examples of the SWIFT registry, one for each shape of length.
var ibanGood = []string{
	"NO9386011117947", "BE68539007547034", "DK5000400440116243", "AT611904300234573201",
	"CH9300762011623852957", "DE89370400440532013000", "GI75NWBK000000007099453",
	"ES9121000418450200051332", "PT50000201231234567890154", "IS140159260076545510730339",
	"FR1420041010050500013M02606", "PL61109010140000071219812874", "BR9700360305000010009795493P1",
	"JO94CBJO0010000000000131000302", "MT84MALT011000012345MTLCAST001S", "LC55HEMM000100010012001200023015",
}

func TestIBANKnown(t *testing.T) {
	for _, s := range ibanGood {
		if !IBAN([]byte(s)) {
			t.Errorf("IBAN(%q) = false", s)
		}
		for i := range s {
			for _, c := range []byte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZaé \x00") {
				b := []byte(s)
				b[i] = c
				if got, want := IBAN(b), ibanOracle(string(b)); got != want {
					t.Errorf("IBAN(%q) = %v, want %v", b, got, want)
				}
				if d := s[i]; c != d && c >= '0' && c <= '9' && d >= '0' && d <= '9' && IBAN(b) {
					t.Errorf("one wrong digit went unseen: %q", b)
				}
			}
		}
		if IBAN([]byte(s[:len(s)-1])) || IBAN([]byte(s+"0")) {
			t.Errorf("%q: another length is accepted", s)
		}
	}
}

func FuzzIBAN(f *testing.F) {
	for _, s := range ibanGood {
		f.Add([]byte(s))
	}
	f.Add([]byte(""))
	f.Add([]byte("DE"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := IBAN(b), ibanOracle(string(b)); got != want {
			t.Fatalf("IBAN(%q) = %v, want %v", b, got, want)
		}
	})
}

// national holds numbers of the labelled sets whose international check digits agree and
// whose national structure or national check digits do not, which IBAN does not look at.
var national = map[string]bool{
	"BG93BNBG96611A20345678": true, "GI22NW3K000000007099453": true,
	"NL5630030A17164300": true, "ES2121000418450200051331": true,
}

// TestIBANLabelled compares with verdicts that others wrote down.
func TestIBANLabelled(t *testing.T) {
	n := 0
	for _, name := range []string{"validators_stdnum.jsonl", "validators_dd_sds.jsonl"} {
		f, err := os.Open(filepath.Join("..", "..", "..", "shared", "corpora", "labelled", name))
		if err != nil {
			t.Skip("../shared/corpora is not here")
		}
		defer f.Close()
		sc := bufio.NewScanner(f)
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			var r struct {
				Rule, Text string
				Positive   bool
			}
			if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if r.Rule != "stdnum:iban" && r.Rule != "dd:iban_checker" {
				continue
			}
			// Those sets take any separators, and letters in either case.
			s := strings.ToUpper(strings.NewReplacer(" ", "", "-", "", ".", "").Replace(r.Text))
			n++
			if got := IBAN([]byte(s)); got != (r.Positive || national[s]) {
				t.Errorf("%s: IBAN(%q) = %v, want %v", r.Rule, s, got, r.Positive)
			}
		}
		if err := sc.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n < 100 {
		t.Errorf("%d records compared, want at least 100", n)
	}
}

func BenchmarkIBAN(b *testing.B) {
	s := []byte("FR1420041010050500013M02606")
	b.ReportAllocs()
	for b.Loop() {
		if !IBAN(s) {
			b.Fatal("not valid")
		}
	}
}
