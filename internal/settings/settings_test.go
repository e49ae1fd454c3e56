//go:build !windows

package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/settings"
)

func TestFromEnvironment(t *testing.T) {
	t.Parallel()
	defaults := settings.Settings{
		HubURL:          "https://hub.docker.com",
		AuthURL:         "https://login.docker.com",
		Registry:        "https://index.docker.io/v1/",
		ConfigDir:       "/h/.config/docker-pat",
		StateDir:        "/h/.local/state/docker-pat",
		DockerConfigDir: "/h/.docker",
		KeychainTimeout: 3 * time.Second,
	}
	with := func(change func(*settings.Settings)) settings.Settings {
		s := defaults
		change(&s)
		return s
	}
	tests := []struct {
		name    string
		env     map[string]string
		want    settings.Settings
		wantErr string
	}{
		{"defaults", map[string]string{"HOME": "/h"}, defaults, ""},
		{"xdg", map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}, with(func(s *settings.Settings) {
			s.ConfigDir, s.StateDir = "/c/docker-pat", "/s/docker-pat"
		}), ""},
		{"relative xdg is ignored", map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "c"}, defaults, ""},
		{"all given, no home", map[string]string{
			"DOCKER_PAT_HUB_URL": "http://127.0.0.1:1/hub", "DOCKER_PAT_AUTH_URL": " http://127.0.0.1:1/login ", "DOCKER_PAT_REGISTRY": " localhost:1 ", "DOCKER_PAT_CONFIG_DIR": "/a",
			"DOCKER_PAT_STATE_DIR": "/b", "DOCKER_CONFIG": "/d", "DOCKER_PAT_KEYCHAIN_TIMEOUT": "250ms", "DOCKER_PAT_STORE": "keychain",
		}, settings.Settings{
			HubURL: "http://127.0.0.1:1/hub", AuthURL: "http://127.0.0.1:1/login", Registry: "localhost:1",
			ConfigDir: "/a", StateDir: "/b", DockerConfigDir: "/d", KeychainTimeout: 250 * time.Millisecond,
		}, ""},
		{"another service, whose sign-in is not known", map[string]string{"HOME": "/h", "DOCKER_PAT_HUB_URL": "https://hub.example"}, with(func(s *settings.Settings) {
			s.HubURL, s.AuthURL = "https://hub.example", ""
		}), ""},
		{"another service with Docker's sign-in", map[string]string{
			"HOME": "/h", "DOCKER_PAT_HUB_URL": "https://hub.example", "DOCKER_PAT_AUTH_URL": "https://login.docker.com",
		}, with(func(s *settings.Settings) { s.HubURL = "https://hub.example" }), ""},
		{"no home", nil, settings.Settings{}, "HOME is not set"},
		{"store", map[string]string{"HOME": "/h", "DOCKER_PAT_STORE": "cloud"}, settings.Settings{}, `DOCKER_PAT_STORE is "cloud"`},
		{"timeout", map[string]string{"HOME": "/h", "DOCKER_PAT_KEYCHAIN_TIMEOUT": "5"}, settings.Settings{}, "give a duration"},
		{"negative timeout", map[string]string{"HOME": "/h", "DOCKER_PAT_KEYCHAIN_TIMEOUT": "-5s"}, settings.Settings{}, "give a duration"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := settings.FromEnvironment(func(name string) string { return tt.env[name] })
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Fatalf("error %v, want %q in it", err, tt.wantErr)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestDisplayGivesMoreTime(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{"DISPLAY", "WAYLAND_DISPLAY"} {
		env := map[string]string{"HOME": "/h", variable: ":0"}
		got, err := settings.FromEnvironment(func(name string) string { return env[name] })
		if err != nil || got.KeychainTimeout != time.Minute {
			t.Errorf("%s: timeout %v, %v; want a minute", variable, got.KeychainTimeout, err)
		}
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	const week = settings.Span(7 * 24 * time.Hour)
	defaults := settings.Preferences{Passwords: "exchange", Scope: "repo:write", Expires: "90d", RenewBefore: week, LogoutRevokes: "minted"}
	some := defaults
	some.Scope, some.RenewBefore = "repo:read", 0
	all := settings.Preferences{Passwords: "store", Scope: "repo:admin", Expires: "never", RenewBefore: 2 * week, LogoutRevokes: "never"}
	tests := []struct {
		name, file string
		want       settings.Preferences
		wantErr    string
	}{
		{"missing", "", defaults, ""},
		{"some", `{"scope":"repo:read","renew_before":"0"}`, some, ""},
		{"all", `{"passwords":"store","scope":"repo:admin","expires":"never","renew_before":"14d","logout_revokes":"never"}`, all, ""},
		{"no span of time", `{"renew_before":"soon"}`, settings.Preferences{}, "give hours, days, weeks or years"},
		{"no choice", `{"logout_revokes":"all"}`, settings.Preferences{}, "logout_revokes is \"all\""},
		{"unknown key", `{"pasword":"store"}`, settings.Preferences{}, `unknown field "pasword"`},
		{"unknown value", `{"passwords":"keep"}`, settings.Preferences{}, "the choices are exchange, refuse, store"},
		{"broken", `{"scope"`, settings.Preferences{}, "read the settings"},
		{"more", `{} {}`, settings.Preferences{}, "more after the end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tt.file != "" {
				if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(tt.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := settings.Settings{ConfigDir: dir}.Preferences()
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Fatalf("error %v, want %q in it", err, tt.wantErr)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}
