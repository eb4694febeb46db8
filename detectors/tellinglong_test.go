package detectors

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"logveil/detectors/internal/keys"
	"logveil/redact"
)

func tellingEngine(t *testing.T) *redact.Engine {
	e, err := redact.New(redact.Options{Detectors: tellings(keys.Default())})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// longRecord has lists and values that are longer than any detector looks.
type longRecord struct {
	Names  []string `json:"lastNames"`
	Cards  []any    `json:"cardNumbers"`
	Junk   []int    `json:"ssnList"` // a value stands behind kilobytes that are none
	Street string   `json:"street"`
	Full   string   `json:"fullName"`
	After  string   `json:"after"`
}

func aLongRecord(n int) longRecord {
	r := longRecord{Street: "12 " + strings.Repeat("Secret Quay, ", n), Full: strings.Repeat("Secretia Secret ", n), After: "stays"}
	for i := range n {
		r.Names = append(r.Names, fmt.Sprintf("Secret%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676))
		r.Cards = append(r.Cards, 4111111111000000+i)
	}
	for i := range 800 {
		r.Junk = append(r.Junk, i)
	}
	r.Junk = append(r.Junk, 411111111)
	return r
}

// TestLongListsKeepJSON expects each value of lists of 10,000 to be replaced, and each value
// of a hundred kilobytes whole, and the JSON to parse as before.
func TestLongListsKeepJSON(t *testing.T) {
	e := tellingEngine(t)
	in := aLongRecord(10_000)
	one := []byte(mustJSON(t, in))
	pretty, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"one line": one, "pretty": pretty, "in a string": []byte(mustJSON(t, map[string]string{"message": string(one)}))} {
		w := e.NewWorker()
		got := w.Append(context.Background(), nil, text)
		if bytes.Contains(got, []byte("Secret")) || bytes.Contains(got, []byte("411111111")) {
			i := bytes.Index(got, []byte("Secret"))
			t.Errorf("%s: values stay, one at %d of %d", name, i, len(got))
			continue
		}
		if name == "in a string" {
			continue // too much to look at encoded: masked by the line
		}
		if n := w.Stats().Unscanned; n != 0 {
			t.Errorf("%s: %d places unscanned", name, n)
			continue
		}
		var raw map[string]any
		if err := json.Unmarshal(got, &raw); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a, b := len(raw["lastNames"].([]any)), len(raw["cardNumbers"].([]any)); a != 10_000 || b != 10_000 || raw["after"] != "stays" || raw["ssnList"].([]any)[799] != 799.0 {
			t.Errorf("%s: %d names and %d cards", name, a, b)
		}
	}
}

// TestLongValues expects values to go to where they are closed, and nothing behind that.
func TestLongValues(t *testing.T) {
	e := tellingEngine(t)
	long := strings.Repeat("Secret Quay ", 420)
	for _, form := range []string{
		"<a><street>%s</street><b>stays</b></a>", "<street>\n  %s\n</street><b>stays</b>", `{"street":"%s","b":"stays"}`, `{\"street\":\"%s\",\"b\":\"stays\"}`,
		"street='%s', b='stays'", "street: %s\nstays", `street=%s` + "\nstays", `{"streets":["%s","Secret Road"],"b":"stays"}`,
		`{"fullName":"%s","b":"stays"}`,
	} {
		text := fmt.Sprintf(form, strings.TrimSpace(long))
		got := string(e.NewWorker().Append(context.Background(), nil, []byte(text)))
		if strings.Contains(got, "Secret") || !strings.Contains(got, "stays") {
			t.Errorf("%s became %.200q", form, got)
		}
	}
}

// TestLongListsInStreams cuts the stream inside lists and values, in lines within the cap
// and beyond.
func TestLongListsInStreams(t *testing.T) {
	e := tellingEngine(t)
	in := aLongRecord(10_000)
	one := mustJSON(t, in)
	pretty, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"one line": one + "\nend\n", "pretty": string(pretty) + "\nend\n"} {
		for _, lineCap := range []int{redact.MinLineCap, 1 << 20} {
			var out bytes.Buffer
			_, err := e.Copy(context.Background(), &out, strings.NewReader(strings.Repeat(text, 4)), redact.CopyOptions{LineCap: lineCap})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []string{"Secret", "411111111"} {
				if n := strings.Count(out.String(), s); n > 0 {
					t.Errorf("%s, cap %d: %d values stay", name, lineCap, n)
				}
			}
			if strings.Count(out.String(), "end\n") != 4 {
				t.Errorf("%s, cap %d: what follows the line is gone", name, lineCap)
			}
			if want := strings.Repeat(string(e.NewWorker().Append(context.Background(), nil, []byte(text))), 4); name == "pretty" && out.String() != want {
				t.Errorf("%s, cap %d: %d bytes, want the %d of the whole text", name, lineCap, out.Len(), len(want))
			}
		}
	}
}

// TestObjectsOfAnyLength expects the parts of a name wherever they stand in a long object, also
// where what is read at once ends.
func TestObjectsOfAnyLength(t *testing.T) {
	e := tellingEngine(t)
	for n := range 3000 {
		text := `{"name":{` + strings.Repeat(`"k":1,`, n/20) + `"x":{"y":"` + strings.Repeat("y", n%1000) + `"},"first":"Secret","last" : "Secrets"},"first":"stays"}`
		got := string(e.NewWorker().Append(context.Background(), nil, []byte(text)))
		if strings.Contains(got, "Secret") || !strings.Contains(got, `"first":"stays"`) {
			t.Fatalf("%d: %s", n, got[max(0, len(got)-200):])
		}
	}
}

// TestLongSecrets expects a secret that is longer than any detector looks to go to where it
// ends, and nothing behind that.
func TestLongSecrets(t *testing.T) {
	e, err := redact.New(redact.Options{Detectors: All()})
	if err != nil {
		t.Fatal(err)
	}
	word, words := strings.Repeat("a8F9s8Df7A9", 800), strings.Repeat("correct horse 9 ", 800)
	for form, value := range map[string]string{
		`{"client_secret":"%s","b":"stays"}`: words, "client_secret=%s stays <b>\nstays": word, "client_secret => %s stays <b>\nstays": word,
		"<password>%s</password> stays": word, "<password>%s stays\nstays": word, "password='%s', b='stays'": words, `{"tokens":["%s","b"],"b":"stays"}`: word,
	} {
		text := fmt.Sprintf(form, strings.TrimSpace(value))
		got := string(e.NewWorker().Append(context.Background(), nil, []byte(text)))
		if strings.Contains(got, "A9a8") || strings.Contains(got, "horse") || strings.Count(got, "stays") != strings.Count(form, "stays") {
			t.Errorf("%s became %.200q", form, got)
		}
	}
}
