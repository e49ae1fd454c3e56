package e2e

import (
	"regexp"
	"testing"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

// TestDockerWithEngine is the main story: a token in place of a password, from its making to its end.
func TestDockerWithEngine(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env = append(m.env, testbed.EngineFor(t).Env()...)
	image := m.registry + "/moby/hello:1"
	m.run("docker", "login", m.registry).exits(1)

	m.signIn()
	m.run("docker-pat", "create", "laptop", "--scope", "repo:write", "--expires", "30d").exits(0).prints("")
	m.run("docker-pat", "setup").exits(0)
	m.run("docker", "login", m.registry).exits(0).says("Login Succeeded").hides("Password:")

	made := m.token("laptop")
	m.makeImage(image)
	m.pushes(image)
	m.pulls(image)
	if used := m.token("laptop"); !used.LastUsedAt.After(made.LastUsedAt) || used.Status != "active" {
		t.Errorf("after its use the token is %+v, it was %+v", used, made)
	}
	m.keepsSecretsOffDisk()

	m.run("docker-pat", "deactivate", "laptop").exits(0)
	m.isDenied("pull", image)
	m.run("docker", "login", m.registry).exits(1).hides("Login Succeeded")
	m.run("docker-pat", "activate", "laptop").exits(0)
	m.pulls(image)

	m.run("docker", "logout", m.registry).exits(0)
	m.holdsNothing(m.registry)
	m.isDenied("pull", image)
}

// TestDockerReadOnlyToken ends with the token: what Docker kept of it is of no more use.
func TestDockerReadOnlyToken(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env = append(m.env, testbed.EngineFor(t).Env()...)
	image, another := m.registry+"/moby/hello:1", m.registry+"/moby/hello:2"
	m.setup()
	m.run("docker-pat", "create", "writer", "--scope", "repo:write").exits(0)
	m.makeImage(image)
	m.pushes(image)

	m.run("docker-pat", "create", "ro", "--scope", "repo:read").exits(0)
	if all := m.tokens(); len(all) != 1 || all[0].Label != "ro" || !all[0].Stored {
		t.Errorf("the token made last should be the one in use, and the one before have ended: %+v", all)
	}
	m.makeImage(another)
	m.isDenied("push", another)
	m.pulls(image)

	m.run("docker-pat", "delete", "--yes", "ro").exits(0)
	m.isDenied("pull", image)
	m.run("docker", "login", m.registry).exits(1).hides("Login Succeeded")
	m.holdsNothing(m.registry)
}

// TestDockerWithDeletedToken deletes the token elsewhere, so that this machine still holds it.
func TestDockerWithDeletedToken(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env = append(m.env, testbed.EngineFor(t).Env()...)
	image := m.registry + "/moby/hello:1"
	m.setup()
	secret := m.printedToken("elsewhere")
	m.login(m.registry, secret).exits(0).says("Login Succeeded")
	m.makeImage(image)
	m.pushes(image)

	m.run("docker-pat", "delete", "--yes", "elsewhere").exits(0)
	m.holds(m.registry, user, secret)
	m.isDenied("pull", image)
	m.run("docker", "login", m.registry).exits(1).hides("Login Succeeded")
}

// makeImage makes an image of one file, which differs from every other image.
func (m *machine) makeImage(name string) {
	m.t.Helper()
	m.feed(tarOf(m.t, "name", name), "docker", "import", "-", name).exits(0)
}

func (m *machine) pushes(image string) {
	m.t.Helper()
	m.run("docker", "push", image).exits(0).says("digest: sha256:")
}

// pulls takes the image away first, so that all of it has to come from the registry.
func (m *machine) pulls(image string) {
	m.t.Helper()
	m.forgetImage(image)
	m.run("docker", "pull", image).exits(0).says("Downloaded newer image")
}

func (m *machine) isDenied(action, image string) {
	m.t.Helper()
	if action == "pull" {
		m.forgetImage(image)
	}
	r := m.run("docker", action, image).exits(1)
	if !denial.MatchString(r.stderr) {
		m.t.Errorf("the %s should be denied:\n%s", action, r)
	}
}

func (m *machine) forgetImage(image string) {
	m.t.Helper()
	if m.run("docker", "image", "inspect", image).code == 0 {
		m.run("docker", "image", "rm", image).exits(0)
	}
}

// keepsSecretsOffDisk looks for the token and the session after both have been used.
func (m *machine) keepsSecretsOffDisk() {
	m.t.Helper()
	c := m.config()
	entry, known := c.Auths[m.registry]
	if c.CredsStore != "pat" || !known || entry.Auth != "" || entry.IdentityToken != "" {
		m.t.Errorf("config.json should name the helper and the registry, and hold no secret:\n%s", m.readConfig())
	}
	held, session := m.credential(m.registry), m.credential(m.registry+"/v1/access-token")
	if held.Username != user || held.Secret == "" || session.Secret == "" {
		m.t.Fatalf("the helper should have a token and a session, and has %+v and %+v", held, session)
	}
	m.noneOnDisk(held.Secret, session.Secret)
}

// denial is how the registry and the engines say no.
var denial = regexp.MustCompile(`(?i)denied|unauthorized`)
