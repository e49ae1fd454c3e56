//go:build !(linux || freebsd || netbsd || openbsd || dragonfly)

package secretstore

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/zalando/go-keyring"
)

// native is the keychain of macOS and Windows, by go-keyring. Its calls have no deadline of their
// own: the Store bounds them.
type native struct{ service string }

// NewKeychain returns the keychain of this system. service is the name that all items are filed
// under; getenv is used on systems where a session bus has to be found.
func NewKeychain(service string, _ func(string) string) Keychain { return parts{native{service}} }

func (k native) Get(_ context.Context, key string) (string, error) {
	value, err := keyring.Get(k.service, account(key))
	return value, nativeFact(err)
}

func (k native) Set(_ context.Context, key, value string) error {
	return nativeFact(keyring.Set(k.service, account(key), value))
}

func (k native) Delete(_ context.Context, key string) error {
	return nativeFact(keyring.Delete(k.service, account(key)))
}

// account is the name of an item. go-keyring quotes it for a shell, but what reads it on macOS is no shell: to
// `security -i` a quote between quotes is the end of an argument, and a backslash there goes away.
func account(key string) string {
	return strings.NewReplacer("%", "%25", "'", "%27", `\`, "%5C").Replace(key)
}

func nativeFact(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keyring.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return err
	case errors.As(err, &exit) && isRefusal(exit.ExitCode()):
		return fmt.Errorf("%w: security: %w", ErrLocked, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// isRefusal knows the exit codes of macOS' security for a keychain that it may not open: the lowest bytes of
// errSecInteractionNotAllowed (-25308), errSecAuthFailed (-25293) and errSecUserCanceled (-128).
func isRefusal(code int) bool { return code == 36 || code == 51 || code == 128 }
