package tokens_test

import (
	"context"
	"errors"
	"testing"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/tokens"
)

func TestRetire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	got, err := b.issuer.Retire(t.Context(), key)
	if err != nil || got.Pending != nil || got.Username != "moby" || got.Token.ID != old.ID || got.Token.Label != label {
		t.Errorf("Retire = %+v, %v", got, err)
	}
	b.wantHeld(t, "")
	b.wantLeft(t)
	if b.journal.Any() {
		t.Errorf("the journal has %+v", b.journal.Entries())
	}
	for range 2 {
		if _, err := b.issuer.Retire(t.Context(), key); !errors.Is(err, tokens.ErrNotHeld) {
			t.Errorf("got %v, want %v", err, tokens.ErrNotHeld)
		}
		if err := b.store.Put(t.Context(), key, secretstore.Credential{Username: "moby", Secret: secret.New("of docker login")}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRetireOfAnOrganization deletes the token where it is.
func TestRetireOfAnOrganization(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := tokens.Spec{Org: "acme", NewToken: client.NewToken{
		Label: label, Resources: []client.Resource{{Type: "TYPE_REPO", Path: "acme/app", Scopes: []string{"scope-image-pull"}}},
	}}
	if _, err := b.issuer.Use(t.Context(), b.place, s); err != nil {
		t.Fatal(err)
	}
	if got, err := b.issuer.Retire(t.Context(), key); err != nil || got.Pending != nil || got.Username != "acme" {
		t.Errorf("Retire = %+v, %v", got, err)
	}
	if left, err := b.hub.Organization("acme").ListTokens(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("the organization has %+v, %v", left, err)
	}
	b.wantHeld(t, "")
}

// TestRetireLater leaves in the journal what Docker Hub does not delete now.
func TestRetireLater(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]sandbox.Fault{
		"before": {Method: "DELETE", Cut: sandbox.CutBefore}, "after": {Method: "DELETE", Cut: sandbox.CutAfter}, "refused": {Method: "DELETE", Status: 401},
	} {
		b := newBench(t)
		b.mustUse(t)
		b.Sandbox.Inject(fault)
		if got, err := b.issuer.Retire(t.Context(), key); err != nil || got.Pending == nil || !b.journal.Any() {
			t.Errorf("%s: Retire = %+v, %v; the journal has %+v", name, got, err, b.journal.Entries())
		}
		b.wantHeld(t, "")
		b.settle(t)
		b.wantLeft(t)
	}
}

// TestRetireInterrupted ends what has left the store, even after a Ctrl-C; before that nothing has happened.
func TestRetireInterrupted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.keychain.fail = func(call string) error {
		if call == "delete" {
			return errKeychain
		}
		return nil
	}
	if _, err := b.issuer.Retire(ctx, key); !errors.Is(err, errKeychain) || !b.journal.Any() {
		t.Errorf("got %v, want %v; the journal has %+v", err, errKeychain, b.journal.Entries())
	}
	b.settle(t)
	b.wantHeld(t, old.ID)
	b.wantLeft(t, old.ID)

	hub := b.issuer.Hub
	b.issuer.Hub = func(org string) tokens.Hub { cancel(); return hub(org) }
	if got, err := b.issuer.Retire(ctx, key); err != nil || got.Pending != nil {
		t.Errorf("Retire = %+v, %v", got, err)
	}
	b.wantHeld(t, "")
	b.wantLeft(t)
}

// TestRetireOfAnotherAccount leaves the deed to its own session.
func TestRetireOfAnotherAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	moby := b.issuer
	ann := b.signIn(t, "ann")
	b.issuer.Username, b.issuer.Hub = "ann", func(string) tokens.Hub { return ann }
	if got, err := b.issuer.Retire(t.Context(), key); err != nil || !errors.Is(got.Pending, tokens.ErrAnotherAccount) {
		t.Errorf("Retire = %+v, %v", got, err)
	}
	b.wantHeld(t, "")
	b.wantLeft(t, old.ID)
	b.issuer = moby
	b.settle(t)
	b.wantLeft(t)
}

// TestAnotherService neither replaces nor ends what was made elsewhere: there it would live on.
func TestAnotherService(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.mustUse(t)
	here := b.issuer.HubURL
	b.issuer.HubURL = "https://another.test"
	if _, err := b.issuer.Retire(t.Context(), key); !errors.Is(err, tokens.ErrAnotherService) {
		t.Errorf("Retire: got %v, want %v", err, tokens.ErrAnotherService)
	}
	if _, err := b.issuer.Rotate(t.Context(), b.place, tokens.Rotation{}); !errors.Is(err, tokens.ErrAnotherService) {
		t.Errorf("Rotate: got %v, want %v", err, tokens.ErrAnotherService)
	}
	b.wantHeld(t, old.ID)
	made := b.mustUse(t)
	b.wantLeft(t, old.ID, made.ID)
	if _, err := b.issuer.Recover(t.Context()); err != nil || !b.journal.Any() {
		t.Errorf("Recover there: %v; the journal has %+v", err, b.journal.Entries())
	}
	b.issuer.HubURL = here
	b.settle(t)
	b.wantLeft(t, made.ID)
}
