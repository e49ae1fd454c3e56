//go:build unix

package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
)

// A canary is a machine whose every secret is known.
type canary struct {
	*machine
	front  *front
	failed map[string]bool // commands that have, by their names
	done   map[string]bool // commands that have not
}

const (
	secondUser = "ada" // has two-factor authentication
	totpSecret = "GEZDGNBVGY3TQOJQ"
)

func newCanary(t *testing.T) *canary {
	t.Helper()
	m := newMachine(t, "sh")
	m.hub = sandboxtest.Start(t, sandbox.Options{
		Users:         []sandbox.User{{Name: user, Password: password}, {Name: secondUser, Password: password, TOTPSecret: totpSecret}},
		Organizations: []sandbox.Organization{{Name: organization, Owners: []string{user}}},
	})
	c := &canary{machine: m, front: newFront(t, m.hub), failed: map[string]bool{}, done: map[string]bool{}}
	c.front.note(password)
	m.registry = "localhost" + c.front.URL[strings.LastIndexByte(c.front.URL, ':'):]
	m.env = slices.Concat(m.env, c.front.environment(m.hub), []string{"TMPDIR=" + filepath.Join(m.home, "tmp")})
	m.do(os.Mkdir(filepath.Join(m.home, "tmp"), 0o700))
	m.do(os.WriteFile(filepath.Join(m.home, "other.json"), []byte(`{"auths":{"quay.io":{"auth":"dTpw"}}}`), 0o600))
	return c
}

// call runs a command, and looks for secrets in what it wrote, but for what it is there to hand out, and in all files.
func (c *canary) call(stdin string, args ...string) result {
	c.t.Helper()
	r := c.feed(stdin, args...)
	name := args[0]
	if name == "docker-pat" {
		name = args[1]
	}
	if r.code == 0 {
		c.done[name] = true
	} else {
		c.failed[name] = true
	}
	written := r.stdout + "\n" + r.stderr
	if r.code == 0 && (slices.Contains(args, "--print") || args[len(args)-1] == "get") {
		c.front.note(strings.TrimSuffix(r.stdout, "\n"))
		written = r.stderr
	}
	if c.front.finds([]byte(written)) {
		c.t.Errorf("a secret was written:\n%s", r)
	}
	c.searchFiles(r)
	return r
}

func (c *canary) searchFiles(after result) {
	c.t.Helper()
	files := 0
	for _, folder := range []string{c.home, c.variable("XDG_RUNTIME_DIR")} {
		c.do(filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case path == c.bin:
				return fs.SkipDir
			case !entry.Type().IsRegular():
				return nil
			}
			data, err := os.ReadFile(path)
			if c.front.finds(data) {
				c.t.Errorf("a secret is in %s after\n%s", path, after)
			}
			files++
			return err
		}))
	}
	if files == 0 {
		c.t.Error("nothing was searched")
	}
}

// A step is a command with its input.
type step struct {
	stdin string
	args  []string
}

func pat(args ...string) step { return step{"", append([]string{"docker-pat"}, args...)} }

// steps are all commands that can be tried in any state.
func (c *canary) steps() []step {
	code, err := totp.GenerateCode(totpSecret, time.Now())
	c.do(err)
	c.front.note(code)
	asDocker := `{"ServerURL":"` + c.registry + `","Username":"` + user + `","Secret":"` + password + `"}`
	return []step{
		{password + "\n", []string{"docker-pat", "login", "-u", secondUser, "--password-stdin", "--otp", code}},
		pat("list"),
		{password + "\n", []string{"docker-pat", "login", "-u", user, "--password-stdin"}},
		pat("setup"), pat("status"), pat("status", "--json"), pat("doctor"), pat("doctor", "--json"),
		pat("create", "laptop"), pat("create", "printed", "--print"), pat("create", "spare", "--print"),
		pat("create", "ci", "--org", organization, "--repo", "app:pull", "--print"),
		pat("list"), pat("list", "--json"), pat("list", "--org", organization), pat("list", "--format", "{{.}}"),
		pat("inspect", "laptop", "printed"), pat("inspect", "--json", "laptop"), pat("rename", "spare", "other"),
		pat("deactivate", "other"), pat("activate", "other"), pat("deactivate", "other"), pat("prune", "--inactive", "--yes"),
		pat("rotate"), pat("rotate", "--all", "--json"), pat("rotate", "--due"), pat("audit"), pat("audit", "--json"),
		pat("exec", "--", "docker-credential-pat", "list"), pat("exec", "--env", "--", "sh", "-c", "exit 0"),
		pat("credentials"), pat("credentials", "list", "--json"), pat("credentials", "import", "--from", "other.json"),
		pat("credentials", "erase", "--yes", "quay.io"), pat("helper", "list"), pat("__complete", "delete", ""),
		pat("profile", "add", "work"), pat("profile", "list", "--json"), pat("profile", "remove", "--yes", "work"),
		pat("version", "--json"), pat("completion", "bash"), pat("help", "create"),
		{c.registry, []string{"docker-credential-pat", "get"}},
		{"", []string{"docker-credential-pat", "list"}},
		{asDocker, []string{"docker-credential-pat", "store"}},
		{password + "\n", []string{"docker", "login", "-u", user, "--password-stdin", c.registry}},
		{"", []string{"docker", "logout", c.registry}},
		pat("create", "laptop"),
		{c.registry, []string{"docker-credential-pat", "erase"}},
		pat("delete", "--yes", "printed"), pat("create", "laptop"),
		pat("logout", "--revoke", "--yes"), pat("setup", "--undo"), pat("logout"),
	}
}

