//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

const (
	user     = "moby"
	password = "white-" + "whale-1851" // made up
)

// A machine is a computer with docker-pat on it, and its Docker Hub.
type machine struct {
	random   *rand.Rand
	home     string
	bin      string
	env      []string
	keyring  *testbed.Keyring
	hub      *sandbox.Sandbox
	listener *httptest.Server
	registry string // localhost:PORT
	account  *client.Client
	check    *client.Registry
	store    *secretstore.Store
	tally    tally

	requests  atomic.Int64    // all
	creations atomic.Int64    // those that make a token
	handedOut map[string]bool // ids of tokens that were printed, or may have been
	typical   map[string]time.Duration
}

func newMachine(ctx context.Context, bin string, random *rand.Rand) (*machine, error) {
	m := &machine{random: random, tally: newTally(), handedOut: map[string]bool{}, typical: map[string]time.Duration{}}
	var err error
	if m.home, err = os.MkdirTemp("", "docker-pat-torture-"); err != nil {
		return nil, err
	}
	if m.hub, err = sandbox.New(sandbox.Options{Users: []sandbox.User{{Name: user, Password: password}}}); err != nil {
		return nil, errors.Join(err, m.close())
	}
	emulated := m.hub.Handler()
	m.listener = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/hub/v2/access-tokens" {
			m.creations.Add(1)
		}
		m.requests.Add(1)
		emulated.ServeHTTP(w, r)
	}))
	_, port, _ := strings.Cut(strings.TrimPrefix(m.listener.URL, "http://"), ":")
	m.registry = "localhost:" + port
	if m.keyring, err = testbed.StartKeyring(ctx); err != nil {
		return nil, errors.Join(err, m.close())
	}
	if err := m.prepare(ctx, bin); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

func (m *machine) stateDir() string     { return filepath.Join(m.home, "state") }
func (m *machine) dockerConfig() string { return filepath.Join(m.home, "docker", "config.json") }

// prepare copies the programs, signs in and makes the first token.
func (m *machine) prepare(ctx context.Context, bin string) error {
	m.bin = filepath.Join(m.home, "bin")
	for _, dir := range []string{m.bin, m.stateDir(), filepath.Dir(m.dockerConfig()), filepath.Join(m.home, "run")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for _, name := range []string{"docker-pat", "docker-credential-pat"} {
		data, err := os.ReadFile(filepath.Join(bin, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(m.bin, name), data, 0o700)
		}
		if err != nil {
			return fmt.Errorf("%w (make build makes it)", err)
		}
	}
	m.env = append(m.keyring.Env(), m.hub.Environment(strings.TrimPrefix(m.listener.URL, "http://"))...)
	m.env = append(
		m.env, "HOME="+m.home, "PATH="+m.bin+":/usr/bin:/bin", "DOCKER_CONFIG="+filepath.Dir(m.dockerConfig()),
		"DOCKER_PAT_STATE_DIR="+m.stateDir(), "XDG_RUNTIME_DIR="+filepath.Join(m.home, "run"), "DOCKER_PAT_KEYCHAIN_TIMEOUT=20s",
	)
	m.store = secretstore.New(secretstore.Options{
		Keychain: secretstore.NewKeychain("docker-pat", m.getenv), StateDir: m.stateDir(), Timeout: 20 * time.Second,
	})
	if err := m.signIn(ctx); err != nil {
		return err
	}
	if out, err := m.command(ctx, password, "docker-pat", "login", "-u", user, "--password-stdin").CombinedOutput(); err != nil {
		return fmt.Errorf("docker-pat login: %w: %s", err, out)
	}
	return nil
}

// signIn makes clients that see the truth.
func (m *machine) signIn(ctx context.Context) error {
	hub, err := client.New(client.Options{BaseURL: m.listener.URL + sandbox.HubPath, UserAgent: "torture"})
	if err != nil {
		return err
	}
	session, err := hub.SignIn(ctx, user, secret.New(password))
	if err != nil {
		return err
	}
	m.account = hub.WithBearer(session.Bearer)
	m.check, err = client.NewRegistry("http://"+m.registry, "torture")
	return err
}

func (m *machine) getenv(name string) string {
	for i := len(m.env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(m.env[i], name+"="); ok {
			return value
		}
	}
	return ""
}

func (m *machine) close() error {
	var errs []error
	if m.listener != nil {
		m.listener.CloseClientConnections()
		m.listener.Close()
	}
	if m.keyring != nil {
		errs = append(errs, m.keyring.Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(m.home))...)
}

// command is a program that belongs to a group of its own, so that all of it can be killed.
func (m *machine) command(ctx context.Context, stdin string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(m.bin, args[0]), args[1:]...)
	cmd.Env = m.env
	cmd.Dir = m.home
	cmd.Stdin = strings.NewReader(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// A running command, and what it has printed.
type running struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan error
}

func (m *machine) start(ctx context.Context, stdin string, args ...string) (*running, error) {
	r := &running{cmd: m.command(ctx, stdin, args...), done: make(chan error, 1)}
	r.cmd.Stdout = &r.out
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { r.done <- r.cmd.Wait() }()
	return r, nil
}

// wait ends when all of the group has: what the command has started goes on when that is killed alone.
func (r *running) wait() error {
	const patience = 2 * time.Minute
	<-r.done //nolint:errcheck // how it ended is no matter
	for end := time.Now().Add(patience); syscall.Kill(-r.cmd.Process.Pid, 0) == nil; time.Sleep(time.Millisecond) {
		_, _ = syscall.Wait4(-r.cmd.Process.Pid, nil, syscall.WNOHANG, nil) // orphans come to us
		if time.Now().After(end) {
			return fmt.Errorf("%s hangs", r.cmd)
		}
	}
	return nil
}

// kill ends the whole group, or its leader alone, unless the command has ended.
func (r *running) kill(group bool) (inTime bool) {
	select {
	case err := <-r.done:
		r.done <- err
		return false
	default:
	}
	pid := r.cmd.Process.Pid
	if group {
		pid = -pid
	}
	return syscall.Kill(pid, syscall.SIGKILL) == nil
}
