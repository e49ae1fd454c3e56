package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/tokens"
)

// helperTokens is what the credential helper cannot do without Docker Hub.
type helperTokens struct {
	sys      *system
	settings settings.Settings
	store    *secretstore.Store
}

var _ credhelper.Tokens = helperTokens{}

// Bounds on what docker login and docker logout are kept waiting.
const (
	exchangeTimeout = 90 * time.Second
	settleTimeout   = 15 * time.Second
)

// errSecondFactor says why a password alone cannot be exchanged.
var errSecondFactor = errors.New("the account has two-factor authentication, so a password does not do")

// Exchange uses the password once. The session that it gives is not kept.
func (h helperTokens) Exchange(ctx context.Context, key, serverURL, username string, password secret.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	spec, err := h.loginSpec()
	if err != nil {
		return err
	}
	hub, err := h.sys.hubClient(h.settings)
	if err != nil {
		return err
	}
	session, err := hub.SignIn(ctx, username, password)
	switch {
	case errors.As(err, new(*client.SecondFactorError)):
		return errSecondFactor
	case errors.Is(err, client.ErrUnauthorized):
		return hintedError{fmt.Errorf("exchange the password for a token: %w", err), exitFailure, "check the name and the password"}
	case err != nil:
		return fmt.Errorf("exchange the password for a token: %w", err)
	}
	a := h.sys.managing(h.settings, h.store, hub.WithBearer(session.Bearer), session)
	issuer, err := h.sys.issuer(a)
	if err != nil {
		return err
	}
	if err := h.sys.recover(ctx, a); err != nil {
		return err
	}
	made, err := issuer.Use(ctx, tokens.Place{Key: key, ServerURL: serverURL}, spec)
	if err != nil {
		return fmt.Errorf("exchange the password for a token: %w", err)
	}
	h.sys.say("Docker has the token %s in place of your password: %s, %s.", printable(made.Token.Label),
		tokens.PermissionOf(made.Token), expiry(made.Token.ExpiresAt, h.sys.Now()))
	h.sys.tellPending(made)
	return nil
}

// loginSpec is the token that takes the place of a password.
func (h helperTokens) loginSpec() (tokens.Spec, error) {
	prefs, err := h.settings.Preferences()
	if err != nil {
		return tokens.Spec{}, err
	}
	scopes, scopeErr := tokens.ParseScopes([]string{prefs.Scope})
	expiresAt, expiryErr := tokens.ParseExpiry(prefs.Expires, h.sys.Now())
	return tokens.Spec{NewToken: client.NewToken{Label: h.sys.labelFor("docker login"), Scopes: scopes, ExpiresAt: expiresAt}},
		errors.Join(scopeErr, expiryErr)
}

// labelFor names a token that nobody has named, by this machine and what it is for.
func (sys *system) labelFor(purpose string) string {
	host, err := sys.Hostname()
	if err != nil {
		host = "this machine"
	}
	return tokens.FitLabel(host, " ("+purpose+")")
}

func (h helperTokens) Renew(ctx context.Context, key string, held secretstore.Credential, wait bool) (secretstore.Credential, error) {
	a, err := h.account(ctx)
	if err != nil {
		return held, err
	}
	issuer, err := h.sys.issuer(a)
	if err != nil {
		return held, err
	}
	if err := sameAccount(secretstore.Entry{Username: held.Username, Token: held.Token}, a.session); err != nil {
		return held, err
	}
	expiresAt, err := h.sys.nextExpiry(h.settings, held.Token)
	if err != nil {
		return held, err
	}
	return issuer.Renew(ctx, tokens.Place{Key: key}, held, tokens.Rotation{ExpiresAt: expiresAt}, wait)
}

// Settle needs a session; without one the journal waits.
func (h helperTokens) Settle(ctx context.Context) error {
	if !journal.In(h.settings.StateDir).Any() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	a, err := h.account(ctx)
	if errors.Is(err, errNotSignedIn) || errors.Is(err, errSessionExpired) {
		return nil
	}
	if err != nil {
		return err
	}
	issuer, err := h.sys.issuer(a)
	if err != nil {
		return err
	}
	_, err = issuer.Recover(ctx)
	return err
}

// settle answers the helper's own action of that name.
func (sys *system) settle(ctx context.Context) error {
	s, err := sys.settings()
	if err != nil {
		return err
	}
	return helperTokens{sys, s, sys.store(s)}.Settle(ctx)
}

func (h helperTokens) account(ctx context.Context) (account, error) {
	return h.sys.accountOf(ctx, h.settings, h.store)
}
