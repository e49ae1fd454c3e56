package testbed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEngineLeavesNothing(t *testing.T) {
	t.Parallel()
	e, err := StartEngine(t.Context())
	Need(t, err)
	socket := strings.TrimPrefix(e.Env()[0], "DOCKER_HOST=unix://")
	if info, err := os.Stat(socket); err != nil || info.Mode().Type() != os.ModeSocket {
		t.Errorf("the engine's socket: %v, %v", info, err)
	}
	if err := e.Stop(); err != nil {
		t.Errorf("Stop: %v", err)
	}
	wantNothingOf(t, e.Dir())
}

// zfs stands for any storage driver that dockerd wants and that does not work here.
func TestEngineDoesWithoutItsStorageDriver(t *testing.T) {
	t.Parallel()
	e, err := StartEngine(t.Context(), "DOCKER_DRIVER=zfs")
	Need(t, err)
	if err := e.Stop(); err != nil {
		t.Errorf("Stop: %v", err)
	}
	wantNothingOf(t, e.Dir())
}

func TestEngineThatDoesNotStartShowsItsLog(t *testing.T) {
	t.Parallel()
	e, err := StartEngine(t.Context(), "DOCKER_TMPDIR=/dev/null/tmp")
	if err == nil {
		_ = e.Stop()
		t.Fatal("it started without a folder for temporary files")
	}
	if strings.Contains(err.Error(), ErrMissing.Error()) {
		Need(t, err)
	}
	if !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("the error does not show the log: %v", err)
	}
}

func wantNothingOf(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", dir, err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), dir) {
		t.Errorf("there are mounts left:\n%s", mounts)
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range processes {
		if line, err := os.ReadFile(process); err == nil && strings.Contains(string(line), dir) {
			t.Errorf("%s is left: %q", process, line)
		}
	}
}
