package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A Desktop is a session bus as desktops have it, which starts the services that are installed when
// somebody calls them: gnome-keyring and its prompter among them.
type Desktop struct {
	*Keyring
	display string
	busd    *daemon
}

// DesktopFor starts a desktop for one test. display may be nil.
func DesktopFor(t testing.TB, display *Display) *Desktop {
	t.Helper()
	d, err := StartDesktop(t.Context(), display)
	Need(t, err)
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Errorf("stop the desktop: %v", err)
		}
	})
	return d
}

// StartDesktop starts the bus alone. The keyring comes with StartKeyring or with the first call, and then
// nobody has ever made a keyring in it.
func StartDesktop(ctx context.Context, display *Display) (*Desktop, error) {
	program, err := find("dbus-daemon")
	if err != nil {
		return nil, err
	}
	if _, err := find("gnome-keyring-daemon"); err != nil {
		return nil, err
	}
	dir, err := scratch()
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "run", "bus")
	d := &Desktop{Keyring: &Keyring{dir: dir, address: "unix:path=" + socket}}
	if display != nil {
		d.display = display.Name()
	}
	if err = errors.Join(os.Mkdir(filepath.Join(dir, "home"), 0o700), os.Mkdir(filepath.Dir(socket), 0o700)); err == nil {
		d.busd, err = startDaemon(ctx, filepath.Join(dir, "bus.log"), append(d.baseEnv(), d.displayEnv()...), program, "--session", "--nofork", "--address="+d.address)
	}
	if err == nil {
		err = await(ctx, d.busd, func(ctx context.Context) error {
			conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
			if err != nil {
				return err
			}
			return conn.Close()
		})
	}
	if err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return d, nil
}

// StartKeyring starts an unlocked keyring, as signing in does.
func (d *Desktop) StartKeyring(ctx context.Context) error { return d.startDaemon(ctx, Password) }

// Password opens what the keychains of this package lock.
const Password = "pw"

// Env is what a program of this desktop needs.
func (d *Desktop) Env() []string { return append(d.Keyring.Env(), d.displayEnv()...) }

func (d *Desktop) displayEnv() []string {
	if d.display == "" {
		return nil
	}
	return []string{"DISPLAY=" + d.display}
}

// Getenv looks a name up in Env.
func (d *Desktop) Getenv(name string) string {
	if name == "DISPLAY" {
		return d.display
	}
	return d.Keyring.Getenv(name)
}

// Stop ends the bus and all that it has started, and removes their files.
func (d *Desktop) Stop() error {
	return errors.Join(d.busd.stop(), d.Keyring.Stop(), awaitNone(d.dir))
}

// Signal sends a signal to the keyring.
func (k *Keyring) Signal(signal os.Signal) error { return k.daemon.Process.Signal(signal) }

// awaitNone waits until no process is left that has its home in a folder of ours.
func awaitNone(dir string) error {
	for range 500 {
		if len(processesOf(dir)) == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("there are processes left of %s: %v", dir, processesOf(dir))
}

// processesOf lists them by number, where there is a /proc.
func processesOf(dir string) (numbers []string) {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is right
	for _, environment := range environments {
		if text, err := os.ReadFile(environment); err == nil && strings.Contains(string(text), "HOME="+dir) {
			numbers = append(numbers, filepath.Base(filepath.Dir(environment)))
		}
	}
	return numbers
}
