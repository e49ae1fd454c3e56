package client_test

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
)

func TestLifeOfAnOrganizationToken(t *testing.T) {
	t.Parallel()
	for _, expiry := range []sandbox.NoExpiry{sandbox.ExpiryNull, sandbox.ExpiryAbsent} {
		h := startHub(t, func(o *sandbox.Options) { o.NoExpiry = expiry })
		o := h.signedIn(t).Organization("acme")
		both := []client.Resource{
			{Type: client.RepositoryResource, Path: "acme/*", Scopes: []string{"scope-image-push", "scope-tag-read"}},
			{Type: client.RepositoryResource, Path: client.AllPublic, Scopes: []string{"scope-image-pull"}},
			{Type: client.OrganizationResource, Path: "acme", Scopes: []string{"scope-member-read"}},
		}
		created, ends := h.clock.now(), h.clock.now().Add(720*time.Hour).Truncate(time.Second)
		got, text, err := o.CreateToken(t.Context(), client.NewToken{
			Label: "née <ci>", Scopes: []string{"repo:read"}, Description: "of [the] build", Operation: "op-1", Resources: both, ExpiresAt: ends,
		})
		want := client.Token{
			ID: got.ID, Label: "née <ci>", Scopes: []string{"scope-image-push", "scope-tag-read", "scope-image-pull", "scope-member-read"}, Active: true,
			CreatedAt: created, ExpiresAt: ends, Operation: "op-1", Organization: "acme", Description: "of [the] build", Resources: both,
		}
		if err != nil || got.ID == "" || !strings.HasPrefix(text.Reveal(), "dckr_"+"oat_") || !reflect.DeepEqual(got, want) {
			t.Fatalf("CreateToken = %+v, %v; want %+v", got, err, want)
		}
		want.CreatedBy = "moby"
		h.clock.advance(time.Hour)
		if session, err := h.client(t).Exchange(t.Context(), "acme", text); err != nil || session.Username != "acme" {
			t.Errorf("Exchange = %v, %v", session.Username, err)
		}
		want.LastUsedAt = h.clock.now()
		if err := newRegistry(t, h.URL).SignIn(t.Context(), "acme", text); err != nil {
			t.Error(err)
		}
		if got, err := o.GetToken(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("GetToken = %+v, %v; want %+v", got, err, want)
		}
		listed := want
		listed.Scopes, listed.Resources = nil, nil
		if all, err := o.ListTokens(t.Context()); err != nil || !reflect.DeepEqual(all, []client.Token{listed}) {
			t.Errorf("ListTokens = %+v, %v; want %+v", all, err, listed)
		}
		want.Label = "renamed"
		for _, step := range []struct {
			change client.TokenChange
			apply  func()
		}{
			{client.TokenChange{Label: new("renamed")}, func() { want.Label = "renamed" }},
			{client.TokenChange{Active: new(false)}, func() { want.Active = false }},
			{client.TokenChange{Resources: both[1:2]}, func() { want.Resources, want.Scopes = both[1:2], []string{"scope-image-pull"} }},
			{client.TokenChange{Description: new("")}, func() { want.Description, want.Operation = "", "" }},
		} {
			step.apply()
			if got, err := o.UpdateToken(t.Context(), want.ID, step.change); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("UpdateToken(%+v) = %+v, %v; want %+v", step.change, got, err, want)
			}
		}
		if err := o.DeleteToken(t.Context(), want.ID); err != nil {
			t.Error(err)
		}
		_, getErr := o.GetToken(t.Context(), want.ID)
		_, setErr := o.UpdateToken(t.Context(), want.ID, client.TokenChange{Active: new(true)})
		for i, err := range []error{o.DeleteToken(t.Context(), want.ID), getErr, setErr} {
			if !errors.Is(err, client.ErrNotFound) {
				t.Errorf("after the end, call %d: got %v, want ErrNotFound", i, err)
			}
		}
	}
}

