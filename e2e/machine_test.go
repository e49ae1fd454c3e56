package e2e

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// signIn begins a session of docker-pat.
func (m *machine) signIn() {
	m.t.Helper()
	m.feed(password+"\n", "docker-pat", "login", "-u", user, "--password-stdin").exits(0).says("Signed in as " + user).prints("")
}

// setup signs in and tells Docker to use the helper.
func (m *machine) setup(flags ...string) {
	m.t.Helper()
	m.signIn()
	m.run(append([]string{"docker-pat", "setup"}, flags...)...).exits(0)
}

// printedToken makes a token that is printed and not stored.
func (m *machine) printedToken(label string) string {
	m.t.Helper()
	r := m.run("docker-pat", "create", label, "--print").exits(0)
	secret, ok := strings.CutSuffix(r.stdout, "\n")
	if !ok || secret == "" || strings.Contains(secret, "\n") {
		m.t.Fatalf("standard output should be the secret in one line:\n%s", r)
	}
	return secret
}

// login gives a secret to docker login, which asks for nothing.
func (m *machine) login(registry, secret string) result {
	m.t.Helper()
	return m.feed(secret+"\n", "docker", "login", "-u", user, "--password-stdin", registry)
}

// A credential is what the protocol's get prints.
type credential struct{ ServerURL, Username, Secret string }

// credential asks the helper as Docker does.
func (m *machine) credential(serverURL string) credential {
	m.t.Helper()
	var c credential
	m.feed(serverURL, "docker-credential-pat", "get").exits(0).decode(&c)
	return c
}

func (m *machine) holds(serverURL, username, secret string) {
	m.t.Helper()
	want := credential{serverURL, username, secret}
	if got := m.credential(serverURL); got != want {
		m.t.Errorf("the credential of %s is %+v, expected %+v", serverURL, got, want)
	}
}

func (m *machine) holdsNothing(serverURL string) {
	m.t.Helper()
	m.feed(serverURL, "docker-credential-pat", "get").exits(1).prints(notFound)
}

// A token is what list says of it.
type token struct {
	Label      string
	Status     string
	LastUsedAt time.Time `json:"last_used_at"`
	Stored     bool
}

func (m *machine) token(label string) token {
	m.t.Helper()
	all := m.tokens()
	for _, t := range all {
		if t.Label == label {
			return t
		}
	}
	m.t.Fatalf("the token %s is not listed: %+v", label, all)
	return token{}
}

func (m *machine) tokens() []token {
	m.t.Helper()
	var all []token
	m.run("docker-pat", "list", "--json").exits(0).decode(&all)
	return all
}

// A config has those parts of Docker's config.json that are about credentials.
type config struct {
	Auths map[string]struct {
		Auth          string
		IdentityToken string
	}
	CredsStore  string
	CredHelpers map[string]string
}

func (m *machine) config() config {
	m.t.Helper()
	r := result{t: m.t, command: "cat " + m.configPath(), stdout: string(m.readConfig())}
	var c config
	r.decode(&c)
	return c
}

func (m *machine) configPath() string { return filepath.Join(m.dockerConfig, "config.json") }

func (m *machine) readConfig() []byte {
	m.t.Helper()
	data, err := os.ReadFile(m.configPath())
	m.do(err)
	return data
}

// noneOnDisk searches all that the user has on disk, but the keychain's own folder, for what must not
// be there: plain, and as Docker writes it into config.json.
func (m *machine) noneOnDisk(secrets ...string) {
	m.t.Helper()
	secrets = append(secrets, password)
	for _, path := range m.filesWith(secrets...) {
		m.t.Errorf("there is a secret in %s", path)
	}
}

func (m *machine) filesWith(secrets ...string) (found []string) {
	m.t.Helper()
	m.do(filepath.WalkDir(m.home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == m.bin {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		for _, secret := range secrets {
			encoded := base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))
			if bytes.Contains(data, []byte(secret)) || bytes.Contains(data, []byte(encoded)) {
				found = append(found, path)
			}
		}
		return err
	}))
	return found
}

// variable is what the user has in the environment.
func (m *machine) variable(name string) string {
	m.t.Helper()
	for _, entry := range slices.Backward(m.env) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	m.t.Fatalf("%s is not set", name)
	return ""
}

// tarOf is an archive of one file.
func tarOf(t *testing.T, name, text string) string {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.String()
}
