//go:build unix

package wiring_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/wiring"
)

// TestPreviousStore copies from the helper that was there before, and leaves it as it was.
func TestPreviousStore(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before string // of credsStore
		only   []string
		held   map[string]credential
		notes  []string // each a part of one
		want   map[string]credential
	}{
		"all that it gives": {
			"other", nil, nil,
			[]string{"empty.example: it could not be copied", "quay.io: it could not be copied from docker-credential-other: it failed"},
			map[string]credential{hub: {"moby", madeUp}, "ghcr.io": {"octo", password}},
		},
		"not over what is held": {
			"other", nil,
			map[string]credential{hub: {"moby", "newer"}, "quay.io": {"q", "held"}, "empty.example": {"e", "held"}},
			nil,
			map[string]credential{hub: {"moby", "newer"}, "quay.io": {"q", "held"}, "empty.example": {"e", "held"}, "ghcr.io": {"octo", password}},
		},
		"of one registry":     {"other", []string{"ghcr.io"}, nil, nil, map[string]credential{"ghcr.io": {"octo", password}}},
		"no password for Hub": {"password", nil, nil, []string{hub + ": docker-credential-password holds a password. It was not copied"}, map[string]credential{}},
		"fails":               {"failing", nil, nil, []string{"nothing was copied from docker-credential-failing: "}, map[string]credential{}},
		"talks nonsense":      {"garbage", nil, nil, []string{"nothing was copied from docker-credential-garbage: "}, map[string]credential{}},
		"is not installed":    {"missing", nil, nil, []string{"nothing was copied from docker-credential-missing: "}, map[string]credential{}},
	}
	for name, tt := range tests {
		before := `{"credsStore":"` + tt.before + `"}`
		m := newMachine(t, before)
		m.Only = tt.only
		for serverURL, c := range tt.held {
			m.store.held[serverURL] = c
		}
		plan := m.setup(t)
		if !reflect.DeepEqual(m.store.held, tt.want) {
			t.Errorf("%s: the keychain has %d entries, want %d", name, len(m.store.held), len(tt.want))
		}
		for i, note := range plan.Notes {
			if len(tt.notes) != len(plan.Notes) || !strings.Contains(note, tt.notes[i]) {
				t.Errorf("%s: notes %q, want %q", name, plan.Notes, tt.notes)
			}
		}
		if len(plan.Notes) != len(tt.notes) {
			t.Errorf("%s: notes %q, want %q", name, plan.Notes, tt.notes)
		}
		if again := m.setup(t); !again.Empty() {
			t.Errorf("%s: the second run does %q", name, again.Steps)
		}
		m.undo(t)
		if got := m.config(t); got != before {
			t.Errorf("%s: after undo %s, want %s", name, got, before)
		}
	}
}

// TestDockerDesktopInWSL has the helper of Docker Desktop on the Windows side, which can be missing, can fail
// to start and can hang: setup goes on, in time, and says what to do.
func TestDockerDesktopInWSL(t *testing.T) {
	t.Parallel()
	const later = ". It is a program of Windows: when it can be called from here, docker pat credentials import --from helper:"
	tests := map[string]struct {
		name  string
		notes []string // each a part of one
		want  map[string]credential
	}{
		"works":          {"desktop.exe", nil, map[string]credential{hub: {"moby", madeUp}}},
		"not on PATH":    {"gone.exe", []string{"executable file not found in $PATH, out: ``" + later + "gone.exe"}, map[string]credential{}},
		"cannot be run":  {"foreign.exe", []string{"exec format error, out: ``" + later + "foreign.exe"}, map[string]credential{}},
		"hangs":          {"hanging.exe", []string{"nothing was copied from docker-credential-hanging.exe: it did not answer in time" + later}, map[string]credential{}},
		"hangs at a get": {"half.exe", []string{"a.example: it could not be copied", "b.example: it could not be copied", "c.example: it could not be copied"}, map[string]credential{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := `{"credsStore":"` + tt.name + `"}`
			m := newMachine(t, before)
			m.HelperTimeout = 2 * time.Second
			plan := m.setup(t)
			if !slices.EqualFunc(plan.Notes, tt.notes, strings.Contains) || !reflect.DeepEqual(m.store.held, tt.want) {
				t.Errorf("notes %q, want %q; the keychain has %d entries", plan.Notes, tt.notes, len(m.store.held))
			}
			if config, err := dockerconfig.Load(m.path("home/.docker/config.json")); err != nil || config.CredsStore() != wiring.Suffix {
				t.Errorf("credsStore is %q (%v)", config.CredsStore(), err)
			}
			if tt.name == "half.exe" {
				path, err := exec.LookPath("docker-credential-half.exe")
				calls, _ := os.ReadFile(path + ".calls")
				if err != nil || string(calls) != "asked\n" {
					t.Errorf("it was asked again after it did not answer: %q (%v)", calls, err)
				}
			}
			m.undo(t)
			if got := m.config(t); got != before {
				t.Errorf("after undo %s", got)
			}
		})
	}
}

