// Package secretstore keeps credentials in the keychain of the operating system.
//
// A value in the keychain is whole in itself: server URL, user name, secret and, for a token that
// docker-pat made, what is known of it. Beside the keychain stands an index, a file without secrets
// that names what is held, because keychains cannot be listed on every system and must not be
// decrypted to be listed.
package secretstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"time"

	"github.com/docker-pat/docker-pat/internal/regularfile"
)

// What can be wrong with a keychain. Each is a fact; the program adds what to do about it.
var (
	// ErrNotFound: the keychain answered, and holds nothing under this key.
	ErrNotFound = errors.New("no credential under this name")
	// ErrLocked: the keychain is there and locked, and was not unlocked when asked to.
	ErrLocked = errors.New("the keychain is locked")
	// ErrUnavailable: there is no keychain to speak to.
	ErrUnavailable = errors.New("no keychain is available")
	// ErrTimeout: the keychain did not answer, or nobody answered its prompt, in the time allowed.
	ErrTimeout = errors.New("the keychain did not answer in time")
	// ErrChanged: the store holds another credential than the one that was to be replaced.
	ErrChanged = errors.New("the stored credential was changed meanwhile")
	// ErrNotText: the credential has bytes that are no UTF-8. The credential helper protocol is JSON and
	// could not hand it out as it is.
	ErrNotText = errors.New("the credential is no text in UTF-8")
	// ErrDamaged: the keychain holds something under this key that docker-pat did not write.
	ErrDamaged = errors.New("the stored credential cannot be read")
)

// A Keychain holds texts under keys. Its errors wrap one of the sentinels above where one fits.
// Delete of what is not there is ErrNotFound. Every call ends when ctx does.
type Keychain interface {
	Get(ctx context.Context, key string) (string, error)
	Set(ctx context.Context, key, value string) error
	Delete(ctx context.Context, key string) error
}

// A Lister is a Keychain that can name the keys it has. It decrypts nothing for that.
type Lister interface {
	Keys(ctx context.Context) ([]string, error)
}

// Options of New.
type Options struct {
	Keychain Keychain
	StateDir string // holds the index and the lock; made when missing
	// Timeout bounds each keychain call and the wait for the lock. Zero means 3 seconds.
	Timeout time.Duration
}

// A Store is safe for use by several goroutines and several processes. Reading takes no lock.
type Store struct {
	keychain Keychain
	index    index
	timeout  time.Duration
}

// New makes no call and touches no file.
func New(opts Options) *Store {
	if opts.Timeout <= 0 {
		opts.Timeout = 3 * time.Second
	}
	return &Store{keychain: opts.Keychain, index: index{dir: opts.StateDir}, timeout: opts.Timeout}
}

// Get returns the credential under key with one keychain read, or ErrNotFound.
func (s *Store) Get(ctx context.Context, key string) (Credential, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, ErrTimeout)
	defer cancel()
	c, err := s.get(ctx, key)
	if errors.Is(err, ErrNotFound) && s.index.has(ctx, key) {
		return s.mend(ctx, key)
	}
	return c, err
}

func (s *Store) get(ctx context.Context, key string) (Credential, error) {
	value, err := within(ctx, func() (string, error) { return s.keychain.Get(ctx, key) })
	if err != nil {
		return Credential{}, fmt.Errorf("read %s: %w", key, err)
	}
	c, err := decode(value)
	if err != nil {
		return Credential{}, fmt.Errorf("read %s: %w", key, err)
	}
	return c, nil
}

// mend takes a name out of the index that the keychain no longer knows, because somebody deleted the
// item there. It asks again under the lock: the item may have been stored meanwhile.
func (s *Store) mend(ctx context.Context, key string) (c Credential, err error) {
	changeErr := s.change(ctx, func(ctx context.Context) error {
		if c, err = s.get(ctx, key); errors.Is(err, ErrNotFound) {
			return s.updateIndex(ctx, func(entries map[string]Entry) { delete(entries, key) })
		}
		return nil
	})
	if err == nil && c.ServerURL == "" {
		err = changeErr // the lock could not be had
	}
	return c, err
}

// Put stores a credential under key, in place of what was there. Either the keychain holds the new
// credential when it returns nil, or the old one is still there.
func (s *Store) Put(ctx context.Context, key string, c Credential) error {
	return s.set(ctx, key, &c, always)
}

// PutPlain is Put for the case that no token of docker-pat is under key. Otherwise it fails with ErrChanged
// and changes nothing. It asks the index alone, and where that cannot be relied on the keychain.
func (s *Store) PutPlain(ctx context.Context, key string, c Credential) error {
	return s.set(ctx, key, &c, func(ctx context.Context, unsure bool) error {
		entries, err := s.index.read(ctx)
		token := entries[key].Token
		if err != nil || unsure {
			held, err := s.get(ctx, key)
			if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrDamaged) {
				return err
			}
			token = held.Token
		}
		if token != nil {
			return ErrChanged
		}
		return nil
	})
}

