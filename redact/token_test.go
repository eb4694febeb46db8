package redact

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math/big"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// The oracle: the grammar as a regular expression, base 52 with big numbers.
var (
	refToken = regexp.MustCompile(`^tok1_([a-z][a-z0-9]{1,11})_([a-wyz0-9][a-z0-9]{0,7})_([A-Za-z]{24,})([A-Za-z]{6})\b`)
	refMask  = regexp.MustCompile(`^tok1_([a-z][a-z0-9]{1,11})_x[a-z0-9]{0,7}\b`)
)

func refNumber(s string) *big.Int {
	v := new(big.Int)
	for _, c := range s {
		v.Mul(v, big.NewInt(52))
		v.Add(v, big.NewInt(int64(strings.IndexRune(letters, c))))
	}
	return v
}

// refPayload decodes letters; for a group it looks for the number of bytes whose
// letters are just enough.
func refPayload(s string) ([]byte, bool) {
	var out []byte
	for len(s) > 0 {
		g := s[:min(12, len(s))]
		s = s[len(g):]
		n := 0
		for k := 1; k <= 8; k++ {
			need, v := 0, new(big.Int).Lsh(big.NewInt(1), uint(8*k))
			for p := big.NewInt(1); p.Cmp(v) < 0; p.Mul(p, big.NewInt(52)) {
				need++
			}
			if need == len(g) {
				n = k
			}
		}
		v := refNumber(g)
		if n == 0 || v.BitLen() > 8*n {
			return nil, false
		}
		out = append(out, v.FillBytes(make([]byte, n))...)
	}
	return out, true
}

// refParse returns the token at the start of s, whether its letters make a length that
// exists, and its payload.
func refParse(s string) (whole, kind, kid string, payload []byte, decodes, ok bool) {
	if m := refMask.FindString(s); m != "" {
		p := strings.Split(m, "_")
		return m, p[1], p[2], nil, false, true
	}
	m := refToken.FindStringSubmatch(s)
	if m == nil || len(m[3]) > MaxPayload/8*12 {
		return "", "", "", nil, false, false
	}
	sum := crc32.Checksum([]byte(m[1]+"_"+m[2]+"_"+m[3]), crc32.MakeTable(crc32.Castagnoli))
	if refNumber(m[4]).Cmp(big.NewInt(int64(sum))) != 0 {
		return "", "", "", nil, false, false
	}
	switch len(m[3]) % 12 {
	case 1, 4, 7, 11:
		return "", "", "", nil, false, false
	}
	payload, decodes = refPayload(m[3])
	return m[0], m[1], m[2], payload, decodes, true
}

func checkAgainstReference(t *testing.T, b []byte, at int) {
	t.Helper()
	// The reference's \b looks at what stands left of the token only through its own
	// first letter, and regexp takes invalid UTF-8 for no word character, as we do.
	whole, kind, kid, payload, decodes, ok := refParse(string(b[at:]))
	tok, got := ParseToken(b, at)
	if got != ok {
		t.Fatalf("ParseToken(%q, %d): %v, reference %v", b, at, got, ok)
	}
	if !ok {
		return
	}
	if s := string(b[tok.Start:tok.End]); tok.Start != at || s != whole {
		t.Fatalf("span %q, reference %q", s, whole)
	}
	if s := string(b[tok.Kind.Start:tok.Kind.End]); s != kind {
		t.Fatalf("kind %q, reference %q", s, kind)
	}
	if s := string(b[tok.Kid.Start:tok.Kid.End]); s != kid {
		t.Fatalf("kid %q, reference %q", s, kid)
	}
	p, gotDecodes := tok.AppendPayload([]byte("keep"), b)
	if gotDecodes != decodes || string(p) != "keep"+string(payload) {
		t.Fatalf("payload %q %v, reference %q %v", p, gotDecodes, payload, decodes)
	}
}

func randomToken(r *rand.Rand) (kind Kind, kid string, payload []byte) {
	const alnum = "abcdefghijklmnopqrstuvwyzx0123456789"
	k := []byte{alnum[r.IntN(26)]}
	for range 1 + r.IntN(11) {
		k = append(k, alnum[r.IntN(36)])
	}
	d := []byte{alnum[r.IntN(25)]} // no x
	for range r.IntN(8) {
		d = append(d, alnum[r.IntN(36)])
	}
	payload = make([]byte, MinPayload+r.IntN(60))
	for i := range payload {
		payload[i] = byte(r.Uint32())
	}
	switch r.IntN(8) {
	case 0:
		clear(payload)
	case 1:
		for i := range payload {
			payload[i] = 0xff
		}
	}
	return Kind(k), string(d), payload
}

func TestTokenRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		kind, kid, payload := randomToken(r)
		dst := AppendToken([]byte("n"), kind, kid, payload)
		dst = append(dst, []string{"", " ", "\n", "\"", "%20", "\xff", "-1"}[r.IntN(7)]...)
		tok, ok := ParseToken(dst, 1)
		if !ok || tok.Mask {
			t.Fatalf("%q is no token", dst)
		}
		p, ok := tok.AppendPayload(nil, dst)
		if !ok || !bytes.Equal(p, payload) {
			t.Fatalf("payload %x of %q, want %x", p, dst, payload)
		}
		checkAgainstReference(t, dst, 1)
	}
}

