package tokens

import (
	"context"
	"errors"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// ErrNotHeld says that there is no token of ours to rotate.
var ErrNotHeld = errors.New("this machine holds no token of docker-pat for it")

// ErrAnotherService says that a token can be replaced or ended elsewhere only.
var ErrAnotherService = errors.New("it belongs to another token service")

// ErrReplaced says that another token has taken the place of the one to rotate meanwhile.
var ErrReplaced = errors.New("it was replaced already")

// A Rotation is what Rotate needs to know beside the place.
type Rotation struct {
	// Replaces is the id of the old token; "": whichever the store holds.
	Replaces string
	// ExpiresAt is when the new token ends; zero: never.
	ExpiresAt time.Time
	// KeepOldUntil leaves the old token alive for a while; zero: it is deleted at once.
	KeepOldUntil time.Time
}

// Rotate makes a token with the label and the scopes of the one that the store holds, has the registry
// check it, and puts it in its place. The old one is deleted, at once or at the first Recover after
// KeepOldUntil. It fails with ErrNotHeld when the store holds no token of ours, with ErrReplaced when it
// holds another one than that to be replaced, and with secretstore.ErrChanged when somebody stored another
// credential meanwhile, which stays. Like Renew and Retire it fails with ErrAnotherService for a token that is not
// of HubURL.
func (is *Issuer) Rotate(ctx context.Context, place Place, r Rotation) (Made, error) {
	unlock, err := is.lock(ctx)
	if err != nil {
		return Made{}, err
	}
	defer func() { _ = unlock() }() // the process's end does it as well
	held, err := is.Store.Get(ctx, place.Key)
	switch {
	case errors.Is(err, secretstore.ErrNotFound), err == nil && held.Token == nil:
		return Made{}, ErrNotHeld
	case err != nil:
		return Made{}, err
	case r.Replaces != "" && r.Replaces != held.Token.ID:
		return Made{}, ErrReplaced
	}
	return is.rotate(ctx, place, held, r)
}

// Renew is Rotate by a process that nobody watches. When another one is at it, it fails with
// journal.ErrBusy, unless wait is set. When the store holds another token than old by then, that one is
// the answer.
func (is *Issuer) Renew(ctx context.Context, place Place, old secretstore.Credential, r Rotation, wait bool) (secretstore.Credential, error) {
	lock := is.Journal.TryLock
	if wait {
		lock = func() (func() error, error) { return is.Journal.Lock(ctx) }
	}
	unlock, err := lock()
	if err != nil {
		return old, err
	}
	defer func() { _ = unlock() }() // the process's end does it as well
	held, err := is.Store.Get(ctx, place.Key)
	if err != nil || held.Token == nil || held.Token.ID != old.Token.ID {
		return held, err
	}
	if _, err := is.rotate(ctx, place, held, r); err != nil {
		return held, err
	}
	return is.Store.Get(ctx, place.Key)
}

func (is *Issuer) rotate(ctx context.Context, place Place, held secretstore.Credential, r Rotation) (Made, error) {
	if !held.Token.IsOf(is.HubURL) {
		return Made{}, ErrAnotherService
	}
	spec := Spec{Org: held.Token.Org, NewToken: client.NewToken{Label: held.Token.Label, Scopes: held.Token.Scopes, ExpiresAt: r.ExpiresAt}}
	switch now, err := is.Hub(spec.Org).GetToken(ctx, held.Token.ID); {
	case err == nil: // it may have another label by now, and what an organization's token may reach stands there alone
		spec.Label, spec.Scopes, spec.Description, spec.Resources = now.Label, now.Scopes, now.Description, now.Resources
	case spec.Org != "" || !errors.Is(err, client.ErrNotFound): // one of the user's that was deleted elsewhere is replaced all the same
		return Made{}, err
	}
	place.ServerURL = held.ServerURL
	put := func(ctx context.Context, c secretstore.Credential) error {
		return is.Store.Swap(ctx, place.Key, &held, &c)
	}
	return is.replace(ctx, place, spec, held, r.KeepOldUntil, put)
}
