package helper

import (
	"errors"
	"runtime"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/regularfile"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// Hint is the next step after a failure of the store or a refusal of the helper, or "". name is docker-pat as
// the user called it.
func Hint(name string, err error) string {
	for _, known := range []struct {
		fact error
		hint string
	}{
		{credhelper.ErrPassword, "make a token with " + name + " login and " + name + " create, which hands it to Docker"},
		{secretstore.ErrLocked, "unlock the keychain, by signing in to your desktop or with its own program, and try again"},
		{secretstore.ErrTimeout, "see whether the keychain waits for its password, or allow more time with DOCKER_PAT_KEYCHAIN_TIMEOUT"},
		{secretstore.ErrUnavailable, unavailableHint(runtime.GOOS)},
		{regularfile.ErrNotRegular, "put a file in its place, or remove it"},
		{regularfile.ErrNoAnswer, "see whether the disk or the share that it lies on is there"},
		{secretstore.ErrDamaged, "erase it with docker logout and make a new one"},
	} {
		if errors.Is(err, known.fact) {
			return known.hint
		}
	}
	return ""
}

func unavailableHint(goos string) string {
	if goos == "darwin" || goos == "windows" {
		return "check that your login keychain can be used in this session"
	}
	return "start a secret service (gnome-keyring, KWallet or KeePassXC) in this session, with DBUS_SESSION_BUS_ADDRESS set"
}
