package credhelper

import (
	"errors"
	"strings"
	"unicode"
)

// HubKey is the server URL under which Docker keeps its credential for Docker Hub.
const HubKey = "https://index.docker.io/v1/"

// Names under which Docker keeps the OAuth session of its web sign-in, after HubKey.
const (
	AccessTokenSuffix  = "access-token"
	RefreshTokenSuffix = "refresh-token"
)

var errNotAName = errors.New("the server URL has blanks or control characters in it")

// Keys returns the names to look a server URL up under, the best first. The first is the one that
// it is stored under.
//
// Clients spell one server in many ways, so scheme, letter case of the host, a trailing slash, the
// port 443 and the path /v1/ or /v2/ make no difference. Docker Hub has three host names: all are HubKey. A repository behind such a host (crane asks for
// index.docker.io/NAME) may have a credential of its own and otherwise has that of Docker Hub. What
// stands behind /v1/ is no repository but an entry of its own, such as the session of `docker login`,
// and never answered with another one's secret.
func Keys(serverURL string) ([]string, error) {
	name := strings.TrimSpace(serverURL)
	if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return nil, errNotAName
	}
	rest, _, _ := strings.Cut(withoutScheme(name), "?")
	rest, _, _ = strings.Cut(rest, "#")
	host, path, _ := strings.Cut(rest, "/")
	if host == "" || strings.Contains(rest, "://") {
		return []string{name}, nil // not a server URL as we know them: kept as it is
	}
	host = strings.ToLower(host)
	for strings.HasSuffix(host, ":443") && host != ":443" {
		host = strings.TrimSuffix(host, ":443")
	}
	path = strings.Trim(path, "/")
	if path == "v1" || path == "v2" {
		path = "" // of the registry's API, not of a repository
	}
	if !isHubHost(host) {
		return []string{strings.TrimSuffix(host+"/"+path, "/")}, nil
	}
	switch version, entry, _ := strings.Cut(path, "/"); {
	case path == "":
		return []string{HubKey}, nil
	case version == "v1" || version == "v2":
		return []string{"https://index.docker.io/" + version + "/" + strings.TrimLeft(entry, "/")}, nil
	}
	return []string{"index.docker.io/" + path, HubKey}, nil
}

// Key returns the name that a server URL is stored under.
func Key(serverURL string) (string, error) {
	keys, err := Keys(serverURL)
	if err != nil {
		return "", err
	}
	return keys[0], nil
}

// SessionKeys returns the names of the session that belongs to a registry: for Docker Hub those
// that Docker itself uses.
func SessionKeys(registry string) (accessToken, refreshToken string, err error) {
	key, err := Key(registry)
	if err != nil {
		return "", "", err
	}
	if key != HubKey {
		key += "/v1/"
	}
	return key + AccessTokenSuffix, key + RefreshTokenSuffix, nil
}

func withoutScheme(name string) string {
	for _, scheme := range []string{"https://", "http://"} {
		if len(name) >= len(scheme) && strings.EqualFold(name[:len(scheme)], scheme) {
			return name[len(scheme):]
		}
	}
	return name
}

func isHubHost(host string) bool {
	return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io"
}
