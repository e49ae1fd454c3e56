package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/session"
)

const (
	accessKey  = "https://index.docker.io/v1/access-token"
	refreshKey = "https://index.docker.io/v1/refresh-token"
	grantPath  = "/login/oauth/token"
)

// A memory is a store that can be made to fail.
type memory struct {
	mu     sync.Mutex
	items  map[string]secretstore.Credential
	damage map[string]error // of Get
	full   map[string]error // of Put
}

func (m *memory) Get(_ context.Context, key string) (secretstore.Credential, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.damage[key]; err != nil {
		return secretstore.Credential{}, err
	}
	c, ok := m.items[key]
	if !ok {
		return c, secretstore.ErrNotFound
	}
	return c, nil
}

func (m *memory) Put(ctx context.Context, key string, c secretstore.Credential) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(ctx.Err(), m.full[key]); err != nil {
		return err
	}
	m.items[key] = c
	return nil
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.items, key)
	return nil
}

// text is the stored secret.
func (m *memory) text(key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.items[key].Secret.Reveal()
}

func (m *memory) hold(key, username, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items[key] = secretstore.Credential{ServerURL: key, Username: username, Secret: secret.New(text)}
}

// A machine has a session to keep, a Docker Hub, and a clock that both go by.
type machine struct {
	t      *testing.T
	hub    *sandboxtest.Server
	store  *memory
	dir    string
	tenant func() (session.Tenant, error)

	mu sync.Mutex
	at time.Time
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{
		t: t, at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), dir: t.TempDir(),
		store: &memory{items: map[string]secretstore.Credential{}, damage: map[string]error{}, full: map[string]error{}},
	}
	m.hub = sandboxtest.Start(t, sandbox.Options{Now: m.now, Users: []sandbox.User{{Name: "moby", Password: "whale"}}})
	m.tenant = func() (session.Tenant, error) { return client.NewTenant(m.hub.URL+sandbox.AuthPath, "test/1") }
	return m
}

func (m *machine) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

func (m *machine) advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = m.at.Add(d)
}

func (m *machine) keeper() *session.Keeper {
	m.t.Helper()
	k, err := session.New(session.Options{
		Store: m.store, Registry: "https://index.docker.io/v1/", StateDir: m.dir, Now: m.now, Tenant: m.tenant,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return k
}

// signIn goes through a sign-in on the web and keeps what comes of it.
func (m *machine) signIn() client.Session {
	m.t.Helper()
	tenant, err := client.NewTenant(m.hub.URL+sandbox.AuthPath, "test/1")
	if err != nil {
		m.t.Fatal(err)
	}
	device, err := tenant.Begin(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	if err := m.hub.Sandbox.Decide(device.UserCode, sandbox.Approve, "moby"); err != nil {
		m.t.Fatal(err)
	}
	s, err := tenant.Wait(m.t.Context(), device)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := m.keeper().Replace(m.t.Context(), s); err != nil {
		m.t.Fatal(err)
	}
	return s
}

// renewals counts the requests for a new pair; the first one was the sign-in.
func (m *machine) renewals() int {
	n := -1
	for _, r := range m.hub.Sandbox.Requests() {
		if r.Path == grantPath {
			n++
		}
	}
	return n
}

// bearerOf makes a bearer of a user that nobody has signed.
func bearerOf(username string, end time.Time) string {
	claims := fmt.Sprintf(`{"exp":%d,"https://hub.docker.com":{"username":%q}}`, end.Unix(), username)
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".x"
}

func TestRead(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	good, over := bearerOf("moby", m.now().Add(time.Minute)), bearerOf("moby", m.now())
	damaged := errors.New("locked")
	tests := []struct {
		name            string
		access, refresh string
		refreshUser     string
		damage          error // of the refresh token's entry
		renewable       bool
		want            error
	}{
		{"nothing", "", "", "", nil, false, session.ErrNone},
		{"a password's", good, "", "", nil, false, nil},
		{"a password's that is over", over, "", "", nil, false, session.ErrExpired},
		{"of the web", good, "r..id", "moby", nil, true, nil},
		{"of the web, its bearer over", over, "r..id", "moby", nil, true, nil},
		{"a refresh token alone", "", "r..id", "moby", nil, true, nil},
		{"a refresh token of another user", over, "r..id", "ann", nil, false, session.ErrExpired},
		{"a refresh token without its program", over, "r", "moby", nil, false, session.ErrExpired},
		{"only a program", over, "..id", "moby", nil, false, session.ErrExpired},
		{"an empty program", over, "r..", "moby", nil, false, session.ErrExpired},
		{"a refresh token that cannot be read", over, "", "", secretstore.ErrDamaged, false, session.ErrExpired},
		{"a keychain that fails", good, "", "", damaged, false, damaged},
	}
	for _, tt := range tests {
		m.store.items, m.store.damage[refreshKey] = map[string]secretstore.Credential{}, tt.damage
		if tt.access != "" {
			m.store.hold(accessKey, "moby", tt.access)
		}
		if tt.refresh != "" {
			m.store.hold(refreshKey, tt.refreshUser, tt.refresh)
		}
		s, err := m.keeper().Read(t.Context())
		if !errors.Is(err, tt.want) || s.RefreshToken.IsZero() == tt.renewable {
			t.Errorf("%s: got %+v, %v", tt.name, s, err)
		}
		if (tt.want == nil || errors.Is(tt.want, session.ErrExpired)) && s.Username != "moby" {
			t.Errorf("%s: it is of %q", tt.name, s.Username)
		}
		if tt.renewable && (s.RefreshToken.Reveal() != "r" || s.ClientID != "id") {
			t.Errorf("%s: got %s and %s", tt.name, s.RefreshToken.Reveal(), s.ClientID)
		}
	}
}

// TestDockersForm is what Docker finds of a session of ours.
func TestDockersForm(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.signIn()
	if got, want := m.store.text(refreshKey), s.RefreshToken.Reveal()+".."+client.DockerClientID; got != want {
		t.Errorf("the refresh token is kept as %q, want %q", got, want)
	}
	if got := m.store.text(accessKey); got != s.Bearer.Reveal() {
		t.Errorf("the bearer is kept as %q", got)
	}
	for _, key := range []string{accessKey, refreshKey} {
		if got := m.store.items[key]; got.Username != "moby" || got.ServerURL != key {
			t.Errorf("got %+v", got)
		}
	}
}
