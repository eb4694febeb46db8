package check

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// luhnOracle follows the wording of the standard: from the right, double every second
// digit, add the digits of what results.
func luhnOracle(s string) bool {
	sum := 0
	for i := range len(s) {
		c := s[len(s)-1-i]
		if !strings.ContainsRune("0123456789", rune(c)) {
			return false
		}
		d, _ := strconv.Atoi(string(c))
		if i%2 == 1 {
			d *= 2
		}
		for _, x := range strconv.Itoa(d) {
			n, _ := strconv.Atoi(string(x))
			sum += n
		}
	}
	return s != "" && strings.HasSuffix(strconv.Itoa(sum), "0")
}

func TestLuhnKnown(t *testing.T) {
	for s, want := range map[string]bool{
		"79927398713": true, "79927398710": false, "4111111111111111": true,
		"378282246310005": true, "0": true, "5": false, "": false,
		"4111 1111": false, "a": false, "/": false, ":": false,
	} {
		if got := Luhn([]byte(s)); got != want {
			t.Errorf("Luhn(%q) = %v, want %v", s, got, want)
		}
	}
}

func TestLuhnAll(t *testing.T) {
	for n := 1; n <= 5; n++ {
		max := 1
		for range n {
			max *= 10
		}
		for i := range max {
			s := fmt.Sprintf("%0*d", n, i)
			if got, want := Luhn([]byte(s)), luhnOracle(s); got != want {
				t.Fatalf("Luhn(%q) = %v, want %v", s, got, want)
			}
		}
	}
}

func FuzzLuhn(f *testing.F) {
	for _, s := range []string{"", "79927398713", "4111111111111111", "41111111 11111111", "\xff\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := Luhn(b), luhnOracle(string(b)); got != want {
			t.Fatalf("Luhn(%q) = %v, want %v", b, got, want)
		}
		if !Luhn(b) {
			return
		}
		for i := range b {
			c := append([]byte(nil), b...)
			c[i] = '0' + (c[i]-'0'+1)%10
			if Luhn(c) {
				t.Fatalf("one wrong digit of %q went unseen at %d", b, i)
			}
		}
	})
}

func BenchmarkLuhn(b *testing.B) {
	s := []byte("4111111111111111")
	b.ReportAllocs()
	for b.Loop() {
		if !Luhn(s) {
			b.Fatal("not valid")
		}
	}
}
