package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
	"github.com/docker-pat/docker-pat/internal/testbed"
)

// Here everything has the names and settings that it has by default. That Docker Hub is emulated is a
// matter of HTTPS_PROXY and SSL_CERT_FILE alone.

// dockerHub is Docker Hub's key in Docker's config.json and the server URL that docker sends.
const dockerHub = "https://index.docker.io/v1/"

// aliases are the names that Docker's clients have for Docker Hub.
var aliases = []string{dockerHub, "docker.io", "index.docker.io", "registry-1.docker.io"}

func newDockerHubMachine(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	m.hub = sandboxtest.StartDockerHub(t, sandbox.Options{Users: []sandbox.User{{Name: user, Password: password}}})
	m.registry = dockerHub
	m.env = append(m.env, m.hub.Environment()...)
	return m
}

// newDockerHubEngine has an engine as well, which has to be told of the proxy itself.
func newDockerHubEngine(t *testing.T) *machine {
	t.Helper()
	m := newDockerHubMachine(t)
	m.env = append(m.env, testbed.EngineFor(t, m.hub.Environment()...).Env()...)
	return m
}

// loginHub gives a secret to docker login without naming a registry.
func (m *machine) loginHub(secret string) result {
	m.t.Helper()
	return m.feed(secret+"\n", "docker", "login", "-u", user, "--password-stdin")
}

// holdsUnderEveryName asks for the credential as each of the clients does.
func (m *machine) holdsUnderEveryName(secret string) {
	m.t.Helper()
	for _, name := range aliases {
		if got := m.credential(name); got.Username != user || got.Secret != secret {
			m.t.Errorf("the credential of %s is %+v, expected the secret %s", name, got, secret)
		}
	}
}

func (m *machine) holdsNothingUnderAnyName() {
	m.t.Helper()
	for _, name := range aliases {
		m.holdsNothing(name)
	}
}

// keepsHubOffDisk looks for the secrets, and for what config.json says of Docker Hub.
func (m *machine) keepsHubOffDisk(secrets ...string) {
	m.t.Helper()
	c := m.config()
	entry, known := c.Auths[dockerHub]
	if c.CredsStore != "pat" || len(c.Auths) != 1 || !known || entry.Auth != "" || entry.IdentityToken != "" {
		m.t.Errorf("config.json should name the helper and Docker Hub, and hold no secret:\n%s", m.readConfig())
	}
	m.noneOnDisk(secrets...)
}

func TestDockerHubLogin(t *testing.T) {
	t.Parallel()
	m := newDockerHubMachine(t)
	m.setup()
	secret := m.printedToken("laptop")
	m.holdsNothingUnderAnyName()

	m.loginHub(secret).exits(0).says("Login Succeeded").hides("unencrypted", secret)
	m.holdsUnderEveryName(secret)
	m.keepsHubOffDisk(secret)

	m.loginHub("not-"+secret).exits(1).hides("Login Succeeded", secret)
	m.holdsUnderEveryName(secret)

	m.run("docker", "logout").exits(0).hides("WARNING")
	m.holdsNothingUnderAnyName()
	if c := m.config(); len(c.Auths) > 0 || c.CredsStore != "pat" {
		t.Errorf("docker logout should leave the helper alone in config.json:\n%s", m.readConfig())
	}
}

// TestDockerHubLoginPassword has docker log in with a password, which Docker Hub accepts: what it stores is
// a token. Logging in again replaces that, and logging out ends it.
func TestDockerHubLoginPassword(t *testing.T) {
	t.Parallel()
	m := newDockerHubMachine(t)
	m.setup()
	var secrets []string
	for range 2 {
		m.loginHub(password).exits(0).says("Login Succeeded").hides("unencrypted", password)
		held := m.credential(dockerHub)
		if held.Username != user || !strings.HasPrefix(held.Secret, "dckr_"+"pat_") || slices.Contains(secrets, held.Secret) {
			t.Fatalf("Docker should have a new token of %s, not %d characters of %s", user, len(held.Secret), held.Username)
		}
		secrets = append(secrets, held.Secret)
		m.holdsUnderEveryName(held.Secret)
		if made := m.tokens(); len(made) != 1 || !made[0].Stored || !strings.HasSuffix(made[0].Label, " (docker login)") {
			t.Errorf("the account should have the one token of this machine: %+v", made)
		}
	}
	m.keepsHubOffDisk(append(secrets, password)...)
	m.loginHub("not-" + password).exits(1)
	m.holdsUnderEveryName(secrets[1])

	m.run("docker", "logout").exits(0).hides("WARNING")
	m.holdsNothingUnderAnyName()
	if made := m.tokens(); len(made) != 0 {
		t.Errorf("the token of docker login should have ended: %+v", made)
	}
}

