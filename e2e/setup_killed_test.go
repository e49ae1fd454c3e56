package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

// kills is how many runs of each kind are killed.
const kills = 30

// TestSetupKilled kills setup and setup --undo at instants of chance. Whenever that is, config.json is the
// old or the new one, no credential is lost, and a second run ends the work.
func TestSetupKilled(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	h := newSetupHome(t)
	for _, kind := range []struct {
		name     string
		args     []string
		begin    func() // what there is before
		from, to []byte
		takes    time.Duration // when it is not killed
	}{
		{name: "setup", args: []string{"setup"}, begin: h.reset, from: h.before, to: h.wired},
		{name: "undo", args: []string{"setup", "--undo"}, begin: func() { h.reset(); h.run("setup") }, from: h.wired, to: h.before},
	} {
		for range 3 {
			kind.begin()
			start := time.Now()
			h.run(kind.args...)
			if took := time.Since(start); kind.takes == 0 || took < kind.takes {
				kind.takes = took
			}
		}
		inFlight, states := 0, map[string]int{}
		for i := range kills {
			kind.begin()
			after := time.Duration(chance.Int64N(int64(kind.takes) * 11 / 10))
			if h.kill(after, kind.args...) {
				inFlight++
			}
			what := fmt.Sprintf("%s, kill %d after %v", kind.name, i, after)
			states[h.check(what, kind.from, kind.to)]++
			h.run(kind.args...)
			if got := h.config(); !bytes.Equal(got, kind.to) {
				t.Errorf("%s: the second run leaves\n%s\nwant\n%s", what, got, kind.to)
			}
			h.wantListed(what)
			h.run("setup", "--undo")
			h.wantClean(what)
			if t.Failed() {
				return // the next would fail alike
			}
		}
		t.Logf("%s: takes %v; of %d kills %d came before its end; config.json was then %v", kind.name, kind.takes, kills, inFlight, states)
		if inFlight < kills/3 {
			t.Errorf("%s: of %d kills only %d came before its end", kind.name, kills, inFlight)
		}
	}
}

// A setupHome is a home folder with a config.json and another credential helper, both with credentials.
type setupHome struct {
	t             *testing.T
	home          string
	env           []string
	inClear       map[string]string // server to secret, of the user moby
	ofOther       map[string]string
	before, wired []byte
}

func newSetupHome(t *testing.T) *setupHome {
	t.Helper()
	h := &setupHome{t: t, home: t.TempDir(), inClear: map[string]string{}, ofOther: map[string]string{"other.example": "made-up-" + "of-the-other"}}
	for i := range 6 {
		h.inClear[fmt.Sprintf("r%d.example", i)] = fmt.Sprintf("made-up-%s-%d", "secret", i)
	}
	h.inClear["https://index.docker.io/v1/"] = "dckr_" + "pat_" + strings.Repeat("Ab3-", 6) + "xyz"
	var entries []string
	for _, server := range slices.Sorted(maps.Keys(h.inClear)) {
		entries = append(entries, fmt.Sprintf("\t\t%q: {\n\t\t\t\"auth\": %q\n\t\t}", server, base64.StdEncoding.EncodeToString([]byte(user+":"+h.inClear[server]))))
	}
	h.before = []byte("{\n\t\"unknown\": [1,  2],\n\t\"auths\": {\n" + strings.Join(entries, ",\n") + "\n\t},\n\t\"credsStore\": \"other\"\n}\n")
	h.env = append(testbed.KeyringFor(t).Env(), "HOME="+h.home, "PATH="+filepath.Join(h.home, "bin"))
	other := `#!/bin/sh
case $1 in
list) echo '{"other.example":"moby"}' ;;
get) echo '{"ServerURL":"x","Username":"moby","Secret":"` + h.ofOther["other.example"] + `"}' ;;
esac
`
	h.must(os.MkdirAll(filepath.Join(h.home, ".local", "bin"), 0o700))
	h.must(os.Mkdir(filepath.Join(h.home, "bin"), 0o700))
	h.must(os.WriteFile(filepath.Join(h.home, "bin", "docker-credential-other"), []byte(other), 0o700))
	h.env[len(h.env)-1] += ":" + filepath.Join(h.home, ".local", "bin")
	h.reset()
	h.run("setup")
	h.wired = h.config()
	return h
}

