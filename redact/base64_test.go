package redact

import (
	"encoding/base64"
	"math/rand/v2"
	"testing"
)

// mayBeText may take other words for text, but never text for another word.
func TestMayBeText(t *testing.T) {
	pieces := []string{"a", "Z", " ", "~", "9", "\t", "\n", "\r", "é", "ß", "世", "界", "😀", "\x00", "\x1f", "\x7f", "\xff", "\x80"}
	rnd := rand.New(rand.NewPCG(1, 2))
	texts, words := 0, 0
	for range 200_000 {
		var text []byte
		for len(text) < sampleBytes {
			text = append(text, pieces[rnd.IntN(len(pieces)-rnd.IntN(6))]...)
		}
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			src := []byte(enc.EncodeToString(text))
			switch may := mayBeText(src); {
			case !may && printable(text[:minBlob*3/4]):
				t.Fatalf("%q, which is %q, is no text", src, text)
			case may:
				texts++
			default:
				words++
			}
		}
	}
	if texts == 0 || words == 0 {
		t.Errorf("%d texts and %d other words: nothing is told apart", texts, words)
	}
}
