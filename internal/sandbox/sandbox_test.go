package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		want string
		opts sandbox.Options
	}{
		{"namespace", sandbox.Options{Users: []sandbox.User{{Name: "Moby", Password: "x"}}}},
		{"namespace", sandbox.Options{Users: []sandbox.User{{Name: "", Password: "x"}}}},
		{"namespace", sandbox.Options{Users: []sandbox.User{{Name: "a/b", Password: "x"}}}},
		{"reserved", sandbox.Options{Users: []sandbox.User{{Name: "library", Password: "x"}}}},
		{"no password", sandbox.Options{Users: []sandbox.User{{Name: "moby"}}}},
		{"twice", sandbox.Options{Users: []sandbox.User{{Name: "moby", Password: "x"}, {Name: "moby", Password: "y"}}}},
		{"base32", sandbox.Options{Users: []sandbox.User{{Name: "moby", Password: "x", TOTPSecret: "0189"}}}},
		{"namespace", sandbox.Options{Organizations: []sandbox.Organization{{Name: "a/b", Owners: []string{"moby"}}}}},
		{"no owner", sandbox.Options{Organizations: []sandbox.Organization{{Name: "acme"}}}},
		{"no user", sandbox.Options{Organizations: []sandbox.Organization{{Name: "acme", Owners: []string{"moby"}}}}},
		{"unknown plan", sandbox.Options{Organizations: []sandbox.Organization{{Name: "acme", Plan: "huge"}}}},
		{"twice", sandbox.Options{
			Users:         []sandbox.User{{Name: "moby", Password: "x"}},
			Organizations: []sandbox.Organization{{Name: "moby", Owners: []string{"moby"}}},
		}},
		{"repository", sandbox.Options{PublicRepositories: []string{"Moby/Hello"}}},
	}
	for _, test := range tests {
		if _, err := sandbox.New(test.opts); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got error %v, want one about %q", err, test.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]string{
		"127.0.0.1:5555": {"DOCKER_PAT_HUB_URL=http://127.0.0.1:5555/hub", "DOCKER_PAT_AUTH_URL=http://127.0.0.1:5555/login", "DOCKER_PAT_REGISTRY=localhost:5555"},
		"[::1]:80":       {"DOCKER_PAT_HUB_URL=http://[::1]:80/hub", "DOCKER_PAT_AUTH_URL=http://[::1]:80/login", "DOCKER_PAT_REGISTRY=localhost:80"},
	}
	for addr, want := range tests {
		if got := s.Environment(addr); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", addr, got, want)
		}
	}
}

func TestUnknownRoutesAndRequests(t *testing.T) {
	var mu sync.Mutex
	var unknown []string
	h := startHub(t, func(o *sandbox.Options) {
		o.OnUnknownRoute = func(method, path string) {
			mu.Lock()
			defer mu.Unlock()
			unknown = append(unknown, method+" "+path)
		}
	})
	defer h.AllowInvalid()()
	want := []string{
		"GET /", "POST /v2/users/login", "GET /v2/access-tokens", "POST /hub/v2/access-tokens/x", "GET /hub/v2/auth/token",
		"GET /hub/v2/access-tokens/", "PUT /token", "POST /login/oauth/authorize", "GET /_sandbox/faults",
	}
	var wantLog []sandbox.Request
	for _, line := range want {
		method, path, _ := strings.Cut(line, " ")
		got := h.want(404, h.send(method, path+"?secret=hidden", "", nil))
		if got.string("message") != "not found" {
			t.Errorf("%s: got %s", line, got.text)
		}
		if path != "/_sandbox/faults" {
			wantLog = append(wantLog, sandbox.Request{Method: method, Path: path, Status: 404})
		}
	}
	if !reflect.DeepEqual(unknown, want) {
		t.Errorf("got %q, want %q", unknown, want)
	}
	h.signIn("moby")
	wantLog = append(wantLog, sandbox.Request{Method: "POST", Path: "/hub/v2/users/login", Status: 200})
	if got := h.Sandbox.Requests(); !reflect.DeepEqual(got, wantLog) {
		t.Errorf("got requests %v, want %v", got, wantLog)
	}
}

