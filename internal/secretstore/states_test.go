//go:build linux

package secretstore_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

const (
	patience = time.Second      // what the stores of these tests allow the keychain
	bound    = 20 * time.Second // within which a call must end on the slowest machine
)

// boundedStore tells where it keeps its index, too.
func boundedStore(t *testing.T, getenv func(string) string, timeout time.Duration) (s *secretstore.Store, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "state")
	return secretstore.New(secretstore.Options{Keychain: secretstore.NewKeychain(service, getenv), StateDir: dir, Timeout: timeout}), dir
}

// wantAll holds that every call of a store ends with this error, soon, and leaves nothing in the index.
func wantAll(t *testing.T, getenv func(string) string, want error) {
	t.Helper()
	s, dir := boundedStore(t, getenv, patience)
	for what, call := range map[string]func() error{
		"Get":    func() error { _, err := s.Get(t.Context(), "a.example"); return err },
		"Put":    func() error { return s.Put(t.Context(), "a.example", credential("a.example", "s")) },
		"Delete": func() error { return s.Delete(t.Context(), "a.example") },
	} {
		wantError(t, what, call, want)
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	for _, e := range entries {
		// What was given up on may still come to pass.
		if e.Name() != "lock" && (e.Name() != "pending.json" || !errors.Is(want, secretstore.ErrTimeout)) {
			t.Errorf("%s was written", e.Name())
		}
	}
}

func wantError(t *testing.T, what string, call func() error, want error) {
	t.Helper()
	start := time.Now()
	err := call()
	if took := time.Since(start); took > bound {
		t.Errorf("%s took %s", what, took)
	}
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want %v", what, err, want)
	}
	for _, other := range []error{secretstore.ErrNotFound, secretstore.ErrLocked, secretstore.ErrTimeout, secretstore.ErrUnavailable} {
		if !errors.Is(want, other) && errors.Is(err, other) {
			t.Errorf("%s = %v, which is %v too", what, err, other)
		}
	}
}

func TestBusThatIsDeadOrSilent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dead")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("silent", func(t *testing.T) {
		wantAll(t, env("DBUS_SESSION_BUS_ADDRESS", "unix:path="+path), secretstore.ErrTimeout) // the kernel accepts
	})
	listener.SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("nobody listens", func(t *testing.T) {
		wantAll(t, env("DBUS_SESSION_BUS_ADDRESS", "unix:path="+path), secretstore.ErrUnavailable)
	})
	t.Run("by XDG_RUNTIME_DIR", func(t *testing.T) {
		wantAll(t, env("XDG_RUNTIME_DIR", filepath.Dir(path)), secretstore.ErrUnavailable)
	})
}

func TestBusThatHasNoService(t *testing.T) {
	t.Parallel()
	bus, err := testbed.StartBus(t.Context())
	testbed.Need(t, err)
	t.Cleanup(func() { _ = bus.Stop() })
	wantAll(t, bus.Getenv, secretstore.ErrUnavailable)
}

// A desktop starts gnome-keyring by the first call. Where nobody ever made a keyring, nothing can be stored.
func TestNoKeyringWasEverMade(t *testing.T) {
	t.Parallel()
	wantAll(t, testbed.DesktopFor(t, nil).Getenv, secretstore.ErrUnavailable)
}

func TestLockedWithoutDisplay(t *testing.T) {
	t.Parallel()
	k := testbed.KeyringFor(t)
	stored(t, k.Getenv)
	if err := k.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantAll(t, k.Getenv, secretstore.ErrLocked)
}

// stored stores a credential under a.example.
func stored(t *testing.T, getenv func(string) string) {
	t.Helper()
	s, _ := boundedStore(t, getenv, bound)
	if err := s.Put(t.Context(), "a.example", credential("a.example", "s")); err != nil {
		t.Fatal(err)
	}
}

func TestServiceThatHangs(t *testing.T) {
	t.Parallel()
	k := testbed.KeyringFor(t)
	if err := k.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	wantAll(t, k.Getenv, secretstore.ErrTimeout)
	if err := k.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	stored(t, k.Getenv)
}

// The call is on its way, and the service has not read it, when the service dies.
func TestServiceThatDiesInTheMiddle(t *testing.T) {
	t.Parallel()
	k := testbed.KeyringFor(t)
	s, _ := boundedStore(t, k.Getenv, bound)
	if err := k.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := s.Get(t.Context(), "a.example"); done <- err }()
	time.Sleep(100 * time.Millisecond)
	if err := k.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wantError(t, "Get", func() error { return <-done }, secretstore.ErrUnavailable)
	wantAll(t, k.Getenv, secretstore.ErrUnavailable)
}
