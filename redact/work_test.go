package redact_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"logveil/bench/corpus"
	"logveil/detectors"
	"logveil/redact"
)

// What stands in the middle of a flood is found, or masked with it.
func TestFloodHidesNothing(t *testing.T) {
	const card = "5555555555554444"
	inBase64 := base64.StdEncoding.EncodeToString([]byte("the card is " + card + ", as it was"))
	planted := []struct{ text, raw string }{
		{" " + card + " ", card},
		{" %35" + card[1:] + " ", card[1:]},
		{` a\u006ea@example.com `, "example.com"},
		{" " + inBase64 + " ", inBase64[16:32]},
		{" " + url.QueryEscape(url.QueryEscape("%35"+card[1:]+" ")), card[1:]},
	}
	e := engine(t, redact.Options{Detectors: detectors.All()})
	w := e.NewWorker()
	r := rand.New(rand.NewPCG(3, 4))
	masked := uint64(0)
	for _, f := range corpus.Floods() {
		flood := f.Text(12 << 10)
		if testing.Short() {
			flood = f.Text(5 << 10)
		}
		for _, p := range planted {
			at := r.IntN(len(flood)/len(f.Unit)) * len(f.Unit)
			in := append(append(bytes.Clone(flood[:at]), p.text...), flood[at:]...)
			before := w.Stats().Unscanned
			if out := w.Append(context.Background(), nil, in); bytes.Contains(out, []byte(p.raw)) {
				t.Errorf("%s with %q at %d lets it through", f.Name, p.text, at)
			}
			masked += w.Stats().Unscanned - before
		}
	}
	if masked == 0 {
		t.Error("no flood struck the bound on work: this test shows nothing")
	}
}

// Text full of true values is not taken for a flood, in whatever way it is encoded.
func TestDenseTextIsSeen(t *testing.T) {
	text := func(n int, value func(i int) string, end string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(value(i))
			b.WriteString(end)
		}
		return b.String()
	}
	const shortest = "mail addresses of ten bytes"
	texts := map[string]func(end string) string{
		"mail addresses": func(end string) string {
			return text(10_000, func(i int) string { return fmt.Sprintf("user%d@example.com", i) }, end)
		},
		shortest: func(end string) string {
			return text(10_000, func(i int) string { return fmt.Sprintf("u%d@ab.de", i) }, end)
		},
		"cards":           func(end string) string { return text(5_000, func(int) string { return "4111111111111111" }, end) },
		"cards in groups": func(end string) string { return text(5_000, func(int) string { return "4111 1111 1111 1111" }, end) },
		"addresses": func(end string) string {
			return text(10_000, func(i int) string { return fmt.Sprintf("10.1.%d.%d", i/250%250, i%250) }, end)
		},
		"IPv6 addresses": func(end string) string {
			return text(10_000, func(i int) string { return fmt.Sprintf("fe80::1:%x", i) }, end)
		},
		"ssns": func(end string) string {
			return text(10_000, func(i int) string { return fmt.Sprintf("123-45-%04d", i%9999+1) }, end)
		},
		"passwords": func(end string) string {
			return text(5_000, func(i int) string { return fmt.Sprintf("password=hunter%dabc", i) }, end)
		},
		"tokens": func(end string) string {
			return text(5_000, func(i int) string { return fmt.Sprintf(`"access_token":"x%08xq%dzz"`, i*7919, i) }, end)
		},
		"phones": func(end string) string {
			return text(5_000, func(i int) string { return fmt.Sprintf("+1 415 555 %04d", i%10000) }, end)
		},
		"records": func(end string) string {
			return text(3_000, func(i int) string {
				return fmt.Sprintf(`{"user":"u%d@example.com","ip":"10.0.0.%d","password":"pw%dx!","card":"4111111111111111"}`, i, i%250, i)
			}, end)
		},
	}
	const words = " and so it went on and on, and was told to all who asked for it" // as logs have between values
	for _, x := range []struct {
		how    string
		encode func(string) string
		ends   []string
	}{
		{"as it is", func(s string) string { return s }, []string{" ", ",", ";", "\n", "\t"}},
		{"in a JSON string", strconv.Quote, []string{" ", "\n", words + "\n"}},
		{"in a URL", url.QueryEscape, []string{" ", "\n", words + "\n"}},
		{"in base64", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }, []string{" ", "\n"}},
		{"in a JSON string in one", func(s string) string { return strconv.Quote(strconv.Quote(s)) }, []string{words + "\n"}},
	} {
		e := engine(t, redact.Options{Detectors: detectors.All()})
		for name, text := range texts {
			for _, end := range x.ends {
				if name == shortest && x.how != "as it is" && !strings.HasPrefix(end, words) {
					continue // all values and no text, seen twice: more than there is work for
				}
				w := e.NewWorker()
				w.Append(context.Background(), nil, []byte(x.encode(text(end))))
				if n := w.Stats().Unscanned; n > 0 {
					t.Errorf("%s with %q behind each, %s: %d times masked unseen", name, end, x.how, n)
				}
			}
		}
	}
}
