//go:build !windows

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

// The sign-in on the web, by Docker's command line and by docker-pat. Both have one session.

const (
	accessEntry = dockerHub + "access-token"
	tokenEntry  = dockerHub + "refresh-token"
)

// newWebMachine has a browser, in which its user is quick to sign in, and a helper that Docker uses.
func newWebMachine(t *testing.T) *machine {
	t.Helper()
	m := newDockerHubMachine(t)
	docker, err := testbed.Docker(t.Context())
	testbed.Need(t, err)
	m.do(errors.Join(os.Remove(filepath.Join(m.bin, "docker")), os.Symlink(docker, filepath.Join(m.bin, "docker"))))
	self, err := os.Executable()
	m.do(err)
	m.do(os.Symlink(self, filepath.Join(m.bin, browserName)))
	m.env = append(m.env, "DISPLAY=:0") // nothing opens there
	m.run("docker-pat", "setup").exits(0)
	return m
}

// dockerSignsIn is docker login as a person does it who has only just installed Docker.
func (m *machine) dockerSignsIn() {
	m.t.Helper()
	s := m.terminal("docker", "login")
	s.awaits("Press ENTER")
	s.types("\r")
	s.exits(0).says("Login Succeeded")
}

func (m *machine) signsInOnTheWeb() {
	m.t.Helper()
	s := m.terminal("docker-pat", "login")
	s.exits(0).says("https://login.docker.com/activate?user_code=", "Your browser should open there.", "Signed in as "+user)
}

// sessionsAtHub are those that could still go on.
func (m *machine) sessionsAtHub(want int) {
	m.t.Helper()
	if got := m.hub.Sandbox.Sessions(user); got != want {
		m.t.Errorf("there are %d sessions at Docker Hub, expected %d", got, want)
	}
}

func (m *machine) isSignedOut() {
	m.t.Helper()
	m.run("docker-pat", "list").exits(4).says("not signed in")
	m.run("docker-pat", "status").exits(0).says("not signed in")
	m.holdsNothing(accessEntry)
	m.holdsNothing(tokenEntry)
}

// ages puts a bearer into the session whose time is over.
func (m *machine) ages() {
	m.t.Helper()
	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":1,"https://hub.docker.com":{"username":%q}}`, user))
	entry, err := json.Marshal(credential{accessEntry, user, "e30." + claims + ".x"})
	m.do(err)
	m.feed(string(entry), "docker-credential-pat", "store").exits(0)
}

func TestDockerHubWebLogin(t *testing.T) {
	t.Parallel()
	m := newWebMachine(t)
	m.isSignedOut()
	m.dockerSignsIn()
	secret := m.credential(dockerHub).Secret
	m.holdsUnderEveryName(secret)
	m.sessionsAtHub(1)

	var all []struct{ Source string }
	m.run("docker-pat", "list", "--json").exits(0).decode(&all)
	if len(all) != 1 || all[0].Source != "auto" {
		t.Errorf("the token that docker login has got should be listed: %+v", all)
	}
	m.run("docker-pat", "status").exits(0).says(user + ", signed in on the web")
	m.run("docker-pat", "create", "laptop").exits(0)

	before := m.credential(tokenEntry).Secret
	m.ages()
	m.run("docker-pat", "list").exits(0).says("laptop")
	renewed := m.credential(tokenEntry)
	if renewed.Secret == before || renewed.Username != user {
		t.Errorf("the renewed session should be kept for Docker as well: %q", renewed.Username)
	}
	m.noneOnDisk(secret, before, renewed.Secret, m.credential(accessEntry).Secret)

	m.run("docker", "logout").exits(0).hides("WARNING")
	m.sessionsAtHub(0)
	m.isSignedOut()
	m.holdsNothingUnderAnyName()
}

// TestDockerHubLogoutEndsOurSession is the other way round.
func TestDockerHubLogoutEndsOurSession(t *testing.T) {
	t.Parallel()
	m := newWebMachine(t)
	m.signsInOnTheWeb()
	m.sessionsAtHub(1)
	m.run("docker-pat", "create", "laptop").exits(0)
	m.noneOnDisk(m.credential(dockerHub).Secret, m.credential(accessEntry).Secret, m.credential(tokenEntry).Secret)

	m.run("docker", "logout").exits(0).hides("WARNING")
	m.sessionsAtHub(0)
	m.isSignedOut()
	m.holdsNothingUnderAnyName()
}

// TestOurLogoutEndsDockersSession leaves Docker the token that it works with.
func TestOurLogoutEndsDockersSession(t *testing.T) {
	t.Parallel()
	m := newWebMachine(t)
	m.dockerSignsIn()
	secret := m.credential(dockerHub).Secret
	m.run("docker-pat", "logout").exits(0).says("Signed out.")
	m.sessionsAtHub(0)
	m.isSignedOut()
	m.holdsUnderEveryName(secret)
}

// TestPasswordSignInAfterDockers leaves no part of the session before.
func TestPasswordSignInAfterDockers(t *testing.T) {
	t.Parallel()
	m := newWebMachine(t)
	m.dockerSignsIn()
	m.signIn()
	m.sessionsAtHub(0)
	m.holdsNothing(tokenEntry)
	m.run("docker-pat", "status").exits(0).says(user + ", signed in until ")
	m.run("docker", "logout").exits(0).hides("WARNING")
	m.run("docker-pat", "list").exits(0)
}

// TestDockersSessionIsBroughtAlong begins where people are who have used docker login before: with their
// session in clear in config.json.
func TestDockersSessionIsBroughtAlong(t *testing.T) {
	t.Parallel()
	m := newWebMachine(t)
	m.run("docker-pat", "setup", "--undo").exits(0)
	m.dockerSignsIn()
	auths := m.config().Auths
	if len(auths) != 3 || auths[accessEntry].Auth == "" || auths[tokenEntry].Auth == "" {
		t.Fatalf("without a helper Docker should keep its session in config.json:\n%s", m.readConfig())
	}
	m.isSignedOut()

	m.run("docker-pat", "setup").exits(0)
	m.run("docker-pat", "list").exits(0)
	m.run("docker-pat", "status").exits(0).says(user + ", signed in on the web")
	m.noneOnDisk(m.credential(dockerHub).Secret, m.credential(accessEntry).Secret, m.credential(tokenEntry).Secret)
	m.ages()
	m.run("docker-pat", "list").exits(0)
	m.run("docker", "logout").exits(0).hides("WARNING")
	m.sessionsAtHub(0)
	m.isSignedOut()
}

func TestTerminalWebLoginInterrupted(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.terminal("docker-pat", "login")
	s.awaits("Ctrl-C gives up.")
	time.Sleep(1500 * time.Millisecond) // for it to have asked once; if it has not, the test is only weaker
	s.types("\x03")
	s.exits(130).says("interrupted").hides("Your browser")
	m.isSignedOut()
}
