package config

import (
	"context"
	"net/netip"
	"strings"
	"testing"
)

// masker returns what redacts a text under a policy, without a key.
func masker(t *testing.T, policy string) func(text string) string {
	t.Helper()
	p, err := parse("p.yml", []byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	e, err := p.Finder()
	if err != nil {
		t.Fatal(err)
	}
	w := e.NewWorker()
	return func(text string) string { return string(w.Append(context.Background(), nil, []byte(text))) }
}

func TestAllow(t *testing.T) {
	const policy = `
allow:
  - {kind: card, values: [4111111111111111]}
  - {kind: email, values: [NoReply@Example.com]}
  - {kind: ipv4, values: [192.0.2.1], networks: [10.0.0.0/8, 198.51.100.128/25]}
  - {kind: ipv6, networks: ["2001:db8:1::/48"]}
`
	masked := masker(t, policy)
	for in, want := range map[string]string{
		// However it is written.
		"card 4111111111111111 end":    "card 4111111111111111 end",
		"card 4111-1111-1111-1111 end": "card 4111-1111-1111-1111 end",
		// Its own span and nothing else.
		"4111111111111111 and 5555555555554444":                    "4111111111111111 and tok1_card_x",
		"noreply@example.com 4111111111111111 NoReply@EXAMPLE.COM": "tok1_email_x 4111111111111111 NoReply@EXAMPLE.COM",
		"NoReply@example.com, ann@example.com":                     "NoReply@example.com, tok1_email_x",
		"NoReply@example.com.evil.example":                         "tok1_email_x",
		// One kind and no other: the same text under a telling key is a secret.
		"password=NoReply@example.com": "password=tok1_password_x",
		// Networks by their addresses, not by their digits.
		"10.1.2.3 and 11.1.2.3":                         "10.1.2.3 and tok1_ipv4_x",
		"192.0.2.1 and 192.0.2.11":                      "192.0.2.1 and tok1_ipv4_x",
		"198.51.100.127 198.51.100.128":                 "tok1_ipv4_x 198.51.100.128",
		"2001:db8:1::9 2001:DB8:1:0:0::7 2001:db8:2::9": "2001:db8:1::9 2001:DB8:1:0:0::7 tok1_ipv6_x",
	} {
		if got := masked(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestKindsOff(t *testing.T) {
	got := masker(t, "kinds: {ssn: {enabled: false}}")("ssn 123-45-6789 card 4111111111111111")
	if want := "ssn 123-45-6789 card tok1_card_x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAllowBounds: a value of any length can be asked about.
func TestAllowBounds(t *testing.T) {
	p, err := parse("p.yml", []byte("allow: [{kind: email, values: [a@example.com]}, {kind: ipv4, networks: [10.0.0.0/8]}]"))
	if err != nil {
		t.Fatal(err)
	}
	stays := p.allowFunc()
	for n := range 3 * maxAllowed {
		long := []byte(strings.Repeat("a", n) + "@example.com")
		if got, want := stays("email", long), n == 1; got != want {
			t.Errorf("%d letters: %v, want %v", n, got, want)
		}
		if stays("ipv4", long) || stays("card", long) {
			t.Errorf("%d letters are allowed for another kind", n)
		}
	}
	if Builtin().allowFunc() != nil {
		t.Error("the built-in policy allows something")
	}
	value := []byte("10.20.30.40")
	mail := []byte("b@EXAMPLE.com")
	if n := testing.AllocsPerRun(100, func() { stays("email", mail) }); n > 0 {
		t.Errorf("%v allocations for a mail address", n)
	}
	if n := testing.AllocsPerRun(100, func() { stays("ipv4", value) }); n > 0 {
		t.Errorf("%v allocations for an address", n)
	}
}

// FuzzIPv4 compares with the standard library.
func FuzzIPv4(f *testing.F) {
	for _, s := range []string{"", "1.2.3.4", "255.255.255.255", "256.1.1.1", "01.2.3.4", "1.2.3", "1.2.3.4.", "1..2.3", "0.0.0.0", "::1", "1.2.3.4444"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseIPv4([]byte(s))
		want, err := netip.ParseAddr(s)
		if wantOK := err == nil && want.Is4(); ok != wantOK || ok && got != want {
			t.Errorf("%q: %v, %v; want %v, %v", s, got, ok, want, wantOK)
		}
	})
}
