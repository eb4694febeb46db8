package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"logveil/redact"
)

const configs = "../../testdata/configs"

func configFiles(t *testing.T, suffix string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(configs, "*"+suffix))
	if err != nil || len(files) == 0 {
		t.Fatalf("no *%s in %s: %v", suffix, configs, err)
	}
	return files
}

// wanted returns the problems that the comments of a file announce, "# want LINE:COL: text".
func wanted(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.SplitSeq(string(b), "\n") {
		if w, ok := strings.CutPrefix(line, "# want "); ok {
			want = append(want, file+":"+w)
		}
	}
	return want
}

func TestGoodPolicies(t *testing.T) {
	for _, file := range configFiles(t, ".good.yml") {
		p, err := Load(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if _, err := p.Finder(); err != nil {
			t.Errorf("%s is valid and does not build: %v", file, err)
		}
	}
}

// TestBadPolicies compares every problem of a bad policy, its place and its text.
func TestBadPolicies(t *testing.T) {
	for _, file := range configFiles(t, ".bad.yml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want := wanted(t, file)
			if len(want) == 0 {
				t.Fatal("the file does not say what is wrong with it")
			}
			_, err := Load(file)
			var invalid *Error
			if !errors.As(err, &invalid) {
				t.Fatalf("error %v (%T), want an *Error", err, err)
			}
			if got := strings.Split(err.Error(), "\n"); !slices.Equal(got, want) {
				t.Errorf("problems\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
			for _, secret := range []string{"jane", "10.1.2.3", "4111", "lcoal"} {
				if strings.Contains(strings.ReplaceAll(err.Error(), file, ""), secret) {
					t.Errorf("the error repeats %q from the file", secret)
				}
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	p, err := Load(filepath.Join(configs, "empty.good.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var got, want bytes.Buffer
	p.file = ""
	p.Show(&got)
	Builtin().Show(&want)
	if got.String() != want.String() {
		t.Errorf("an empty file puts in force\n%s\nwant the built-in policy\n%s", &got, &want)
	}
}

func TestFullPolicy(t *testing.T) {
	p, err := Load(filepath.Join(configs, "full.good.yml"))
	if err != nil {
		t.Fatal(err)
	}
	card, email, ipv4, ssn := p.Rule("card"), p.Rule("email"), p.Rule("ipv4"), p.Rule("ssn")
	switch {
	case card != KindRule{Enabled: true, Scheme: SchemeMask, KeepLast: 4}:
		t.Errorf("card: %+v", card)
	case email != KindRule{Enabled: true, Scheme: SchemeLocal}:
		t.Errorf("email: %+v", email)
	case ipv4.Enabled:
		t.Errorf("ipv4: %+v", ipv4)
	case ssn != KindRule{Enabled: true, Scheme: SchemeMask}:
		t.Errorf("ssn: %+v, want the default scheme of the file", ssn)
	case p.Limits != Limits{LineCap: 4 << 20, Workers: 2, Depth: 6} || p.JSON != JSON{Numbers: redact.NumbersNumber}:
		t.Errorf("limits: %+v", p.Limits)
	case p.Tokens.Tenant != "payments.eu":
		t.Errorf("tenant: %q", p.Tokens.Tenant)
	}
	if got, err := p.keyFile(); err != nil || got != filepath.Join(configs, "keys", "local.key") {
		t.Errorf("key file %q, %v; want it beside the policy", got, err)
	}
	var b bytes.Buffer
	p.Show(&b)
	for _, secret := range []string{"noreply", "4111", "192.0.2.1", "198.51", "2001:db8"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("the listing shows the allowed value %q:\n%s", secret, &b)
		}
	}
}

func TestEveryKindOff(t *testing.T) {
	var b strings.Builder
	b.WriteString("kinds:\n")
	for _, k := range KindNames() {
		b.WriteString("  " + k + ": {enabled: false}\n")
	}
	_, err := parse("p.yml", []byte(b.String()))
	if want := "p.yml:1:1: every kind is off: nothing would be replaced"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestSizes(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "17": 17, "17B": 17, "2 KiB": 2048, "3MiB": 3 << 20, "1GiB": 1 << 30,
		"1K": -1, "1kib": -1, "-1": -1, "1.5MiB": -1, "": -1, "99999999999999999999": -1, "9223372036854775807GiB": -1,
	} {
		got, ok := parseSize(in)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("size %q is %d, want %d", in, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0B", 1000: "1000B", 1024: "1KiB", 1536: "1536B", 1 << 20: "1MiB", 5 << 30: "5GiB"} {
		if got := formatSize(n); got != want {
			t.Errorf("size %d is written %q, want %q", n, got, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	words := []string{"kinds", "keep_last", "email", "ipv4", "ipv6", "ssn"}
	for in, want := range map[string]string{
		"kind": "kinds", "knids": "kinds", "keepLast": "keep_last", "keep-last": "keep_last",
		"EMAIL": "email", "ipv5": "ipv4", "sn": "", "hunter2": "", "": "",
		strings.Repeat("k", 100): "",
	} {
		if got := suggest(in, words); got != want {
			t.Errorf("suggestion for %q is %q, want %q", in, got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"0ms": 0, "250ms": 250 * time.Millisecond, "2 s": 2 * time.Second, "90m": 90 * time.Minute, "7d": 168 * time.Hour, "1h": time.Hour,
		"250": -1, "1.5s": -1, "-1s": -1, "1h30m": -1, "": -1, "999999999d": -1, "9999999999s": -1, "1S": -1,
	} {
		got, ok := parseDuration(in)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %v, want %v", in, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0ms", 1500 * time.Millisecond: "1500ms", time.Minute: "1m", 36 * time.Hour: "36h", 48 * time.Hour: "2d"} {
		if got := formatDuration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

// TestEditDistance compares with the recursive definition.
func TestEditDistance(t *testing.T) {
	var slow func(a, b string) int
	slow = func(a, b string) int {
		if a == "" || b == "" {
			return len(a) + len(b)
		}
		n, m := len(a), len(b)
		same := 1
		if a[n-1] == b[m-1] {
			same = 0
		}
		d := min(slow(a[:n-1], b)+1, slow(a, b[:m-1])+1, slow(a[:n-1], b[:m-1])+same)
		if n > 1 && m > 1 && a[n-1] == b[m-2] && a[n-2] == b[m-1] {
			d = min(d, slow(a[:n-2], b[:m-2])+1)
		}
		return d
	}
	words := []string{"", "a", "ab", "ba", "abc", "acb", "kinds", "knids", "kind", "skin", "mail", "e-mail"}
	for _, a := range words {
		for _, b := range words {
			if got, want := editDistance(a, b), slow(a, b); got != want {
				t.Errorf("distance of %q and %q is %d, want %d", a, b, got, want)
			}
		}
	}
}

// FuzzParse: no input makes the decoder panic, every error is an *Error, and an error
// does not repeat a value: the values planted here stand in no message.
func FuzzParse(f *testing.F) {
	for _, suffix := range []string{".good.yml", ".bad.yml"} {
		files, err := filepath.Glob(filepath.Join(configs, "*"+suffix))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	const planted = "qzxqzxqzx"
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.ReplaceAll(b, []byte("jane.roe"), []byte(planted))
		p, err := parse("p.yml", b)
		if err == nil {
			var out bytes.Buffer
			p.Show(&out)
			// Paths, names and addresses are shown; allowed values are not.
			p.Tokens, p.Vault = Tokens{}, Vault{}
			out.Reset()
			p.Show(&out)
			if stays := p.allowFunc(); stays != nil {
				stays("email", b)
			}
			if bytes.Contains(out.Bytes(), []byte(planted)) {
				t.Errorf("the listing shows an allowed value:\n%s", &out)
			}
			return
		}
		var invalid *Error
		if !errors.As(err, &invalid) {
			t.Fatalf("error %v (%T), want an *Error", err, err)
		}
		if strings.Contains(err.Error(), planted) {
			t.Errorf("the error repeats what stands in the file: %v", err)
		}
	})
}
