package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
)

func newRegistry(t *testing.T, baseURL string) *client.Registry {
	t.Helper()
	r, err := client.NewRegistry(baseURL, userAgent)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRegistryAndTheStatesOfAToken(t *testing.T) {
	t.Parallel()
	h := startHub(t, nil)
	c := h.signedIn(t)
	made := map[string]client.Secret{
		"password": secret.New(password), "wrong": secret.New(madeUp), "none": {},
	}
	id := map[string]string{}
	for _, state := range []string{"active", "inactive", "expired", "deleted", "deactivated and back"} {
		token, text, err := c.CreateToken(t.Context(), client.NewToken{
			Label: state, Scopes: []string{"repo:public_read"}, ExpiresAt: h.clock.now().Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		made[state], id[state] = text, token.ID
		if state == "expired" {
			h.clock.advance(time.Hour + time.Second)
		}
	}
	made["active"], id["active"] = made["deactivated and back"], id["deactivated and back"] // the first has expired by now
	_, off := c.UpdateToken(t.Context(), id["deactivated and back"], client.TokenChange{Active: new(false)})
	_, on := c.UpdateToken(t.Context(), id["deactivated and back"], client.TokenChange{Active: new(true)})
	inactive, text := mustCreate(t, c, "inactive")
	made["inactive"] = text
	_, err := c.UpdateToken(t.Context(), inactive.ID, client.TokenChange{Active: new(false)})
	if err := errors.Join(off, on, err, c.DeleteToken(t.Context(), id["deleted"])); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ user, state, want string }{
		{"moby", "password", ""},
		{"moby", "active", ""},
		{"ann", "active", "incorrect username or password"},
		{"", "active", "incorrect username or password"},
		{"moby", "none", "incorrect username or password"},
		{"", "none", "incorrect username or password"},
		{"moby", "inactive", "incorrect username or password"},
		{"moby", "expired", "personal access token is expired"},
		{"moby", "deleted", "incorrect username or password"},
		{"moby", "wrong", "incorrect username or password"},
		{"ann", "password", "your account must log in with a Personal Access Token"},
	}
	for _, tt := range tests {
		err := newRegistry(t, h.URL).SignIn(t.Context(), tt.user, made[tt.state])
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, client.ErrUnauthorized) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s with %s: got %v, want %q", tt.user, tt.state, err, tt.want)
		}
	}
}

// TestRegistryChallenges has registries that ask in other ways, or for too much.
func TestRegistryChallenges(t *testing.T) {
	t.Parallel()
	const ok = `{"token":"x"}`
	tests := []struct {
		name, challenge string // %s is the server
		first, second   int    // statuses
		body            string
		want            error
		asked           []string
	}{
		{
			"bearer", `Bearer realm="%s/auth?x=1",service="reg"`, 401, 200, ok, nil,
			[]string{"GET /v2/", "GET /auth?account=moby&client_id=docker-pat&service=reg&x=1"},
		},
		{
			"access_token", `BEARER realm="%s/auth"`, 401, 200, `{"access_token":"x"}`, nil,
			[]string{"GET /v2/", "GET /auth?account=moby&client_id=docker-pat&service="},
		},
		{"basic", `Basic realm="anything"`, 401, 200, "", nil, []string{"GET /v2/", "GET /v2/"}},
		{"none", ``, 401, 200, "", nil, []string{"GET /v2/", "GET /v2/"}},
		{"refused", `Bearer realm="%s/auth"`, 401, 401, `{"details":"no"}`, client.ErrUnauthorized, nil},
		{"not allowed", `Basic realm="x"`, 401, 403, "", client.ErrForbidden, nil},
		{"limited", `Basic realm="x"`, 401, 429, "", client.ErrRateLimited, nil},
		{"open to all", ``, 200, 200, "", client.ErrNotTheAPI, []string{"GET /v2/"}},
		{"no registry", ``, 404, 200, "", client.ErrNotTheAPI, []string{"GET /v2/"}},
		{"page for a bearer", `Bearer realm="%s/auth"`, 401, 200, "<html>", client.ErrNotTheAPI, nil},
		{"no bearer", `Bearer realm="%s/auth"`, 401, 200, "{}", client.ErrNotTheAPI, nil},
		{"plain http elsewhere", `Bearer realm="http://auth.example/token",service="reg"`, 401, 200, ok, client.ErrAddress, []string{"GET /v2/"}},
		{"no realm", `Bearer service="reg"`, 401, 200, ok, client.ErrAddress, []string{"GET /v2/"}},
		{"realm is a path", `Bearer realm="/auth"`, 401, 200, ok, client.ErrAddress, []string{"GET /v2/"}},
		{"realm is no URL", `Bearer realm="https://%%zz"`, 401, 200, ok, client.ErrAddress, []string{"GET /v2/"}},
		{"realm of escapes", "Bearer realm=\"http://\u009b31m.example/" + strings.Repeat("x", 3000) + `"`, 401, 200, ok, client.ErrAddress, []string{"GET /v2/"}},
		{"path of escapes", `Bearer realm="%s/%%1b[31m` + strings.Repeat("y", 3000) + `"`, 401, 401, "", client.ErrUnauthorized, nil},
	}
	for _, tt := range tests {
		var server *recorder
		server = record(t, func(w http.ResponseWriter, r *http.Request) {
			if _, _, signed := r.BasicAuth(); signed {
				reply(tt.second, "", tt.body)(w, r)
				return
			}
			challenge := strings.ReplaceAll(strings.ReplaceAll(tt.challenge, "%s", server.URL), "%%", "%")
			w.Header().Set("Www-Authenticate", challenge)
			w.WriteHeader(tt.first)
		})
		err := newRegistry(t, server.URL).SignIn(t.Context(), "moby", secret.New(madeUp))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
		checkText(t, tt.name, err, madeUp)
		var asked []string
		for _, request := range server.requests() {
			line, _, _ := strings.Cut(request, " | ")
			asked = append(asked, line)
		}
		if tt.asked != nil && !slices.Equal(asked, tt.asked) {
			t.Errorf("%s: asked %q, want %q", tt.name, asked, tt.asked)
		}
	}
}

func TestRegistryRedirectsElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := record(t, reply(200, "", `{"token":"x"}`))
	var server *recorder
	server = record(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth" {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("Www-Authenticate", fmt.Sprintf(`Bearer realm="%s/auth"`, server.URL))
		w.WriteHeader(http.StatusUnauthorized)
	})
	err := newRegistry(t, server.URL).SignIn(t.Context(), "moby", secret.New(madeUp))
	if !errors.Is(err, client.ErrRedirect) || len(elsewhere.requests()) != 0 {
		t.Errorf("got %v; arrived elsewhere: %q", err, elsewhere.requests())
	}
}

func TestRegistryFaults(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v2/", "/token"} {
		for name, fault := range map[string]sandbox.Fault{
			"500": {Status: 500, Body: "\x1b[31mno"}, "cut": {Cut: sandbox.CutBefore}, "slow": {Delay: time.Hour},
		} {
			h := startHub(t, nil)
			fault.Path = path
			h.Sandbox.Inject(fault)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if name != "slow" {
				cancel()
				ctx, cancel = context.WithCancel(t.Context())
			}
			err := newRegistry(t, h.URL).SignIn(ctx, "moby", secret.New(password))
			cancel()
			if err == nil || errors.Is(err, client.ErrUnauthorized) || name != "500" && !errors.Is(err, client.ErrUnreachable) {
				t.Errorf("%s of %s: got %v", name, path, err)
			}
			checkText(t, name, err, password)
		}
	}
}
