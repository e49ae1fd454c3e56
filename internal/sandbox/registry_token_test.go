package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

type access struct {
	Type, Name string
	Actions    []string
}

// basic asks the token endpoint with Basic; an empty name is anonymous.
func (h hub) basic(name, secret string, scopes ...string) reply {
	h.t.Helper()
	query := url.Values{"service": {"hub-sandbox"}, "client_id": {"docker"}, "offline_token": {"true"}, "scope": scopes}
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.URL+"/token?"+query.Encode(), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if name != "" {
		request.SetBasicAuth(name, secret)
	}
	return h.do(request)
}

func (h hub) form(values url.Values) reply {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.URL+"/token", strings.NewReader(values.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return h.do(request)
}

func (h hub) access(r reply) []access {
	h.t.Helper()
	data, err := json.Marshal(h.claims(r.string("token"))["access"])
	if err != nil {
		h.t.Fatal(err)
	}
	var list []access
	if err := json.Unmarshal(data, &list); err != nil {
		h.t.Fatal(err)
	}
	return list
}

func TestRegistryTokenGrants(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	everything := []string{
		"repository:moby/secret:pull,push,delete repository:moby/hello:pull,push", "repository:library/alpine:push,pull",
		"repository:bob/secret:pull,push", "repository:localhost:5000/moby/secret:pull", "repository:mobyx/y:pull",
		"registry:catalog:*", "repository:moby", "nonsense",
	}
	all := []string{"pull", "push", "delete"}
	pull, push := all[:1], all[:2]
	secret := func(actions []string) access { return access{"repository", "moby/secret", actions} }
	hello := func(actions []string) access { return access{"repository", "moby/hello", actions} }
	official := access{"repository", "library/alpine", pull}
	tests := []struct {
		scope string // of a token; "password", or "" for anonymous
		want  []access
	}{
		{"password", []access{secret(all), hello(push), official}},
		{"repo:admin", []access{secret(all), hello(push), official}},
		{"repo:write", []access{secret(push), hello(push), official}},
		{"repo:read", []access{secret(pull), hello(pull), official}},
		{"repo:public_read", []access{hello(pull), official}},
		{"", []access{hello(pull), official}},
	}
	for _, test := range tests {
		var got reply
		switch test.scope {
		case "":
			got = h.basic("", "", everything...)
		case "password":
			got = h.basic("moby", password, everything...)
		default:
			_, credential := h.create(session, test.scope, test.scope)
			got = h.basic("moby", credential, everything...)
			form := h.form(url.Values{"grant_type": {"password"}, "username": {"moby"}, "password": {credential}, "scope": {strings.Join(everything, " ")}})
			if posted := h.access(h.want(200, form)); !reflect.DeepEqual(posted, test.want) {
				t.Errorf("%s: form: got %v, want %v", test.scope, posted, test.want)
			}
		}
		if granted := h.access(h.want(200, got)); !reflect.DeepEqual(granted, test.want) {
			t.Errorf("%s: got %v, want %v", test.scope, granted, test.want)
		}
	}
	if got := h.access(h.basic("moby", password, "repository:moby/x:*")); !reflect.DeepEqual(got, []access{{"repository", "moby/x", all}}) {
		t.Errorf("star: got %v", got)
	}
}

func TestRegistryTokenReply(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	id, secret := h.create(session, "ci", "repo:read")
	h.clock.advance(time.Second)
	got := h.want(200, h.basic("moby", secret))
	want := map[string]any{"token": got.string("token"), "access_token": got.string("token"), "expires_in": 300.0, "issued_at": "2026-03-01T12:00:01Z"}
	if !reflect.DeepEqual(got.body, want) {
		t.Errorf("got %v, want %v", got.body, want)
	}
	if used := h.send("GET", tokensPath+"/"+id, session, nil).body["last_used"]; used != "2026-03-01T12:00:01.123456Z" {
		t.Errorf("last_used is %v", used)
	}
}

func TestRegistryTokenRefusals(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	_, gone := h.create(session, "gone", "repo:read")
	id, off := h.create(session, "off", "repo:read")
	h.want(200, h.send("PATCH", tokensPath+"/"+id, session, map[string]any{"is_active": false}))
	body := map[string]any{"token_label": "old", "scopes": []string{"repo:read"}, "expires_at": "2026-03-01T12:01:00Z"}
	old := h.want(201, h.send("POST", tokensPath, session, body)).string("token")
	h.clock.advance(2 * time.Minute)
	const wrong = `{"details":"incorrect username or password"}`
	tests := []struct{ name, user, secret, want string }{
		{"wrong password", "moby", "shark", wrong},
		{"unknown user", "nobody", password, wrong},
		{"token of somebody else", "bob", gone, wrong},
		{"inactive", "moby", off, wrong},
		{"expired", "moby", old, `{"details":"personal access token is expired"}`},
		{"second factor", "ann", password, `{"details":"your account must log in with a Personal Access Token (PAT) - learn more at docs.docker.com/go/access-tokens"}`},
	}
	for _, test := range tests {
		form := url.Values{"grant_type": {"password"}, "username": {test.user}, "password": {test.secret}}
		for method, got := range map[string]reply{"GET": h.basic(test.user, test.secret), "POST": h.form(form)} {
			if got.status != 401 || got.text != test.want {
				t.Errorf("%s %s: got %d %s, want %s", method, test.name, got.status, got.text, test.want)
			}
		}
	}
	h.want(401, h.send("GET", "/token", "not-basic", nil))
	h.want(401, h.form(url.Values{"grant_type": {"password"}}))
	h.want(400, h.form(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}))
	h.want(400, h.send("GET", "/token?service=elsewhere", "", nil))
}
