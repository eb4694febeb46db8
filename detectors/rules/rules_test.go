package rules

import "testing"

func TestRulesCompile(t *testing.T) {
	ids := map[string]bool{}
	for _, f := range families {
		for _, r := range f.rules {
			if _, err := New(r); err != nil {
				t.Error(err)
			}
			if ids[r.ID] {
				t.Errorf("two rules are called %q", r.ID)
			}
			ids[r.ID] = true
		}
	}
}
