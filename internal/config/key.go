package config

import (
	"path/filepath"

	"logveil/vault"
)

// needsKey reports whether values of any kind are replaced under the key file.
func (p *Policy) needsKey() bool { return len(p.kindsOf(SchemeLocal)) > 0 }

// keyFile returns the path of the key.
func (p *Policy) keyFile() (string, error) {
	if p.Tokens.KeyFile == "" {
		return vault.DefaultKeyPath()
	}
	return p.beside(p.Tokens.KeyFile), nil
}

// beside returns the path of a file that the policy names: a relative one starts at the
// policy's folder.
func (p *Policy) beside(file string) string {
	if file == "" || filepath.IsAbs(file) || p.file == "" {
		return file
	}
	return filepath.Join(filepath.Dir(p.file), file)
}
