// Package journal remembers what was begun with a token and has not come to its end, so that after a
// crash, a kill or a lost reply the next call can finish or undo it. It holds no secret.
//
// Each operation has a file of its own in the folder journal, which reaches the disk before anything is
// asked of Docker Hub, and beside it a lock that its process holds. An operation whose lock is free is
// dead: nobody works on it any more.
package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
	"github.com/docker-pat/docker-pat/internal/regularfile"
)

// An Entry is what has to be known to end an operation.
type Entry struct {
	// ID is the operation's own. Docker Hub keeps it with the token that it made, as part of the
	// User-Agent.
	ID       string `json:"id"`
	HubURL   string `json:"hub_url"`       // the service
	Username string `json:"username"`      // the account there
	Org      string `json:"org,omitempty"` // the organization whose token it is
	Label    string `json:"label"`         // of the token, for people
	// Makes is true while a token may be made that is not known yet.
	Makes bool `json:"makes,omitempty"`
	// Tokens are ids. Those that the store does not hold at the end are deleted.
	Tokens []string `json:"tokens,omitempty"`
	// Key is the entry of the store that a new token goes to; "" when it goes to the user.
	Key string `json:"key,omitempty"`
	// Borrowed is true when the entry Key lives only as long as the operation.
	Borrowed bool `json:"borrowed,omitempty"`
	// Folder is removed at the end.
	Folder string `json:"folder,omitempty"`
	// HandedOut is true when the new token may have been given to the user, whose it is then.
	HandedOut bool `json:"handed_out,omitempty"`
	// NotBefore is when Tokens may be deleted; zero: at once.
	NotBefore time.Time `json:"not_before,omitzero"`
	StartedAt time.Time `json:"started_at"`
	// Writing is when a change of the store began that is not known to have ended; zero: none is under way.
	Writing time.Time `json:"writing,omitzero"`
}

// A Journal is a folder of entries. Its zero value cannot be used.
type Journal struct{ stateDir string }

// NewID returns the id of a new operation.
func NewID() string { return uuid.NewString() }

// In returns the journal of a state folder. It touches no file.
func In(stateDir string) Journal { return Journal{stateDir} }

func (j Journal) dir() string                { return filepath.Join(j.stateDir, "journal") }
func (j Journal) entryPath(id string) string { return filepath.Join(j.dir(), id+entrySuffix) }

const (
	entrySuffix = ".json"
	lockSuffix  = ".lock"
)

// An Operation is an entry whose lock this process holds. It is for one goroutine.
type Operation struct {
	Entry   Entry
	journal Journal
	lock    *flock.Flock
}

// Begin writes an entry, which reaches the disk before Begin returns. The caller ends it with Done or Leave.
func (j Journal) Begin(e Entry) (*Operation, error) {
	if err := os.MkdirAll(j.dir(), 0o700); err != nil {
		return nil, fmt.Errorf("make the journal: %w", err)
	}
	op := &Operation{Entry: e, journal: j, lock: j.lockOf(e.ID)}
	held, err := op.lock.TryLock() // before there is an entry, or another process would take it for dead
	if err == nil && !held {
		err = errors.New("another operation has this id")
	}
	if err != nil {
		return nil, fmt.Errorf("begin an operation in the journal: %w", err)
	}
	if err := op.write(); err != nil {
		return nil, errors.Join(err, op.release())
	}
	return op, nil
}

// Update changes the entry, which reaches the disk before Update returns.
func (op *Operation) Update(change func(*Entry)) error {
	change(&op.Entry)
	return op.write()
}

// Done removes the entry: the operation has come to its end.
func (op *Operation) Done() error {
	if err := os.Remove(op.journal.entryPath(op.Entry.ID)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("end an operation in the journal: %w", err), op.Leave())
	}
	return op.release()
}

// Leave lets go of the entry: a later call ends the operation.
func (op *Operation) Leave() error { return op.lock.Unlock() }

func (op *Operation) write() error {
	data, err := json.Marshal(op.Entry)
	if err != nil {
		return fmt.Errorf("write to the journal: %w", err)
	}
	if err := atomicfile.Write(op.journal.entryPath(op.Entry.ID), append(data, '\n'), atomicfile.Options{Sync: true}); err != nil {
		return fmt.Errorf("write to the journal: %w", err)
	}
	return nil
}

// release removes the lock before it lets go of it. Somebody who waits for it then has one without an
// entry, which is nothing to do.
func (op *Operation) release() error {
	err := os.Remove(op.lock.Path())
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	unlockErr := op.lock.Unlock()
	if err != nil && unlockErr == nil {
		err = os.Remove(op.lock.Path()) // Windows removes no open file
	}
	return errors.Join(err, unlockErr)
}

