//go:build unix

package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/doctor"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

const (
	note    = doctor.Note
	problem = doctor.Problem
)

// A row changes the healthy machine and names every finding that is not ok then.
type row struct {
	change func(*testing.T, *machine)
	want   []doctor.Finding
}

func examine(t *testing.T, rows map[string]row) {
	t.Helper()
	for name, tt := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			tt.change(t, m)
			if got := m.findings(t); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("found\n%s\nwant\n%s", lines(got), lines(tt.want))
			}
		})
	}
}

func lines(findings []doctor.Finding) string {
	text := ""
	for _, f := range findings {
		text += fmt.Sprintf("\t{%q, %s, %q, %q},\n", f.Check, f.Status, f.Found, f.Remedy)
	}
	return text
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	examine(t, map[string]row{
		"all": {func(*testing.T, *machine) {}, nil},
		"no end": {func(_ *testing.T, m *machine) {
			m.hold("laptop", time.Time{})
			m.outside.session.ExpiresAt = time.Time{}
		}, nil},
		"stored by docker login": {func(_ *testing.T, m *machine) {
			m.keeps.set(hub, secretstore.Credential{ServerURL: hub, Username: "moby", Secret: secret.New(madeUp)})
		}, nil},
		"clock a little off": {func(_ *testing.T, m *machine) { m.outside.offset = -time.Minute }, nil},
	})
}

func TestSession(t *testing.T) {
	t.Parallel()
	examine(t, map[string]row{
		"none": {
			func(_ *testing.T, m *machine) { m.outside.sessionErr = doctor.ErrNoSession },
			[]doctor.Finding{{"session", note, "you are not signed in, which only managing tokens needs", "run docker pat login"}},
		},
		"expired": {
			func(_ *testing.T, m *machine) { m.outside.session.ExpiresAt = now.Add(-24 * time.Hour) },
			[]doctor.Finding{{"session", note, "that of moby expired on 2026-11-22", "run docker pat login -u moby"}},
		},
		"damaged": {
			func(_ *testing.T, m *machine) { m.outside.sessionErr = secretstore.ErrDamaged },
			[]doctor.Finding{{"session", problem, "the stored credential cannot be read", "erase it with docker logout and make a new one"}},
		},
	})
}

func TestCredential(t *testing.T) {
	t.Parallel()
	refused := fmt.Errorf("sign in to registry-1.docker.io: %w", &client.APIError{Method: "GET", Path: "/token", Status: 401})
	examine(t, map[string]row{
		"none yet": {
			func(_ *testing.T, m *machine) { _ = m.keeps.Delete(context.Background(), hub) },
			[]doctor.Finding{
				{"credential", note, "there is none for " + hub + " yet", "run docker pat create"},
				{"registry", note, "not checked: there is no credential to ask about", ""},
			},
		},
		"none yet, nor a session": {
			func(_ *testing.T, m *machine) {
				_ = m.keeps.Delete(context.Background(), hub)
				m.outside.sessionErr = doctor.ErrNoSession
			},
			[]doctor.Finding{
				{"session", note, "you are not signed in, which only managing tokens needs", "run docker pat login"},
				{"credential", note, "there is none for " + hub + " yet", "run docker pat login, then docker pat create"},
				{"registry", note, "not checked: there is no credential to ask about", ""},
			},
		},
		"none yet, and the session has expired": {
			func(_ *testing.T, m *machine) {
				_ = m.keeps.Delete(context.Background(), hub)
				m.outside.session.ExpiresAt = now
			},
			[]doctor.Finding{
				{"session", note, "that of moby expired on 2026-11-23", "run docker pat login -u moby"},
				{"credential", note, "there is none for " + hub + " yet", "run docker pat login, then docker pat create"},
				{"registry", note, "not checked: there is no credential to ask about", ""},
			},
		},
		"expired": {
			func(_ *testing.T, m *machine) { m.hold("laptop", now) },
			[]doctor.Finding{{"credential", problem, "moby at " + hub + " with the token laptop, which expired on 2026-11-23", "run docker pat create"}},
		},
		"expires soon": {
			func(_ *testing.T, m *machine) { m.hold("laptop", now.AddDate(0, 0, 6)) },
			[]doctor.Finding{{"credential", note, "moby at " + hub + " with the token laptop, which expires on 2026-11-29", "run docker pat create"}},
		},
		"password": {
			func(_ *testing.T, m *machine) {
				m.keeps.set(hub, secretstore.Credential{ServerURL: hub, Username: "moby", Secret: secret.New("whale")})
			},
			[]doctor.Finding{{"credential", note, "moby at " + hub + " with a password", "run docker pat create"}},
		},
		"identity token": {
			func(_ *testing.T, m *machine) {
				m.keeps.set(hub, secretstore.Credential{ServerURL: hub, Username: "<token>", Secret: secret.New("whale")})
			},
			[]doctor.Finding{{"registry", note, "not checked: the credential is an identity token", ""}},
		},
		"refused": {
			func(_ *testing.T, m *machine) { m.outside.refusal = refused },
			[]doctor.Finding{{"registry", problem, "it refuses the credential: sign in to registry-1.docker.io: GET /token: 401 Unauthorized", "run docker pat create"}},
		},
		"registry unreachable": {
			func(_ *testing.T, m *machine) { m.outside.refusal = client.ErrUnreachable },
			[]doctor.Finding{{"registry", note, "cannot be reached", ""}},
		},
	})
}

