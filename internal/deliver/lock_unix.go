//go:build unix

package deliver

import (
	"os"
	"syscall"
)

// lockFile waits until no other process appends. Where the file system has no locks the
// file belongs to one process.
func lockFile(f *os.File) error {
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err {
		case syscall.EINTR:
		case syscall.ENOLCK, syscall.ENOTSUP, syscall.ENOSYS:
			return nil
		default:
			return err
		}
	}
}

func unlockFile(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
