package config

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"logveil/internal/deliver"
)

// loadIn parses a policy as if its file stood in dir.
func loadIn(t *testing.T, dir, text string) *Policy {
	t.Helper()
	p, err := parse(filepath.Join(dir, "p.yml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDeliverer: each type builds what it says, with files beside the policy.
func TestDeliverer(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("k"), 0o600); err != nil {
		t.Fatal(err)
	}
	for output, ok := range map[string]bool{
		"{type: null}":                                true,
		"{type: stdout}":                              true,
		"{type: file, file: {path: out.log}}":         true,
		"{type: file, file: {path: nowhere/out.log}}": false,
		"{type: forward, forward: {targets: [unix:///x], shared_key_file: key}}":            true,
		"{type: forward, forward: {targets: [unix:///x], shared_key_file: other}}":          false,
		"{type: forward, forward: {targets: [tls://x], ca_file: key}}":                      false, // not PEM
		"{type: http, http: {url: 'http://127.0.0.1:1/', authorization_file: key}}":         true,
		"{type: http, http: {url: 'https://127.0.0.1', client_cert: key, client_key: key}}": false,
	} {
		p := loadIn(t, dir, "fluent_bit: {output: "+output+"}")
		d, err := p.Deliverer()
		if (err == nil) != ok {
			t.Errorf("%s: %v", output, err)
		}
		if err == nil {
			if err := d.Close(context.Background()); err != nil {
				t.Errorf("%s: %v", output, err)
			}
		}
	}
	if _, err := Builtin().Deliverer(); err == nil {
		t.Error("a policy without an output builds one")
	}
	// What is built writes as the policy says.
	p := loadIn(t, dir, "fluent_bit: {output: {type: file, file: {path: out.log}, json: {time_key: '', tag_key: from}}}")
	d, err := p.Deliverer()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Deliver(context.Background(), "the.tag", []byte{0x92, 0, 0x81, 0xa1, 'a', 1}, 1); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "out.log")); err != nil || string(b) != "{\"from\":\"the.tag\",\"a\":1}\n" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestFluentBitDefaults(t *testing.T) {
	f := loadIn(t, t.TempDir(), "fluent_bit: {output: {type: stdout}}").FluentBit
	if f.Output.Timeout != 4*time.Second || f.Output.JSON != (deliver.JSONOptions{TimeKey: "date", Metadata: true}) || f.Metrics.Listen != "127.0.0.1:2021" {
		t.Errorf("%+v", f)
	}
	full, err := Load(filepath.Join(configs, "fluent_bit_forward.good.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, target := range full.FluentBit.Output.Forward.Targets {
		got = append(got, target.String())
	}
	if want := []string{"tls://log-1.example:24224", "tls://[2001:db8::1]:24225", "unix:///run/logveil/forward.sock"}; !slices.Equal(got, want) {
		t.Errorf("targets %v", got)
	}
	if full.FluentBit.Output.Timeout != 2500*time.Millisecond {
		t.Errorf("timeout %v", full.FluentBit.Output.Timeout)
	}
}

// TestWarnings: what is risky is said, in words of our own.
func TestWarnings(t *testing.T) {
	for text, want := range map[string]int{
		"{}":                                 0,
		"fluent_bit: {output: {type: null}}": 1,
		"fluent_bit: {metrics: {listen: '0.0.0.0:2021'}}": 1,
		"fluent_bit: {metrics: {listen: '[::1]:2021'}}":   0,
		"fluent_bit: {metrics: {listen: off}}":            0,
		"fluent_bit: {output: {type: forward, forward: {targets: ['tcp://127.0.0.1', 'tls://log.example', 'unix:///x']}}}": 0,
		"fluent_bit: {output: {type: forward, forward: {targets: ['tcp://10.0.0.1', 'tcp://log.example', 'unix:///x']}}}":  2,
		"fluent_bit: {output: {type: http, http: {url: 'http://log.example/?token=s3cret', headers: {X-Key: s3cret}}}}":    1,
		"fluent_bit: {output: {type: http, http: {url: 'https://log.example'}}, metrics: {listen: '192.0.2.1:1'}}":         1,
	} {
		p := loadIn(t, t.TempDir(), text)
		w := p.Warnings()
		if len(w) != want {
			t.Errorf("%s: warnings %q", text, w)
		}
		var shown strings.Builder
		p.Show(&shown)
		if strings.Contains(strings.Join(w, " ")+shown.String(), "s3cret") {
			t.Errorf("%s: a secret is shown", text)
		}
	}
}

// TestNullInSchema: an editor accepts null with and without quotes, as the decoder does.
func TestNullInSchema(t *testing.T) {
	var s struct {
		Properties struct {
			FluentBit struct {
				Properties struct {
					Output struct {
						Properties struct {
							Type struct{ Enum []any }
						}
					}
				}
			} `json:"fluent_bit"`
		}
	}
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	words := s.Properties.FluentBit.Properties.Output.Properties.Type.Enum
	if !slices.Contains(words, nil) || !slices.Contains(words, any("null")) {
		t.Errorf("%v", words)
	}
	for _, text := range []string{"~", ""} {
		if _, err := parse("p.yml", []byte("fluent_bit: {output: {type: "+text+"}}")); err == nil {
			t.Errorf("%q stands for the type null", text)
		}
	}
}
