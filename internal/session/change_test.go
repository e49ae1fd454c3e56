package session_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/flock"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/session"
)

// TestOpenRenewsOnce has many at the same time: a second renewal with the same refresh token would end the
// session.
func TestOpenRenewsOnce(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	first := m.signIn()
	if _, err := m.keeper().Open(t.Context()); err != nil || m.renewals() != 0 {
		t.Errorf("a fresh session: %v, %d renewals", err, m.renewals())
	}
	for round := 1; round <= 3; round++ {
		m.advance(time.Hour - 30*time.Second)
		var opened sync.WaitGroup
		for range 8 {
			opened.Go(func() {
				s, err := m.keeper().Open(t.Context())
				if err != nil || s.Username != "moby" || s.Bearer.Reveal() == first.Bearer.Reveal() || s.ExpiresAt.Sub(m.now()) < 59*time.Minute {
					t.Errorf("got %+v, %v", s, err)
				}
			})
		}
		opened.Wait()
		if got := m.renewals(); got != round {
			t.Errorf("there were %d renewals, want %d", got, round)
		}
	}
	if m.hub.Sandbox.Sessions("moby") != 1 {
		t.Error("the session has ended")
	}
}

func TestOpenAfterTheEnd(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signIn()
	m.hub.Sandbox.EndSessions()
	m.advance(time.Hour - 30*time.Second)
	if s, err := m.keeper().Open(t.Context()); err != nil || s.Bearer.IsZero() {
		t.Errorf("with time left: %+v, %v", s, err)
	}
	m.advance(time.Hour)
	for range 2 {
		if s, err := m.keeper().Open(t.Context()); !errors.Is(err, session.ErrExpired) || s.Username != "moby" {
			t.Errorf("got %+v, %v", s, err)
		}
	}
	if m.renewals() != 1 || m.store.text(refreshKey) != "" {
		t.Errorf("there were %d renewals, or the refresh token is kept", m.renewals())
	}
}

