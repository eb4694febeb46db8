package corpus

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func generate(t *testing.T, seed uint64, reference string) (string, Manifest) {
	t.Helper()
	dir := t.TempDir()
	m, err := Make(context.Background(), Options{Dir: dir, Bytes: 1 << 20, Seed: seed, Reference: reference})
	if err != nil {
		t.Fatal(err)
	}
	return dir, m
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// plantedIn returns the values of planted.tsv by file.
func plantedIn(t *testing.T, dir string) map[string][]string {
	values := map[string][]string{}
	for line := range strings.Lines(string(read(t, dir, Planted))) {
		kind, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			t.Fatalf("line %q has no tab", line)
		}
		file := Dirty
		if prefix, _, ok := strings.Cut(kind, " "); ok {
			file = map[string]string{"json": DirtyJSON, "sparse": Sparse, "dense": Dense, "long": Long}[prefix]
		}
		values[file] = append(values[file], v)
	}
	return values
}

func TestMakeIsAFunctionOfTheSeed(t *testing.T) {
	_, a := generate(t, 7, "")
	_, b := generate(t, 7, "")
	_, c := generate(t, 8, "")
	if len(a.Files) != 8 {
		t.Fatalf("%d files", len(a.Files))
	}
	for i := range a.Files {
		if a.Files[i] != b.Files[i] {
			t.Errorf("one seed, two files: %+v, %+v", a.Files[i], b.Files[i])
		}
		if a.Files[i].SHA256 == c.Files[i].SHA256 {
			t.Errorf("%s does not depend on the seed", a.Files[i].Name)
		}
	}
}

func TestFilesHoldWhatIsPlanted(t *testing.T) {
	dir, m := generate(t, 7, "")
	if m.Source != "generated" {
		t.Errorf("source %s", m.Source)
	}
	checkPlanted(t, dir, m)
}

func TestReferenceFilesHoldWhatIsPlanted(t *testing.T) {
	shared := filepath.Join("..", "..", "..", "shared")
	if _, err := os.Stat(filepath.Join(shared, scriptRel)); err != nil {
		t.Skip("../shared is absent")
	}
	dir, m := generate(t, 7, shared)
	if m.Source != "reference" {
		t.Errorf("source %s", m.Source)
	}
	checkPlanted(t, dir, m)
}

func checkPlanted(t *testing.T, dir string, m Manifest) {
	t.Helper()
	files := map[string]File{}
	for _, f := range m.Files {
		files[f.Name] = f
		if f.Name != Planted && f.Bytes < 1<<20*9/10 {
			t.Errorf("%s has %d bytes", f.Name, f.Bytes)
		}
	}
	clean := read(t, dir, Clean)
	planted := plantedIn(t, dir)
	for name, values := range planted {
		text := read(t, dir, name)
		if name == DirtyJSON && m.Source == "reference" {
			values = values[:len(values)-1] // the script may plant one more than it writes
		}
		for i, v := range values {
			if i%10 > 0 && len(values) > 2000 {
				continue // a tenth of many is telling enough
			}
			if !bytes.Contains(text, []byte(v)) {
				t.Errorf("%s lacks a planted value", name)
			}
			if bytes.Contains(clean, []byte(v)) {
				t.Errorf("%s holds a value planted in %s", Clean, name)
			}
		}
		if got := files[name].Planted; got != len(planted[name]) {
			t.Errorf("%s: the manifest says %d planted, %s lists %d", name, got, Planted, len(planted[name]))
		}
	}
	for name, share := range map[string]float64{Sparse: 0.01, Dirty: 0.03, Dense: 1} {
		lines := float64(files[name].Lines)
		got, want := float64(files[name].Planted), share*lines
		if slack := 4 * math.Sqrt(want*(1-share)); math.Abs(got-want) > slack {
			t.Errorf("%s: %.0f of %.0f lines have a value, want %.0f", name, got, lines, want)
		}
	}
}

func TestJSONIsNestedAndEscaped(t *testing.T) {
	dir, _ := generate(t, 7, "")
	notes := 0
	for line := range bytes.Lines(read(t, dir, DirtyJSON)) {
		var rec struct {
			Raw     string
			Payload struct {
				Request struct{ Headers struct{ Host string } }
			}
		}
		if err := json.Unmarshal(line, &rec); err != nil {
			t.Fatal(err)
		}
		var in struct{ Detail, Note string }
		if err := json.Unmarshal([]byte(rec.Raw), &in); err != nil || rec.Payload.Request.Headers.Host == "" {
			t.Fatalf("%v, %+v", err, rec)
		}
		if in.Note != "" {
			notes++
		}
	}
	if want := len(plantedIn(t, dir)[DirtyJSON]); notes != want || want == 0 {
		t.Errorf("%d notes, %d planted", notes, want)
	}
}

func TestLongLines(t *testing.T) {
	dir, m := generate(t, 7, "")
	at := slices.IndexFunc(m.Files, func(f File) bool { return f.Name == Long })
	values := 0
	for line := range bytes.Lines(read(t, dir, Long)) {
		if len(line) < longLeast || len(line) > longMost+longLeast {
			t.Errorf("a line of %d bytes", len(line))
		}
		values += (len(line) + longLeast - 1) / longLeast
	}
	// A line's last piece may reach into a stretch of 64 KiB that it puts no value in.
	if got := m.Files[at].Planted; got > values || got < values-m.Files[at].Lines {
		t.Errorf("%d planted, about %d stretches", got, values)
	}
}

