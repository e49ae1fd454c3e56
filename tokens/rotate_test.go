package tokens_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/tokens"
)

type tokensHub = tokens.Hub

func TestRotate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	old.Label = "renamed since"
	if _, err := b.hub.UpdateToken(t.Context(), old.ID, client.TokenChange{Label: &old.Label}); err != nil {
		t.Fatal(err)
	}
	expiresAt := b.issuer.Now().Add(90 * 24 * time.Hour).UTC().Truncate(time.Second)
	made, err := b.issuer.Rotate(t.Context(), b.place, tokens.Rotation{ExpiresAt: expiresAt})
	if err != nil || made.Replaced.ID != old.ID || made.Pending != nil {
		t.Fatalf("Rotate = %+v, %v", made, err)
	}
	got := made.Token
	if got.Label != old.Label || !reflect.DeepEqual(got.Scopes, old.Scopes) || !got.ExpiresAt.Equal(expiresAt) {
		t.Errorf("the new token is %+v, the old one was %+v", got, old)
	}
	b.wantHeld(t, got.ID)
	b.wantLeft(t, got.ID)
	held, err := b.store.Get(t.Context(), key)
	if err != nil || held.ServerURL != b.place.ServerURL || held.Token.Lifetime() != 90*24*time.Hour {
		t.Errorf("the store has %+v, %v", held, err)
	}
	b.settle(t)
}

// TestRotateWhatIsGone replaces a token that somebody has deleted.
func TestRotateWhatIsGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	if err := b.hub.DeleteToken(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	made, err := b.issuer.Rotate(t.Context(), b.place, tokens.Rotation{})
	if err != nil || made.Token.Label != old.Label || !reflect.DeepEqual(made.Token.Scopes, old.Scopes) {
		t.Fatalf("Rotate = %+v, %v", made, err)
	}
	b.wantHeld(t, made.Token.ID)
	b.wantLeft(t, made.Token.ID)
	b.settle(t)
}

// TestRotateTogether has several processes choose one token to rotate: it is rotated once.
func TestRotateTogether(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	var all sync.WaitGroup
	var rotated atomic.Int32
	for range 5 {
		all.Go(func() {
			switch _, err := b.issuer.Rotate(t.Context(), b.place, tokens.Rotation{Replaces: old.ID}); {
			case err == nil:
				rotated.Add(1)
			case !errors.Is(err, tokens.ErrReplaced):
				t.Errorf("got %v, want %v", err, tokens.ErrReplaced)
			}
		})
	}
	all.Wait()
	if n := rotated.Load(); n != 1 || len(b.left(t)) != 1 {
		t.Errorf("it was rotated %d times, and %v are left", n, b.left(t))
	}
	b.settle(t)
}

func TestKeepOld(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	made, err := b.issuer.Rotate(t.Context(), b.place, tokens.Rotation{KeepOldUntil: b.issuer.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.issuer.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.wantLeft(t, old.ID, made.Token.ID)
	b.settle(t)
	b.wantLeft(t, made.Token.ID)
}

func TestNothingToRotate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 2 {
		if _, err := b.issuer.Rotate(t.Context(), b.place, tokens.Rotation{}); !errors.Is(err, tokens.ErrNotHeld) {
			t.Errorf("got %v, want %v", err, tokens.ErrNotHeld)
		}
		if err := b.store.Put(t.Context(), key, secretstore.Credential{Username: "moby", Secret: secret.New("of docker login")}); err != nil {
			t.Fatal(err)
		}
	}
	b.settle(t)
}

// TestStoredMeanwhile leaves alone what somebody else stores during a rotation.
func TestStoredMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	theirs := secretstore.Credential{ServerURL: key, Username: "ann", Secret: secret.New("of docker login")}
	b.issuer.Registry = registryFunc(func() error { return b.store.Put(t.Context(), key, theirs) })
	if _, err := b.issuer.Rotate(t.Context(), b.place, tokens.Rotation{}); !errors.Is(err, secretstore.ErrChanged) {
		t.Errorf("got %v, want %v", err, secretstore.ErrChanged)
	}
	if held, err := b.store.Get(t.Context(), key); err != nil || held.Username != theirs.Username || held.Secret.Reveal() != theirs.Secret.Reveal() || held.Token != nil {
		t.Errorf("the store has %+v, %v", held, err)
	}
	b.wantLeft(t, old.ID) // it was not ours to end it
	b.settle(t)
}

