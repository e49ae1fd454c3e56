package sandbox_test

import (
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

const orgPath = "/hub/v2/orgs/acme/access-tokens"

// A res is a resource as JSON.
type res map[string]any

func repo(path string, scopes ...string) res {
	return res{"type": "TYPE_REPO", "path": path, "scopes": scopes}
}

// createOrg makes a token of acme and returns its id and secret.
func (h hub) createOrg(session string, resources ...res) (id, secret string) {
	h.t.Helper()
	made := h.want(201, h.send("POST", orgPath, session, map[string]any{"label": "ci", "resources": resources}))
	return made.string("id"), made.string("token")
}

func TestOrgTokenLife(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	resources := []any{
		map[string]any{"type": "TYPE_REPO", "path": "acme/app", "scopes": []any{"scope-image-push"}},
		map[string]any{"type": "TYPE_ORG", "path": "acme", "scopes": []any{"scope-member-read"}},
	}
	body := map[string]any{"label": "ci", "description": "of the build", "resources": resources, "expires_at": "2026-12-31T23:59:59Z"}
	made := h.want(201, h.send("POST", orgPath, session, body))
	secret, id := made.string("token"), made.string("id")
	if !regexp.MustCompile(`^dckr_oat_[A-Za-z0-9_-]{27}$`).MatchString(secret) {
		t.Error("the secret has another shape")
	}
	want := map[string]any{
		"id": id, "label": "ci", "description": "of the build", "is_active": true, "resources": resources,
		"created_at": "2026-03-01T12:00:00.123456Z", "expires_at": "2026-12-31T23:59:59Z", "token": secret,
	}
	check := func(act string, got map[string]any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", act, got, want)
		}
	}
	check("create", made.body)
	delete(want, "token")
	want["created_by"], want["last_used_at"] = "moby", nil
	item := orgPath + "/" + id
	check("get", h.want(200, h.send("GET", item, session, nil)).body)
	for name, value := range map[string]any{"label": "build", "description": "", "is_active": false, "resources": resources[:1]} {
		want[name] = value
		check("change "+name, h.want(200, h.send("PATCH", item, session, map[string]any{name: value})).body)
	}
	h.want(401, h.send("POST", "/hub/v2/auth/token", "", identify("acme", secret)))
	want["is_active"] = true
	check("activate", h.want(200, h.send("PATCH", item, session, map[string]any{"is_active": true})).body)
	h.clock.advance(time.Minute)
	h.want(200, h.send("POST", "/hub/v2/auth/token", "", identify("acme", secret)))
	want["last_used_at"] = "2026-03-01T12:01:00.123456Z"
	check("use", h.want(200, h.send("GET", item, session, nil)).body)

	h.createOrg(session, repo("acme/*", "scope-image-pull"))
	page := h.want(200, h.send("GET", orgPath+"?page=2&page_size=1", session, nil)).body
	delete(want, "resources")
	check("list", page["results"].([]any)[0].(map[string]any))
	if got := fmt.Sprintf("%v %v %v", page["total"], page["next"], page["previous"]); got != "2 <nil> "+h.URL+orgPath+"?page=1&page_size=1" {
		t.Errorf("the page says %s", got)
	}
	h.want(204, h.send("DELETE", item, session, nil))
	h.want(404, h.send("GET", item, session, nil))
	h.want(401, h.send("POST", "/hub/v2/auth/token", "", identify("acme", secret)))
}

// TestOrgTokenOwners holds who may manage the tokens of an organization.
func TestOrgTokenOwners(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	id, oat := h.createOrg(session, repo("acme/app", "scope-image-pull"))
	_, pat := h.create(session, "pat", "repo:admin")
	bearer := func(name, secret string) string {
		return h.want(200, h.send("POST", "/hub/v2/auth/token", "", identify(name, secret))).string("access_token")
	}
	tests := []struct {
		name, bearer, org string
		status            int
		text              string
	}{
		{"owner", session, "acme", 200, ""},
		{"member", h.signIn("bob"), "acme", 403, "permission denied"},
		{"stranger", h.signIn("bob"), "large", 403, "permission denied"},
		{"nobody", "x", "acme", 401, "unauthorized"},
		{"unknown organization", session, "nowhere", 404, "not found"},
		{"a user", session, "bob", 404, "not found"},
		{"bearer of a personal token", bearer("moby", pat), "acme", 403, "token issued from personal access token is not allowed"},
		{"bearer of an organization's token", bearer("acme", oat), "acme", 403, "token issued from organization access token is not allowed"},
	}
	for _, test := range tests {
		path := "/hub/v2/orgs/" + test.org + "/access-tokens"
		body := map[string]any{"label": "x", "resources": []res{repo(test.org+"/app", "scope-image-pull")}}
		for _, got := range []reply{h.send("GET", path, test.bearer, nil), h.send("POST", path, test.bearer, body), h.send("PATCH", path+"/"+id, test.bearer, map[string]any{"is_active": true})} {
			if got.status != test.status && (test.status != 200 || got.status != 201) || got.string("message") != test.text {
				t.Errorf("%s: got %d %s", test.name, got.status, got.text)
			}
		}
	}
	h.want(403, h.send("GET", tokensPath, bearer("acme", oat), nil))
	for _, secret := range []string{oat, password} {
		if got := h.want(401, h.send("POST", "/hub/v2/users/login", "", login("acme", secret))); got.string("detail") != "Cannot log into an organization account" {
			t.Errorf("got %s", got.text)
		}
	}
	h.want(401, h.send("POST", "/hub/v2/auth/token", "", identify("moby", oat)))
}

