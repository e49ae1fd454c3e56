package tokens_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// dead enters an operation of a process that is no more.
func (b *bench) dead(t *testing.T, e journal.Entry) string {
	t.Helper()
	e.ID, e.HubURL = journal.NewID(), b.URL
	if e.Username == "" {
		e.Username = "moby"
	}
	if e.StartedAt.IsZero() {
		e.StartedAt = b.issuer.Now()
	}
	op, err := b.journal.Begin(e)
	if err == nil {
		err = op.Leave()
	}
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

// made makes the token of an operation.
func (b *bench) made(t *testing.T, operation string) (client.Token, client.Secret) {
	t.Helper()
	s := spec()
	s.Operation = operation
	token, text, err := b.hub.CreateToken(t.Context(), s.NewToken)
	if err != nil {
		t.Fatal(err)
	}
	return token, text
}

func (b *bench) put(t *testing.T, token client.Token, text client.Secret) {
	t.Helper()
	c := secretstore.Credential{ServerURL: key, Username: "moby", Secret: text, Token: &secretstore.Token{ID: token.ID, Label: label}}
	if err := b.store.Put(t.Context(), key, c); err != nil {
		t.Fatal(err)
	}
}

// TestRecover ends what a process has left that was killed at each step.
func TestRecover(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	makes := journal.Entry{Label: label, Key: key, Makes: true, Tokens: []string{old.ID}}

	b.dead(t, makes) // before the request
	if _, err := b.issuer.Recover(t.Context()); err != nil || !b.journal.Any() {
		t.Errorf("too early: %v; the journal has %+v, and the token may still be made", err, b.journal.Entries())
	}
	b.settle(t)
	b.wantHeld(t, old.ID)

	b.made(t, b.dead(t, makes)) // after the request
	if _, err := b.issuer.Recover(t.Context()); err != nil || b.journal.Any() {
		t.Errorf("Recover: %v; the journal has %+v", err, b.journal.Entries())
	}
	b.wantLeft(t, old.ID)
	b.wantHeld(t, old.ID)

	fresh, text := b.made(t, b.dead(t, makes)) // after the keychain
	b.put(t, fresh, text)
	b.settle(t)
	b.wantLeft(t, fresh.ID)
	b.wantHeld(t, fresh.ID)

	b.made(t, b.dead(t, makes)) // and the old one is deleted elsewhere meanwhile
	b.settle(t)
	b.wantLeft(t, fresh.ID)

	lost, _ := b.made(t, b.dead(t, journal.Entry{Label: label, Makes: true, HandedOut: true}))
	handedOut, err := b.issuer.Recover(t.Context())
	if err != nil || !slices.Equal(handedOut, []string{label}) || b.journal.Any() {
		t.Errorf("Recover = %q, %v", handedOut, err)
	}
	b.wantLeft(t, fresh.ID, lost.ID)
}

// TestRecoverWhileTheKeychainWrites leaves alone what a keychain may still put into place.
func TestRecoverWhileTheKeychainWrites(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	fresh, text := b.made(t, b.dead(t, journal.Entry{Label: label, Key: key, Makes: true, Tokens: []string{old.ID}, Writing: b.issuer.Now()}))
	if _, err := b.issuer.Recover(t.Context()); err != nil || !b.journal.Any() {
		t.Errorf("Recover: %v; the journal has %+v", err, b.journal.Entries())
	}
	b.wantLeft(t, old.ID, fresh.ID)
	b.put(t, fresh, text) // by a keychain that was told to before the kill
	b.settle(t)
	b.wantLeft(t, fresh.ID)
	b.wantHeld(t, fresh.ID)
}

// TestRecoverALoan takes away all that a command had for itself.
func TestRecoverALoan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	folder := filepath.Join(t.TempDir(), "settings")
	if err := os.MkdirAll(filepath.Join(folder, "docker"), 0o700); err != nil {
		t.Fatal(err)
	}
	loanKey := key + "#exec-1"
	token, text := b.made(t, b.dead(t, journal.Entry{Label: label, Key: loanKey, Borrowed: true, Makes: true, Folder: folder}))
	c := secretstore.Credential{ServerURL: key, Username: "moby", Secret: text, Token: &secretstore.Token{ID: token.ID}}
	if err := b.store.Put(t.Context(), loanKey, c); err != nil {
		t.Fatal(err)
	}
	b.settle(t)
	b.wantLeft(t, old.ID)
	b.wantHeld(t, old.ID)
	if _, err := b.store.Get(t.Context(), loanKey); !errors.Is(err, secretstore.ErrNotFound) {
		t.Errorf("the store still has the loan: %v", err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// TestRecoverLater leaves to a later call what is not its business, and what it cannot do.
func TestRecoverLater(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	retire := func(change func(*journal.Entry)) {
		token, _ := b.made(t, "")
		e := journal.Entry{Label: label, Tokens: []string{token.ID}}
		change(&e)
		b.dead(t, e)
	}
	retire(func(e *journal.Entry) { e.NotBefore = b.issuer.Now().Add(time.Hour) })
	retire(func(e *journal.Entry) { e.Username = "ann" })
	retire(func(e *journal.Entry) { e.Key = key })
	alive, err := b.journal.Begin(journal.Entry{ID: journal.NewID(), HubURL: b.URL, Username: "moby", Tokens: []string{"alive"}})
	if err != nil {
		t.Fatal(err)
	}
	b.keychain.fail = func(call string) error {
		if call == "get" {
			return errKeychain
		}
		return nil
	}
	if _, err := b.issuer.Recover(t.Context()); !errors.Is(err, errKeychain) || len(b.journal.Entries()) != 4 {
		t.Errorf("Recover: %v; the journal has %+v", err, b.journal.Entries())
	}
	b.keychain.fail = nil
	b.Sandbox.Inject(sandbox.Fault{Method: "DELETE", Status: 503})
	if _, err := b.issuer.Recover(t.Context()); err == nil || len(b.journal.Entries()) != 4 {
		t.Errorf("Recover: %v; the journal has %+v", err, b.journal.Entries())
	}
	b.Sandbox.ClearFaults()
	unlock, err := b.journal.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.issuer.Recover(t.Context()); err != nil || len(b.journal.Entries()) != 4 {
		t.Errorf("while another is at it: %v; the journal has %+v", err, b.journal.Entries())
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.issuer.Recover(t.Context()); err != nil || len(b.journal.Entries()) != 3 {
		t.Errorf("Recover: %v; the journal has %+v", err, b.journal.Entries())
	}
	if err := alive.Done(); err != nil {
		t.Error(err)
	}
	b.issuer.Username = "Ann"
	ann := b.signIn(t, "ann")
	hub := b.issuer.Hub
	b.issuer.Hub = func(string) tokensHub { return ann }
	if _, err := b.issuer.Recover(t.Context()); err != nil || len(b.journal.Entries()) != 1 {
		t.Errorf("Recover of ann: %v; the journal has %+v", err, b.journal.Entries())
	}
	b.issuer.Username, b.issuer.Hub = "moby", hub
	b.ahead = 2 * time.Hour
	b.settle(t)
	if left := b.left(t); len(left) != 1 { // ann may not delete what is moby's
		t.Errorf("the account has %v", left)
	}
}
