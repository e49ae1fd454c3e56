package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

// TestCompose pulls what a project names, as `docker compose` and as the older docker-compose: a client of
// its own in another language.
func TestCompose(t *testing.T) {
	t.Parallel()
	for name, newComposer := range map[string]func(t *testing.T) (*machine, []string){
		"v2": func(t *testing.T) (*machine, []string) {
			plugin, err := testbed.Compose(t.Context())
			testbed.Need(t, err)
			m := newMachine(t)
			m.do(os.MkdirAll(filepath.Join(m.dockerConfig, "cli-plugins"), 0o700))
			m.do(os.Symlink(plugin, filepath.Join(m.dockerConfig, "cli-plugins", "docker-compose")))
			return m, []string{"docker", "compose"}
		},
		"v1": func(t *testing.T) (*machine, []string) {
			return newMachine(t, "docker-compose"), []string{"docker-compose"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, compose := newComposer(t)
			m.env = append(m.env, testbed.EngineFor(t).Env()...)
			m.composePulls(compose)
		})
	}
}

// composePulls pulls with the token, and neither when it is switched off nor without it.
func (m *machine) composePulls(compose []string) {
	m.t.Helper()
	image := m.registry + "/moby/hello:1"
	project := "services:\n  hello:\n    image: " + image + "\n    command: hello\n"
	m.do(os.WriteFile(filepath.Join(m.home, "docker-compose.yml"), []byte("version: '3'\n"+project), 0o600))
	pull := append(compose, "pull")

	m.setup()
	m.run("docker-pat", "create", "laptop").exits(0)
	m.makeImage(image)
	m.pushes(image)
	m.forgetImage(image)
	made := m.token("laptop")
	m.run(pull...).exits(0)
	m.run("docker", "image", "inspect", image).exits(0)
	if used := m.token("laptop"); !used.LastUsedAt.After(made.LastUsedAt) {
		m.t.Errorf("the pull did not use the token: %+v", used)
	}
	m.noneOnDisk(m.credential(m.registry).Secret)

	m.forgetImage(image)
	m.run("docker-pat", "deactivate", "laptop").exits(0)
	if r := m.run(pull...); r.code == 0 || !denial.MatchString(r.stdout+r.stderr) {
		m.t.Errorf("the pull should be denied:\n%s", r)
	}
	m.run("docker", "logout", m.registry).exits(0)
	m.holdsNothing(m.registry)
	if r := m.run(pull...); r.code == 0 || !denial.MatchString(r.stdout+r.stderr) {
		m.t.Errorf("the pull without a credential should be denied:\n%s", r)
	}
	m.run("docker", "image", "inspect", image).exits(1)
}
