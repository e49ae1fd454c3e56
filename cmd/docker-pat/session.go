package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/buildinfo"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/session"
	"github.com/docker-pat/docker-pat/internal/settings"
)

// Errors of a session that is not there.
var (
	errNotSignedIn    = session.ErrNone
	errSessionExpired = session.ErrExpired
)

// errNoTenant keeps what belongs to Docker Hub's sign-in from a service that is not Docker Hub.
var errNoTenant = errors.New("DOCKER_PAT_HUB_URL names another service, and where one signs in to it on the web is not known")

// tenant is where people sign in on the web.
func (sys *system) tenant(s settings.Settings) (*client.Tenant, error) {
	if s.AuthURL == "" {
		return nil, hintedError{errNoTenant, exitFailure, "set DOCKER_PAT_AUTH_URL, or sign in with " + sys.name() + " login -u NAME"}
	}
	tenant, err := client.NewTenant(s.AuthURL, buildinfo.Get().UserAgent())
	if err != nil {
		return nil, hintedError{fmt.Errorf("DOCKER_PAT_AUTH_URL: %w", err), exitFailure, "check DOCKER_PAT_AUTH_URL"}
	}
	return tenant, nil
}

func (sys *system) sessions(s settings.Settings, store *secretstore.Store) (*session.Keeper, error) {
	return session.New(session.Options{
		Store: store, Registry: s.Registry, StateDir: s.StateDir, Now: sys.Now,
		Tenant: func() (session.Tenant, error) { return sys.tenant(s) },
	})
}

// storedSession reads the session and makes no request. See session.Keeper.Read.
func (sys *system) storedSession(ctx context.Context, s settings.Settings, store *secretstore.Store) (client.Session, error) {
	keeper, err := sys.sessions(s, store)
	if err != nil {
		return client.Session{}, err
	}
	return keeper.Read(ctx)
}

// openSession returns a session to work with, and renews it where that is due.
func (sys *system) openSession(ctx context.Context, s settings.Settings, store *secretstore.Store) (client.Session, error) {
	keeper, err := sys.sessions(s, store)
	if err != nil {
		return client.Session{}, err
	}
	return keeper.Open(ctx)
}

// signed makes the client sign its requests, and renew the session when that is refused before its time.
func (sys *system) signed(hub *client.Client, s settings.Settings, store *secretstore.Store, held client.Session) *client.Client {
	hub = hub.WithBearer(held.Bearer)
	if held.RefreshToken.IsZero() {
		return hub
	}
	return hub.WithRenewal(func(ctx context.Context, refused client.Secret) (client.Secret, error) {
		keeper, err := sys.sessions(s, store)
		if err != nil {
			return client.Secret{}, err
		}
		next, err := keeper.Renew(ctx, refused)
		return next.Bearer, err
	})
}

// endOf is when a session ends as far as anybody here knows: one of the web goes on by itself.
func endOf(s client.Session) time.Time {
	if !s.RefreshToken.IsZero() {
		return time.Time{}
	}
	return s.ExpiresAt
}
