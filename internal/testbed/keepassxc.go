package testbed

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	keePassDatabase = `<KeePassFile><Meta><CustomData><Item><Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{%x-%x-%x-%x-%x}</Value></Item>` +
		`</CustomData></Meta><Root><Group><UUID>%s</UUID><Name>Root</Name></Group></Root></KeePassFile>`
	keePassConfig = `[General]
ConfigVersion=2
OpenPreviousDatabasesOnStartup=false
UpdateCheckMessageShown=true
[FdoSecrets]
Enabled=true
ShowNotification=false
ConfirmDeleteItem=false
ConfirmAccessItem=false
`
)

// A KeePassXC serves one empty database as the secret service of a bus of its own. Nobody sees its
// dialogs, and nobody answers them.
type KeePassXC struct {
	*Keyring
	program *daemon
}

// KeePassXCFor starts one for a test, with its database open.
func KeePassXCFor(t testing.TB, settings ...string) *KeePassXC {
	t.Helper()
	k, err := StartKeePassXC(t.Context(), settings...)
	Need(t, err)
	t.Cleanup(func() {
		if err := k.Stop(); err != nil {
			t.Errorf("stop KeePassXC: %v", err)
		}
	})
	return k
}

// StartKeePassXC makes a database, which takes 0.4 s, and waits until it can be used. settings are lines
// NAME=VALUE for the secret service.
func StartKeePassXC(ctx context.Context, settings ...string) (*KeePassXC, error) {
	program, err := find("keepassxc")
	if err != nil {
		return nil, err
	}
	bus, err := StartBus(ctx)
	if err != nil {
		return nil, err
	}
	k := &KeePassXC{Keyring: bus}
	if err := k.start(ctx, program, keePassConfig+strings.Join(settings, "\n")); err != nil {
		return nil, errors.Join(err, k.Stop())
	}
	return k, nil
}

func (k *KeePassXC) start(ctx context.Context, program, config string) error {
	// TMPDIR: there it looks whether it runs already.
	env := append(append(k.baseEnv(), k.Env()...), "QT_QPA_PLATFORM=offscreen", "TMPDIR="+filepath.Join(k.dir, "run"))
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	xml := fmt.Sprintf(keePassDatabase, id[:4], id[4:6], id[6:8], id[8:10], id[10:], base64.StdEncoding.EncodeToString(id))
	files := map[string]string{"db.xml": xml, "kpx.ini": config, "password": Password + "\n"}
	for name, text := range files {
		if err := os.WriteFile(k.path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	database := k.path("db.kdbx")
	cmd := exec.CommandContext(ctx, program+"-cli", "import", "-q", "-p", k.path("db.xml"), database)
	cmd.Env, cmd.Stdin = env, strings.NewReader(Password+"\n"+Password+"\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make a database: %w\n%s", err, out)
	}
	var err error
	k.program, err = startDaemon(ctx, k.path("kpx.log"), env, "sh", "-c", `exec "$1" --pw-stdin --config "$2" "$3" <"$4"`, "sh",
		program, k.path("kpx.ini"), database, k.path("password"))
	if err != nil {
		return err
	}
	if err := k.awaitService(ctx); err != nil {
		return err
	}
	if err := awaitDefault(ctx, k.Keyring, k.program); err != nil {
		return err
	}
	return awaitLocked(ctx, k.Keyring, k.program, false)
}

// awaitLocked waits until the default collection of KeePassXC is locked, or open. Until it is open a search
// shows a dialog.
func awaitLocked(ctx context.Context, k *Keyring, d *daemon, want bool) error {
	conn, err := dbus.Connect(k.address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return await(ctx, d, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		var locked bool
		err := conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets/aliases/default").
			CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, "org.freedesktop.Secret.Collection", "Locked").Store(&locked)
		if err == nil && locked != want {
			err = fmt.Errorf("its database is locked: %v", locked)
		}
		return err
	})
}

// awaitDefault waits until a secret service has a default collection.
func awaitDefault(ctx context.Context, k *Keyring, d *daemon) error {
	conn, err := dbus.Connect(k.address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return await(ctx, d, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond) // too early a call gets no answer
		defer cancel()
		var collection dbus.ObjectPath
		err := conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets").
			CallWithContext(ctx, "org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&collection)
		if err == nil && collection == "/" {
			err = errors.New("there is no default collection")
		}
		return err
	})
}

// Lock locks the database.
func (k *KeePassXC) Lock(ctx context.Context) error {
	conn, err := dbus.Connect(k.address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	service := conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets")
	var collection dbus.ObjectPath
	if err := service.CallWithContext(ctx, "org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&collection); err != nil {
		return err
	}
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err = service.CallWithContext(ctx, "org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{collection}).Store(&locked, &prompt)
	if err == nil && prompt != "/" { // which shows nothing, but has to be gone through
		err = conn.Object("org.freedesktop.secrets", prompt).CallWithContext(ctx, "org.freedesktop.Secret.Prompt.Prompt", 0, "").Err
	}
	if err != nil {
		return err
	}
	return awaitLocked(ctx, k.Keyring, k.program, true)
}

// CloseDatabases leaves it without any: then it has no default collection.
func (k *KeePassXC) CloseDatabases(ctx context.Context) error {
	conn, err := dbus.Connect(k.address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return conn.Object("org.keepassxc.KeePassXC.MainWindow", "/keepassxc").
		CallWithContext(ctx, "org.keepassxc.KeePassXC.MainWindow.closeAllDatabases", 0).Err
}

// Stop ends KeePassXC and its bus, and removes their files.
func (k *KeePassXC) Stop() error { return errors.Join(k.program.kill(), k.Keyring.Stop()) }

func (k *Keyring) path(name string) string { return filepath.Join(k.dir, name) }
