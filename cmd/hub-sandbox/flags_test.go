package main

import (
	"reflect"
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
