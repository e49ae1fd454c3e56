package secretstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
	"github.com/docker-pat/docker-pat/internal/regularfile"
)

// index is the file that names what the keychain holds. It has no secret and can be made again, so
// it is replaced atomically but not synced to the disk on every change. Every call ends when ctx does.
type index struct{ dir string }

type indexFile struct {
	Version int              `json:"version"`
	Entries map[string]Entry `json:"entries"`
}

func (x index) path() string { return filepath.Join(x.dir, "index.json") }

// maxIndex bounds the file, in bytes: 500 entries take a tenth of a megabyte.
const maxIndex = 16 << 20

// read fails with os.ErrNotExist where there is no index.
func (x index) read(ctx context.Context) (map[string]Entry, error) {
	data, err := regularfile.Read(ctx, x.path(), maxIndex)
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

func (x index) has(ctx context.Context, key string) bool {
	entries, err := x.read(ctx)
	_, ok := entries[key]
	return ok && err == nil
}

func (x index) write(ctx context.Context, entries map[string]Entry) error {
	data, err := json.Marshal(indexFile{Version: 1, Entries: entries})
	if err != nil {
		return fmt.Errorf("write the index of stored credentials: %w", err)
	}
	_, err = within(ctx, func() (struct{}, error) {
		left, err := atomicfile.Leftovers(x.path()) // of a kill: nobody else is writing under the lock
		for _, path := range left {
			err = errors.Join(err, os.Remove(path))
		}
		return struct{}{}, errors.Join(err, atomicfile.Write(x.path(), data, atomicfile.Options{}))
	})
	return err
}

// lock keeps other processes from writing until the returned function is called. It waits as long
// as ctx lasts.
func (x index) lock(ctx context.Context) (unlock func() error, err error) {
	type result struct {
		unlock func() error
		err    error
	}
	done := make(chan result) // not buffered: what nobody takes is given back
	go func() {
		unlock, err := x.take(ctx)
		select {
		case done <- result{unlock, err}:
		case <-ctx.Done():
			if err == nil {
				_ = unlock() // ctx has the reason
			}
		}
	}()
	select {
	case r := <-done:
		return r.unlock, r.err
	case <-ctx.Done():
		return nil, x.noLock(ctx)
	}
}

func (x index) lockPath() string { return filepath.Join(x.dir, "lock") }

func (x index) noLock(ctx context.Context) error {
	return fmt.Errorf("wait for another docker-pat to finish (lock %s): %w", x.lockPath(), context.Cause(ctx))
}

// take may wait for the file system besides, whatever ctx says.
func (x index) take(ctx context.Context) (unlock func() error, err error) {
	if err := os.MkdirAll(x.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	lock := flock.New(x.lockPath(), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		if ctx.Err() != nil {
			return nil, x.noLock(ctx)
		}
		return nil, fmt.Errorf("take the lock %s: %w", lock.Path(), err)
	}
	return lock.Unlock, nil
}
