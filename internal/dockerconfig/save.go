package dockerconfig

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

var (
	// ErrChangedMeanwhile says that the file is not as Load saw it: somebody else wrote, made or
	// deleted it. Load again and repeat the changes.
	ErrChangedMeanwhile = errors.New("changed by another program meanwhile")
	// ErrTooManyLinks says that the path is a loop of symbolic links, or as good as one.
	ErrTooManyLinks = errors.New("too many symbolic links")
)

const (
	maxLinks = 40 // the limit of Linux for one path

	// tempPattern names the new file before it takes the place of the old. One is left behind only
	// by a kill or a power cut; it has the mode 0600 and may be deleted.
	tempPattern = ".config.json.docker-pat-*"
)

// Save writes the changes, if there are any. Whatever happens, the file has either its old content
// or the new one, whole. It fails with ErrChangedMeanwhile rather than undo the work of another.
//
// A missing folder is made with the mode 0700 and a missing file with 0600, whatever the umask; an
// existing file keeps its mode and, as far as the system lets us, its owner and group. A link stays
// and what it leads to is replaced.
//
// After an error from the last step, flushing the folder to the disk, the new content is in place.
func (f *File) Save() error {
	if !f.Changed() {
		return nil
	}
	if err := f.save(); err != nil {
		return fmt.Errorf("write Docker's configuration: %w", err)
	}
	return nil
}

func (f *File) save() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	target, err := resolve(f.path)
	if err != nil {
		return err
	}
	if err := replace(target, f.text, f.unchanged); err != nil {
		return err
	}
	f.exists, f.disk, f.before, f.meant = true, f.text, f.text, f.means
	return syncDir(filepath.Dir(target))
}

// unchanged fails unless the file is as it was last read or written.
func (f *File) unchanged() error {
	disk, err := read(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if f.exists != (err == nil) || !bytes.Equal(disk, f.disk) {
		return fmt.Errorf("%s: %w", f.path, ErrChangedMeanwhile)
	}
	return nil
}

// resolve follows the links at path to the file, so that a link whose target is missing leads to
// where the target would be; the folder of the target must be there. A relative link starts at the
// folder that holds the link, and not at the current one.
func resolve(path string) (string, error) {
	for range maxLinks {
		// Folders are resolved by the system's rules and before names are joined: filepath.Clean
		// shortens a/.. to nothing, which is another place when a is a link.
		dir, base := filepath.Split(path)
		dir, err := filepath.EvalSymlinks(cmp.Or(dir, "."))
		if err != nil {
			return "", err
		}
		path = filepath.Join(dir, base)
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path, nil
		case err != nil:
			return "", err
		case info.Mode()&fs.ModeSymlink == 0:
			return path, nil
		}
		link, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(link) {
			link = dir + string(filepath.Separator) + link
		}
		path = link
	}
	return "", fmt.Errorf("%s: %w", path, ErrTooManyLinks)
}

// replace puts text in place of the file at path in one step, if ready agrees at the last moment.
//
// The new file lies beside the one that it replaces, for a rename does not cross file systems.
// google/renameio is not used: it has no Windows, and does not keep owners.
func replace(path string, text []byte, ready func() error) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), tempPattern) // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = temp.Close() // fails where it is the second, which loses nothing
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	if _, err = temp.Write(text); err != nil {
		return err
	}
	old, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		if err = keepAccess(temp, old); err != nil {
			return err
		}
	}
	if err = temp.Sync(); err != nil {
		return err
	}
	if err = temp.Close(); err != nil {
		return err
	}
	if err = ready(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
