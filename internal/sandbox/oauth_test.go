package sandbox_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

const (
	devicePath = "/login/oauth/device/code"
	grantPath  = "/login/oauth/token"
	revokePath = "/login/oauth/revoke"
	pagePath   = "/login/activate"
)

// submit posts NAME, VALUE pairs, with the client id.
func (h hub) submit(path string, pairs ...string) reply {
	h.t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	if path != pagePath {
		values.Set("client_id", sandbox.OAuthClientID)
	}
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.URL+path, strings.NewReader(values.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return h.do(request)
}

func (h hub) device() reply {
	h.t.Helper()
	return h.want(200, h.submit(devicePath, "audience", "https://hub.docker.com", "scope", "openid offline_access"))
}

// poll asks for the tokens of a device, an interval after the last time.
func (h hub) poll(device reply) reply {
	h.t.Helper()
	h.clock.advance(time.Second)
	return h.submit(grantPath, "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", device.string("device_code"))
}

func (h hub) refresh(token string) reply {
	h.t.Helper()
	return h.submit(grantPath, "grant_type", "refresh_token", "refresh_token", token)
}

// refused checks the error of the tenant.
func (h hub) refused(status int, code string, r reply) {
	h.t.Helper()
	if h.want(status, r); r.string("error") != code || r.string("error_description") == "" {
		h.t.Errorf("got %s, want the error %s", r.text, code)
	}
}

// webSignIn returns the tokens of a sign-in that was approved.
func (h hub) webSignIn(name string) reply {
	h.t.Helper()
	device := h.device()
	if err := h.Sandbox.Decide(device.string("user_code"), sandbox.Approve, name); err != nil {
		h.t.Fatal(err)
	}
	return h.want(200, h.poll(device))
}

func TestWebSignIn(t *testing.T) {
	h := startHub(t, nil)
	device := h.device()
	h.refused(403, "authorization_pending", h.poll(device))
	if err := h.Sandbox.Decide("", sandbox.Approve, "moby"); err != nil {
		t.Fatal(err)
	}
	tokens := h.want(200, h.poll(device))
	claims := h.claims(tokens.string("access_token"))
	user, _ := claims["https://hub.docker.com"].(map[string]any)
	if claims["iss"] != "https://login.docker.com/" || user["username"] != "moby" || claims["exp"] != float64(h.clock.now().Add(time.Hour).Unix()) {
		t.Errorf("got claims %v", claims)
	}
	if got := tokens.body["expires_in"]; got != float64(3600) {
		t.Errorf("it lives %v seconds", got)
	}
	h.want(200, h.send("GET", tokensPath, tokens.string("access_token"), nil))
	h.create(tokens.string("access_token"), "ci", "repo:read")
	h.refused(403, "invalid_grant", h.poll(device)) // a code serves once
	h.clock.advance(time.Hour)
	h.want(401, h.send("GET", tokensPath, tokens.string("access_token"), nil))
	h.want(401, h.send("GET", tokensPath, tokens.string("id_token"), nil))
	h.want(401, h.send("GET", tokensPath, tokens.string("refresh_token"), nil))
}

func TestWebSignInEndsOtherwise(t *testing.T) {
	h := startHub(t, nil)
	for decision, code := range map[sandbox.Decision]string{sandbox.Deny: "access_denied", sandbox.Expire: "expired_token"} {
		device := h.device()
		if err := h.Sandbox.Decide(device.string("user_code"), decision, ""); err != nil {
			t.Fatal(err)
		}
		h.refused(403, code, h.poll(device))
	}
	device := h.device()
	h.clock.advance(15 * time.Minute)
	h.refused(403, "expired_token", h.poll(device))
	if err := h.Sandbox.Decide(device.string("user_code"), sandbox.Approve, "moby"); err == nil {
		t.Error("an expired code can be approved")
	}
	h.refused(403, "invalid_grant", h.submit(grantPath, "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", "guessed"))
	if got := h.Sandbox.Sessions("moby"); got != 0 {
		t.Errorf("there are %d sessions", got)
	}
}

func TestWebSignInPolledTooOften(t *testing.T) {
	h := startHub(t, nil)
	device := h.device()
	h.refused(403, "authorization_pending", h.poll(device))
	h.clock.advance(-time.Second) // poll advances it again: no time has passed
	h.refused(429, "slow_down", h.poll(device))
	h.refused(429, "slow_down", h.poll(device)) // after the old interval
	h.clock.advance(11 * time.Second)
	h.refused(403, "authorization_pending", h.poll(device))
}

func TestRefreshRotates(t *testing.T) {
	h := startHub(t, nil)
	first := h.webSignIn("moby").string("refresh_token")
	h.clock.advance(2 * time.Hour)
	next := h.want(200, h.refresh(first))
	h.want(200, h.send("GET", tokensPath, next.string("access_token"), nil))
	if next.string("refresh_token") == first || h.Sandbox.Sessions("moby") != 1 {
		t.Errorf("the refresh token stays, or there are %d sessions", h.Sandbox.Sessions("moby"))
	}
	h.refused(403, "invalid_grant", h.refresh(first))
	h.refused(403, "invalid_grant", h.refresh(next.string("refresh_token"))) // the use of an old one has ended it
	h.refused(403, "invalid_grant", h.refresh("guessed"))
}

func TestRevoke(t *testing.T) {
	h := startHub(t, nil)
	ended, other := h.webSignIn("moby"), h.webSignIn("moby")
	h.want(200, h.submit(revokePath, "token", ended.string("refresh_token")))
	h.want(200, h.submit(revokePath, "token", ended.string("refresh_token")))
	h.refused(403, "invalid_grant", h.refresh(ended.string("refresh_token")))
	h.want(200, h.refresh(other.string("refresh_token")))
	h.Sandbox.EndSessions()
	if got := h.Sandbox.Sessions("moby"); got != 0 {
		t.Errorf("%d sessions are left", got)
	}
}

func TestDesktopGenerate(t *testing.T) {
	h := startHub(t, nil)
	session := h.webSignIn("moby").string("access_token")
	h.create(session, "mine", "repo:read")
	var secrets []string
	for range 6 {
		made := h.want(201, h.send("POST", tokensPath+"/desktop-generate", session, nil))
		data, _ := made.body["data"].(map[string]any)
		secret, _ := data["token"].(string)
		secrets = append(secrets, secret)
	}
	page := h.want(200, h.send("GET", tokensPath, session, nil))
	results, _ := page.body["results"].([]any)
	var by []string
	for _, result := range results {
		token, _ := result.(map[string]any)
		text, _ := token["generated_by"].(string)
		by = append(by, text)
	}
	if want := []string{"auto", "auto", "auto", "auto", "auto", "manual"}; !slices.Equal(by, want) {
		t.Errorf("there are %q, want %q", by, want)
	}
	h.want(401, h.send("POST", "/hub/v2/auth/token", "", identify("moby", secrets[0])))
	for _, secret := range secrets[1:] {
		h.want(200, h.send("POST", "/hub/v2/auth/token", "", identify("moby", secret)))
	}
}

// TestActivationPage is what a person in a browser does.
func TestActivationPage(t *testing.T) {
	h := startHub(t, nil)
	decide := func(userCode, name, password, otp, decision string) reply {
		return h.submit(pagePath, "user_code", userCode, "username", name, "password", password, "otp", otp, "decision", decision)
	}
	device := h.device()
	code := device.string("user_code")
	if got, want := device.string("verification_uri_complete"), h.URL+pagePath+"?user_code="+code; got != want {
		t.Errorf("the address is %s, want %s", got, want)
	}
	if shown := h.want(200, h.send("GET", pagePath+"?user_code="+code, "", nil)); !strings.Contains(shown.text, `value="`+code+`"`) {
		t.Errorf("the code is not on the page: %s", shown.text)
	}
	h.want(401, decide(code, "moby", "wrong", "", "approve"))
	h.want(404, decide("AAAA-AAAA", "moby", password, "", "approve"))
	h.want(404, decide("", "moby", password, "", "approve"))
	_, token := h.create(h.signIn("moby"), "ci", "repo:admin")
	h.want(401, decide(code, "moby", token, "", "approve"))
	h.refused(403, "authorization_pending", h.poll(device))
	h.want(200, decide(" "+strings.ToLower(strings.ReplaceAll(code, "-", "")), "moby", password, "", "approve"))
	h.want(404, decide(code, "bob", password, "", "approve"))
	h.want(200, h.poll(device))

	device = h.device()
	h.want(200, decide(device.string("user_code"), "", "", "", "deny"))
	h.refused(403, "access_denied", h.poll(device))

	device = h.device()
	h.want(401, decide(device.string("user_code"), "ann", password, "", "approve"))
	h.want(200, decide(device.string("user_code"), "ann", password, h.code(), "approve"))
	h.want(200, h.poll(device))
}

// TestActivationPageShowsTextAsText holds that nothing a stranger puts into an address becomes HTML.
func TestActivationPageShowsTextAsText(t *testing.T) {
	h := startHub(t, nil)
	const attack = `"><script>alert(1)</script>`
	shown := []reply{
		h.send("GET", pagePath+"?user_code="+url.QueryEscape(attack), "", nil),
		h.submit(pagePath, "user_code", attack, "username", attack, "password", attack, "decision", "deny"),
		h.submit(pagePath, "user_code", attack, "username", attack, "password", "x", "decision", attack),
	}
	for _, page := range shown {
		if !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") || strings.Contains(page.text, "<script") || !strings.Contains(page.text, "&lt;script") {
			t.Errorf("got %s", page.text)
		}
		if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("the policy is %q", policy)
		}
	}
}

