//go:build linux

package secretstore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

// A program is docker-credential-pat as people install it, with an environment.
type program struct {
	path string
	env  []string
}

func buildProgram(t *testing.T, env []string) program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "docker-credential-pat")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/docker-credential-pat").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return program{path: path, env: env}
}

// call runs the program once. The error holds what it printed.
func (p program) call(t *testing.T, action, input string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.path, action)
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = strings.NewReader(input), &out, &stderr, p.env
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", action, input, err, out.String())
	}
	if stderr.Len() > 0 {
		err = errors.Join(err, fmt.Errorf("on standard error: %s", stderr.String()))
	}
	return out.String(), err
}

type message struct{ ServerURL, Username, Secret string }

func (m message) String() string {
	out, _ := json.Marshal(m) // strings marshal
	return string(out)
}

func (p program) get(t *testing.T, serverURL string) (m message, err error) {
	t.Helper()
	out, err := p.call(t, "get", serverURL)
	if err == nil {
		err = json.Unmarshal([]byte(out), &m)
	}
	return m, err
}

// libdbus and godbus start dbus-launch when there is no bus to be found, and leave a bus behind.
func TestProgramStartsNoBus(t *testing.T) {
	t.Parallel()
	launcher := testbed.LauncherFor(t)
	p := buildProgram(t, nil)
	for _, address := range []string{"", "autolaunch:", "unix:path=" + filepath.Join(t.TempDir(), "none")} {
		p.env = append(launcher.Env(), "DBUS_SESSION_BUS_ADDRESS="+address)
		for action, input := range map[string]string{
			"get": "a.example", "store": message{"a.example", "moby", "s"}.String(), "erase": "a.example",
		} {
			if out, err := p.call(t, action, input); err == nil || !strings.Contains(out, "no keychain is available") {
				t.Errorf("%s with the address %q = %q, %v; want to be told that there is no keychain", action, address, out, err)
			}
		}
		if out, err := p.call(t, "list", ""); err != nil || strings.TrimSpace(out) != "{}" {
			t.Errorf("list with the address %q = %q, %v", address, out, err)
		}
	}
	if launcher.Started() {
		t.Error("dbus-launch was started")
	}
}

// Fifty of each, sixteen at a time, as a machine with many builds calls the helper.
func TestFiftyPrograms(t *testing.T) {
	t.Parallel()
	const many, atOnce = 50, 16
	k := testbed.KeyringFor(t)
	state := t.TempDir()
	p := buildProgram(t, append(k.Env(), "HOME="+state, "DOCKER_PAT_STATE_DIR="+state, "DOCKER_PAT_KEYCHAIN_TIMEOUT=20s"))
	one := func(i int) message { return message{"one.example", "moby", fmt.Sprintf("%d:%0*d", i, 500+i, i)} }
	own := func(i int) message {
		key := fmt.Sprintf("r%d.example", i)
		return message{key, "moby", key}
	}
	if _, err := p.call(t, "store", one(0).String()); err != nil {
		t.Fatal(err)
	}
	places := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	each := func(call func(i int) error) {
		for i := range many {
			wg.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				if err := call(i); err != nil {
					t.Error(err)
				}
			})
		}
	}
	each(func(i int) error { _, err := p.call(t, "store", one(i).String()); return err })
	each(func(i int) error {
		if _, err := p.call(t, "store", own(i).String()); err != nil || i%2 == 0 {
			return err
		}
		_, err := p.call(t, "erase", own(i).ServerURL)
		return err
	})
	each(func(int) error {
		got, err := p.get(t, "one.example")
		var i int
		if _, scanErr := fmt.Sscanf(got.Secret, "%d:", &i); err == nil && (scanErr != nil || got != one(i)) {
			err = fmt.Errorf("get gave %q", got.Secret)
		}
		return err
	})
	each(func(int) error { _, err := p.call(t, "list", ""); return err })
	wg.Wait()

	if _, err := p.call(t, "store", one(7).String()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i := range many {
		if i%2 == 0 {
			want[own(i).ServerURL] = "moby"
		}
	}
	for serverURL := range want {
		if got, err := p.get(t, serverURL); err != nil || got.Secret != serverURL {
			t.Errorf("get %s = %q, %v", serverURL, got.Secret, err)
		}
	}
	if got, err := p.get(t, "one.example"); err != nil || got != one(7) {
		t.Errorf("the last store did not win: %q, %v", got.Secret, err)
	}
	want["one.example"] = "moby"
	var listed map[string]string
	if out, err := p.call(t, "list", ""); err != nil || json.Unmarshal([]byte(out), &listed) != nil || !maps.Equal(listed, want) {
		t.Errorf("list = %q, %v; want %q", slices.Sorted(maps.Keys(listed)), err, slices.Sorted(maps.Keys(want)))
	}
}
