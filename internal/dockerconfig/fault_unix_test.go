//go:build unix

package dockerconfig_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
)

// childVariable says what this program is to do instead of the tests, and childPath on which file.
const (
	childVariable = "DOCKERCONFIG_TEST_CHILD"
	childPath     = "DOCKERCONFIG_TEST_PATH"
)

func TestMain(m *testing.M) {
	if task := os.Getenv(childVariable); task != "" {
		if err := child(task, os.Getenv(childPath)); err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child does what cannot be undone in a process: limits, another user, being killed.
func child(task, path string) error {
	switch task {
	case "full disk":
		signal.Ignore(syscall.SIGXFSZ) // so that the write fails as on a full disk
		limit := syscall.Rlimit{Cur: 4096, Max: 4096}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
	case "another user":
		if os.Geteuid() == 0 {
			if err := syscall.Setuid(65534); err != nil {
				return err
			}
		}
	}
	for i := 0; ; i++ {
		f, err := dockerconfig.Load(path)
		if err != nil {
			return err
		}
		f.SetCredsStore([]string{"pat", "desktop"}[i%2])
		if err := f.Save(); err != nil || task != "for ever" {
			return err
		}
		if i == 0 {
			fmt.Println("saved once")
		}
	}
}

func startChild(t *testing.T, task, path string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), childVariable+"="+task, childPath+"="+path)
	return cmd
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	before := `{"credsStore":"desktop","pad":"` + strings.Repeat("x", 1<<16) + `"}`
	path := write(t, before)
	out, err := startChild(t, "full disk", path).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "change Docker's configuration: ") || !strings.Contains(string(out), syscall.EFBIG.Error()) {
		t.Errorf("%v: %s", err, out)
	}
	if content(t, path) != before {
		t.Error("the file has changed")
	}
	onlyFile(t, path)
}

func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	// Not below t.TempDir, whose parents other users cannot enter.
	dir, err := os.MkdirTemp("", "dockerconfig-test-*") //nolint:usetesting // as said above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700); _ = os.RemoveAll(dir) })
	path := dockerconfig.Path(dir)
	if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	out, err := startChild(t, "another user", path).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "change Docker's configuration: replace "+path+": open "+dir) || !strings.Contains(string(out), "permission denied") {
		t.Errorf("%v: %s", err, out)
	}
	if got := content(t, path); got != "{}" {
		t.Errorf("the file is now %q", got)
	}
	onlyFile(t, path)
}

// TestKilled stops a program that saves all the time at moments of chance: the file is always
// whole, and what may lie beside it is not readable for others.
func TestKilled(t *testing.T) {
	t.Parallel()
	pad := `,"pad":"` + strings.Repeat("x", 1<<20) + `"}`
	path := write(t, `{"credsStore":"desktop"`+pad)
	for i := range 20 {
		cmd := startChild(t, "for ever", path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil || line != "saved once\n" {
			t.Fatalf("the child says %q, %v", line, err)
		}
		time.Sleep(time.Duration(i) * 1700 * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("the child ended by itself: %v", err)
		}
		got := content(t, path)
		if got != `{"credsStore":"desktop"`+pad && got != `{"credsStore":"pat"`+pad {
			t.Fatalf("the file is broken: %d bytes", len(got))
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".config.json.docker-pat-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range left {
		if mode := stat(t, name).Mode(); mode != 0o600 {
			t.Errorf("%s has the mode %v", name, mode)
		}
	}
}

// TestTwoWriters lets two programs save at once: each reads what is whole, and nobody leaves a
// temporary file. That one overtakes the other is what ErrChangedMeanwhile is for.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	path := write(t, "{}")
	errs := make(chan error, 2)
	for _, registry := range []string{"a", "b"} {
		go func() { errs <- addMany(path, registry, 20) }()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	load(t, path)
	onlyFile(t, path)
}

// addMany saves n times and takes only the error that asks for another try.
func addMany(path, registry string, n int) error {
	for i := range n {
		f, err := dockerconfig.Load(path)
		if err != nil {
			return err
		}
		f.SetCredHelper(fmt.Sprint(registry, i), "pat")
		if err := f.Save(); err != nil && !errors.Is(err, dockerconfig.ErrChangedMeanwhile) {
			return err
		}
	}
	return nil
}