func TestDevicesControl(t *testing.T) {
	h := startHub(t, nil)
	const control = "/_sandbox/devices"
	if got := h.want(200, h.send("GET", control, "", nil)); got.text != `{"user_codes":[]}` {
		t.Errorf("got %s", got.text)
	}
	h.want(400, h.send("POST", control, "", `{"decision":"deny"}`))
	device := h.device()
	if got := h.want(200, h.send("GET", control, "", nil)); got.text != `{"user_codes":["`+device.string("user_code")+`"]}` {
		t.Errorf("got %s", got.text)
	}
	for _, wrong := range []string{`{"decision":"approve"}`, `{"decision":"approve","username":"eve"}`, `{"decision":"maybe"}`, `{"code":"x"}`, `{`} {
		h.want(400, h.send("POST", control, "", wrong))
	}
	other := h.device()
	h.want(400, h.send("POST", control, "", `{"decision":"deny"}`)) // which?
	h.want(204, h.send("POST", control, "", `{"decision":"deny","user_code":"`+other.string("user_code")+`"}`))
	h.want(204, h.send("POST", control, "", `{"decision":"approve","username":"moby"}`))
	h.want(200, h.poll(device))
	defer h.AllowInvalid()()
	h.want(404, h.send("PUT", control, "", nil))
}

func TestWebSignInUnderDockerHubsNames(t *testing.T) {
	r := startDockerHub(t, nil)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://login.docker.com/oauth/device/code",
		strings.NewReader("client_id="+sandbox.OAuthClientID+"&audience=https://hub.docker.com&scope=openid offline_access"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	device := r.want(200, do(t, r.client, request))
	if got, want := device.string("verification_uri"), "https://login.docker.com/activate"; got != want {
		t.Errorf("the address is %s, want %s", got, want)
	}
	r.want(200, r.send("GET", device.string("verification_uri_complete"), "", ""))
}