// TestOrganizationRefuses has organizations that are not the user's, and one whose plan is used up.
func TestOrganizationRefuses(t *testing.T) {
	t.Parallel()
	h := startHub(t, func(o *sandbox.Options) {
		o.Organizations = []sandbox.Organization{{Name: "acme", Owners: []string{"moby"}, Plan: sandbox.PlanPersonal}, {Name: "others", Owners: []string{"ann"}}}
	})
	c := h.signedIn(t)
	_, pat := mustCreate(t, c, "pat")
	fromToken, err := h.client(t).Exchange(t.Context(), "moby", pat)
	if err != nil {
		t.Fatal(err)
	}
	_, createErr := create(t, c.Organization("acme"), "x", "")
	_, othersErr := c.Organization("others").ListTokens(t.Context())
	_, nobodysErr := c.Organization("no/body").ListTokens(t.Context())
	_, tokenErr := c.WithBearer(fromToken.Bearer).Organization("acme").ListTokens(t.Context())
	_, noneErr := h.client(t).Organization("acme").ListTokens(t.Context())
	tests := []struct {
		err  error
		want error
		org  string
		text string
	}{
		{createErr, client.ErrForbidden, "acme", "create an access token of organization acme: POST /v2/orgs/acme/access-tokens: 403 Forbidden: the plan allows 0 access tokens"},
		{othersErr, client.ErrForbidden, "others", "list the access tokens of organization others: GET /v2/orgs/others/access-tokens: 403 Forbidden: permission denied"},
		{nobodysErr, client.ErrNotFound, "no/body", "list the access tokens of organization no/body: GET /v2/orgs/no%2Fbody/access-tokens: 404 Not Found: not found"},
		{tokenErr, client.ErrForbidden, "acme", "list the access tokens of organization acme: GET /v2/orgs/acme/access-tokens: 403 Forbidden: token issued from personal access token is not allowed"},
		{noneErr, client.ErrUnauthorized, "acme", "list the access tokens of organization acme: GET /v2/orgs/acme/access-tokens: 401 Unauthorized: unauthorized"},
	}
	for _, tt := range tests {
		var org *client.OrganizationError
		if !errors.Is(tt.err, tt.want) || !errors.As(tt.err, &org) || org.Organization != tt.org || tt.err.Error() != tt.text {
			t.Errorf("got %v, want %s", tt.err, tt.text)
		}
	}
	_, err = h.client(t).SignIn(t.Context(), "acme", secret.New(madeUp))
	if !errors.Is(err, client.ErrUnauthorized) || !strings.Contains(err.Error(), "Cannot log into an organization account") {
		t.Errorf("sign-in: got %v", err)
	}
}

func create(t *testing.T, o *client.Organization, label, operation string) (client.Token, error) {
	t.Helper()
	got, _, err := o.CreateToken(t.Context(), client.NewToken{Label: label, Operation: operation, Resources: pullApp})
	return got, err
}

// TestFindOperation looks for a token where the list has descriptions, where it has none, and where nothing
// has.
func TestFindOperation(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		list, item bool // have descriptions
		requests   int
	}{
		"as it is":                {true, true, 1},
		"no descriptions in list": {false, true, 1 + 3},
		"no descriptions":         {false, false, 1 + 1},
	}
	for name, tt := range tests {
		h := startHub(t, nil)
		direct := h.signedIn(t).Organization("acme")
		var want client.Token
		for _, operation := range []string{"", "op-1", "op-12"} {
			made, err := create(t, direct, "ci", operation)
			if err != nil {
				t.Fatal(err)
			}
			if operation == "op-1" {
				want = made
			}
		}
		server := record(t, func(w http.ResponseWriter, r *http.Request) {
			if isList := r.URL.Path == orgPath; isList && !tt.list || !isList && !tt.item {
				w = &renamer{w}
			}
			h.Sandbox.ServeHTTP(w, r)
		})
		o := through(t, h, server).Organization("acme")
		got, found, err := o.FindOperation(t.Context(), "op-1")
		if tt.item && (err != nil || !found || got.ID != want.ID) || !tt.item && (err == nil || !strings.Contains(err.Error(), "does not tell the descriptions")) {
			t.Errorf("%s: got %+v, %v, %v", name, got, found, err)
		}
		if n := len(server.requests()); n != tt.requests {
			t.Errorf("%s: %d requests, want %d: %q", name, n, tt.requests, server.requests())
		}
		if got, found, err := o.FindOperation(t.Context(), "op-"); tt.item && (err != nil || found) {
			t.Errorf("%s: a part of it finds %+v, %v", name, got, err)
		}
	}
}

