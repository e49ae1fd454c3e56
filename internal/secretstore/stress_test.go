//go:build linux

package secretstore_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

// Every get is a new connection. gnome-keyring up to 50 aborts at about one first message in a thousand,
// when that is anything but a search whose answer is waited for.
func TestNewConnectionsDoNotEndTheKeyring(t *testing.T) {
	t.Parallel()
	const gets, atOnce = 3000, 8
	k := testbed.KeyringFor(t)
	stored(t, k.Getenv)
	keychain := secretstore.NewKeychain(service, k.Getenv)
	var left atomic.Int64
	left.Store(gets)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := keychain.Get(t.Context(), "a.example"); err != nil {
					t.Errorf("with %d to go: %v", left.Load(), err)
					left.Store(0)
				}
			}
		})
	}
	wg.Wait()
}

// What is erased between the search and the next call is not there, and nothing worse.
func TestReadersWhileOthersErase(t *testing.T) {
	t.Parallel()
	const times = 200
	keychain := secretstore.NewKeychain(service, testbed.KeyringFor(t).Getenv)
	calls := map[string]func() error{
		"Get":    func() error { _, err := keychain.Get(t.Context(), "a.example"); return err },
		"Keys":   func() error { _, err := keychain.(secretstore.Lister).Keys(t.Context()); return err },
		"Set":    func() error { return keychain.Set(t.Context(), "a.example", "s") },
		"Delete": func() error { return keychain.Delete(t.Context(), "a.example") },
	}
	var wg sync.WaitGroup
	for name, call := range calls {
		for range 2 {
			wg.Go(func() {
				for range times {
					if err := call(); err != nil && !errors.Is(err, secretstore.ErrNotFound) {
						t.Errorf("%s: %v", name, err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
}

// Fifty of each at once, on one key and on keys of their own.
func TestFiftyAtOnce(t *testing.T) {
	t.Parallel()
	const many = 50
	ctx := t.Context()
	k := testbed.KeyringFor(t)
	s, _ := boundedStore(t, k.Getenv, bound)
	text := func(i int) string { return fmt.Sprintf("%d:%s", i, strings.Repeat(string(rune('a'+i%26)), 500+i)) }
	var wg sync.WaitGroup
	each := func(call func(i int) error) {
		for i := range many {
			wg.Go(func() {
				if err := call(i); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if err := s.Put(ctx, "one.example", credential("one.example", text(0))); err != nil {
		t.Fatal(err)
	}
	whole := map[string]bool{}
	for i := range many {
		whole[text(i)] = true
	}
	each(func(i int) error { return s.Put(ctx, "one.example", credential("one.example", text(i))) })
	each(func(i int) error {
		key := fmt.Sprintf("r%d.example", i)
		if err := s.Put(ctx, key, credential(key, text(i))); err != nil || i%2 == 0 {
			return err
		}
		return s.Delete(ctx, key)
	})
	each(func(int) error {
		got, err := s.Get(ctx, "one.example")
		if err == nil && !whole[got.Secret.Reveal()] {
			t.Errorf("Get gave parts of secrets: %d bytes", len(got.Secret.Reveal()))
		}
		return err
	})
	each(func(int) error { _, err := s.List(ctx); return err })
	each(func(i int) error { // while that is stored and deleted
		_, err := s.Get(ctx, fmt.Sprintf("r%d.example", i))
		if errors.Is(err, secretstore.ErrNotFound) {
			return nil
		}
		return err
	})
	wg.Wait()

	want := map[string]secretstore.Entry{
		"one.example": {ServerURL: "one.example", Username: "moby"},
	}
	for i := 0; i < many; i += 2 {
		key := fmt.Sprintf("r%d.example", i)
		want[key] = secretstore.Entry{ServerURL: key, Username: "moby"}
		if got, err := s.Get(ctx, key); err != nil || got.Secret.Reveal() != text(i) {
			t.Errorf("Get(%s) = %d bytes, %v", key, len(got.Secret.Reveal()), err)
		}
	}
	if entries, err := s.List(ctx); err != nil || !reflect.DeepEqual(entries, want) {
		t.Errorf("List = %v, %v; want %v", entries, err, want)
	}
	if err := s.Put(ctx, "one.example", credential("one.example", text(7))); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(ctx, "one.example"); err != nil || got.Secret.Reveal() != text(7) {
		t.Errorf("the last store did not win: %d bytes, %v", len(got.Secret.Reveal()), err)
	}
}