func TestTokenLengths(t *testing.T) {
	for _, c := range []struct {
		kind  Kind
		value int
		want  int
	}{{"email", 23, 82}, {"card", 16, 71}, {"ssn", 9, 60}, {"ipv4", 11, 64}} {
		got := len(AppendToken(nil, c.kind, "l0a1b2", make([]byte, 16+c.value)))
		if got != c.want {
			t.Errorf("%s of %d bytes: %d characters, want %d", c.kind, c.value, got, c.want)
		}
	}
	long := AppendToken(nil, "abcdefghijkl", "abcdefgh", make([]byte, MaxPayload))
	if len(long) != MaxToken {
		t.Errorf("longest token has %d bytes, MaxToken is %d", len(long), MaxToken)
	}
	if _, ok := ParseToken(long, 0); !ok {
		t.Error("longest token does not parse")
	}
	if _, ok := ParseToken(append(long, 'A'), 0); ok {
		t.Error("a longer one parses")
	}
}

// Damage within four neighbouring characters is always seen; random damage is missed
// with probability 2^-32, so that one miss in a million tries has probability 2e-4.
func TestTokenDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		kind, kid, payload := randomToken(r)
		tok := AppendToken(nil, kind, kid, payload)
		damaged := make([]byte, len(tok))
		for i := len("tok1_"); i < len(tok); i++ {
			for c := range 256 {
				copy(damaged, tok)
				damaged[i] = byte(c)
				if byte(c) == tok[i] {
					continue
				}
				if _, ok := ParseToken(damaged, 0); ok {
					t.Fatalf("%q: byte %d turned into %#x stays a token: %q", tok, i, c, damaged)
				}
			}
			if i+1 < len(tok) && tok[i] != tok[i+1] {
				copy(damaged, tok)
				damaged[i], damaged[i+1] = tok[i+1], tok[i]
				if _, ok := ParseToken(damaged, 0); ok {
					t.Fatalf("%q: two letters exchanged at %d", tok, i)
				}
			}
		}
		for range 20_000 {
			copy(damaged, tok)
			at := len(tok) - 6 - r.IntN(20)
			for j := range 4 {
				damaged[at+j] = letters[r.IntN(52)]
			}
			if _, ok := ParseToken(damaged, 0); ok && !bytes.Equal(damaged, tok) {
				t.Fatalf("%q: four letters damaged: %q", tok, damaged)
			}
			copy(damaged, tok)
			for range 5 + r.IntN(20) {
				damaged[len(tok)-1-r.IntN(29)] = letters[r.IntN(52)]
			}
			if _, ok := ParseToken(damaged, 0); ok && !bytes.Equal(damaged, tok) {
				t.Fatalf("%q: random damage: %q", tok, damaged)
			}
		}
		for cut := range tok {
			if _, ok := ParseToken(tok[:cut], 0); ok {
				t.Fatalf("%q: a piece of it is a token: %q", tok, tok[:cut])
			}
		}
	}
}

func TestMask(t *testing.T) {
	for _, c := range []struct{ last, want string }{
		{"", "tok1_card_x"}, {"1111", "tok1_card_x1111"}, {"ab-CD", "tok1_card_xabcd"},
		{"123456789", "tok1_card_x3456789"}, {"\x00\xff.", "tok1_card_x"}, {"1-2-3-4-5-6-7-8", "tok1_card_x2345678"},
	} {
		got := AppendMaskKeep(nil, "card", []byte(c.last))
		if string(got) != c.want {
			t.Errorf("keep %q: %q, want %q", c.last, got, c.want)
		}
		tok, ok := ParseToken(got, 0)
		if !ok || !tok.Mask || tok.End != len(got) || tok.Payload.Len() != 0 {
			t.Errorf("%q: %+v %v", got, tok, ok)
		}
		if _, ok := tok.AppendPayload(nil, got); ok {
			t.Errorf("%q has a payload", got)
		}
	}
	for _, s := range []string{
		"tok1_card_x12345678", "tok1_card_xA", "tok1_card_x_", "tok1_card_x1_AAAA", "tok1_c_x", "tok1_1c_x", "tok1_card_", "tok1_card",
		"tok1_abcdefghijklm_x", "tok1__x", "tok2_card_x", "TOK1_card_x", "tok1_card__", "tok1_Card_x", "tok1_",
	} {
		if tok, ok := ParseToken([]byte(s), 0); ok {
			t.Errorf("%q is taken for a token: %+v", s, tok)
		}
		checkAgainstReference(t, []byte(s), 0)
	}
	if _, ok := ParseToken([]byte("tok1_card_x"), -1); ok {
		t.Error("token before the text")
	}
	if _, ok := ParseToken([]byte("tok1_card_x"), 12); ok {
		t.Error("token after the text")
	}
}

