package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// busConfig is a session bus without any service that it could start by itself, so that nothing
// but the keyring of the test can answer.
const busConfig = `<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
`

// A Keyring is a gnome-keyring of its own on a session bus of its own, unlocked and empty.
type Keyring struct {
	dir     string
	address string
	bus     *exec.Cmd
	stdin   io.Closer // the bus ends when this is closed, even by our own death
	daemon  *exec.Cmd
}

// KeyringFor starts a keyring for one test.
func KeyringFor(t testing.TB) *Keyring {
	t.Helper()
	k, err := StartKeyring(t.Context())
	Need(t, err)
	t.Cleanup(func() {
		if err := k.Stop(); err != nil {
			t.Errorf("stop the keyring: %v", err)
		}
	})
	return k
}

// StartKeyring starts a bus and a keyring, which takes about 0.1 s.
func StartKeyring(ctx context.Context) (*Keyring, error) {
	k, err := StartBus(ctx)
	if err != nil {
		return nil, err
	}
	if err := k.startDaemon(ctx, "pw"); err != nil {
		return nil, errors.Join(err, k.Stop())
	}
	return k, nil
}

// StartBus starts the bus alone: no service on it keeps secrets.
func StartBus(ctx context.Context) (*Keyring, error) {
	run, err := find("dbus-run-session")
	if err != nil {
		return nil, err
	}
	dir, err := scratch()
	if err != nil {
		return nil, err
	}
	k := &Keyring{dir: dir}
	for _, sub := range []string{"home", "run"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	config := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(config, []byte(busConfig), 0o600); err != nil {
		return nil, err
	}
	// The shell tells the address and then lives as long as its standard input.
	k.bus = exec.CommandContext(context.WithoutCancel(ctx), run, "--config-file="+config, "--",
		"sh", "-c", `echo "$DBUS_SESSION_BUS_ADDRESS"; exec cat >/dev/null`)
	k.bus.Env = k.baseEnv()
	if k.stdin, err = k.bus.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := k.bus.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := k.bus.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("no session bus: %w", err), k.Stop())
	}
	k.address = strings.TrimSpace(line)
	return k, nil
}

func (k *Keyring) startDaemon(ctx context.Context, password string) error {
	program, err := find("gnome-keyring-daemon")
	if err != nil {
		return err
	}
	k.daemon = exec.CommandContext(context.WithoutCancel(ctx), program, "--foreground", "--unlock", "--components=secrets")
	k.daemon.Env = append(k.baseEnv(), k.Env()...)
	k.daemon.Stdin = strings.NewReader(password)
	if err := k.daemon.Start(); err != nil {
		return err
	}
	return k.awaitService(ctx)
}

// awaitService waits until the keyring has its name on the bus: before that, calls are a race.
func (k *Keyring) awaitService(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	conn, err := dbus.Connect(k.address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	for {
		var owned bool
		err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, "org.freedesktop.secrets").Store(&owned)
		if err != nil || owned {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the keyring did not start: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Env is what a program needs to find this keyring, and no display.
func (k *Keyring) Env() []string {
	return []string{
		"DBUS_SESSION_BUS_ADDRESS=" + k.address,
		"XDG_RUNTIME_DIR=" + filepath.Join(k.dir, "run"),
		"DISPLAY=", "WAYLAND_DISPLAY=",
	}
}

// Getenv looks a name up in Env, for code that is not a process of its own.
func (k *Keyring) Getenv(name string) string {
	for _, kv := range k.Env() {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// Dir is the folder that holds all that the keyring has on disk.
func (k *Keyring) Dir() string { return k.dir }

// Lock locks the collection that secrets are kept in.
func (k *Keyring) Lock(ctx context.Context) error {
	conn, err := dbus.Connect(k.address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	collection := []dbus.ObjectPath{"/org/freedesktop/secrets/collection/login"}
	return conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets").
		CallWithContext(ctx, "org.freedesktop.Secret.Service.Lock", 0, collection).Err
}

// Stop ends the bus, with it the keyring, and removes their files.
func (k *Keyring) Stop() error {
	var errs []error
	if k.daemon != nil && k.daemon.Process != nil {
		errs = append(errs, k.daemon.Process.Kill())
		_ = k.daemon.Wait() // killed: its state is no news
	}
	if k.bus != nil && k.bus.Process != nil {
		errs = append(errs, k.stdin.Close(), k.bus.Wait())
	}
	return errors.Join(append(errs, os.RemoveAll(k.dir))...)
}

func (k *Keyring) baseEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(k.dir, "home"), "XDG_RUNTIME_DIR=" + filepath.Join(k.dir, "run")}
}
