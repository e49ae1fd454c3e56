package sandboxtest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/pquerna/otp/totp"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

const (
	loginPath  = "/hub/v2/users/login"
	secondPath = "/hub/v2/users/2fa-login"
	bearerPath = "/hub/v2/auth/token"
	tokensPath = "/hub/v2/access-tokens"

	moby = `{"username":"moby","password":"whale"}`
	read = `{"token_label":"ci","scopes":["repo:read"]}`
)

func start(t *testing.T, limit int) *Server {
	t.Helper()
	return Start(t, sandbox.Options{
		Users: []sandbox.User{
			{Name: "moby", Password: "whale"},
			{Name: "ann", Password: "whale", TOTPSecret: "JBSWY3DPEHPK3PXP"},
		},
		RateLimit: limit,
	})
}

// member sends a request and returns one member of its reply.
func member(t *testing.T, server *Server, method, path, bearer, body, name string) string {
	t.Helper()
	_, text := send(t, method, server.URL+path, bearer, "application/json", body)
	var reply map[string]any
	if err := json.Unmarshal([]byte(text), &reply); err != nil {
		t.Fatal(err)
	}
	value, _ := reply[name].(string)
	return value
}

// TestEveryReplyOfTheContract brings about every reply that the document lists, but 500, which the
// sandbox gives only by a fault. The checker looks at each.
func TestEveryReplyOfTheContract(t *testing.T) {
	server := start(t, 0)
	session := member(t, server, "POST", loginPath, "", moby, "token")
	secret := member(t, server, "POST", tokensPath, session, read, "token")
	item := tokensPath + "/" + member(t, server, "POST", tokensPath, session, read, "uuid")
	fromToken := member(t, server, "POST", bearerPath, "", `{"identifier":"moby","secret":"`+secret+`"}`, "access_token")
	second := member(t, server, "POST", loginPath, "", `{"username":"ann","password":"whale"}`, "login_2fa_token")
	code, err := totp.GenerateCode("JBSWY3DPEHPK3PXP", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	codeBody := `{"login_2fa_token":"` + second + `","code":"` + code + `"}`
	const change = `{"is_active":false}`
	tests := []struct {
		operation, method, path, bearer, body string
		status                                int
	}{
		{"usersLogin", "POST", loginPath + "?refresh_token=true", "", moby, 200},
		{"usersLogin", "POST", loginPath, "", `{`, 400},
		{"usersLogin", "POST", loginPath, "", `{"username":"ann","password":"whale"}`, 401},
		{"users2FALogin", "POST", secondPath + "?refresh_token=true", "", codeBody, 200},
		{"users2FALogin", "POST", secondPath, "", `{`, 400},
		{"users2FALogin", "POST", secondPath, "", codeBody, 401},
		{"authToken", "POST", bearerPath, "", `{"identifier":"moby","secret":"whale"}`, 200},
		{"authToken", "POST", bearerPath, "", `{`, 400},
		{"authToken", "POST", bearerPath, "", `{"identifier":"ann","secret":"whale"}`, 401},
		{"listTokens", "GET", tokensPath + "?page=2&page_size=1", session, "", 200},
		{"listTokens", "GET", tokensPath + "?page=0", session, "", 400},
		{"listTokens", "GET", tokensPath, "x", "", 401},
		{"listTokens", "GET", tokensPath, fromToken, "", 403},
		{"listTokens", "GET", tokensPath + "?page=9", session, "", 404},
		{"createToken", "POST", tokensPath, session, `{"token_label":"ci","scopes":["repo:read"],"expires_at":"2100-01-01T00:00:00Z"}`, 201},
		{"createToken", "POST", tokensPath, session, `{"token_label":"ci","scopes":["repo:none"]}`, 400},
		{"createToken", "POST", tokensPath, "x", read, 401},
		{"createToken", "POST", tokensPath, fromToken, read, 403},
		{"getToken", "GET", item, session, "", 200},
		{"getToken", "GET", item, "x", "", 401},
		{"getToken", "GET", item, fromToken, "", 403},
		{"getToken", "GET", tokensPath + "/x", session, "", 404},
		{"changeToken", "PATCH", item, session, change, 200},
		{"changeToken", "PATCH", item, session, `{"token_label":""}`, 400},
		{"changeToken", "PATCH", item, "x", change, 401},
		{"changeToken", "PATCH", item, fromToken, change, 403},
		{"changeToken", "PATCH", tokensPath + "/x", session, change, 404},
		{"deleteToken", "DELETE", item, "x", "", 401},
		{"deleteToken", "DELETE", item, fromToken, "", 403},
		{"deleteToken", "DELETE", item, session, "", 204},
		{"deleteToken", "DELETE", item, session, "", 404},
	}
	seen := map[string]bool{}
	limited := start(t, 1)
	send(t, "GET", limited.URL+tokensPath, "", "", "")
	for _, test := range tests {
		contentType := ""
		if test.body != "" {
			contentType = "application/json"
		}
		restore := server.AllowInvalid() // some are wrong on purpose; TestWrongRequestsAreReported is about those
		if test.status != 400 {
			restore()
		}
		if status, body := send(t, test.method, server.URL+test.path, test.bearer, contentType, test.body); status != test.status {
			t.Errorf("%s: got %d %s, want %d", test.operation, status, body, test.status)
		}
		restore()
		seen[fmt.Sprint(test.operation, test.status)] = true
		if test.status == 401 {
			if status, _ := send(t, test.method, limited.URL+test.path, "", contentType, test.body); status != 429 {
				t.Errorf("%s: got %d over the limit", test.operation, status)
			}
			seen[test.operation+"429"] = true
		}
	}
	for _, want := range documented(t) {
		if !seen[want] {
			t.Errorf("no test brings about %s", want)
		}
	}
}

// documented lists operation and status of each reply in the document, but 500.
func documented(t *testing.T) []string {
	t.Helper()
	path, err := findDocument()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var replies []string
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				if status != "500" {
					replies = append(replies, operation.OperationID+status)
				}
			}
		}
	}
	return replies
}
