// Package e2e tries docker-pat with the real Docker command line, engine and keychain, and with skopeo,
// podman, buildah, crane, oras and both Docker Composes. Only Docker Hub is emulated. Everything runs in scratch folders and on loopback.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

const (
	user         = "moby"
	organization = "acme" // owned by user
	password     = "white-whale-1851"

	// notFound is how the protocol says that there is no credential. Docker goes on without one then.
	notFound = "credentials not found in native keychain\n"

	commandTimeout = 60 * time.Second
)

var builtDir string // holds docker-pat and docker-credential-pat, built from this tree

func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case browserName:
		os.Exit(playBrowser(os.Args))
	case spyName:
		os.Exit(playSpy())
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "docker-pat-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	builtDir = dir
	build := exec.CommandContext(context.Background(), "go", "build", "-o", dir+string(filepath.Separator), "../cmd/docker-pat", "../cmd/docker-credential-pat")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %v\n%s", build, err, out)
		return 1
	}
	return m.Run()
}

// A machine is a computer with Docker and docker-pat on it, whose user has an account at its own
// Docker Hub, a keychain of its own, and no engine.
type machine struct {
	t            *testing.T
	home, bin    string
	dockerConfig string // the folder
	registry     string // localhost:PORT
	hub          *sandboxtest.Server
	keyring      *testbed.Keyring
	env          []string
	seen         map[string]bool // names of processes that watch has looked at
}

// newMachine has the programs on PATH and nothing else, so that no credential helper of the computer
// it runs on is found.
func newMachine(t *testing.T, programs ...string) *machine {
	t.Helper()
	home := t.TempDir()
	m := &machine{
		t: t, home: home, bin: filepath.Join(home, "bin"), dockerConfig: filepath.Join(home, "docker"),
		keyring: testbed.KeyringFor(t), hub: newHub(t, password), seen: map[string]bool{},
	}
	m.registry = registryOf(m.hub)
	m.do(os.Mkdir(m.bin, 0o700))
	for _, name := range []string{"docker-pat", "docker-credential-pat"} {
		m.do(os.Link(filepath.Join(builtDir, name), filepath.Join(m.bin, name)))
	}
	for _, name := range append(programs, "docker") {
		m.do(os.Symlink(program(t, name), filepath.Join(m.bin, name)))
	}
	m.env = slices.Concat(m.keyring.Env(), m.hub.Environment(), []string{
		"HOME=" + home, "PATH=" + m.bin, "DOCKER_CONFIG=" + m.dockerConfig,
		"DOCKER_HOST=unix://" + filepath.Join(home, "no-engine.sock"),
	})
	return m
}

func newHub(t *testing.T, password string) *sandboxtest.Server {
	t.Helper()
	return sandboxtest.Start(t, sandbox.Options{
		Users:         []sandbox.User{{Name: user, Password: password}},
		Organizations: []sandbox.Organization{{Name: organization, Owners: []string{user}}},
	})
}

func registryOf(hub *sandboxtest.Server) string {
	_, port, _ := strings.Cut(hub.Addr, ":")
	return "localhost:" + port
}

// program finds a program of the computer that the test runs on.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		testbed.Need(t, fmt.Errorf("%s: %w", name, testbed.ErrMissing))
	}
	return path
}

func (m *machine) do(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// A result is what a command did. Its checks show the whole of it when they fail.
type result struct {
	t              *testing.T
	command        string
	stdout, stderr string
	code           int
}

// run runs a command without input.
func (m *machine) run(args ...string) result {
	m.t.Helper()
	return m.runWith(nil, "", args...)
}

// feed runs a command with input.
func (m *machine) feed(stdin string, args ...string) result {
	m.t.Helper()
	return m.runWith(nil, stdin, args...)
}

// runWith runs a command with more environment and with input, and never waits for ever.
func (m *machine) runWith(env []string, stdin string, args ...string) result {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), commandTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(m.bin, args[0]), args[1:]...)
	cmd.Env, cmd.Dir = slices.Concat(m.env, env), m.home
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	r := result{t: m.t, command: strings.Join(args, " "), stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
	if ctx.Err() != nil {
		m.t.Fatalf("it did not end in %v: %s", commandTimeout, r)
	}
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		m.t.Fatalf("%v: %s", err, r)
	}
	return r
}

func (r result) String() string {
	return fmt.Sprintf("$ %s\nstandard output: %q\nstandard error: %q\nexit code %d", r.command, r.stdout, r.stderr, r.code)
}

// exits checks the exit code. What follows makes no sense without it.
func (r result) exits(code int) result {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("exit code %d was expected:\n%s", code, r)
	}
	return r
}

// says checks for a part of what was written to either stream.
func (r result) says(parts ...string) result {
	r.t.Helper()
	for _, part := range parts {
		if !strings.Contains(r.stdout+r.stderr, part) {
			r.t.Errorf("%q is missing:\n%s", part, r)
		}
	}
	return r
}

// hides checks that a text was written to neither stream.
func (r result) hides(parts ...string) result {
	r.t.Helper()
	for _, part := range parts {
		if strings.Contains(r.stdout+r.stderr, part) {
			r.t.Errorf("%q should not be there:\n%s", part, r)
		}
	}
	return r
}

// prints checks the whole of standard output.
func (r result) prints(want string) result {
	r.t.Helper()
	if r.stdout != want {
		r.t.Errorf("standard output should be %q:\n%s", want, r)
	}
	return r
}

func (r result) decode(v any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), v); err != nil {
		r.t.Fatalf("standard output is no such JSON: %v\n%s", err, r)
	}
}
