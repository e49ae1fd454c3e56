package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

func TestSignInReplies(t *testing.T) {
	h := startHub(t, nil)
	_, secret := h.create(h.signIn("moby"), "ci", "repo:read")
	const wrong = `{"detail":"Incorrect authentication credentials"}`
	const unauthorized = `{"message":"unauthorized","errinfo":null}`
	tests := []struct {
		name, path string
		body       any
		status     int
		want       string // exact body; empty: not compared
	}{
		{"password", "login", login("moby", password), 200, ""},
		{"token", "login", login("moby", secret), 200, ""},
		{"wrong password", "login", login("moby", "shark"), 401, wrong},
		{"wrong token", "login", login("moby", tokenStart+"nonsense"), 401, wrong},
		{"unknown user", "login", login("nobody", password), 401, wrong},
		{"e-mail address", "login", login("moby@example.com", password), 401, wrong},
		{"token of somebody else", "login", login("bob", secret), 401, wrong},
		{"organization token", "login", login("moby", "dckr_"+"oat_"+"nonsense"), 401, `{"detail":"Cannot log into an organization account"}`},
		{"bearer: password", "token", identify("moby", password), 200, ""},
		{"bearer: token", "token", identify("moby", secret), 200, ""},
		{"bearer: wrong password", "token", identify("moby", "shark"), 401, unauthorized},
		{"bearer: token of somebody else", "token", identify("bob", secret), 401, unauthorized},
		{"code without a first step", "2fa", map[string]string{"login_2fa_token": "a.b.c", "code": "123456"}, 401, wrong},
	}
	paths := map[string]string{"login": "/hub/v2/users/login", "token": "/hub/v2/auth/token", "2fa": "/hub/v2/users/2fa-login"}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := h.send("POST", paths[test.path], "", test.body)
			if got.status != test.status || test.want != "" && got.text != test.want {
				t.Errorf("got %d %s, want %d %s", got.status, got.text, test.status, test.want)
			}
		})
	}
}

func TestMalformedSignIn(t *testing.T) {
	h := startHub(t, nil)
	defer h.AllowInvalid()()
	for _, path := range []string{"/hub/v2/users/login", "/hub/v2/users/2fa-login", "/hub/v2/auth/token"} {
		for body, want := range map[string]string{"": "malformed request: EOF", "{": "malformed request: unexpected EOF", "{}{}": "malformed request: more than one value"} {
			got := h.want(400, h.send("POST", path, "", body))
			if got.string("detail") != want {
				t.Errorf("%s %q: got %s, want detail %q", path, body, got.text, want)
			}
		}
	}
	got := h.want(400, h.send("POST", "/hub/v2/users/login", "", "{}"))
	if !strings.HasPrefix(got.string("detail"), "malformed request") {
		t.Errorf("empty object: got %s", got.text)
	}
	h.want(400, h.send("POST", "/hub/v2/auth/token", "", "{}"))
}

func TestSecondFactor(t *testing.T) {
	h := startHub(t, nil)
	first := func() string {
		r := h.want(401, h.send("POST", "/hub/v2/users/login", "", login("ann", password)))
		if r.string("detail") != "Require secondary authentication on MFA enabled account" {
			t.Errorf("got %s", r.text)
		}
		return r.string("login_2fa_token")
	}
	second := func(token, code string) reply {
		return h.send("POST", "/hub/v2/users/2fa-login?refresh_token=true", "", map[string]string{"login_2fa_token": token, "code": code})
	}
	pending := first()
	wrong := strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, h.code())
	h.want(401, second(pending, wrong))
	done := h.want(200, second(pending, h.code())) // a wrong code does not end the sign-in
	if done.string("token") == "" || done.string("refresh_token") == "" {
		t.Errorf("got members of %v, want token and refresh_token", done.body)
	}
	h.want(200, h.send("GET", tokensPath, done.string("token"), nil))
	h.want(401, second(first(), h.code())) // a code serves once
	h.clock.advance(30 * time.Second)
	h.want(401, second(pending, h.code())) // and so does the intermediate token
	h.want(200, second(first(), h.code()))

	late := first()
	h.clock.advance(5*time.Minute + time.Second)
	h.want(401, second(late, h.code()))
	h.want(401, second(done.string("token"), h.code())) // another kind of JWT
	h.want(401, h.send("GET", tokensPath, late, nil))

	bearer := h.want(401, h.send("POST", "/hub/v2/auth/token", "", identify("ann", password)))
	h.clock.advance(30 * time.Second)
	h.want(200, second(bearer.string("login_2fa_token"), h.code()))

	_, secret := h.create(done.string("token"), "ci", "repo:read")
	h.want(200, h.send("POST", "/hub/v2/users/login", "", login("ann", secret))) // a token needs no code
}

