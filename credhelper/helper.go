// Package credhelper is the credential helper: the docker-credential-* protocol over a store.
//
// Source: https://github.com/docker/docker-credential-helpers, README and package credentials.
package credhelper

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
)

// A Store holds credentials by key. Get fails with secretstore.ErrNotFound for what is not there;
// Delete does not. Swap and PutPlain fail with secretstore.ErrChanged.
type Store interface {
	Get(ctx context.Context, key string) (secretstore.Credential, error)
	Put(ctx context.Context, key string, c secretstore.Credential) error
	Delete(ctx context.Context, key string) error
	Swap(ctx context.Context, key string, from, to *secretstore.Credential) error
	PutPlain(ctx context.Context, key string, c secretstore.Credential) error
	List(ctx context.Context) (map[string]secretstore.Entry, error)
}

var _ Store = (*secretstore.Store)(nil)

// Tokens is what takes Docker Hub. Errors are facts; what to do about them is for the program to say.
type Tokens interface {
	// Exchange signs in with a password, makes a token and stores that under key. After an error what was
	// stored before is still there.
	Exchange(ctx context.Context, key, serverURL, username string, password secret.Secret) error
	// Renew replaces a token that we made by one with a new expiry and returns what is stored under key
	// then. When another process is at it, it fails with journal.ErrBusy, unless wait is set.
	Renew(ctx context.Context, key string, held secretstore.Credential, wait bool) (secretstore.Credential, error)
	// Settle ends what the journal has, as far as it can.
	Settle(ctx context.Context) error
}

// ErrPassword refuses a password for Docker Hub.
var ErrPassword = errors.New("this is a password, and passwords are not kept")

// A Helper serves one call of the protocol.
type Helper struct {
	// The protocol's interface has no place for a context, so the one of the call is kept here.
	ctx      context.Context
	opts     Options
	store    Store
	registry string // the key of opts.Registry
}

// Options of New.
type Options struct {
	Store Store
	// Registry is the server URL that the user's tokens belong to, Docker Hub's if not the sandbox's.
	Registry string
	// Preferences are asked for only when they matter.
	Preferences func() (settings.Preferences, error)
	Tokens      Tokens // nil: no password is exchanged and no token renewed
	StateDir    string // holds the journal, and when a renewal may be tried again
	HubURL      string // the token service, as the journal names it
	Now         func() time.Time
	// Warn is told what somebody should do something about, in a line.
	Warn func(error)
	// Loan, if not "", names the token of one command, which stands for the registry's credential there.
	Loan string
}

// New returns a Helper for one call.
func New(ctx context.Context, opts Options) (*Helper, error) {
	registry, err := Key(opts.Registry)
	if err != nil {
		return nil, fmt.Errorf("registry %q: %w", opts.Registry, err)
	}
	return &Helper{ctx: ctx, opts: opts, store: opts.Store, registry: registry}, nil
}

var _ credentials.Helper = (*Helper)(nil)

// Serve carries out one action. What it prints reaches out whole or, after an error, not at all.
func (h *Helper) Serve(action string, in io.Reader, out io.Writer) error {
	var reply bytes.Buffer
	if err := credentials.HandleCommand(h, action, in, &reply); err != nil {
		return inputError(err)
	}
	_, err := out.Write(reply.Bytes())
	return err
}

// Get implements the protocol's get: the credential under the best of the names that the server URL
// may have.
func (h *Helper) Get(serverURL string) (username, text string, err error) {
	keys, err := Keys(serverURL)
	if err != nil {
		return "", "", err
	}
	for _, key := range keys {
		if h.isLent(key) {
			return h.getLoan()
		}
		c, err := h.store.Get(h.ctx, key)
		if errors.Is(err, secretstore.ErrNotFound) {
			continue
		}
		if err == nil && c.Token != nil {
			c, err = h.fresh(key, c)
		}
		if err != nil {
			return "", "", err
		}
		return c.Username, c.Secret.Reveal(), nil
	}
	return "", "", credentials.NewErrCredentialsNotFound()
}

// Add implements the protocol's store.
func (h *Helper) Add(c *credentials.Credentials) error {
	key, err := Key(c.ServerURL)
	if err != nil {
		return err
	}
	if h.isLent(key) {
		return h.addToLoan(c)
	}
	policy, err := h.policy(key, c)
	if err != nil {
		return err
	}
	switch {
	case policy == settings.PasswordsStore:
		return h.put(key, c)
	case policy == settings.PasswordsExchange && h.opts.Tokens != nil:
		return h.opts.Tokens.Exchange(h.ctx, key, c.ServerURL, c.Username, secret.New(c.Secret))
	}
	return ErrPassword
}

// Keeps tells whether Add would store a credential as it is: anything but a password for Docker Hub,
// unless the user allowed that.
func (h *Helper) Keeps(c *credentials.Credentials) (bool, error) {
	key, err := Key(c.ServerURL)
	if err != nil {
		return false, err
	}
	policy, err := h.policy(key, c)
	return policy == settings.PasswordsStore, err
}

// policy is what to do with a credential, in the words of the setting for passwords. The user name
// `<token>` marks an identity token. A password for Docker Hub is not sent to another service that takes
// its place here.
func (h *Helper) policy(key string, c *credentials.Credentials) (string, error) {
	if key != h.registry && key != HubKey || c.Username == "<token>" || IsToken(c.Secret) {
		return settings.PasswordsStore, nil
	}
	prefs, err := h.opts.Preferences()
	if prefs.Passwords == settings.PasswordsExchange && key != h.registry {
		return settings.PasswordsRefuse, err
	}
	return prefs.Passwords, err
}

// IsToken tells a personal or an organization access token by its prefix, the one part of their form
// that Docker documents.
func IsToken(text string) bool {
	return strings.HasPrefix(text, "dckr_pat_") || strings.HasPrefix(text, "dckr_oat_")
}

// Delete implements the protocol's erase. What is not there is erased already. A token that we made has
// been shown to nobody, so it ends as well: the journal has it before it leaves the store.
func (h *Helper) Delete(serverURL string) error {
	key, err := Key(serverURL)
	if err != nil {
		return err
	}
	if h.isLent(key) {
		return h.store.Delete(h.ctx, LoanKey(key, h.opts.Loan))
	}
	if key != h.registry {
		return h.store.Delete(h.ctx, key)
	}
	return h.swap(key, nil)
}

// List implements the protocol's list. It names Docker Hub as Docker does and other servers as they
// were stored, so that what Docker finds here it can ask for; and it decrypts nothing.
func (h *Helper) List() (map[string]string, error) {
	entries, err := h.store.List(h.ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(entries))
	for key, e := range entries {
		if IsLoanKey(key) || h.isLent(key) {
			continue
		}
		name := e.ServerURL
		if again, err := Key(name); err != nil || again != key || key == HubKey {
			name = key
		}
		names[name] = e.Username
	}
	if e, ok := entries[LoanKey(h.registry, h.opts.Loan)]; ok && h.opts.Loan != "" {
		names[e.ServerURL] = e.Username
	}
	return names, nil
}

// inputError says what is wrong with standard input in words of our own: those of the JSON decoder may
// quote what could not be read, and the protocol library calls an overlong line a token.
func inputError(err error) error {
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("standard input is longer than the %d KiB that the protocol allows", bufio.MaxScanTokenSize/1024)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, new(*json.SyntaxError)), errors.As(err, new(*json.UnmarshalTypeError)):
		return errors.New("standard input is not a credential as Docker sends it: JSON with ServerURL, Username and Secret")
	}
	return err
}
