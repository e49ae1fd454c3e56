package tokens

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// settleTime is how long after its begin an operation may still make its token at Docker Hub, without
// anybody who waits for it.
const settleTime = 60 * time.Second

// writeTime is how long a keychain may still carry out a change whose process was killed. A look at it before
// that could be followed by another truth.
const writeTime = 5 * time.Second

// Recover ends what crashes, kills and failures have left of this account in the journal: of the tokens
// that an operation made or was to retire, it deletes those that the store does not hold. What cannot be
// ended yet stays for the next time; err says why, unless it is only too early. handedOut are labels of
// tokens that were made to be printed, and may or may not have reached the user: these are left alone.
//
// While another process makes or retires a token it does nothing: that process has done it.
func (is *Issuer) Recover(ctx context.Context) (handedOut []string, err error) {
	if !is.Journal.Any() {
		return nil, nil
	}
	unlock, err := is.Journal.TryLock()
	if errors.Is(err, journal.ErrBusy) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = unlock() }() // the process's end does it as well
	r := recovery{Issuer: is}
	err = is.Journal.Dead(func(op *journal.Operation) error { return r.settle(ctx, op) })
	return r.handedOut, err
}

// A recovery goes through the journal, and reads the list of the user once.
type recovery struct {
	*Issuer
	list      []client.Token // of the user; nil: not read yet
	handedOut []string
}

func (r *recovery) settle(ctx context.Context, op *journal.Operation) error {
	e := op.Entry
	if ctx.Err() != nil || e.HubURL != r.HubURL || !strings.EqualFold(e.Username, r.Username) || e.NotBefore.After(r.Now()) {
		return op.Leave()
	}
	written := r.Now().Sub(e.Writing) >= writeTime
	if !written && !e.Borrowed { // what is borrowed goes in any case
		return op.Leave()
	}
	done, err := r.finish(ctx, e)
	if err != nil || !done || !written {
		return errors.Join(err, op.Leave())
	}
	return op.Done()
}

// finish is not done while the token of an operation may still come.
func (r *recovery) finish(ctx context.Context, e journal.Entry) (done bool, err error) {
	ids, known, err := r.touched(ctx, e)
	if err != nil || !known && r.Now().Sub(e.StartedAt) < settleTime {
		return false, err
	}
	if e.HandedOut && known {
		r.handedOut = append(r.handedOut, e.Label)
	}
	if e.Borrowed {
		if err := r.Store.Delete(ctx, e.Key); err != nil {
			return false, err
		}
	}
	held, err := r.held(ctx, e.Key)
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		if slices.Contains(held, id) {
			continue
		}
		if err := remove(ctx, r.Hub(e.Org), id); err != nil {
			return false, err
		}
	}
	if e.Folder != "" {
		err = os.RemoveAll(e.Folder)
	}
	return err == nil, err
}

// touched are the ids of the tokens that an operation has to do with. known is false while the one that
// it makes has not been seen.
func (r *recovery) touched(ctx context.Context, e journal.Entry) (ids []string, known bool, err error) {
	ids = slices.Clone(e.Tokens)
	if !e.Makes {
		return ids, true, nil
	}
	made, found, err := r.find(ctx, e)
	if err != nil || !found {
		return ids, false, err
	}
	if !e.HandedOut {
		ids = append(ids, made.ID)
	}
	return ids, true, nil
}

// find looks for the token that an operation made. A list says it of the tokens of users.
func (r *recovery) find(ctx context.Context, e journal.Entry) (t client.Token, found bool, err error) {
	if e.Org != "" {
		return r.Hub(e.Org).FindOperation(ctx, e.ID)
	}
	if r.list == nil {
		if r.list, err = r.Hub("").ListTokens(ctx); err != nil {
			return client.Token{}, false, err
		}
	}
	i := slices.IndexFunc(r.list, func(t client.Token) bool { return t.Operation == e.ID })
	if i < 0 {
		return client.Token{}, false, nil
	}
	return r.list[i], true, nil
}

// held are the tokens that the store holds: under key by the keychain itself, since a kill may have come
// between it and the index, and elsewhere by the index.
func (r *recovery) held(ctx context.Context, key string) ([]string, error) {
	entries, err := r.Store.List(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if e.Token != nil {
			ids = append(ids, e.Token.ID)
		}
	}
	if key == "" {
		return ids, nil
	}
	c, err := r.Store.Get(ctx, key)
	switch {
	case err == nil && c.Token != nil:
		ids = append(ids, c.Token.ID)
	case err != nil && !errors.Is(err, secretstore.ErrNotFound) && !errors.Is(err, secretstore.ErrDamaged):
		return nil, err
	}
	return ids, nil
}
