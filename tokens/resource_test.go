package tokens_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/tokens"
)

func repository(path string, scopes ...string) client.Resource {
	return client.Resource{Type: client.RepositoryResource, Path: path, Scopes: scopes}
}

func TestParseResources(t *testing.T) {
	t.Parallel()
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprintf("app%d:pull", i)
	}
	tests := []struct {
		repositories, scopes []string
		want                 []client.Resource
		wantErr              string
	}{
		{[]string{"app:pull"}, nil, []client.Resource{repository("acme/app", "scope-image-pull")}, ""},
		{[]string{"acme/app:pull,push", "*:delete", "*/*/public:PULL"}, nil, []client.Resource{
			repository("acme/app", "scope-image-pull", "scope-image-push"), repository("acme/*", "scope-image-delete"), repository("*/*/public", "scope-image-pull"),
		}, ""},
		{[]string{"acme/*:tag-read,scope-webhook-edit", "app:pull", "app:pull,push"}, []string{"member-read", "scope-group-edit", "member-read"}, []client.Resource{
			repository("acme/*", "scope-tag-read", "scope-webhook-edit"), repository("acme/app", "scope-image-pull", "scope-image-push"),
			{Type: client.OrganizationResource, Path: "acme", Scopes: []string{"scope-member-read", "scope-group-edit"}},
		}, ""},
		{[]string{"app:scope-image-pull"}, nil, []client.Resource{repository("acme/app", "scope-image-pull")}, ""},
		{nil, nil, nil, "say what the token may reach"},
		{many, nil, nil, "51 repositories are too many: Docker Hub takes up to 50"},
		{[]string{"app"}, nil, nil, `cannot read the repository "app": give NAME:pull`},
		{[]string{"app:"}, nil, nil, "cannot read the repository"},
		{[]string{"app:pull,"}, nil, nil, `unknown permission "" for app: the permissions are pull, push, delete, repository-read,`},
		{[]string{"app:image-pull"}, nil, nil, "unknown permission"},
		{[]string{"app:member-read"}, nil, nil, `unknown permission "member-read"`},
		{[]string{":pull"}, nil, nil, `"" is no repository of acme: give NAME, acme/NAME, * for all of them or */*/public`},
		{[]string{"other/app:pull"}, nil, nil, `"other/app" is no repository of acme`},
		{[]string{"acme/app-*:pull"}, nil, nil, "is no repository of acme"},
		{[]string{"App:pull"}, nil, nil, "is no repository of acme"},
		{nil, []string{"repo:write"}, nil, `unknown scope "repo:write": the scopes of an organization are member-read, member-edit,`},
		{nil, []string{"pull"}, nil, "unknown scope"},
	}
	for _, tt := range tests {
		got, err := tokens.ParseResources("acme", tt.repositories, tt.scopes)
		if !reflect.DeepEqual(got, tt.want) || (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
			t.Errorf("ParseResources(%q, %q) = %v, %v; want %v, %q", tt.repositories, tt.scopes, got, err, tt.want, tt.wantErr)
		}
	}
}

func TestPermissionOf(t *testing.T) {
	t.Parallel()
	org := client.Resource{Type: client.OrganizationResource, Path: "acme", Scopes: []string{"scope-member-edit", "scope-new"}}
	for want, token := range map[string]client.Token{
		"Read & Write":    {Scopes: []string{"repo:write"}},
		"-":               {Organization: "acme"},
		"app: pull, push": {Organization: "acme", Resources: []client.Resource{repository("acme/app", "scope-image-pull", "scope-image-push")}},
		"*: delete; organization: member-edit, scope-new": {Organization: "acme", Resources: []client.Resource{repository("acme/*", "scope-image-delete"), org}},
		"a: tag-read; b: repository-admin; 2 more":        {Organization: "acme", Resources: []client.Resource{repository("acme/a", "scope-tag-read"), repository("acme/b", "scope-repository-admin"), org, org}},
		"*/*/public: pull":          {Organization: "acme", Resources: []client.Resource{repository(client.AllPublic, "scope-image-pull")}},
		"x: image-pull, scope-pull": {Organization: "acme", Resources: []client.Resource{repository("acme/x", "image-pull", "scope-pull")}},
	} {
		if got := tokens.PermissionOf(token); got != want {
			t.Errorf("PermissionOf(%v) = %q, want %q", token.Resources, got, want)
		}
	}
}

func TestCheckDescription(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "of the build", strings.Repeat("é", 151)} {
		if err := tokens.CheckDescription(good); err != nil {
			t.Errorf("CheckDescription(%q) = %v", good, err)
		}
	}
	for _, bad := range []string{strings.Repeat("é", 152), "a\nb", "\xff"} {
		if tokens.CheckDescription(bad) == nil {
			t.Errorf("CheckDescription(%q) found nothing wrong", bad)
		}
	}
}