// TestDockerHubCreate needs no docker login: a token that docker-pat keeps is there for every client.
func TestDockerHubCreate(t *testing.T) {
	t.Parallel()
	m := newDockerHubMachine(t)
	m.setup()
	m.run("docker-pat", "create", "laptop", "--scope", "repo:read", "--expires", "30d").exits(0).prints("")
	m.holdsUnderEveryName(m.credential(dockerHub).Secret)
	if made := m.token("laptop"); !made.Stored || made.Status != "active" {
		t.Errorf("the token should be active and marked as the one in use: %+v", made)
	}
	m.run("docker-pat", "status").exits(0).says("with the token laptop")
	m.noneOnDisk(m.credential(dockerHub).Secret, m.credential(dockerHub+"access-token").Secret)
}

// TestDockerHubListHasEveryPage follows the links from page to page, which are under Docker Hub's name.
func TestDockerHubListHasEveryPage(t *testing.T) {
	t.Parallel()
	m := newDockerHubMachine(t)
	m.signIn()
	const count = 101 // one more than the largest page has
	m.makeTokens(count)
	var all []token
	m.run("docker-pat", "list", "--json").exits(0).decode(&all)
	if len(all) != count {
		t.Errorf("%d tokens are listed, and there are %d", len(all), count)
	}
}

// makeTokens is quicker than the program at making many.
func (m *machine) makeTokens(count int) {
	m.t.Helper()
	var session struct{ Token string }
	m.post("/v2/users/login", "", map[string]any{"username": user, "password": password}, &session)
	for i := range count {
		m.post("/v2/access-tokens", session.Token, map[string]any{"token_label": fmt.Sprintf("token %d", i), "scopes": []string{"repo:read"}}, nil)
	}
}

// post sends JSON to the Hub API under its ordinary address, and reads the reply.
func (m *machine) post(path, bearer string, body, reply any) {
	m.t.Helper()
	data, err := json.Marshal(body)
	m.do(err)
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, m.hub.URL+sandbox.HubPath+path, bytes.NewReader(data))
	m.do(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := http.DefaultClient.Do(req)
	m.do(err)
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		m.t.Fatalf("POST %s: %s", path, resp.Status)
	}
	if reply != nil {
		m.do(json.NewDecoder(resp.Body).Decode(reply))
	}
}

// TestDockerHubPlaintextLoginIsMovedBySetup begins where most people are.
func TestDockerHubPlaintextLoginIsMovedBySetup(t *testing.T) {
	t.Parallel()
	m := newDockerHubMachine(t)
	m.signIn()
	secret := m.printedToken("laptop")
	m.loginHub(secret).exits(0).says("Login Succeeded")
	before := m.readConfig()
	if m.config().Auths[dockerHub].Auth == "" {
		t.Fatalf("without a helper Docker should keep the token in config.json:\n%s", before)
	}
	m.run("docker-pat", "setup").exits(0).hides(secret)
	m.holdsUnderEveryName(secret)
	m.keepsHubOffDisk(secret)
	m.run("docker-pat", "setup", "--undo").exits(0).hides(secret)
	if after := m.readConfig(); string(after) != string(before) {
		t.Errorf("undo should bring back\n%s\nand left\n%s", before, after)
	}
}

// TestDockerHubWithEngine is the main story under its true names: a private repository, pushed to and
// pulled from with a token, until the token ends.
func TestDockerHubWithEngine(t *testing.T) {
	t.Parallel()
	m := newDockerHubEngine(t)
	const image = "moby/private:1"
	m.setup()
	m.run("docker-pat", "create", "laptop", "--scope", "repo:write", "--expires", "30d").exits(0).prints("")
	m.run("docker", "login").exits(0).says("Login Succeeded").hides("Password:", "device")
	secret := m.credential(dockerHub).Secret

	made := m.token("laptop")
	m.makeImage(image)
	m.pushes(image)
	m.pulls(image)
	if used := m.token("laptop"); !used.Stored || !used.LastUsedAt.After(made.LastUsedAt) {
		t.Errorf("after its use the token is %+v, it was %+v", used, made)
	}
	m.keepsHubOffDisk(secret, m.credential(dockerHub+"access-token").Secret)

	m.run("docker-pat", "deactivate", "laptop").exits(0)
	m.isDenied("push", image)
	m.isDenied("pull", image)
	m.run("docker", "login").exits(1).hides("Login Succeeded", secret)
	m.run("docker-pat", "activate", "laptop").exits(0)
	m.pulls(image)

	m.run("docker", "logout").exits(0).hides("WARNING")
	m.holdsNothingUnderAnyName()
	m.isDenied("pull", image)
}

// TestDockerHubWithDeletedToken deletes the token elsewhere, so that this machine still holds it.
func TestDockerHubWithDeletedToken(t *testing.T) {
	t.Parallel()
	m := newDockerHubEngine(t)
	const image = "moby/private:1"
	m.setup()
	secret := m.printedToken("elsewhere")
	m.loginHub(secret).exits(0).says("Login Succeeded")
	m.makeImage(image)
	m.pushes(image)
	m.pulls(image)

	m.run("docker-pat", "delete", "--yes", "elsewhere").exits(0)
	m.holdsUnderEveryName(secret)
	m.isDenied("push", image)
	m.isDenied("pull", image)
	m.loginHub(secret).exits(1).hides("Login Succeeded", secret)
}
