//go:build !(linux || freebsd || netbsd || openbsd || dragonfly)

package secretstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/zalando/go-keyring"
)

// native is the keychain of macOS and Windows, by go-keyring. Its calls have no deadline of their
// own: the Store bounds them.
type native struct{ service string }

// NewKeychain returns the keychain of this system. service is the name that all items are filed
// under; getenv is used on systems where a session bus has to be found.
func NewKeychain(service string, _ func(string) string) Keychain { return parts{native{service}} }

func (k native) Get(_ context.Context, key string) (string, error) {
	value, err := keyring.Get(k.service, key)
	return value, nativeFact(err)
}

func (k native) Set(_ context.Context, key, value string) error {
	return nativeFact(keyring.Set(k.service, key, value))
}

func (k native) Delete(_ context.Context, key string) error {
	return nativeFact(keyring.Delete(k.service, key))
}

func nativeFact(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keyring.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
