package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestDockerPlugin(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	m.run("docker-pat", "create", "laptop").exits(0)

	direct := m.run("docker-pat", "list").exits(0).says("laptop")
	m.run("docker", "pat", "list").exits(0).prints(direct.stdout)
	m.run("docker", "pat", "ls", "--quiet").exits(0).prints(m.run("docker-pat", "list", "--quiet").stdout)
	m.feed(password, "docker", "pat", "login", "-u", user, "--password-stdin").exits(0).says("Signed in as " + user)

	help := m.run("docker", "pat", "--help").exits(0).says("docker pat [command]", "Tokens:").hides("docker-pat [command]")
	m.run("docker", "help", "pat").exits(0).prints(help.stdout)
	m.run("docker", "pat", "list", "--help").exits(0).says("docker pat list [flags]")

	m.run("docker", "pat", "nope").exits(2).prints("").says(`unknown command "nope"`, "docker pat --help")
	m.run("docker", "pat", "list", "--nope").exits(2).prints("")
	m.run("docker", "pat", "delete", "laptop").exits(2).prints("")
	m.run("docker", "pat", "logout").exits(0)
	m.run("docker", "pat", "list").exits(4).prints("").says("docker pat login")
}

func TestDockerKnowsThePlugin(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	help := m.run("docker", "help").exits(0).says("Manage Docker Hub access tokens").hides("Invalid Plugins")
	if !strings.Contains(help.stdout, "\n  pat* ") {
		t.Errorf("the plugin should be among the commands:\n%s", help)
	}
	// There is no engine, so docker info fails at the end.
	m.run("docker", "info").says("pat: Manage Docker Hub access tokens (docker-pat").hides("Invalid Plugins", "WARNING: Plugin")
}

func TestDockerCompletesThePlugin(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.needsDocker(23) // the first that asks plugins
	m.setup()
	m.run("docker", "__complete", "pa").exits(0).says("pat\t")
	m.run("docker", "__complete", "pat", "li").exits(0).says("list\tList your tokens").hides("login")
	m.run("docker", "__complete", "pat", "create", "--ex").exits(0).says("--expires")
}

// needsDocker skips the test where Docker's command line is older than a version.
func (m *machine) needsDocker(major int) {
	m.t.Helper()
	var got int
	r := m.run("docker", "--version").exits(0)
	if _, err := fmt.Sscanf(r.stdout, "Docker version %d.", &got); err != nil {
		m.t.Fatalf("%v:\n%s", err, r)
	}
	if got < major {
		m.t.Skipf("Docker %d or later is needed:\n%s", major, r)
	}
}

// The folder that docker's own --config names is Docker's for the plugin, too.
func TestDockerPluginFollowsDockerConfig(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.setup()
	elsewhere := []string{"DOCKER_CONFIG=" + filepath.Join(m.home, "elsewhere")}
	for _, flags := range [][]string{{"--config", m.dockerConfig}, {"--config=" + m.dockerConfig}, {"--log-level", "error", "--config", m.dockerConfig}} {
		args := append(append([]string{"docker"}, flags...), "pat", "status", "--json")
		var status struct {
			Docker struct {
				Config string
				Wired  bool
			}
		}
		r := m.runWith(elsewhere, "", args...).exits(0)
		r.decode(&status)
		if status.Docker.Config != m.configPath() || !status.Docker.Wired {
			t.Errorf("it should look at %s:\n%s", m.configPath(), r)
		}
	}
}
