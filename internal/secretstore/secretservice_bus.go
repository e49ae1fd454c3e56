//go:build linux || freebsd || netbsd || openbsd || dragonfly

package secretstore

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"github.com/godbus/dbus/v5"

	"github.com/docker-pat/docker-pat/internal/sessionbus"
)

// A bus is one connection to the session bus.
type bus struct {
	*sessionbus.Conn
	display bool // somebody can see a prompt
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
	err = again(func() error {
		return b.Go(ssName, ssPath, ssService+".SearchItems", attributes).Store(&unlocked, &locked)
	})
	return unlocked, locked, fact(err)
}

// again makes a call up to three times while the answer is that its object is not there. For the default
// collection, too, that can be wrong: gnome-keyring 42 puts its path in place of the alias in the thread that
// reads the bus, from memory that another thread may have freed. With eight callers at a time that was seen
// about once in a thousand calls.
func again(call func() error) (err error) {
	const tries = 3
	for range tries {
		if err = call(); !isMissing(err) {
			break
		}
	}
	return err
}

// defaultIsLocked fails where there is no default collection. That is not "nothing there": KeePassXC has
// none until its database has been opened.
func (b bus) defaultIsLocked() (locked bool, err error) {
	var value dbus.Variant
	err = again(func() error {
		return b.Go(ssName, ssDefault, "org.freedesktop.DBus.Properties.Get", ssCollection, "Locked").Store(&value)
	})
	locked, _ = value.Value().(bool)
	return locked, fact(err)
}

// unlock asks the service to unlock a collection or an item, which may show a prompt to the user. Without
// a display there is nobody to answer it, so it is not shown.
func (b bus) unlock(path dbus.ObjectPath) error {
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	if err := b.Go(ssName, ssPath, ssService+".Unlock", []dbus.ObjectPath{path}).Store(&unlocked, &prompt); err != nil {
		return fact(err)
	}
	if prompt == ssNoPath && len(unlocked) == 0 || prompt != ssNoPath && !b.display {
		return ErrLocked
	}
	return b.answer(prompt)
}

// answer goes through a prompt, if there is one, and waits for its end. KeePassXC has one for every item
// that it makes or deletes, which shows nothing while its database is open.
func (b bus) answer(prompt dbus.ObjectPath) error {
	const completed = ssPrompt + ".Completed"
	if prompt == ssNoPath {
		return nil
	}
	if !b.display {
		if locked, err := b.defaultIsLocked(); err != nil || locked {
			return cmp.Or(err, ErrLocked)
		}
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
		return fmt.Errorf("%w: its prompt was dismissed", ErrLocked)
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

// itemFact is fact for a call to an item that a search has found: missing, it was deleted since.
func itemFact(err error) error {
	if isMissing(err) {
		return ErrNotFound
	}
	return fact(err)
}
