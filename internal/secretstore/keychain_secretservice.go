//go:build linux || freebsd || netbsd || openbsd || dragonfly

package secretstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/godbus/dbus/v5"
	ss "github.com/zalando/go-keyring/secret_service"
)

// Names of the Secret Service API, https://specifications.freedesktop.org/secret-service/.
const (
	ssName    = "org.freedesktop.secrets"
	ssPath    = dbus.ObjectPath("/org/freedesktop/secrets")
	ssDefault = ssPath + "/aliases/default"
	ssService = "org.freedesktop.Secret.Service"
	ssNoPath  = dbus.ObjectPath("/")
)

// secretService is the keychain of Linux and the BSDs: gnome-keyring, KWallet or KeePassXC over
// D-Bus. Items carry the two attributes that go-keyring gives them, so that its Get finds them too.
// It goes to D-Bus itself because go-keyring asks for the collections and unlocks them on each call,
// opens its session after the search, may start dbus-launch, and has no deadline.
type secretService struct {
	service string
	getenv  func(string) string
}

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
	session := bus.openSession(ctx) // answered while the search is under way
	item, err := bus.find(ctx, k.attributes(key))
	if err != nil {
		return "", err
	}
	path, err := session()
	if err != nil {
		return "", err
	}
	var value ss.Secret
	err = bus.Object(ssName, item).CallWithContext(ctx, "org.freedesktop.Secret.Item.GetSecret", 0, path).Store(&value)
	if err != nil {
		return "", fact(err)
	}
	return string(value.Value), nil
}

func (k secretService) Set(ctx context.Context, key, value string) error {
	bus, err := k.connect(ctx)
	if err != nil {
		return err
	}
	defer bus.close()
	path, err := bus.openSession(ctx)()
	if err != nil {
		return err
	}
	create := func() error {
		return bus.ss().CreateItem(bus.Object(ssName, ssDefault), "docker-pat: "+key, k.attributes(key), ss.NewSecret(path, value))
	}
	if err = create(); isLocked(err) {
		if err = bus.unlock(ctx, ssDefault); err == nil {
			err = create()
		}
	}
	return fact(err)
}

func (k secretService) Delete(ctx context.Context, key string) error {
	bus, err := k.connect(ctx)
	if err != nil {
		return err
	}
	defer bus.close()
	item, err := bus.find(ctx, k.attributes(key))
	if err != nil {
		return err
	}
	return fact(bus.ss().Delete(item))
}

func (k secretService) attributes(key string) map[string]string {
	return map[string]string{"service": k.service, "username": key}
}

// A bus is one connection to the session bus.
type bus struct {
	*dbus.Conn
	display bool // somebody can see a prompt
}

// connect never starts a bus: without an address or a socket there is no keychain to speak to.
func (k secretService) connect(ctx context.Context) (bus, error) {
	address, err := k.busAddress()
	if err != nil {
		return bus{}, err
	}
	conn, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return bus{}, fmt.Errorf("%w: session bus: %w", ErrUnavailable, err)
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

func (b bus) close() { _ = b.Close() } // nothing is lost: every call has been answered or given up

func (b bus) ss() *ss.SecretService { return &ss.SecretService{Conn: b.Conn} }

// openSession asks for a session now and returns a function that waits for it. Secrets travel in
// plain over the bus socket, which belongs to the user, as with every client of go-keyring.
func (b bus) openSession(ctx context.Context) (wait func() (dbus.ObjectPath, error)) {
	call := b.Object(ssName, ssPath).GoWithContext(ctx, ssService+".OpenSession", 0, nil, "plain", dbus.MakeVariant(""))
	return func() (dbus.ObjectPath, error) {
		var output dbus.Variant
		var path dbus.ObjectPath
		err := (<-call.Done).Store(&output, &path)
		return path, fact(err)
	}
}

// find returns the item with these attributes. The search names locked items apart from unlocked
// ones, which saves asking for the state of the collection; only when nothing was found is that
// asked, since some services name no item of a locked collection.
func (b bus) find(ctx context.Context, attributes map[string]string) (dbus.ObjectPath, error) {
	unlocked, locked, err := b.search(ctx, attributes)
	if err != nil || len(unlocked) > 0 {
		return first(unlocked), err
	}
	if len(locked) > 0 {
		return locked[0], b.unlock(ctx, locked[0])
	}
	switch locked, err := b.defaultIsLocked(ctx); {
	case err != nil:
		return "", err
	case !locked:
		return "", ErrNotFound
	}
	if err := b.unlock(ctx, ssDefault); err != nil {
		return "", err
	}
	if unlocked, _, err = b.search(ctx, attributes); err == nil && len(unlocked) == 0 {
		err = ErrNotFound
	}
	return first(unlocked), err
}

func (b bus) search(ctx context.Context, attributes map[string]string) (unlocked, locked []dbus.ObjectPath, err error) {
	call := b.Object(ssName, ssPath).CallWithContext(ctx, ssService+".SearchItems", 0, attributes)
	return unlocked, locked, fact(call.Store(&unlocked, &locked))
}

// defaultIsLocked is false as well where no default collection has been made yet.
func (b bus) defaultIsLocked(ctx context.Context) (locked bool, err error) {
	call := b.Object(ssName, ssDefault).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
		"org.freedesktop.Secret.Collection", "Locked")
	if err = call.Store(&locked); isMissing(err) {
		return false, nil
	}
	return locked, fact(err)
}

