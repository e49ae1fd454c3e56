package tokens

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/docker-pat/docker-pat/client"
)

// undoTimeout bounds the clean-up after a failure, which goes on when the user has pressed Ctrl-C.
const undoTimeout = 20 * time.Second

// A Creator makes tokens so that none is left behind when something fails on the way.
type Creator struct {
	Hub      Hub
	Registry Registry // asked whether a new token works; nil: not asked
	Username string   // that the token signs in with
	// OnUnchecked, when set, is told why a new token could not be checked: the registry cannot be reached,
	// as behind some firewalls. The token is kept then, for Docker Hub has made it.
	OnUnchecked func(error)
}

// ErrRejected says that the registry does not accept a token that was just made.
var ErrRejected = errors.New("the registry does not accept the new token")

// An OrphanError says that a token may be left at Docker Hub that nobody holds.
type OrphanError struct {
	Label string
	Cause error // why the token is not held
	Undo  error // why it could not be deleted
}

func (e *OrphanError) Error() string {
	return fmt.Sprintf("%v; the new token could not be deleted again (%v): look for the label %q", e.Cause, e.Undo, e.Label)
}

func (e *OrphanError) Unwrap() error { return e.Cause }

// Create makes a token, has the registry check it, and gives it to keep, which puts it where it is
// used from. When any of this fails, the token is deleted again; when the reply to its creation was
// lost, it is looked for by the operation that made it and deleted. So after an error nothing is left
// behind, or the error is an *OrphanError.
func (c *Creator) Create(ctx context.Context, spec client.NewToken, keep func(client.Token, client.Secret) error) (client.Token, error) {
	spec.Operation = uuid.NewString()
	token, text, err := c.Hub.CreateToken(ctx, spec)
	if err != nil {
		if refused(err) {
			return client.Token{}, err
		}
		return client.Token{}, c.undo(ctx, spec, "", err)
	}
	if c.Registry != nil {
		err = c.check(ctx, text)
	}
	if err == nil {
		err = keep(token, text)
	}
	if err != nil {
		return client.Token{}, c.undo(ctx, spec, token.ID, err)
	}
	return token, nil
}

// check keeps a refusal of the token apart from one of the session.
func (c *Creator) check(ctx context.Context, text client.Secret) error {
	err := c.Registry.SignIn(ctx, c.Username, text)
	switch {
	case errors.Is(err, client.ErrUnauthorized):
		return fmt.Errorf("%w: %v", ErrRejected, err) //nolint:errorlint // not to be taken for a session that ended
	case errors.Is(err, client.ErrUnreachable) && ctx.Err() == nil && c.OnUnchecked != nil:
		c.OnUnchecked(err)
		return nil
	}
	return err
}

// refused tells that nothing was made: the service says so, or was not even asked.
func refused(err error) bool {
	var answer *client.APIError
	return errors.As(err, &answer) && answer.Status < 500 || errors.Is(err, client.ErrNotSent)
}

// undo deletes the token of this operation. It returns cause, or an *OrphanError.
func (c *Creator) undo(ctx context.Context, spec client.NewToken, id string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	if id == "" {
		var err error
		if id, err = c.find(ctx, spec.Operation); err != nil {
			return &OrphanError{Label: spec.Label, Cause: cause, Undo: err}
		}
		if id == "" {
			return cause // it was never made
		}
	}
	if err := c.Hub.DeleteToken(ctx, id); err != nil && !errors.Is(err, client.ErrNotFound) {
		return &OrphanError{Label: spec.Label, Cause: cause, Undo: err}
	}
	return cause
}

// find returns the id of the token that an operation made, or "".
func (c *Creator) find(ctx context.Context, operation string) (string, error) {
	all, err := c.Hub.ListTokens(ctx)
	if err != nil {
		return "", err
	}
	for _, t := range all {
		if strings.Contains(t.CreatorUA, operation) {
			return t.ID, nil
		}
	}
	return "", nil
}