func TestOrgTokenLimits(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	for org, limit := range map[string]int{"acme": 10, "large": 100, "small": 0} {
		path := "/hub/v2/orgs/" + org + "/access-tokens"
		body := map[string]any{"label": "x", "resources": []res{repo(org+"/*", "scope-image-pull")}, "expires_at": "2026-03-01T12:01:00Z"}
		for range limit {
			h.want(201, h.send("POST", path, session, body))
		}
		got := h.want(403, h.send("POST", path, session, body))
		if want := fmt.Sprintf("the plan allows %d access tokens", limit); got.string("detail") != want {
			t.Errorf("%s: got %s", org, got.text)
		}
	}
	h.clock.advance(time.Hour) // expired ones count
	last := h.want(200, h.send("GET", orgPath, session, nil)).body["results"].([]any)[0].(map[string]any)
	body := map[string]any{"label": "x", "resources": []res{repo("acme/*", "scope-image-pull")}}
	h.want(403, h.send("POST", orgPath, session, body))
	item := fmt.Sprint(orgPath, "/", last["id"])
	h.want(400, h.send("PATCH", item, session, map[string]any{"is_active": false}))
	h.want(204, h.send("DELETE", item, session, nil))
	h.want(201, h.send("POST", orgPath, session, body))
}

func TestOrgTokenValidation(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	id, _ := h.createOrg(session, repo("acme/app", "scope-image-pull"))
	many := make([]res, 51)
	for i := range many {
		many[i] = repo(fmt.Sprint("acme/app", i), "scope-image-pull")
	}
	one := []res{repo("acme/app", "scope-image-pull")}
	tests := []struct {
		name  string
		body  map[string]any
		field string // "" for none
	}{
		{"fifty repositories and the organization", map[string]any{"resources": append([]res{{"type": "TYPE_ORG", "path": "acme", "scopes": []string{"scope-ram-write"}}}, many[1:]...)}, ""},
		{"every form of a path", map[string]any{"resources": []res{repo("acme/a/b", "scope-tag-read"), repo("acme/*", "scope-webhook-edit"), repo("*/*/public", "scope-image-pull")}}, ""},
		{"200 characters", map[string]any{"description": strings.Repeat("ä", 200)}, ""},
		{"201 characters", map[string]any{"description": strings.Repeat("ä", 201)}, "description"},
		{"no label", map[string]any{"label": ""}, "label"},
		{"no resources", map[string]any{"resources": []res{}}, "resources"},
		{"51 repositories", map[string]any{"resources": many}, "resources"},
		{"another organization", map[string]any{"resources": []res{repo("large/app", "scope-image-pull")}}, "resources"},
		{"another glob", map[string]any{"resources": []res{repo("acme/a*", "scope-image-pull")}}, "resources"},
		{"no path", map[string]any{"resources": []res{repo("acme/", "scope-image-pull")}}, "resources"},
		{"no scopes", map[string]any{"resources": []res{repo("acme/app")}}, "resources"},
		{"scope without prefix", map[string]any{"resources": []res{repo("acme/app", "image-pull")}}, "resources"},
		{"scope of the organization", map[string]any{"resources": []res{repo("acme/app", "scope-member-read")}}, "resources"},
		{"scope of a repository", map[string]any{"resources": []res{{"type": "TYPE_ORG", "path": "acme", "scopes": []string{"scope-image-pull"}}}}, "resources"},
		{"type", map[string]any{"resources": []res{{"type": "TYPE_ANY", "path": "acme", "scopes": []string{"scope-image-pull"}}}}, "resources"},
		{"other name", map[string]any{"resources": []res{{"type": "TYPE_ORG", "path": "large", "scopes": []string{"scope-member-read"}}}}, "resources"},
	}
	for _, test := range tests {
		if test.field != "" {
			defer h.AllowInvalid()()
		}
		want := map[string]int{"POST": 201, "PATCH": 200}
		if test.field != "" {
			want = map[string]int{"POST": 400, "PATCH": 400}
		}
		whole := map[string]any{"label": "x", "resources": one}
		for name, value := range test.body {
			whole[name] = value
		}
		for _, got := range []reply{h.send("POST", orgPath, session, whole), h.send("PATCH", orgPath+"/"+id, session, test.body)} {
			if got.status != want["POST"] && got.status != want["PATCH"] || test.field != "" && !strings.HasPrefix(got.string("detail"), test.field+":") {
				t.Errorf("%s: got %d %s", test.name, got.status, got.text)
			}
		}
	}
}

