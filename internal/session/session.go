// Package session keeps the session that manages tokens. It is in the keychain under the names and in the
// form that Docker has for its own, so that one sign-in serves both programs.
//
// A session of a password is a bearer that lives to its end. One of a sign-in on the web has a bearer of
// minutes and a refresh token, which is traded for the next pair. A refresh token serves once, so the trade
// is made under a lock and the new pair is stored before anything else is done with it.
package session

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// Errors of a session that is not there.
var (
	ErrNone    = errors.New("you are not signed in")
	ErrExpired = errors.New("your session has expired")
)

// margin is how long before its end a bearer is replaced, so that a command can do its work with it.
const margin = time.Minute

// A Store holds credentials by key. Get fails with secretstore.ErrNotFound for what is not there; Delete
// does not.
type Store interface {
	Get(ctx context.Context, key string) (secretstore.Credential, error)
	Put(ctx context.Context, key string, c secretstore.Credential) error
	Delete(ctx context.Context, key string) error
}

// A Tenant is where sessions of a sign-in on the web go on and end.
type Tenant interface {
	Refresh(ctx context.Context, clientID string, refresh client.Secret) (client.Session, error)
	Revoke(ctx context.Context, clientID string, refresh client.Secret) error
}

var (
	_ Store  = (*secretstore.Store)(nil)
	_ Tenant = (*client.Tenant)(nil)
)

// Options of New.
type Options struct {
	Store    Store
	Registry string // the server URL that the user's tokens belong to
	StateDir string // holds the lock; made when missing
	Now      func() time.Time
	// Tenant is asked for only when there is something to ask it.
	Tenant func() (Tenant, error)
}

// A Keeper is safe for use by several goroutines and several processes.
type Keeper struct {
	opts                  Options
	accessKey, refreshKey string
}

// New makes no call and touches no file.
func New(opts Options) (*Keeper, error) {
	accessKey, refreshKey, err := credhelper.SessionKeys(opts.Registry)
	if err != nil {
		return nil, err
	}
	return &Keeper{opts: opts, accessKey: accessKey, refreshKey: refreshKey}, nil
}

// Read returns the stored session and makes no request. It fails with ErrNone, and with ErrExpired, beside
// which it returns the session, when that is over and cannot be renewed. A bearer that is over, or missing,
// beside a refresh token is no failure: Open renews it.
func (k *Keeper) Read(ctx context.Context) (client.Session, error) {
	access, err := k.opts.Store.Get(ctx, k.accessKey)
	if err != nil && !errors.Is(err, secretstore.ErrNotFound) {
		return client.Session{}, err
	}
	session := client.Session{}
	found := err == nil
	if found {
		if session, err = client.SessionFromBearer(access.Username, access.Secret); err != nil {
			return client.Session{}, err
		}
	}
	refresh, err := k.opts.Store.Get(ctx, k.refreshKey)
	switch {
	case err == nil && (!found || refresh.Username == access.Username):
		session.RefreshToken, session.ClientID = splitRefresh(refresh.Secret)
		if !found {
			session.Username = refresh.Username
		}
	case err != nil && !errors.Is(err, secretstore.ErrNotFound) && !errors.Is(err, secretstore.ErrDamaged):
		return client.Session{}, err
	}
	switch {
	case !session.RefreshToken.IsZero():
		return session, nil
	case !found:
		return client.Session{}, ErrNone
	case k.over(session):
		return session, ErrExpired
	}
	return session, nil
}

// over tells whether the bearer is of no use any more.
func (k *Keeper) over(s client.Session) bool {
	return s.Bearer.IsZero() || !s.ExpiresAt.IsZero() && !s.ExpiresAt.After(k.opts.Now())
}

// due tells whether the bearer is to be replaced and can be.
func (k *Keeper) due(s client.Session) bool {
	return !s.RefreshToken.IsZero() && (k.over(s) || !s.ExpiresAt.IsZero() && s.ExpiresAt.Sub(k.opts.Now()) < margin)
}

// separator stands between a refresh token and the id of the program that it was given to.
// Source: docker/cli internal/oauth/manager.
const separator = ".."

func splitRefresh(stored secret.Secret) (refresh secret.Secret, clientID string) {
	text := stored.Reveal()
	i := strings.LastIndex(text, separator)
	if i <= 0 || i+len(separator) == len(text) {
		return secret.Secret{}, ""
	}
	return secret.New(text[:i]), text[i+len(separator):]
}

// put stores a session in Docker's form, the refresh token first: with that alone the session goes on.
func (k *Keeper) put(ctx context.Context, s client.Session) error {
	err := k.opts.Store.Put(ctx, k.refreshKey, secretstore.Credential{
		ServerURL: k.refreshKey, Username: s.Username, Secret: secret.New(s.RefreshToken.Reveal() + separator + s.ClientID),
	})
	if err != nil {
		return err
	}
	return k.putAccess(ctx, s)
}

func (k *Keeper) putAccess(ctx context.Context, s client.Session) error {
	return k.opts.Store.Put(ctx, k.accessKey, secretstore.Credential{ServerURL: k.accessKey, Username: s.Username, Secret: s.Bearer})
}
