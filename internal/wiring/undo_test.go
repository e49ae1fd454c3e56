//go:build unix

package wiring_test

import (
	"encoding/base64"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/wiring"
)

// TestKilled leaves, at every place, what undo and another setup can go on from. A kill is a folder that
// cannot be written, since everything after the failed step is not done then either.
func TestKilled(t *testing.T) {
	t.Parallel()
	before := `{"credsStore":"other","auths":{"quay.io":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("q:"+password)) + `"}}}`
	blocks := map[string]string{ // a file in place of a folder
		"before the record":  "home/state",
		"before the plugin":  "home/.docker/cli-plugins",
		"before the helper":  "home/.local/bin",
		"before the imports": "",
	}
	for name, block := range blocks {
		for _, goOn := range []string{"undo", "setup", "undo, setup"} {
			m := newMachine(t, before)
			plan, err := wiring.PlanSetup(t.Context(), m.Options)
			if err != nil {
				t.Fatal(err)
			}
			m.store.full = errors.New("full")
			if block != "" {
				m.write(t, block, "")
			}
			if err := plan.Apply(t.Context()); err == nil || m.config(t) != before {
				t.Errorf("%s: got %v, and config.json is %s", name, err, m.config(t))
			}
			m.store.full = nil
			if block != "" {
				if err := os.Remove(m.path(block)); err != nil {
					t.Fatal(err)
				}
			}
			for step := range strings.SplitSeq(goOn, ", ") {
				if step == "setup" {
					m.setup(t)
					if again := m.setup(t); !again.Empty() {
						t.Errorf("%s, %s: one more run does %q", name, goOn, again.Steps)
					}
				} else {
					m.undo(t)
				}
			}
			m.undo(t)
			if got := m.config(t); got != before {
				t.Errorf("%s, %s: at the end config.json is %s, want %s", name, goOn, got, before)
			}
			for _, file := range m.files(t) {
				if strings.Contains(file, "docker-pat") {
					t.Errorf("%s, %s: %s is left", name, goOn, file)
				}
			}
		}
	}
}

// TestLeftBehindByAKill is removed by the next run of either kind: it may hold credentials in clear.
func TestLeftBehindByAKill(t *testing.T) {
	t.Parallel()
	left := []string{"home/.docker/.config.json.docker-pat-17", "home/state/.setup.json.docker-pat-4"}
	for _, run := range []func(*machine, *testing.T) *wiring.Plan{(*machine).setup, (*machine).undo} {
		m := newMachine(t, `{"credsStore":"other"}`)
		m.setup(t)
		want := m.files(t)
		for _, name := range left {
			m.write(t, name, password)
		}
		m.link(t, m.Executable, "home/.local/bin/docker-credential-pat.new")
		plan := run(m, t)
		for _, name := range left {
			if step := "remove " + name + ", left behind by a setup that was interrupted"; !slices.Contains(m.lines(plan.Steps), step) {
				t.Errorf("no step %q in %q", step, plan.Steps)
			}
		}
		m.undo(t)
		want = slices.DeleteFunc(want, func(name string) bool { return strings.Contains(name, " -> ") })
		if got := m.files(t); !slices.Equal(got, want) {
			t.Errorf("files %q, want %q", got, want)
		}
	}
}

// TestUndoWithoutARecord still takes away what can only be ours.
func TestUndoWithoutARecord(t *testing.T) {
	t.Parallel()
	for before, want := range map[string]string{
		`{"credsStore":"pat","x":1}`:                                  `{"x":1}`,
		`{"credHelpers":{"docker.io":"pat","gcr.io":"gcloud"},"x":1}`: `{"credHelpers":{"gcr.io":"gcloud"},"x":1}`,
		`{"credsStore":"other"}`:                                      `{"credsStore":"other"}`,
		`{}`:                                                          `{}`,
	} {
		m := newMachine(t, before)
		if plan := m.undo(t); plan.Empty() != (before == want) {
			t.Errorf("%s: steps %q", before, plan.Steps)
		}
		if got := m.config(t); got != want {
			t.Errorf("%s became %s, want %s", before, got, want)
		}
	}
	m := newMachine(t, "")
	if plan := m.undo(t); !plan.Empty() || slices.Contains(m.files(t), ".docker/config.json") {
		t.Errorf("without config.json: steps %q, files %q", plan.Steps, m.files(t))
	}
}

