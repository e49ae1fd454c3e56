package atomicfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		opts     atomicfile.Options
		wantMode os.FileMode
	}{
		{"default", atomicfile.Options{}, 0o600},
		{"mode", atomicfile.Options{Prepare: func(f *os.File) error { return f.Chmod(0o644) }}, 0o644},
		{"synced", atomicfile.Options{Sync: true, Ready: func() error { return nil }}, 0o600},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "new", "file.json")
			for _, text := range []string{"first", "second"} {
				if err := atomicfile.Write(path, []byte(text), tt.opts); err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(path); err != nil || string(got) != text {
					t.Fatalf("file holds %q, %v; want %q", got, err, text)
				}
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != tt.wantMode {
				t.Errorf("mode %v, %v; want %v", info.Mode(), err, tt.wantMode)
			}
			dir, err := os.Stat(filepath.Dir(path))
			if err != nil || dir.Mode().Perm() != 0o700 {
				t.Errorf("folder mode %v, %v; want 0700", dir.Mode(), err)
			}
			wantOnly(t, filepath.Dir(path), "file.json")
		})
	}
}

func TestFailureKeepsTheOldFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := atomicfile.Write(path, []byte("old"), atomicfile.Options{}); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	for name, opts := range map[string]atomicfile.Options{
		"not prepared": {Prepare: func(*os.File) error { return broken }},
		"not ready":    {Ready: func() error { return broken }},
	} {
		if err := atomicfile.Write(path, []byte("new"), opts); !errors.Is(err, broken) {
			t.Errorf("%s: Write = %v, want %v", name, err, broken)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("file holds %q, %v; want the old text", got, err)
	}
	wantOnly(t, filepath.Dir(path), "file")
}

func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, name := range []string{"file", ".file.docker-pat-17", ".file.docker-pat-", ".file.docker-pat-x", ".other.docker-pat-1", "file.docker-pat-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".file.docker-pat-2"), 0o700); err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, ".file.docker-pat-17")}
	if got, err := atomicfile.Leftovers(path); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if got, err := atomicfile.Leftovers(filepath.Join(dir, "gone", "file")); err != nil || got != nil {
		t.Errorf("without the folder: %q, %v", got, err)
	}
}

func TestRenameOntoAFolderFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(path, []byte("x"), atomicfile.Options{}); err == nil {
		t.Error("Write onto a folder succeeded")
	}
	wantOnly(t, dir, "taken")
}

// wantOnly fails when dir holds anything but name, such as a temporary file left behind.
func wantOnly(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("folder holds %v, want %s alone", entries, name)
	}
}
