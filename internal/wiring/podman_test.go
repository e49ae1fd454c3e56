//go:build unix

package wiring_test

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/wiring"
)

const authJSON = "home/.config/containers/auth.json"

func entry(username, text string) string {
	return `{"auth":"` + base64.StdEncoding.EncodeToString([]byte(username+":"+text)) + `"}`
}

// TestPodman copies what podman keeps, and leaves it there.
func TestPodman(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file  string
		only  []string
		held  map[string]credential
		steps []string
		notes []string // each a part of one
		want  map[string]credential
	}{
		"all": {
			`{"auths":{"ghcr.io":` + entry("octo", password) + `,"quay.io/team":` + entry("q", password) + `}}`, nil, nil,
			[]string{"copy the credential of ghcr.io from " + authJSON + " to the keychain", "copy the credential of quay.io/team from " + authJSON + " to the keychain"},
			nil,
			map[string]credential{"ghcr.io": {"octo", password}, "quay.io/team": {"q", password}},
		},
		"one registry": {
			`{"auths":{"ghcr.io":` + entry("octo", password) + `,"quay.io/team":` + entry("q", password) + `}}`,
			[]string{"quay.io"},
			nil,
			[]string{"copy the credential of quay.io/team from " + authJSON + " to the keychain"},
			nil,
			map[string]credential{"quay.io/team": {"q", password}},
		},
		"not over what is held": {
			`{"auths":{"ghcr.io":` + entry("octo", password) + `}}`, nil,
			map[string]credential{"ghcr.io": {"octo", "newer"}},
			nil, nil,
			map[string]credential{"ghcr.io": {"octo", "newer"}},
		},
		"a password of Docker Hub": {
			`{"auths":{"` + hub + `":` + entry("moby", password) + `}}`, nil, nil, nil,
			[]string{hub + ": " + authJSON + " holds a password. It was not copied: make a token with docker pat create"},
			map[string]credential{},
		},
		"a broken entry": {
			`{"auths":{"ghcr.io":{"auth":"!"}}}`, nil, nil, nil,
			[]string{`not copied from ` + authJSON + `: auths["ghcr.io"]: auth is not the base64 form of user:secret`},
			map[string]credential{},
		},
		"malformed": {
			`{"auths":`, nil, nil, nil, []string{"nothing was copied from podman: read"}, map[string]credential{},
		},
	}
	for name, tt := range tests {
		m := newMachine(t, `{}`)
		m.write(t, authJSON, tt.file)
		m.PodmanAuthFile, m.Only = m.path(authJSON), tt.only
		for serverURL, c := range tt.held {
			m.store.held[serverURL] = c
		}
		plan := m.setup(t)
		steps := slices.DeleteFunc(m.lines(plan.Steps), func(step string) bool { return !strings.HasPrefix(step, "copy ") })
		if !slices.Equal(steps, tt.steps) {
			t.Errorf("%s: steps %q, want %q", name, steps, tt.steps)
		}
		notes := m.lines(plan.Notes)
		if !slices.EqualFunc(notes, tt.notes, strings.Contains) {
			t.Errorf("%s: notes %q, want %q", name, notes, tt.notes)
		}
		if !reflect.DeepEqual(m.store.held, tt.want) {
			t.Errorf("%s: the keychain has %d entries, want %d", name, len(m.store.held), len(tt.want))
		}
		if file, err := os.ReadFile(m.path(authJSON)); err != nil || string(file) != tt.file {
			t.Errorf("%s: auth.json was changed (%v)", name, err)
		}
		if again := m.setup(t); !again.Empty() {
			t.Errorf("%s: the second run does %q", name, again.Steps)
		}
	}
}

// TestPodmanSharesTheFile when REGISTRY_AUTH_FILE names Docker's own: nothing is copied besides.
func TestPodmanSharesTheFile(t *testing.T) {
	t.Parallel()
	m := newMachine(t, `{"auths":{"ghcr.io":`+entry("octo", password)+`}}`)
	m.PodmanAuthFile = m.path("home/.docker/config.json")
	if plan := m.setup(t); slices.ContainsFunc(plan.Steps, func(step string) bool { return strings.HasPrefix(step, "copy ") }) {
		t.Errorf("steps %q", plan.Steps)
	}
}

func TestPodmanAuthFile(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	env := map[string]string{"HOME": m.Home, "XDG_RUNTIME_DIR": m.path("run"), "XDG_CONFIG_HOME": "relative"}
	find := func() (string, error) { return wiring.PodmanAuthFile(func(name string) string { return env[name] }) }
	if path, err := find(); path != "" || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), m.path("run/containers/auth.json")+", "+m.path(authJSON)) {
		t.Errorf("got %q, %v", path, err)
	}
	for _, place := range []string{authJSON, "run/containers/auth.json"} { // the later goes before
		m.write(t, place, "{}")
		if path, err := find(); path != m.path(place) || err != nil {
			t.Errorf("got %q, %v; want %s", path, err, place)
		}
	}
	env["REGISTRY_AUTH_FILE"] = "elsewhere"
	if path, err := find(); path != "elsewhere" || err != nil {
		t.Errorf("got %q, %v", path, err)
	}
}