// unlock asks the service to unlock a collection or an item, which may show a prompt to the user.
// Without a display there is nobody to answer it, so it is not raised.
func (b bus) unlock(ctx context.Context, path dbus.ObjectPath) error {
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	call := b.Object(ssName, ssPath).CallWithContext(ctx, ssService+".Unlock", 0, []dbus.ObjectPath{path})
	if err := call.Store(&unlocked, &prompt); err != nil {
		return fact(err)
	}
	switch {
	case prompt == ssNoPath && len(unlocked) > 0:
		return nil
	case prompt == ssNoPath || !b.display:
		return ErrLocked
	}
	return b.answer(ctx, prompt)
}

// answer shows a prompt and waits for the user. A dismissed prompt leaves the keychain locked.
func (b bus) answer(ctx context.Context, prompt dbus.ObjectPath) error {
	const iface = "org.freedesktop.Secret.Prompt"
	if err := b.AddMatchSignalContext(ctx, dbus.WithMatchObjectPath(prompt), dbus.WithMatchInterface(iface)); err != nil {
		return fact(err)
	}
	signals := make(chan *dbus.Signal, 4)
	b.Signal(signals)
	if err := b.Object(ssName, prompt).CallWithContext(ctx, iface+".Prompt", 0, "").Err; err != nil {
		return fact(err)
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case s, open := <-signals:
			if !open {
				return fmt.Errorf("%w: the session bus went away", ErrUnavailable)
			}
			if s.Name != iface+".Completed" || s.Path != prompt || len(s.Body) == 0 {
				continue
			}
			if dismissed, _ := s.Body[0].(bool); dismissed {
				return fmt.Errorf("%w: the prompt to unlock it was dismissed", ErrLocked)
			}
			return nil
		}
	}
}

func first(paths []dbus.ObjectPath) dbus.ObjectPath {
	if len(paths) == 0 {
		return ""
	}
	return paths[0]
}

func isLocked(err error) bool { return isNamed(err, "org.freedesktop.Secret.Error.IsLocked") }

// isMissing tells that an object is not there, in the words of gnome-keyring or of the bus.
func isMissing(err error) bool {
	return isNamed(err, "org.freedesktop.Secret.Error.NoSuchObject") || isNamed(err, "org.freedesktop.DBus.Error.UnknownObject") ||
		isNamed(err, "org.freedesktop.DBus.Error.UnknownMethod")
}

func isNamed(err error, name string) bool {
	var e dbus.Error
	return errors.As(err, &e) && e.Name == name
}

// fact turns an error of D-Bus into one of ours. Anything that is not known to mean something else
// is a keychain that cannot be used.
func fact(err error) error {
	var e dbus.Error
	switch {
	case err == nil:
		return nil
	case isLocked(err):
		return ErrLocked
	case isMissing(err):
		return fmt.Errorf("%w: the secret service has no default keychain yet", ErrUnavailable)
	case errors.As(err, &e):
		return fmt.Errorf("%w: %s", ErrUnavailable, e.Error())
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
