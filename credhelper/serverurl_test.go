package credhelper

import (
	"reflect"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	hub := []string{HubKey}
	tests := []struct {
		serverURL string
		want      []string
	}{
		// Docker Hub, as docker, podman, crane, oras, nerdctl and regclient spell it.
		{"https://index.docker.io/v1/", hub},
		{"https://index.docker.io/v1", hub},
		{"index.docker.io", hub},
		{"index.docker.io/v1/", hub},
		{"http://index.docker.io", hub},
		{"docker.io", hub},
		{" Docker.IO\n", hub},
		{"https://docker.io/", hub},
		{"registry-1.docker.io", hub},
		{"registry-1.docker.io:443", hub},
		{"https://registry-1.docker.io/v2/", hub},
		{"index.docker.io/library/alpine", []string{"index.docker.io/library/alpine", HubKey}},
		{"docker.io/moby/private", []string{"index.docker.io/moby/private", HubKey}},
		// Entries of their own.
		{"https://index.docker.io/v1/access-token", []string{"https://index.docker.io/v1/access-token"}},
		{"https://index.docker.io/v1//access-token", []string{"https://index.docker.io/v1/access-token"}},
		{"https://index.docker.io/v1/refresh-token", []string{"https://index.docker.io/v1/refresh-token"}},
		{"https://index.docker.io/v1/something", []string{"https://index.docker.io/v1/something"}},
		{"hub-tool", []string{"hub-tool"}},
		// Other registries.
		{"ghcr.io", []string{"ghcr.io"}},
		{"https://GHCR.io/", []string{"ghcr.io"}},
		{"https://ghcr.io:443", []string{"ghcr.io"}},
		{"ghcr.io:4430", []string{"ghcr.io:4430"}},
		{"localhost:5000", []string{"localhost:5000"}},
		{"localhost:5001", []string{"localhost:5001"}},
		{"[::1]:5000", []string{"[::1]:5000"}},
		{"registry.example/Team/App/", []string{"registry.example/Team/App"}},
		{"https://registry.example/v2/?ns=docker.io#x", []string{"registry.example"}},
		{"https://registry.example/v1/users", []string{"registry.example/v1/users"}},
		// Hosts that only look like Docker Hub.
		{"docker.io.example", []string{"docker.io.example"}},
		{"notdocker.io", []string{"notdocker.io"}},
		{"index.docker.io:5000", []string{"index.docker.io:5000"}},
		{"docker.io@evil.example", []string{"docker.io@evil.example"}},
	}
	for _, tt := range tests {
		got, err := Keys(tt.serverURL)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Keys(%q) = %q, %v; want %q", tt.serverURL, got, err, tt.want)
		}
	}
	for _, bad := range []string{"a b", "a\x00b", "a\nb", "a\u2028b\tc"} {
		if keys, err := Keys(bad); err == nil {
			t.Errorf("Keys(%q) = %q, want an error", bad, keys)
		}
	}
}

func TestSessionKeys(t *testing.T) {
	t.Parallel()
	for registry, want := range map[string][2]string{
		"https://index.docker.io/v1/": {"https://index.docker.io/v1/access-token", "https://index.docker.io/v1/refresh-token"},
		"docker.io":                   {"https://index.docker.io/v1/access-token", "https://index.docker.io/v1/refresh-token"},
		"localhost:5555":              {"localhost:5555/v1/access-token", "localhost:5555/v1/refresh-token"},
	} {
		access, refresh, err := SessionKeys(registry)
		if got := [2]string{access, refresh}; err != nil || got != want {
			t.Errorf("SessionKeys(%q) = %q, %v; want %q", registry, got, err, want)
		}
		if key, err := Key(access); err != nil || key != access {
			t.Errorf("Key(%q) = %q, %v: a session key must name itself", access, key, err)
		}
	}
}

// Whatever a client sends, the key names itself: what was stored under it is found again.
func FuzzKeys(f *testing.F) {
	for _, seed := range []string{"https://index.docker.io/v1/", "docker.io/a/b", "LOCALHOST:5000/x//", "https://registry-1.docker.io:443/v2/", "index.docker.io/v1//refresh-token", "[::1]:5000/v2", "registry.example/Team/App/", "hub-tool-token", "://", "//", "http://h:443/", "é.example", "a?b#c", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, serverURL string) {
		keys, err := Keys(serverURL)
		if err != nil {
			return
		}
		if len(keys) == 0 || len(keys) > 2 {
			t.Fatalf("Keys(%q) = %q", serverURL, keys)
		}
		again, err := Key(keys[0])
		if err != nil || again != keys[0] {
			t.Errorf("Key(%q) = %q, then %q, %v", serverURL, keys[0], again, err)
		}
		isHub := keys[len(keys)-1] == HubKey
		if isHub && !strings.Contains(strings.ToLower(serverURL), "docker.io") {
			t.Errorf("Keys(%q) = %q: not Docker Hub's name", serverURL, keys)
		}
	})
}
