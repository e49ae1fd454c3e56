package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
	"github.com/docker-pat/docker-pat/internal/secret"
)

const (
	password   = "whale-" + "of-a-password"
	totpSecret = "JBSWY3DPEHPK3PXP" // the example of RFC 6238 libraries, no real one
	userAgent  = "docker-pat-test/1"
	tokensPath = "/hub/v2/access-tokens"
	orgPath    = "/hub/v2/orgs/acme/access-tokens"
)

// madeUp has the shape of a token's secret and never was one.
var madeUp = "dckr_" + "pat_" + strings.Repeat("Ab3-", 6) + "xyz"

// A clock is a time that a test moves on.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// A hub is a sandbox with moby (password only), who owns acme and large, and ann (second factor).
type hub struct {
	*sandboxtest.Server
	clock *clock
}

func startHub(t *testing.T, change func(*sandbox.Options)) hub {
	t.Helper()
	c := &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)}
	opts := sandbox.Options{
		Users: []sandbox.User{
			{Name: "moby", Password: password},
			{Name: "ann", Password: password, TOTPSecret: totpSecret},
		},
		Organizations: []sandbox.Organization{
			{Name: "acme", Owners: []string{"moby"}}, {Name: "large", Owners: []string{"moby"}, Plan: sandbox.PlanBusiness},
		},
		Now: c.now,
	}
	if change != nil {
		change(&opts)
	}
	return hub{sandboxtest.Start(t, opts), c}
}

// client has no bearer.
func (h hub) client(t *testing.T) *client.Client {
	t.Helper()
	return newClient(t, h.URL+sandbox.HubPath, nil)
}

// signedIn is moby's client.
func (h hub) signedIn(t *testing.T) *client.Client {
	t.Helper()
	return h.client(t).WithBearer(h.session(t).Bearer)
}

func (h hub) session(t *testing.T) client.Session {
	t.Helper()
	session, err := h.client(t).SignIn(t.Context(), "moby", secret.New(password))
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// count tells how many requests of a method and path there were.
func (h hub) count(method, path string) int {
	n := 0
	for _, r := range h.Sandbox.Requests() {
		if r.Method == method && r.Path == path {
			n++
		}
	}
	return n
}

func newClient(t *testing.T, baseURL string, onWait func(time.Duration)) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{BaseURL: baseURL, UserAgent: userAgent, OnWait: onWait})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mustCreate makes a token that is readable for ever.
func mustCreate(t *testing.T, c *client.Client, label string) (client.Token, client.Secret) {
	t.Helper()
	token, text, err := c.CreateToken(t.Context(), client.NewToken{Label: label, Scopes: []string{"repo:read"}})
	if err != nil {
		t.Fatal(err)
	}
	return token, text
}

// A recorder is a server that notes what it was asked and answers by a function.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // "METHOD URL | Authorization | body"
}

func record(t *testing.T, answer http.HandlerFunc) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body) // a request that was cut shows as what came of it
		r.mu.Lock()
		r.seen = append(r.seen, fmt.Sprintf("%s %s | %s | %s", req.Method, req.URL, req.Header.Get("Authorization"), body))
		r.mu.Unlock()
		answer(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.seen...)
}

// reply answers everything alike.
func reply(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

var pullApp = []client.Resource{{Type: client.RepositoryResource, Path: "acme/app", Scopes: []string{"scope-image-pull"}}}

// An operation is one call of the client, and what it sends that must come back in no error.
type operation struct {
	name    string
	secrets []string
	call    func(context.Context, *client.Client) error
}

// operations are all of them, with secrets of the caller's.
func operations() []operation {
	code, login := "918"+"273", "a-login-"+"token"
	return []operation{
		{"SignIn", []string{password}, func(ctx context.Context, c *client.Client) error {
			_, err := c.SignIn(ctx, "moby", secret.New(password))
			return err
		}},
		{"SignInSecondFactor", []string{login, code}, func(ctx context.Context, c *client.Client) error {
			_, err := c.SignInSecondFactor(ctx, "moby", secret.New(login), secret.New(code))
			return err
		}},
		{"Exchange", []string{password}, func(ctx context.Context, c *client.Client) error {
			_, err := c.Exchange(ctx, "moby", secret.New(password))
			return err
		}},
		{"CreateToken", nil, func(ctx context.Context, c *client.Client) error {
			_, _, err := c.CreateToken(ctx, client.NewToken{Label: "ci", Scopes: []string{"repo:read"}})
			return err
		}},
		{"ListTokens", nil, func(ctx context.Context, c *client.Client) error {
			_, err := c.ListTokens(ctx)
			return err
		}},
		{"GetToken", nil, func(ctx context.Context, c *client.Client) error {
			_, err := c.GetToken(ctx, "1234")
			return err
		}},
		{"UpdateToken", nil, func(ctx context.Context, c *client.Client) error {
			_, err := c.UpdateToken(ctx, "1234", client.TokenChange{Active: new(false)})
			return err
		}},
		{"DeleteToken", nil, func(ctx context.Context, c *client.Client) error {
			return c.DeleteToken(ctx, "1234")
		}},
		{"Organization.CreateToken", nil, func(ctx context.Context, c *client.Client) error {
			_, _, err := c.Organization("acme").CreateToken(ctx, client.NewToken{Label: "ci", Resources: pullApp})
			return err
		}},
		{"Organization.ListTokens", nil, func(ctx context.Context, c *client.Client) error {
			_, err := c.Organization("acme").ListTokens(ctx)
			return err
		}},
		{"Organization.GetToken", nil, func(ctx context.Context, c *client.Client) error {
			_, err := c.Organization("acme").GetToken(ctx, "1234")
			return err
		}},
		{"Organization.UpdateToken", nil, func(ctx context.Context, c *client.Client) error {
			_, err := c.Organization("acme").UpdateToken(ctx, "1234", client.TokenChange{Active: new(false)})
			return err
		}},
		{"Organization.DeleteToken", nil, func(ctx context.Context, c *client.Client) error {
			return c.Organization("acme").DeleteToken(ctx, "1234")
		}},
	}
}