func TestBearers(t *testing.T) {
	h := startHub(t, func(o *sandbox.Options) { o.SessionLifetime = time.Hour })
	session := h.want(200, h.send("POST", "/hub/v2/users/login?refresh_token=true", "", login("moby", password)))
	if session.string("refresh_token") == "" {
		t.Error("no refresh_token although it was asked for")
	}
	id, secret := h.create(session.string("token"), "ci", "repo:read")
	lifetimes := []struct {
		name, bearer, source string
		lifetime             time.Duration
	}{
		{"session", session.string("token"), "docker|", time.Hour},
		{"password", h.send("POST", "/hub/v2/auth/token", "", identify("moby", password)).string("access_token"), "docker|", 10 * time.Minute},
		{"token", h.send("POST", "/hub/v2/auth/token", "", identify("moby", secret)).string("access_token"), "docker_pat|" + id, 10 * time.Minute},
		{"token at login", h.send("POST", "/hub/v2/users/login", "", login("moby", secret)).string("token"), "docker_pat|" + id, time.Hour},
	}
	for _, test := range lifetimes {
		claims := h.claims(test.bearer)
		user, _ := claims["https://hub.docker.com"].(map[string]any)
		if user["username"] != "moby" || !strings.HasPrefix(user["source"].(string), test.source) || user["session_id"] != claims["jti"] {
			t.Errorf("%s: claims %v", test.name, claims)
		}
		if got := claims["exp"].(float64) - claims["iat"].(float64); got != test.lifetime.Seconds() {
			t.Errorf("%s: lives %v s, want %v", test.name, got, test.lifetime)
		}
		status := 200
		if strings.HasPrefix(test.source, "docker_pat") {
			status = 403
		}
		h.want(status, h.send("GET", tokensPath, test.bearer, nil))
	}
	h.clock.advance(time.Hour)
	for _, test := range lifetimes {
		h.want(401, h.send("GET", tokensPath, test.bearer, nil))
	}
	other := startHub(t, nil)
	for name, bearer := range map[string]string{"none": "", "garbage": "a.b.c", "a token": secret, "another sandbox": other.signIn("moby")} {
		got := h.want(401, h.send("GET", tokensPath, bearer, nil))
		if got.text != `{"message":"unauthorized","errinfo":{}}` {
			t.Errorf("%s: got %s", name, got.text)
		}
	}
}

func TestTokenBearerManagesNothing(t *testing.T) {
	h := startHub(t, nil)
	id, secret := h.create(h.signIn("moby"), "ci", "repo:admin")
	bearer := h.send("POST", "/hub/v2/auth/token", "", identify("moby", secret)).string("access_token")
	for _, test := range []struct {
		method, path string
		body         any
	}{
		{"GET", tokensPath, nil},
		{"POST", tokensPath, map[string]any{"token_label": "x", "scopes": []string{"repo:read"}}},
		{"GET", tokensPath + "/" + id, nil},
		{"PATCH", tokensPath + "/" + id, map[string]any{"is_active": false}},
		{"DELETE", tokensPath + "/" + id, nil},
	} {
		got := h.want(403, h.send(test.method, test.path, bearer, test.body))
		if got.text != `{"message":"token issued from personal access token is not allowed","errinfo":{}}` {
			t.Errorf("%s %s: got %s", test.method, test.path, got.text)
		}
	}
}
