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
	if _, _, err := bus.search(k.attributes(key)); err != nil {
		return err
	}
	session, err := bus.openSession()
	if err != nil {
		return err
	}
	properties := map[string]dbus.Variant{
		ssItem + ".Label":      dbus.MakeVariant("docker-pat: " + key),
		ssItem + ".Attributes": dbus.MakeVariant(k.attributes(key)),
	}
	create := func() error {
		var item, prompt dbus.ObjectPath
		const replace = true
		err := bus.Go(ssName, ssDefault, ssCollection+".CreateItem", properties, ss.NewSecret(session, value), replace).Store(&item, &prompt)
		if err != nil {
			return err
		}
		return bus.answer(prompt)
	}
	if err = create(); isLocked(err) {
		if err = bus.unlock(ssDefault); err == nil {
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
	item, err := bus.find(k.attributes(key))
	if err != nil {
		return err
	}
	var prompt dbus.ObjectPath
	if err := bus.Go(ssName, item, ssItem+".Delete").Store(&prompt); err != nil {
		return fact(err)
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
		if err := call.Store(&value); err != nil {
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

// A bus is one connection to the session bus.
type bus struct {
	*sessionbus.Conn
	display bool // somebody can see a prompt
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

func (b bus) close() { _ = b.Close() } // nothing is lost: every call has been answered or given up

// openSession must come after the answer to a search, see search. Secrets travel in plain over the bus
// socket, which belongs to the user, as with every client of go-keyring.
func (b bus) openSession() (path dbus.ObjectPath, err error) {
	var output dbus.Variant
	err = b.Go(ssName, ssPath, ssService+".OpenSession", "plain", dbus.MakeVariant("")).Store(&output, &path)
	return path, fact(err)
}

// find returns the item with these attributes. The search names locked items apart from unlocked
// ones, which saves asking for the state of the collection; only when nothing was found is that
// asked, since some services name no item of a locked collection.
func (b bus) find(attributes map[string]string) (dbus.ObjectPath, error) {
	unlocked, locked, err := b.search(attributes)
	if err != nil || len(unlocked) > 0 {
		return first(unlocked), err
	}
	if len(locked) > 0 {
		return locked[0], b.unlock(locked[0])
	}
	switch locked, err := b.defaultIsLocked(); {
	case err != nil:
		return "", err
	case !locked:
		return "", ErrNotFound
	}
	if err := b.unlock(ssDefault); err != nil {
		return "", err
	}
	if unlocked, _, err = b.search(attributes); err == nil && len(unlocked) == 0 {
		err = ErrNotFound
	}
	return first(unlocked), err
}

// search is the first call on each connection, and its answer is waited for before the next. Up to
// gnome-keyring 50 a caller is registered a moment after its first message came in. Messages that are
// handled before that find no caller: OpenSession and reading a property then abort the whole daemon,
// which comes back locked; a search answers that there is no such method. By the time of that answer the
// caller is registered. See GNOME/gnome-keyring issues 144 and 190, Debian bug 1147303.
func (b bus) search(attributes map[string]string) (unlocked, locked []dbus.ObjectPath, err error) {
	const tries = 3
	for range tries {
		err = b.Go(ssName, ssPath, ssService+".SearchItems", attributes).Store(&unlocked, &locked)
		if !isNamed(err, "org.freedesktop.DBus.Error.UnknownMethod") {
			break
		}
	}
	return unlocked, locked, fact(err)
}

// defaultIsLocked is false as well where no default collection has been made yet.
func (b bus) defaultIsLocked() (locked bool, err error) {
	var value dbus.Variant
	err = b.Go(ssName, ssDefault, "org.freedesktop.DBus.Properties.Get", ssCollection, "Locked").Store(&value)
	if isMissing(err) {
		return false, nil
	}
	locked, _ = value.Value().(bool)
	return locked, fact(err)
}

// unlock asks the service to unlock a collection or an item, which may show a prompt to the user.
func (b bus) unlock(path dbus.ObjectPath) error {
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	if err := b.Go(ssName, ssPath, ssService+".Unlock", []dbus.ObjectPath{path}).Store(&unlocked, &prompt); err != nil {
		return fact(err)
	}
	if prompt == ssNoPath && len(unlocked) == 0 {
		return ErrLocked
	}
	return b.answer(prompt)
}

// answer shows a prompt, if there is one, and waits for the user. Without a display there is nobody to
// answer it, so it is not shown. A dismissed prompt leaves the keychain locked.
func (b bus) answer(prompt dbus.ObjectPath) error {
	const completed = ssPrompt + ".Completed"
	switch {
	case prompt == ssNoPath:
		return nil
	case !b.display:
		return ErrLocked
	}
	rule := fmt.Sprintf("type='signal',interface='%s',path='%s'", ssPrompt, prompt)
	watch := b.Go("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.AddMatch", rule)
	show := b.Go(ssName, prompt, ssPrompt+".Prompt", "")
	if err := errors.Join(watch.Store(), show.Store()); err != nil {
		return fact(err)
	}
	answer, err := b.Signal(prompt, completed)
	if err != nil {
		return fact(err)
	}
	if len(answer) > 0 && answer[0] == true {
		return fmt.Errorf("%w: the prompt to unlock it was dismissed", ErrLocked)
	}
	return nil
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
	case err == nil, errors.Is(err, ErrLocked), errors.Is(err, ErrUnavailable):
		return err
	case isLocked(err):
		return ErrLocked
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrTimeout
	case isMissing(err):
		return fmt.Errorf("%w: the secret service has no default keychain yet", ErrUnavailable)
	case errors.As(err, &e):
		return fmt.Errorf("%w: %s", ErrUnavailable, e.Error())
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
