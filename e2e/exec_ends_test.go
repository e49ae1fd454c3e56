//go:build linux

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestExecTerminated passes SIGTERM on to the command, and deletes the token after it.
func TestExecTerminated(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script string
		code   int
	}{
		"ends by it":  {"echo $$ >pid; exec sleep 60", 143},
		"cleans up":   {"sleep 60 & child=$!; trap 'kill $child; exit 5' TERM; echo $$ >pid; wait; exit 6", 5},
		"ends itself": {"trap '' TERM; echo $$ >pid; while ! [ -e go ]; do sleep 0.01; done; exit 7", 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newExecMachine(t)
			cmd := m.start("docker-pat", "exec", "--scope", "repo:read", "--", "sh", "-c", tt.script)
			m.commandOf(cmd)
			if all := m.tokens(); len(all) != 1 {
				t.Errorf("the command should have a token of its own: %+v", all)
			}
			m.do(cmd.Process.Signal(syscall.SIGTERM))
			m.do(os.WriteFile(filepath.Join(m.home, "go"), nil, 0o600))
			if code := m.wait(cmd); code != tt.code {
				t.Errorf("exit code %d, expected %d", code, tt.code)
			}
			m.isAsBefore()
		})
	}
}

// TestExecInterrupted presses Ctrl-C on a terminal, which reaches the command by itself.
func TestExecInterrupted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script string
		code   int
	}{
		"ends by it": {"echo ready; exec sleep 60", 130},
		"handles it": {"trap 'exit 41' INT; echo ready; while :; do sleep 0.05; done", 41},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newExecMachine(t)
			s := m.terminal("docker-pat", "exec", "--scope", "repo:read", "--", "sh", "-c", tt.script)
			s.awaits("ready")
			s.types("\x03")
			s.exits(tt.code)
			s.echoes()
			m.isAsBefore()
		})
	}
}

// TestExecKilled leaves everything to the next command, and the command without its token.
func TestExecKilled(t *testing.T) {
	t.Parallel()
	m := newExecMachine(t)
	cmd := m.start("docker-pat", "exec", "--scope", "repo:read", "--", "sh", "-c", "echo $$ >pid; exec sleep 60")
	command := m.commandOf(cmd)
	t.Cleanup(func() { m.do(command.Kill()) })
	m.do(cmd.Process.Kill())
	m.wait(cmd)
	folders, err := filepath.Glob(filepath.Join(m.variable("XDG_RUNTIME_DIR"), "docker-pat-exec-*"))
	if err != nil || len(folders) != 1 {
		t.Errorf("the folder of the command should be left: %v, %v", folders, err)
	}
	m.run("docker-credential-pat", "list").exits(0)
	m.noneOnDisk(tokenMarks()...)
	m.isAsBefore()
}

// start runs a command and goes on.
func (m *machine) start(args ...string) *exec.Cmd {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), filepath.Join(m.bin, args[0]), args[1:]...)
	cmd.Env, cmd.Dir = m.env, m.home
	cmd.WaitDelay = time.Second
	m.do(cmd.Start())
	return cmd
}

// commandOf waits for the process that has written its number to the file pid.
func (m *machine) commandOf(cmd *exec.Cmd) *os.Process {
	m.t.Helper()
	for end := time.Now().Add(commandTimeout); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(m.home, "pid"))
		number, complete := strings.CutSuffix(string(text), "\n")
		if err != nil || !complete {
			continue
		}
		pid, err := strconv.Atoi(number)
		m.do(err)
		if parent, err := parentOf(pid); err != nil || parent != cmd.Process.Pid {
			m.t.Fatalf("%d is no child of %d: %d, %v", pid, cmd.Process.Pid, parent, err)
		}
		process, err := os.FindProcess(pid)
		m.do(err)
		return process
	}
	m.t.Fatal("the command was not started")
	return nil
}

// wait returns the exit code, -1 after a signal.
func (m *machine) wait(cmd *exec.Cmd) int {
	m.t.Helper()
	if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		m.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}
