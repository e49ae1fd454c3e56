package credhelper

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
)

// put keeps what is known of a token of ours: Docker stores at each login what it was given before. One
// whose place another credential takes is retired.
func (h *Helper) put(key string, c *credentials.Credentials) error {
	fresh := secretstore.Credential{ServerURL: c.ServerURL, Username: c.Username, Secret: secret.New(c.Secret)}
	err := h.store.PutPlain(h.ctx, key, fresh)
	if errors.Is(err, secretstore.ErrChanged) {
		return h.swap(key, &fresh)
	}
	return err
}

// swapTries is how often somebody else may store something in between.
const swapTries = 5

// swap puts to in the place of what is held, and nothing where that is nil, and retires what was held.
func (h *Helper) swap(key string, to *secretstore.Credential) error {
	for try := 1; ; try++ {
		held, err := h.store.Get(h.ctx, key)
		switch {
		case errors.Is(err, secretstore.ErrNotFound):
			err = h.store.Swap(h.ctx, key, nil, to)
		case errors.Is(err, secretstore.ErrDamaged) && to == nil:
			err = h.store.Delete(h.ctx, key)
		case errors.Is(err, secretstore.ErrDamaged):
			err = h.store.Put(h.ctx, key, *to)
		case err != nil:
		case to != nil && held.SignsInLike(*to):
			to.Token = held.Token
			err = h.store.Swap(h.ctx, key, &held, to)
		case held.Token != nil:
			err = h.retire(key, held, to)
		default:
			err = h.store.Swap(h.ctx, key, &held, to)
		}
		if !errors.Is(err, secretstore.ErrChanged) || try == swapTries {
			return err
		}
	}
}

// retire ends a token of ours that leaves the store: nobody has seen it, so nobody could use it any more.
// The journal has it before that, and leaves it alone as long as the store holds it.
func (h *Helper) retire(key string, held secretstore.Credential, to *secretstore.Credential) error {
	prefs, err := h.opts.Preferences()
	if err != nil {
		return err
	}
	if prefs.LogoutRevokes == settings.RevokesNever {
		return h.store.Swap(h.ctx, key, &held, to)
	}
	now := h.opts.Now().UTC()
	op, err := journal.In(h.opts.StateDir).Begin(journal.Entry{
		ID: journal.NewID(), HubURL: cmp.Or(held.Token.HubURL, h.opts.HubURL), Username: held.Username, Org: held.Token.Org, Label: held.Token.Label,
		Tokens: []string{held.Token.ID}, Key: key, StartedAt: now, Writing: now,
	})
	if err != nil {
		return err
	}
	err = h.store.Swap(h.ctx, key, &held, to)
	if errors.Is(err, secretstore.ErrChanged) {
		return errors.Join(err, op.Done())
	}
	if err != nil {
		return errors.Join(err, op.Leave())
	}
	written := op.Update(func(e *journal.Entry) { e.Writing = time.Time{} })
	if err := errors.Join(written, op.Leave()); err != nil || h.opts.Tokens == nil {
		return err
	}
	if err := h.opts.Tokens.Settle(h.ctx); err != nil {
		h.opts.Warn(fmt.Errorf("the token that was used here is not deleted yet: %w", err))
	}
	return nil
}
