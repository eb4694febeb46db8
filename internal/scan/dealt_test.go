package scan_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"logveil/detectors"
	"logveil/internal/scan"
)

// TestDealt compares dealt.go with what would be dealt to the literals of all detectors now.
// It may be somewhat behind them.
func TestDealt(t *testing.T) {
	lits := []scan.Literal{{Text: "tok1_"}}
	seen := map[scan.Literal]bool{lits[0]: true}
	for _, d := range detectors.All() {
		for _, l := range d.Spec().Anchor.Literals {
			lit := scan.Literal{Text: l.Text, Fold: l.Fold}
			if l.Fold {
				lit.Text = strings.ToLower(l.Text)
			}
			if !seen[lit] {
				seen[lit] = true
				lits = append(lits, lit)
			}
		}
	}
	// Some that nobody has dealt yet, beside the others.
	const fresh = 20
	some := slices.Clone(lits[:len(lits)-fresh])
	for i := range fresh {
		some = append(some, scan.Literal{Text: fmt.Sprintf("fresh%c=", 'a'+i)})
	}
	tables, err := scan.NewTables([]string{`\d{3}`}, some)
	if err != nil {
		t.Fatal(err)
	}
	s := scan.NewScanner(tables)
	for i, l := range some {
		text := []byte("- " + l.Text + " -")
		s.Load(text, 0)
		if !slices.Contains(s.Literals(0, len(text)), scan.Found{ID: i, Start: 2}) {
			t.Errorf("%q is not found", l.Text)
		}
	}
	file, anew, now := scan.Dealt(lits)
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile("dealt.go", file, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile("dealt.go")
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	for _, l := range strings.SplitAfter(string(file), "\n") {
		if text, _, _ := strings.Cut(l, ", "); !strings.Contains(string(old), text+", ") {
			missing++
		}
	}
	if missing > len(lits)/16 || now > 1.1*anew {
		t.Errorf("%d of %d literals are not in dealt.go; %.4f of text passes, dealt anew %.4f: run go test -run TestDealt -update", missing, len(lits), now, anew)
	}
}
