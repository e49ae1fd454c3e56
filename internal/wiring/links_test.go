//go:build unix

package wiring_test

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/wiring"
)

// TestInTheWay refuses before anything is changed.
func TestInTheWay(t *testing.T) {
	t.Parallel()
	const before = `{"credsStore":"secretservice"}`
	tests := map[string]struct {
		prepare func(*testing.T, *machine)
		want    string
	}{
		"helper of another program": {
			func(t *testing.T, m *machine) { m.install(t, "usr/bin/docker-credential-pat") },
			"usr/bin/docker-credential-pat is another program: remove it from PATH first",
		},
		"link to another program": {func(t *testing.T, m *machine) {
			m.link(t, m.install(t, "opt/pass/helper"), "home/.local/bin/docker-credential-pat")
		}, "home/.local/bin/docker-credential-pat is another program"},
		"dangling link of another": {
			func(t *testing.T, m *machine) { m.link(t, "/gone/helper", "home/.local/bin/docker-credential-pat") },
			"home/.local/bin/docker-credential-pat is in the way",
		},
		"plugin file":          {func(t *testing.T, m *machine) { m.install(t, "home/.docker/cli-plugins/docker-pat") }, "docker-pat is in the way"},
		"plugin folder":        {func(t *testing.T, m *machine) { m.write(t, "home/.docker/cli-plugins/docker-pat/x", "") }, "docker-pat is in the way"},
		"no folder on PATH":    {func(_ *testing.T, m *machine) { m.Path = m.Path[:1] }, "add one to PATH"},
		"folder below a file":  {func(t *testing.T, m *machine) { m.write(t, "home/.local/bin", "a file") }, "add one to PATH"},
		"malformed config":     {func(t *testing.T, m *machine) { m.write(t, "home/.docker/config.json", before+`,`) }, "config.json:1:"},
		"config with comments": {func(t *testing.T, m *machine) { m.write(t, "home/.docker/config.json", "{ // c\n}") }, "config.json:1:"},
		"broken record":        {func(t *testing.T, m *machine) { m.write(t, "home/state/setup.json", "{") }, "home/state/setup.json"},
	}
	for name, tt := range tests {
		m := newMachine(t, before)
		tt.prepare(t, m)
		config, files := m.config(t), m.files(t)
		plan, err := wiring.PlanSetup(t.Context(), m.Options)
		if plan != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
		if m.config(t) != config || !slices.Equal(m.files(t), files) {
			t.Errorf("%s: files %q, want %q", name, m.files(t), files)
		}
	}
}

// installHelper makes the helper that comes with docker-pat, which is known by what it says of itself.
func (m *machine) installHelper(t *testing.T, name string) string {
	t.Helper()
	return m.installVersion(t, name, "v1")
}

func (m *machine) installVersion(t *testing.T, name, version string) string {
	t.Helper()
	path := m.install(t, name)
	script := "#!/bin/sh\necho 'docker-credential-pat (github.com/docker-pat/docker-pat) " + version + "'\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestHelperOfThePackage is used where it is on PATH, and linked to where it is not.
func TestHelperOfThePackage(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"usr/bin/docker-credential-pat":          "",
		"opt/docker-pat-1/docker-credential-pat": "home/.local/bin/docker-credential-pat",
	} {
		m := newMachine(t, "")
		installed := m.installHelper(t, name)
		m.setup(t)
		var linked string
		if want != "" {
			var err error
			if linked, err = os.Readlink(m.path(want)); err != nil || linked != installed {
				t.Errorf("%s: %s leads to %q, %v", name, want, linked, err)
			}
		} else if _, err := os.Lstat(m.path("home/.local/bin/docker-credential-pat")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: linked although it is on PATH: %v", name, err)
		}
		if plan, err := wiring.PlanSetup(t.Context(), m.Options); err != nil || !plan.Empty() {
			t.Errorf("%s: a second setup does %v, %v", name, plan, err)
		}
		m.undo(t)
		if _, err := os.Stat(installed); err != nil {
			t.Errorf("%s: undo removed the helper of the package: %v", name, err)
		}
	}
}

