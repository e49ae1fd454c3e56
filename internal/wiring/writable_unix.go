//go:build unix

package wiring

import (
	"os"

	"golang.org/x/sys/unix"
)

// writable tells whether dir is a folder that takes new files from us. The system knows: modes alone
// say nothing of root, of lists of rights and of file systems that are read-only.
func writable(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir() && unix.Access(dir, unix.W_OK|unix.X_OK) == nil
}
