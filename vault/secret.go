package vault

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Secret holds key bytes. It prints as [secret] under every verb of fmt, in slog, in JSON
// and in text, also as a field of something that is printed. Where the system allows, the
// bytes are locked in memory and left out of core dumps. The zero Secret is empty.
//
// A Secret is safe for concurrent use until Close, which needs exclusive access.
type Secret struct {
	// A function, because printers look into unexported fields without asking for
	// their methods, behind pointers too; of a function they see the address only.
	page func() *secretPage
}

type secretPage struct {
	b []byte // the bytes, at the start of page
	// page is what lockedPage gave, nil when b is ordinary memory.
	page []byte
}

const redacted = "[secret]"

// NewSecret takes over b: its bytes are copied and b is zeroed.
func NewSecret(b []byte) Secret {
	p := &secretPage{page: lockedPage(len(b))}
	if p.b = p.page[:min(len(b), len(p.page))]; len(p.b) < len(b) {
		p.b = make([]byte, len(b))
	}
	copy(p.b, b)
	clear(b)
	return secretOf(p)
}

func secretOf(p *secretPage) Secret { return Secret{func() *secretPage { return p }} }

// Len returns the number of bytes held, 0 after Close.
func (s Secret) Len() int {
	return len(s.bytes())
}

// bytes returns the bytes themselves, which are valid until Close.
func (s Secret) bytes() []byte {
	if s.page == nil {
		return nil
	}
	return s.page().b
}

// Close zeroes the bytes and gives their memory back. Closing twice is allowed.
func (s Secret) Close() {
	if s.Len() == 0 {
		return
	}
	p := s.page()
	clear(p.b)
	if p.page != nil {
		freePage(p.page)
	}
	*p = secretPage{}
}

// Format implements fmt.Formatter for all verbs.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redacted }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON implements json.Marshaler.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalBinary implements encoding.BinaryMarshaler; it refuses.
func (Secret) MarshalBinary() ([]byte, error) {
	return nil, errors.New("vault: a secret cannot be encoded")
}
