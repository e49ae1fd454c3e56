package tokens

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// A Store is where Docker's credentials are. Get fails with secretstore.ErrNotFound for what is not
// there, Swap with secretstore.ErrChanged.
type Store interface {
	Get(ctx context.Context, key string) (secretstore.Credential, error)
	Put(ctx context.Context, key string, c secretstore.Credential) error
	Swap(ctx context.Context, key string, from, to *secretstore.Credential) error
	Delete(ctx context.Context, key string) error
	List(ctx context.Context) (map[string]secretstore.Entry, error)
}

var _ Store = (*secretstore.Store)(nil)

// An Issuer makes and retires the tokens of one account so that none is lost: what it begins stands in
// the journal first, and what it cannot end, a later Recover does.
type Issuer struct {
	// Hub returns the tokens of an organization, or for "" those of the account.
	Hub      func(org string) Hub
	HubURL   string // the service, as the journal names it
	Username string // the account
	Registry Registry
	Store    Store
	Journal  journal.Journal
	Now      func() time.Time
	// OnUnchecked is told why a new token could not be checked: the registry cannot be reached, as behind
	// some firewalls. The token is kept then, for Docker Hub has made it.
	OnUnchecked func(error)
}

// A Place is where Docker finds a token: an entry of the store.
type Place struct {
	Key       string
	ServerURL string // as Docker spells it
}

// A Spec is what a token is made from.
type Spec struct {
	client.NewToken
	Org string // the organization whose token it is; "" for one of the account
}

// Bounds of the steps that go on when the user has pressed Ctrl-C.
const (
	undoTimeout = 20 * time.Second
	lockTimeout = 60 * time.Second // to wait for another docker-pat
)

// ErrRejected says that the registry does not accept a token that was just made.
var ErrRejected = errors.New("the registry does not accept the new token")

// A PendingError says that a token may be left at Docker Hub that nobody holds. It stands in the
// journal, and the next call of Recover ends it.
type PendingError struct {
	Label string
	Cause error // why the token is not held
	Undo  error // why it could not be deleted
}

func (e *PendingError) Error() string {
	return fmt.Sprintf("%v; the new token %q could not be deleted again (%v)", e.Cause, e.Label, e.Undo)
}

func (e *PendingError) Unwrap() error { return e.Cause }

// Made is what came of making a token.
type Made struct {
	Token    client.Token
	Replaced *secretstore.Token // the token of ours that was in its place; nil: none
	Pending  error              // why Replaced is not deleted yet; nil: it is, or was to be kept
}

// Print makes a token and gives its secret to hand, which gives it to the user. When hand fails, the
// token is deleted again.
func (is *Issuer) Print(ctx context.Context, spec Spec, hand func(client.Secret) error) (client.Token, error) {
	op, err := is.begin(journal.Entry{Label: spec.Label, Org: spec.Org})
	if err != nil {
		return client.Token{}, err
	}
	token, text, err := is.make(ctx, op, spec)
	if err != nil {
		return client.Token{}, err
	}
	// From here on it may be with the user: a kill must not lead to its end.
	if err = op.Update(func(e *journal.Entry) { e.HandedOut = true }); err == nil {
		err = hand(text)
	}
	if err != nil {
		err = errors.Join(err, op.Update(func(e *journal.Entry) { e.HandedOut = false }))
		return client.Token{}, is.undo(ctx, op, spec, token.ID, err)
	}
	return token, op.Done()
}

// Use makes a token, has the registry check it, and puts it into the store, from where it is read back.
// A token of ours that was there before is deleted then. After an error the store is as it was, and
// nothing is left at Docker Hub, or the error is a *PendingError.
func (is *Issuer) Use(ctx context.Context, place Place, spec Spec) (Made, error) {
	unlock, err := is.lock(ctx)
	if err != nil {
		return Made{}, err
	}
	defer func() { _ = unlock() }() // the process's end does it as well
	old, err := is.Store.Get(ctx, place.Key)
	if err != nil && !errors.Is(err, secretstore.ErrNotFound) && !errors.Is(err, secretstore.ErrDamaged) {
		return Made{}, err
	}
	put := func(ctx context.Context, c secretstore.Credential) error { return is.Store.Put(ctx, place.Key, c) }
	return is.replace(ctx, place, spec, old, time.Time{}, put)
}

func (is *Issuer) lock(ctx context.Context) (unlock func() error, err error) {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	return is.Journal.Lock(ctx)
}

