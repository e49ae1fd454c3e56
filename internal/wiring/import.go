package wiring

import (
	"context"
	"fmt"
	"slices"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/secret"
)

// A source is where a credential is copied from.
type source interface {
	fmt.Stringer
	// get fails with an error that says nothing of the secret.
	get(ctx context.Context, serverURL string) (username string, text secret.Secret, err error)
}

var (
	_ source = (*otherHelper)(nil)
	_ source = authFile{}
)

// importAuths moves credentials from config.json. What the keychain holds already is not touched.
func (s *setup) importAuths(ctx context.Context) error {
	auths, broken := s.config.PlaintextAuths()
	for _, b := range broken {
		s.plan.note("left alone: %v", b)
	}
	for _, a := range auths {
		if !s.wanted(a.ServerURL) {
			continue
		}
		if err := a.Portable(); err != nil {
			s.plan.note("left alone: %v", err)
			continue
		}
		if err := s.importPlaintext(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// importStore copies the credentials of the helper that all registries used before.
func (s *setup) importStore(ctx context.Context, previous string) error {
	if previous == "" || previous == Suffix {
		return nil
	}
	other := s.helper(previous)
	names, err := other.list(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		s.plan.note("nothing was copied from %s: %v%s", other, err, s.whenItAnswers(other))
		return nil
	}
	for _, serverURL := range names {
		if !s.wanted(serverURL) {
			continue
		}
		held, err := s.Credentials.Has(ctx, serverURL)
		if err != nil {
			return err
		}
		if !held {
			s.copyFrom(other, serverURL)
		}
	}
	return nil
}

// importPlaintext plans to move a credential out of config.json. A password for Docker Hub is not kept
// anywhere: it stays where it is until there is a token in its place.
func (s *setup) importPlaintext(ctx context.Context, a dockerconfig.PlaintextAuth) error {
	held, err := s.Credentials.Has(ctx, a.ServerURL)
	if err != nil {
		return err
	}
	step := "wipe %s from config.json, where it is in clear: the keychain has a credential for it"
	if !held {
		keeps, err := s.Credentials.Keeps(a.ServerURL, a.Username, a.Secret)
		if err != nil {
			return err
		}
		if !keeps {
			s.plan.note("%s: config.json holds a password in clear. Make a token with %s create, then run %[2]s setup again to wipe it", a.ServerURL, s.Name)
			return nil
		}
		step = "move the credential of %s from config.json, where it is in clear, to the keychain"
	}
	if !slices.Contains(s.record.FromPlaintext, a.ServerURL) {
		s.record.FromPlaintext = append(s.record.FromPlaintext, a.ServerURL)
	}
	s.plan.add(func(ctx context.Context) error {
		if !held {
			if err := s.Credentials.Import(ctx, a.ServerURL, a.Username, a.Secret); err != nil {
				return fmt.Errorf("move the credential of %s out of config.json: %w", a.ServerURL, err)
			}
		}
		s.config.ClearAuth(a.ServerURL)
		return nil
	}, step, a.ServerURL)
	return nil
}

// whenItAnswers explains a failure that may pass: a program of Windows is there only while WSL lets it be called.
func (s *setup) whenItAnswers(from source) string {
	other, ok := from.(*otherHelper)
	if !ok || !other.isForeign() {
		return ""
	}
	return fmt.Sprintf(". It is a program of Windows: when it can be called from here, %s credentials import --from helper:%s copies what it holds",
		s.Name, other.name)
}

func (s *setup) copyFrom(other source, serverURL string) {
	s.plan.add(func(ctx context.Context) error {
		if held, err := s.Credentials.Has(ctx, serverURL); err != nil || held {
			return err // another helper had it, too
		}
		username, text, err := other.get(ctx, serverURL)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.plan.note("%s: it could not be copied from %s: %v%s", serverURL, other, err, s.whenItAnswers(other))
			return nil
		}
		keeps, err := s.Credentials.Keeps(serverURL, username, text)
		if err == nil && !keeps {
			s.noteNotKept(other, serverURL)
			return nil
		}
		if err == nil {
			err = s.Credentials.Import(ctx, serverURL, username, text)
		}
		if err != nil {
			return fmt.Errorf("copy the credential of %s from %s: %w", serverURL, other, err)
		}
		return nil
	}, "copy the credential of %s from %s to the keychain", serverURL, other)
}

func (s *setup) noteNotKept(from source, serverURL string) {
	s.plan.note("%s: %s holds a password. It was not copied: make a token with %s create", serverURL, from, s.Name)
}
