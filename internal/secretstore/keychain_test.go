//go:build linux

package secretstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

const service = "docker-pat"

func newStore(t *testing.T, k *testbed.Keyring) *secretstore.Store {
	t.Helper()
	return secretstore.New(secretstore.Options{
		Keychain: secretstore.NewKeychain(service, k.Getenv),
		StateDir: filepath.Join(t.TempDir(), "state"),
	})
}

func credential(serverURL, text string) secretstore.Credential {
	return secretstore.Credential{ServerURL: serverURL, Username: "moby", Secret: secret.New(text)}
}

func TestStoreOnGnomeKeyring(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newStore(t, testbed.KeyringFor(t))

	if _, err := s.Get(ctx, "a.example"); !errors.Is(err, secretstore.ErrNotFound) {
		t.Fatalf("Get of nothing = %v, want ErrNotFound", err)
	}
	made := credential("https://a.example", "s3cret\n\x01\"<>&é")
	made.Token = &secretstore.Token{ID: "id", Label: "laptop", Scopes: []string{"repo:read"}, ExpiresAt: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)}
	for _, want := range []secretstore.Credential{credential("https://a.example", "first"), made} { // the second overwrites
		if err := s.Put(ctx, "a.example", want); err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(ctx, "a.example")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("Get = %+v, %v; want %+v", got, err, want)
		}
	}
	entries, err := s.List(ctx)
	want := map[string]secretstore.Entry{"a.example": {ServerURL: "https://a.example", Username: "moby", Token: made.Token}}
	if err != nil || !reflect.DeepEqual(entries, want) {
		t.Errorf("List = %+v, %v; want %+v", entries, err, want)
	}
	for range 2 { // twice: what is not there is no error
		if err := s.Delete(ctx, "a.example"); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := s.List(ctx); err != nil || len(entries) != 0 {
		t.Errorf("List = %v, %v; want nothing", entries, err)
	}
	if _, err := s.Get(ctx, "a.example"); !errors.Is(err, secretstore.ErrNotFound) {
		t.Errorf("Get after Delete = %v, want ErrNotFound", err)
	}
}

func TestLargeSecretIsKeptByteForByte(t *testing.T) {
	t.Parallel()
	s := newStore(t, testbed.KeyringFor(t))
	want := strings.Repeat("0123456789abcdef", 4096) // 64 KiB
	if err := s.Put(t.Context(), "big.example", credential("big.example", want)); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(t.Context(), "big.example")
	if err != nil || got.Secret.Reveal() != want {
		t.Errorf("Get = %d bytes, %v; want %d", len(got.Secret.Reveal()), err, len(want))
	}
}

func TestConcurrentWritersKeepTheIndexRight(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newStore(t, testbed.KeyringFor(t))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			key := fmt.Sprintf("r%d.example", i)
			if err := s.Put(ctx, key, credential(key, key)); err != nil {
				t.Error(err)
			}
			if i%2 == 1 {
				if err := s.Delete(ctx, key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	entries, err := s.List(ctx)
	if err != nil || len(entries) != 10 {
		t.Errorf("List has %d entries, %v; want 10", len(entries), err)
	}
	for key := range entries {
		if got, err := s.Get(ctx, key); err != nil || got.Secret.Reveal() != key {
			t.Errorf("Get(%s) = %v", key, err)
		}
	}
}

func TestLockedKeyringIsNeverNotFound(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k := testbed.KeyringFor(t)
	s := newStore(t, k)
	if err := s.Put(ctx, "a.example", credential("a.example", "s")); err != nil {
		t.Fatal(err)
	}
	if err := k.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	_, errHeld := s.Get(ctx, "a.example")
	_, errOther := s.Get(ctx, "other.example")
	for what, err := range map[string]error{
		"Get of a held name":      errHeld,
		"Get of an unknown name":  errOther,
		"Put":                     s.Put(ctx, "b.example", credential("b.example", "s")),
		"Delete of a held name":   s.Delete(ctx, "a.example"),
		"Put over what is stored": s.Put(ctx, "a.example", credential("a.example", "new")),
	} {
		if !errors.Is(err, secretstore.ErrLocked) || errors.Is(err, secretstore.ErrNotFound) {
			t.Errorf("%s on a locked keyring = %v, want ErrLocked", what, err)
		}
	}
	if entries, err := s.List(ctx); err != nil || len(entries) != 1 {
		t.Errorf("List = %v, %v; want what was there before", entries, err)
	}
}

func TestKeychainThatIsNotThere(t *testing.T) {
	t.Parallel()
	bus, err := testbed.StartBus(t.Context())
	testbed.Need(t, err)
	t.Cleanup(func() { _ = bus.Stop() })
	dead := filepath.Join(t.TempDir(), "dead")
	for name, getenv := range map[string]func(string) string{
		"no bus":                func(string) string { return "" },
		"dead socket":           env("DBUS_SESSION_BUS_ADDRESS", "unix:path="+dead),
		"garbage address":       env("DBUS_SESSION_BUS_ADDRESS", "nonsense"),
		"autolaunch is refused": env("DBUS_SESSION_BUS_ADDRESS", "autolaunch:"),
		"bus without service":   bus.Getenv,
	} {
		s := secretstore.New(secretstore.Options{Keychain: secretstore.NewKeychain(service, getenv), StateDir: t.TempDir()})
		if _, err := s.Get(t.Context(), "a"); !errors.Is(err, secretstore.ErrUnavailable) {
			t.Errorf("%s: Get = %v, want ErrUnavailable", name, err)
		}
		if err := s.Put(t.Context(), "a", credential("a", "s")); !errors.Is(err, secretstore.ErrUnavailable) {
			t.Errorf("%s: Put = %v, want ErrUnavailable", name, err)
		}
		if entries, err := s.List(t.Context()); err != nil || len(entries) != 0 {
			t.Errorf("%s: List = %v, %v; want nothing", name, entries, err)
		}
	}
}

// silent is a keychain that never answers and does not heed its context.
type silent struct{ secretstore.Keychain }

func (silent) Get(context.Context, string) (string, error) { select {} }
func (silent) Set(context.Context, string, string) error   { select {} }

func TestSilentKeychainEndsInTime(t *testing.T) {
	t.Parallel()
	s := secretstore.New(secretstore.Options{Keychain: silent{}, StateDir: t.TempDir(), Timeout: 20 * time.Millisecond})
	if _, err := s.Get(t.Context(), "a"); !errors.Is(err, secretstore.ErrTimeout) {
		t.Errorf("Get = %v, want ErrTimeout", err)
	}
	if err := s.Put(t.Context(), "a", credential("a", "s")); !errors.Is(err, secretstore.ErrTimeout) {
		t.Errorf("Put = %v, want ErrTimeout", err)
	}
}

// garbage is a keychain in which somebody else wrote.
type garbage struct {
	secretstore.Keychain
	value string
}

func (g garbage) Get(context.Context, string) (string, error) { return g.value, nil }

func TestDamagedValueIsNotShown(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "hunter2", `{"v":9,"secret":"hunter2"}`, `{"v":1,"secret":7}`, "[]"} {
		s := secretstore.New(secretstore.Options{Keychain: garbage{value: value}, StateDir: t.TempDir()})
		_, err := s.Get(t.Context(), "a")
		if !errors.Is(err, secretstore.ErrDamaged) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Get of %q = %v, want ErrDamaged without the value", value, err)
		}
	}
}

