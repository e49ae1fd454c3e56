//go:build linux

package secretstore_test

import (
	"errors"
	"testing"

	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

// TestSwap changes what is as it was read, and nothing else.
func TestSwap(t *testing.T) {
	t.Parallel()
	store := newStore(t, testbed.KeyringFor(t))
	credential := func(username, text string) *secretstore.Credential {
		return &secretstore.Credential{ServerURL: "a", Username: username, Secret: secret.New(text)}
	}
	one, other := credential("moby", "one"), credential("moby", "other")
	for i, step := range []struct {
		from, to *secretstore.Credential
		want     error
		held     *secretstore.Credential
	}{
		{one, other, secretstore.ErrChanged, nil},
		{one, nil, secretstore.ErrChanged, nil},
		{nil, nil, nil, nil},
		{nil, one, nil, one},
		{nil, other, secretstore.ErrChanged, one},
		{nil, nil, secretstore.ErrChanged, one},
		{credential("ann", "one"), other, secretstore.ErrChanged, one},
		{other, nil, secretstore.ErrChanged, one},
		{one, other, nil, other},
		{other, nil, nil, nil},
	} {
		if err := store.Swap(t.Context(), "a", step.from, step.to); !errors.Is(err, step.want) {
			t.Errorf("step %d: got %v, want %v", i, err, step.want)
		}
		held, err := store.Get(t.Context(), "a")
		entries, listErr := store.List(t.Context())
		switch {
		case listErr != nil || len(entries) > 0 != (step.held != nil):
			t.Errorf("step %d: the index has %+v, %v", i, entries, listErr)
		case step.held == nil && !errors.Is(err, secretstore.ErrNotFound):
			t.Errorf("step %d: the store has %+v, %v", i, held, err)
		case step.held != nil && (err != nil || held.Username != step.held.Username || held.Secret.Reveal() != step.held.Secret.Reveal()):
			t.Errorf("step %d: the store has %+v, %v; want %+v", i, held, err, step.held)
		}
	}
}

// TestPutPlain overwrites everything but a token of ours, whether the index knows of it or not.
func TestPutPlain(t *testing.T) {
	t.Parallel()
	keyring := testbed.KeyringFor(t)
	store := newStore(t, keyring)
	plain := secretstore.Credential{ServerURL: "a", Username: "moby", Secret: secret.New("plain")}
	ours := plain
	ours.Token = &secretstore.Token{ID: "id"}
	for range 2 {
		if err := store.PutPlain(t.Context(), "a", plain); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Put(t.Context(), "a", ours); err != nil {
		t.Fatal(err)
	}
	elsewhere := newStore(t, keyring) // its index is lost
	for _, s := range []*secretstore.Store{store, elsewhere} {
		if err := s.PutPlain(t.Context(), "a", plain); !errors.Is(err, secretstore.ErrChanged) {
			t.Errorf("got %v, want %v", err, secretstore.ErrChanged)
		}
	}
	if held, err := store.Get(t.Context(), "a"); err != nil || held.Token == nil {
		t.Errorf("the store has %+v, %v", held, err)
	}
}
