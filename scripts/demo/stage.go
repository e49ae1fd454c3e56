package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

// commandTimeout bounds each command that is shown.
const commandTimeout = time.Minute

// A stage is the machine that the story plays on: a home, a keychain and a Docker Hub of its own. It
// keeps the first outcome that is not as told; after that nothing is run any more.
type stage struct {
	ctx          context.Context
	home         string
	dockerConfig string
	registry     string
	keyring      *testbed.Keyring
	engine       *testbed.Engine
	hub          *exec.Cmd
	images       []string // to be removed from an engine that is not ours
	err          error
}

func newStage(ctx context.Context, bin string) (*stage, error) {
	home, err := os.MkdirTemp("", "docker-pat-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{ctx: ctx, home: home, dockerConfig: filepath.Join(home, ".docker")}
	if s.keyring, err = testbed.StartKeyring(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("no keychain of its own can be started (it takes Linux with dbus and gnome-keyring): %w", err), s.close())
	}
	local := filepath.Join(home, "bin") // where setup may put its link
	env := append(s.keyring.Env(), "HOME="+home, "DOCKER_CONFIG="+s.dockerConfig, "XDG_CONFIG_HOME=", "XDG_STATE_HOME=",
		"PATH="+strings.Join([]string{local, bin, os.Getenv("PATH")}, string(os.PathListSeparator)))
	if err := errors.Join(setenv(env), os.Mkdir(local, 0o700), s.startHub(ctx, bin)); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// startHub runs hub-sandbox as a user would, and takes over the variables that it prints.
func (s *stage) startHub(ctx context.Context, bin string) error {
	s.hub = exec.CommandContext(ctx, filepath.Join(bin, "hub-sandbox"), "--addr", "127.0.0.1:0", "--user", "moby:whale")
	s.hub.Cancel = func() error { return s.hub.Process.Signal(syscall.SIGTERM) }
	s.hub.WaitDelay = 5 * time.Second
	out, err := s.hub.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.hub.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for n := 0; n < 3 && lines.Scan(); n++ {
		if err := setenv([]string{strings.TrimPrefix(lines.Text(), "export ")}); err != nil {
			return err
		}
	}
	s.registry = os.Getenv("DOCKER_PAT_REGISTRY")
	if s.registry == "" {
		return errors.New("hub-sandbox did not start")
	}
	return lines.Err()
}

// close ends what was started and removes the scratch folder.
func (s *stage) close() error {
	var errs []error
	for _, image := range s.images {
		_ = exec.CommandContext(context.WithoutCancel(s.ctx), "docker", "image", "rm", "-f", image).Run() // it may be gone already
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Stop())
	}
	if s.hub != nil && s.hub.Process != nil {
		_ = s.hub.Process.Signal(syscall.SIGTERM)
		_ = s.hub.Wait() // its end is what was asked for
	}
	if s.keyring != nil {
		errs = append(errs, s.keyring.Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(s.home))...)
}

func (s *stage) title(text string) {
	if s.err == nil {
		fmt.Printf("\n# %s\n", text)
	}
}

func feed(text string) io.Reader { return strings.NewReader(text) }

// expect shows a command and what it prints, and checks its exit code and a part of what it printed.
func (s *stage) expect(code int, part string, stdin io.Reader, args ...string) {
	out, got := s.show(stdin, args...)
	switch {
	case s.err != nil:
	case got != code:
		s.err = fmt.Errorf("%s ended with %d instead of %d", strings.Join(args, " "), got, code)
	case !strings.Contains(out, part):
		s.err = fmt.Errorf("%s did not say %q", strings.Join(args, " "), part)
	}
}

// expectFailure is expect for a command that must not succeed.
func (s *stage) expectFailure(args ...string) {
	if _, got := s.show(nil, args...); s.err == nil && got == 0 {
		s.err = fmt.Errorf("%s succeeded", strings.Join(args, " "))
	}
}

func (s *stage) show(stdin io.Reader, args ...string) (output string, code int) {
	if s.err != nil {
		return "", 0
	}
	fmt.Printf("$ %s\n", strings.ReplaceAll(strings.Join(args, " "), s.home, "~"))
	ctx, cancel := context.WithTimeout(s.ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &out
	err := cmd.Run()
	text := strings.TrimRight(out.String(), "\n")
	if text != "" {
		fmt.Println("  " + strings.ReplaceAll(strings.ReplaceAll(text, s.home, "~"), "\n", "\n  "))
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return text, exit.ExitCode()
	case err != nil:
		s.err = err
	}
	return text, 0
}

// nowhere checks that the secret, which the helper tells Docker, is in no file of the scratch home.
func (s *stage) nowhere() {
	if s.err != nil {
		return
	}
	text, err := s.secret()
	if err != nil {
		s.err = err
		return
	}
	files := 0
	s.err = filepath.WalkDir(s.home, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(text)) {
			err = errors.New("the secret is in " + path)
		}
		return err
	})
	fmt.Printf("  (the secret is in none of the %d files below ~)\n", files)
}

func setenv(env []string) error {
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}