func TestAppendTokenOutOfBounds(t *testing.T) {
	for _, c := range []struct {
		kid string
		n   int
	}{{"l1", MinPayload - 1}, {"l1", MaxPayload + 1}, {"x1", 20}, {"", 20}, {"L1", 20}, {"abcdefghi", 20}} {
		if got := string(AppendToken(nil, "email", c.kid, make([]byte, c.n))); got != "tok1_email_x" {
			t.Errorf("kid %q, %d bytes: %q", c.kid, c.n, got)
		}
	}
}

func TestValidNames(t *testing.T) {
	re := regexp.MustCompile(`^[a-z][a-z0-9]{1,11}$`)
	kid := regexp.MustCompile(`^[a-wyz0-9][a-z0-9]{0,7}$`)
	for _, s := range []string{"", "a", "ab", "a1", "1a", "x", "xa", "ax", "Ab", "a_b", "abcdefgh", "abcdefghi", "abcdefghijkl", "abcdefghijklm", "é1"} {
		if got := Kind(s).Valid(); got != re.MatchString(s) {
			t.Errorf("kind %q: %v", s, got)
		}
		if got := ValidKid(s); got != kid.MatchString(s) {
			t.Errorf("kid %q: %v", s, got)
		}
	}
}

// A token must read the same whatever stands before it, and be none when a word
// character follows.
func TestTokenNeighbours(t *testing.T) {
	for _, word := range []string{string(AppendToken(nil, "email", "l1", make([]byte, 20))), "tok1_card_x1111"} {
		for c := range 256 {
			b := append([]byte{byte(c)}, word...)
			if _, ok := ParseToken(b, 1); !ok {
				t.Errorf("not seen after %#x", c)
			}
			checkAgainstReference(t, append([]byte(word), byte(c)), 0)
		}
	}
}

func TestTokenAllocs(t *testing.T) {
	payload := make([]byte, 40)
	dst := make([]byte, 0, 256)
	out := make([]byte, 0, 256)
	n := testing.AllocsPerRun(100, func() {
		dst = AppendToken(dst[:0], "email", "l12345", payload)
		tok, ok := ParseToken(dst, 0)
		if !ok {
			t.Fatal("no token")
		}
		out, _ = tok.AppendPayload(out[:0], dst)
		dst = AppendMaskKeep(dst[:0], "card", payload[:4])
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzToken(f *testing.F) {
	f.Add([]byte("tok1_card_x1111 "), "email", "l1", []byte("0123456789abcdef"))
	f.Add(AppendToken(nil, "email", "l1", make([]byte, 23)), "a1", "1", make([]byte, 31))
	f.Add([]byte("tok1_email_l1_AAAAAAAAAAAAAAAAAAAAAAAAzzzzzzzzzzzzAAAAAA"), "card", "x1", make([]byte, 15))
	f.Fuzz(func(t *testing.T, b []byte, kind, kid string, payload []byte) {
		if len(b)+len(payload) > 2000 {
			return // the oracle is slow
		}
		for at := range b {
			if bytes.HasPrefix(b[at:], []byte("tok")) {
				checkAgainstReference(t, b, at)
			}
		}
		// The same text with a check that agrees, so that the fuzzer reaches what is behind it.
		if i := bytes.LastIndexByte(b, '_'); i > 5 && bytes.HasPrefix(b, []byte("tok1_")) {
			fixed := append(bytes.Clone(b), "ABCDEF"...)
			putHalf((*[6]byte)(fixed[len(b):]), uint64(crc32.Checksum(b[5:], castagnoli)))
			checkAgainstReference(t, fixed, 0)
		}
		if !Kind(kind).Valid() {
			return
		}
		tok := AppendToken(nil, Kind(kind), kid, payload)
		checkAgainstReference(t, tok, 0)
		parsed, ok := ParseToken(tok, 0)
		if !ok {
			t.Fatalf("%q is no token", tok)
		}
		fits := ValidKid(kid) && len(payload) >= MinPayload && len(payload) <= MaxPayload
		if parsed.Mask == fits {
			t.Fatalf("%q: mask %v, the payload fits %v", tok, parsed.Mask, fits)
		}
		if p, ok := parsed.AppendPayload(nil, tok); ok != fits || fits && !bytes.Equal(p, payload) {
			t.Fatalf("payload %x, want %x", p, payload)
		}
	})
}

func ExampleAppendMaskKeep() {
	fmt.Printf("%s\n", AppendMaskKeep(nil, "card", []byte("1111")))
	// Output: tok1_card_x1111
}

func BenchmarkAppendToken(b *testing.B) {
	payload, dst := make([]byte, 39), make([]byte, 0, 256)
	for i := range payload {
		payload[i] = byte(i * 37)
	}
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendToken(dst[:0], "email", "l12345", payload)
	}
}

func BenchmarkParseToken(b *testing.B) {
	dst := AppendToken(nil, "email", "l12345", make([]byte, 39))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := ParseToken(dst, 0); !ok {
			b.Fatal("no token")
		}
	}
}