// TestUndoLeavesWhatOthersChanged since setup.
func TestUndoLeavesWhatOthersChanged(t *testing.T) {
	t.Parallel()
	m := newMachine(t, `{"credsStore":"other"}`)
	m.setup(t)
	const since = `{"credsStore":"osxkeychain","credHelpers":{"docker.io":"else","ghcr.io":"gh"},"auths":{"x":{}}}`
	m.write(t, "home/.docker/config.json", since)
	if err := errors.Join(os.Remove(m.path("home/.local/bin/docker-credential-pat")), os.Remove(m.path("home/.docker/cli-plugins/docker-pat"))); err != nil {
		t.Fatal(err)
	}
	m.install(t, "home/.local/bin/docker-credential-pat")
	m.link(t, "/elsewhere/plugin", "home/.docker/cli-plugins/docker-pat")
	want := []string{".docker/cli-plugins/docker-pat -> /elsewhere/plugin", ".docker/config.json", ".local/bin/docker-credential-pat", "state/setup.json"}
	m.undo(t)
	if got := m.config(t); got != since || !slices.Equal(m.files(t), want) {
		t.Errorf("config.json is %s, files %q", got, m.files(t))
	}
}

// TestSetupAfterOthersChanged remembers what they chose, and not what there was long ago.
func TestSetupAfterOthersChanged(t *testing.T) {
	t.Parallel()
	m := newMachine(t, `{"credsStore":"other","credHelpers":{"docker.io":"other"}}`)
	m.setup(t)
	const since = `{"credsStore":"secretservice","credHelpers":{"docker.io":"garbage"}}`
	m.write(t, "home/.docker/config.json", since)
	m.setup(t)
	m.undo(t)
	if got := m.config(t); got != since {
		t.Errorf("after undo %s, want %s", got, since)
	}
}

// TestSetupInTwoSteps has the store that --only wrote down replaced later: undo goes all the way back.
func TestSetupInTwoSteps(t *testing.T) {
	t.Parallel()
	m := newMachine(t, `{}`)
	m.Only = []string{"ghcr.io"}
	m.setup(t)
	m.Only = nil
	m.setup(t)
	m.undo(t)
	if got := m.config(t); got != `{}` {
		t.Errorf("after undo %s, want {}", got)
	}
}

// TestUndoWithoutTheCredential cannot put back what the keychain has lost, and does the rest.
func TestUndoWithoutTheCredential(t *testing.T) {
	t.Parallel()
	m := newMachine(t, `{"auths":{"ghcr.io":{"auth":"`+base64.StdEncoding.EncodeToString([]byte("octo:"+password))+`"}}}`)
	m.setup(t)
	delete(m.store.held, "ghcr.io")
	m.undo(t)
	if got := m.config(t); got != `{"auths":{"ghcr.io":{}}}` {
		t.Errorf("config.json is %s", got)
	}
	locked := errors.New("the keychain is locked")
	n := newMachine(t, `{"auths":{"ghcr.io":{"auth":"`+base64.StdEncoding.EncodeToString([]byte("octo:"+password))+`"}}}`)
	n.setup(t)
	wired := n.config(t)
	n.store.broken = locked
	if plan, err := wiring.PlanUndo(t.Context(), n.Options); !errors.Is(err, locked) || plan != nil || n.config(t) != wired {
		t.Errorf("locked: got %v, and config.json is %s", err, n.config(t))
	}
}
