package vault

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A key file has three lines: a header with its version, the root key in base 64, and
// the first eight bytes of SHA-256 over the first two lines, in hexadecimal. The sum
// tells a damaged file from a whole one; it does not protect it.

const (
	keyFileHeader = "logveil-key 1\n"
	rootBytes     = 32
	sumBytes      = 8
	keyFileSize   = len(keyFileHeader) + 43 + 1 + 2*sumBytes + 1 // 43: 32 bytes in base 64
)

// KeyFileError says what is wrong with a key file. It never holds the file's contents.
type KeyFileError struct {
	Path string
	Err  error
}

func (e *KeyFileError) Error() string { return "key file " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *KeyFileError) Unwrap() error { return e.Err }

// DefaultKeyPath returns where the local key of this user is kept: logveil/local.key
// under the state folder of the XDG Base Directory Specification.
func DefaultKeyPath() (string, error) {
	// The specification tells to ignore relative paths.
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "logveil", "local.key"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return "", errors.New("no folder for the key file: neither XDG_STATE_HOME nor HOME is an absolute path")
	}
	return filepath.Join(home, ".local", "state", "logveil", "local.key"), nil
}

// LoadKey reads a key file. It refuses one that is damaged, that is not a regular file of
// this user, or that others may read or replace.
func LoadKey(path string) (*Key, error) {
	k, err := loadKey(path)
	if err != nil {
		return nil, keyFileError(path, err)
	}
	return k, nil
}

// LoadOrCreateKey reads the key file at path, and makes one with a new random key when
// there is none; created reports that. Processes that start at once agree on one key.
func LoadOrCreateKey(path string) (key *Key, created bool, err error) {
	k, err := loadKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if created, err = createKeyFile(path); err == nil {
			k, err = loadKey(path)
		}
	}
	if err != nil {
		return nil, false, keyFileError(path, err)
	}
	return k, created, nil
}

func keyFileError(path string, err error) error {
	// The path is named once, and not by the temporary file's.
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	} else if le, ok := errors.AsType[*os.LinkError](err); ok {
		err = fmt.Errorf("%s: %w", le.Op, le.Err)
	}
	return &KeyFileError{path, err}
}

func loadKey(path string) (*Key, error) {
	f, err := openKeyFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// One byte more than fits, to see that there is more.
	text := make([]byte, keyFileSize+1)
	defer clear(text)
	n, err := io.ReadFull(f, text)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, err
	}
	root, err := parseKeyFile(text[:n])
	if err != nil {
		return nil, err
	}
	return NewLocalKey(root)
}

func parseKeyFile(text []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(text, []byte(keyFileHeader))
	switch {
	case len(text) == 0:
		return nil, errors.New("is empty")
	case !ok && bytes.HasPrefix(text, []byte("logveil-key ")):
		return nil, errors.New("is of a version that this program does not know")
	case !ok:
		return nil, errors.New("is not a logveil key file")
	case len(text) != keyFileSize:
		return nil, errors.New("is damaged: wrong length")
	}
	body, sum := text[:len(text)-2*sumBytes-1], text[len(text)-2*sumBytes-1:]
	if string(sum) != keyFileSum(body) {
		return nil, errors.New("is damaged: checksum does not agree")
	}
	root := make([]byte, rootBytes)
	n, err := base64.RawStdEncoding.Strict().Decode(root, bytes.TrimSuffix(rest[:44], []byte("\n")))
	if err != nil || n != rootBytes {
		clear(root)
		return nil, errors.New("is damaged: not base 64")
	}
	return root, nil
}

func keyFileSum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:sumBytes]) + "\n"
}

// createKeyFile writes a new key beside path and links it there, which fails when
// another process was faster; then created is false and the other's key stands.
func createKeyFile(path string) (created bool, err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	f, err := os.CreateTemp(dir, ".local.key-*") // O_EXCL, 0600
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	if err := writeKeyFile(f); err != nil {
		return false, err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, syncDir(dir)
}

func writeKeyFile(f *os.File) error {
	defer f.Close()
	var root [rootBytes]byte
	text := make([]byte, 0, keyFileSize)
	defer func() { clear(root[:]); clear(text[:cap(text)]) }()
	if _, err := rand.Read(root[:]); err != nil {
		return err
	}
	text = append(text, keyFileHeader...)
	text = base64.RawStdEncoding.AppendEncode(text, root[:])
	text = append(text, '\n')
	text = append(text, keyFileSum(text)...)
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}
