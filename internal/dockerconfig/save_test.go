package dockerconfig_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
)

// TestSaveWithoutChangesWritesNothing is about every realistic file and every layout.
func TestSaveWithoutChangesWritesNothing(t *testing.T) {
	t.Parallel()
	for name, text := range configs(t) {
		path := write(t, text)
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		f := load(t, path)
		f.SetCredsStore(f.CredsStore())
		for registry, helper := range f.CredHelpers() {
			f.SetCredHelper(registry, helper)
		}
		auths, _ := f.PlaintextAuths()
		for _, a := range auths {
			if err := f.SetAuth(a); err != nil {
				t.Fatal(err)
			}
		}
		f.RemoveCredHelper("none")
		f.ClearAuth("none")
		if f.Changed() {
			t.Errorf("%s: changed: %v", name, f.Changes())
		}
		if err := f.Save(); err != nil {
			t.Fatal(err)
		}
		after, err := os.Stat(path)
		if err != nil || !os.SameFile(before, after) || content(t, path) != text {
			t.Errorf("%s: written (%v)", name, err)
		}
	}
}

func TestSaveAgain(t *testing.T) {
	t.Parallel()
	f := load(t, dockerconfig.Path(filepath.Join(t.TempDir(), "a", "b")))
	f.SetCredsStore("pat")
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	if !f.Exists() {
		t.Error("Exists() = false after Save")
	}
	f.SetCredHelper("docker.io", "pat")
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	want := "{\n\t\"credsStore\": \"pat\",\n\t\"credHelpers\": {\n\t\t\"docker.io\": \"pat\"\n\t}\n}"
	if got := content(t, f.Path()); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	onlyFile(t, f.Path())
}

func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		before    func(t *testing.T, path string)
		meanwhile func(path string) error
	}{
		{"written", nil, func(path string) error { return os.WriteFile(path, []byte(`{"a":2}`), 0o600) }},
		{"emptied", nil, func(path string) error { return os.Truncate(path, 0) }},
		{"deleted", nil, os.Remove},
		{"made", func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, func(path string) error { return os.WriteFile(path, nil, 0o600) }},
	}
	for _, tt := range tests {
		path := write(t, `{"a":1}`)
		if tt.before != nil {
			tt.before(t, path)
		}
		f := load(t, path)
		f.SetCredsStore("pat")
		if err := tt.meanwhile(path); err != nil {
			t.Fatal(err)
		}
		want, wantErr := os.ReadFile(path)
		if err := f.Save(); !errors.Is(err, dockerconfig.ErrChangedMeanwhile) {
			t.Errorf("%s: %v", tt.name, err)
		}
		got, err := os.ReadFile(path)
		if string(got) != string(want) || (err == nil) != (wantErr == nil) {
			t.Errorf("%s: the file is now %q, %v", tt.name, got, err)
		}
		onlyFile(t, path)
		if !f.Changed() {
			t.Errorf("%s: the changes are gone", tt.name)
		}
	}
}

func TestSaveIntoWhatIsNoFolder(t *testing.T) {
	t.Parallel()
	parent := filepath.Join(t.TempDir(), "docker")
	f := load(t, dockerconfig.Path(parent))
	f.SetCredsStore("pat")
	if err := os.WriteFile(parent, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(); err == nil || !strings.Contains(err.Error(), "change Docker's configuration: ") {
		t.Errorf("Save() = %v", err)
	}
	if got := content(t, parent); got != "x" {
		t.Errorf("the file is now %q", got)
	}
}

func TestSaveOntoAFolder(t *testing.T) {
	t.Parallel()
	path := dockerconfig.Path(t.TempDir())
	f := load(t, path)
	f.SetCredsStore("pat")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(); !errors.Is(err, dockerconfig.ErrNotRegular) {
		t.Errorf("Save() = %v", err)
	}
	onlyFile(t, path)
}

// onlyFile fails if there is anything beside path, such as a temporary file.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() != filepath.Base(path) {
			t.Errorf("%s is left beside %s", entry.Name(), path)
		}
	}
}
