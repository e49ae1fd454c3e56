package sandboxtest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// A recordingTB is a test that notes its failures and does not fail.
type recordingTB struct {
	testing.TB
	mu     sync.Mutex
	errors []string
}

func (r *recordingTB) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recordingTB) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.errors
	r.errors = nil
	return taken
}

func send(t *testing.T, method, url, bearer, contentType, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

func TestWrongRequestsAreReported(t *testing.T) {
	tb := &recordingTB{TB: t}
	server := Start(tb, sandbox.Options{Users: []sandbox.User{{Name: "moby", Password: "whale"}}})
	const json = "application/json"
	const tokens = "/hub/v2/access-tokens"
	tests := []struct{ name, method, path, contentType, body, want string }{
		{"right", "POST", "/hub/v2/auth/token", json, `{"identifier":"moby","secret":"whale"}`, ""},
		{"undocumented member", "POST", "/hub/v2/auth/token", json, `{"identifier":"moby","secret":"whale","hint":"x"}`, "authToken: request"},
		{"missing member", "POST", "/hub/v2/users/login", json, `{"username":"moby"}`, "usersLogin: request"},
		{"code as a number", "POST", "/hub/v2/users/2fa-login", json, `{"login_2fa_token":"x","code":123456}`, "users2FALogin: request"},
		{"undocumented query", "GET", tokens + "?size=5", "", "", "listTokens: request"},
		{"wrong query", "GET", tokens + "?page=first", "", "", "listTokens: request"},
		{"body where none belongs", "DELETE", tokens + "/x", json, `{}`, "deleteToken: request"},
		{"undocumented type", "POST", tokens, "text/plain", `{"token_label":"x","scopes":["repo:read"]}`, "createToken: request"},
		{"undocumented change", "PATCH", tokens + "/x", json, `{"scopes":["repo:read"]}`, "changeToken: request"},
		{"form with an undocumented member", "POST", "/login/oauth/revoke", formType, "client_id=x&token=y&hint=whale", `undocumented member "hint"`},
		{"form with a member twice", "POST", "/login/oauth/revoke", formType, "client_id=x&token=y&token=whale", `"token" of the form is there twice`},
		{"form without a member", "POST", "/login/oauth/revoke", formType, "client_id=x", "oauthRevoke: request"},
		{"JSON in place of a form", "POST", "/login/oauth/revoke", json, `{"client_id":"x","token":"whale"}`, "oauthRevoke: request"},
		{"refresh without its token", "POST", "/login/oauth/token", formType, "client_id=x&grant_type=refresh_token&device_code=whale", "oauthToken: request"},
		{"unknown operation", "PUT", tokens, json, `{}`, "request PUT /hub/v2/access-tokens"},
		{"unknown route of the Hub API", "GET", "/hub/v2/namespaces", "", "", "unknown route GET /hub/v2/namespaces"},
		{"without the base path", "POST", "/v2/users/login", json, `{}`, "unknown route POST /v2/users/login"},
	}
	for _, test := range tests {
		send(t, test.method, server.URL+test.path, "", test.contentType, test.body)
		got := strings.Join(tb.taken(), "\n")
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: got report %q, want one with %q", test.name, got, test.want)
		}
		if strings.Contains(got, "whale") {
			t.Errorf("%s: the report has the password: %q", test.name, got)
		}
		restore := server.AllowInvalid()
		send(t, test.method, server.URL+test.path, "", test.contentType, test.body)
		restore()
		restore()
		if got := tb.taken(); len(got) != 0 {
			t.Errorf("%s: allowed, and yet reported: %q", test.name, got)
		}
	}
}

func TestFaultRepliesAreExempt(t *testing.T) {
	tb := &recordingTB{TB: t}
	server := Start(tb, sandbox.Options{})
	server.Sandbox.Inject(sandbox.Fault{Status: 418, Body: "teapot"})
	status, body := send(t, "POST", server.URL+"/hub/v2/auth/token", "", "application/json", `{"identifier":"moby","secret":"whale"}`)
	if status != 418 || body != "teapot" || len(tb.taken()) != 0 {
		t.Errorf("got %d %q, or a report", status, body)
	}
	send(t, "POST", server.URL+"/hub/v2/auth/token", "", "application/json", `{}`)
	if len(tb.taken()) != 1 {
		t.Error("a wrong request that meets a fault is not reported")
	}
}

// TestWrongRepliesAreReported puts replies in place of the sandbox's, to prove that the checker bites.
func TestWrongRepliesAreReported(t *testing.T) {
	const token = `{"uuid":"0a3fd0a1-95bd-4a35-8a28-2f2b4d8f8c5e","client_id":"HUB","creator_ip":"127.0.0.1","creator_ua":"x",` +
		`"created_at":"2026-03-01T12:00:00.123456Z","last_used":null,"generated_by":"manual","is_active":true,` +
		`"token":"***","token_label":"ci","scopes":["repo:read"],"expires_at":null}`
	tests := []struct {
		name, body string
		status     int
		want       string // part of the report; empty: none
	}{
		{"right", token, 200, ""},
		{"secret not redacted", strings.Replace(token, `"***"`, `"dckr_`+`pat_x"`, 1), 200, "/token: enum"},
		{"missing member", strings.Replace(token, `"is_active":true,`, ``, 1), 200, "/is_active: required"},
		{"renamed member", strings.Replace(token, `"last_used"`, `"last_used_at"`, 1), 200, `property "last_used_at" is unsupported`},
		{"wrong type", strings.Replace(token, `true`, `"yes"`, 1), 200, "/is_active: type"},
		{"time without a fraction", strings.Replace(token, `.123456Z`, `Z`, 1), 200, "/created_at: pattern"},
		{"undocumented status", token, 201, "status is not supported"},
		{"not JSON", "<html>", 200, "failed to decode"},
		{"error of another shape", `{"detail":"gone"}`, 404, "/message: required"},
		{"body of 204", token, 204, "a body of"},
	}
	for _, test := range tests {
		tb := &recordingTB{TB: t}
		contract, err := loadContract()
		if err != nil {
			t.Fatal(err)
		}
		wrong := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for _, name := range []string{"Limit", "Remaining", "Reset"} {
				w.Header().Set("X-RateLimit-"+name, "1")
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		})
		checked := &checker{t: tb, server: &Server{}, contract: contract, next: wrong}
		checked.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/hub/v2/access-tokens/x", nil))
		got := strings.Join(tb.taken(), "\n")
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: got report %q, want one with %q", test.name, got, test.want)
		}
		if strings.Contains(got, "dckr_") {
			t.Errorf("%s: the report has a secret: %q", test.name, got)
		}
	}
}