// TestOlderHelper is used where it is a file that comes first on PATH, and said to be older; one beside
// this program is not linked to.
func TestOlderHelper(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	m.installVersion(t, "usr/bin/docker-credential-pat", "v0")
	m.installVersion(t, "opt/docker-pat-1/docker-credential-pat", "v0")
	want := []string{"usr/bin/docker-credential-pat, which comes first on PATH, is v0 and docker-pat v1: install both programs in the same version"}
	for range 2 {
		if plan := m.setup(t); !slices.Equal(m.lines(plan.Notes), want) {
			t.Errorf("notes %q, want %q", plan.Notes, want)
		}
	}
	if err := os.Remove(m.path("usr/bin/docker-credential-pat")); err != nil {
		t.Fatal(err)
	}
	step := "link home/.local/bin/docker-credential-pat -> opt/docker-pat-1/docker-pat"
	if plan := m.setup(t); !slices.Contains(m.lines(plan.Steps), step) || len(plan.Notes) != 0 {
		t.Errorf("steps %q, notes %q", plan.Steps, plan.Notes)
	}
}

// TestHelperThatDoesNotAnswer cannot be told from another program.
func TestHelperThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	m.install(t, "usr/bin/docker-credential-pat")
	m.write(t, "usr/bin/docker-credential-pat", "#!/bin/sh\nexit 3\n")
	if plan, err := wiring.PlanSetup(t.Context(), m.Options); plan != nil || err == nil || !strings.Contains(err.Error(), "usr/bin/docker-credential-pat: it does not say what it is: remove it from PATH first") {
		t.Errorf("got %v", err)
	}
}

func (m *machine) link(t *testing.T, target, name string) {
	t.Helper()
	m.write(t, name+".folder", "") // makes the folder
	if err := errors.Join(os.Remove(m.path(name+".folder")), os.Symlink(target, m.path(name))); err != nil {
		t.Fatal(err)
	}
}

// TestPluginFolderCannotBeWritten is found out while the change is made: config.json comes last.
func TestPluginFolderCannotBeWritten(t *testing.T) {
	t.Parallel()
	const before = `{"credsStore":"secretservice"}`
	m := newMachine(t, before)
	m.write(t, "home/.docker/cli-plugins", "a file")
	plan, err := wiring.PlanSetup(t.Context(), m.Options)
	if err == nil {
		err = plan.Apply(t.Context())
	}
	if err == nil || m.config(t) != before {
		t.Errorf("got %v, and config.json is %s", err, m.config(t))
	}
	if err := os.Remove(m.path("home/.docker/cli-plugins")); err != nil {
		t.Fatal(err)
	}
	m.setup(t)
	m.undo(t)
	if m.config(t) != before {
		t.Errorf("after setup and undo %s", m.config(t))
	}
}

// TestWhereTheHelperGoes looks at PATH in its order.
func TestWhereTheHelperGoes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(*testing.T, *machine)
		want    []string // links
	}{
		"beside the program": {
			func(_ *testing.T, m *machine) { m.Path = append(m.Path, m.path("opt/docker-pat-1")) },
			[]string{"opt/docker-pat-1/docker-credential-pat -> opt/docker-pat-1/docker-pat"},
		},
		"a slash at the end": {
			func(_ *testing.T, m *machine) { m.Path = []string{m.path("home/.local/bin") + "/"} },
			[]string{"home/.local/bin/docker-credential-pat -> opt/docker-pat-1/docker-pat"},
		},
		"home bin": {
			func(_ *testing.T, m *machine) { m.Path = []string{m.path("home/bin")} },
			[]string{"home/bin/docker-credential-pat -> opt/docker-pat-1/docker-pat"},
		},
		"program on PATH by a link": {
			func(t *testing.T, m *machine) { m.link(t, m.Executable, "usr/bin/docker-pat") },
			[]string{"home/.local/bin/docker-credential-pat -> usr/bin/docker-pat"},
		},
		"helper of the package": {func(t *testing.T, m *machine) { m.link(t, m.Executable, "usr/bin/docker-credential-pat") }, nil},
	}
	for name, tt := range tests {
		m := newMachine(t, "")
		tt.prepare(t, m)
		plan := m.setup(t)
		var got []string
		for _, step := range m.lines(plan.Steps) {
			if link, ok := strings.CutPrefix(step, "link "); ok && !strings.HasPrefix(link, "home/.docker") {
				got = append(got, link)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: links %q, want %q", name, got, tt.want)
		}
		if again := m.setup(t); !again.Empty() {
			t.Errorf("%s: the second run does %q", name, again.Steps)
		}
	}
}

