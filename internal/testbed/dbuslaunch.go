package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// A Launcher is a home without a session bus, and with a dbus-launch on PATH that tells whether it was
// started. Libraries of D-Bus start it when they find no bus, and the bus that it makes stays behind.
type Launcher struct{ dir string }

// LauncherFor makes one for a test.
func LauncherFor(t testing.TB) *Launcher {
	t.Helper()
	l, err := NewLauncher()
	Need(t, err)
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Errorf("stop what dbus-launch started: %v", err)
		}
	})
	return l
}

// NewLauncher starts nothing.
func NewLauncher() (*Launcher, error) {
	program, err := find("dbus-launch")
	if err != nil {
		return nil, err
	}
	if _, err := find("dbus-daemon"); err != nil {
		return nil, err
	}
	dir, err := scratch()
	if err != nil {
		return nil, err
	}
	l := &Launcher{dir: dir}
	err = errors.Join(os.Mkdir(l.path("bin"), 0o700), os.Mkdir(l.path("run"), 0o700))
	if err == nil {
		script := fmt.Sprintf("#!/bin/sh\necho \"$*\" >>%q\nexec %q \"$@\"\n", l.path("started"), program)
		err = os.WriteFile(l.path("bin", "dbus-launch"), []byte(script), 0o700)
	}
	if err != nil {
		return nil, errors.Join(err, l.Stop())
	}
	return l, nil
}

// Env is the whole environment of a program that must not start it.
func (l *Launcher) Env() []string {
	return []string{
		"PATH=" + l.path("bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME=" + l.dir, "XDG_RUNTIME_DIR=" + l.path("run"), "DISPLAY=:0",
	}
}

// Launch starts it, as a program that finds no bus does.
func (l *Launcher) Launch(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, l.path("bin", "dbus-launch"))
	cmd.Env = l.Env()
	if out, err := cmd.Output(); err != nil {
		return fmt.Errorf("dbus-launch: %w\n%s", err, out)
	}
	return nil
}

// Started tells whether it was, ever, or has left a process.
func (l *Launcher) Started() bool {
	_, err := os.Stat(l.path("started"))
	return err == nil || len(processesOf(l.dir)) > 0
}

// Stop ends the buses that were left and removes the files.
func (l *Launcher) Stop() error {
	var errs []error
	for _, number := range processesOf(l.dir) {
		pid, err := strconv.Atoi(number)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p, err := os.FindProcess(pid)
		if err == nil {
			err = p.Kill()
		}
		if err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, awaitNone(l.dir), os.RemoveAll(l.dir))...)
}

func (l *Launcher) path(elem ...string) string {
	return filepath.Join(append([]string{l.dir}, elem...)...)
}
