package check

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestAppendWhole compares with the standard library's arbitrary-precision rationals.
func TestAppendWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	digits := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("0001234567899"[r.IntN(13)])
		}
		return b.String()
	}
	whole := 0
	for range 200_000 {
		s := digits(1 + r.IntN(20))
		if r.IntN(2) == 0 {
			s += "." + digits(r.IntN(18))
		}
		if r.IntN(2) == 0 {
			s += []string{"e", "E"}[r.IntN(2)] + []string{"", "+", "-"}[r.IntN(3)] + digits(r.IntN(3))
		}
		if r.IntN(20) == 0 {
			s += []string{"x", ".", "e", " ", "-"}[r.IntN(5)]
		}
		want := ""
		if q, ok := new(big.Rat).SetString(s); ok && q.IsInt() && q.Sign() > 0 && s[0] != '0' && !strings.HasSuffix(strings.Split(strings.ToLower(s), "e")[0], ".") {
			want = q.Num().String()
		}
		if len(want) > 19 {
			want = ""
		}
		got, ok := AppendWhole([]byte("x"), []byte(s), 19)
		if ok != (want != "") || string(got) != "x"+want {
			t.Fatalf("%s: %q %v, want %q", s, got, ok, want)
		}
		if ok {
			whole++
		}
	}
	if whole < 1000 {
		t.Errorf("only %d whole numbers", whole)
	}
	for _, s := range []string{"", ".", "e5", "1e", "1e+", "-1", "+1", "1e1000", "0.5e1", fmt.Sprintf("1.%se40", strings.Repeat("0", 60))} {
		if got, ok := AppendWhole(nil, []byte(s), 19); ok || len(got) > 0 {
			t.Errorf("%s: %q", s, got)
		}
	}
}
