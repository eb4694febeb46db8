package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"logveil/vault"
)

// keyMaking says what is done about a key file that is missing. A new key is another key:
// its tokens join with none of those that there are.
type keyMaking uint8

const (
	// makeKey makes one without being asked, so that a first start needs nobody: at the
	// default place with its folder; where the policy says only in a folder that is there,
	// because one that is missing is a slip of the pen or a disk that is not mounted.
	makeKey keyMaking = iota
	// makeNoKey refuses.
	makeNoKey
	// makeKeyAndFolder makes both: somebody asked for it.
	makeKeyAndFolder
)

// NoKeyError is a key file that is missing and was not made.
type NoKeyError struct {
	Err error // names the file
	// NoFolder says that its folder is missing, too.
	NoFolder bool
}

func (e *NoKeyError) Error() string {
	if e.NoFolder {
		return e.Err.Error() + ", nor its folder"
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *NoKeyError) Unwrap() error { return e.Err }

// loadKey reads the key file, or makes it as far as the policy allows; made reports that.
func (p *Policy) loadKey(file string) (key *vault.Key, made bool, err error) {
	_, err = os.Stat(filepath.Dir(file))
	noFolder := errors.Is(err, fs.ErrNotExist)
	if p.keyMaking == makeKeyAndFolder || p.keyMaking == makeKey && (p.Tokens.KeyFile == "" || !noFolder) {
		return vault.LoadOrCreateKey(file)
	}
	if key, err = vault.LoadKey(file); errors.Is(err, fs.ErrNotExist) {
		err = &NoKeyError{err, noFolder}
	}
	return key, false, err
}

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
