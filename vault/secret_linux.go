package vault

import "golang.org/x/sys/unix"

func dontDump(page []byte) { _ = unix.Madvise(page, unix.MADV_DONTDUMP) }
