//go:build unix

package dockerconfig

import (
	"io/fs"
	"os"
	"syscall"
)

// keepAccess gives temp the owner, group and mode of old. Only root can give a file away, so for
// others the owner becomes the one who writes, as with Docker. Where the group cannot be kept its
// rights are not either: they were not meant for another group.
func keepAccess(temp *os.File, old fs.FileInfo) error {
	info, err := temp.Stat()
	if err != nil {
		return err
	}
	mode := old.Mode().Perm()
	want, ok := old.Sys().(*syscall.Stat_t)
	have, okay := info.Sys().(*syscall.Stat_t)
	if ok && okay && (want.Uid != have.Uid || want.Gid != have.Gid) {
		if os.Geteuid() == 0 {
			if err := temp.Chown(int(want.Uid), int(want.Gid)); err != nil {
				return err
			}
		} else if want.Gid != have.Gid && temp.Chown(-1, int(want.Gid)) != nil {
			mode &^= 0o070
		}
	}
	return temp.Chmod(mode) // not subject to the umask
}
