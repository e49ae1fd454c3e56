package tokens

import (
	"context"
	"errors"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// undoUnlessHeld follows a failure of the store, after which it may hold the new token all the same: then
// that is as good as a success. Where it cannot be known, both tokens stay until it can.
func (is *Issuer) undoUnlessHeld(ctx context.Context, op *journal.Operation, place Place, spec Spec, token client.Token, cause error) error {
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	held, err := is.Store.Get(after, place.Key)
	switch {
	case err == nil && held.Token != nil && held.Token.ID == token.ID:
		return nil
	case err == nil, errors.Is(err, secretstore.ErrNotFound), errors.Is(err, secretstore.ErrDamaged):
		return is.undo(ctx, op, spec, token.ID, cause)
	}
	return errors.Join(&PendingError{Label: spec.Label, Cause: cause, Undo: err}, op.Leave())
}

// undo deletes the token of this operation. It returns cause, or a *PendingError. A token whose making
// was not answered may still be made after a look that found none: that look is repeated later.
func (is *Issuer) undo(ctx context.Context, op *journal.Operation, spec Spec, id string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	hub := is.Hub(spec.Org)
	if id == "" {
		var err error
		if id, err = find(ctx, hub, op.Entry.ID); err != nil {
			return errors.Join(&PendingError{Label: spec.Label, Cause: cause, Undo: err}, op.Leave())
		}
		if id == "" {
			return errors.Join(cause, op.Leave())
		}
	}
	if err := remove(ctx, hub, id); err != nil {
		return errors.Join(&PendingError{Label: spec.Label, Cause: cause, Undo: err}, op.Leave())
	}
	return errors.Join(cause, op.Done())
}

// end deletes what an operation has replaced.
func (is *Issuer) end(ctx context.Context, op *journal.Operation) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	for _, id := range op.Entry.Tokens {
		if err := remove(ctx, is.Hub(op.Entry.Org), id); err != nil {
			written := op.Update(func(e *journal.Entry) { e.Writing = time.Time{} }) // it was read back
			return errors.Join(err, written, op.Leave())
		}
	}
	return op.Done()
}

// remove deletes a token, which may be gone already.
func remove(ctx context.Context, hub Hub, id string) error {
	if err := hub.DeleteToken(ctx, id); err != nil && !errors.Is(err, client.ErrNotFound) {
		return err
	}
	return nil
}

// find returns the id of the token that an operation made, or "".
func find(ctx context.Context, hub Hub, operation string) (string, error) {
	t, _, err := hub.FindOperation(ctx, operation)
	return t.ID, err
}
