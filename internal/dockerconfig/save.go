package dockerconfig

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
)

var (
	// ErrChangedMeanwhile says that the file is not as Load saw it: somebody else wrote, made or
	// deleted it. Load again and repeat the changes.
	ErrChangedMeanwhile = errors.New("changed by another program meanwhile")
	// ErrTooManyLinks says that the path is a loop of symbolic links, or as good as one.
	ErrTooManyLinks = errors.New("too many symbolic links")
)

const maxLinks = 40 // the limit of Linux for one path

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
		return fmt.Errorf("change Docker's configuration: %w", err)
	}
	return nil
}

// CopyTo writes a copy, with the changes, to another path, with the mode 0600. What stood there is
// replaced, and the file itself stays as it is.
func (f *File) CopyTo(path string) error {
	if err := atomicfile.Write(path, f.text, atomicfile.Options{}); err != nil {
		return fmt.Errorf("copy Docker's configuration: %w", err)
	}
	return nil
}

func (f *File) save() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil { // before links are followed from there
		return err
	}
	target, err := resolve(f.path)
	if err != nil {
		return err
	}
	old, err := os.Stat(target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	opts := atomicfile.Options{Sync: true, Ready: f.unchanged}
	if err == nil {
		opts.Prepare = func(temp *os.File) error { return keepAccess(temp, old) }
	}
	if err := atomicfile.Write(target, f.text, opts); err != nil {
		return err
	}
	f.exists, f.disk, f.before, f.meant = true, f.text, f.text, f.means
	return nil
}

// Leftovers are the temporary files of a Save that was killed, beside the file itself. They may hold
// credentials in clear.
func (f *File) Leftovers() ([]string, error) {
	target, err := resolve(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return atomicfile.Leftovers(target)
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
