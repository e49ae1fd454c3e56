// Package dockerconfig reads and changes Docker's config.json without losing a byte that is not
// ours. Docker itself writes the file from a Go struct, so that unknown keys, the order and the
// indentation are gone after its next save; here only the members that are set or removed differ.
//
// What a file means is asked of encoding/json, with the fields spelled as in Docker's struct, for
// that is the decoder that Docker uses: names match in any letter case, the last of several equal
// names holds, and objects under one name are merged. What a file looks like is kept in a syntax
// tree. A test holds the two together.
//
// Nothing here locks: Docker takes no lock either. Callers that write from several processes of
// their own need one around Load and Save.
package dockerconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"

	"github.com/tailscale/hujson"

	"github.com/docker-pat/docker-pat/internal/regularfile"
)

// ErrNotRegular says that the path leads to something other than a file, such as a folder, a
// device or a pipe. To read one could wait for ever; to replace one would break it.
var ErrNotRegular = regularfile.ErrNotRegular

// maxSize bounds the file, in bytes.
const maxSize = 16 << 20

// A File is one config.json and the changes made to it since Load. It is not safe for use by
// several goroutines.
type File struct {
	path   string
	exists bool
	disk   []byte // the bytes of the file when it was last read or written; nil without a file

	before   []byte // the text that edits started from: disk, or {} where disk is blank
	meant    document
	text     []byte // the text as edited
	means    document
	root     hujson.Value // the syntax tree of text
	rootBody *hujson.Object
}

// Path is the file in dir, the folder that DOCKER_CONFIG names or ~/.docker.
func Path(dir string) string { return filepath.Join(dir, "config.json") }

// Load reads the file at path. Where there is none, and where it is blank, it is as good as {}:
// so Docker reads it. It fails with *MalformedError for anything that is not one JSON object with
// the right types in the members used here, and with ErrNotRegular; the file is never changed.
// Comments and trailing commas are refused, for Docker refuses them, and so is what follows the
// object, which Docker ignores and drops at its next save.
func Load(path string) (*File, error) {
	disk, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read Docker's configuration: %w", err)
	}
	f := &File{path: path, exists: err == nil, disk: disk}
	text := disk
	if len(bytes.Trim(disk, " \t\r\n")) == 0 {
		text = append([]byte("{}"), disk...)
	}
	if err := f.parse(text); err != nil {
		return nil, fmt.Errorf("read Docker's configuration: %w", err)
	}
	f.before, f.meant = f.text, f.means
	return f, nil
}

// read returns the content of a regular file, soon or not at all.
func read(path string) ([]byte, error) { return regularfile.Read(context.Background(), path, maxSize) }

// Path is where the file was loaded from, before links are followed.
func (f *File) Path() string { return f.path }

// Exists reports whether there was a file when it was last loaded or saved.
func (f *File) Exists() bool { return f.exists }

// CredsStore is the suffix of the helper for all registries, or empty.
func (f *File) CredsStore() string { return f.means.CredsStore }

// CredHelpers is a copy of the helper suffix of each registry, keyed as in the file. An empty
// suffix means that Docker keeps the credentials of that registry in the file itself.
func (f *File) CredHelpers() map[string]string { return maps.Clone(f.means.CredHelpers) }

// Changed reports whether Save would write.
func (f *File) Changed() bool { return !bytes.Equal(f.text, f.before) }

// Format prints the path for every verb: the text may hold credentials.
func (f *File) Format(s fmt.State, _ rune) { _, _ = fmt.Fprintf(s, "config file %q", f.path) }
