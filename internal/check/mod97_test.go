package check

import (
	"math/big"
	"strings"
	"testing"
)

// mod97Oracle writes the whole number out and divides it.
func mod97Oracle(s string) int {
	var digits strings.Builder
	for _, c := range []byte(s) {
		i := strings.IndexByte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", c)
		if i < 0 {
			return -1
		}
		digits.WriteString(big.NewInt(int64(i)).String())
	}
	n, ok := new(big.Int).SetString("0"+digits.String(), 10)
	if !ok {
		panic("not a number")
	}
	return int(n.Mod(n, big.NewInt(97)).Int64())
}

func TestMod97Known(t *testing.T) {
	for s, want := range map[string]int{
		"": 0, "96": 96, "97": 0, "98": 1, "A": 10, "Z": 35, "3214282912345698765432161182": 1,
		"a": -1, "1 2": -1, "/": -1, ":": -1, "@": -1, "[": -1,
	} {
		if got := Mod97([]byte(s)); got != want {
			t.Errorf("Mod97(%q) = %d, want %d", s, got, want)
		}
	}
}

func FuzzMod97(f *testing.F) {
	for _, s := range []string{"", "0", "ZZZZZZZZZZZZ", "3214282912345698765432161182", "x1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := Mod97(b), mod97Oracle(string(b)); got != want {
			t.Fatalf("Mod97(%q) = %d, want %d", b, got, want)
		}
	})
}