// TestProgramMoved mends the links, with the old program still there and without it.
func TestProgramMoved(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{false, true} {
		m := newMachine(t, "")
		m.setup(t)
		if gone {
			if err := os.RemoveAll(m.path("opt/docker-pat-1")); err != nil {
				t.Fatal(err)
			}
		}
		m.Executable = m.install(t, "opt/docker-pat-2/docker-pat")
		want := []string{
			"link home/.docker/cli-plugins/docker-pat -> opt/docker-pat-2/docker-pat",
			"link home/.local/bin/docker-credential-pat -> opt/docker-pat-2/docker-pat",
		}
		if plan := m.setup(t); !slices.Equal(m.lines(plan.Steps), want) {
			t.Errorf("old one gone: %v: steps %q, want %q", gone, plan.Steps, want)
		}
		if again := m.setup(t); !again.Empty() {
			t.Errorf("the second run does %q", again.Steps)
		}
		if err := os.RemoveAll(m.path("opt")); err != nil { // uninstalled before undo
			t.Fatal(err)
		}
		m.undo(t)
		if got := m.files(t); !slices.Equal(got, []string{".docker/config.json", "state/setup.json"}) {
			t.Errorf("after undo files %q", got)
		}
	}
}

func TestLinkedConfig(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	m.write(t, "home/dotfiles/docker.json", `{"credsStore":"secretservice"}`)
	m.link(t, "../dotfiles/docker.json", "home/.docker/config.json")
	m.setup(t)
	target, err := os.Readlink(m.path("home/.docker/config.json"))
	if err != nil || target != "../dotfiles/docker.json" {
		t.Errorf("the link became %q, %v", target, err)
	}
	config, err := dockerconfig.Load(m.path("home/dotfiles/docker.json"))
	if err != nil || config.CredsStore() != wiring.Suffix {
		t.Errorf("behind the link credsStore is %q (%v)", config.CredsStore(), err)
	}
	m.undo(t)
	if got := m.config(t); got != `{"credsStore":"secretservice"}` {
		t.Errorf("after undo %s", got)
	}
}

// TestConfigChangesBetweenPlanAndApply is somebody else's docker login meanwhile.
func TestConfigChangesBetweenPlanAndApply(t *testing.T) {
	t.Parallel()
	m := newMachine(t, `{}`)
	plan, err := wiring.PlanSetup(t.Context(), m.Options)
	if err != nil {
		t.Fatal(err)
	}
	m.write(t, "home/.docker/config.json", `{"credsStore":"secretservice"}`)
	if err := plan.Apply(t.Context()); !errors.Is(err, dockerconfig.ErrChangedMeanwhile) || m.config(t) != `{"credsStore":"secretservice"}` {
		t.Errorf("got %v, and config.json is %s", err, m.config(t))
	}
	m.setup(t)
	m.undo(t)
	if got := m.config(t); got != `{"credsStore":"secretservice"}` {
		t.Errorf("after setup and undo %s", got)
	}
	info, err := os.Stat(m.path("home/state/setup.json"))
	if err != nil || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("the record has the mode %v (%v)", info.Mode(), err)
	}
}