func TestValuesAreWellFormed(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		c := strings.NewReplacer("-", "", " ", "").Replace(card(r))
		if !luhn(c) || len(c) < 15 || len(c) > 16 {
			t.Errorf("card %s", c)
		}
		if i := strings.ReplaceAll(iban(r), " ", ""); mod97(i[4:]+i[:4]) != 1 {
			t.Errorf("iban %s", i)
		}
		if s := ssn(r); !regexp.MustCompile(`^\d{3}-\d{2}-\d{4}$`).MatchString(s) || s[:3] == "666" || s[:3] == "000" {
			t.Errorf("ssn %s", s)
		}
		parts := strings.Split(jwt(r), ".")
		for _, p := range parts[:2] {
			if b, err := base64.RawURLEncoding.DecodeString(p); err != nil || !json.Valid(b) || p[:3] != "eyJ" {
				t.Errorf("jwt part %s", p)
			}
		}
	}
}

func luhn(s string) bool {
	double := map[byte]int{'0': 0, '1': 2, '2': 4, '3': 6, '4': 8, '5': 1, '6': 3, '7': 5, '8': 7, '9': 9}
	sum := 0
	for i := range len(s) {
		if (len(s)-i)%2 == 0 {
			sum += double[s[i]]
		} else {
			sum += int(s[i] - '0')
		}
	}
	return sum%10 == 0
}

// mod97 reads letters as 10 to 35, one character at a time.
func mod97(s string) int {
	n := 0
	for _, c := range s {
		if c >= 'A' {
			n = (n*100 + int(c-'A') + 10) % 97
		} else {
			n = (n*10 + int(c-'0')) % 97
		}
	}
	return n
}

func TestFloods(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Floods() {
		if seen[f.Name] || strings.ContainsAny(f.Name, "/. ") || len(f.Unit) == 0 {
			t.Errorf("flood %q", f.Name)
		}
		seen[f.Name] = true
		text := f.Text(100_000)
		if len(text) != 100_000 || !bytes.HasPrefix(text, f.Unit) {
			t.Errorf("%s: %d bytes that begin %.20q", f.Name, len(text), text)
		}
		if f.Line == 0 {
			if got := bytes.Count(text, []byte{'\n'}); got != 0 {
				t.Errorf("%s: unbroken text has %d line ends", f.Name, got)
			}
			continue
		}
		first, _, _ := bytes.Cut(text, []byte{'\n'})
		if most := max(f.Line, len(f.Unit)); len(first) > most || len(first) <= most-len(f.Unit) {
			t.Errorf("%s: line of %d bytes, want about %d", f.Name, len(first), f.Line)
		}
	}
	if len(seen) < 36*len(FloodLines) {
		t.Errorf("%d floods", len(seen))
	}
}

// slowOnColons takes a nanosecond a byte and 50 more for each colon that a digit follows.
func slowOnColons(text []byte) time.Duration {
	n := len(text)
	for i := range len(text) - 1 {
		if text[i] == ':' && text[i+1] >= '0' && text[i+1] <= '9' {
			n += 50
		}
	}
	return time.Duration(n)
}

func TestSearchFindsWhatIsSlow(t *testing.T) {
	o := SearchOptions{Seed: 5, Size: 4096, Start: [][]byte{[]byte("abc"), []byte("key:"), []byte("a1 ")}, Lineages: 3, Generations: 400}
	found := Search(context.Background(), slowOnColons, o)
	if len(found) != 3 || found[0].PerByte < 20 {
		t.Fatalf("found %+v", found)
	}
	for i, f := range found {
		if f.PerByte < 1 || len(f.Unit) == 0 || len(f.Unit) > 32 || bytes.ContainsRune(f.Unit, '\n') || i > 0 && f.PerByte > found[i-1].PerByte {
			t.Errorf("found %+v", f)
		}
	}
	again := Search(context.Background(), slowOnColons, o)
	if !slices.EqualFunc(found, again, func(a, b Found) bool { return bytes.Equal(a.Unit, b.Unit) && a.PerByte == b.PerByte }) {
		t.Error("one seed, two results")
	}
}

func TestSearchMeasuresSlowLooksAgain(t *testing.T) {
	calls := map[string]int{}
	spike := func(text []byte) time.Duration {
		calls[string(text)]++
		if calls[string(text)] == 1 {
			return time.Duration(100 * len(text)) // a first look that something else made slow
		}
		return time.Duration(len(text))
	}
	for _, f := range Search(context.Background(), spike, SearchOptions{Size: 64, Generations: 20}) {
		if f.PerByte != 1 {
			t.Errorf("%q is taken for slow: %v ns", f.Unit, f.PerByte)
		}
	}
}

func TestSearchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	Search(ctx, func([]byte) time.Duration {
		if n++; n == 100 {
			cancel()
		}
		return time.Nanosecond
	}, SearchOptions{Size: 64, Generations: 1 << 30})
	if n != 100 {
		t.Errorf("%d measurements", n)
	}
}

func TestCommand(t *testing.T) {
	c, err := NewCommand(context.Background(), []string{"cat"})
	if err != nil {
		t.Fatal(err)
	}
	if took := c.Measure(make([]byte, 1<<20)); took < 0 || c.Err() != nil {
		t.Errorf("%v, %v", took, c.Err())
	}
	if _, err := NewCommand(context.Background(), []string{"false"}); err == nil {
		t.Error("a command that fails was accepted")
	}
	if _, err := NewCommand(context.Background(), nil); err == nil {
		t.Error("no command was accepted")
	}
}
