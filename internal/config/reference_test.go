package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"logveil/detectors"
)

// TestGenerated compares what is generated with what lies in the repository.
func TestGenerated(t *testing.T) {
	for name, want := range map[string][]byte{"config.md": Reference(), "policy.schema.json": Schema()} {
		got, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not what the declaration gives: run make generate", name)
		}
	}
}

// TestSchema walks a policy's keys through the schema: each key of the full example is
// there, and none is allowed that the decoder does not know.
func TestSchema(t *testing.T) {
	var s map[string]any
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	at := func(path string) map[string]any {
		t.Helper()
		n := s
		for step := range strings.SplitSeq(path, ".") {
			next, ok := n[step].(map[string]any)
			if !ok {
				t.Fatalf("the schema has no %s", path)
			}
			n = next
		}
		return n
	}
	objects := 0
	var closed func(path string, n map[string]any)
	closed = func(path string, n map[string]any) {
		if n["type"] == "object" {
			objects++
			if n["additionalProperties"] != false {
				t.Errorf("%s lets unknown keys through", path)
			}
		}
		for k, v := range n {
			if m, ok := v.(map[string]any); ok {
				closed(path+"."+k, m)
			}
		}
	}
	closed("", s)
	if objects < 6 {
		t.Errorf("%d objects in the schema", objects)
	}
	for path, typ := range map[string]string{
		"properties.version":                          "integer",
		"properties.default.properties.scheme":        "string",
		"properties.limits.properties.workers":        "integer",
		"properties.tokens.properties.tenant":         "string",
		"properties.allow":                            "array",
		"properties.allow.items.properties.values":    "array",
		"properties.allow.items.properties.networks":  "array",
		"$defs.kind.properties.enabled":               "boolean",
		"$defs.kind.properties.keep_last":             "integer",
		"properties.kinds":                            "object",
		"properties.limits.properties.line_cap.oneOf": "",
		"properties.kinds.properties.card":            "",
		"properties.allow.items.properties.kind":      "string",
		"properties.tokens.properties.key_file":       "string",
	} {
		if strings.HasSuffix(path, ".oneOf") {
			if _, ok := at(strings.TrimSuffix(path, ".oneOf"))["oneOf"]; !ok {
				t.Errorf("%s is missing", path)
			}
			continue
		}
		if got := at(path)["type"]; typ != "" && got != typ {
			t.Errorf("%s is of type %v, want %s", path, got, typ)
		}
	}
	props := at("properties.kinds.properties")
	for _, d := range detectors.All() {
		if _, ok := props[string(d.Spec().Kind)]; !ok {
			t.Errorf("the schema does not know the kind %s", d.Spec().Kind)
		}
	}
}

// TestReference: each key and each detector stands in the reference.
func TestReference(t *testing.T) {
	ref := string(Reference())
	for _, key := range []string{
		"version", "default.scheme", "kinds.KIND.enabled", "kinds.KIND.scheme", "kinds.KIND.keep_last",
		"allow[].kind", "allow[].values", "allow[].networks", "limits.line_cap", "limits.workers", "limits.depth", "json.numbers", "fields.drop", "fields.rename[].from",
		"tokens.key_file", "tokens.tenant", "tokens.tenants.names", "vault.address", "vault.auth.method", "vault.max_key_age",
	} {
		if !strings.Contains(ref, "| `"+key+"` |") {
			t.Errorf("no row for %s", key)
		}
	}
	for _, d := range detectors.All() {
		if !strings.Contains(ref, "`"+d.Spec().Name+"`: ") {
			t.Errorf("no word about the detector %s", d.Spec().Name)
		}
	}
}

// TestReferenceExamples: the policies that the reference shows are valid.
func TestReferenceExamples(t *testing.T) {
	parts := strings.Split(string(Reference()), "```yaml\n")
	if len(parts) != 3 {
		t.Fatalf("%d examples", len(parts)-1)
	}
	for _, part := range parts[1:] {
		example, _, ok := strings.Cut(part, "```")
		if !ok {
			t.Fatal("an example without an end")
		}
		if _, err := parse("example.yml", []byte(example)); err != nil {
			t.Error(err)
		}
	}
}