func (h *setupHome) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// reset forgets everything that setup has brought along.
func (h *setupHome) reset() {
	h.t.Helper()
	for _, secrets := range []map[string]string{h.inClear, h.ofOther} {
		for server := range secrets {
			if out, err := h.helper("erase", server); err != nil {
				h.t.Fatalf("erase %s: %v\n%s", server, err, out)
			}
		}
	}
	for _, dir := range []string{".docker", ".local/state", ".local/bin"} {
		h.must(os.RemoveAll(filepath.Join(h.home, filepath.FromSlash(dir))))
	}
	h.must(os.MkdirAll(filepath.Join(h.home, ".local", "bin"), 0o700))
	h.must(os.Mkdir(filepath.Join(h.home, ".docker"), 0o700))
	h.must(os.WriteFile(h.configPath(), h.before, 0o600))
}

func (h *setupHome) configPath() string { return filepath.Join(h.home, ".docker", "config.json") }

func (h *setupHome) config() []byte {
	h.t.Helper()
	data, err := os.ReadFile(h.configPath())
	h.must(err)
	return data
}

func (h *setupHome) command(program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(h.t.Context(), filepath.Join(builtDir, program), args...)
	cmd.Env, cmd.Dir = h.env, h.home
	return cmd
}

func (h *setupHome) run(args ...string) {
	h.t.Helper()
	if out, err := h.command("docker-pat", args...).CombinedOutput(); err != nil {
		h.t.Fatalf("docker-pat %q: %v\n%s", args, err, out)
	}
}

func (h *setupHome) helper(action, server string) ([]byte, error) {
	cmd := h.command("docker-credential-pat", action)
	cmd.Stdin = strings.NewReader(server)
	return cmd.Output()
}

// kill ends a run after a while and tells whether it was still under way.
func (h *setupHome) kill(after time.Duration, args ...string) bool {
	h.t.Helper()
	cmd := h.command("docker-pat", args...)
	h.must(cmd.Start())
	time.Sleep(after)
	_ = cmd.Process.Kill() // it may have ended
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Exited()) {
		h.t.Fatalf("docker-pat %q failed by itself: %v", args, err)
	}
	return err != nil
}

// check holds what is true after a kill, and tells which config.json there is.
func (h *setupHome) check(what string, from, to []byte) string {
	h.t.Helper()
	state, text := "neither", h.config()
	switch {
	case bytes.Equal(text, from):
		state = "old"
	case bytes.Equal(text, to):
		state = "new"
	default:
		h.t.Errorf("%s: config.json is\n%s", what, text)
	}
	var file struct {
		Auths map[string]struct{ Auth string }
	}
	h.must(json.Unmarshal(text, &file))
	for server, secret := range h.inClear {
		inClear := file.Auths[server].Auth == base64.StdEncoding.EncodeToString([]byte(user+":"+secret))
		var c credential
		if out, err := h.helper("get", server); err == nil {
			h.must(json.Unmarshal(out, &c))
		}
		if !inClear && (c.Secret != secret || c.Username != user) {
			h.t.Errorf("%s: the credential of %s is lost", what, server)
		}
	}
	return state
}

// wantListed holds that the helper names what it has.
func (h *setupHome) wantListed(what string) {
	h.t.Helper()
	out, err := h.helper("list", "")
	h.must(err)
	var listed map[string]string
	h.must(json.Unmarshal(out, &listed))
	for server := range h.inClear {
		if _, err := h.helper("get", server); err == nil && listed[server] != user {
			h.t.Errorf("%s: %s is held and not listed: %s", what, server, out)
		}
	}
}

// wantClean holds that undo has brought everything back, and that nothing of ours is left but the record
// and the index.
func (h *setupHome) wantClean(what string) {
	h.t.Helper()
	if got := h.config(); !bytes.Equal(got, h.before) {
		h.t.Errorf("%s: after undo config.json is\n%s\nwant\n%s", what, got, h.before)
	}
	h.must(filepath.WalkDir(h.home, func(path string, entry fs.DirEntry, err error) error {
		if strings.HasPrefix(entry.Name(), ".index.json.") {
			return err // the store removes it at its next change
		}
		if err == nil && !entry.IsDir() && strings.Contains(entry.Name(), "docker-") && !strings.HasSuffix(path, "/bin/docker-credential-other") {
			h.t.Errorf("%s: %s is left", what, path)
		}
		return err
	}))
}
