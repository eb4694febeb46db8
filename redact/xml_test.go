package redact_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"logveil/detectors"
	"logveil/redact"
)

// xmlNodes returns the parts of a document in order: names, attributes and texts.
func xmlNodes(text string) ([]string, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	var out []string
	for {
		t, err := d.Token()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			out = append(out, "<"+t.Name.Local)
			for _, a := range t.Attr {
				out = append(out, a.Name.Local, a.Value)
			}
		case xml.EndElement:
			out = append(out, ">"+t.Name.Local)
		case xml.CharData:
			out = append(out, string(t))
		}
	}
}

// sameEncoded is sameText where text stands encoded: a number may have become null where no
// quotation mark shows how one is written.
func sameEncoded(was, got string) error {
	err := sameText(was, got, 0)
	if err != nil && strings.Count(got, "null") > strings.Count(was, "null") {
		err = sameText(strings.NewReplacer("-4111", "-4111", `"4111`, `"4111`, "4111111111111111.0", "null", "4111111111111111", "null").Replace(was), got, 0)
	}
	return err
}

// sameXML says how the redacted text differs, as XML, other than by tokens in attributes and
// texts. It returns how many of them have tokens.
func sameXML(e *redact.Engine, text string) (found int, err error) {
	was, err := xmlNodes(text)
	if err != nil {
		return 0, nil
	}
	out := redacted(e, text)
	got, err := xmlNodes(out)
	if err != nil {
		return 0, fmt.Errorf("does not parse: %w: %s", err, out)
	}
	if len(was) != len(got) {
		return 0, fmt.Errorf("%d nodes became %d: %s", len(was), len(got), out)
	}
	for i := range was {
		if was[i] == got[i] {
			continue
		}
		found++
		if err := sameEncoded(was[i], got[i]); err != nil {
			return 0, err
		}
	}
	return found, nil
}

// element writes a random element, with values in every place.
func element(b *strings.Builder, r *rand.Rand, depth int) {
	names := []string{"a", "soap:Body", "customer", "item", "wsse:Password", "password", "ssn", "email", "token", "ns1:apiKey", "cardNumber"}
	name := names[r.IntN(len(names))]
	b.WriteString("<" + name)
	for range r.IntN(3) {
		fmt.Fprintf(b, ` %s="`, []string{"id", "type", "password", "mail", "x"}[r.IntN(5)]+fmt.Sprint(b.Len()))
		_ = xml.EscapeText(b, []byte((&writer{r: r}).text())) // into memory
		b.WriteString(`"`)
	}
	if r.IntN(8) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">")
	if r.IntN(3) == 0 {
		b.WriteString("\n" + strings.Repeat("  ", depth+1))
	}
	switch k := r.IntN(6); {
	case k < 2 && depth < 4:
		for range 1 + r.IntN(3) {
			element(b, r, depth+1)
			if r.IntN(2) == 0 {
				b.WriteString("\n")
			}
		}
	case k == 2:
		b.WriteString("<![CDATA[" + (&writer{r: r}).text() + "]]>")
	case k == 3 && strings.Contains("a soap:Body customer item", name):
		inner := &writer{r: r, b: []byte(`{"k":`)}
		inner.value(2)
		_ = xml.EscapeText(b, append(inner.b, '}'))
	default:
		_ = xml.EscapeText(b, []byte((&writer{r: r}).text()))
	}
	if r.IntN(3) == 0 {
		b.WriteString("\n")
	}
	b.WriteString("</" + name + ">")
}

// Documents are read after as before, but for the findings in attributes and texts.
func TestRandomXML(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All()})
	r := rand.New(rand.NewPCG(7, 7))
	found := 0
	for range rounds(20_000) {
		var b strings.Builder
		b.WriteString(`<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">`)
		element(&b, r, 0)
		b.WriteString("</soap:Envelope>")
		n, err := sameXML(e, b.String())
		if err != nil {
			t.Fatalf("%s\n%v", b.String(), err)
		}
		found += n
	}
	t.Logf("%d with findings", found)
	if found < rounds(5_000) {
		t.Errorf("only %d findings", found)
	}
}

// Queries and forms have the same keys and values after, but for the findings.
func TestRandomQueries(t *testing.T) {
	e := engine(t, redact.Options{Detectors: detectors.All()})
	r := rand.New(rand.NewPCG(8, 8))
	found := 0
	for range rounds(20_000) {
		was := url.Values{}
		for range 1 + r.IntN(4) {
			key := plain[r.IntN(len(plain))]
			if r.IntN(2) == 0 {
				key = telling[r.IntN(len(telling))]
			}
			w := &writer{r: r, b: []byte(`{"k":`)}
			if r.IntN(4) == 0 {
				w.value(2)
				w.b = append(w.b, '}')
				key = "payload"
			} else {
				w.b = []byte(w.text())
			}
			was.Add(strings.ReplaceAll(key, " ", "_"), string(w.b))
		}
		in := was.Encode()
		if r.IntN(2) == 0 {
			in = strings.ReplaceAll(in, "+", "%20")
		}
		out := redacted(e, in)
		got, err := url.ParseQuery(out)
		if err != nil || len(got) != len(was) {
			t.Fatalf("%s became %s: %v", in, out, err)
		}
		for k, vs := range was {
			if len(vs) != len(got[k]) {
				t.Fatalf("%s became %s", in, out)
			}
			for i := range vs {
				if vs[i] != got[k][i] {
					found++
				}
				if err := sameEncoded(vs[i], got[k][i]); err != nil {
					t.Fatalf("%s became %s: %v", in, out, err)
				}
			}
		}
	}
	t.Logf("%d with findings", found)
	if found < rounds(5_000) {
		t.Errorf("only %d findings", found)
	}
}
