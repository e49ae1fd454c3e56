package main

import (
	"context"
	"errors"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/tokens"
)

// issuer makes and retires the tokens of an account.
func (sys *system) issuer(a account) (*tokens.Issuer, error) {
	registry, err := sys.registryClient(a.settings)
	if err != nil {
		return nil, err
	}
	return &tokens.Issuer{
		Hub:      a.hubOf,
		HubURL:   a.settings.HubURL,
		Username: a.session.Username,
		Registry: registry,
		Store:    a.store,
		Journal:  journal.In(a.settings.StateDir),
		Now:      sys.Now,
		OnUnchecked: func(err error) {
			sys.say("Note: the new token could not be checked: %v.", err)
		},
	}, nil
}

// place is where Docker finds the credential of the registry that tokens belong to.
func (a account) place() (tokens.Place, error) {
	key, err := credhelper.Key(a.settings.Registry)
	return tokens.Place{Key: key, ServerURL: a.settings.Registry}, err
}

// recover ends what earlier calls have left in the journal. What it cannot end is no reason to do nothing
// else, but for a session that is refused and an interrupt.
func (sys *system) recover(ctx context.Context, a account) error {
	issuer, err := sys.issuer(a)
	if err != nil {
		return err
	}
	handedOut, err := issuer.Recover(ctx)
	for _, label := range handedOut {
		sys.say("Note: a call that was cut off made the token %s. Delete it if you did not get it.", printable(label))
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, client.ErrUnauthorized):
		return err
	}
	sys.say("Note: what an earlier call has begun is not ended yet: %s.", printable(err.Error()))
	return nil
}

// afterSignIn does what has waited for a session.
func (sys *system) afterSignIn(ctx context.Context, s settings.Settings, store *secretstore.Store) error {
	if err := errors.Join(credhelper.ForgetFailures(s.StateDir), forgetNames(s)); err != nil {
		return err
	}
	a, err := sys.accountOf(ctx, s, store)
	if err != nil {
		return err
	}
	return sys.recover(ctx, a)
}
