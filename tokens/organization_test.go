package tokens_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/tokens"
)

const orgPath = "/hub/v2/orgs/acme/access-tokens"

func orgBench(t *testing.T) (*bench, *client.Organization) {
	t.Helper()
	b := newBench(t)
	return b, b.hub.Organization("acme")
}

var appSpec = tokens.Spec{Org: "acme", NewToken: client.NewToken{
	Label: label, Description: strings.Repeat("é", 151), Resources: []client.Resource{repository("acme/app", "scope-image-pull")},
}}

// printed makes a token of the organization for nobody.
func (b *bench) printed(t *testing.T) (client.Token, error) {
	t.Helper()
	return b.issuer.Print(t.Context(), appSpec, func(client.Secret) error { return nil })
}

func TestUseForAnOrganization(t *testing.T) {
	t.Parallel()
	b, org := orgBench(t)
	made, err := b.issuer.Use(t.Context(), b.place, appSpec)
	got := made.Token
	if err != nil || got.Organization != "acme" || got.Description != appSpec.Description || len(got.Operation) != 36 {
		t.Fatalf("Use = %+v, %v", made, err)
	}
	if held, err := b.store.Get(t.Context(), key); err != nil || held.Username != "acme" || held.Token.Org != "acme" {
		t.Errorf("the store has %+v, %v", held, err)
	}
	b.wantHeld(t, got.ID)
	for name, fault := range map[string]sandbox.Fault{
		"reply lost after the deed":  {Method: "POST", Path: orgPath, Cut: sandbox.CutAfter, Times: 1},
		"lost before the deed":       {Method: "POST", Path: orgPath, Cut: sandbox.CutBefore, Times: 1},
		"page in place of the token": {Method: "POST", Path: orgPath, Cut: sandbox.CutAfter, Status: 201, Body: "<html>", Times: 1},
		"registry refuses":           {Path: "/token", Status: 401, Times: 1},
	} {
		b.Sandbox.Inject(fault)
		if _, err := b.issuer.Use(t.Context(), b.place, appSpec); err == nil || errors.As(err, new(*tokens.PendingError)) {
			t.Errorf("%s: got %v, want the cause alone", name, err)
		}
		if all, err := org.ListTokens(t.Context()); err != nil || len(all) != 1 || all[0].ID != got.ID {
			t.Errorf("%s: the organization has %+v, %v", name, all, err)
		}
		b.wantHeld(t, got.ID)
		b.settle(t)
	}
	rotated, err := b.issuer.Rotate(t.Context(), b.place, tokens.Rotation{})
	if err != nil || rotated.Token.Description != got.Description || !reflect.DeepEqual(rotated.Token.Resources, got.Resources) {
		t.Fatalf("Rotate = %+v, %v; want what %+v may", rotated.Token, err, got)
	}
	b.wantHeld(t, rotated.Token.ID)
	if all, err := org.ListTokens(t.Context()); err != nil || len(all) != 1 || all[0].ID != rotated.Token.ID {
		t.Errorf("the organization has %+v, %v", all, err)
	}
	b.settle(t)
}

func TestExplainRefusal(t *testing.T) {
	t.Parallel()
	b, org := orgBench(t)
	refuse := func(status int) error {
		t.Helper()
		if status != 0 {
			b.Sandbox.Inject(sandbox.Fault{Method: "POST", Path: orgPath, Status: status, Times: 1})
		}
		_, err := b.printed(t)
		if err == nil {
			t.Fatal("it was not refused")
		}
		return tokens.ExplainRefusal(t.Context(), org, err)
	}
	check := func(name string, err error, held int) { // -1: no limit
		t.Helper()
		var limit *tokens.LimitError
		if is := errors.As(err, &limit); is != (held >= 0) || is && limit.Held != held {
			t.Errorf("%s: got %v", name, err)
		}
		if !errors.As(err, new(*client.APIError)) {
			t.Errorf("%s: the answer is not in %v", name, err)
		}
	}
	check("403 with none", refuse(403), 0)
	check("400 with none", refuse(400), -1)
	check("500", refuse(500), -1)
	for range 10 {
		if _, err := b.printed(t); err != nil {
			t.Fatal(err)
		}
	}
	err := refuse(0)
	check("the eleventh", err, 10)
	if !errors.Is(err, client.ErrForbidden) || !strings.Contains(err.Error(), "the plan allows 10 access tokens (the organization has 10 tokens)") {
		t.Errorf("got %v", err)
	}
	check("400 with ten", refuse(400), 10)
	b.Sandbox.Inject(sandbox.Fault{Method: "GET", Path: orgPath, Status: 403})
	check("no owner", refuse(403), -1)
}

func TestDetails(t *testing.T) {
	t.Parallel()
	b, org := orgBench(t)
	var want []string
	for range 9 {
		made, err := b.printed(t)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, made.ID)
	}
	slices.Reverse(want)
	all, err := org.ListTokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := org.DeleteToken(t.Context(), want[4]); err != nil {
		t.Fatal(err)
	}
	want = slices.Delete(want, 4, 5)
	got, err := tokens.Details(t.Context(), org, all)
	var ids []string
	for _, token := range got {
		ids = append(ids, token.ID)
		if !reflect.DeepEqual(token.Resources, appSpec.Resources) {
			t.Errorf("%s has resources %v", token.ID, token.Resources)
		}
	}
	if err != nil || !slices.Equal(ids, want) {
		t.Errorf("got %v, %v; want %v", ids, err, want)
	}
	personal := []client.Token{{ID: "x"}}
	if got, err := tokens.Details(t.Context(), org, personal); err != nil || !reflect.DeepEqual(got, personal) {
		t.Errorf("a user's token: got %v, %v", got, err)
	}
	b.Sandbox.Inject(sandbox.Fault{Method: "GET", Path: orgPath + "/*", Status: 500, Times: 1})
	if got, err := tokens.Details(t.Context(), org, all); err == nil || got != nil {
		t.Errorf("a failure: got %v, %v", got, err)
	}
}
