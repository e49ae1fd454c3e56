//go:build !unix

package dockerconfig

import (
	"io/fs"
	"os"
)

// keepAccess does nothing: on Windows a new file has the access rights of its folder, and a mode is
// no more than the mark for read-only, with which no file could be replaced.
func keepAccess(*os.File, fs.FileInfo) error { return nil }
