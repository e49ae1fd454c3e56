package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

func TestParseOrganizations(t *testing.T) {
	got, err := parseOrganizations([]string{"acme:moby,ann", "large:moby:bob,eve:business", "small:moby::team"})
	want := []sandbox.Organization{
		{Name: "acme", Owners: []string{"moby", "ann"}, Members: []string{}},
		{Name: "large", Owners: []string{"moby"}, Members: []string{"bob", "eve"}, Plan: sandbox.PlanBusiness},
		{Name: "small", Owners: []string{"moby"}, Members: []string{}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

// TestOrganizations asks the running program for the tokens of two organizations.
func TestOrganizations(t *testing.T) {
	p := start(t, "--addr", "127.0.0.1:0", "--user", "moby:whale", "--user", "ann:whale", "--org", "acme:moby:ann", "--org", "others:ann")
	url := p.settings["DOCKER_PAT_HUB_URL"]
	var session struct{ Token string }
	ask(t, "POST", url+"/v2/users/login", "", `{"username":"moby","password":"whale"}`, &session)
	for org, want := range map[string]int{"acme": 200, "others": 403, "nowhere": 404} {
		if got := ask(t, "GET", fmt.Sprintf("%s/v2/orgs/%s/access-tokens", url, org), session.Token, "", &struct{}{}); got != want {
			t.Errorf("%s: got status %d, want %d", org, got, want)
		}
	}
}

func ask(t *testing.T, method, url, bearer, body string, reply any) (status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(reply); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}
