//go:build linux

package secretstore_test

import (
	"errors"
	"testing"

	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

// onScreen adds a display, as the programs of a desktop have it. KWallet opens its wallet, and
// KeePassXC makes an item, by way of a prompt even when they need not ask.
func onScreen(getenv func(string) string) func(string) string {
	return func(name string) string {
		if name == "DISPLAY" {
			return ":99"
		}
		return getenv(name)
	}
}

// wantRoundTrip stores, replaces, lists and erases, and looks after each.
func wantRoundTrip(t *testing.T, getenv func(string) string) {
	t.Helper()
	ctx := t.Context()
	keychain := secretstore.NewKeychain(service, getenv)
	s := secretstore.New(secretstore.Options{Keychain: keychain, StateDir: t.TempDir(), Timeout: bound})
	if _, err := s.Get(ctx, "a.example"); !errors.Is(err, secretstore.ErrNotFound) {
		t.Fatalf("Get of nothing = %v, want ErrNotFound", err)
	}
	for _, text := range []string{"first", "second", "s3cret\n\"<>&é"} {
		if err := s.Put(ctx, "a.example", credential("a.example", text)); err != nil {
			t.Fatalf("Put %q: %v", text, err)
		}
		if got, err := s.Get(ctx, "a.example"); err != nil || got.Secret.Reveal() != text {
			t.Fatalf("Get = %q, %v; want %q", got.Secret.Reveal(), err, text)
		}
	}
	keys, err := keychain.(secretstore.Lister).Keys(ctx)
	if err != nil || len(keys) != 1 || keys[0] != "a.example" {
		t.Errorf("Keys = %q, %v; want a.example once", keys, err)
	}
	for range 2 {
		if err := s.Delete(ctx, "a.example"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Get(ctx, "a.example"); !errors.Is(err, secretstore.ErrNotFound) {
		t.Errorf("Get after Delete = %v, want ErrNotFound", err)
	}
}

func TestKeePassXC(t *testing.T) {
	t.Parallel()
	wantRoundTrip(t, testbed.KeePassXCFor(t).Getenv)
}

func TestKWallet(t *testing.T) {
	t.Parallel()
	k := testbed.KWalletFor(t)
	wantRoundTrip(t, onScreen(k.Getenv))
	wantRoundTrip(t, k.Getenv) // open now, it has no more prompts
}

func TestKeePassXCLocked(t *testing.T) {
	t.Parallel()
	k := testbed.KeePassXCFor(t)
	stored(t, k.Getenv)
	if err := k.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantAll(t, k.Getenv, secretstore.ErrTimeout) // a search alone shows its dialog, which nobody answers
}

// As the test above, with a KeePassXC that answers a search without its database.
func TestKeePassXCThatAnswersLocked(t *testing.T) {
	t.Parallel()
	k := testbed.KeePassXCFor(t, "UnlockBeforeSearch=false")
	stored(t, k.Getenv)
	if err := k.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantAll(t, k.Getenv, secretstore.ErrLocked)
	wantAll(t, onScreen(k.Getenv), secretstore.ErrTimeout) // nobody answers its dialog
	if err := k.CloseDatabases(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantAll(t, k.Getenv, secretstore.ErrUnavailable)
}

func TestKWalletBeforeItsWallet(t *testing.T) {
	t.Parallel()
	k, err := testbed.StartKWallet(t.Context())
	testbed.Need(t, err)
	t.Cleanup(func() { _ = k.Stop() })
	if err := k.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantAll(t, k.Getenv, secretstore.ErrUnavailable)
}

func TestKWalletLocked(t *testing.T) {
	t.Parallel()
	k := testbed.KWalletFor(t)
	stored(t, onScreen(k.Getenv))
	if err := k.StartLocked(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantAll(t, k.Getenv, secretstore.ErrLocked)
	wantAll(t, onScreen(k.Getenv), secretstore.ErrTimeout) // nobody answers its dialog
}