// replace puts a new token in the place of old and retires that, after keepUntil. It is called under the
// lock.
func (is *Issuer) replace(ctx context.Context, place Place, spec Spec, old secretstore.Credential, keepUntil time.Time,
	put func(context.Context, secretstore.Credential) error,
) (Made, error) {
	entry := journal.Entry{Label: spec.Label, Org: spec.Org, Key: place.Key}
	var elsewhere error // why the old one is not for this operation to delete
	if old.Token != nil {
		later, err := is.retireLater(place, old, entry, keepUntil)
		if err != nil {
			return Made{}, err
		}
		switch {
		case !later:
			entry.Tokens = []string{old.Token.ID}
		case keepUntil.IsZero():
			elsewhere = is.whyLater(old)
		}
	}
	op, err := is.begin(entry)
	if err != nil {
		return Made{}, err
	}
	token, text, err := is.make(ctx, op, spec)
	if err != nil {
		return Made{}, err
	}
	err = is.check(ctx, spec, text)
	if err == nil {
		err = op.Update(func(e *journal.Entry) { e.Writing = is.Now().UTC() })
	}
	if err == nil {
		err = put(ctx, secretstore.Credential{ServerURL: place.ServerURL, Username: is.signsInAs(spec), Secret: text, Token: is.stored(spec, token)})
	}
	if err != nil {
		err = is.undoUnlessHeld(ctx, op, place, spec, token, err)
	}
	if err != nil {
		return Made{}, err
	}
	if err := is.readBack(ctx, place, text); err != nil {
		return Made{}, is.undoUnlessHeld(ctx, op, place, spec, token, err)
	}
	pending := is.end(ctx, op)
	if pending == nil {
		pending = elsewhere
	}
	return Made{Token: token, Replaced: old.Token, Pending: pending}, nil
}

func (is *Issuer) stored(spec Spec, t client.Token) *secretstore.Token {
	return &secretstore.Token{
		ID: t.ID, Label: t.Label, Scopes: t.Scopes, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, Org: spec.Org, HubURL: is.HubURL,
	}
}

func (is *Issuer) signsInAs(spec Spec) string {
	if spec.Org != "" {
		return spec.Org
	}
	return is.Username
}

// begin enters an operation that makes a token.
func (is *Issuer) begin(e journal.Entry) (*journal.Operation, error) {
	e.Makes = true
	return is.enter(e)
}

func (is *Issuer) enter(e journal.Entry) (*journal.Operation, error) {
	e.ID, e.HubURL, e.StartedAt = journal.NewID(), cmp.Or(e.HubURL, is.HubURL), is.Now().UTC()
	if e.Username == "" {
		e.Username = is.Username
	}
	return is.Journal.Begin(e)
}

// make has Docker Hub make the token. After an error the operation has ended.
func (is *Issuer) make(ctx context.Context, op *journal.Operation, spec Spec) (client.Token, client.Secret, error) {
	spec.Operation = op.Entry.ID
	token, text, err := is.Hub(spec.Org).CreateToken(ctx, spec.NewToken)
	switch {
	case err == nil:
		return token, text, nil
	case refused(err):
		return token, text, errors.Join(err, op.Done())
	}
	return token, text, is.undo(ctx, op, spec, "", err)
}

// refused tells that nothing was made: the service says so, or was not even asked.
func refused(err error) bool {
	var answer *client.APIError
	return errors.As(err, &answer) && answer.Status < 500 || errors.Is(err, client.ErrNotSent)
}

// check keeps a refusal of the token apart from one of the session.
func (is *Issuer) check(ctx context.Context, spec Spec, text client.Secret) error {
	err := is.Registry.SignIn(ctx, is.signsInAs(spec), text)
	switch {
	case errors.Is(err, client.ErrUnauthorized):
		return fmt.Errorf("%w: %v", ErrRejected, err) //nolint:errorlint // not to be taken for a session that ended
	case errors.Is(err, client.ErrUnreachable) && ctx.Err() == nil && is.OnUnchecked != nil:
		is.OnUnchecked(err)
		return nil
	}
	return err
}

func (is *Issuer) readBack(ctx context.Context, place Place, text client.Secret) error {
	held, err := is.Store.Get(ctx, place.Key)
	if err == nil && held.Secret.Reveal() != text.Reveal() {
		err = fmt.Errorf("read %s back: %w", place.Key, secretstore.ErrDamaged)
	}
	return err
}