// The index is made again from the keychain, by the next list or the next store.
func TestLostOrDamagedIndex(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k := testbed.KeyringFor(t)
	for name, spoil := range map[string]func(string) error{
		"lost":    os.Remove,
		"damaged": func(path string) error { return os.WriteFile(path, []byte("{half"), 0o600) },
	} {
		dir := t.TempDir()
		s := secretstore.New(secretstore.Options{Keychain: secretstore.NewKeychain("docker-pat "+name, k.Getenv), StateDir: dir})
		want := map[string]secretstore.Entry{}
		for _, key := range []string{"a.example", "b.example", "c.example"} {
			c := credential("https://"+key, "s")
			c.Token = &secretstore.Token{ID: key, Label: "laptop"}
			if err := s.Put(ctx, key, c); err != nil {
				t.Fatal(err)
			}
			want[key] = secretstore.Entry{ServerURL: c.ServerURL, Username: c.Username, Token: c.Token}
		}
		for _, next := range []func() error{
			func() error { return nil },
			func() error { delete(want, "c.example"); return s.Delete(ctx, "c.example") },
		} {
			if err := errors.Join(spoil(filepath.Join(dir, "index.json")), next()); err != nil {
				t.Fatal(err)
			}
			if got, err := s.List(ctx); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: List = %+v, %v; want %+v", name, got, err, want)
			}
		}
	}
}

// What somebody deleted from the keychain leaves the index at the next read.
func TestIndexForgetsWhatTheKeychainLost(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	keychain := secretstore.NewKeychain(service, testbed.KeyringFor(t).Getenv)
	s := secretstore.New(secretstore.Options{Keychain: keychain, StateDir: t.TempDir()})
	for _, key := range []string{"a.example", "b.example"} {
		if err := s.Put(ctx, key, credential(key, "s")); err != nil {
			t.Fatal(err)
		}
	}
	if err := keychain.Delete(ctx, "a.example"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, "a.example"); !errors.Is(err, secretstore.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
	entries, err := s.List(ctx)
	if _, ok := entries["b.example"]; err != nil || len(entries) != 1 || !ok {
		t.Errorf("List = %v, %v; want b.example alone", entries, err)
	}
}

func TestDamagedIndexOfAKeychainThatCannotList(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.json"), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := secretstore.New(secretstore.Options{Keychain: garbage{value: "x"}, StateDir: dir})
	if entries, err := s.List(t.Context()); err != nil || len(entries) != 0 {
		t.Errorf("List = %v, %v; want to begin again", entries, err)
	}
}

func env(name, value string) func(string) string {
	return func(n string) string {
		if n == name {
			return value
		}
		return ""
	}
}
