//go:build unix

package wiring_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/wiring"
)

const wired = `{
	"credsStore": "pat",
	"credHelpers": {
		"docker.io": "pat"
	}
}
`

func TestFreshMachine(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	before := m.files2(t)
	plan, err := wiring.PlanSetup(t.Context(), m.Options)
	if after := m.files2(t); err != nil || !slices.Equal(after, before) {
		t.Fatalf("planning changed %q to %q (%v)", before, after, err)
	}
	m.apply(t, plan, nil)
	wantSteps := []string{
		"link home/.docker/cli-plugins/docker-pat -> opt/docker-pat-1/docker-pat",
		"link home/.local/bin/docker-credential-pat -> opt/docker-pat-1/docker-pat",
		`home/.docker/config.json: credsStore: (none) -> "pat"`,
		`home/.docker/config.json: credHelpers["docker.io"]: (none) -> "pat"`,
	}
	if got := m.lines(plan.Steps); !slices.Equal(got, wantSteps) || len(plan.Notes) != 0 {
		t.Errorf("steps %q, notes %q; want %q", got, plan.Notes, wantSteps)
	}
	if got := m.config(t); strings.TrimSpace(got) != strings.TrimSpace(wired) {
		t.Errorf("config.json is %s", got)
	}
	wantFiles := []string{
		".docker/cli-plugins/docker-pat -> opt/docker-pat-1/docker-pat", ".docker/config.json",
		".local/bin/docker-credential-pat -> opt/docker-pat-1/docker-pat", "state/setup.json",
	}
	if got := m.files(t); !slices.Equal(got, wantFiles) {
		t.Errorf("files %q, want %q", got, wantFiles)
	}
	if again := m.setup(t); !again.Empty() || len(again.Notes) != 0 {
		t.Errorf("the second run does %q, notes %q", again.Steps, again.Notes)
	}
	m.undo(t)
	if got := strings.TrimSpace(m.config(t)); got != "{}" {
		t.Errorf("after undo config.json is %s", got)
	}
	if got, want := m.files(t), []string{".docker/config.json", "state/setup.json"}; !slices.Equal(got, want) {
		t.Errorf("after undo files %q, want %q", got, want)
	}
	if again := m.undo(t); !again.Empty() {
		t.Errorf("the second undo does %q", again.Steps)
	}
}

