package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/pquerna/otp/totp"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
)

const (
	password   = "whale"
	totpSecret = "JBSWY3DPEHPK3PXP" // the example of RFC 6238 libraries, no real one
	tokenStart = "dckr_" + "pat_"
	tokensPath = "/hub/v2/access-tokens"
)

// A clock is a time that a test moves on.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)} }

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

// A hub is a sandbox with moby (password only) and ann (second factor), and what tests do to it.
type hub struct {
	*sandboxtest.Server
	t     *testing.T
	clock *clock
}

func startHub(t *testing.T, change func(*sandbox.Options)) hub {
	t.Helper()
	c := newClock()
	opts := sandbox.Options{
		Users: []sandbox.User{
			{Name: "moby", Password: password},
			{Name: "ann", Password: password, TOTPSecret: totpSecret},
			{Name: "bob", Password: password},
		},
		Organizations: []sandbox.Organization{
			{Name: "acme", Owners: []string{"moby", "ann"}, Members: []string{"bob"}},
			{Name: "large", Owners: []string{"moby"}, Plan: sandbox.PlanBusiness},
			{Name: "small", Owners: []string{"moby"}, Plan: sandbox.PlanPersonal},
		},
		PublicRepositories: []string{"moby/hello", "acme/site"},
		Now:                c.now,
	}
	if change != nil {
		change(&opts)
	}
	return hub{sandboxtest.Start(t, opts), t, c}
}

// A reply is a response with its body read, and decoded when it is JSON.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (r reply) string(name string) string {
	text, _ := r.body[name].(string)
	return text
}

// send makes a request. body may be a string, sent as it is, or a value, sent as JSON.
func (h hub) send(method, path, bearer string, body any) reply {
	h.t.Helper()
	var content io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(body)
	default:
		data, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		content = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(h.t.Context(), method, h.URL+path, content)
	if err != nil {
		h.t.Fatal(err)
	}
	if content != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	request.Header.Set("User-Agent", "sandbox-test/1")
	return h.do(request)
}

func (h hub) do(request *http.Request) reply {
	h.t.Helper()
	return do(h.t, http.DefaultClient, request)
}

func do(t *testing.T, client *http.Client, request *http.Request) reply {
	t.Helper()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	result := reply{status: response.StatusCode, header: response.Header, text: strings.TrimSpace(string(data))}
	_ = json.Unmarshal(data, &result.body) // not every body is JSON
	return result
}

// want fails the test when the status is another one.
func (h hub) want(status int, r reply) reply {
	h.t.Helper()
	if r.status != status {
		h.t.Fatalf("got status %d, want %d; body %s", r.status, status, r.text)
	}
	return r
}

func login(name, secret string) map[string]string {
	return map[string]string{"username": name, "password": secret}
}

func identify(name, secret string) map[string]string {
	return map[string]string{"identifier": name, "secret": secret}
}

// signIn returns a bearer that may manage tokens.
func (h hub) signIn(name string) string {
	h.t.Helper()
	return h.want(200, h.send("POST", "/hub/v2/users/login", "", login(name, password))).string("token")
}

// create makes a token and returns its id and secret.
func (h hub) create(session, label, scope string) (id, secret string) {
	h.t.Helper()
	body := map[string]any{"token_label": label, "scopes": []string{scope}}
	made := h.want(201, h.send("POST", tokensPath, session, body))
	return made.string("uuid"), made.string("token")
}

// code is the one-time code of ann at the sandbox's time.
func (h hub) code() string {
	h.t.Helper()
	code, err := totp.GenerateCode(totpSecret, h.clock.now())
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

// claims decodes a JWT without checking its signature, as a client does.
func (h hub) claims(text string) jwt.MapClaims {
	h.t.Helper()
	var claims jwt.MapClaims
	if _, _, err := jwt.NewParser().ParseUnverified(text, &claims); err != nil {
		h.t.Fatal(err)
	}
	return claims
}

// A quietTB counts its failures and does not fail.
type quietTB struct {
	testing.TB
	errors atomic.Int32
}

func (q *quietTB) Errorf(string, ...any) { q.errors.Add(1) }
