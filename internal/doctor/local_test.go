//go:build unix

package doctor_test

import (
	"encoding/base64"
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/docker-pat/docker-pat/internal/doctor"
)

func TestHelper(t *testing.T) {
	t.Parallel()
	examine(t, map[string]row{
		"none": {
			func(t *testing.T, m *machine) { m.remove(t, "bin") },
			[]doctor.Finding{
				{"helper", problem, "there is no docker-credential-pat on PATH", "run docker pat setup"},
				{"helper-others", note, "not checked: there is no docker-credential-pat on PATH", ""},
				{"helper-version", note, "not checked: there is no docker-credential-pat on PATH", ""},
			},
		},
		"not executable": {
			func(t *testing.T, m *machine) {
				m.write(t, "bin/docker-credential-pat", "")
				m.program(t, "usr/docker-credential-pat")
				m.outside.helpers[m.path("usr/docker-credential-pat")] = "v1"
			}, nil,
		},
		"another program": {
			func(_ *testing.T, m *machine) { clear(m.outside.helpers) },
			[]doctor.Finding{
				{"helper", problem, "~/bin/docker-credential-pat is another program", "remove ~/bin/docker-credential-pat, then run docker pat setup"},
				{"helper-version", note, "not checked: it is another program", ""},
			},
		},
		"silent": {
			func(_ *testing.T, m *machine) { m.outside.helperErr = errors.New("it does not say what it is") },
			[]doctor.Finding{
				{"helper", problem, "~/bin/docker-credential-pat: it does not say what it is", "remove ~/bin/docker-credential-pat, then run docker pat setup"},
				{"helper-version", note, "not checked: it does not answer", ""},
			},
		},
		"two": {
			func(t *testing.T, m *machine) { m.program(t, "usr/docker-credential-pat") },
			[]doctor.Finding{{"helper-others", note, "there is another behind it on PATH: ~/usr/docker-credential-pat", "remove all but one"}},
		},
		"one by two folders": {func(t *testing.T, m *machine) { m.link(t, m.path("bin"), "usr") }, nil},
		"older file": {
			func(_ *testing.T, m *machine) { m.outside.helpers[m.path("bin/docker-credential-pat")] = "v0" },
			[]doctor.Finding{{"helper-version", problem, "docker-credential-pat is v0 and docker-pat v1", "install both programs in the same version"}},
		},
		"older link": {
			func(t *testing.T, m *machine) {
				m.program(t, "opt/docker-pat")
				m.link(t, m.path("opt/docker-pat"), "bin/docker-credential-pat")
				m.outside.helpers[m.path("bin/docker-credential-pat")] = "v0"
			},
			[]doctor.Finding{{"helper-version", problem, "docker-credential-pat is v0 and docker-pat v1", "run docker pat setup"}},
		},
	})
}

func TestPlugin(t *testing.T) {
	t.Parallel()
	const own = ".docker/cli-plugins/docker-pat"
	examine(t, map[string]row{
		"none": {
			func(t *testing.T, m *machine) { m.remove(t, own) },
			[]doctor.Finding{{"plugin", note, "docker pat is not installed", "run docker pat setup"}},
		},
		"for all users": {
			func(t *testing.T, m *machine) {
				m.remove(t, own)
				m.program(t, "lib/docker-pat")
				m.outside.plugins[m.path("lib/docker-pat")] = "v1"
			}, nil,
		},
		"dangling": {
			func(t *testing.T, m *machine) { m.link(t, m.path("gone"), own) },
			[]doctor.Finding{{"plugin", problem, "~/" + own + " leads nowhere", "run docker pat setup"}},
		},
		"another program": {
			func(_ *testing.T, m *machine) { clear(m.outside.plugins) },
			[]doctor.Finding{{"plugin", problem, "~/" + own + ": it is another program", "remove ~/" + own + ", then run docker pat setup"}},
		},
		"older": {
			func(_ *testing.T, m *machine) { m.outside.plugins[m.path(own)] = "v0" },
			[]doctor.Finding{{"plugin", problem, "~/" + own + " is v0 and docker-pat v1", "remove ~/" + own + ", then run docker pat setup"}},
		},
		"shadowed by another": {
			func(t *testing.T, m *machine) {
				m.write(t, ".docker/config.json", `{"credsStore":"pat","credHelpers":{"docker.io":"pat"},"cliPluginsExtraDirs":["`+m.path("extra")+`"]}`)
				m.link(t, m.path("gone"), "extra/docker-pat")
			},
			[]doctor.Finding{{"plugin", problem, "~/extra/docker-pat leads nowhere", "remove ~/extra/docker-pat"}},
		},
		"twice": {
			func(t *testing.T, m *machine) { m.program(t, "lib/docker-pat") },
			[]doctor.Finding{{"plugin", note, "~/" + own + " goes before ~/lib/docker-pat", "remove all but one"}},
		},
		"helper among plugins": {
			func(t *testing.T, m *machine) { m.program(t, "lib/docker-credential-pat") },
			[]doctor.Finding{{"plugin-folder", problem, "~/lib/docker-credential-pat is no plugin, and Docker lists it as invalid", "remove ~/lib/docker-credential-pat"}},
		},
	})
}

