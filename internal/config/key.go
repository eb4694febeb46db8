package config

import (
	"path/filepath"

	"logveil/redact"
	"logveil/vault"
)

// needsKey reports whether values of any kind are replaced under the key file.
func (p *Policy) needsKey() bool {
	for _, k := range p.kindsInForce() {
		if p.Rule(redact.Kind(k)).Scheme == SchemeLocal {
			return true
		}
	}
	return false
}

// keyFile returns the path of the key.
func (p *Policy) keyFile() (string, error) {
	switch file := p.Tokens.KeyFile; {
	case file == "":
		return vault.DefaultKeyPath()
	case !filepath.IsAbs(file) && p.file != "":
		return filepath.Join(filepath.Dir(p.file), file), nil
	default:
		return file, nil
	}
}

// Redactor is an engine that replaces what it finds by tokens.
type Redactor struct {
	Engine *redact.Engine
	// KeyFile is where the key is, or empty when the policy needs none; KeyMade says
	// that it was made just now.
	KeyFile string
	KeyMade bool
}

// Redactor builds what redacts by the policy. It makes the key file when the policy needs
// one and there is none.
func (p *Policy) Redactor() (*Redactor, error) {
	r := &Redactor{}
	schemes := map[Scheme]vault.Scheme{SchemeMask: vault.Mask{}}
	if p.needsKey() {
		file, err := p.keyFile()
		if err != nil {
			return nil, err
		}
		key, made, err := vault.LoadOrCreateKey(file)
		if err != nil {
			return nil, err
		}
		defer key.Close()
		if schemes[SchemeLocal], err = vault.NewLocal(key, p.Tokens.Tenant); err != nil {
			return nil, err
		}
		r.KeyFile, r.KeyMade = file, made
	}
	rules := map[redact.Kind]vault.Rule{}
	for _, k := range p.kindsInForce() {
		rule := p.Rule(redact.Kind(k))
		rules[redact.Kind(k)] = vault.Rule{Scheme: schemes[rule.Scheme], KeepLast: rule.KeepLast}
	}
	t, err := vault.New(vault.Options{Default: vault.Rule{Scheme: vault.Mask{}}, Kinds: rules})
	if err != nil {
		return nil, err
	}
	r.Engine, err = redact.New(redact.Options{Detectors: p.detectors(), Tokenizer: t, Allow: p.allowFunc()})
	return r, err
}

// Revealer builds what turns tokens back by the policy's key. It makes no key. The key
// stands in the second result.
func (p *Policy) Revealer() (*vault.Revealer, string, error) {
	file, err := p.keyFile()
	if err != nil {
		return nil, "", err
	}
	key, err := vault.LoadKey(file)
	if err != nil {
		return nil, "", err
	}
	defer key.Close()
	local, err := vault.NewLocal(key, p.Tokens.Tenant)
	if err != nil {
		return nil, "", err
	}
	r, err := vault.NewRevealer(local)
	return r, file, err
}
