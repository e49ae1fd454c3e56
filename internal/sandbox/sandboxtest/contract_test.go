package sandboxtest

import (
	"encoding/json"
	"fmt"
	"strings"
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
	devicePath = "/login/oauth/device/code"
	grantPath  = "/login/oauth/token"
	revokePath = "/login/oauth/revoke"

	grantForm  = "client_id=" + sandbox.OAuthClientID
	deviceForm = grantForm + "&audience=https://hub.docker.com&scope=openid offline_access"
	orgPath    = "/hub/v2/orgs/acme/access-tokens"

	moby = `{"username":"moby","password":"whale"}`
	read = `{"token_label":"ci","scopes":["repo:read"]}`
	pull = `{"label":"ci","resources":[{"type":"TYPE_REPO","path":"acme/app","scopes":["scope-image-pull"]}]}`
)

func start(t *testing.T, limit int) *Server {
	t.Helper()
	return Start(t, sandbox.Options{
		Users: []sandbox.User{
			{Name: "moby", Password: "whale"},
			{Name: "ann", Password: "whale", TOTPSecret: "JBSWY3DPEHPK3PXP"},
		},
		Organizations: []sandbox.Organization{{Name: "acme", Owners: []string{"moby"}}},
		RateLimit:     limit,
	})
}

// member sends a request and returns one member of its reply.
func member(t *testing.T, server *Server, method, path, bearer, body, name string) string {
	t.Helper()
	_, text := send(t, method, server.URL+path, bearer, typeOf(body), body)
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
	orgItem := orgPath + "/" + member(t, server, "POST", orgPath, session, pull, "id")
	elsewhere := "/hub/v2/orgs/nobody/access-tokens"
	fromToken := member(t, server, "POST", bearerPath, "", `{"identifier":"moby","secret":"`+secret+`"}`, "access_token")
	second := member(t, server, "POST", loginPath, "", `{"username":"ann","password":"whale"}`, "login_2fa_token")
	code, err := totp.GenerateCode("JBSWY3DPEHPK3PXP", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	codeBody := `{"login_2fa_token":"` + second + `","code":"` + code + `"}`
	const change = `{"is_active":false}`
	device := member(t, server, "POST", devicePath, "", deviceForm, "device_code")
	const wait = grantForm + "&grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code="
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
		{"generateToken", "POST", tokensPath + "/desktop-generate", session, "", 201},
		{"generateToken", "POST", tokensPath + "/desktop-generate", "x", "", 401},
		{"generateToken", "POST", tokensPath + "/desktop-generate", fromToken, "", 403},
		{"deviceCode", "POST", devicePath, "", deviceForm, 200},
		{"deviceCode", "POST", devicePath, "", grantForm, 400},
		{"deviceCode", "POST", devicePath, "", "client_id=x&audience=https://hub.docker.com&scope=openid offline_access", 401},
		{"oauthToken", "POST", grantPath, "", wait + device, 403},
		{"oauthToken", "POST", grantPath, "", wait + device, 429},
		{"oauthToken", "POST", grantPath, "", grantForm + "&grant_type=password", 400},
		{"oauthToken", "POST", grantPath, "", "client_id=x&grant_type=refresh_token&refresh_token=x", 401},
		{"oauthToken", "POST", grantPath, "", grantForm + "&grant_type=refresh_token&refresh_token=" + approved(t, server), 200},
		{"oauthRevoke", "POST", revokePath, "", grantForm + "&token=x", 200},
		{"oauthRevoke", "POST", revokePath, "", grantForm, 400},
		{"oauthRevoke", "POST", revokePath, "", "client_id=x&token=x", 401},
		{"listOrgTokens", "GET", orgPath + "?page=1&page_size=1", session, "", 200},
		{"listOrgTokens", "GET", orgPath + "?page=0", session, "", 400},
		{"listOrgTokens", "GET", orgPath, "x", "", 401},
		{"listOrgTokens", "GET", orgPath, fromToken, "", 403},
		{"listOrgTokens", "GET", elsewhere, session, "", 404},
		{"createOrgToken", "POST", orgPath, session, pull, 201},
		{"createOrgToken", "POST", orgPath, session, `{"label":"ci","resources":[]}`, 400},
		{"createOrgToken", "POST", orgPath, "x", pull, 401},
		{"createOrgToken", "POST", orgPath, fromToken, pull, 403},
		{"createOrgToken", "POST", elsewhere, session, pull, 404},
		{"getOrgToken", "GET", orgItem, session, "", 200},
		{"getOrgToken", "GET", orgItem, "x", "", 401},
		{"getOrgToken", "GET", orgItem, fromToken, "", 403},
		{"getOrgToken", "GET", orgPath + "/x", session, "", 404},
		{"changeOrgToken", "PATCH", orgItem, session, `{"is_active":false,"description":"x"}`, 200},
		{"changeOrgToken", "PATCH", orgItem, session, `{"label":""}`, 400},
		{"changeOrgToken", "PATCH", orgItem, "x", change, 401},
		{"changeOrgToken", "PATCH", orgItem, fromToken, change, 403},
		{"changeOrgToken", "PATCH", orgPath + "/x", session, change, 404},
		{"deleteOrgToken", "DELETE", orgItem, "x", "", 401},
		{"deleteOrgToken", "DELETE", orgItem, fromToken, "", 403},
		{"deleteOrgToken", "DELETE", orgItem, session, "", 204},
		{"deleteOrgToken", "DELETE", orgItem, session, "", 404},
	}
	seen := map[string]bool{}
	limited := start(t, 1)
	send(t, "GET", limited.URL+tokensPath, "", "", "")
	for _, test := range tests {
		contentType := typeOf(test.body)
		restore := server.AllowInvalid() // some are wrong on purpose; TestWrongRequestsAreReported is about those
		if test.status != 400 {
			restore()
		}
		if status, body := send(t, test.method, server.URL+test.path, test.bearer, contentType, test.body); status != test.status {
			t.Errorf("%s: got %d %s, want %d", test.operation, status, body, test.status)
		}
		restore()
		seen[fmt.Sprint(test.operation, test.status)] = true
		if test.status == 401 && strings.HasPrefix(test.path, sandbox.HubPath) {
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

// typeOf tells JSON from a form.
func typeOf(body string) string {
	switch {
	case body == "":
		return ""
	case strings.HasPrefix(body, "{"):
		return "application/json"
	}
	return formType
}

// approved goes through a sign-in on the web and returns its refresh token.
func approved(t *testing.T, server *Server) string {
	t.Helper()
	restore := server.AllowInvalid()
	defer restore()
	_, text := send(t, "POST", server.URL+devicePath, "", formType, deviceForm)
	var device struct {
		Code     string `json:"device_code"`
		UserCode string `json:"user_code"`
	}
	if err := json.Unmarshal([]byte(text), &device); err != nil {
		t.Fatal(err)
	}
	if err := server.Sandbox.Decide(device.UserCode, sandbox.Approve, "moby"); err != nil {
		t.Fatal(err)
	}
	return member(t, server, "POST", grantPath, "", grantForm+"&grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code="+device.Code, "refresh_token")
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
