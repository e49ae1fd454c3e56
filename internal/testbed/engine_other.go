//go:build !linux

package testbed

import (
	"os"
	"syscall"
)

// dockerd is a program for Linux: elsewhere it is not found, and nothing here is reached.
var terminate = os.Kill

func endsWithParent() *syscall.SysProcAttr { return nil }

func interruptedWithParent() *syscall.SysProcAttr { return nil }

func unmountBelow(string) error { return nil }
