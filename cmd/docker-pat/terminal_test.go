//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

const patience = 30 * time.Second

// A desk has an account, a keychain, and a terminal to sit at. The account is moby, signed in.
type desk struct {
	t    *testing.T
	home string
	hub  *sandboxtest.Server
	env  []string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	keyring := testbed.KeyringFor(t)
	hub := sandboxtest.Start(t, sandbox.Options{Users: []sandbox.User{{Name: "moby", Password: "whale"}}})
	d := &desk{t: t, home: t.TempDir(), hub: hub}
	d.env = slices.Concat(keyring.Env(), hub.Environment(), []string{
		"HOME=" + d.home, "PATH=" + os.Getenv("PATH"), "TERM=xterm", "GORACE=atexit_sleep_ms=0", "DOCKER_CONFIG=" + filepath.Join(d.home, ".docker"),
	})
	d.feed("whale\n", "login", "-u", "moby", "--password-stdin")
	return d
}

// run runs docker-pat away from the terminal and returns its standard output.
func (d *desk) run(args ...string) string { d.t.Helper(); return d.feed("", args...) }

func (d *desk) feed(stdin string, args ...string) string {
	d.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(d.t.Context(), "docker-pat", args...)
	cmd.Env, cmd.Dir = d.env, d.home
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		d.t.Fatalf("docker-pat %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}

// A sitting is a run of docker-pat in a terminal of its own.
type sitting struct {
	d        *desk
	cmd      *exec.Cmd
	keyboard *os.File
	tty      *os.File // the side of the program; open, so that it can be looked at afterwards
	before   *term.State
	ended    chan error

	mu     sync.Mutex
	screen strings.Builder
	mute   bool // the terminal answers nothing that it is asked
	asked  int  // how much of the screen was searched for what it is asked
}

// A terminal has a width and, mostly, answers when it is asked where the cursor is.
type terminal struct {
	columns int
	mute    bool
	env     []string
}

// sit runs docker-pat with its streams on a pseudo-terminal.
func (d *desk) sit(at terminal, args ...string) *sitting {
	d.t.Helper()
	keyboard, tty, err := pty.Open()
	d.do(err)
	if at.columns == 0 {
		at.columns = 120
	}
	d.do(pty.Setsize(tty, &pty.Winsize{Rows: 50, Cols: uint16(at.columns)}))
	before, err := term.GetState(int(tty.Fd()))
	d.do(err)
	s := &sitting{d: d, keyboard: keyboard, tty: tty, before: before, ended: make(chan error, 1), mute: at.mute}
	s.cmd = exec.CommandContext(d.t.Context(), "docker-pat", args...)
	s.cmd.Env, s.cmd.Dir = slices.Concat(d.env, at.env), d.home
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = tty, tty, tty
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	d.do(s.cmd.Start())
	var reader sync.WaitGroup
	reader.Go(func() { _, _ = io.Copy(s, s.keyboard) }) // on Linux it ends with an error
	go func() { s.ended <- s.cmd.Wait() }()
	d.t.Cleanup(func() {
		d.do(tty.Close())
		reader.Wait() // the last of the terminal's ends is closed, so it ends
		d.do(keyboard.Close())
	})
	return s
}

func (d *desk) do(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

const (
	cursorQuestion = "\x1b[6n"
	cursorAnswer   = "\x1b[1;1R"
)

// Write puts something on the screen and answers the question where the cursor is.
func (s *sitting) Write(data []byte) (int, error) {
	s.mu.Lock()
	n, err := s.screen.Write(data)
	questions := strings.Count(s.screen.String()[s.asked:], cursorQuestion)
	if questions > 0 {
		s.asked = s.screen.Len()
	}
	s.mu.Unlock()
	if !s.mute {
		_, _ = io.WriteString(s.keyboard, strings.Repeat(cursorAnswer, questions))
	}
	return n, err
}

func (s *sitting) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.String()
}

// sees waits until a text is on the screen, after what was seen of it before.
func (s *sitting) sees(text string) {
	s.d.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(s.text(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.d.t.Fatalf("%q did not appear:\n%q", text, s.text())
		}
	}
}

func (s *sitting) types(text string) {
	s.d.t.Helper()
	_, err := io.WriteString(s.keyboard, text)
	s.d.do(err)
}

const endMark = "-- the end --"

// exits waits for the end, checks the exit code and that the terminal is as it was before, and returns what
// the screen has got, with "\n" at the ends of lines.
func (s *sitting) exits(code int) string {
	s.d.t.Helper()
	select {
	case err := <-s.ended:
		if err != nil && !errors.As(err, new(*exec.ExitError)) {
			s.d.t.Fatal(err)
		}
	case <-time.After(patience):
		s.d.t.Fatalf("it did not end:\n%q", s.text())
	}
	after, err := term.GetState(int(s.tty.Fd()))
	s.d.do(err)
	if !reflect.DeepEqual(after, s.before) {
		s.d.t.Errorf("the terminal was left changed: %+v, it was %+v", after, s.before)
	}
	_, err = io.WriteString(s.tty, endMark) // after all that the program wrote
	s.d.do(err)
	s.sees(endMark)
	text := strings.ReplaceAll(strings.TrimSuffix(s.text(), endMark), "\r\n", "\n")
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.d.t.Fatalf("exit code %d, want %d:\n%s", got, code, text)
	}
	return text
}