type registryFunc func() error

func (f registryFunc) SignIn(context.Context, string, client.Secret) error { return f() }

// TestRenewTogether has many renew one token: one does, and the others use what there is.
func TestRenewTogether(t *testing.T) {
	t.Parallel()
	for _, wait := range []bool{false, true} {
		b := newBench(t)
		b.mustUse(t)
		old, err := b.store.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				got, err := b.issuer.Renew(t.Context(), b.place, old, tokens.Rotation{ExpiresAt: b.issuer.Now().Add(time.Hour)}, wait)
				switch {
				case err == nil && got.Token.ID == old.Token.ID:
					t.Errorf("got the old token, and no error")
				case err != nil && (wait || !errors.Is(err, journal.ErrBusy) || got.Token.ID != old.Token.ID):
					t.Errorf("got %+v, %v", got.Token, err)
				}
			})
		}
		all.Wait()
		held, err := b.store.Get(t.Context(), key)
		if err != nil || held.Token.ID == old.Token.ID {
			t.Fatalf("the store has %+v, %v", held.Token, err)
		}
		b.wantLeft(t, held.Token.ID)
		b.settle(t)
	}
}

func TestLend(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	place := tokens.Place{Key: key + "#exec-1", ServerURL: key}
	folder := tokens.Folder{Path: filepath.Join(t.TempDir(), "settings")}
	folder.Make = func() error { return os.Mkdir(folder.Path, 0o700) }
	loan, err := b.issuer.Lend(t.Context(), place, spec(), folder)
	if err != nil || b.issuer.Registry.SignIn(t.Context(), loan.Username(), loan.Secret) != nil {
		t.Fatalf("Lend = %+v, %v", loan, err)
	}
	if _, err := b.issuer.Recover(t.Context()); err != nil || !b.journal.Any() {
		t.Errorf("Recover: %v; it must leave alone a command that is running", err)
	}
	b.wantLeft(t, old.ID, loan.Token.ID)
	b.wantHeld(t, old.ID)
	b.Sandbox.Inject(sandbox.Fault{Method: "DELETE", Cut: sandbox.CutBefore})
	if err := loan.End(t.Context()); err == nil || !b.journal.Any() {
		t.Errorf("End: %v, and the journal has %+v", err, b.journal.Entries())
	}
	b.settle(t)
	b.wantLeft(t, old.ID)
	if _, err := b.store.Get(t.Context(), place.Key); !errors.Is(err, secretstore.ErrNotFound) {
		t.Errorf("the store still has the loan: %v", err)
	}
	for name, tt := range failures() {
		if tt.waits {
			continue // nothing is different about these
		}
		b.Sandbox.Inject(tt.fault)
		b.keychain.fail = func(call string) error {
			if call == tt.keychain {
				return errKeychain
			}
			return nil
		}
		if _, err := b.issuer.Lend(t.Context(), place, spec(), folder); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
		if _, err := os.Stat(folder.Path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the folder is still there: %v", name, err)
		}
		b.wantLeft(t, old.ID)
		b.settle(t)
	}
	broken := tokens.Folder{Path: folder.Path, Make: func() error { return errKeychain }}
	if _, err := b.issuer.Lend(t.Context(), place, spec(), broken); !errors.Is(err, errKeychain) || b.journal.Any() {
		t.Errorf("without a folder: got %v, want %v", err, errKeychain)
	}
}
