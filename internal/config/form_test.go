package config

import (
	"testing"

	"logveil/redact"
)

func TestLooksLike(t *testing.T) {
	for _, c := range []struct {
		kind redact.Kind
		yes  []string
		no   []string
	}{
		{"card", []string{"4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005"}, []string{"4111111111111112", "411111111111111", "4111111111111111 ", "ann@example.com", "card 4111111111111111"}},
		{"email", []string{"ann@example.com", "Ann.Lee+x@Example.COM"}, []string{"notanemail", "ann@", "ann@example.com,bob@example.com", "<ann@example.com>"}},
		{"iban", []string{"DE89370400440532013000", "DE89 3704 0044 0532 0130 00"}, []string{"DE88370400440532013000", "DE8937"}},
		{"ipv4", []string{"192.0.2.7"}, []string{"192.0.2.256", "192.0.2", "192.0.2.7:80"}},
		{"ipv6", []string{"2001:db8::1", "2001:0DB8:0:0:0:0:0:1"}, []string{"2001:db8", "192.0.2.7"}},
		{"mac", []string{"00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "001b.4411.3ab7"}, []string{"00:1b:44:11:3a", "zz:1b:44:11:3a:b7"}},
		{"phone", []string{"+1 202 555 0143", "(202) 555-0143", "+442079460958", "202-555-0143", "020 7946 0958", "0171/1234567"}, []string{"12", "nophone", "ann@example.com"}},
		{"ssn", []string{"123-45-6789", "123456789", "123 45 6789"}, []string{"000-45-6789", "123-45-678", "192.0.2.7"}},
		// Without a form: nothing to say.
		{"password", []string{"x", "hunter2"}, nil},
		{"github", []string{"nothing"}, nil},
	} {
		for _, v := range c.yes {
			if !LooksLike(c.kind, []byte(v)) {
				t.Errorf("%s: %q is taken for no such value", c.kind, v)
			}
		}
		for _, v := range c.no {
			if LooksLike(c.kind, []byte(v)) {
				t.Errorf("%s: %q is taken for one", c.kind, v)
			}
		}
	}
}
