package config

import (
	"os"
	"path/filepath"
	"testing"
)

// TestKeys finds behind the keys that a policy adds, and not behind those that it takes away.
func TestKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yml")
	policy := "keys:\n  also:\n    - {kind: name, keys: [artist, city]}\n  never: [surname, dob]\n"
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	e, err := p.Finder()
	if err != nil {
		t.Fatal(err)
	}
	builtin, err := Builtin().Finder()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][2]string{ // with the policy, without
		`{"mainArtist":"Ada"}`:   {"name", ""},
		"city=London":            {"name", ""},
		"surname=Lovelace":       {"", "name"},
		"dob=1815-12-10":         {"", "dob"},
		"firstName=Ada":          {"name", "name"},
		"artist=42":              {"", ""},
		"surname=ada@example.io": {"email", "email"},
	} {
		got := [2]string{}
		for _, f := range e.NewWorker().Find([]byte(text)) {
			got[0] = string(e.Kind(f))
		}
		for _, f := range builtin.NewWorker().Find([]byte(text)) {
			got[1] = string(builtin.Kind(f))
		}
		if got != want {
			t.Errorf("%s: found %q with the policy and without, want %q", text, got, want)
		}
	}
}
