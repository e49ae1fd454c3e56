// Package atomicfile replaces a file whole or not at all.
//
// google/renameio does the same but has no Windows form; this is the part of it that we use.
package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Options of Write.
type Options struct {
	// Mode of the new file, set whatever the umask is. Zero means 0600.
	Mode os.FileMode
	// Sync makes the file and its folder reach the disk before Write returns. Leave it out for
	// what can be made again.
	Sync bool
	// Prepare, when set, is called with the path of the finished temporary file before the rename,
	// for what has to be copied from the old file, such as its owner.
	Prepare func(tempPath string) error
}

// Write puts data into a temporary file in the folder of path and renames it to path. The folder is
// made with mode 0700 when it is missing. After an error path is as it was and no temporary file is
// left. A kill leaves the old file or the new one, and at worst a temporary file whose name is that
// of path with a dot before it and a random end.
func Write(path string, data []byte, opts Options) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	temp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // O_EXCL, mode 0600
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	err = errors.Join(fill(temp, data, opts), temp.Close())
	if err == nil && opts.Prepare != nil {
		err = opts.Prepare(temp.Name())
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, errors.Join(err, os.Remove(temp.Name())))
	}
	if opts.Sync {
		return syncDir(dir)
	}
	return nil
}

func fill(temp *os.File, data []byte, opts Options) error {
	if _, err := temp.Write(data); err != nil {
		return err
	}
	if opts.Mode != 0 && runtime.GOOS != "windows" {
		if err := temp.Chmod(opts.Mode); err != nil {
			return err
		}
	}
	if opts.Sync {
		return temp.Sync()
	}
	return nil
}

// syncDir makes a rename last through a power cut. Windows has no such call for folders.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
