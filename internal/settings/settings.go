// Package settings knows where docker-pat keeps its files and what the user has chosen.
package settings

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Where tokens are managed and used unless the environment says otherwise.
const (
	DefaultHubURL   = "https://hub.docker.com"
	DefaultAuthURL  = "https://login.docker.com"
	DefaultRegistry = "https://index.docker.io/v1/"
)

// Settings are what the environment says.
type Settings struct {
	HubURL          string        // DOCKER_PAT_HUB_URL: the token service
	AuthURL         string        // DOCKER_PAT_AUTH_URL: where people sign in on the web; "" when nobody knows
	Registry        string        // DOCKER_PAT_REGISTRY: the server URL that tokens belong to
	ConfigDir       string        // DOCKER_PAT_CONFIG_DIR: holds our config.json
	StateDir        string        // DOCKER_PAT_STATE_DIR: holds the index and the lock
	DockerConfigDir string        // DOCKER_CONFIG: holds Docker's config.json
	KeychainTimeout time.Duration // DOCKER_PAT_KEYCHAIN_TIMEOUT: bounds every keychain call
	Profile         string        // the name of the profile in use; "" for the default one
}

// How long a keychain call may take. Where there is a display somebody may have to type a password.
const (
	timeoutHeadless = 3 * time.Second
	timeoutDisplay  = 60 * time.Second
)

// fromVariables reads no file. An error names the variable.
func fromVariables(getenv func(string) string) (Settings, error) {
	if store := getenv("DOCKER_PAT_STORE"); store != "" && store != "keychain" {
		return Settings{}, fmt.Errorf("DOCKER_PAT_STORE is %q: the store that exists is \"keychain\"", store)
	}
	timeout, err := keychainTimeout(getenv)
	if err != nil {
		return Settings{}, err
	}
	dirs := folders{getenv: getenv}
	s := Settings{
		HubURL:          or(getenv("DOCKER_PAT_HUB_URL"), DefaultHubURL),
		AuthURL:         or(getenv("DOCKER_PAT_AUTH_URL"), DefaultAuthURL),
		Registry:        or(getenv("DOCKER_PAT_REGISTRY"), DefaultRegistry),
		ConfigDir:       dirs.own("DOCKER_PAT_CONFIG_DIR", "XDG_CONFIG_HOME", ".config", "AppData"),
		StateDir:        dirs.own("DOCKER_PAT_STATE_DIR", "XDG_STATE_HOME", filepath.Join(".local", "state"), "LocalAppData"),
		DockerConfigDir: getenv("DOCKER_CONFIG"),
		KeychainTimeout: timeout,
	}
	if s.HubURL != DefaultHubURL && strings.TrimSpace(getenv("DOCKER_PAT_AUTH_URL")) == "" {
		s.AuthURL = "" // what Docker's own sign-in gives is not for another service
	}
	if s.DockerConfigDir == "" {
		s.DockerConfigDir = dirs.home(".docker")
	}
	return s, dirs.err
}

func keychainTimeout(getenv func(string) string) (time.Duration, error) {
	text := getenv("DOCKER_PAT_KEYCHAIN_TIMEOUT")
	if text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return 0, fmt.Errorf("DOCKER_PAT_KEYCHAIN_TIMEOUT is %q: give a duration such as 5s or 2m", text)
		}
		return d, nil
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" || getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != "" {
		return timeoutDisplay, nil
	}
	return timeoutHeadless, nil
}

// folders finds the user's folders and keeps the first error.
type folders struct {
	getenv func(string) string
	err    error
}

// own follows gh: our variable, then the XDG variable, then the place that the system has for it.
// A relative XDG path is ignored, as its specification asks.
func (f *folders) own(variable, xdg, underHome, windows string) string {
	if dir := f.getenv(variable); dir != "" {
		return dir
	}
	if dir := f.getenv(xdg); filepath.IsAbs(dir) {
		return filepath.Join(dir, "docker-pat")
	}
	if dir := f.getenv(windows); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, "docker-pat")
	}
	return f.home(filepath.Join(underHome, "docker-pat"))
}

func (f *folders) home(sub string) string {
	dir := Home(f.getenv)
	if dir == "" && f.err == nil {
		f.err = errors.New(homeVariable() + " is not set, so there is no place for settings and state")
	}
	return filepath.Join(dir, sub)
}

// Home is the user's own folder, or "" when the environment does not name it.
func Home(getenv func(string) string) string { return getenv(homeVariable()) }

func homeVariable() string {
	if runtime.GOOS == "windows" {
		return "USERPROFILE"
	}
	return "HOME"
}

func or(value, otherwise string) string {
	if strings.TrimSpace(value) == "" {
		return otherwise
	}
	return strings.TrimSpace(value)
}
