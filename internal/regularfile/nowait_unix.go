//go:build unix

package regularfile

import "syscall"

// noWait opens a pipe without waiting for somebody to write into it.
const noWait = syscall.O_NONBLOCK
