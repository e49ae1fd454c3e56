package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-pat/docker-pat/internal/regularfile"
)

// A Profile is an account, or a service, of several. What is empty is as without a profile; a variable of the
// environment beats what is not.
type Profile struct {
	HubURL       string `json:"hub_url,omitempty"`
	AuthURL      string `json:"auth_url,omitempty"`
	Registry     string `json:"registry,omitempty"`
	DockerConfig string `json:"docker_config,omitempty"` // the folder; where Docker uses it, so is the profile
}

// Profiles are what config.json says of them.
type Profiles struct {
	Default string             `json:"profile,omitempty"` // where nothing else chooses one; "" is DefaultProfile
	Named   map[string]Profile `json:"profiles,omitempty"`
}

// DefaultProfile is the name of having none. It is in no file.
const DefaultProfile = "default"

// ErrUnknownProfile says that a profile was asked for that is not there.
var ErrUnknownProfile = errors.New("no such profile")

// CheckProfileName says what is wrong with the name of a profile, which is a part of paths and of the keychain.
func CheckProfileName(name string) error {
	strange := func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789._-", r) }
	if name == "" || len(name) > 32 || strings.ContainsFunc(name, strange) || strings.ContainsRune("._-", rune(name[0])) || name == DefaultProfile {
		return fmt.Errorf("%q cannot be the name of a profile: give up to 32 lower case letters, digits, dots, dashes and underscores, a letter or digit first, and not %q", name, DefaultProfile)
	}
	return nil
}

// FromEnvironment returns the settings of the profile that is in use: the one of DOCKER_PAT_PROFILE, else the
// one whose folder DOCKER_CONFIG is, else the default one of config.json. It reads that file alone, and takes
// it apart only if it speaks of profiles. An error names the variable, or the file.
func FromEnvironment(getenv func(string) string) (Settings, error) {
	s, err := fromVariables(getenv)
	if err != nil {
		return s, err
	}
	all, err := s.Profiles()
	if err != nil {
		return s, err
	}
	name := all.choose(getenv("DOCKER_PAT_PROFILE"), s.DockerConfigDir)
	if name == DefaultProfile {
		return s, nil
	}
	p, ok := all.Named[name]
	if !ok {
		return s, fmt.Errorf("%w: %q is not one of %s in %s", ErrUnknownProfile, name, strings.Join(all.Names(), ", "), s.configFile())
	}
	if err := CheckProfileName(name); err != nil {
		return s, err
	}
	s, err = fromVariables(p.over(getenv))
	s.Profile, s.StateDir = name, filepath.Join(s.StateDir, profilesDir, name)
	return s, err
}

// profilesDir holds the state folders of all profiles but the default one, whose own folder it is in.
const profilesDir = "profiles"

// OtherStateDirs are the state folders of the profiles that are not in use, whether or not they are used.
func (s Settings) OtherStateDirs() []string {
	root := s.StateDir
	if s.Profile != "" {
		root = filepath.Dir(filepath.Dir(s.StateDir))
	}
	dirs, _ := filepath.Glob(filepath.Join(root, profilesDir, "*")) // a folder that cannot be read has none
	return slices.DeleteFunc(append(dirs, root), func(dir string) bool { return dir == s.StateDir })
}

// choose returns a name, which need not be there.
func (all Profiles) choose(variable, dockerConfigDir string) string {
	if variable != "" {
		return variable
	}
	for _, name := range all.Names() {
		if dir := all.Named[name].DockerConfig; dir != "" && filepath.Clean(dir) == filepath.Clean(dockerConfigDir) {
			return name
		}
	}
	return or(all.Default, DefaultProfile)
}

// Names are all profiles, DefaultProfile first.
func (all Profiles) Names() []string {
	return append([]string{DefaultProfile}, slices.Sorted(maps.Keys(all.Named))...)
}

// over answers for the variables that are not set.
func (p Profile) over(getenv func(string) string) func(string) string {
	own := map[string]string{
		"DOCKER_PAT_HUB_URL": p.HubURL, "DOCKER_PAT_AUTH_URL": p.AuthURL, "DOCKER_PAT_REGISTRY": p.Registry, "DOCKER_CONFIG": p.DockerConfig,
	}
	return func(name string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return own[name]
	}
}

// Profiles reads them. A file that does not speak of any is not taken apart: whether it is right is for
// Preferences to say, and no reason to keep a credential from Docker.
func (s Settings) Profiles() (Profiles, error) {
	var all Profiles
	data, err := regularfile.Read(context.Background(), s.configFile(), maxPreferences)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && !bytes.Contains(data, []byte(`"profile`)):
		return all, nil
	case err == nil:
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return Profiles{}, fmt.Errorf("read the profiles in %s: %w", s.configFile(), err)
	}
	return all, nil
}

func (s Settings) configFile() string { return filepath.Join(s.ConfigDir, "config.json") }
