//go:build unix

package doctor_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/doctor"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/internal/wiring"
)

const hub = "https://index.docker.io/v1/"

// Put together here, so that no scanner takes it for a token.
var madeUp = "dckr_" + "pat_" + strings.Repeat("x", 27)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// A machine on which everything is as it should be, until a test changes it.
type machine struct {
	doctor.Options
	home    string
	env     map[string]string
	keeps   *memory
	outside *outside
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{
		home: home, env: map[string]string{},
		keeps: &memory{items: map[string]secretstore.Credential{}, index: map[string]secretstore.Entry{}},
		outside: &outside{
			helpers: map[string]string{}, plugins: map[string]string{},
			session: doctor.Session{Username: "moby", ExpiresAt: now.Add(time.Hour)},
		},
	}
	m.Options = doctor.Options{
		Name: "docker pat", Version: "v1",
		Settings: settings.Settings{
			HubURL: settings.DefaultHubURL, Registry: hub, KeychainTimeout: time.Second,
			ConfigDir: m.path(".config"), StateDir: m.path("state"), DockerConfigDir: m.path(".docker"),
		},
		Env: func(name string) string { return m.env[name] }, Now: func() time.Time { return now },
		Path: []string{m.path("bin"), "", m.path("usr")}, SystemPlugins: []string{m.path("lib")},
		Store: m.keeps, Outside: m.outside,
	}
	m.program(t, "bin/docker-credential-pat")
	m.outside.helpers[m.path("bin/docker-credential-pat")] = "v1"
	m.program(t, ".docker/cli-plugins/docker-pat")
	m.outside.plugins[m.path(".docker/cli-plugins/docker-pat")] = "v1"
	m.write(t, ".docker/config.json", `{"credsStore":"pat","credHelpers":{"docker.io":"pat"},"auths":{"`+hub+`":{}}}`)
	m.write(t, "state/index.json", "{}")
	m.hold("laptop", now.AddDate(0, 0, 30))
	return m
}

func (m *machine) path(name string) string { return filepath.Join(m.home, filepath.FromSlash(name)) }

func (m *machine) write(t *testing.T, name, text string) {
	t.Helper()
	m.writeMode(t, name, text, 0o600)
}

func (m *machine) program(t *testing.T, name string) {
	t.Helper()
	m.writeMode(t, name, "", 0o700)
}

func (m *machine) writeMode(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	err := errors.Join(
		os.MkdirAll(filepath.Dir(m.path(name)), 0o700), os.RemoveAll(m.path(name)),
		os.WriteFile(m.path(name), []byte(text), mode),
	)
	if err != nil {
		t.Fatal(err)
	}
}

func (m *machine) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.RemoveAll(m.path(name)); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) link(t *testing.T, target, name string) {
	t.Helper()
	m.write(t, name, "") // makes the folder
	m.remove(t, name)
	if err := os.Symlink(target, m.path(name)); err != nil {
		t.Fatal(err)
	}
}

// hold makes a token of ours the credential of the registry.
func (m *machine) hold(label string, expiresAt time.Time) {
	token := &secretstore.Token{ID: "1", Label: label, ExpiresAt: expiresAt}
	m.keeps.set(hub, secretstore.Credential{ServerURL: hub, Username: "moby", Secret: secret.New(madeUp), Token: token})
}

// findings are those that are not ok; paths begin with ~. It holds what is true of every examination.
func (m *machine) findings(t *testing.T) []doctor.Finding {
	t.Helper()
	before := maps.Clone(m.keeps.items)
	var checks []string
	var left []doctor.Finding
	for f := range doctor.Examine(t.Context(), m.Options) {
		checks = append(checks, f.Check)
		f.Found, f.Remedy = strings.ReplaceAll(f.Found, m.home, "~"), strings.ReplaceAll(f.Remedy, m.home, "~")
		if f.Status == doctor.Problem && f.Remedy == "" {
			t.Errorf("%s has no remedy", f.Check)
		}
		if strings.Contains(f.Found+f.Remedy, madeUp) || strings.Contains(f.Found+f.Remedy, "whale") {
			t.Errorf("%s tells a secret: %q, %q", f.Check, f.Found, f.Remedy)
		}
		if f.Status != doctor.OK {
			left = append(left, f)
		}
	}
	want := []string{
		"environment", "helper", "helper-others", "helper-version", "docker-config", "docker-helper", "creds-store", "cred-helpers",
		"podman", "plaintext", "auths", "config-mode", "docker-auth-config", "plugin", "plugin-folder", "settings", "state", "store",
		"index", "clock", "session", "credential", "registry",
	}
	if !slices.Equal(checks, want) {
		t.Errorf("the checks are %q, want %q", checks, want)
	}
	if m.keeps.broken == nil && m.keeps.stuck == nil && !maps.EqualFunc(before, m.keeps.items, func(a, b secretstore.Credential) bool { return a == b }) {
		t.Errorf("the store holds %v, want %v", m.keeps.items, before)
	}
	return left
}

// memory is a store, of which every call can fail.
type memory struct {
	items   map[string]secretstore.Credential
	index   map[string]secretstore.Entry
	broken  error  // of every call
	stuck   error  // of Delete
	damaged string // what cannot be read
}

func (s *memory) set(key string, c secretstore.Credential) {
	s.items[key] = c
	s.index[key] = secretstore.Entry{ServerURL: c.ServerURL, Username: c.Username, Token: c.Token}
}

func (s *memory) Get(_ context.Context, key string) (secretstore.Credential, error) {
	c, ok := s.items[key]
	switch {
	case s.broken != nil:
		return secretstore.Credential{}, s.broken
	case !ok:
		return secretstore.Credential{}, secretstore.ErrNotFound
	case s.damaged == key:
		return secretstore.Credential{}, secretstore.ErrDamaged
	}
	return c, nil
}

func (s *memory) Put(_ context.Context, key string, c secretstore.Credential) error {
	if s.broken == nil {
		s.set(key, c)
	}
	return s.broken
}

func (s *memory) Delete(_ context.Context, key string) error {
	if err := errors.Join(s.broken, s.stuck); err != nil {
		return err
	}
	delete(s.items, key)
	delete(s.index, key)
	return nil
}

func (s *memory) List(context.Context) (map[string]secretstore.Entry, error) {
	return maps.Clone(s.index), nil
}

// outside answers for programs, by path, and for services.
type outside struct {
	helpers, plugins map[string]string // versions; none: another program
	helperErr        error
	session          doctor.Session
	sessionErr       error
	offset           time.Duration
	clockErr         error
	refusal          error
	asked            int // of the services
}

var errOther = wiring.ErrOtherProgram

func (o *outside) HelperVersion(_ context.Context, path string) (string, error) {
	if o.helperErr != nil {
		return "", o.helperErr
	}
	return versionOf(o.helpers, path)
}

func (o *outside) PluginVersion(_ context.Context, path string) (string, error) {
	return versionOf(o.plugins, path)
}

func versionOf(programs map[string]string, path string) (string, error) {
	version, ok := programs[path]
	if !ok {
		return "", errOther
	}
	return version, nil
}

func (o *outside) Session(context.Context) (doctor.Session, error) { return o.session, o.sessionErr }

func (o *outside) ClockOffset(context.Context) (time.Duration, error) {
	o.asked++
	return o.offset, o.clockErr
}

func (o *outside) SignIn(context.Context, string, secret.Secret) error {
	o.asked++
	return o.refusal
}
