package secretstore

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// late is a keychain that does what it is asked and does not say so while it is late, as one whose prompt is
// answered after the deadline. To the index that is what a kill in between is.
type late struct {
	mu     sync.Mutex // a call that was given up on goes on
	small  small
	late   bool
	broken error // of every call
	reads  int
	done   func() // after a change that is late
}

func (l *late) Get(ctx context.Context, key string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	if l.broken != nil {
		return "", l.broken
	}
	return l.small.Get(ctx, key)
}

func (l *late) Set(ctx context.Context, key, value string) error {
	return l.change(ctx, func() error { return l.small.Set(ctx, key, value) })
}

func (l *late) Delete(ctx context.Context, key string) error {
	return l.change(ctx, func() error { return l.small.Delete(ctx, key) })
}

func (l *late) change(ctx context.Context, do func() error) error {
	l.mu.Lock()
	late, done, err := l.late, l.done, l.broken
	if err == nil {
		err = do()
	}
	l.mu.Unlock()
	if late {
		done()
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (l *late) set(late bool, broken error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late, l.broken = late, broken
}

func (l *late) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reads
}

func newLate(t *testing.T) (*late, *Store) {
	t.Helper()
	keychain := &late{small: small{items: map[string]string{}}}
	return keychain, New(Options{Keychain: keychain, StateDir: t.TempDir(), Timeout: 10 * time.Second})
}

func one(name string) Credential {
	return Credential{ServerURL: name, Username: "moby", Secret: secret.New("made-up"), Token: &Token{ID: "1", Label: name}}
}

func wantNames(t *testing.T, what string, s *Store, want ...string) {
	t.Helper()
	entries, err := s.List(t.Context())
	if got := slices.Sorted(maps.Keys(entries)); err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: List = %q, %v; want %q", what, got, err, want)
	}
	for _, name := range want {
		if entries[name].Token == nil || entries[name].Token.Label != name {
			t.Errorf("%s: the entry of %s is %+v", what, name, entries[name])
		}
	}
}

// interrupted runs a call that does its work in the keychain and ends before the index says so.
func interrupted(t *testing.T, keychain *late, call func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	keychain.done = func() { cancel(ErrTimeout) }
	keychain.set(true, nil)
	if err := call(ctx); !errors.Is(err, ErrTimeout) {
		t.Fatalf("interrupted: %v", err)
	}
	keychain.set(false, nil)
}

// TestIndexAfterAnInterruption says what the keychain holds, whoever comes next.
func TestIndexAfterAnInterruption(t *testing.T) {
	t.Parallel()
	keychain, s := newLate(t)
	put := func(name string) func(context.Context) error {
		return func(ctx context.Context) error { return s.Put(ctx, name, one(name)) }
	}
	interrupted(t, keychain, put("a"))
	wantNames(t, "a Put", s, "a")
	interrupted(t, keychain, func(ctx context.Context) error { return s.Delete(ctx, "a") })
	wantNames(t, "a Delete", s)
	interrupted(t, keychain, put("a"))
	interrupted(t, keychain, put("b"))
	interrupted(t, keychain, func(ctx context.Context) error { return s.Delete(ctx, "a") })
	if err := s.Put(t.Context(), "c", one("c")); err != nil {
		t.Fatal(err)
	}
	if entries, err := s.Indexed(t.Context()); err != nil || len(entries) != 2 {
		t.Errorf("the next Put leaves the index at %v, %v", entries, err)
	}
	wantNames(t, "several", s, "b", "c")
	before := keychain.count()
	wantNames(t, "settled", s, "b", "c")
	if _, err := os.Stat(s.index.pendingPath()); !errors.Is(err, os.ErrNotExist) || keychain.count() != before {
		t.Errorf("it is looked into again: %v, %d reads", err, keychain.count()-before)
	}
}

// TestPendingWhileTheKeychainIsLocked stays, and a list does not fail for it.
func TestPendingWhileTheKeychainIsLocked(t *testing.T) {
	t.Parallel()
	keychain, s := newLate(t)
	interrupted(t, keychain, func(ctx context.Context) error { return s.Put(ctx, "a", one("a")) })
	if err := s.index.write(t.Context(), map[string]Entry{}); err != nil {
		t.Fatal(err)
	}
	for _, broken := range []error{ErrLocked, ErrUnavailable, ErrTimeout} {
		keychain.set(false, broken)
		wantNames(t, broken.Error(), s)
		if err := s.Put(t.Context(), "b", one("b")); !errors.Is(err, broken) {
			t.Errorf("Put = %v", err)
		}
	}
	keychain.set(false, nil)
	wantNames(t, "unlocked", s, "a")
}

// TestPendingWhileSomebodyWrites is that other's affair: a list does not wait.
func TestPendingWhileSomebodyWrites(t *testing.T) {
	t.Parallel()
	keychain, s := newLate(t)
	if err := s.Put(t.Context(), "a", one("a")); err != nil {
		t.Fatal(err)
	}
	unlock, err := s.index.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.index.setPending(t.Context(), []string{"b"}); err != nil {
		t.Fatal(err)
	}
	before := keychain.count()
	wantNames(t, "under way", s, "a")
	if keychain.count() != before {
		t.Error("the keychain was asked")
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{"", "{", `{"a":1}`} {
		if err := os.WriteFile(s.index.pendingPath(), []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		wantNames(t, damaged, s, "a")
		if err := s.Put(t.Context(), "a", one("a")); err != nil {
			t.Errorf("%q: %v", damaged, err)
		}
	}
}