func TestRequestLogIsBounded(t *testing.T) {
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 10_001 {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/nothing", nil))
	}
	if n := len(s.Requests()); n > 10_000 {
		t.Errorf("the log holds %d requests", n)
	}
}

func TestRateLimit(t *testing.T) {
	unix := func(c *clock) string { return strconv.FormatInt(c.now().Add(time.Minute).Unix(), 10) }
	tests := []struct {
		form        sandbox.RetryHeader
		body        sandbox.LimitBody
		header      string
		value       func(*clock) string
		contentType string
		text        string
	}{
		{sandbox.RetrySeconds, sandbox.LimitJSON, "Retry-After", func(*clock) string { return "60" }, "application/json", `{"detail":"Rate limit exceeded","error":false}`},
		{sandbox.RetryUnixTime, sandbox.LimitText, "Retry-After", unix, "text/plain; charset=utf-8", "Too Many Requests (HAP429)"},
		{sandbox.RetryXUnixTime, sandbox.LimitJSON, "X-Retry-After", unix, "application/json", `{"detail":"Rate limit exceeded","error":false}`},
	}
	for _, test := range tests {
		h := startHub(t, func(o *sandbox.Options) { o.RateLimit, o.RetryHeader, o.LimitBody = 2, test.form, test.body })
		for _, left := range []string{"1", "0"} {
			got := h.want(200, h.send("POST", "/hub/v2/auth/token", "", identify("moby", password)))
			limits := []string{got.header.Get("X-RateLimit-Limit"), got.header.Get("X-RateLimit-Remaining"), got.header.Get("X-RateLimit-Reset")}
			if want := []string{"2", left, unix(h.clock)}; !reflect.DeepEqual(limits, want) {
				t.Errorf("got limits %v, want %v", limits, want)
			}
		}
		got := h.want(429, h.send("POST", "/hub/v2/auth/token", "", identify("moby", password)))
		if got.text != test.text || got.header.Get("Content-Type") != test.contentType || got.header.Get(test.header) != test.value(h.clock) {
			t.Errorf("%q: got %q with %v", test.form, got.text, got.header)
		}
		if other := map[string]string{"Retry-After": "X-Retry-After", "X-Retry-After": "Retry-After"}[test.header]; got.header.Get(other) != "" {
			t.Errorf("%q: %s is there, too", test.form, other)
		}
		h.clock.advance(time.Minute)
		h.want(200, h.send("POST", "/hub/v2/auth/token", "", identify("moby", password)))
	}
	h := startHub(t, nil)
	if got := h.send("POST", "/hub/v2/auth/token", "", identify("moby", password)); got.header.Get("X-RateLimit-Limit") != "180" {
		t.Errorf("without a limit: got %v", got.header)
	}
}

func TestParallelUse(t *testing.T) {
	h := startHub(t, nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			session := h.send("POST", "/hub/v2/users/login", "", login("moby", password)).string("token")
			for range 10 {
				made := h.send("POST", tokensPath, session, map[string]any{"token_label": "x", "scopes": []string{"repo:read"}})
				h.send("GET", tokensPath+"?page_size=100", session, nil)
				h.send("POST", "/hub/v2/auth/token", "", identify("moby", made.string("token")))
				h.send("PATCH", tokensPath+"/"+made.string("uuid"), session, map[string]any{"is_active": false})
				if got := h.send("DELETE", tokensPath+"/"+made.string("uuid"), session, nil); got.status != 204 {
					t.Errorf("delete: got %d %s", got.status, got.text)
				}
			}
		})
	}
	group.Wait()
	if got := h.send("GET", tokensPath, h.signIn("moby"), nil); got.body["count"] != 0.0 {
		t.Errorf("tokens are left: %s", got.text)
	}
}
