//go:build unix

package doctor

import (
	"io/fs"
	"syscall"
)

// owner is the id of the user that a file belongs to.
func owner(info fs.FileInfo) (uid int, known bool) {
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(stat.Uid), true
}
