package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/secret"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"https://hub.docker.com", "https://hub.docker.com/base/", "HTTPS://hub.docker.com:8443",
		"http://127.0.0.1:5000", "http://127.8.9.1", "http://[::1]:5000", "http://localhost", "http://LOCALHOST:1/x",
	} {
		if _, err := client.New(client.Options{BaseURL: good}); err != nil {
			t.Errorf("New(%q): %v", good, err)
		}
		if _, err := client.NewRegistry(good, userAgent); err != nil {
			t.Errorf("NewRegistry(%q): %v", good, err)
		}
		if _, err := client.NewTenant(good, userAgent); err != nil {
			t.Errorf("NewTenant(%q): %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "hub.docker.com", "https://", "ftp://hub.docker.com", "file:///etc/passwd", "https:hub.docker.com", "http://%41",
		"http://hub.docker.com", "http://127.0.0.1.example.com", "http://localhost.example.com", "http://0.0.0.0", "http://169.254.1.1",
		"http://[fe80::1]", "http://127.0.0.1@example.com", "http://\u009b31m.example", "http://" + strings.Repeat("x", 5000),
	} {
		_, err := client.New(client.Options{BaseURL: bad})
		_, errRegistry := client.NewRegistry(bad, userAgent)
		_, errTenant := client.NewTenant(bad, userAgent)
		for _, err := range []error{err, errRegistry, errTenant} {
			if !errors.Is(err, client.ErrAddress) {
				t.Errorf("%.40q: got %v, want ErrAddress", bad, err)
			}
			checkText(t, "address", err)
		}
	}
}

// TestRedirectElsewhere has nothing arrive there, with any of the ways to redirect.
func TestRedirectElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := record(t, reply(200, "application/json", `{"uuid":"1","token":"x","access_token":"x","count":0,"results":[]}`))
	targets := map[string]string{
		"another port":   elsewhere.URL,
		"another name":   strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1),
		"no scheme":      strings.TrimPrefix(elsewhere.URL, "http:"),
		"control bytes":  "http://%C2%9B31m%E2%80%AE.example",
		"very long host": "http://" + strings.Repeat("x", 5000),
	}
	for name, target := range targets {
		for _, status := range []int{301, 302, 303, 307, 308} {
			server := record(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", target+r.URL.Path)
				w.WriteHeader(status)
			})
			for _, op := range operations() {
				err := op.call(t.Context(), newClient(t, server.URL, nil).WithBearer(secret.New(madeUp)))
				if !errors.Is(err, client.ErrRedirect) {
					t.Errorf("%s, %d, %s: got %v", name, status, op.name, err)
				}
				checkText(t, name, err, append(op.secrets, madeUp)...)
			}
		}
	}
	if got := elsewhere.requests(); len(got) != 0 {
		t.Errorf("arrived elsewhere: %q", got)
	}
}

// TestRedirectWithin keeps the bearer and the body.
func TestRedirectWithin(t *testing.T) {
	t.Parallel()
	server := record(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/new/") {
			w.Header().Set("Location", "/new"+r.URL.Path)
			w.WriteHeader(http.StatusPermanentRedirect)
			return
		}
		reply(200, "application/json", `{"uuid":"1234"}`)(w, r)
	})
	c := newClient(t, server.URL, nil).WithBearer(secret.New("bearer-" + "text"))
	got, err := c.UpdateToken(t.Context(), "1234", client.TokenChange{Active: new(true)})
	want := []string{
		`PATCH /v2/access-tokens/1234 | Bearer bearer-text | {"is_active":true}`,
		`PATCH /new/v2/access-tokens/1234 | Bearer bearer-text | {"is_active":true}`,
	}
	if err != nil || got.ID != "1234" || !slices.Equal(server.requests(), want) {
		t.Errorf("got %v, %v by %q; want %q", got, err, server.requests(), want)
	}
}

func TestRedirectWithoutEnd(t *testing.T) {
	t.Parallel()
	server := record(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	_, err := newClient(t, server.URL, nil).ListTokens(t.Context())
	if n := len(server.requests()); !errors.Is(err, client.ErrRedirect) || n != 5 {
		t.Errorf("got %v after %d requests, want ErrRedirect after 5", err, n)
	}
}

// TestNextPageElsewhere asks nobody else, and ends.
func TestNextPageElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := record(t, reply(200, "application/json", `{"count":0,"results":[]}`))
	for _, next := range []string{elsewhere.URL + "/v2/access-tokens?page=2", "//evil.example/?page=2", "http://[::1", "%zz"} {
		server := record(t, reply(200, "application/json", quoted(map[string]any{"count": 2, "next": next, "results": []any{map[string]any{"uuid": "a"}}})))
		got, err := newClient(t, server.URL, nil).WithBearer(secret.New(madeUp)).ListTokens(t.Context())
		if n := len(server.requests()); !errors.Is(err, client.ErrRedirect) || got != nil || n != 1 {
			t.Errorf("%q: got %v, %v after %d requests", next, got, err, n)
		}
		checkText(t, next, err, madeUp)
	}
	if got := elsewhere.requests(); len(got) != 0 {
		t.Errorf("arrived elsewhere: %q", got)
	}
}

func TestNextPageWithoutEnd(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]string{"itself": "?page=1", "without a page": "?", "another": "?page=7"} {
		server := record(t, reply(200, "application/json", fmt.Sprintf(`{"count":9,"next":%q,"results":[{"uuid":"a"},{"uuid":"b"}]}`, next)))
		got, err := newClient(t, server.URL, nil).ListTokens(t.Context())
		if n := len(server.requests()); err != nil || !slices.Equal(ids(got), []string{"a", "b"}) || n != 2 {
			t.Errorf("%s: got %v, %v after %d requests", name, ids(got), err, n)
		}
	}
}
