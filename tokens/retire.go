package tokens

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// ErrAnotherAccount says that a token is not for this account to delete.
var ErrAnotherAccount = errors.New("it belongs to another account")

// Retired is what came of retiring a token.
type Retired struct {
	Username string // that it signs in with
	Token    secretstore.Token
	Pending  error // why it is not deleted at Docker Hub yet; nil: it is gone
}

// Retire takes a token of ours out of the store and deletes it at Docker Hub. What cannot be deleted now, a
// later Recover deletes, for one of another account that of its own (Pending is ErrAnotherAccount then). It
// fails with ErrNotHeld when the store holds no token of ours under key. After another error the token is as
// it was, or no longer in the store and left to Recover.
func (is *Issuer) Retire(ctx context.Context, key string) (Retired, error) {
	unlock, err := is.lock(ctx)
	if err != nil {
		return Retired{}, err
	}
	defer func() { _ = unlock() }() // the process's end does it as well
	held, err := is.Store.Get(ctx, key)
	switch {
	case errors.Is(err, secretstore.ErrNotFound), err == nil && held.Token == nil:
		return Retired{}, ErrNotHeld
	case err != nil:
		return Retired{}, err
	case !held.Token.IsOf(is.HubURL):
		return Retired{}, ErrAnotherService
	}
	entry := journal.Entry{Label: held.Token.Label, Org: held.Token.Org, Key: key, Tokens: []string{held.Token.ID}}
	if held.Token.Org == "" {
		entry.Username = held.Username
	}
	op, err := is.enter(entry)
	if err != nil {
		return Retired{}, err
	}
	if err := is.Store.Delete(ctx, key); err != nil {
		return Retired{}, errors.Join(err, op.Leave())
	}
	retired := Retired{Username: held.Username, Token: *held.Token}
	if !strings.EqualFold(op.Entry.Username, is.Username) {
		retired.Pending = errors.Join(ErrAnotherAccount, op.Leave())
	} else {
		retired.Pending = is.end(ctx, op)
	}
	return retired, nil
}

// retireLater writes an entry of its own for a token that cannot be deleted at the end of this
// operation: it is to be kept for a while, or belongs to another account or service. What is still held when its
// time has come is not deleted, so this may stand there from the beginning.
func (is *Issuer) retireLater(place Place, old secretstore.Credential, fresh journal.Entry, keepUntil time.Time) (bool, error) {
	entry := journal.Entry{Label: old.Token.Label, Org: old.Token.Org, Key: place.Key, Tokens: []string{old.Token.ID}, NotBefore: keepUntil, HubURL: old.Token.HubURL}
	if old.Token.Org == "" {
		entry.Username = old.Username
	}
	if keepUntil.IsZero() && old.Token.IsOf(is.HubURL) && entry.Org == fresh.Org && (entry.Username == "" || strings.EqualFold(entry.Username, is.Username)) {
		return false, nil
	}
	op, err := is.enter(entry)
	if err != nil {
		return false, err
	}
	return true, op.Leave()
}

// errNextTurn says that a token is deleted by an operation of its own.
var errNextTurn = errors.New("it is not of the same organization")

func (is *Issuer) whyLater(old secretstore.Credential) error {
	switch {
	case !old.Token.IsOf(is.HubURL):
		return ErrAnotherService
	case old.Token.Org == "" && !strings.EqualFold(old.Username, is.Username):
		return ErrAnotherAccount
	}
	return errNextTurn
}
