//go:build linux || freebsd || netbsd || openbsd || dragonfly

package secretstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/godbus/dbus/v5"
	ss "github.com/zalando/go-keyring/secret_service"

	"github.com/docker-pat/docker-pat/internal/sessionbus"
)

// Names of the Secret Service API, https://specifications.freedesktop.org/secret-service/.
const (
	ssName    = "org.freedesktop.secrets"
	ssPath    = dbus.ObjectPath("/org/freedesktop/secrets")
	ssDefault = ssPath + "/aliases/default"
	ssNoPath  = dbus.ObjectPath("/") // no prompt is needed

	ssService    = "org.freedesktop.Secret.Service"
	ssCollection = "org.freedesktop.Secret.Collection"
	ssItem       = "org.freedesktop.Secret.Item"
	ssPrompt     = "org.freedesktop.Secret.Prompt"
)

// secretService is the keychain of Linux and the BSDs: gnome-keyring, KWallet or KeePassXC over
// D-Bus. Items carry the two attributes that go-keyring gives them, so that its Get finds them too.
// go-keyring's own calls are not used because they ask for the collections and unlock them each time,
// open their session after the search, may start dbus-launch, and have no deadline.
type secretService struct {
	service string
	getenv  func(string) string
}

var _ Lister = secretService{}

// NewKeychain returns the keychain of this system. service is the name that all items are filed
// under; getenv is used to find the session bus.
func NewKeychain(service string, getenv func(string) string) Keychain {
	return secretService{service: service, getenv: getenv}
}

func (k secretService) Get(ctx context.Context, key string) (string, error) {
	bus, err := k.connect(ctx)
	if err != nil {
		return "", err
	}
	defer bus.close()
	item, err := bus.find(k.attributes(key))
	if err != nil {
		return "", err
	}
	session, err := bus.openSession()
	if err != nil {
		return "", err
	}
	var value ss.Secret
	if err := bus.Go(ssName, item, ssItem+".GetSecret", session).Store(&value); err != nil {
		return "", itemFact(err)
	}
	return string(value.Value), nil
}

func (k secretService) Set(ctx context.Context, key, value string) error {
	bus, err := k.connect(ctx)
	if err != nil {
		return err
	}
	defer bus.close()
	held, _, err := bus.search(k.attributes(key))
	if err != nil {
		return err
	}
	session, err := bus.openSession()
	if err != nil {
		return err
	}
	// KeePassXC asks the user before it replaces an item, not before it changes the secret of one.
	if len(held) > 0 {
		err := bus.Go(ssName, held[0], ssItem+".SetSecret", ss.NewSecret(session, value)).Store()
		if !isLocked(err) && !isMissing(err) { // locked or deleted since the search
			return fact(err)
		}
	}
	properties := map[string]dbus.Variant{
		ssItem + ".Label":      dbus.MakeVariant("docker-pat: " + key),
		ssItem + ".Attributes": dbus.MakeVariant(k.attributes(key)),
	}
	create := func() (prompt dbus.ObjectPath, err error) {
		var item dbus.ObjectPath
		const replace = true
		err = again(func() error {
			return bus.Go(ssName, ssDefault, ssCollection+".CreateItem", properties, ss.NewSecret(session, value), replace).Store(&item, &prompt)
		})
		return prompt, err
	}
	prompt, err := create()
	if isLocked(err) {
		if err := bus.unlock(ssDefault); err != nil {
			return err
		}
		prompt, err = create()
	}
	if err != nil {
		return fact(err)
	}
	return bus.answer(prompt)
}

func (k secretService) Delete(ctx context.Context, key string) error {
	bus, err := k.connect(ctx)
	if err != nil {
		return err
	}
	defer bus.close()
	item, err := bus.find(k.attributes(key))
	if err != nil {
		return err
	}
	var prompt dbus.ObjectPath
	if err := bus.Go(ssName, item, ssItem+".Delete").Store(&prompt); err != nil {
		return itemFact(err)
	}
	return bus.answer(prompt)
}

// Keys names the items by their attributes, which are not encrypted.
func (k secretService) Keys(ctx context.Context) ([]string, error) {
	bus, err := k.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer bus.close()
	unlocked, locked, err := bus.search(map[string]string{"service": k.service})
	if err != nil {
		return nil, err
	}
	var calls []sessionbus.Call
	for _, item := range append(unlocked, locked...) {
		calls = append(calls, bus.Go(ssName, item, "org.freedesktop.DBus.Properties.Get", ssItem, "Attributes"))
	}
	var keys []string
	for _, call := range calls {
		var value dbus.Variant
		if err := call.Store(&value); isMissing(err) {
			continue // deleted since the search
		} else if err != nil {
			return nil, fact(err)
		}
		if attributes, ok := value.Value().(map[string]string); ok {
			keys = append(keys, attributes["username"])
		}
	}
	return keys, nil
}

func (k secretService) attributes(key string) map[string]string {
	return map[string]string{"service": k.service, "username": key}
}

// connect never starts a bus: without an address or a socket there is no keychain to speak to.
func (k secretService) connect(ctx context.Context) (bus, error) {
	address, err := k.busAddress()
	if err != nil {
		return bus{}, err
	}
	conn, err := sessionbus.Dial(ctx, address)
	if err != nil {
		return bus{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return bus{conn, k.getenv("DISPLAY") != "" || k.getenv("WAYLAND_DISPLAY") != ""}, nil
}

// busAddress finds the session bus where libdbus looks for it, short of launching one.
func (k secretService) busAddress() (string, error) {
	if a := k.getenv("DBUS_SESSION_BUS_ADDRESS"); a != "" && a != "autolaunch:" {
		return a, nil
	}
	if dir := k.getenv("XDG_RUNTIME_DIR"); dir != "" {
		socket := filepath.Join(dir, "bus")
		if info, err := os.Stat(socket); err == nil && info.Mode().Type() == os.ModeSocket {
			return "unix:path=" + dbus.EscapeBusAddressValue(socket), nil
		}
	}
	return "", fmt.Errorf("%w: no D-Bus session bus", ErrUnavailable)
}