func TestClock(t *testing.T) {
	t.Parallel()
	examine(t, map[string]row{
		"ahead": {
			func(_ *testing.T, m *machine) { m.outside.offset = 61 * time.Second },
			[]doctor.Finding{{"clock", problem, "1m1s ahead of that of the token service", "set the clock of this machine"}},
		},
		"behind": {
			func(_ *testing.T, m *machine) { m.outside.offset = -2 * time.Hour },
			[]doctor.Finding{{"clock", problem, "2h0m0s behind that of the token service", "set the clock of this machine"}},
		},
		"years off": {
			func(_ *testing.T, m *machine) {
				m.outside.clockErr = fmt.Errorf("hub.docker.com %w", client.ErrCertificateTime)
			},
			[]doctor.Finding{{"clock", problem, "by the clock of this machine (2026-11-23) the certificate of the token service is not valid", "set the clock of this machine"}},
		},
		"unreachable": {
			func(_ *testing.T, m *machine) { m.outside.clockErr = client.ErrUnreachable },
			[]doctor.Finding{{"clock", note, "cannot be reached", ""}},
		},
	})
}

// TestOffline asks no service.
func TestOffline(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.Offline = true
	want := []doctor.Finding{{"clock", note, "not checked: --offline", ""}, {"registry", note, "not checked: --offline", ""}}
	if got := m.findings(t); !reflect.DeepEqual(got, want) || m.outside.asked != 0 {
		t.Errorf("found\n%s\nwant\n%s\nand asked %d times", lines(got), lines(want), m.outside.asked)
	}
}

// TestNothingKnown is a machine without HOME.
func TestNothingKnown(t *testing.T) {
	t.Parallel()
	examine(t, map[string]row{"no HOME": {
		func(_ *testing.T, m *machine) {
			m.Environment = errors.New("HOME is not set")
			m.Settings.ConfigDir, m.Settings.StateDir, m.Settings.DockerConfigDir = "", "", ""
		},
		[]doctor.Finding{
			{"environment", problem, "HOME is not set", "set that variable right, then run docker pat doctor"},
			{"docker-config", note, "not checked: its folder is not known", ""},
			{"docker-helper", note, "not checked: Docker's config.json cannot be read", ""},
			{"creds-store", note, "not checked: Docker's config.json cannot be read", ""},
			{"cred-helpers", note, "not checked: Docker's config.json cannot be read", ""},
			{"podman", note, "not checked: Docker's config.json cannot be read", ""},
			{"plaintext", note, "not checked: Docker's config.json cannot be read", ""},
			{"auths", note, "not checked: Docker's config.json cannot be read", ""},
			{"config-mode", note, "not checked: Docker's config.json cannot be read", ""},
			{"plugin", note, "docker pat is not installed", "run docker pat setup"},
			{"settings", note, "not checked: its folder is not known", ""},
			{"state", note, "not checked: its folder is not known", ""},
			{"store", note, "not checked: the state folder is not known", ""},
			{"index", note, "not checked: the store cannot be used", ""},
			{"session", note, "not checked: the store cannot be used", ""},
			{"credential", note, "not checked: the store cannot be used", ""},
			{"registry", note, "not checked: the store cannot be used", ""},
		},
	}})
}

// TestInterrupted ends at once and says no more.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for range doctor.Examine(ctx, newMachine(t).Options) {
		n++
		cancel()
	}
	if n != 1 {
		t.Errorf("%d findings after an interruption, want 1", n)
	}
}
