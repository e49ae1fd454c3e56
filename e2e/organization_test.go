package e2e

import (
	"strings"
	"testing"
)

// TestOrganizationToken has the real programs use a token of an organization, within what it may reach and
// beyond.
func TestOrganizationToken(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "skopeo")
	m.signIn()
	m.run("docker-pat", "create", "ci", "--org", organization, "--repo", "hello:pull,push", "--repo", "other:pull").exits(0)
	m.run("docker-pat", "setup", "--only", m.registry).exits(0)
	held := m.credential(m.registry)
	if held.Username != organization || !strings.HasPrefix(held.Secret, "dckr_"+"oat_") {
		t.Errorf("Docker gets a credential of %s", held.Username)
	}
	remote := "docker://" + m.registry + "/"
	m.makeLayout("image")
	m.skopeoCopy(m.layout("image"), remote+organization+"/hello:1").exits(0)
	m.skopeoCopy(remote+organization+"/hello:1", m.layout("copy")).exits(0)
	if made, got := m.digest("image"), m.digest("copy"); made != got {
		t.Errorf("the image %s came back as %s", made, got)
	}
	for _, beyond := range []string{organization + "/other:1", organization + "/third:1", user + "/hello:1"} {
		m.skopeoCopy(m.layout("image"), remote+beyond).exits(1).says("denied")
	}
	m.noneOnDisk(held.Secret)

	printed := m.run("docker-pat", "create", "printed", "--org", organization, "--repo", "*:pull", "--print").exits(0)
	secret := strings.TrimSuffix(printed.stdout, "\n")
	m.feed(secret+"\n", "docker", "login", "-u", organization, "--password-stdin", m.registry).exits(0).says("Login Succeeded")
	m.holds(m.registry, organization, secret)
	m.skopeoCopy(remote+organization+"/hello:1", m.layout("again")).exits(0)
	m.feed(secret+"\n", "docker", "login", "-u", user, "--password-stdin", m.registry).exits(1)
	m.run("docker-pat", "deactivate", "--org", organization, "printed").exits(0)
	m.skopeoCopy(remote+organization+"/hello:1", m.layout("denied")).exits(1).says("nauthorized")
	m.noneOnDisk(held.Secret, secret)
}
