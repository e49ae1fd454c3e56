package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/uuid"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/helper"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/internal/wiring"
	"github.com/docker-pat/docker-pat/tokens"
)

// An execFolder holds the settings of one command: they name the helper and hold no secret.
type execFolder struct {
	sys      *system
	settings settings.Settings
	path, id string
	key      string // of the registry
}

// newExecFolder chooses a folder where the system keeps what lives as long as a login, which is mostly in
// memory, or else among the temporary files. It makes none.
func newExecFolder(sys *system, s settings.Settings) (execFolder, error) {
	key, err := credhelper.Key(s.Registry)
	if err != nil {
		return execFolder{}, err
	}
	f := execFolder{sys: sys, settings: s, id: uuid.NewString(), key: key}
	base := os.TempDir()
	if dir := sys.Env("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && isFolder(dir) {
		base = dir
	}
	f.path = filepath.Join(base, "docker-pat-exec-"+f.id)
	return f, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (f execFolder) docker() string     { return filepath.Join(f.path, "docker") }
func (f execFolder) containers() string { return filepath.Join(f.path, "auth.json") }
func (f execFolder) programs() string   { return filepath.Join(f.path, "bin") }

func (f execFolder) fill() error {
	for _, dir := range []string{f.path, f.docker(), f.programs()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	if err := errors.Join(f.linkHelper(), f.linkDocker(), f.writeDocker(), f.writeContainers()); err != nil {
		return fmt.Errorf("make settings for the command: %w", err)
	}
	return nil
}

// linkHelper puts the helper of this very program first on PATH.
func (f execFolder) linkHelper() error {
	self, err := f.sys.Executable()
	if err != nil {
		return err
	}
	if resolved, err := filepath.EvalSymlinks(self); err == nil {
		self = resolved
	}
	name := helper.Name
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	target := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(target); err != nil {
		target = self
	}
	return wiring.PlaceProgram(target, filepath.Join(f.programs(), name))
}

// linkDocker makes all that stands beside the user's config.json stand beside that of the command:
// contexts, plugins, builders.
func (f execFolder) linkDocker() error {
	own, err := filepath.Abs(f.settings.DockerConfigDir)
	if err != nil {
		return err
	}
	files, err := os.ReadDir(own)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, file := range files {
		if file.Name() == filepath.Base(dockerconfig.Path(own)) {
			continue
		}
		err = errors.Join(err, os.Symlink(filepath.Join(own, file.Name()), filepath.Join(f.docker(), file.Name())))
	}
	return err
}

// writeDocker copies the user's config.json, without what it holds in clear, and has the helper asked
// about the registry.
func (f execFolder) writeDocker() error {
	config, err := dockerconfig.Load(dockerconfig.Path(f.settings.DockerConfigDir))
	if err != nil {
		return err
	}
	f.clear(config)
	for _, name := range f.names() {
		config.SetCredHelper(name, helperSuffix)
	}
	return config.CopyTo(dockerconfig.Path(f.docker()))
}

// writeContainers does the same for podman, skopeo and buildah, which have a file of their own.
func (f execFolder) writeContainers() error {
	path, err := wiring.PodmanAuthFile(f.sys.Env)
	if err != nil {
		path = filepath.Join(f.path, "none.json") // there is no such file
	}
	config, err := dockerconfig.Load(path)
	if err != nil {
		return err
	}
	f.clear(config)
	for _, name := range f.names() {
		config.SetCredHelper(name, helperSuffix)
	}
	return config.CopyTo(f.containers())
}

// clear takes the credentials out. Those of the registry are not wanted, others are missed.
func (f execFolder) clear(config *dockerconfig.File) {
	auths, broken := config.PlaintextAuths()
	for _, b := range broken {
		config.ClearAuth(b.ServerURL)
	}
	for _, a := range auths {
		config.ClearAuth(a.ServerURL)
		if key, err := credhelper.Key(a.ServerURL); err == nil && key != f.key {
			f.sys.say("Note: the credential of %s, which %s holds in clear, is not passed on to the command.", printable(a.ServerURL), config.Path())
		}
	}
}

// names are those under which clients look the registry up among credHelpers.
func (f execFolder) names() []string {
	if f.key == credhelper.HubKey {
		return []string{credhelper.HubKey, "docker.io", "index.docker.io", "registry-1.docker.io"}
	}
	return []string{f.key}
}

// environment is that of the user, with the settings of the command in it.
func (f execFolder) environment(withSecret bool, loan *tokens.Loan) ([]string, error) {
	set := map[string]string{
		"DOCKER_CONFIG":      f.docker(),
		"REGISTRY_AUTH_FILE": f.containers(),
		"PATH":               f.programs() + string(filepath.ListSeparator) + f.sys.Env("PATH"),
		helper.LoanVariable:  f.id,
		"DOCKER_PAT_PROFILE": cmp.Or(f.settings.Profile, settings.DefaultProfile), // no longer told by DOCKER_CONFIG
	}
	if own := f.sys.Env(authVariable); own != "" || withSecret {
		auths, err := f.authConfig(own, withSecret, loan)
		if err != nil {
			return nil, err
		}
		set[authVariable] = auths
	}
	var env []string
	for _, entry := range f.sys.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if _, replaced := set[name]; !replaced {
			env = append(env, entry)
		}
	}
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env, nil
}

// authVariable holds credentials as config.json does, and goes before helpers.
const authVariable = "DOCKER_AUTH_CONFIG"

// authConfig takes the registry out of what the user has in the variable, and puts the token in.
func (f execFolder) authConfig(own string, withSecret bool, loan *tokens.Loan) (string, error) {
	var config struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	if own != "" {
		if err := json.Unmarshal([]byte(own), &config); err != nil {
			return "", errors.New(authVariable + " cannot be read: correct it or unset it")
		}
	}
	for server := range config.Auths {
		if key, err := credhelper.Key(server); err == nil && key == f.key {
			delete(config.Auths, server)
		}
	}
	if withSecret {
		if config.Auths == nil {
			config.Auths = map[string]json.RawMessage{}
		}
		auth := base64.StdEncoding.EncodeToString([]byte(loan.Username() + ":" + loan.Secret.Reveal()))
		config.Auths[f.key] = json.RawMessage(`{"auth":"` + auth + `"}`)
	}
	text, err := json.Marshal(config)
	return string(text), err
}
