//go:build unix

package vault

import "golang.org/x/sys/unix"

// lockedPage returns zeroed memory of at least n bytes outside the heap, locked where the
// system allows, or nil when it does not give any.
func lockedPage(n int) []byte {
	if n == 0 {
		return nil
	}
	size := (n + unix.Getpagesize() - 1) &^ (unix.Getpagesize() - 1)
	page, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil
	}
	// Best effort: RLIMIT_MEMLOCK is often small in containers.
	_ = unix.Mlock(page)
	dontDump(page)
	return page
}

func freePage(page []byte) { _ = unix.Munmap(page) }
