package sandbox_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

func TestTokenLife(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	body := map[string]any{"token_label": "ci", "scopes": []string{"repo:write", "repo:read"}, "expires_at": "2026-12-31T23:59:59Z"}
	made := h.want(201, h.send("POST", tokensPath, session, body))
	secret := made.string("token")
	if !regexp.MustCompile(`^dckr_pat_[A-Za-z0-9_-]{27}$`).MatchString(secret) {
		t.Error("the secret has another shape")
	}
	id := made.string("uuid")
	want := map[string]any{
		"uuid": id, "client_id": "HUB", "creator_ip": "127.0.0.1", "creator_ua": "sandbox-test/1",
		"created_at": "2026-03-01T12:00:00.123456Z", "last_used": nil, "generated_by": "manual", "is_active": true,
		"token": secret, "token_label": "ci", "scopes": []any{"repo:write", "repo:read"}, "expires_at": "2026-12-31T23:59:59Z",
	}
	check := func(act string, got map[string]any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", act, got, want)
		}
	}
	check("create", made.body)
	want["token"] = "***"
	item := tokensPath + "/" + id
	check("get", h.want(200, h.send("GET", item, session, nil)).body)
	want["token_label"] = "build"
	check("rename", h.want(200, h.send("PATCH", item, session, map[string]any{"token_label": "build"})).body)
	want["is_active"] = false
	check("deactivate", h.want(200, h.send("PATCH", item, session, map[string]any{"is_active": false})).body)
	check("change nothing", h.want(200, h.send("PATCH", item, session, map[string]any{})).body)
	h.want(401, h.send("POST", "/hub/v2/auth/token", "", identify("moby", secret)))
	want["is_active"] = true
	check("activate", h.want(200, h.send("PATCH", item, session, map[string]any{"is_active": true})).body)
	h.clock.advance(time.Minute)
	h.want(200, h.send("POST", "/hub/v2/auth/token", "", identify("moby", secret)))
	want["last_used"] = "2026-03-01T12:01:00.123456Z"
	check("use", h.want(200, h.send("GET", item, session, nil)).body)
	if got := h.want(204, h.send("DELETE", item, session, nil)); got.text != "" {
		t.Errorf("delete: got body %q", got.text)
	}
	h.want(404, h.send("GET", item, session, nil))
	h.want(404, h.send("PATCH", item, session, map[string]any{"is_active": true}))
	h.want(404, h.send("DELETE", item, session, nil))
	h.want(401, h.send("POST", "/hub/v2/auth/token", "", identify("moby", secret)))
}

func TestTokenExpires(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	body := map[string]any{"token_label": "ci", "scopes": []string{"repo:read"}, "expires_at": "2026-03-01T12:05:00.5Z"}
	made := h.want(201, h.send("POST", tokensPath, session, body))
	item := tokensPath + "/" + made.string("uuid")
	h.want(200, h.send("PATCH", item, session, map[string]any{"is_active": false}))
	h.clock.advance(5*time.Minute + time.Second)
	h.want(400, h.send("PATCH", item, session, map[string]any{"is_active": true}))
	h.want(400, h.send("PATCH", item, session, map[string]any{"token_label": "x"}))
	h.want(401, h.send("POST", "/hub/v2/users/login", "", login("moby", made.string("token"))))
	h.want(204, h.send("DELETE", item, session, nil))
}

func TestTokenValidation(t *testing.T) {
	tests := []struct{ name, body, field string }{
		{"no body", "", "body"},
		{"no label", `{"scopes":["repo:read"]}`, "token_label"},
		{"long label", `{"token_label":"` + strings.Repeat("ä", 101) + `","scopes":["repo:read"]}`, "token_label"},
		{"no scopes", `{"token_label":"x"}`, "scopes"},
		{"empty scopes", `{"token_label":"x","scopes":[]}`, "scopes"},
		{"unknown scope", `{"token_label":"x","scopes":["repo:read","repo:own"]}`, "scopes"},
		{"past expiry", `{"token_label":"x","scopes":["repo:read"],"expires_at":"2026-03-01T12:00:00Z"}`, "expires_at"},
		{"expiry with an offset", `{"token_label":"x","scopes":["repo:read"],"expires_at":"2027-03-01T12:00:00+01:00"}`, "expires_at"},
		{"expiry in nanoseconds", `{"token_label":"x","scopes":["repo:read"],"expires_at":"2027-03-01T12:00:00.123456789Z"}`, "expires_at"},
		{"empty expiry", `{"token_label":"x","scopes":["repo:read"],"expires_at":""}`, "expires_at"},
	}
	for _, shape := range []sandbox.Validation{sandbox.ValidationMessage, sandbox.ValidationFields} {
		h := startHub(t, func(o *sandbox.Options) { o.Validation = shape })
		session := h.signIn("moby")
		restore := h.AllowInvalid()
		for _, test := range tests {
			got := h.want(400, h.send("POST", tokensPath, session, test.body))
			named := strings.HasPrefix(got.string("detail"), test.field+":") && got.string("message") == "bad request"
			if shape == sandbox.ValidationFields {
				fields, _ := got.body["fields"].(map[string]any)
				named = fields[test.field] != nil && got.string("text") != ""
			}
			if !named {
				t.Errorf("%q, %s: got %s", shape, test.name, got.text)
			}
		}
		id, _ := h.create(session, strings.Repeat("ä", 100), "repo:public_read")
		h.want(400, h.send("PATCH", tokensPath+"/"+id, session, `{"token_label":""}`))
		h.want(400, h.send("PATCH", tokensPath+"/"+id, session, `[]`))
		for _, query := range []string{"page=0", "page=x", "page_size=0", "page_size=-1"} {
			h.want(400, h.send("GET", tokensPath+"?"+query, session, nil))
		}
		restore()
	}
}

