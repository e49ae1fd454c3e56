package secretstore

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
)

// index is the file that names what the keychain holds. It has no secret and can be made again, so
// it is replaced atomically but not synced to the disk on every change.
type index struct{ dir string }

type indexFile struct {
	Version int              `json:"version"`
	Entries map[string]Entry `json:"entries"`
}

func (x index) path() string { return filepath.Join(x.dir, "index.json") }

// read fails with os.ErrNotExist where there is no index.
func (x index) read() (map[string]Entry, error) {
	data, err := os.ReadFile(x.path())
	if err != nil {
		return nil, fmt.Errorf("read the index of stored credentials: %w", err)
	}
	var file indexFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read the index of stored credentials %s: %w", x.path(), err)
	}
	if file.Entries == nil {
		file.Entries = map[string]Entry{}
	}
	return file.Entries, nil
}

func (x index) has(key string) bool {
	entries, err := x.read()
	_, ok := entries[key]
	return ok && err == nil
}

func (x index) write(entries map[string]Entry) error {
	data, err := json.Marshal(indexFile{Version: 1, Entries: entries})
	if err != nil {
		return fmt.Errorf("write the index of stored credentials: %w", err)
	}
	return atomicfile.Write(x.path(), data, atomicfile.Options{})
}

// lock keeps other processes from writing until the returned function is called. It waits as long
// as ctx lasts.
func (x index) lock(ctx context.Context) (unlock func() error, err error) {
	if err := os.MkdirAll(x.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	lock := flock.New(filepath.Join(x.dir, "lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("wait for another docker-pat to finish (lock %s): %w", lock.Path(), context.Cause(ctx))
		}
		return nil, fmt.Errorf("take the lock %s: %w", lock.Path(), err)
	}
	return lock.Unlock, nil
}