func TestState(t *testing.T) {
	t.Parallel()
	chmod := func(name string, mode os.FileMode) func(*testing.T, *machine) {
		return func(t *testing.T, m *machine) {
			if err := os.Chmod(m.path(name), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	examine(t, map[string]row{
		"none yet": {func(t *testing.T, m *machine) { m.remove(t, "state") }, nil},
		"open folder": {
			chmod("state", 0o755),
			[]doctor.Finding{{"state", problem, "others on this machine can look into ~/state (mode 0755)", "run chmod 700 ~/state"}},
		},
		"closed folder": {
			chmod("state", 0o500),
			[]doctor.Finding{{"state", problem, "~/state has the mode 0500: you cannot work there", "run chmod 700 ~/state"}},
		},
		"open index": {
			chmod("state/index.json", 0o640),
			[]doctor.Finding{{"state", problem, "only you should be able to read and write ~/state/index.json", "run chmod 600 ~/state/index.json"}},
		},
		"damaged index": {
			func(t *testing.T, m *machine) { m.write(t, "state/index.json", "{") },
			[]doctor.Finding{{"state", note, "~/state/index.json was damaged and is made again", "see what is left: run docker pat credentials"}},
		},
		"pipe as index": {
			func(t *testing.T, m *machine) {
				m.remove(t, "state/index.json")
				if err := syscall.Mkfifo(m.path("state/index.json"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			[]doctor.Finding{{"state", note, "~/state/index.json was damaged and is made again", "see what is left: run docker pat credentials"}},
		},
		"a file": {
			func(t *testing.T, m *machine) { m.write(t, "state", "") },
			[]doctor.Finding{{"state", problem, "~/state is no folder", "remove ~/state"}},
		},
		"settings malformed": {
			func(t *testing.T, m *machine) { m.write(t, ".config/config.json", `{"x":1}`) },
			[]doctor.Finding{{"settings", problem, `read the settings in ~/.config/config.json: json: unknown field "x"`, "correct ~/.config/config.json"}},
		},
		"settings that keep passwords": {
			func(t *testing.T, m *machine) { m.write(t, ".config/config.json", `{"passwords":"store"}`) },
			[]doctor.Finding{{"settings", note, `passwords is "store": a password that docker login is given for Docker Hub is kept`, "take passwords out of ~/.config/config.json"}},
		},
		"settings": {func(t *testing.T, m *machine) { m.write(t, ".config/config.json", `{"scope":"repo:read"}`) }, nil},
	})
}

// TestOwner needs root, which can give files away.
func TestOwner(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	examine(t, map[string]row{"another user's": {
		func(t *testing.T, m *machine) {
			if err := os.Chown(m.path("state/index.json"), 65534, -1); err != nil {
				t.Fatal(err)
			}
		},
		[]doctor.Finding{{
			"state", problem, "~/state/index.json belongs to the user 65534 and not to you (0)",
			"do not use sudo: work as the user whose folder it is",
		}},
	}})
}

func TestPlaintext(t *testing.T) {
	t.Parallel()
	config := func(auths string, mode os.FileMode) func(*testing.T, *machine) {
		return func(t *testing.T, m *machine) {
			m.write(t, ".docker/config.json", `{"credsStore":"pat","credHelpers":{"docker.io":"pat"},"auths":{`+auths+`}}`)
			if err := os.Chmod(m.path(".docker/config.json"), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	auth := func(text string) string { return `{"auth":"` + base64.StdEncoding.EncodeToString([]byte(text)) + `"}` }
	examine(t, map[string]row{
		"another registry": {
			config(`"ghcr.io":`+auth("moby:whale"), 0o600),
			[]doctor.Finding{{"plaintext", problem, "config.json holds credentials in clear: ghcr.io", "run docker pat setup"}},
		},
		"token that others can read": {
			config(`"`+hub+`":`+auth("moby:"+madeUp)+`,"ghcr.io":`+auth("moby:whale"), 0o644),
			[]doctor.Finding{
				{"plaintext", problem, "config.json holds credentials in clear: ghcr.io, " + hub, "run docker pat setup"},
				{"config-mode", problem, "others on this machine can read the credentials in ~/.docker/config.json (mode 0644)", "run chmod 600 ~/.docker/config.json"},
			},
		},
		"password of Docker Hub": {
			config(`"docker.io":`+auth("moby:whale"), 0o600),
			[]doctor.Finding{{"plaintext", problem, "config.json holds credentials in clear: docker.io", "run docker pat create, then docker pat setup"}},
		},
		"broken": {
			config(`"a":{"registrytoken":"whale"},"quay.io":{"auth":"whale"}`, 0o600),
			[]doctor.Finding{{"auths", problem, `auths["quay.io"] is broken, and Docker does not read a file with such an entry`, `take auths["quay.io"] out of ~/.docker/config.json`}},
		},
		"for no helper": {
			config(`"a":{"registrytoken":"whale"}`, 0o600),
			[]doctor.Finding{{"auths", note, `auths["a"]: holds a registrytoken, which no credential helper can keep`, `take auths["a"] out of ~/.docker/config.json`}},
		},
		"readable without a secret": {config(`"ghcr.io":{}`, 0o644), nil},
	})
}
