//go:build unix

package dockerconfig_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
)

func TestModes(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o400, 0o600, 0o644, 0o640, 0o666} {
		path := write(t, "{}")
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		save(t, path)
		if got := stat(t, path).Mode(); got != mode {
			t.Errorf("%v became %v", mode, got)
		}
	}
}

// TestUmask is not parallel: the umask belongs to the process.
func TestUmask(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o077} {
		old := syscall.Umask(mask)
		path := dockerconfig.Path(filepath.Join(t.TempDir(), "docker"))
		existing := write(t, "{}")
		err := os.Chmod(existing, 0o664)
		save(t, path)
		save(t, existing)
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		got := []os.FileMode{stat(t, filepath.Dir(path)).Mode().Perm(), stat(t, path).Mode(), stat(t, existing).Mode()}
		if want := [3]os.FileMode{0o700, 0o600, 0o664}; [3]os.FileMode(got) != want {
			t.Errorf("umask %o: %v, want %v", mask, got, want)
		}
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away; run as root")
	}
	path := write(t, "{}")
	if err := os.Chown(path, 1234, 4321); err != nil {
		t.Fatal(err)
	}
	save(t, path)
	if s := stat(t, path).Sys().(*syscall.Stat_t); s.Uid != 1234 || s.Gid != 4321 {
		t.Errorf("owner %d:%d", s.Uid, s.Gid)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		// links are names in the folder and what they hold; {} stands for the folder. The file is
		// loaded as docker/config.json.
		links  [][2]string
		target string
		absent bool
	}{
		{"relative", [][2]string{{"docker/config.json", "../files/real.json"}}, "files/real.json", false},
		{"absolute", [][2]string{{"docker/config.json", "{}/files/real.json"}}, "files/real.json", false},
		{"chain", [][2]string{{"docker/config.json", "one"}, {"docker/one", "{}/files/two"}, {"files/two", "./real.json"}}, "files/real.json", false},
		{"dangling", [][2]string{{"docker/config.json", "../files/real.json"}}, "files/real.json", true},
		{"dangling chain", [][2]string{{"docker/config.json", "{}/files/two"}, {"files/two", "real.json"}}, "files/real.json", true},
		{"through a linked folder and up", [][2]string{{"docker/away", "../files/deep"}, {"docker/config.json", "away/../real.json"}}, "files/real.json", false},
		{"up from a linked folder, dangling", [][2]string{{"docker/away", "{}/files/deep"}, {"docker/config.json", "away/../real.json"}}, "files/real.json", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			target := filepath.Join(dir, tt.target)
			err := errors.Join(os.Mkdir(filepath.Join(dir, "docker"), 0o700), os.MkdirAll(filepath.Join(dir, "files", "deep"), 0o700))
			if !tt.absent {
				err = errors.Join(err, os.WriteFile(target, []byte(`{"a":1}`), 0o640), os.Chmod(target, 0o640))
			}
			for _, l := range tt.links {
				to := l[1]
				if len(to) > 2 && to[:2] == "{}" {
					to = dir + to[2:]
				}
				err = errors.Join(err, os.Symlink(to, filepath.Join(dir, l[0])))
			}
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "docker", "config.json")
			save(t, path)
			want, mode := `{"a":1,"credsStore":"pat"}`, os.FileMode(0o640)
			if tt.absent {
				want, mode = "{\n\t\"credsStore\": \"pat\"\n}", 0o600
			}
			if got := content(t, target); got != want || stat(t, target).Mode() != mode {
				t.Errorf("the target is %q, %v", got, stat(t, target).Mode())
			}
			for _, l := range tt.links {
				if info, err := os.Lstat(filepath.Join(dir, l[0])); err != nil || info.Mode()&os.ModeSymlink == 0 {
					t.Errorf("%s is no link any more: %v", l[0], err)
				}
			}
		})
	}
}

func TestBadLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	loop, away := filepath.Join(dir, "loop"), filepath.Join(dir, "away")
	if err := errors.Join(os.Symlink("loop", loop), os.Symlink("none/config.json", away)); err != nil {
		t.Fatal(err)
	}
	if _, err := dockerconfig.Load(loop); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("Load of a loop: %v", err)
	}
	f := load(t, away)
	f.SetCredsStore("pat")
	if err := f.Save(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a link into a missing folder: %v", err)
	}
	if err := errors.Join(os.Remove(away), os.Symlink("loop", away)); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(); !errors.Is(err, dockerconfig.ErrTooManyLinks) {
		t.Errorf("Save through a loop: %v", err)
	}
}

func save(t *testing.T, path string) {
	t.Helper()
	f := load(t, path)
	f.SetCredsStore("pat")
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}
