//go:build unix

package wiring_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/wiring"
)

// madeUp has the shape of a token's secret and never was one.
var madeUp = "dckr_" + "pat_" + strings.Repeat("Ab3-", 6) + "xyz"

const password = "whale-" + "of-a-password"

// helpers are the credential helpers that were there before, as programs for the shell. PATH has
// nothing else, so that what is installed on this machine does not matter.
var helpers = map[string]string{
	"other": `case "$1" in
list) echo '{"https://index.docker.io/v1/":"moby","ghcr.io":"octo","quay.io":"broken","empty.example":"none"}' ;;
get)  read -r url
      case "$url" in
      https://index.docker.io/v1/) echo '{"ServerURL":"x","Username":"moby","Secret":"` + madeUp + `"}' ;;
      ghcr.io|docker.io) echo '{"ServerURL":"x","Username":"octo","Secret":"` + password + `"}' ;;
      quay.io) echo '{"ServerURL":"x","Username":"broken","Secret":"` + password + `"}'; exit 1 ;;
      *) echo 'credentials not found in native keychain'; exit 1 ;;
      esac ;;
esac`,
	"password": `case "$1" in
list) echo '{"https://index.docker.io/v1/":"moby"}' ;;
get)  echo '{"ServerURL":"x","Username":"moby","Secret":"` + password + `"}' ;;
esac`,
	"failing":       `echo 'locked: ` + madeUp + `'; exit 1`,
	"garbage":       `echo '<` + password + `>'`,
	"secretservice": `echo '{}'`,
	"hanging.exe":   `exec /bin/sleep 60`,
	"half.exe": `case "$1" in
list) echo '{"a.example":"a","b.example":"b","c.example":"c"}' ;;
get)  echo asked >> "$0.calls"; exec /bin/sleep 60 ;;
esac`,
	"desktop.exe": `case "$1" in
list) echo '{"https://index.docker.io/v1/":"moby"}' ;;
get)  echo '{"ServerURL":"x","Username":"moby","Secret":"` + madeUp + `"}' ;;
esac`,
	"osxkeychain": `echo '{}'`,
}

func TestMain(m *testing.M) {
	if root := os.Getenv(readOnlyVariable); root != "" {
		os.Exit(setUpReadOnly(root))
	}
	os.Exit(withHelpers(m))
}

func withHelpers(m *testing.M) int {
	dir, err := os.MkdirTemp("", "wiring-*")
	if err == nil {
		err = os.Setenv("PATH", dir)
	}
	if err == nil { // as a program of Windows is to a kernel that knows nothing of WSL
		err = os.WriteFile(filepath.Join(dir, "docker-credential-foreign.exe"), []byte("MZ\x90\x00"), 0o700)
	}
	for name, script := range helpers {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+script+"\n"), 0o700)
		}
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// A machine is a home folder, a program and a keychain.
type machine struct {
	wiring.Options
	store *store
	root  string
}

// newMachine has docker-pat in a folder that is not on PATH, and ~/.local/bin, which is.
func newMachine(t *testing.T, config string) *machine {
	t.Helper()
	return newMachineIn(t, t.TempDir(), config)
}

func newMachineIn(t *testing.T, root, config string) *machine {
	t.Helper()
	m := &machine{root: root, store: &store{held: map[string]credential{}}, Options: optionsFor(root)}
	m.install(t, "opt/docker-pat-1/docker-pat")
	m.Credentials = m.store
	if config != "" {
		m.write(t, "home/.docker/config.json", config)
	}
	return m
}

func optionsFor(root string) wiring.Options {
	return wiring.Options{
		DockerConfigDir: filepath.Join(root, "home", ".docker"),
		StateDir:        filepath.Join(root, "home", "state"),
		Name:            "docker pat",
		Version:         "v1",
		Executable:      filepath.Join(root, "opt", "docker-pat-1", "docker-pat"),
		Home:            filepath.Join(root, "home"),
		Path:            []string{filepath.Join(root, "usr", "bin"), filepath.Join(root, "home", ".local", "bin")},
	}
}

func (m *machine) path(name string) string { return filepath.Join(m.root, filepath.FromSlash(name)) }

func (m *machine) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.path(name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) install(t *testing.T, name string) string {
	t.Helper()
	m.write(t, name, "#!/bin/sh\necho "+name+"\n")
	if err := os.Chmod(m.path(name), 0o700); err != nil {
		t.Fatal(err)
	}
	return m.path(name)
}

func (m *machine) config(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(m.path("home/.docker/config.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// files lists what is below the home folder: links as "name -> target", without the root.
func (m *machine) files(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(m.Home, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(m.Home, path)
		if target, linkErr := os.Readlink(path); linkErr == nil {
			name += " -> " + target
		}
		all = append(all, strings.ReplaceAll(name, m.root+"/", ""))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// setup plans and makes the change and returns the plan, which must have no secret in it.
func (m *machine) setup(t *testing.T) *wiring.Plan {
	t.Helper()
	plan, err := wiring.PlanSetup(t.Context(), m.Options)
	return m.apply(t, plan, err)
}

func (m *machine) undo(t *testing.T) *wiring.Plan {
	t.Helper()
	plan, err := wiring.PlanUndo(t.Context(), m.Options)
	return m.apply(t, plan, err)
}

func (m *machine) apply(t *testing.T, plan *wiring.Plan, err error) *wiring.Plan {
	t.Helper()
	if err == nil {
		err = plan.Apply(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	m.checkSecrets(t, append(append([]string{}, plan.Steps...), plan.Notes...)...)
	if record, err := os.ReadFile(m.path("home/state/setup.json")); err == nil {
		m.checkSecrets(t, string(record))
	}
	return plan
}

func (m *machine) checkSecrets(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, madeUp) || strings.Contains(text, password) {
			t.Errorf("a secret is in %q", text)
		}
	}
}

// lines are steps and notes without the root.
func (m *machine) lines(texts []string) []string {
	var all []string
	for _, text := range texts {
		all = append(all, strings.ReplaceAll(text, m.root+"/", ""))
	}
	return all
}
