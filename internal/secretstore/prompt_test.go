//go:build linux

package secretstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

// lockedDesktop has a.example in a keyring that asks on a display for its password.
func lockedDesktop(t *testing.T) (*testbed.Display, *testbed.Desktop) {
	t.Helper()
	display := testbed.DisplayFor(t)
	desktop := testbed.DesktopFor(t, display)
	testbed.Need(t, desktop.StartKeyring(t.Context()))
	stored(t, desktop.Getenv)
	if err := desktop.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	return display, desktop
}

func TestPromptThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	_, desktop := lockedDesktop(t)
	wantAll(t, desktop.Getenv, secretstore.ErrTimeout)
}

func TestPromptThatIsAnswered(t *testing.T) {
	t.Parallel()
	type store = *secretstore.Store
	for name, call := range map[string]func(context.Context, store) error{
		"Get": func(ctx context.Context, s store) error { return holds(ctx, s, "s") },
		"Put": func(ctx context.Context, s store) error {
			return s.Put(ctx, "a.example", credential("a.example", "new"))
		},
		"Delete": func(ctx context.Context, s store) error { return s.Delete(ctx, "a.example") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			display, desktop := lockedDesktop(t)
			s, _ := boundedStore(t, desktop.Getenv, bound)
			dismiss := func() error { return display.Press(t.Context(), "Escape") }
			enter := func() error { return display.Type(t.Context(), testbed.Password) }
			wantError(t, "dismissed", func() error { return answered(t, dismiss, func() error { return call(t.Context(), s) }) }, secretstore.ErrLocked)
			wantError(t, "entered", func() error { return answered(t, enter, func() error { return call(t.Context(), s) }) }, nil)
			want, wantErr := map[string]string{"Get": "s", "Put": "new"}[name], error(nil)
			if name == "Delete" {
				wantErr = secretstore.ErrNotFound
			}
			if err := holds(t.Context(), s, want); !errors.Is(err, wantErr) {
				t.Errorf("after that: %v", err)
			}
		})
	}
}

// holds fails unless the store holds this secret under a.example.
func holds(ctx context.Context, s *secretstore.Store, text string) error {
	c, err := s.Get(ctx, "a.example")
	if err == nil && c.Secret.Reveal() != text {
		err = errors.New("another secret")
	}
	return err
}

// answered answers the prompt of a call again and again: nothing tells when it has the keyboard.
func answered(t *testing.T, answer, call func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- call() }()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(300 * time.Millisecond):
		}
		if err := answer(); err != nil {
			t.Error(err)
			return <-done
		}
	}
}
