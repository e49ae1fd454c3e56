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

	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// A Store holds credentials by key. Get fails with secretstore.ErrNotFound for what is not there;
// Delete does not.
type Store interface {
	Get(ctx context.Context, key string) (secretstore.Credential, error)
	Put(ctx context.Context, key string, c secretstore.Credential) error
	Delete(ctx context.Context, key string) error
	List(ctx context.Context) (map[string]secretstore.Entry, error)
}

var _ Store = (*secretstore.Store)(nil)

// ErrPassword refuses a password for Docker Hub.
var ErrPassword = errors.New("this is a password, and passwords are not kept")

// A Helper serves one call of the protocol.
type Helper struct {
	// The protocol's interface has no place for a context, so the one of the call is kept here.
	ctx           context.Context
	store         Store
	registry      string
	keepPasswords func() (bool, error)
}

// Options of New.
type Options struct {
	Store Store
	// Registry is the server URL that the user's tokens belong to, Docker Hub's if not the sandbox's.
	Registry string
	// KeepPasswords says whether a password for Docker Hub may be stored. It is asked only when one
	// comes.
	KeepPasswords func() (bool, error)
}

// New returns a Helper for one call.
func New(ctx context.Context, opts Options) (*Helper, error) {
	registry, err := Key(opts.Registry)
	if err != nil {
		return nil, fmt.Errorf("registry %q: %w", opts.Registry, err)
	}
	return &Helper{ctx: ctx, store: opts.Store, registry: registry, keepPasswords: opts.KeepPasswords}, nil
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
		c, err := h.store.Get(h.ctx, key)
		if errors.Is(err, secretstore.ErrNotFound) {
			continue
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
	keeps, err := h.Keeps(c)
	if err != nil {
		return err
	}
	if !keeps {
		return ErrPassword
	}
	return h.store.Put(h.ctx, key, secretstore.Credential{
		ServerURL: c.ServerURL, Username: c.Username, Secret: secret.New(c.Secret), Token: h.knownToken(key, c),
	})
}

// knownToken keeps what is known of a token of ours: Docker stores at each login what it was given
// before. The index says, without asking the keychain, whether there is anything to keep.
func (h *Helper) knownToken(key string, c *credentials.Credentials) *secretstore.Token {
	if entries, err := h.store.List(h.ctx); err != nil || entries[key].Token == nil {
		return nil
	}
	held, err := h.store.Get(h.ctx, key)
	if err != nil || held.Username != c.Username || held.Secret.Reveal() != c.Secret {
		return nil
	}
	return held.Token
}

// Keeps tells whether Add would store a credential: anything but a password for Docker Hub, unless the
// user allowed that. The user name `<token>` marks an identity token.
func (h *Helper) Keeps(c *credentials.Credentials) (bool, error) {
	key, err := Key(c.ServerURL)
	if err != nil {
		return false, err
	}
	if key != h.registry && key != HubKey || c.Username == "<token>" || IsToken(c.Secret) {
		return true, nil
	}
	return h.keepPasswords()
}

// IsToken tells a personal or an organization access token by its prefix, the one part of their form
// that Docker documents.
func IsToken(text string) bool {
	return strings.HasPrefix(text, "dckr_pat_") || strings.HasPrefix(text, "dckr_oat_")
}

// Delete implements the protocol's erase. What is not there is erased already.
func (h *Helper) Delete(serverURL string) error {
	key, err := Key(serverURL)
	if err != nil {
		return err
	}
	return h.store.Delete(h.ctx, key)
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
		name := e.ServerURL
		if again, err := Key(name); err != nil || again != key || key == HubKey {
			name = key
		}
		names[name] = e.Username
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
