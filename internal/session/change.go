package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

const (
	lockTimeout   = 45 * time.Second // longer than a renewal may take
	revokeTimeout = 10 * time.Second
	grace         = 3 * time.Second // for a renewal under way when the program is interrupted
)

// ErrBusy says that the lock of the session could not be had in time.
var ErrBusy = errors.New("another docker-pat is at work on the session")

// Open returns the session to work with. One that is about to end is renewed first. It fails as Read does,
// and with ErrExpired when the session has ended at the tenant. A tenant that cannot be asked matters only
// when the bearer is over.
func (k *Keeper) Open(ctx context.Context) (client.Session, error) {
	s, err := k.Read(ctx)
	if err != nil || !k.due(s) {
		return s, err
	}
	unlock, err := k.lock(ctx)
	if err != nil {
		return client.Session{}, err
	}
	s, err = k.renewed(ctx, k.due)
	if err != nil && !k.over(s) && ctx.Err() == nil && !errors.As(err, new(storeError)) {
		err = nil // there is time left to try again
	}
	return s, errors.Join(err, unlock())
}

// renewed reads again, under the lock: another process may have renewed the session meanwhile. Beside the
// error of a renewal it returns the session that there is.
func (k *Keeper) renewed(ctx context.Context, due func(client.Session) bool) (client.Session, error) {
	for try := 0; ; try++ {
		s, err := k.Read(ctx)
		if err != nil || !due(s) {
			return s, err
		}
		next, err := k.renew(ctx, s)
		switch {
		case err == nil:
			return next, nil
		case !errors.Is(err, client.ErrSessionEnded):
			return s, err
		case try > 0 || k.unchanged(ctx, s):
			if err := k.opts.Store.Delete(ctx, k.refreshKey); err != nil {
				return client.Session{}, err
			}
			return k.Read(ctx)
		}
		// docker login has signed in anew meanwhile: it does not know our lock
	}
}

// Renew returns another session in place of one whose bearer was refused before its time: the one that is
// stored by now or, by its refresh token, a new one. It fails as Open does.
func (k *Keeper) Renew(ctx context.Context, refused client.Secret) (client.Session, error) {
	unlock, err := k.lock(ctx)
	if err != nil {
		return client.Session{}, err
	}
	s, err := k.renewed(ctx, func(s client.Session) bool {
		return k.due(s) || !s.RefreshToken.IsZero() && s.Bearer.Reveal() == refused.Reveal()
	})
	if err == nil && s.Bearer.Reveal() == refused.Reveal() {
		err = ErrExpired
	}
	return s, errors.Join(err, unlock())
}

// A storeError says that a new session could not be kept.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// renew trades the refresh token. From the request to the last of the stored pair it is not interrupted at
// once: what the tenant has given out and nobody has kept would be lost.
func (k *Keeper) renew(ctx context.Context, s client.Session) (client.Session, error) {
	tenant, err := k.opts.Tenant()
	if err != nil {
		return client.Session{}, err
	}
	lasting, stop := outlive(ctx, grace)
	defer stop()
	next, err := tenant.Refresh(lasting, s.ClientID, s.RefreshToken)
	if err != nil {
		return client.Session{}, err
	}
	if err := k.put(context.WithoutCancel(ctx), next); err != nil {
		return client.Session{}, storeError{fmt.Errorf("keep the renewed session: %w", err)}
	}
	return next, nil
}

// outlive returns a context that ends some time after ctx does.
func outlive(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return lasting, func() { stop(); cancel() }
}

// unchanged tells whether the refresh token of s is still the stored one.
func (k *Keeper) unchanged(ctx context.Context, s client.Session) bool {
	held, err := k.opts.Store.Get(ctx, k.refreshKey)
	if err != nil {
		return true
	}
	refresh, _ := splitRefresh(held.Secret)
	return refresh.Reveal() == s.RefreshToken.Reveal()
}

// Replace stores a session in place of the one before, of which nothing is left: neither a refresh token
// here beside the bearer of a password, nor, if the tenant can be reached, a session there.
func (k *Keeper) Replace(ctx context.Context, s client.Session) error {
	unlock, err := k.lock(ctx)
	if err != nil {
		return err
	}
	before, clientID := k.storedRefresh(ctx)
	if s.RefreshToken.IsZero() {
		if err = k.opts.Store.Delete(ctx, k.refreshKey); err == nil {
			err = k.putAccess(ctx, s)
		}
	} else {
		err = k.put(ctx, s)
	}
	if err := errors.Join(err, unlock()); err != nil {
		return err
	}
	_ = k.revoke(ctx, clientID, before) // it ends by itself one day
	return nil
}

// storedRefresh returns the zero Secret when there is none that can be read.
func (k *Keeper) storedRefresh(ctx context.Context) (secret.Secret, string) {
	held, err := k.opts.Store.Get(ctx, k.refreshKey)
	if err != nil {
		return secret.Secret{}, ""
	}
	return splitRefresh(held.Secret)
}

// An Ending is what End has done.
type Ending struct {
	Held   bool  // there was a session here
	Tenant error // why the session could not be ended at the tenant; nil also when there was nothing to end
}

// End erases the session here and then ends it at the tenant. What is here is gone when it returns nil.
func (k *Keeper) End(ctx context.Context) (Ending, error) {
	unlock, err := k.lock(ctx)
	if err != nil {
		return Ending{}, err
	}
	var ending Ending
	refresh, clientID := k.storedRefresh(ctx)
	for _, key := range []string{k.accessKey, k.refreshKey} {
		var held bool
		if held, err = k.erase(ctx, key); err != nil {
			break
		}
		ending.Held = ending.Held || held
	}
	if err := errors.Join(err, unlock()); err != nil {
		return Ending{}, err
	}
	ending.Tenant = k.revoke(ctx, clientID, refresh)
	return ending, nil
}

// erase tells whether there was something that could be read.
func (k *Keeper) erase(ctx context.Context, key string) (bool, error) {
	_, err := k.opts.Store.Get(ctx, key)
	if err != nil && !errors.Is(err, secretstore.ErrNotFound) && !errors.Is(err, secretstore.ErrDamaged) {
		return false, err
	}
	return err == nil, k.opts.Store.Delete(ctx, key)
}

// revoke does nothing about the zero Secret.
func (k *Keeper) revoke(ctx context.Context, clientID string, refresh secret.Secret) error {
	if refresh.IsZero() {
		return nil
	}
	tenant, err := k.opts.Tenant()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	return tenant.Revoke(ctx, clientID, refresh)
}

// Discard ends a session that was never stored, even after ctx has ended.
func (k *Keeper) Discard(ctx context.Context, s client.Session) error {
	return k.revoke(context.WithoutCancel(ctx), s.ClientID, s.RefreshToken)
}

// lock keeps other processes from renewing, replacing or ending the session.
func (k *Keeper) lock(ctx context.Context) (unlock func() error, err error) {
	if err := os.MkdirAll(k.opts.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lockTimeout, ErrBusy)
	defer cancel()
	lock := flock.New(filepath.Join(k.opts.StateDir, "session.lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("wait for the lock %s: %w", lock.Path(), context.Cause(ctx))
		}
		return nil, fmt.Errorf("take the lock %s: %w", lock.Path(), err)
	}
	return lock.Unlock, nil
}