// TestReplacedHelper copies from the helper of one registry, which Docker asked before that of all.
func TestReplacedHelper(t *testing.T) {
	t.Parallel()
	m := newMachine(t, `{"credsStore":"password","credHelpers":{"`+hub+`":"other","docker.io":"other"}}`)
	plan := m.setup(t)
	want := map[string]credential{hub: {"moby", madeUp}, "docker.io": {"octo", password}}
	if !reflect.DeepEqual(m.store.held, want) || len(plan.Notes) != 0 {
		t.Errorf("the keychain has %d entries, want %d; notes %q", len(m.store.held), len(want), plan.Notes)
	}
}

// TestInterruptedCopy must not go on to take the previous helper away.
func TestInterruptedCopy(t *testing.T) {
	t.Parallel()
	const before = `{"credsStore":"other"}`
	m := newMachine(t, before)
	plan, err := wiring.PlanSetup(t.Context(), m.Options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	m.store.onHas = cancel // as the first credential is copied
	if err := plan.Apply(ctx); !errors.Is(err, context.Canceled) || m.config(t) != before || len(plan.Notes) != 0 {
		t.Errorf("got %v, notes %q, and config.json is %s", err, plan.Notes, m.config(t))
	}
	m.store.onHas = nil
	if _, err := wiring.PlanSetup(ctx, m.Options); !errors.Is(err, context.Canceled) {
		t.Errorf("planning: got %v", err)
	}
	fresh := newMachine(t, before)
	fresh.write(t, "home/.docker/config.json", "{}")
	if plan, err = wiring.PlanSetup(t.Context(), fresh.Options); err != nil {
		t.Fatal(err)
	}
	if err := plan.Apply(ctx); !errors.Is(err, context.Canceled) || !slices.Equal(fresh.files(t), []string{".docker/config.json"}) {
		t.Errorf("cancelled before: got %v, files %q", err, fresh.files(t))
	}
}

// TestKeychainFails before anything is changed, or in the middle: Docker keeps what it had.
func TestKeychainFails(t *testing.T) {
	t.Parallel()
	locked := errors.New("the keychain is locked")
	for _, before := range []string{`{"credsStore":"other"}`, `{"auths":{"x.example":{"auth":"` + "YTpi" + `"}}}`} {
		m := newMachine(t, before)
		m.store.broken = locked
		plan, err := wiring.PlanSetup(t.Context(), m.Options)
		if !errors.Is(err, locked) || plan != nil || m.config(t) != before || !slices.Equal(m.files(t), []string{".docker/config.json"}) {
			t.Errorf("locked: got %v, files %q", err, m.files(t))
		}
		m.store.broken, m.store.full = nil, locked
		plan, err = wiring.PlanSetup(t.Context(), m.Options)
		if err != nil {
			t.Fatal(err)
		}
		if err := plan.Apply(t.Context()); !errors.Is(err, locked) || m.config(t) != before {
			t.Errorf("full: got %v, and config.json is %s", err, m.config(t))
		} else {
			m.checkSecrets(t, err.Error())
		}
		m.store.full = nil
		m.setup(t)
		m.undo(t)
		if m.config(t) != before {
			t.Errorf("after setup and undo %s, want %s", m.config(t), before)
		}
	}
}
