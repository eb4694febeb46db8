package config

import (
	"path/filepath"

	"logveil/detectors"
	"logveil/redact"
)

// detectorsOf returns those of all detectors whose kinds on accepts.
func detectorsOf(all []redact.Detector, on func(redact.Kind) bool) []redact.Detector {
	var ds []redact.Detector
	for _, d := range all {
		if on(d.Spec().Kind) {
			ds = append(ds, d)
		}
	}
	return ds
}

func (p *Policy) detectors() []redact.Detector {
	also := map[string][]string{}
	for _, r := range p.Keys.Also {
		also[r.Kind] = append(also[r.Kind], r.Keys...)
	}
	all, err := detectors.AllWith(detectors.Keys{Also: also, Never: p.Keys.Never})
	if err != nil {
		panic("BUG: keys of a policy: " + err.Error()) // lint has seen them
	}
	return detectorsOf(all, func(k redact.Kind) bool { return p.Rule(k).Enabled })
}

// kindsInForce returns the kinds that are looked for, sorted.
func (p *Policy) kindsInForce() []string {
	var kinds []string
	for _, k := range KindNames() {
		if p.Rule(redact.Kind(k)).Enabled {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// Finder builds an engine that finds what the policy says. It has no key: what it redacts
// it masks.
func (p *Policy) Finder() (*redact.Engine, error) {
	return redact.New(p.options(nil))
}

// options returns what an engine is built from, but for its tokenizer.
func (p *Policy) options(t redact.Tokenizer) redact.Options {
	return redact.Options{Detectors: p.detectors(), Tokenizer: t, Allow: p.allowFunc(), Numbers: p.JSON.Numbers, Depth: p.Limits.Depth}
}

// SetKeyFile names the key file, instead of what the policy says. A relative path starts
// at the working folder. The key has to be there: see MakeKey.
func (p *Policy) SetKeyFile(file string) {
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	p.Tokens.KeyFile, p.keyMaking = file, makeNoKey
}

// MakeKey has the Redactor make the key file and its folder when they are missing, wherever
// they are.
func (p *Policy) MakeKey() { p.keyMaking = makeKeyAndFolder }

// CopyOptions returns the limits of the policy for a stream.
func (p *Policy) CopyOptions(progress func(redact.Stats)) redact.CopyOptions {
	return redact.CopyOptions{
		Workers:  p.Limits.Workers,
		LineCap:  int(p.Limits.LineCap),
		Progress: progress,
	}
}