// Delete forgets the credential under key. One that is not there is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.set(ctx, key, nil, always)
}

// A mayChange says under the lock whether a change may be made. unsure is true where the index may be wrong
// about the key.
type mayChange func(ctx context.Context, unsure bool) error

func always(context.Context, bool) error { return nil }

// Swap is Put, or where to is nil Delete, for the case that the store holds from, or where that is nil
// nothing. Otherwise it fails with ErrChanged and changes nothing.
func (s *Store) Swap(ctx context.Context, key string, from, to *Credential) error {
	return s.set(ctx, key, to, func(ctx context.Context, _ bool) error {
		held, err := s.get(ctx, key)
		there := err == nil
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if there != (from != nil) || there && !held.SignsInLike(*from) {
			return ErrChanged
		}
		return nil
	})
}

// set stores c, or where that is nil deletes what is held, if may says so under the lock.
func (s *Store) set(ctx context.Context, key string, c *Credential, may mayChange) error {
	verb, change, update := "erase", s.keychain.Delete, func(entries map[string]Entry) { delete(entries, key) }
	if c != nil {
		value, err := encode(*c)
		if err != nil {
			return err
		}
		verb = "store"
		change = func(ctx context.Context, key string) error { return s.keychain.Set(ctx, key, value) }
		update = func(entries map[string]Entry) {
			entries[key] = Entry{ServerURL: c.ServerURL, Username: c.Username, Token: c.Token}
		}
	}
	err := s.write(ctx, key, may, func(ctx context.Context) error {
		if err := change(ctx, key); err != nil && (c != nil || !errors.Is(err, ErrNotFound)) {
			return err
		}
		return nil
	}, update)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, key, err)
	}
	return nil
}

// List names what the store holds, by key. It asks the index alone, unless somebody was killed at a change,
// which is looked into, or the index is lost or damaged: then it is made again where the keychain can name
// its keys.
func (s *Store) List(ctx context.Context) (map[string]Entry, error) {
	entries, err := s.Indexed(ctx)
	if err == nil && len(s.index.pending(ctx)) > 0 && s.settlePending(ctx) == nil {
		return s.Indexed(ctx)
	}
	if err == nil {
		return entries, nil
	}
	if errors.Is(err, regularfile.ErrNoAnswer) {
		return nil, err // nor would anything else beside it
	}
	if s.change(ctx, func(ctx context.Context) error { return s.settle(ctx, s.index.pending(ctx), noChange) }) == nil {
		return s.Indexed(ctx)
	}
	if errors.Is(err, os.ErrNotExist) {
		return map[string]Entry{}, nil
	}
	return nil, err
}

// Indexed is List without the keychain: it fails when the index is lost or damaged.
func (s *Store) Indexed(ctx context.Context) (map[string]Entry, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, ErrTimeout)
	defer cancel()
	return s.index.read(ctx)
}

// updateIndex changes the index, under the lock. One that is lost or damaged is made again first, or
// begins empty where the keychain cannot name its keys: a name missing from a list is a smaller harm
// than a store that takes nothing any more.
func (s *Store) updateIndex(ctx context.Context, update func(map[string]Entry)) error {
	entries, readErr := s.index.read(ctx)
	if readErr != nil {
		var err error
		if entries, err = within(ctx, func() (map[string]Entry, error) { return s.rebuild(ctx) }); err != nil {
			return err
		}
	}
	before := maps.Clone(entries)
	update(entries)
	if readErr == nil && reflect.DeepEqual(before, entries) {
		return nil // a login mostly stores what is there
	}
	return s.index.write(ctx, entries)
}

// rebuild reads every item once. One that cannot be read is left out: a list must not fail for it.
func (s *Store) rebuild(ctx context.Context) (map[string]Entry, error) {
	entries := map[string]Entry{}
	lister, ok := s.keychain.(Lister)
	if !ok {
		return entries, nil
	}
	keys, err := lister.Keys(ctx)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		c, err := s.get(ctx, key)
		switch {
		case err == nil:
			entries[key] = Entry{ServerURL: c.ServerURL, Username: c.Username, Token: c.Token}
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		}
	}
	return entries, nil
}

// change runs one writing step under the lock and the deadline.
func (s *Store) change(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, ErrTimeout)
	defer cancel()
	unlock, err := s.index.lock(ctx)
	if err != nil {
		return err
	}
	return errors.Join(step(ctx), unlock())
}

// within bounds a call that may not heed ctx itself: go-keyring and a D-Bus service with an open
// prompt wait for ever. The call that is given up on goes on in its goroutine until the process ends.
func within[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := call()
		done <- result{value, err}
	}()
	var r result
	select {
	case r = <-done:
		if r.err == nil || ctx.Err() == nil {
			return r.value, r.err
		}
	case <-ctx.Done():
	}
	return r.value, context.Cause(ctx) // the deadline is the cause, whatever the call says of it
}
