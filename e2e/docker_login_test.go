package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Without an engine Docker's command line asks the registry itself.

func TestDockerLogin(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	secret := m.printedToken("laptop")
	m.holdsNothing(m.registry)

	m.login(m.registry, secret).exits(0).says("Login Succeeded").hides("unencrypted", secret)
	m.holds(m.registry, user, secret)
	m.noneOnDisk(secret)

	m.login(m.registry, "not-"+secret).exits(1).hides("Login Succeeded", secret)
	m.holds(m.registry, user, secret)

	m.run("docker", "logout", m.registry).exits(0).hides("WARNING")
	m.holdsNothing(m.registry)
	if c := m.config(); len(c.Auths) > 0 || c.CredsStore != "pat" {
		t.Errorf("docker logout should leave the helper alone in config.json:\n%s", m.readConfig())
	}
}

// Docker stores a credential again each time that it has signed in with it.
func TestDockerLoginKeepsWhatIsKnownOfTheToken(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	m.run("docker-pat", "create", "laptop").exits(0)
	if before := m.token("laptop"); !before.Stored {
		t.Fatalf("the token should be marked as the one in use: %+v", before)
	}
	m.login(m.registry, m.credential(m.registry).Secret).exits(0)
	if after := m.token("laptop"); !after.Stored {
		t.Errorf("after docker login with the same token it should still be marked as the one in use: %+v", after)
	}
	m.run("docker-pat", "status").exits(0).says("with the token laptop")

	m.login(m.registry, m.printedToken("another")).exits(0)
	if all := m.tokens(); len(all) != 1 || all[0].Label != "another" || all[0].Stored {
		t.Errorf("after docker login with another token, which docker-pat only printed, laptop should have ended: %+v", all)
	}
}

func TestDockerLoginWrongSecretStoresNothing(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	m.login(m.registry, "no-token-of-anybody").exits(1).hides("Login Succeeded")
	m.holdsNothing(m.registry)
}

// TestDockerLoginPasswordIsRefused for those who want it so. Docker Hub accepts the password, so that it is for
// the helper to refuse it.
func TestDockerLoginPasswordIsRefused(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	settings := filepath.Join(m.home, ".config", "docker-pat")
	m.do(os.MkdirAll(settings, 0o700))
	m.do(os.WriteFile(filepath.Join(settings, "config.json"), []byte(`{"passwords":"refuse"}`), 0o600))
	r := m.login(m.registry, password).exits(1).hides("Login Succeeded", password)
	if line := lineWith(r.stderr, "docker-credential-pat: "); !strings.Contains(line, "docker-pat create") {
		t.Errorf("one line should say who refuses and name docker-pat create:\n%s", r)
	}
	m.holdsNothing(m.registry)
	m.noneOnDisk()

	secret := m.printedToken("laptop")
	m.login(m.registry, secret).exits(0)
	m.login(m.registry, password).exits(1)
	m.holds(m.registry, user, secret)
}

func TestDockerLoginElsewhereKeepsAnySecret(t *testing.T) {
	t.Parallel()
	const secretElsewhere = "any secret, with blanks & signs: \"ü\""
	m := newMachine(t)
	m.setup()
	m.run("docker-pat", "create", "laptop").exits(0)
	own := m.credential(m.registry)
	elsewhere := registryOf(newHub(t, secretElsewhere))

	m.login(elsewhere, secretElsewhere).exits(0).says("Login Succeeded")
	m.holds(elsewhere, user, secretElsewhere)
	m.holds(m.registry, user, own.Secret)
	m.noneOnDisk(own.Secret, secretElsewhere)

	m.run("docker", "logout", elsewhere).exits(0)
	m.holdsNothing(elsewhere)
	m.holds(m.registry, user, own.Secret)
}

func TestDockerLoginKeyringLocked(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	secret := m.printedToken("laptop")
	m.login(m.registry, secret).exits(0)
	m.do(m.keyring.Lock(t.Context()))

	r := m.login(m.registry, secret).exits(1).hides("Login Succeeded", secret)
	if line := lineWith(r.stderr, "docker-credential-pat: "); !strings.Contains(line, "locked") || !strings.Contains(line, "unlock the keychain") {
		t.Errorf("one line should say that the keychain is locked, and what to do:\n%s", r)
	}
	got := m.feed(m.registry, "docker-credential-pat", "get").exits(1).hides("not found", secret)
	if !strings.HasPrefix(got.stdout, "docker-credential-pat: ") || !strings.Contains(got.stdout, "locked") || strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("one line should say that the keychain is locked:\n%s", got)
	}
	m.noneOnDisk(secret)
}

// lineWith returns the first line that has a text in it.
func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}
