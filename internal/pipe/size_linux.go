package pipe

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is what an unprivileged program may make a pipe hold, in bytes, unless the
// administrator says otherwise (/proc/sys/fs/pipe-max-size).
const pipeSize = 1 << 20

// enlarge makes a pipe hold more than the 64 KiB that it holds by itself, so that the
// programs at its ends wait for each other less often: F_SETPIPE_SZ of fcntl(2). It does
// nothing for other files, and where it is refused.
func enlarge(f *os.File) {
	fi, err := f.Stat()
	if err != nil || fi.Mode()&os.ModeNamedPipe == 0 {
		return
	}
	c, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) {
		if n, err := unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0); err == nil && n < pipeSize {
			_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize)
		}
	})
}
