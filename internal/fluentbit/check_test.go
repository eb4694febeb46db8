package fluentbit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const examples = "../../testdata/fluentbit"

// TestExamples compares every problem and every route of the examples with what their
// comments say: "# want LINE: TEXT", "# route FROM TAG BY -> TO".
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "*.*.*"))
	if err != nil || len(files) < 15 {
		t.Fatalf("%d examples in %s: %v", len(files), examples, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want, routes []string
			for line := range strings.SplitSeq(string(b), "\n") {
				if w, ok := strings.CutPrefix(line, "# want "); ok {
					want = append(want, file+":"+w)
				}
				if r, ok := strings.CutPrefix(line, "# route "); ok {
					routes = append(routes, r)
				}
			}
			bad := strings.Contains(file, ".bad.")
			if bad != (len(want) > 0) || bad == (len(routes) > 0) {
				t.Fatal("a bad example says what it wants, a good one its routes")
			}
			r, err := Check(file)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range r.Problems {
				got = append(got, p.String())
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("problems\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
			if bad {
				return
			}
			got = nil
			for _, r := range r.Routes {
				got = append(got, fmt.Sprintf("%s %s %s -> %s", r.From, r.Tag, r.By, r.To))
			}
			slices.Sort(got)
			slices.Sort(routes)
			if !slices.Equal(got, routes) {
				t.Errorf("routes\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(routes, "\n\t"))
			}
		})
	}
}

// TestPolicies: what redactors are told to use is known to the caller.
func TestPolicies(t *testing.T) {
	r, err := Check(filepath.Join(examples, "output_face.good.conf"))
	if err != nil {
		t.Fatal(err)
	}
	want := []PolicyFile{{filepath.Join(examples, "output_face.good.conf"), 12, "/etc/logveil/policy.yml", true}}
	if !slices.Equal(r.Policies, want) {
		t.Errorf("%+v", r.Policies)
	}
}

func TestNoFile(t *testing.T) {
	if _, err := Check(filepath.Join(t.TempDir(), "x.conf")); !os.IsNotExist(err) {
		t.Errorf("error %v", err)
	}
}

// tags are all texts of up to four letters out of three.
func tags() []string {
	all := []string{""}
	for from := 0; len(all) < 1+3+9+27+81; from++ {
		for _, c := range "ab." {
			all = append(all, all[from]+string(c))
		}
	}
	return all
}

// TestMatch compares patterns with the regular expressions that say the same, over all
// short tags.
func TestMatch(t *testing.T) {
	patterns := []string{"", "*", "a", "a*", "*a", "a*b", "*a*", "a.*", "*.b", "ab", "a*b*", "*a*b", ".*", "**", "b*a."}
	all := tags()
	in := map[string]map[string]bool{}
	for _, p := range patterns {
		re := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$")
		in[p] = map[string]bool{}
		for _, tag := range all {
			if re.MatchString(tag) {
				in[p][tag] = true
			}
			if got := covers(p, tag); got != re.MatchString(tag) {
				t.Errorf("pattern %q and tag %q: %v", p, tag, got)
			}
		}
	}
	for _, a := range patterns {
		for _, b := range patterns {
			some, every := false, true
			for tag := range in[b] {
				some = some || in[a][tag]
				every = every && in[a][tag]
			}
			if meet(a, b) != some {
				t.Errorf("%q meets %q: %v, want %v", a, b, !some, some)
			}
			// The other direction holds for longer tags only by accident.
			if covers(a, b) && !every {
				t.Errorf("%q covers %q, but not every tag of it", a, b)
			}
			if every && !covers(a, b) && strings.Count(b, "*") < 2 && strings.Count(a, "*") < 2 {
				t.Errorf("%q does not cover %q", a, b)
			}
		}
	}
}

// FuzzCheck: any text is read without a panic, and every problem has a place.
func FuzzCheck(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(examples, "*.*.*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.HasSuffix(file, "yaml"), b)
	}
	f.Fuzz(func(t *testing.T, yaml bool, b []byte) {
		if bytes.Contains(bytes.ToLower(b), []byte("include")) {
			return // other files are no part of the input
		}
		name := filepath.Join(t.TempDir(), "f.conf")
		if yaml {
			name = filepath.Join(t.TempDir(), "f.yaml")
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Check(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Problems {
			if p.File != name || p.Line < 1 || p.Line > bytes.Count(b, []byte("\n"))+2 {
				t.Errorf("a problem without a place: %v", p)
			}
		}
		// What is not reported is redacted, or harmless.
		for _, route := range r.Routes {
			if route.By == "nothing" && len(r.Problems) == 0 && route.To != "null" && route.To != "exit" {
				t.Errorf("raw and not reported: %+v", route)
			}
		}
	})
}

// TestTooManyFlows: what is not followed is not said to be redacted.
func TestTooManyFlows(t *testing.T) {
	var b strings.Builder
	for i := range maxFlows {
		fmt.Fprintf(&b, "[INPUT]\n    name dummy\n    tag a.%d\n", i)
	}
	b.WriteString("[FILTER]\n    name logveil\n    match a.*\n    config_file p.yml\n[OUTPUT]\n    name null\n    match *\n")
	for _, c := range []struct {
		more string
		want int
	}{{"", 0}, {"[INPUT]\n    name dummy\n    tag raw\n", 1}} {
		file := filepath.Join(t.TempDir(), "fluent-bit.conf")
		if err := os.WriteFile(file, []byte(b.String()+c.more), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Check(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Problems) != c.want || c.want == 1 && !strings.Contains(r.Problems[0].Text, "not all of them are checked") {
			t.Errorf("%d inputs: %v", maxFlows+c.want, r.Problems)
		}
	}
}

// TestFlowsThatMeet: a flow that reaches a place where another one was already is followed
// when something else is to be said of it.
func TestFlowsThatMeet(t *testing.T) {
	const kept = `[INPUT]
    name dummy
    tag a
[INPUT]
    name dummy
    tag b
    storage.type filesystem
[FILTER]
    name rewrite_tag
    match *
    rule $log . new false
[OUTPUT]
    name logveil
    match new
    config_file p.yml
    workers 1
    retry_limit no_limits
`
	file := filepath.Join(t.TempDir(), "fluent-bit.conf")
	if err := os.WriteFile(file, []byte(kept), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Check(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) != 1 || r.Problems[0].Line != 7 || !strings.Contains(r.Problems[0].Text, "storage.type filesystem keeps raw records") {
		t.Errorf("%v", r.Problems)
	}
}
