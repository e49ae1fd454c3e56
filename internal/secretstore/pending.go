package secretstore

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
	"github.com/docker-pat/docker-pat/internal/regularfile"
)

// Beside the index stands a file with the keys under which the keychain is being changed. A key stays in it
// when the process is killed, or gives up waiting for the keychain, before the index says what is held: the
// next that writes or lists has a look, and corrects the index.

func (x index) pendingPath() string { return filepath.Join(x.dir, "pending.json") }

// pending is nothing where the file is missing or damaged.
func (x index) pending(ctx context.Context) []string {
	data, err := regularfile.Read(ctx, x.pendingPath(), maxIndex)
	var keys []string
	if err != nil || json.Unmarshal(data, &keys) != nil {
		return nil
	}
	return keys
}

func (x index) setPending(ctx context.Context, keys []string) error {
	_, err := within(ctx, func() (struct{}, error) {
		if len(keys) > 0 {
			data, err := json.Marshal(keys)
			return struct{}{}, errors.Join(err, atomicfile.Write(x.pendingPath(), data, atomicfile.Options{}))
		}
		err := atomicfile.WhenFree(func() error { return os.Remove(x.pendingPath()) })
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return struct{}{}, err
	})
	return err
}

// write changes the keychain under key, and then the index, if may says so under the lock.
func (s *Store) write(ctx context.Context, key string, may mayChange, call func(context.Context) error, update func(map[string]Entry)) error {
	return s.change(ctx, func(ctx context.Context) error {
		pending := s.index.pending(ctx)
		if err := may(ctx, slices.Contains(pending, key)); err != nil {
			return err
		}
		others := slices.DeleteFunc(pending, func(other string) bool { return other == key })
		if err := s.index.setPending(ctx, append(slices.Clone(others), key)); err != nil {
			return err
		}
		_, err := within(ctx, func() (struct{}, error) { return struct{}{}, call(ctx) })
		if errors.Is(err, ErrLocked) || errors.Is(err, ErrUnavailable) { // nothing was changed
			return errors.Join(err, s.index.setPending(ctx, others))
		}
		if err != nil {
			return err // it may have been changed all the same
		}
		return s.settle(ctx, others, update)
	})
}

// settle brings the index up to date with what the keychain holds under keys, and with update. What cannot
// be found out now stays pending.
func (s *Store) settle(ctx context.Context, keys []string, update func(map[string]Entry)) error {
	var left []string
	found := map[string]*Entry{} // nil: not held
	for _, key := range keys {
		switch c, err := s.get(ctx, key); {
		case err == nil:
			found[key] = &Entry{ServerURL: c.ServerURL, Username: c.Username, Token: c.Token}
		case errors.Is(err, ErrNotFound):
			found[key] = nil
		case !errors.Is(err, ErrDamaged):
			left = append(left, key)
		}
	}
	err := s.updateIndex(ctx, func(entries map[string]Entry) {
		for key, entry := range found {
			if entry == nil {
				delete(entries, key)
			} else {
				entries[key] = *entry
			}
		}
		update(entries)
	})
	return errors.Join(err, s.index.setPending(ctx, left))
}

// lockPatience is for a reader that would like to correct the index: who has the lock is at work on it.
const lockPatience = 50 * time.Millisecond

// settlePending does so outside a change.
func (s *Store) settlePending(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, ErrTimeout)
	defer cancel()
	brief, stop := context.WithTimeout(ctx, lockPatience)
	defer stop()
	unlock, err := s.index.lock(brief)
	if err != nil {
		return err
	}
	return errors.Join(s.settle(ctx, s.index.pending(ctx), noChange), unlock())
}

func noChange(map[string]Entry) {}
