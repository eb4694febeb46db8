package vault

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"
)

const secretText = "correct-horse-battery"

// forms are the ways in which bytes may show through.
func forms(s string) []string {
	var dec, quoted []string
	for _, c := range []byte(s[:6]) {
		dec = append(dec, fmt.Sprint(c))
		quoted = append(quoted, fmt.Sprintf("0x%x", c))
	}
	return []string{s[:6], fmt.Sprintf("%x", s[:6]), fmt.Sprintf("%X", s[:6]), strings.Join(dec, " "), strings.Join(dec, ","),
		strings.Join(quoted, ", "), "Y29ycmVj" /* base 64 */}
}

type holder struct {
	Exported   Secret
	unexported Secret
	pointer    *Secret
	in         map[string]Secret
	list       []Secret
	any        any
	key        *Key
}

func TestSecretPrintsNowhere(t *testing.T) {
	s := NewSecret([]byte(secretText))
	root := []byte(secretText + "-" + secretText)
	key, err := NewLocalKey(root)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(root, make([]byte, len(root))) {
		t.Error("the caller's copy is not zeroed")
	}
	h := holder{s, s, &s, map[string]Secret{"k": s}, []Secret{s}, s, key}
	var out strings.Builder
	for _, v := range []any{s, &s, h, &h, []any{s, &s, h, &h}, map[string]any{"h": h, "s": s}, *key, key, struct{ K *Key }{key}, fmt.Errorf("wrapped: %v", h)} {
		for _, verb := range "vTtbcdoOqxXUeEfFgGsp" {
			for _, flag := range []string{"", "+", "#", "-", " ", "0", "30", ".3"} {
				fmt.Fprintf(&out, "%"+flag+string(verb)+"\n", v)
			}
		}
		fmt.Fprintln(&out, v)
		_ = json.NewEncoder(&out).Encode(v)
		_ = xml.NewEncoder(&out).Encode(v)
		_ = gob.NewEncoder(&out).Encode(v)
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			l := slog.New(handler)
			l.Info("m", "v", v)
			l.With("w", v).Info("m")
		}
		_ = template.Must(template.New("").Parse("{{.}} {{printf \"%#v\" .}}")).Execute(&out, v)
	}
	var _ encoding.TextMarshaler = s
	if _, err := s.MarshalBinary(); err == nil {
		t.Error("encoded in binary")
	}
	text := out.String()
	for _, f := range forms(secretText) {
		if i := strings.Index(text, f); i >= 0 {
			t.Errorf("%q shows: %q", f, text[max(0, i-60):min(len(text), i+60)])
		}
	}
	if strings.Count(text, redacted) < 500 {
		t.Errorf("[secret] stands only %d times", strings.Count(text, redacted))
	}
	if got := fmt.Sprintf("%v %+v %#v %s %x %q", s, s, s, s, s, s); got != strings.TrimSpace(strings.Repeat(redacted+" ", 6)) {
		t.Errorf("printed as %q", got)
	}
	// What the test looks for would be seen.
	fmt.Fprintf(&out, "%v %#v", struct{ b []byte }{[]byte(secretText)}, []byte(secretText))
	if text := out.String(); !strings.Contains(text, forms(secretText)[3]) || !strings.Contains(text, forms(secretText)[5]) {
		t.Error("the test is blind")
	}
}

func TestSecretClose(t *testing.T) {
	from := []byte(secretText)
	s := NewSecret(from)
	if string(s.bytes()) != secretText || s.Len() != len(secretText) {
		t.Fatal("the secret does not hold what it got")
	}
	if !bytes.Equal(from, make([]byte, len(from))) {
		t.Error("the caller's copy is not zeroed")
	}
	copied := s
	s.Close()
	s.Close()
	if s.Len() != 0 || copied.Len() != 0 || copied.bytes() != nil {
		t.Error("bytes after Close")
	}
	// Ordinary memory, as on a system that locks none, can be looked at after Close.
	b := []byte(secretText)
	secretOf(&secretPage{b: b}).Close()
	if !bytes.Equal(b, make([]byte, len(b))) {
		t.Error("Close does not zero")
	}
	var zero Secret
	zero.Close()
	if zero.Len() != 0 || NewSecret(nil).Len() != 0 {
		t.Error("the empty secret has a length")
	}
	if big := NewSecret(bytes.Repeat([]byte{7}, 10_000)); big.Len() != 10_000 || big.bytes()[9_999] != 7 {
		t.Error("a large secret is cut")
	}
}

func TestKey(t *testing.T) {
	if _, err := NewLocalKey(make([]byte, 31)); err == nil {
		t.Error("a key of 31 bytes is taken")
	}
	a, b := testKey(t, 1), testKey(t, 2)
	if a.ID() == b.ID() || a.ID() != testKey(t, 1).ID() || len(a.ID()) != 6 || a.ID()[0] != 'l' {
		t.Errorf("kids %q and %q", a.ID(), b.ID())
	}
	a.Close()
	if _, err := NewLocal(a, ""); err == nil {
		t.Error("a closed key makes tokens")
	}
}