// A renamer makes the client not see descriptions.
type renamer struct{ http.ResponseWriter }

func (r *renamer) Write(data []byte) (int, error) {
	_, err := r.ResponseWriter.Write([]byte(strings.ReplaceAll(string(data), `"description":`, `"unknown":`)))
	return len(data), err
}

func TestFindOperationOfAUser(t *testing.T) {
	t.Parallel()
	h := startHub(t, nil)
	c := h.signedIn(t)
	mustCreate(t, c, "other")
	want, _, err := c.CreateToken(t.Context(), client.NewToken{Label: "ci", Scopes: []string{"repo:read"}, Operation: "op-12"})
	if err != nil {
		t.Fatal(err)
	}
	for operation, there := range map[string]bool{"op-12": true, "op-1": false, "": false} {
		if got, found, err := c.FindOperation(t.Context(), operation); err != nil || found != there || there && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, %v, %v", operation, got, found, err)
		}
	}
	without := record(t, reply(404, "application/json", `{"message":"not found"}`))
	if _, found, err := newClient(t, without.URL, nil).FindOperation(t.Context(), "op-12"); err == nil || found {
		t.Errorf("a service without the route: got %v, %v", found, err)
	}
}

// TestWhatIsSentForAnOrganization looks at the bytes: what is not set is not sent, nothing of an
// organization's token is sent for a user's, and nothing of a user's for an organization's.
func TestWhatIsSentForAnOrganization(t *testing.T) {
	t.Parallel()
	server := record(t, reply(200, "application/json", `{"id":"1234","uuid":"1234","token":"x","unknown":{"member":1}}`))
	c := newClient(t, server.URL, nil)
	o := c.Organization("a b")
	spec := client.NewToken{Label: "x", Scopes: []string{"repo:read"}, Description: "of it", Operation: "op", Resources: pullApp}
	change := client.TokenChange{Label: new("y"), Description: new("d"), Resources: pullApp}
	for _, call := range []func() error{
		func() error { _, _, err := o.CreateToken(t.Context(), spec); return err },
		func() error { spec.Description = ""; _, _, err := o.CreateToken(t.Context(), spec); return err },
		func() error { _, _, err := c.CreateToken(t.Context(), spec); return err },
		func() error {
			_, err := o.UpdateToken(t.Context(), "a/b", client.TokenChange{Active: new(false)})
			return err
		},
		func() error { _, err := o.UpdateToken(t.Context(), "1", change); return err },
		func() error { _, err := c.UpdateToken(t.Context(), "1", change); return err },
	} {
		if err := call(); err != nil {
			t.Error(err)
		}
	}
	const resources = `"resources":[{"type":"TYPE_REPO","path":"acme/app","scopes":["scope-image-pull"]}]`
	want := []string{
		`POST /v2/orgs/a%20b/access-tokens |  | {"label":"x","description":"of it [operation/op]",` + resources + `}`,
		`POST /v2/orgs/a%20b/access-tokens |  | {"label":"x","description":"[operation/op]",` + resources + `}`,
		`POST /v2/access-tokens |  | {"token_label":"x","scopes":["repo:read"]}`,
		`PATCH /v2/orgs/a%20b/access-tokens/a%2Fb |  | {"is_active":false}`,
		`PATCH /v2/orgs/a%20b/access-tokens/1 |  | {"label":"y","description":"d",` + resources + `}`,
		`PATCH /v2/access-tokens/1 |  | {"token_label":"y"}`,
	}
	if got := server.requests(); !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}
