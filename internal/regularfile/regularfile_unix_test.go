//go:build unix

package regularfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestNotRegular would hang on the pipe and never end with the device.
func TestNotRegular(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink("pipe", link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link, "/dev/zero"} {
		if data, err := Read(t.Context(), path, 10); !errors.Is(err, ErrNotRegular) || data != nil {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	// Also where it became a pipe after it was looked at: it is opened without a wait.
	file, err := os.OpenFile(pipe, os.O_RDONLY|noWait, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(link), os.Symlink("file", link)); err != nil {
		t.Fatal(err)
	}
	if data, err := Read(t.Context(), link, 10); string(data) != "x" || err != nil {
		t.Errorf("by a link: %q, %v", data, err)
	}
}