func TestTokenForms(t *testing.T) {
	tests := []struct {
		redaction sandbox.Redaction
		expiry    sandbox.NoExpiry
		want      map[string]any // of token and expires_at, those that are there
	}{
		{sandbox.RedactStars, sandbox.ExpiryNull, map[string]any{"token": "***", "expires_at": nil}},
		{sandbox.RedactEmpty, sandbox.ExpiryAbsent, map[string]any{"token": ""}},
		{sandbox.RedactAbsent, sandbox.ExpiryNull, map[string]any{"expires_at": nil}},
	}
	for _, test := range tests {
		h := startHub(t, func(o *sandbox.Options) { o.Redaction, o.NoExpiry = test.redaction, test.expiry })
		session := h.signIn("moby")
		id, secret := h.create(session, "ci", "repo:read")
		if !strings.HasPrefix(secret, tokenStart) {
			t.Errorf("%q: the reply to create has no secret", test.redaction)
		}
		item := tokensPath + "/" + id
		list := h.send("GET", tokensPath, session, nil).body["results"].([]any)[0].(map[string]any)
		for name, body := range map[string]map[string]any{
			"get": h.send("GET", item, session, nil).body, "list": list,
			"patch": h.send("PATCH", item, session, map[string]any{"is_active": true}).body,
		} {
			got := map[string]any{}
			for _, member := range []string{"token", "expires_at"} {
				if value, ok := body[member]; ok {
					got[member] = value
				}
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s: got %v, want %v", name, got, test.want)
			}
		}
	}
}

func TestPages(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	type page struct {
		Count, Active  int
		Next, Previous string
		Labels         []string
	}
	get := func(query string) page {
		t.Helper()
		var wire struct {
			Count    int
			Active   int `json:"active_count"`
			Next     *string
			Previous *string
			Results  []struct {
				Label string `json:"token_label"`
			}
		}
		if err := json.Unmarshal([]byte(h.want(200, h.send("GET", tokensPath+query, session, nil)).text), &wire); err != nil {
			t.Fatal(err)
		}
		p := page{Count: wire.Count, Active: wire.Active}
		for url, target := range map[**string]*string{&wire.Next: &p.Next, &wire.Previous: &p.Previous} {
			if *url != nil {
				*target = strings.TrimPrefix(**url, h.URL+tokensPath)
			}
		}
		for _, token := range wire.Results {
			p.Labels = append(p.Labels, token.Label)
		}
		return p
	}
	if got := get(""); !reflect.DeepEqual(got, page{}) {
		t.Errorf("empty: got %+v", got)
	}
	var ids []string
	for i := range 12 {
		id, _ := h.create(session, fmt.Sprint(i), "repo:read")
		ids = append(ids, id)
	}
	h.want(200, h.send("PATCH", tokensPath+"/"+ids[0], session, map[string]any{"is_active": false}))
	tests := map[string]page{
		"":                     {12, 11, "?page=2&page_size=10", "", strings.Fields("11 10 9 8 7 6 5 4 3 2")},
		"?page=2":              {12, 11, "", "?page=1&page_size=10", strings.Fields("1 0")},
		"?page=2&page_size=5":  {12, 11, "?page=3&page_size=5", "?page=1&page_size=5", strings.Fields("6 5 4 3 2")},
		"?page=2&page_size=6":  {12, 11, "", "?page=1&page_size=6", strings.Fields("5 4 3 2 1 0")},
		"?page=1&page_size=99": {12, 11, "", "", strings.Fields("11 10 9 8 7 6 5 4 3 2 1 0")},
	}
	for query, want := range tests {
		if got := get(query); !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n got %+v\nwant %+v", query, got, want)
		}
	}
	h.want(404, h.send("GET", tokensPath+"?page=3", session, nil))
	h.want(404, h.send("GET", tokensPath+"?page=9000000000000000000&page_size=100", session, nil))
	for i := range 90 {
		h.create(session, fmt.Sprint(i), "repo:read")
	}
	if got := get("?page_size=1000"); len(got.Labels) != 100 || got.Next != "?page=2&page_size=100" {
		t.Errorf("large page: got %d tokens and next %q", len(got.Labels), got.Next)
	}
}

func TestUsersAreApart(t *testing.T) {
	h := startHub(t, nil)
	id, _ := h.create(h.signIn("moby"), "ci", "repo:read")
	bob := h.signIn("bob")
	if got := h.want(200, h.send("GET", tokensPath, bob, nil)); got.body["count"] != 0.0 {
		t.Errorf("got %s", got.text)
	}
	h.want(404, h.send("GET", tokensPath+"/"+id, bob, nil))
	h.want(404, h.send("PATCH", tokensPath+"/"+id, bob, map[string]any{"is_active": false}))
	h.want(404, h.send("DELETE", tokensPath+"/"+id, bob, nil))
}
