//go:build !windows

package e2e

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

func TestTerminalLogin(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.terminal("docker-pat", "login", "-u", user)
	s.awaits("Password: ")
	s.types(password + "\r") // as fast as a program does that waits for the question
	s.exits(0).says("Signed in as " + user).hides(password)
	s.echoes()
	m.run("docker-pat", "status").exits(0).says(user + ", signed in")
	m.noneOnDisk()
}

func TestTerminalLoginWrongPassword(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.terminal("docker-pat", "login", "-u", user)
	s.awaits("Password: ")
	s.types("no-" + password + "\r")
	s.exits(1).says("check the name and the password").hides(password)
	s.echoes()
}

func TestTerminalInterrupted(t *testing.T) {
	t.Parallel()
	for name, interrupt := range map[string]func(*session){
		"Ctrl-C":  func(s *session) { s.types("half of it\x03") },
		"SIGTERM": func(s *session) { s.m.do(s.cmd.Process.Signal(syscall.SIGTERM)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			s := m.terminal("docker-pat", "login", "-u", user)
			s.awaits("Password: ")
			interrupt(s)
			s.exits(130).hides("half of it")
			s.echoes()
			m.run("docker-pat", "status").exits(0).says("not signed in")
		})
	}
}

func TestTerminalDelete(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	m.run("docker-pat", "create", "laptop").exits(0)
	s := m.terminal("docker", "pat", "delete", "laptop")
	s.awaits("Type its label to delete it: ")
	s.types("nothing of the kind\r")
	s.exits(0).says("Kept")
	s = m.terminal("docker", "pat", "delete", "laptop")
	s.awaits("Type its label to delete it: ")
	s.types("laptop\r")
	s.exits(0).says("Deleted laptop")
	m.holdsNothing(m.registry)
}

const endMark = "-- the end --"

// A session is a command in a terminal of its own.
type session struct {
	m        *machine
	cmd      *exec.Cmd
	keyboard *os.File // the side of whoever sits there
	tty      *os.File // the side of the command; open, so that it can be looked at afterwards
	before   *term.State
	ended    chan error

	mu     sync.Mutex
	screen strings.Builder
	grown  chan struct{} // has something when the screen has changed
}

func (m *machine) terminal(args ...string) *session {
	m.t.Helper()
	keyboard, tty, err := pty.Open()
	m.do(err)
	before, err := term.GetState(int(tty.Fd()))
	m.do(err)
	s := &session{m: m, keyboard: keyboard, tty: tty, before: before, ended: make(chan error, 1), grown: make(chan struct{}, 1)}
	s.cmd = exec.CommandContext(m.t.Context(), filepath.Join(m.bin, args[0]), args[1:]...)
	s.cmd.Env, s.cmd.Dir = m.env, m.home
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = tty, tty, tty
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	m.do(s.cmd.Start())
	var reader sync.WaitGroup
	reader.Go(s.watch)
	go func() { s.ended <- s.cmd.Wait() }()
	m.t.Cleanup(func() {
		m.do(tty.Close())
		reader.Wait() // the last of the terminal's ends is closed, so it ends
		m.do(keyboard.Close())
	})
	return s
}

// watch reads the screen until the terminal is closed.
func (s *session) watch() {
	_, _ = io.Copy(s, s.keyboard) // on Linux it ends with an error
}

// Write puts something on the screen.
func (s *session) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		select {
		case s.grown <- struct{}{}:
		default:
		}
	}()
	return s.screen.Write(data)
}

func (s *session) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.String()
}

// awaits waits until a text is on the screen.
func (s *session) awaits(text string) {
	s.m.t.Helper()
	deadline := time.After(commandTimeout)
	for !strings.Contains(s.text(), text) {
		select {
		case <-s.grown:
		case <-deadline:
			s.m.t.Fatalf("%q did not appear:\n%s", text, s.result(-1))
		}
	}
}

func (s *session) types(text string) {
	s.m.t.Helper()
	_, err := io.WriteString(s.keyboard, text)
	s.m.do(err)
}

// exits waits for the end and checks the exit code. What is on the screen comes back as standard output.
func (s *session) exits(code int) result {
	s.m.t.Helper()
	select {
	case err := <-s.ended:
		if err != nil && !errors.As(err, new(*exec.ExitError)) {
			s.m.t.Fatalf("%v:\n%s", err, s.result(-1))
		}
	case <-time.After(commandTimeout):
		s.m.t.Fatalf("it did not end:\n%s", s.result(-1))
	}
	_, err := io.WriteString(s.tty, endMark) // after all that the command wrote
	s.m.do(err)
	s.awaits(endMark)
	return s.result(s.cmd.ProcessState.ExitCode()).exits(code)
}

func (s *session) result(code int) result {
	return result{t: s.m.t, command: strings.Join(s.cmd.Args, " "), stdout: s.text(), code: code}
}

// echoes checks that the terminal is again as it was before.
func (s *session) echoes() {
	s.m.t.Helper()
	after, err := term.GetState(int(s.tty.Fd()))
	s.m.do(err)
	if !reflect.DeepEqual(after, s.before) {
		s.m.t.Errorf("the terminal was left changed: %+v, it was %+v", after, s.before)
	}
}
