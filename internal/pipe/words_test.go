package pipe

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"logveil/redact"
)

// shout is a rewriting that sees whether a token was cut: it puts every well-formed one
// into brackets.
func shout(dst, part []byte) []byte {
	for {
		i := bytes.Index(part, []byte("tok1_"))
		if i < 0 {
			return append(dst, part...)
		}
		dst = append(dst, part[:i]...)
		part = part[i:]
		if tok, ok := redact.ParseToken(part, 0); ok {
			dst = append(dst, '[')
			dst = append(dst, part[:tok.End]...)
			dst = append(dst, ']')
			part = part[tok.End:]
			continue
		}
		dst = append(dst, part[:5]...)
		part = part[5:]
	}
}

func shouting(dst, part []byte) ([]byte, error) { return shout(dst, part), nil }

func TestWords(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	long := strings.Repeat("A", 3*wordLimit)
	token := string(redact.AppendToken(nil, "pem", "labcde", make([]byte, 9000)))
	var text bytes.Buffer
	for text.Len() < 1<<20 {
		switch rng.IntN(60) {
		case 0:
			text.WriteString(token)
		case 1:
			// Glued to the end of a run that is longer than any token.
			text.WriteString(long + token)
		case 2:
			text.WriteString(long)
		default:
			text.WriteString("id 4711 tok1_ssn_x tok1_card_x1111, no tok1_ here ")
		}
		text.WriteString(" \n")
	}
	want := shout(nil, text.Bytes())
	for _, most := range []int{100, 70_000, 1 << 20} {
		var got bytes.Buffer
		if err := Words(t.Context(), &got, &pieces{text.Bytes(), rng, most}, shouting); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("read in pieces of at most %d bytes, the text is rewritten in another way", most)
		}
	}
}

func TestWordsErrors(t *testing.T) {
	boom := errors.New("boom")
	var got bytes.Buffer
	src := iotest.TimeoutReader(strings.NewReader("one two\nthr"))
	if err := Words(t.Context(), &got, iotest.OneByteReader(src), shouting); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("error of the source: %v", err)
	}
	if err := Words(t.Context(), failing{boom}, strings.NewReader("one two"), shouting); !errors.Is(err, boom) {
		t.Errorf("error of the destination: %v", err)
	}
	got.Reset()
	refuse := func(dst, _ []byte) ([]byte, error) { return append(dst, "half"...), boom }
	if err := Words(t.Context(), &got, strings.NewReader("one two"), refuse); !errors.Is(err, boom) || got.Len() > 0 {
		t.Errorf("error of the rewriting: %v, after %q", err, got.Bytes())
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
