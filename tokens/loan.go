package tokens

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// A Loan is a token for one command. It ends with End, or by a later Recover, and at the latest by its
// own expiry.
type Loan struct {
	Token  client.Token
	Secret client.Secret
	issuer *Issuer
	op     *journal.Operation
}

// A Folder is one that lives as long as a loan.
type Folder struct {
	Path string // where nothing is yet
	Make func() error
}

// Lend makes a folder, and a token, which it puts into the store at a place that lives as long as the loan.
// After an error nothing is left, or the error is a *PendingError.
func (is *Issuer) Lend(ctx context.Context, place Place, spec Spec, folder Folder) (*Loan, error) {
	op, err := is.begin(journal.Entry{Label: spec.Label, Org: spec.Org, Key: place.Key, Borrowed: true, Folder: folder.Path})
	if err != nil {
		return nil, err
	}
	if err := folder.Make(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder.Path), op.Done())
	}
	loan, err := is.lend(ctx, op, place, spec)
	if err != nil {
		err = errors.Join(err, os.RemoveAll(folder.Path))
	}
	return loan, err
}

func (is *Issuer) lend(ctx context.Context, op *journal.Operation, place Place, spec Spec) (*Loan, error) {
	token, text, err := is.make(ctx, op, spec)
	if err != nil {
		return nil, err
	}
	err = is.check(ctx, spec, text)
	if err == nil {
		err = op.Update(func(e *journal.Entry) { e.Writing = is.Now().UTC() })
	}
	if err == nil {
		err = is.Store.Put(ctx, place.Key, secretstore.Credential{ServerURL: place.ServerURL, Username: is.signsInAs(spec), Secret: text, Token: is.stored(spec, token)})
	}
	if err == nil {
		err = is.readBack(ctx, place, text)
	}
	if err == nil {
		err = op.Update(func(e *journal.Entry) { e.Writing = time.Time{} })
	}
	loan := &Loan{Token: token, Secret: text, issuer: is, op: op}
	if err != nil {
		if endErr := loan.End(ctx); endErr != nil {
			return nil, &PendingError{Label: spec.Label, Cause: err, Undo: endErr}
		}
		return nil, err
	}
	return loan, nil
}

// Username is what the token signs in with.
func (l *Loan) Username() string { return l.issuer.signsInAs(Spec{Org: l.op.Entry.Org}) }

// End deletes the token, its entry in the store and the folder. It goes on when ctx has ended. What
// fails is left to a later Recover.
func (l *Loan) End(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	err := remove(ctx, l.issuer.Hub(l.op.Entry.Org), l.Token.ID)
	err = errors.Join(err, l.issuer.Store.Delete(ctx, l.op.Entry.Key))
	err = errors.Join(err, os.RemoveAll(l.op.Entry.Folder))
	if err != nil {
		return errors.Join(err, l.op.Leave())
	}
	return l.op.Done()
}