func (j Journal) lockOf(id string) *flock.Flock {
	return flock.New(filepath.Join(j.dir(), id+lockSuffix), flock.SetPermissions(0o600))
}

// Any tells whether there is an entry, dead or alive, without reading one.
func (j Journal) Any() bool { return len(j.ids()) > 0 }

func (j Journal) ids() []string {
	files, err := os.ReadDir(j.dir())
	if err != nil {
		return nil
	}
	var ids []string
	for _, file := range files {
		if id, ok := strings.CutSuffix(file.Name(), entrySuffix); ok && !strings.HasPrefix(id, ".") {
			ids = append(ids, id)
		}
	}
	return ids
}

// Dead takes over the operations that nobody works on any more, one after the other, and gives each to
// end, which ends it with Done or Leave. An entry that cannot be read stays where it is, and its error is
// returned at the end with those of end.
func (j Journal) Dead(end func(*Operation) error) error {
	var errs []error
	j.sweep()
	for _, id := range j.ids() {
		op := &Operation{journal: j, lock: j.lockOf(id)}
		held, err := op.lock.TryLock()
		if err != nil {
			errs = append(errs, fmt.Errorf("take over an operation in the journal: %w", err))
			continue
		}
		if !held {
			continue
		}
		op.Entry, err = j.read(id)
		switch {
		case errors.Is(err, os.ErrNotExist):
			err = op.release() // it was ended meanwhile
		case err != nil:
			err = errors.Join(err, op.Leave())
		default:
			err = end(op)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// sweep removes what kills have left beside the entries: temporary files, and locks without an entry.
func (j Journal) sweep() {
	files, _ := os.ReadDir(j.dir())
	for _, file := range files {
		id, isLock := strings.CutSuffix(file.Name(), lockSuffix)
		if !isLock && !strings.HasPrefix(file.Name(), ".") {
			continue
		}
		if _, err := os.Stat(j.entryPath(id)); isLock && err == nil {
			continue
		}
		if info, err := file.Info(); err == nil && time.Since(info.ModTime()) > leftoverAge {
			_ = os.Remove(filepath.Join(j.dir(), file.Name())) // in the way of nobody if it stays
		}
	}
}

// leftoverAge is more than it takes to write an entry.
const leftoverAge = time.Hour

// Entries are those that can be read, dead or alive.
func (j Journal) Entries() []Entry {
	var entries []Entry
	for _, id := range j.ids() {
		if e, err := j.read(id); err == nil {
			entries = append(entries, e)
		}
	}
	return entries
}

const maxEntry = 1 << 20 // bytes

func (j Journal) read(id string) (Entry, error) {
	data, err := regularfile.Read(context.Background(), j.entryPath(id), maxEntry)
	if err != nil {
		return Entry{}, fmt.Errorf("read the journal: %w", err)
	}
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil || e.ID != id {
		return Entry{}, fmt.Errorf("read the journal: %s is not an entry", j.entryPath(id))
	}
	return e, nil
}

// ErrBusy says that another process makes or retires a token just now.
var ErrBusy = errors.New("another docker-pat makes or retires a token just now")

// Lock keeps other processes from making or retiring the tokens that the store holds, until the returned
// function is called. It waits as long as ctx lasts, and then fails with ErrBusy.
func (j Journal) Lock(ctx context.Context) (unlock func() error, err error) {
	return j.take(func(lock *flock.Flock) (bool, error) { return lock.TryLockContext(ctx, lockPoll) })
}

// TryLock is Lock without the waiting.
func (j Journal) TryLock() (unlock func() error, err error) { return j.take((*flock.Flock).TryLock) }

const lockPoll = 20 * time.Millisecond

func (j Journal) take(try func(*flock.Flock) (bool, error)) (func() error, error) {
	if err := os.MkdirAll(j.stateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	lock := flock.New(filepath.Join(j.stateDir, "tokens.lock"), flock.SetPermissions(0o600))
	switch held, err := try(lock); {
	case errors.Is(err, context.Canceled):
		return nil, err
	case errors.Is(err, context.DeadlineExceeded), err == nil && !held:
		return nil, fmt.Errorf("%w (lock %s)", ErrBusy, lock.Path())
	case err != nil:
		return nil, fmt.Errorf("take the lock %s: %w", lock.Path(), err)
	}
	return lock.Unlock, nil
}