// mistakes are calls that no command takes.
func mistakes() []step {
	steps := []step{
		pat("login", "-u", user, "--password-stdin"), // of an empty input
		{"not-the-" + password + "\n", []string{"docker-pat", "login", "-u", user, "--password-stdin"}},
		{password + "\n", []string{"docker-pat", "login", "-u", secondUser, "--password-stdin"}}, // without a code
		{password + "\n", []string{"docker-pat", "login", "-u", secondUser, "--password-stdin", "--otp", "000000"}},
		{password, []string{"docker-credential-pat", "store"}},
		{password, []string{"docker-credential-pat", "get"}},
		{password, []string{"docker-pat", "delete", "laptop"}},
	}
	for _, name := range []string{
		"activate", "audit", "completion", "create", "credentials", "deactivate", "delete", "doctor", "exec", "helper", "inspect",
		"list", "logout", "profile", "prune", "rename", "rotate", "setup", "status", "version",
	} {
		steps = append(steps, pat(name, "--no-such-flag"))
	}
	return steps
}

// TestCanaries runs every command, first with a service that works and then with each kind of failure, and finds
// none of the passwords, codes, sessions and tokens in any stream or file.
func TestCanaries(t *testing.T) {
	t.Parallel()
	c := newCanary(t)
	for _, step := range c.steps() {
		c.call(step.stdin, step.args...).exits(0)
	}
	for _, step := range mistakes() {
		c.call(step.stdin, step.args...)
	}
	for _, fail := range []func(){
		func() { c.front.setEcho(400) },
		func() { c.front.setEcho(401) },
		func() { c.front.setEcho(200) },
		func() { c.hub.Sandbox.Inject(sandbox.Fault{Cut: sandbox.CutAfter}) },
		func() { c.do(c.keyring.Lock(t.Context())) }, // to the end
	} {
		c.webLogin()
		for _, step := range []step{pat("setup"), pat("create", "laptop"), pat("create", "printed", "--print"), pat("create", "spare", "--print")} {
			c.call("", step.args...)
		}
		fail()
		for _, step := range c.steps() {
			c.call(step.stdin, step.args...)
		}
		c.front.setEcho(0)
		c.hub.Sandbox.ClearFaults()
	}
	c.wantAll()
}

// wantAll checks that every command was there, with success and with failure.
func (c *canary) wantAll() {
	c.t.Helper()
	names, _, _ := strings.Cut(c.run("docker-pat", "__complete", "").exits(0).stdout, "\n:")
	for line := range strings.Lines(names) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if !c.done[name] {
			c.t.Errorf("%s has not succeeded", name)
		}
		if !c.failed[name] && name != "help" {
			c.t.Errorf("%s has not failed", name)
		}
	}
}

// webLogin signs in on the web.
func (c *canary) webLogin() {
	c.t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for len(c.hub.Sandbox.PendingDevices()) == 0 {
			select {
			case <-c.t.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
		if err := c.hub.Sandbox.Decide("", sandbox.Approve, user); err != nil {
			c.t.Error(err)
		}
	}()
	c.call("", "docker-pat", "login").exits(0)
	<-ended
}
