//go:build unix

package wiring_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/docker-pat/docker-pat/internal/wiring"
)

// readOnlyVariable makes this program set up the machine in a folder, as a user who may not write there.
const readOnlyVariable = "WIRING_TEST_READ_ONLY"

func setUpReadOnly(root string) int {
	if os.Geteuid() == 0 { // to whom modes mean nothing
		if err := syscall.Setuid(65534); err != nil {
			fmt.Println(err)
			return 3
		}
	}
	opts := optionsFor(root)
	opts.Credentials = &store{held: map[string]credential{}}
	plan, err := wiring.PlanSetup(context.Background(), opts)
	if err == nil {
		err = plan.Apply(context.Background())
	}
	if err == nil {
		return 0
	}
	fmt.Println(err)
	return 1
}

// TestReadOnlyHome changes nothing and says what cannot be written.
func TestReadOnlyHome(t *testing.T) {
	t.Parallel()
	const before = `{"credsStore":"secretservice"}`
	for name, tt := range map[string]struct {
		helper string // that is installed already
		want   string
	}{
		"helper to be linked": {"", "can be written: add one to PATH"},
		"helper of a package": {"usr/bin/docker-credential-pat", "permission denied"},
	} {
		// Not below t.TempDir, whose parents other users cannot enter.
		root, err := os.MkdirTemp("", "wiring-test-*") //nolint:usetesting // as said above
		if err != nil {
			t.Fatal(err)
		}
		m := newMachineIn(t, root, before)
		m.write(t, "home/.local/bin/x", "")
		if tt.helper != "" {
			m.installHelper(t, tt.helper)
		}
		setModes(t, root, 0o555)
		t.Cleanup(func() { setModes(t, root, 0o755); _ = os.RemoveAll(root) })
		files := m.files(t)
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = append(os.Environ(), readOnlyVariable+"="+root)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), tt.want) {
			t.Errorf("%s: %v, %s; want %q", name, err, out, tt.want)
		}
		if m.config(t) != before || !slices.Equal(m.files(t), files) {
			t.Errorf("%s: files %q, want %q", name, m.files(t), files)
		}
	}
}

// setModes lets everybody read and run what is below root.
func setModes(t *testing.T, root string, mode os.FileMode) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}
