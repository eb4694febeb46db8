//go:build unix

package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openKeyFile opens a regular file that belongs to this user and that nobody else can
// read or replace.
func openKeyFile(path string) (*os.File, error) {
	// Without O_NONBLOCK, opening a pipe would wait.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, errors.New("is a symbolic link; name the file itself")
	}
	if err != nil {
		return nil, err
	}
	if err := checkKeyFile(f, path); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func checkKeyFile(f *os.File, path string) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return errors.New("is not a regular file")
	case st.Mode&0o077 != 0:
		return fmt.Errorf("others may use it (mode %04o); run chmod 600 and consider the key known to them", st.Mode&0o7777)
	case int(st.Uid) != os.Geteuid() && st.Uid != 0:
		return fmt.Errorf("belongs to another user (uid %d)", st.Uid)
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if dir.Mode()&0o002 != 0 && dir.Mode()&fs.ModeSticky == 0 {
		return errors.New("stands in a folder where everybody may replace it")
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	// Some file systems do not sync folders; the file itself is synced already.
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}
