package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/docker-pat/docker-pat/internal/testbed"
)

// Clients that are Go programs are built from their modules: crane from the version that this project
// requires, oras by itself.
var (
	crane = sync.OnceValues(func() (string, error) {
		path := filepath.Join(builtDir, "crane")
		return path, build("go", "build", "-o", path, "github.com/google/go-containerregistry/cmd/crane")
	})
	oras = sync.OnceValues(func() (string, error) {
		return filepath.Join(builtDir, "oras"), build("go", "install", "oras.land/oras/cmd/oras@v1.3.6")
	})
)

func build(args ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "GOBIN="+builtDir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %w\n%s", strings.Join(args, " "), testbed.ErrMissing, err, out)
	}
	return nil
}

// install puts a program that was built on PATH.
func (m *machine) install(tool func() (string, error)) {
	m.t.Helper()
	path, err := tool()
	testbed.Need(m.t, err)
	m.do(os.Symlink(path, filepath.Join(m.bin, filepath.Base(path))))
}

// TestCrane stands for what is made of go-containerregistry: crane, ko, cosign. It asks for the
// repository first, then for the registry.
func TestCrane(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.install(crane)
	m.setup()
	m.run("docker-pat", "create", "laptop").exits(0)
	m.makeLayout("image")
	remote := m.registry + "/moby/hello:1"
	m.run("crane", "push", "--insecure", filepath.Join(m.home, "image"), remote).exits(0)
	m.run("crane", "pull", "--insecure", "--format=oci", remote, filepath.Join(m.home, "copy")).exits(0)
	m.run("crane", "ls", "--insecure", m.registry+"/moby/hello").exits(0).prints("1\n")
	if made, got := m.digest("image"), m.digest("copy"); made != got {
		t.Errorf("the image %s came back as %s", made, got)
	}
	m.run("docker-pat", "deactivate", "laptop").exits(0)
	m.run("crane", "pull", "--insecure", remote, filepath.Join(m.home, "denied")).exits(1).says("401")

	// It signs in and out through the helper, and asks it on behalf of others.
	other := newHub(t, password)
	m.run("crane", "auth", "login", registryOf(other), "-u", user, "-p", password).exits(0)
	m.holds(registryOf(other), user, password)
	m.run("crane", "auth", "get", registryOf(other)).exits(0).says(`"Username":"moby"`)
	m.run("crane", "auth", "logout", registryOf(other)).exits(0)
	m.holdsNothing(registryOf(other))
	m.noneOnDisk()
}

func TestOras(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.install(oras)
	m.setup()
	secret := m.printedToken("for oras")
	m.feed(secret, "oras", "login", "--plain-http", "-u", user, "--password-stdin", m.registry).exits(0)
	m.holds(m.registry, user, secret)
	m.do(os.WriteFile(filepath.Join(m.home, "note.txt"), []byte("hello\n"), 0o600))
	remote := m.registry + "/moby/note:1"
	m.run("oras", "push", "--plain-http", remote, "note.txt").exits(0)
	m.run("oras", "pull", "--plain-http", "-o", "pulled", remote).exits(0)
	if got, err := os.ReadFile(filepath.Join(m.home, "pulled", "note.txt")); err != nil || string(got) != "hello\n" {
		t.Errorf("the file came back as %q, %v", got, err)
	}
	m.run("docker-pat", "deactivate", "for oras").exits(0)
	m.run("oras", "pull", "--plain-http", "-o", "denied", remote).exits(1)
	m.run("oras", "logout", m.registry).exits(0)
	m.holdsNothing(m.registry)
	m.noneOnDisk(secret)
}

// TestPodmanAndBuildah read credHelpers alone, and store what they are given through the helper.
func TestPodmanAndBuildah(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"podman", "buildah"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, name)
			m.setup("--only", m.registry)
			secret := m.printedToken("for " + name)
			m.env = append(m.env, "REGISTRY_AUTH_FILE="+m.configPath())
			m.feed(secret, name, "login", "--tls-verify=false", "-u", user, "--password-stdin", m.registry).exits(0).says("Login Succeeded")
			m.holds(m.registry, user, secret)
			m.run(name, "login", "--get-login", m.registry).exits(0).prints(user + "\n")
			m.run(name, "login", "--tls-verify=false", m.registry).exits(0).says("Existing credentials are valid")
			m.run("docker-pat", "delete", "--yes", "for "+name).exits(0)
			m.run(name, "login", "--tls-verify=false", m.registry).says("nvalid")
			m.run(name, "logout", m.registry).exits(0)
			m.holdsNothing(m.registry)
			m.noneOnDisk(secret)
		})
	}
}

// TestClassicBuild asks the helper for its list, and then for each name on it.
func TestClassicBuild(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env = append(m.env, testbed.EngineFor(t).Env()...)
	m.env = append(m.env, "DOCKER_BUILDKIT=0")
	base := m.registry + "/moby/base:1"
	m.setup()
	m.run("docker-pat", "create", "laptop").exits(0)
	m.makeImage(base)
	m.pushes(base)
	m.run("docker", "image", "rm", base).exits(0)

	m.do(os.Mkdir(filepath.Join(m.home, "context"), 0o700))
	m.do(os.WriteFile(filepath.Join(m.home, "context", "Dockerfile"), []byte("FROM "+base+"\nLABEL built=here\n"), 0o600))
	m.run("docker", "build", "-t", "built", "context").exits(0).says("Successfully built")

	m.run("docker", "image", "rm", "-f", "built", base).exits(0)
	m.run("docker-pat", "deactivate", "laptop").exits(0)
	m.run("docker", "build", "--no-cache", "-t", "built", "context").exits(1).says("nauthorized")
}
