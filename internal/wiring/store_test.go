//go:build unix

package wiring_test

import (
	"context"
	"errors"
	"strings"

	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/wiring"
)

const hub = "https://index.docker.io/v1/"

type credential struct{ username, text string }

// A store is a keychain that keeps no password for Docker Hub.
type store struct {
	held   map[string]credential
	broken error // of every call
	full   error // of Import
	onHas  func()
}

var _ wiring.Credentials = (*store)(nil)

func (s *store) Has(ctx context.Context, serverURL string) (bool, error) {
	_, ok := s.held[serverURL]
	err := errors.Join(s.broken, ctx.Err())
	if s.onHas != nil {
		s.onHas()
	}
	return ok, err
}

func (s *store) Get(ctx context.Context, serverURL string) (string, secret.Secret, error) {
	c, ok := s.held[serverURL]
	if !ok {
		return "", secret.Secret{}, errors.New("not held")
	}
	return c.username, secret.New(c.text), errors.Join(s.broken, ctx.Err())
}

func (s *store) Keeps(serverURL, _ string, text secret.Secret) (bool, error) {
	return serverURL != hub || strings.HasPrefix(text.Reveal(), "dckr_"), s.broken
}

func (s *store) Import(ctx context.Context, serverURL, username string, text secret.Secret) error {
	if err := errors.Join(s.broken, s.full, ctx.Err()); err != nil {
		return err
	}
	s.held[serverURL] = credential{username, text.Reveal()}
	return nil
}
