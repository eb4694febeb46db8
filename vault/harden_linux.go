package vault

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// HardenProcess keeps what this process holds from core dumps and from debuggers of the
// same user: no dumps are written, and /proc/PID/mem is closed. A program that holds keys
// calls it first. It cannot keep out root.
func HardenProcess() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("no core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("no dumps: %w", err)
	}
	return nil
}
