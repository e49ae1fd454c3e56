package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A Registry is asked whether it accepts a credential, the way `docker login` asks.
type Registry struct {
	base      *url.URL
	http      *http.Client
	userAgent string
}

// NewRegistry makes no request. baseURL is the registry's own address, such as
// https://registry-1.docker.io; plain HTTP is refused except to loopback.
func NewRegistry(baseURL, userAgent string) (*Registry, error) {
	base, err := checkURL(baseURL)
	if err != nil {
		return nil, err
	}
	return &Registry{base: base, http: newHTTPClient(), userAgent: userAgent}, nil
}

// SignIn succeeds when the registry accepts the credential. It fails with ErrUnauthorized when it is
// refused. Source: https://distribution.github.io/distribution/spec/auth/token/.
func (r *Registry) SignIn(ctx context.Context, username string, text Secret) error {
	root := r.base.String() + "/v2/"
	status, header, _, err := r.get(ctx, root, nil)
	if err != nil {
		return fmt.Errorf("sign in to %s: %w", r.base.Host, err)
	}
	if status != http.StatusUnauthorized {
		return fmt.Errorf("sign in to %s: GET /v2/ answered %d where 401 was expected: %w", r.base.Host, status, ErrNotTheAPI)
	}
	target := root
	scheme, parameters := challenge(header.Get("Www-Authenticate"))
	if scheme == "bearer" {
		if target, err = r.tokenURL(parameters, username); err != nil {
			return fmt.Errorf("sign in to %s: %w", r.base.Host, err)
		}
	}
	status, _, body, err := r.get(ctx, target, func(req *http.Request) { req.SetBasicAuth(username, text.Reveal()) }, text)
	if err != nil {
		return fmt.Errorf("sign in to %s: %w", r.base.Host, err)
	}
	if status != http.StatusOK {
		return fmt.Errorf("sign in to %s: %w", r.base.Host, &APIError{Method: http.MethodGet, Path: pathOf(target), Status: status, Detail: detail(body, text)})
	}
	if scheme == "bearer" && !hasToken(body) {
		return fmt.Errorf("sign in to %s: GET %s: %w: no bearer in it", r.base.Host, pathOf(target), ErrNotTheAPI)
	}
	return nil
}

// hasToken tells whether a token service gave a bearer. Either name is in use.
func hasToken(body []byte) bool {
	var reply struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	return json.Unmarshal(body, &reply) == nil && reply.Token+reply.AccessToken != ""
}

func (r *Registry) tokenURL(parameters map[string]string, username string) (string, error) {
	realm, err := checkURL(parameters["realm"])
	if err != nil {
		return "", fmt.Errorf("the registry names a token service that is not safe to ask: %w", err)
	}
	query := realm.Query()
	query.Set("service", parameters["service"])
	query.Set("account", username)
	query.Set("client_id", "docker-pat")
	realm.RawQuery = query.Encode()
	return realm.String(), nil
}

func (r *Registry) get(ctx context.Context, address string, sign func(*http.Request), secrets ...Secret) (int, http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, nil, errors.New("not an address")
	}
	req.Header.Set("User-Agent", r.userAgent)
	if sign != nil {
		sign(req)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return 0, nil, nil, unreachable(req.URL.Host, err, secrets...)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := readAll(resp.Body)
	if err != nil {
		return 0, nil, nil, unreachable(req.URL.Host, err, secrets...)
	}
	return resp.StatusCode, resp.Header, body, nil
}

// challenge reads a WWW-Authenticate header: `Bearer realm="…",service="…"`. The scheme comes back in
// lower case. RFC 9110, section 11.6.1; registries quote all values and escape nothing.
func challenge(header string) (scheme string, parameters map[string]string) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	parameters = map[string]string{}
	for rest != "" {
		var name, value string
		name, rest, _ = strings.Cut(rest, "=")
		if strings.HasPrefix(rest, `"`) {
			value, rest, _ = strings.Cut(rest[1:], `"`)
			_, rest, _ = strings.Cut(rest, ",")
		} else {
			value, rest, _ = strings.Cut(rest, ",")
		}
		parameters[strings.ToLower(strings.TrimSpace(name))] = value
	}
	return strings.ToLower(scheme), parameters
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "/"
	}
	return clean(u.EscapedPath())
}