func TestOpenWithoutTheTenant(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	before := m.signIn()
	m.hub.Sandbox.Inject(sandbox.Fault{Path: grantPath, Cut: sandbox.CutBefore})
	m.advance(time.Hour - 30*time.Second)
	if s, err := m.keeper().Open(t.Context()); err != nil || s.Bearer.Reveal() != before.Bearer.Reveal() {
		t.Errorf("with time left: %+v, %v", s, err)
	}
	m.advance(time.Hour)
	if _, err := m.keeper().Open(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	m.hub.Sandbox.ClearFaults()
	if _, err := m.keeper().Open(t.Context()); err != nil {
		t.Errorf("when it is there again: %v", err)
	}
}

// TestOpenInterrupted holds that a pair which the tenant has given out is kept.
func TestOpenInterrupted(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	before := m.signIn()
	m.advance(2 * time.Hour)
	m.hub.Sandbox.Inject(sandbox.Fault{Path: grantPath, Delay: 300 * time.Millisecond, Times: 1})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, _ = m.keeper().Open(ctx)
	if got := m.store.text(refreshKey); got == "" || strings.HasPrefix(got, before.RefreshToken.Reveal()) {
		t.Fatal("the new refresh token is not kept")
	}
	if s, err := m.keeper().Open(t.Context()); err != nil || s.Username != "moby" || m.renewals() != 1 {
		t.Errorf("got %+v, %v after %d renewals", s, err, m.renewals())
	}
}

// TestOpenInterruptedForGood holds that a tenant which does not answer keeps nobody.
func TestOpenInterruptedForGood(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signIn()
	m.advance(2 * time.Hour)
	m.hub.Sandbox.Inject(sandbox.Fault{Path: grantPath, Delay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := m.keeper().Open(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// dockers is a tenant at which docker login signs in anew while we renew.
type dockers struct {
	session.Tenant
	meanwhile func()
}

func (d dockers) Refresh(ctx context.Context, clientID string, refresh client.Secret) (client.Session, error) {
	d.meanwhile()
	return d.Tenant.Refresh(ctx, clientID, refresh)
}

func TestOpenWhileDockerSignsIn(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signIn()
	m.hub.Sandbox.EndSessions()
	m.advance(2 * time.Hour)
	asked := m.tenant
	m.tenant = func() (session.Tenant, error) {
		tenant, err := asked()
		return dockers{tenant, sync.OnceFunc(func() {
			m.store.hold(accessKey, "moby", bearerOf("moby", m.now().Add(time.Hour)))
			m.store.hold(refreshKey, "moby", "of-docker..id")
		})}, err
	}
	if s, err := m.keeper().Open(t.Context()); err != nil || s.RefreshToken.Reveal() != "of-docker" {
		t.Errorf("got %+v, %v", s, err)
	}
	if m.store.text(refreshKey) != "of-docker..id" {
		t.Error("Docker's session is gone")
	}
}

// TestRenew is about a bearer that is refused while it seems good: once it was renewed, it is the one that
// is stored for everybody who asks.
func TestRenew(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	before := m.signIn()
	m.advance(time.Minute)
	var next client.Session
	for range 3 {
		var err error
		if next, err = m.keeper().Renew(t.Context(), before.Bearer); err != nil || next.Bearer.Reveal() == before.Bearer.Reveal() || m.renewals() != 1 {
			t.Errorf("got %+v, %v after %d renewals", next, err, m.renewals())
		}
	}
	m.hub.Sandbox.Inject(sandbox.Fault{Path: grantPath, Cut: sandbox.CutBefore})
	if _, err := m.keeper().Renew(t.Context(), next.Bearer); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("without the tenant: %v", err)
	}
	m.hub.Sandbox.ClearFaults()
	m.hub.Sandbox.EndSessions()
	if _, err := m.keeper().Renew(t.Context(), next.Bearer); !errors.Is(err, session.ErrExpired) {
		t.Errorf("after its end: %v", err)
	}
	m.store.hold(accessKey, "moby", bearerOf("moby", m.now().Add(time.Hour)))
	if _, err := m.keeper().Renew(t.Context(), secret.New(m.store.text(accessKey))); !errors.Is(err, session.ErrExpired) {
		t.Errorf("of a password: %v", err)
	}
}

// TestLockIsNotWaitedForForEver has a clock of its own.
func TestLockIsNotWaitedForForEver(t *testing.T) {
	dir := t.TempDir()
	lock := flock.New(filepath.Join(dir, "session.lock"))
	if held, err := lock.TryLock(); !held {
		t.Fatal(err)
	}
	defer func() { _ = lock.Unlock() }()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{items: map[string]secretstore.Credential{}}
		store.hold(accessKey, "moby", bearerOf("moby", time.Now()))
		store.hold(refreshKey, "moby", "r..id")
		k, err := session.New(session.Options{Store: store, Registry: "docker.io", StateDir: dir, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		_, opened := k.Open(t.Context())
		_, ended := k.End(t.Context())
		replaced := k.Replace(t.Context(), client.Session{})
		for _, err := range []error{opened, ended, replaced} {
			if !errors.Is(err, session.ErrBusy) {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestOpenThatCannotBeKept(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signIn()
	m.advance(time.Hour - 30*time.Second)
	full := errors.New("no room")
	m.store.full[refreshKey] = full
	if _, err := m.keeper().Open(t.Context()); !errors.Is(err, full) || !strings.Contains(err.Error(), "keep the renewed session") {
		t.Errorf("got %v", err)
	}
}

// TestReplace leaves nothing of the session before, here or there.
func TestReplace(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signIn()
	m.signIn()
	if got := m.hub.Sandbox.Sessions("moby"); got != 1 {
		t.Errorf("there are %d sessions", got)
	}
	password := client.Session{Username: "moby", Bearer: secret.New(bearerOf("moby", m.now().Add(time.Hour)))}
	if err := m.keeper().Replace(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	if m.store.text(refreshKey) != "" || m.store.text(accessKey) != password.Bearer.Reveal() || m.hub.Sandbox.Sessions("moby") != 0 {
		t.Error("the session on the web has survived that of a password")
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	if ending, err := m.keeper().End(t.Context()); err != nil || ending != (session.Ending{}) {
		t.Errorf("without a session: %+v, %v", ending, err)
	}
	m.signIn()
	if ending, err := m.keeper().End(t.Context()); err != nil || ending != (session.Ending{Held: true}) || m.hub.Sandbox.Sessions("moby") != 0 {
		t.Errorf("got %+v, %v and %d sessions", ending, err, m.hub.Sandbox.Sessions("moby"))
	}
	m.signIn()
	m.hub.Sandbox.Inject(sandbox.Fault{Path: "/login/oauth/revoke", Cut: sandbox.CutBefore})
	if ending, err := m.keeper().End(t.Context()); err != nil || !ending.Held || !errors.Is(ending.Tenant, client.ErrUnreachable) {
		t.Errorf("got %+v, %v", ending, err)
	}
	if len(m.store.items) != 0 {
		t.Errorf("left: %v", m.store.items)
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.signIn()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.keeper().Discard(ctx, s); err != nil || m.hub.Sandbox.Sessions("moby") != 0 {
		t.Errorf("got %v and %d sessions", err, m.hub.Sandbox.Sessions("moby"))
	}
}