func TestOrgTokenGrants(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	asked := []string{"repository:acme/app:pull,push,delete", "repository:acme/web:pull,push", "repository:acme/site:pull,push", "repository:moby/hello:pull,push", "repository:moby/secret:pull", "repository:acmex/app:pull"}
	tests := []struct {
		name      string
		resources []res
		want      []string
	}{
		{"pull", []res{repo("acme/app", "scope-image-pull")}, []string{"acme/app [pull]"}},
		{"push implies pull", []res{repo("acme/app", "scope-image-push")}, []string{"acme/app [pull push]"}},
		{"delete implies both", []res{repo("acme/app", "scope-image-delete")}, []string{"acme/app [pull push delete]"}},
		{"two", []res{repo("acme/app", "scope-image-pull"), repo("acme/web", "scope-image-push")}, []string{"acme/app [pull]", "acme/web [pull push]"}},
		{"all of the organization", []res{repo("acme/*", "scope-image-push")}, []string{"acme/app [pull push]", "acme/web [pull push]", "acme/site [pull push]"}},
		{"all public ones", []res{repo("*/*/public", "scope-image-pull")}, []string{"acme/site [pull]", "moby/hello [pull]"}},
		{"pushing to public ones of others", []res{repo("*/*/public", "scope-image-push")}, []string{"acme/site [pull push]", "moby/hello [pull]"}},
		{"no images", []res{repo("acme/*", "scope-repository-admin")}, nil},
	}
	granted := func(name, secret string) (got []string) {
		t.Helper()
		for _, a := range h.access(h.want(200, h.basic(name, secret, asked...))) {
			got = append(got, fmt.Sprint(a.Name, " ", a.Actions))
		}
		return got
	}
	var id, secret string
	for _, test := range tests {
		id, secret = h.createOrg(session, test.resources...)
		if got := granted("acme", secret); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		h.want(401, h.basic("moby", secret))
	}
	h.want(200, h.send("PATCH", orgPath+"/"+id, session, map[string]any{"resources": []res{repo("acme/web", "scope-image-pull")}}))
	if got := granted("acme", secret); !reflect.DeepEqual(got, []string{"acme/web [pull]"}) {
		t.Errorf("after a change: got %q", got)
	}
	for user, want := range map[string][]string{
		"moby": {"acme/app [pull push delete]", "acme/web [pull push]", "acme/site [pull push]", "moby/hello [pull push]", "moby/secret [pull]"},
		"bob":  {"acme/app [pull]", "acme/web [pull]", "acme/site [pull]", "moby/hello [pull]"},
	} {
		if got := granted(user, password); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %q, want %q", user, got, want)
		}
	}
	_, public := h.create(h.signIn("bob"), "public", "repo:public_read")
	if got := granted("bob", public); !reflect.DeepEqual(got, []string{"acme/site [pull]", "moby/hello [pull]"}) {
		t.Errorf("bob with public_read: got %q", got)
	}
}

func TestOrgTokenAtTheRegistry(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	body := map[string]any{"label": "ci", "resources": []res{repo("acme/app", "scope-image-push")}, "expires_at": "2026-03-01T12:02:00Z"}
	made := h.want(201, h.send("POST", orgPath, session, body))
	bearer := h.want(200, h.basic("acme", made.string("token"), "repository:acme/app:pull,push")).string("token")
	h.want(202, h.send("POST", "/v2/acme/app/blobs/uploads/", bearer, nil))
	h.want(401, h.send("POST", "/v2/acme/web/blobs/uploads/", bearer, nil))
	h.clock.advance(3 * time.Minute)
	form := url.Values{"grant_type": {"password"}, "username": {"acme"}, "password": {made.string("token")}}
	for _, got := range []reply{h.basic("acme", made.string("token")), h.form(form)} {
		if h.want(401, got).text != `{"details":"org access token is expired"}` {
			t.Errorf("got %s", got.text)
		}
	}
	h.want(401, h.send("GET", "/v2/", bearer, nil))
}

func TestOrgTokenNoExpiry(t *testing.T) {
	for form, want := range map[sandbox.NoExpiry]bool{sandbox.ExpiryNull: true, sandbox.ExpiryAbsent: false} {
		h := startHub(t, func(o *sandbox.Options) { o.NoExpiry = form })
		session := h.signIn("moby")
		id, _ := h.createOrg(session, repo("acme/app", "scope-image-pull"))
		got := h.want(200, h.send("GET", orgPath+"/"+id, session, nil)).body
		if at, there := got["expires_at"]; there != want || at != nil {
			t.Errorf("%q: got %v", form, got)
		}
	}
}
