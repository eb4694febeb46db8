package pipe

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Output is where a run writes. A regular file gets its name only when it is complete:
// until [Output.Commit] the bytes stand in a file beside it, and whatever had the name
// keeps it. Other files, such as pipes and devices, are written to directly.
type Output struct {
	name string
	f    *os.File
	// temp and final are set while a complete file waits for its name.
	temp, final string
}

// Stdout returns an output that writes to f, which errors call standard output.
func Stdout(f *os.File) *Output {
	enlarge(f)
	return &Output{name: "standard output", f: f}
}

// Create prepares the file called name. A new file gets the permissions perm, less the
// umask; one that is there already keeps its own.
func Create(name string, perm fs.FileMode) (*Output, error) {
	final := name
	fi, err := os.Stat(name)
	switch {
	case err == nil && !fi.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &Output{name: name, f: f}, nil
	case err == nil:
		// Renaming onto a symbolic link would replace the link.
		if final, err = filepath.EvalSymlinks(name); err != nil {
			return nil, err
		}
		perm = fi.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	var r [6]byte
	rand.Read(r[:])
	temp := filepath.Join(filepath.Dir(final), "."+filepath.Base(final)+".logveil-"+hex.EncodeToString(r[:]))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, rename(err, name)
	}
	o := &Output{name: name, f: f, temp: temp, final: final}
	if fi != nil {
		if err := f.Chmod(perm); err != nil {
			o.Discard()
			return nil, rename(err, name)
		}
	}
	return o, nil
}

// rename makes an error speak of the file that the user named.
func rename(err error, name string) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		op := p.Op
		if op == "stat" {
			op = "open"
		}
		return &fs.PathError{Op: op, Path: name, Err: p.Err}
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return &fs.PathError{Op: l.Op, Path: name, Err: l.Err}
	}
	return err
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	n, err := o.f.Write(p)
	if err != nil {
		err = rename(err, o.name)
	}
	return n, err
}

// Commit gives a complete file its name.
func (o *Output) Commit() error {
	if o.temp == "" {
		return nil
	}
	err := o.f.Sync()
	if cerr := o.f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(o.temp, o.final)
	}
	if err != nil {
		os.Remove(o.temp)
		err = rename(err, o.name)
	}
	o.temp = ""
	return err
}

// Discard removes what was written to a file that was not committed. After [Output.Commit]
// it does nothing.
func (o *Output) Discard() {
	if o.temp == "" {
		return
	}
	o.f.Close()
	os.Remove(o.temp)
	o.temp = ""
}
