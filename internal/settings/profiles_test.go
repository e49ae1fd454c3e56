//go:build !windows

package settings_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/settings"
)

func TestProfile(t *testing.T) {
	t.Parallel()
	const two = `{"scope":"repo:read","profile":"work","profiles":{"work":{"registry":"registry.work.example"},"lab":{"hub_url":"http://127.0.0.1:1","auth_url":"http://127.0.0.1:2","registry":"localhost:5","docker_config":"/lab/.docker/"}}}`
	tests := []struct {
		name, file string
		env        map[string]string
		profile    string
		registry   string
		wantErr    string
	}{
		{"no file", "", nil, "", settings.DefaultRegistry, ""},
		{"no file, default", "", map[string]string{"DOCKER_PAT_PROFILE": "default"}, "", settings.DefaultRegistry, ""},
		{"no file, unknown", "", map[string]string{"DOCKER_PAT_PROFILE": "work"}, "", "", `no such profile: "work" is not one of default in `},
		{"no profiles", `{"scope":"repo:read"}`, nil, "", settings.DefaultRegistry, ""},
		{"broken, and no profiles", `{"scope"`, nil, "", settings.DefaultRegistry, ""},
		{"broken", `{"profiles"`, nil, "", "", "read the profiles in "},
		{"the default one", two, nil, "work", "registry.work.example", ""},
		{"the one of the folder", two, map[string]string{"DOCKER_CONFIG": "/lab/.docker"}, "lab", "localhost:5", ""},
		{"pinned", two, map[string]string{"DOCKER_PAT_PROFILE": "lab"}, "lab", "localhost:5", ""},
		{"pinned beats the folder", two, map[string]string{"DOCKER_CONFIG": "/lab/.docker", "DOCKER_PAT_PROFILE": "work"}, "work", "registry.work.example", ""},
		{"pinned to none", two, map[string]string{"DOCKER_CONFIG": "/lab/.docker", "DOCKER_PAT_PROFILE": "default"}, "", settings.DefaultRegistry, ""},
		{"unknown", two, map[string]string{"DOCKER_PAT_PROFILE": "home"}, "", "", `"home" is not one of default, lab, work in `},
		{"a variable beats it", two, map[string]string{"DOCKER_PAT_REGISTRY": "other.example"}, "work", "other.example", ""},
		{"a path", `{"profile":"../x","profiles":{"../x":{}}}`, nil, "", "", "cannot be the name of a profile"},
		{"not there", `{"profile":"gone"}`, nil, "", "", `"gone" is not one of default`},
	}
	for _, tt := range tests {
		home := t.TempDir()
		if tt.file != "" {
			path := filepath.Join(home, ".config", "docker-pat", "config.json")
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(tt.file), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := settings.FromEnvironment(func(name string) string {
			if name == "HOME" {
				return home
			}
			return tt.env[name]
		})
		if tt.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.wantErr)
			}
			continue
		}
		state := filepath.Join(home, ".local", "state", "docker-pat")
		if tt.profile != "" {
			state = filepath.Join(state, "profiles", tt.profile)
		}
		if err != nil || got.Profile != tt.profile || got.Registry != tt.registry || got.StateDir != state {
			t.Errorf("%s: profile %q, registry %q, state %q, %v; want %q, %q, %q", tt.name, got.Profile, got.Registry, got.StateDir, err, tt.profile, tt.registry, state)
		}
		if tt.profile == "lab" && (got.HubURL != "http://127.0.0.1:1" || filepath.Clean(got.DockerConfigDir) != "/lab/.docker") {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if tt.file == two {
			if prefs, err := got.Preferences(); err != nil || prefs.Scope != "repo:read" {
				t.Errorf("%s: preferences %+v, %v", tt.name, prefs, err)
			}
		}
	}
}

func TestCheckProfileName(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"work", "0", "a.b-c_d", strings.Repeat("x", 32)} {
		if err := settings.CheckProfileName(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "default", "Work", ".", "..", "-x", "a/b", "a b", "é", strings.Repeat("x", 33)} {
		if settings.CheckProfileName(bad) == nil {
			t.Errorf("%q may be the name of a profile", bad)
		}
	}
}

func TestOtherStateDirs(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	work, lab := filepath.Join(root, "profiles", "work"), filepath.Join(root, "profiles", "lab")
	if err := errors.Join(os.MkdirAll(work, 0o700), os.MkdirAll(lab, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		s    settings.Settings
		want []string
	}{
		{settings.Settings{StateDir: root}, []string{lab, work}},
		{settings.Settings{StateDir: work, Profile: "work"}, []string{lab, root}},
		{settings.Settings{StateDir: filepath.Join(root, "profiles", "new"), Profile: "new"}, []string{lab, work, root}},
	} {
		if got := tt.s.OtherStateDirs(); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.s, got, tt.want)
		}
	}
}
