package vault

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"logveil/redact"
)

var _ redact.Tokenizer = (*Tokenizer)(nil)

func testKey(t testing.TB, seed byte) *Key {
	t.Helper()
	k, err := NewLocalKey(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testSealer(t testing.TB, seed byte, tenant string) *Sealer {
	t.Helper()
	s, err := NewLocal(testKey(t, seed), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newTokenizer(t testing.TB, o Options) *Tokenizer {
	t.Helper()
	tk, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return tk
}

func tokenOf(tk *Tokenizer, kind redact.Kind, raw string) string {
	vs := []redact.Value{{Kind: kind, Raw: []byte(raw)}}
	tk.Tokenize(context.Background(), vs, nil)
	return string(vs[0].Token)
}

func reveal(t testing.TB, text string, schemes ...Scheme) (string, RevealStats) {
	t.Helper()
	r, err := NewRevealer(schemes...)
	if err != nil {
		t.Fatal(err)
	}
	out, st := r.AppendReveal([]byte("dst"), []byte(text))
	return strings.TrimPrefix(string(out), "dst"), st
}

// The tokens of a version of the format, for good: a change here makes old logs unreadable.
// They were made by another implementation (Python: HKDF-Expand and AES-SIV of the package
// cryptography, CRC-32C bit by bit, base 52 by long division).
func TestTokensAreForever(t *testing.T) {
	tk := newTokenizer(t, Options{Default: Rule{Scheme: testSealer(t, 1, "")}})
	for _, c := range []struct {
		kind redact.Kind
		raw  string
		want string
	}{
		{"email", "alice@example.com", "tok1_email_lywzsi_APmAqicAlTNwBZQMRBhoiNjMCOtjdyQmwWwMCMKMDMSdJiVzEdGFVSUq"},
		{"card", "4111 1111 1111 1111", "tok1_card_lywzsi_BVzNPkMFmtXwBMAqoNaVPQMICUXhHpAPEyEhBrzdDVyQyKVUDzfJaV"},
		{"secret", "hunter2", "tok1_secret_lywzsi_CVGpOBEecqEfAhqoCzWemeQEEMVNrRYsXYGGxHcl"},
	} {
		if got := tokenOf(tk, c.kind, c.raw); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.kind, c.raw, got, c.want)
		}
	}
}

func randomValues(r *rand.Rand, n int) []redact.Value {
	kinds := append(slices.Clone(canonKinds), "jwt", "github")
	vs := make([]redact.Value, n)
	for i := range vs {
		raw := make([]byte, r.IntN(80))
		alphabet := []string{"0123456789", "0123456789 -", "0123456789abcdefABCDEF:", "abcXYZ.@", "", "é漢\U0001f600ü\x00"}[r.IntN(6)]
		for j := range raw {
			if alphabet == "" {
				raw[j] = byte(r.Uint32())
			} else {
				raw[j] = alphabet[r.IntN(len(alphabet))]
			}
		}
		vs[i] = redact.Value{Kind: kinds[r.IntN(len(kinds))], Raw: raw}
	}
	return vs
}

func TestRoundTrip(t *testing.T) {
	s := testSealer(t, 1, "")
	cached := newTokenizer(t, Options{Default: Rule{Scheme: s}, CacheBytes: 40 << 10})
	plain := newTokenizer(t, Options{Default: Rule{Scheme: s}, CacheBytes: -1})
	r := rand.New(rand.NewPCG(1, 2))
	values := map[string]string{} // token -> kind and canonical form
	var buf []byte
	for range 400 {
		vs := randomValues(r, 100)
		vs = append(vs, vs[:20]...)
		other := slices.Clone(vs)
		buf = cached.Tokenize(context.Background(), vs, buf[:0])
		plain.Tokenize(context.Background(), other, nil)
		for i, v := range vs {
			if !bytes.Equal(v.Token, other[i].Token) {
				t.Fatalf("%s %q: %s with cache, %s without", v.Kind, v.Raw, v.Token, other[i].Token)
			}
			canon := AppendCanonical(nil, v.Kind, v.Raw)
			is := string(v.Kind) + "\x00" + string(canon)
			if was, ok := values[string(v.Token)]; ok && was != is {
				t.Fatalf("%q and %q share a token", was, is)
			}
			values[string(v.Token)] = is
			text := "x=" + string(v.Token) + "\" "
			got, st := reveal(t, text, s)
			if want := "x=" + string(uncanon(canon)) + "\" "; got != want || st.Revealed != 1 {
				t.Fatalf("%q revealed as %q, want %q", text, got, want)
			}
		}
	}
	if st := cached.Stats(); st.Cached == 0 || st.Made+st.Cached != 48000 {
		t.Errorf("%+v", st)
	}
	if st := plain.Stats(); st.Cached != 0 || st.Made != 48000 {
		t.Errorf("%+v", st)
	}
}

func TestTokensDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, seed := range []byte{1, 2} {
		for _, tenant := range []string{"", "acme", "acm", "acme2"} {
			tk := newTokenizer(t, Options{Default: Rule{Scheme: testSealer(t, seed, tenant)}})
			for _, kind := range []redact.Kind{"secret", "password", "e2secret"} {
				for _, raw := range []string{"hunter2", "\x00hunter2", "hunter2\x00", ""} {
					is := fmt.Sprintf("key %d, tenant %q, %s %q", seed, tenant, kind, raw)
					tok := tokenOf(tk, kind, raw)
					if was, ok := seen[tok]; ok {
						t.Errorf("%s and %s have one token", was, is)
					}
					seen[tok] = is
				}
			}
		}
	}
	if _, err := NewLocal(testKey(t, 1), "a\x00b"); err == nil {
		t.Error("a tenant with NUL is taken")
	}
}

func TestMaskRules(t *testing.T) {
	tk := newTokenizer(t, Options{
		Default: Rule{Scheme: Mask{}},
		Kinds:   map[redact.Kind]Rule{"card": {Scheme: Mask{}, KeepLast: 4}, "email": {Scheme: testSealer(t, 1, "")}},
	})
	for _, c := range []struct {
		kind redact.Kind
		raw  string
		want string
	}{
		{"card", "4111-1111-1111-1234", "tok1_card_x1234"}, {"ssn", "219-09-9999", "tok1_ssn_x"},
		{"secret", "hunter2hunter2", "tok1_secret_x"}, {"card", "12", "tok1_card_x"},
	} {
		if got := tokenOf(tk, c.kind, c.raw); got != c.want {
			t.Errorf("%s: %q, want %q", c.kind, got, c.want)
		}
	}
	if got := tokenOf(tk, "email", "a@example.com"); !strings.HasPrefix(got, "tok1_email_l") {
		t.Errorf("email: %q", got)
	}
	if st := tk.Stats(); st.Masks != 4 || st.Made != 1 {
		t.Errorf("%+v", st)
	}
	for _, o := range []Options{
		{}, {Default: Rule{Scheme: Mask{}, KeepLast: -1}},
		{Default: Rule{Scheme: Mask{}}, Kinds: map[redact.Kind]Rule{"secret": {Scheme: Mask{}, KeepLast: 1}}},
		{Default: Rule{Scheme: Mask{}}, Kinds: map[redact.Kind]Rule{"card": {Scheme: Mask{}, KeepLast: 5}}},
		{Default: Rule{Scheme: Mask{}}, Kinds: map[redact.Kind]Rule{"Card": {Scheme: Mask{}}}},
		{Default: Rule{Scheme: Mask{}}, Kinds: map[redact.Kind]Rule{"card": {}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

func TestRefused(t *testing.T) {
	tk := newTokenizer(t, Options{Default: Rule{Scheme: testSealer(t, 1, "")}})
	long := strings.Repeat("a", MaxValue)
	if tok := tokenOf(tk, "pem", long); tok == "" {
		t.Error("the longest value has no token")
	} else if got, _ := reveal(t, tok, testSealer(t, 1, "")); got != long {
		t.Error("the longest value does not come back")
	}
	for _, v := range []redact.Value{{Kind: "pem", Raw: []byte(long + "a")}, {Kind: "", Raw: []byte("a")}, {Kind: "UPPER", Raw: []byte("a")}} {
		if tok := tokenOf(tk, v.Kind, string(v.Raw)); tok != "" {
			t.Errorf("%s of %d bytes: %q", v.Kind, len(v.Raw), tok)
		}
	}
	if st := tk.Stats(); st.Refused != 3 || st.Made != 1 {
		t.Errorf("%+v", st)
	}
	if buf := tk.Tokenize(context.Background(), nil, []byte("buf")); string(buf) != "buf" {
		t.Errorf("no values: %q", buf)
	}
}

func TestManyKinds(t *testing.T) {
	tk := newTokenizer(t, Options{Default: Rule{Scheme: Mask{}}})
	for i := range maxKinds {
		kind := redact.Kind(fmt.Sprintf("k%d", i))
		if tok := tokenOf(tk, kind, "a"); tok != "tok1_"+string(kind)+"_x" {
			t.Fatalf("%s: %q", kind, tok)
		}
	}
	if tok := tokenOf(tk, "onemore", "a"); tok != "" {
		t.Errorf("one kind more than fits: %q", tok)
	}
}

// A new rule takes effect at once; no token of the old one comes from the cache.
func TestSetRules(t *testing.T) {
	a, b := testSealer(t, 1, ""), testSealer(t, 2, "")
	tk := newTokenizer(t, Options{Default: Rule{Scheme: a}})
	first := tokenOf(tk, "email", "a@example.com")
	if err := tk.SetRules(Rule{Scheme: b}, nil); err != nil {
		t.Fatal(err)
	}
	second := tokenOf(tk, "email", "a@example.com")
	if first == second || !strings.Contains(second, "_"+b.kid+"_") {
		t.Errorf("%q, then %q", first, second)
	}
	got, st := reveal(t, first+" "+second, a, b)
	if got != "a@example.com a@example.com" || st.Revealed != 2 {
		t.Errorf("%q %+v", got, st)
	}
}

// Goroutines, more of them than lanes, agree with a lone one, while rules change.
func TestConcurrent(t *testing.T) {
	s := testSealer(t, 1, "")
	tk := newTokenizer(t, Options{Default: Rule{Scheme: s}, CacheBytes: 100 << 10})
	lone := newTokenizer(t, Options{Default: Rule{Scheme: s}, CacheBytes: -1})
	values := randomValues(rand.New(rand.NewPCG(5, 6)), 500)
	lone.Tokenize(context.Background(), values, nil)
	var wg sync.WaitGroup
	for g := range 40 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(g)))
			var buf []byte
			for range 30 {
				vs := make([]redact.Value, 50)
				at := make([]int, len(vs))
				for i := range vs {
					at[i] = r.IntN(len(values))
					vs[i] = redact.Value{Kind: values[at[i]].Kind, Raw: values[at[i]].Raw}
				}
				buf = tk.Tokenize(context.Background(), vs, buf[:0])
				for i := range vs {
					if !bytes.Equal(vs[i].Token, values[at[i]].Token) {
						t.Errorf("%s: %s, want %s", vs[i].Kind, vs[i].Token, values[at[i]].Token)
						return
					}
				}
				if g == 0 {
					if err := tk.SetRules(Rule{Scheme: s}, nil); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if st := tk.Stats(); st.Made+st.Cached != 40*30*50 {
		t.Errorf("%+v", st)
	}
}

// Plaintext must not stay behind in a lane's buffers or in its cache.
func TestNoPlaintextStays(t *testing.T) {
	tk := newTokenizer(t, Options{Default: Rule{Scheme: testSealer(t, 1, "")}})
	for _, v := range []struct{ kind, raw string }{{"secret", "correct horse battery staple"}, {"card", "4111-1111-1111-1111"}, {"email", "alice@Example.com"}, {"ipv6", "2001:db8::abcd"}, {"iban", "DE89 3704 ?"}} {
		tokenOf(tk, redact.Kind(v.kind), v.raw)
	}
	for i := range tk.lanes {
		l := &tk.lanes[i]
		if b := l.canon[:cap(l.canon)]; !bytes.Equal(b, make([]byte, len(b))) {
			t.Error("the buffer for canonical forms is not zero")
		}
		for _, p := range []string{"correct horse", "4111", "alice", "DE89", "2001:db8"} {
			if bytes.Contains(l.payload[:cap(l.payload)], []byte(p)) {
				t.Errorf("%q stands in the buffer for payloads", p)
			}
			if l.cache == nil {
				continue
			}
			for _, s := range l.cache.slots {
				if bytes.Contains(s.tok[:], []byte(p)) {
					t.Errorf("%q stands in the cache", p)
				}
			}
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	for _, size := range []int{-1, 0, 1, 543, 544, 1000, 1 << 20} {
		c := newCache(size)
		if n := len(c.slots) * entryBytes; n > max(0, size) {
			t.Errorf("%d bytes asked, %d taken", size, n)
		}
		if size >= 4*entryBytes && len(c.slots)*entryBytes*2 < size {
			t.Errorf("%d bytes asked, only %d taken", size, len(c.slots)*entryBytes)
		}
	}
	// Against a map: what the cache answers is what was put last.
	c, truth := newCache(64*entryBytes), map[hash128]string{}
	r := rand.New(rand.NewPCG(9, 9))
	hits := 0
	for range 20_000 {
		h := hash128{uint64(r.IntN(6)) * 2, r.Uint64N(20)}
		got, ok := c.append([]byte("d"), h)
		if ok {
			hits++
			if string(got[1:]) != truth[h] {
				t.Fatalf("%v: %q, want %q", h, got[1:], truth[h])
			}
			continue
		}
		tok := strings.Repeat("t", r.IntN(cacheToken+4))
		c.put(h, []byte(tok))
		truth[h] = tok
	}
	if hits == 0 {
		t.Error("the cache never answered")
	}
}

func TestReveal(t *testing.T) {
	s, other := testSealer(t, 1, ""), testSealer(t, 2, "")
	tk := newTokenizer(t, Options{Default: Rule{Scheme: s}})
	tok := tokenOf(tk, "email", "a@example.com")
	damaged := tok[:len(tok)-1] + string('A'+(tok[len(tok)-1]-'A'+1)%26)
	moved := redact.AppendToken(nil, "email", s.kid, make([]byte, 30))
	foreign := tokenOf(newTokenizer(t, Options{Default: Rule{Scheme: other}}), "email", "a@example.com")
	for _, c := range []struct {
		text, want string
		st         RevealStats
	}{
		{"", "", RevealStats{}},
		{"no token, tok2_, tok", "no token, tok2_, tok", RevealStats{}},
		{tok, "a@example.com", RevealStats{Revealed: 1}},
		{`"` + tok + `",` + tok, `"a@example.com",a@example.com`, RevealStats{Revealed: 2}},
		{`\n` + tok + "\n", `\na@example.com` + "\n", RevealStats{Revealed: 1}},
		{"tok1_" + tok, "tok1_a@example.com", RevealStats{Revealed: 1, Damaged: 1}},
		{"tok1_tok1_card_x12", "tok1_tok1_card_x12", RevealStats{Masks: 1, Damaged: 1}},
		{damaged, damaged, RevealStats{Damaged: 1}},
		{tok + "a", tok + "a", RevealStats{Damaged: 1}},
		{tok[:40], tok[:40], RevealStats{Damaged: 1}},
		{string(moved), string(moved), RevealStats{Refused: 1}},
		{foreign, foreign, RevealStats{Unknown: 1}},
	} {
		got, st := reveal(t, c.text, s)
		if got != c.want || st != c.st {
			t.Errorf("%q: %q %+v, want %q %+v", c.text, got, st, c.want, c.st)
		}
	}
	r, err := NewRevealer(s)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"": -1, tok: -1, foreign + " tok1_x " + damaged: len(foreign) + 1, tok + " " + string(moved) + damaged: len(tok) + 1} {
		if r.AppendReveal(nil, []byte(text)); r.BadAt() != want {
			t.Errorf("%q: the first bad token at %d, want %d", text, r.BadAt(), want)
		}
	}
	if got, st := reveal(t, tok+" "+foreign, s, other); got != "a@example.com a@example.com" || st.Revealed != 2 {
		t.Errorf("%q %+v", got, st)
	}
	if _, err := NewRevealer(Mask{}); err == nil {
		t.Error("a mask can be revealed")
	}
}

func TestTokenizeAllocs(t *testing.T) {
	tk := newTokenizer(t, Options{Default: Rule{Scheme: testSealer(t, 1, "")}, Kinds: map[redact.Kind]Rule{"card": {Scheme: Mask{}, KeepLast: 4}}})
	vs := []redact.Value{
		{Kind: "email", Raw: []byte("alice@Example.com")}, {Kind: "card", Raw: []byte("4111 1111 1111 1111")},
		{Kind: "ipv4", Raw: []byte("192.0.2.1")}, {Kind: "ipv6", Raw: []byte("2001:DB8::1")}, {Kind: "secret", Raw: make([]byte, 400)},
	}
	buf := make([]byte, 0, 4096)
	n := testing.AllocsPerRun(1000, func() {
		vs[0].Raw[0]++ // a new value each time
		vs[2].Raw[0]++
		buf = tk.Tokenize(context.Background(), vs, buf[:0])
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// benchmarkTokenize gives the time of one value, in batches of 64.
func benchmarkTokenize(b *testing.B, o Options, kind redact.Kind, raws [][]byte) {
	tk := newTokenizer(b, o)
	const batch = 64
	vs := make([]redact.Value, len(raws)/batch*batch)
	for i := range vs {
		vs[i] = redact.Value{Kind: kind, Raw: raws[i]}
	}
	buf := make([]byte, 0, 16<<10)
	next := 0
	// CPU time of this thread, because other work on the machine stretches wall time.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	b.ResetTimer()
	from := threadTime()
	for done := 0; done < b.N; done += batch {
		buf = tk.Tokenize(context.Background(), vs[next:next+batch], buf[:0])
		if next += batch; next == len(vs) {
			next = 0
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((threadTime()-from).Nanoseconds())/float64(b.N), "cpu-ns/op")
	st := tk.Stats()
	b.ReportMetric(100*float64(st.Cached)/float64(st.Made+st.Cached), "%cached")
}

func threadTime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

func benchmarkValues(n int, format string) [][]byte {
	raws := make([][]byte, n)
	for i := range raws {
		raws[i] = fmt.Appendf(nil, format, i)
	}
	return raws
}

func BenchmarkTokenizeCached(b *testing.B) {
	o := Options{Default: Rule{Scheme: testSealer(b, 1, "")}}
	b.Run("ipv4", func(b *testing.B) { benchmarkTokenize(b, o, "ipv4", benchmarkValues(1000, "192.0.2.%d")) })
	b.Run("email", func(b *testing.B) { benchmarkTokenize(b, o, "email", benchmarkValues(1000, "user%06d@example.com")) })
}

// A hundred times more values than the cache holds.
func BenchmarkTokenizeNew(b *testing.B) {
	o := Options{Default: Rule{Scheme: testSealer(b, 1, "")}, CacheBytes: 1 << 20}
	b.Run("ipv4", func(b *testing.B) { benchmarkTokenize(b, o, "ipv4", benchmarkValues(700_000, "10.0.%d")) })
	b.Run("email", func(b *testing.B) { benchmarkTokenize(b, o, "email", benchmarkValues(700_000, "user%06d@Example.com")) })
	b.Run("card", func(b *testing.B) { benchmarkTokenize(b, o, "card", benchmarkValues(700_000, "4111-1111-11%06d1")) })
}

func BenchmarkReveal(b *testing.B) {
	s := testSealer(b, 1, "")
	tk := newTokenizer(b, Options{Default: Rule{Scheme: s}})
	text := []byte("client=" + tokenOf(tk, "email", "user123456@example.com") + " ")
	r, err := NewRevealer(s)
	if err != nil {
		b.Fatal(err)
	}
	out := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		out, _ = r.AppendReveal(out[:0], text)
	}
}
