// Package atomicfile replaces a file whole or not at all.
//
// google/renameio does the same but has no Windows form and does not keep owners; this is the part of
// it that we use.
package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Options of Write.
type Options struct {
	// Sync makes the file and its folder reach the disk before Write returns. Leave it out for
	// what can be made again.
	Sync bool
	// Prepare, when set, gets the new file, which has the mode 0600 whatever the umask is, to change its
	// owner and mode.
	Prepare func(temp *os.File) error
	// Ready, when set, is asked at the last moment whether the old file may be replaced.
	Ready func() error
}

// Write puts data into a temporary file in the folder of path and renames it to path: a rename does not
// cross file systems. The folder is made with mode 0700 when it is missing. After an error path is as it
// was and no temporary file is left, but for an error of the last step, flushing the folder to the disk:
// then the new content is in place. A kill leaves the old file or the new one, and at worst a temporary
// file named like path with a dot before it and .docker-pat- and a number behind it.
func Write(path string, data []byte, opts Options) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	temp, err := os.CreateTemp(dir, tempPrefix(path)+"*") // O_EXCL, mode 0600
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	err = errors.Join(fill(temp, data, opts), temp.Close())
	if err == nil && opts.Ready != nil {
		err = opts.Ready()
	}
	if err == nil {
		err = WhenFree(func() error { return os.Rename(temp.Name(), path) })
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, errors.Join(err, os.Remove(temp.Name())))
	}
	if opts.Sync {
		return syncDir(dir)
	}
	return nil
}

func tempPrefix(path string) string { return "." + filepath.Base(path) + ".docker-pat-" }

// Leftovers are the temporary files of a Write to path that was killed. One that is under way has such a
// file, too, and fails when it is removed.
func Leftovers(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for what a kill left behind: %w", err)
	}
	var left []string
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), tempPrefix(path))
		if ok && number != "" && strings.Trim(number, "0123456789") == "" && entry.Type().IsRegular() {
			left = append(left, filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
	return left, nil
}

func fill(temp *os.File, data []byte, opts Options) error {
	if _, err := temp.Write(data); err != nil {
		return err
	}
	if opts.Prepare != nil {
		if err := opts.Prepare(temp); err != nil {
			return err
		}
	}
	if opts.Sync {
		return temp.Sync()
	}
	return nil
}