// files2 has the folders, too.
func (m *machine) files2(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(m.Home)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// TestPlaintext moves what stands in clear, and brings it back byte for byte.
func TestPlaintext(t *testing.T) {
	t.Parallel()
	auth := func(user, text string) string { return base64.StdEncoding.EncodeToString([]byte(user + ":" + text)) }
	before := fmt.Sprintf(`{
	"auths": {
		"ghcr.io": {
			"auth": "%s"
		},
		"%s": {
			"auth": "%s"
		},
		"empty.example": {},
		"broken.example": {
			"auth": "!"
		},
		"held.example": {
			"identitytoken": "%s"
		},
		"latin.example": {
			"auth": "%s"
		}
	},
	"HttpHeaders": {"X": "<&>"},
	"unknown": [1,  2]
}`, auth("octo", password), hub, auth("moby", madeUp), password, auth("moby", "caf\xe9"))
	m := newMachine(t, before)
	m.store.held["held.example"] = credential{dockerconfig.TokenUsername, password}
	plan := m.setup(t)
	want := []string{
		"wipe held.example from config.json, where it is in clear: the keychain has a credential for it",
		"move the credential of ghcr.io from config.json, where it is in clear, to the keychain",
		"move the credential of " + hub + " from config.json, where it is in clear, to the keychain",
	}
	for _, step := range want {
		if !slices.Contains(plan.Steps, step) {
			t.Errorf("no step %q in %q", step, plan.Steps)
		}
	}
	notes := []string{"broken.example", `left alone: auths["latin.example"]: holds bytes that are no text`}
	if !slices.EqualFunc(plan.Notes, notes, strings.Contains) {
		t.Errorf("notes %q, want %q", plan.Notes, notes)
	}
	wantHeld := map[string]credential{"ghcr.io": {"octo", password}, hub: {"moby", madeUp}, "held.example": {dockerconfig.TokenUsername, password}}
	if !reflect.DeepEqual(m.store.held, wantHeld) {
		t.Errorf("the keychain has the entries %q", slices.Sorted(maps.Keys(m.store.held)))
	}
	after := m.config(t)
	m.checkSecrets(t, after)
	for _, secret := range []string{auth("octo", password), auth("moby", madeUp)} {
		if strings.Contains(after, secret) {
			t.Errorf("config.json still has it in clear: %s", after)
		}
	}
	if again := m.setup(t); !again.Empty() {
		t.Errorf("the second run does %q", again.Steps)
	}
	m.undo(t)
	if got := m.config(t); got != before {
		t.Errorf("after undo config.json is\n%s\nwant\n%s", got, before)
	}
	if !reflect.DeepEqual(m.store.held, wantHeld) {
		t.Error("undo took something out of the keychain")
	}
}

// TestPasswordStays in config.json until there is a token, and is wiped then.
func TestPasswordStays(t *testing.T) {
	t.Parallel()
	auth := base64.StdEncoding.EncodeToString([]byte("moby:" + password))
	m := newMachine(t, `{"auths":{"`+hub+`":{"auth":"`+auth+`"}}}`)
	plan := m.setup(t)
	if len(plan.Notes) != 1 || !strings.Contains(plan.Notes[0], "docker pat create, then run docker pat setup again") || len(m.store.held) != 0 || !strings.Contains(m.config(t), auth) {
		t.Errorf("notes %q, %d in the keychain, config.json %d bytes", plan.Notes, len(m.store.held), len(m.config(t)))
	}
	m.store.held[hub] = credential{"moby", madeUp}
	if plan := m.setup(t); len(plan.Steps) != 1 || len(plan.Notes) != 0 || strings.Contains(m.config(t), auth) {
		t.Errorf("with a token: steps %q, notes %q", plan.Steps, plan.Notes)
	}
}

// TestOnly wires single registries. What the others use stays or is written down.
func TestOnly(t *testing.T) {
	t.Parallel()
	pinned := map[string]string{"linux": "secretservice", "darwin": "osxkeychain"}[runtime.GOOS]
	both := map[string]string{"docker.io": "pat", hub: "pat"}
	tests := map[string]struct {
		config  string
		only    []string
		store   string
		helpers map[string]string
	}{
		"Docker Hub, nothing before": {"{}", []string{"docker.io"}, pinned, both},
		"Docker Hub, a store before": {`{"credsStore":"secretservice"}`, []string{"docker.io"}, "secretservice", both},
		"another, plaintext before":  {`{"auths":{"x.example":{"auth":"` + "YTpi" + `"}}}`, []string{"ghcr.io"}, "", map[string]string{"ghcr.io": "pat"}},
		"another, helpers before":    {`{"credHelpers":{"gcr.io":"gcloud"}}`, []string{"ghcr.io"}, "", map[string]string{"ghcr.io": "pat", "gcr.io": "gcloud"}},
		"two, one with a helper":     {`{"credHelpers":{"gcr.io":"secretservice"}}`, []string{"ghcr.io", "gcr.io"}, "", map[string]string{"ghcr.io": "pat", "gcr.io": "pat"}},
	}
	for name, tt := range tests {
		m := newMachine(t, tt.config)
		m.Only = tt.only
		m.setup(t)
		config, err := dockerconfig.Load(m.path("home/.docker/config.json"))
		if err != nil {
			t.Fatal(err)
		}
		if config.CredsStore() != tt.store || !reflect.DeepEqual(config.CredHelpers(), tt.helpers) {
			t.Errorf("%s: credsStore %q, credHelpers %q; want %q, %q", name, config.CredsStore(), config.CredHelpers(), tt.store, tt.helpers)
		}
		if again := m.setup(t); !again.Empty() {
			t.Errorf("%s: the second run does %q", name, again.Steps)
		}
		m.Only = nil
		m.undo(t)
		if got := m.config(t); got != tt.config {
			t.Errorf("%s: after undo %s, want %s", name, got, tt.config)
		}
	}
}

// TestShadowing has entries of credHelpers that beat credsStore.
func TestShadowing(t *testing.T) {
	t.Parallel()
	const before = `{"credsStore":"secretservice","credHelpers":{"` + hub + `":"secretservice","docker.io":"","gcr.io":"gcloud"}}`
	m := newMachine(t, before)
	m.setup(t)
	config, err := dockerconfig.Load(m.path("home/.docker/config.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{hub: "pat", "docker.io": "pat", "gcr.io": "gcloud", "quay.io": "pat"}
	for registry, helper := range want {
		if got := wiring.HelperFor(config, registry); got != helper {
			t.Errorf("Docker asks %q about %s, want %q", got, registry, helper)
		}
	}
	m.undo(t)
	if got := m.config(t); got != before {
		t.Errorf("after undo %s, want %s", got, before)
	}
}

// TestOtherSpellings has entries that mean the same registry in other words: all are taken over, what
// Docker had is copied, and undo brings each back.
func TestOtherSpellings(t *testing.T) {
	t.Parallel()
	const others = `"https://index.docker.io/v1/access-token":"gcloud","index.docker.io:5000":"gcloud","gcr.io":"gcloud"`
	tests := map[string]struct {
		before   string // of credHelpers
		registry string
		only     []string
		taken    []string
		held     map[string]credential
	}{
		"Docker Hub": {
			`"index.docker.io":"secretservice","registry-1.docker.io":"garbage","https://docker.io":"","http://index.docker.io/v1/":"failing","` + hub + `":"other",` + others, "", nil,
			[]string{"index.docker.io", "registry-1.docker.io", "https://docker.io", "http://index.docker.io/v1/", hub, "docker.io"},
			map[string]credential{hub: {"moby", madeUp}},
		},
		"the registry of the tokens": {
			`"https://Localhost:5000/v2/":"secretservice","localhost:5000":"other",` + others, "http://localhost:5000", nil,
			[]string{"https://Localhost:5000/v2/", "localhost:5000", "docker.io"},
			map[string]credential{},
		},
		"Docker Hub alone": {
			`"index.docker.io":"other",` + others, "",
			[]string{"docker.io"},
			[]string{"index.docker.io", "docker.io", hub},
			map[string]credential{},
		},
		"another alone": {
			`"index.docker.io":"other","https://ghcr.io":"other","ghcr.io":"other",` + others, "",
			[]string{"ghcr.io"},
			[]string{"https://ghcr.io", "ghcr.io"},
			map[string]credential{"ghcr.io": {"octo", password}},
		},
	}
	for name, tt := range tests {
		before := `{"credsStore":"secretservice","credHelpers":{` + tt.before + `}}`
		m := newMachine(t, before)
		m.Registry, m.Only = tt.registry, tt.only
		m.setup(t)
		config, err := dockerconfig.Load(m.path("home/.docker/config.json"))
		if err != nil {
			t.Fatal(err)
		}
		var taken []string
		for registry, helper := range config.CredHelpers() {
			if helper == wiring.Suffix {
				taken = append(taken, registry)
			}
		}
		slices.Sort(taken)
		slices.Sort(tt.taken)
		if !slices.Equal(taken, tt.taken) {
			t.Errorf("%s: the helper has %q, want %q", name, taken, tt.taken)
		}
		if !reflect.DeepEqual(m.store.held, tt.held) {
			t.Errorf("%s: the keychain has %q", name, slices.Sorted(maps.Keys(m.store.held)))
		}
		if again := m.setup(t); !again.Empty() {
			t.Errorf("%s: the second run does %q", name, again.Steps)
		}
		m.Only = nil
		m.undo(t)
		if got := m.config(t); got != before {
			t.Errorf("%s: after undo %s, want %s", name, got, before)
		}
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	for serverURL, want := range map[string]string{
		hub: "docker.io", hub + "access-token": "docker.io", "docker.io": "docker.io", "registry-1.docker.io": "docker.io",
		"https://GHCR.io/x/y": "ghcr.io", "localhost:5000": "localhost:5000", "http://localhost:5000/v2/": "localhost:5000", "": "",
		"HTTPS://Index.Docker.io:443": "docker.io", "docker.io/library/alpine": "docker.io", " ghcr.io:443\n": "ghcr.io", "index.docker.io:5000": "index.docker.io:5000", "a b": "",
	} {
		if got := wiring.Host(serverURL); got != want {
			t.Errorf("Host(%q) = %q, want %q", serverURL, got, want)
		}
	}
}
