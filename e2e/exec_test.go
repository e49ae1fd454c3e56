//go:build linux

package e2e

import (
	"bytes"
	"encoding/base64"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

// newExecMachine is signed in and knows nothing of the helper. Its temporary files are its own.
func newExecMachine(t *testing.T, programs ...string) *machine {
	t.Helper()
	m := newMachine(t, append(programs, "sh", "sleep")...)
	m.do(os.Mkdir(filepath.Join(m.home, "tmp"), 0o700))
	m.env = append(m.env, "TMPDIR="+filepath.Join(m.home, "tmp"))
	self, err := os.Executable()
	m.do(err)
	m.do(os.Symlink(self, filepath.Join(m.bin, spyName)))
	m.signIn()
	return m
}

// exec runs a command with a token of its own and watches it. Nothing is left of the token.
func (m *machine) exec(scope string, command ...string) result {
	m.t.Helper()
	stop := m.watch()
	r := m.run(slices.Concat([]string{"docker-pat", "exec", "--scope", scope, "--"}, command)...)
	stop()
	m.isAsBefore()
	return r
}

// isAsBefore checks that of an exec nothing is left: no token, no credential, no folder, no entry of the journal.
func (m *machine) isAsBefore() {
	m.t.Helper()
	if all := m.tokens(); len(all) != 0 {
		m.t.Errorf("tokens are left: %+v", all)
	}
	m.run("docker-credential-pat", "list").exits(0).hides("exec")
	for _, pattern := range []string{
		filepath.Join(m.variable("XDG_RUNTIME_DIR"), "docker-pat-*"),
		filepath.Join(m.variable("TMPDIR"), "docker-pat-*"),
		filepath.Join(m.home, ".local", "state", "docker-pat", "journal", "*.json"),
	} {
		left, err := filepath.Glob(pattern)
		m.do(err)
		if len(left) != 0 {
			m.t.Errorf("%v are left", left)
		}
	}
}

// tokenMarks are what every token begins with: plain, and after the user's name in base64.
func tokenMarks() []string {
	const start = "dckr_" + "pat_"
	encoded := base64.StdEncoding.EncodeToString([]byte(user + ":" + start))
	return []string{start, encoded[:16]} // the rest depends on what follows
}

// watch looks again and again at arguments and environment of every process of this machine's user, until the
// returned function is called.
func (m *machine) watch() (stop func()) {
	m.t.Helper()
	end := make(chan struct{})
	leaks := map[string]bool{}
	home := []byte("\x00HOME=" + m.home + "\x00")
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			for _, pid := range processes() {
				environ, err := os.ReadFile(processFile(pid, "environ"))
				if err != nil || !bytes.Contains(slices.Concat([]byte{0}, environ), home) {
					continue
				}
				cmdline, _ := os.ReadFile(processFile(pid, "cmdline")) // it may have ended meanwhile
				m.seen[nameOf(pid)] = true
				if hasSecret(slices.Concat(environ, cmdline), append(tokenMarks(), password)) {
					leaks[nameOf(pid)] = true
				}
			}
			select {
			case <-end:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	return func() {
		m.t.Helper()
		close(end)
		watcher.Wait()
		if len(leaks) != 0 {
			m.t.Errorf("there was a secret in the arguments or the environment of %v", slices.Collect(maps.Keys(leaks)))
		}
	}
}

// wantSeen checks that watch has looked at something: a process that ends soon may escape it, but not each time.
func (m *machine) wantSeen(names ...string) {
	m.t.Helper()
	for _, name := range names {
		if !m.seen[name] {
			m.t.Errorf("%s was not seen among %v", name, slices.Collect(maps.Keys(m.seen)))
		}
	}
}

// TestExecDocker pushes, builds and pulls with the real Docker, whose user has settings of his own.
func TestExecDocker(t *testing.T) {
	t.Parallel()
	m := newExecMachine(t)
	m.env = append(m.env, testbed.EngineFor(t).Env()...)
	image, another := m.registry+"/moby/hello:1", m.registry+"/moby/hello:2"
	m.run("docker", "context", "create", "away", "--docker", "host=unix:///nowhere.sock").exits(0)
	m.run("docker-pat", "setup").exits(0) // for the plugin
	before := m.readConfig()
	m.makeImage(image)
	m.makeImage(another)
	m.isDenied("push", image)

	m.exec("repo:write", "docker", "push", image).exits(0).says("digest: sha256:")
	m.exec("repo:read", "docker", "push", another).exits(1)
	m.isDenied("pull", image)
	m.exec("repo:read", "docker", "pull", image).exits(0).says("Downloaded newer image")
	m.exec("repo:read", "docker", "context", "inspect", "away").exits(0).says("unix:///nowhere.sock")
	m.exec("repo:read", "docker", "pat", "status").exits(0).says("signed in")

	m.run("docker", "image", "rm", image).exits(0)
	m.do(os.Mkdir(filepath.Join(m.home, "context"), 0o700))
	m.do(os.WriteFile(filepath.Join(m.home, "context", "Dockerfile"), []byte("FROM "+image+"\nLABEL built=here\n"), 0o600))
	m.run("docker", "build", "-t", "built", "context").exits(1)
	m.env = append(m.env, "DOCKER_BUILDKIT=0")
	m.exec("repo:read", "docker", "build", "-t", "built", "context").exits(0).says("Successfully built")
	m.run("docker", "image", "inspect", "built").exits(0).says(`"built": "here"`)
	if after := m.readConfig(); !bytes.Equal(after, before) {
		t.Errorf("config.json was\n%s\nand is\n%s", before, after)
	}
	m.noneOnDisk(tokenMarks()...)
	m.wantSeen("docker-pat", "docker")
}

// TestExecSkopeo stands for what reads REGISTRY_AUTH_FILE. In a command with a token another has one of its own.
func TestExecSkopeo(t *testing.T) {
	t.Parallel()
	m := newExecMachine(t, "skopeo")
	m.makeLayout("image")
	remote := "docker://" + m.registry + "/moby/hello:1"
	skopeo := []string{"skopeo", "copy", "--insecure-policy", "--src-tls-verify=false", "--dest-tls-verify=false"}
	push, pull := append(slices.Clone(skopeo), m.layout("image"), remote), append(slices.Clone(skopeo), remote, "dir:"+filepath.Join(m.home, "copy"))

	m.run(push...).exits(1)
	m.exec("repo:write", push...).exits(0)
	m.exec("repo:read", pull...).exits(0)
	if !exists(filepath.Join(m.home, "copy", "manifest.json")) {
		t.Error("skopeo has copied nothing")
	}
	inner := []string{"docker-pat", "exec", "--scope", "repo:read", "--"}
	m.exec("repo:write", slices.Concat(inner, push)...).exits(1).says("denied")
	m.exec("repo:write", slices.Concat(inner, pull)...).exits(0)
	m.noneOnDisk(tokenMarks()...)
	m.wantSeen("docker-pat", "skopeo")
}

// TestExecSpied has a command look for its own token, and for the session.
func TestExecSpied(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		flags, leaks []string
		env          []string
	}{
		"folder in memory": {},
		"temporary folder": {env: []string{"XDG_RUNTIME_DIR=/nonexistent"}},
		"environment": {flags: []string{"--env"}, leaks: []string{
			"environ of " + spyName + ": DOCKER_AUTH_CONFIG", "environ of docker-credential-pat: DOCKER_AUTH_CONFIG",
		}},
		"nested": {flags: []string{"--", "docker-pat", "exec"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newExecMachine(t)
			m.env = append(m.env, tt.env...)
			var seen spying
			m.run(slices.Concat([]string{"docker-pat", "exec"}, tt.flags, []string{"--", spyName})...).exits(0).decode(&seen)
			if !slices.Equal(seen.Leaks, tt.leaks) {
				t.Errorf("leaks: %q, expected %q", seen.Leaks, tt.leaks)
			}
			if n := len(seen.Processes); n < 3 || seen.Processes[0] != "docker-pat" || seen.Processes[n-1] != "docker-credential-pat" || seen.Files < 3 {
				t.Errorf("the spy has looked at too little: %+v", seen)
			}
			m.isAsBefore()
		})
	}
}
