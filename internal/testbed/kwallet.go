package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const kwalletConfig = `[Wallet]
Enabled=true
First Use=false
Default Wallet=kdewallet
Prompt on Open=false
[org.freedesktop.secrets]
apiEnabled=true
`

// A KWallet is the secret service of KDE on a bus of its own. Nobody sees its dialogs.
type KWallet struct {
	*Keyring
	program *daemon
}

// KWalletFor starts one for a test, open and empty.
func KWalletFor(t testing.TB) *KWallet {
	t.Helper()
	k, err := StartKWallet(t.Context())
	Need(t, err)
	t.Cleanup(func() {
		if err := k.Stop(); err != nil {
			t.Errorf("stop KWallet: %v", err)
		}
	})
	// It makes its wallet the first time, and serves it the second.
	Need(t, errors.Join(k.SignIn(t.Context()), awaitFile(t.Context(), k.program, k.wallet()), k.SignIn(t.Context())))
	Need(t, awaitDefault(t.Context(), k.Keyring, k.program))
	return k
}

// StartKWallet starts the bus. SignIn and StartLocked start the service.
func StartKWallet(ctx context.Context) (*KWallet, error) {
	if _, err := find("kwalletd5"); err != nil {
		return nil, err
	}
	bus, err := StartBus(ctx)
	if err != nil {
		return nil, err
	}
	k := &KWallet{Keyring: bus}
	config := filepath.Join(k.dir, "home", ".config")
	if err = os.Mkdir(config, 0o700); err == nil {
		err = os.WriteFile(filepath.Join(config, "kwalletrc"), []byte(kwalletConfig), 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, k.Stop())
	}
	return k, nil
}

func (k *KWallet) wallet() string {
	return filepath.Join(k.dir, "home", ".local", "share", "kwalletd", "kdewallet.kwl")
}

// StartLocked starts the service plainly, in place of one that runs: it would ask for the password.
func (k *KWallet) StartLocked(ctx context.Context) error { return k.run(ctx, nil, nil) }

// SignIn starts the service as the module that signs people in does, in place of one that runs: with the
// key of the wallet in a pipe, and the environment, which was not known before, by a socket.
func (k *KWallet) SignIn(ctx context.Context) error {
	address := k.path("kwallet.sock")
	_ = os.Remove(address) // of the time before
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", address)
	if err != nil {
		return err
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	socket, err := listener.(*net.UnixListener).File()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	key, keyIn, err := os.Pipe()
	if err != nil {
		return errors.Join(err, listener.Close(), socket.Close())
	}
	_, err = keyIn.WriteString(strings.Repeat("k", 56))
	err = errors.Join(err, keyIn.Close(), k.run(ctx, key, socket), listener.Close())
	if err != nil {
		return err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", address)
	if err != nil {
		return err
	}
	_, err = io.WriteString(conn, strings.Join(k.environment(), "\n")+"\n")
	return errors.Join(err, conn.Close(), k.awaitService(ctx))
}

func (k *KWallet) environment() []string {
	return append(append(k.baseEnv(), k.Env()[0]), "QT_QPA_PLATFORM=offscreen")
}

// run starts the service, with the files for signing in or without, and closes these.
func (k *KWallet) run(ctx context.Context, key, socket *os.File) error {
	if err := k.program.kill(); err != nil {
		return err
	}
	d := &daemon{logPath: k.path("kwallet.log"), ended: make(chan struct{})}
	log, err := os.Create(d.logPath)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the daemon has its own
	d.cmd = exec.CommandContext(context.WithoutCancel(ctx), "kwalletd5")
	d.cmd.Env, d.cmd.Stdout, d.cmd.Stderr, d.cmd.SysProcAttr = k.environment(), log, log, endsWithParent()
	if key != nil {
		d.cmd.Args = append(d.cmd.Args, "--pam-login", "3", "4")
		d.cmd.Env = append(d.cmd.Env, "PAM_KWALLET5_LOGIN=1")
		d.cmd.ExtraFiles = []*os.File{key, socket}
		defer func() { _, _ = key.Close(), socket.Close() }() // the daemon has its own
	}
	if err := d.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = d.cmd.Wait() // it is killed
		close(d.ended)
	}()
	k.program = d
	if key != nil {
		return nil // it waits for its environment
	}
	return k.awaitService(ctx)
}

func awaitFile(ctx context.Context, d *daemon, path string) error {
	return await(ctx, d, func(context.Context) error {
		info, err := os.Stat(path)
		if err == nil && info.Size() == 0 {
			err = fmt.Errorf("%s is empty", path)
		}
		return err
	})
}

// Stop ends KWallet and its bus, and removes their files.
func (k *KWallet) Stop() error { return errors.Join(k.program.kill(), k.Keyring.Stop()) }
