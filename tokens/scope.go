package tokens

import (
	"fmt"
	"slices"
	"strings"
)

// A Scope is one that personal access tokens are made with, and what it allows.
type Scope struct{ Name, Label, Allows string }

// Scopes are the known ones, the strongest first. Each repository scope includes those after it.
// Source: https://docs.docker.com/security/access-tokens/.
func Scopes() []Scope {
	return []Scope{
		{"repo:admin", "Read, Write, Delete", "pull, push, delete, and change repository settings"},
		{"repo:write", "Read & Write", "pull and push"},
		{"repo:read", "Read-only", "pull public and private repositories"},
		{"repo:public_read", "Public Read-only", "pull public repositories"},
	}
}

// ParseScopes checks the scopes for a new token and removes repeats. Short forms without "repo:" are
// taken.
func ParseScopes(names []string) ([]string, error) {
	var scopes []string
	for _, name := range names {
		i := slices.IndexFunc(Scopes(), func(s Scope) bool {
			return strings.EqualFold(s.Name, name) || strings.EqualFold(s.Name, "repo:"+name)
		})
		if i < 0 {
			return nil, fmt.Errorf("unknown scope %q: the scopes are %s", name, strings.Join(scopeNames(), ", "))
		}
		if scope := Scopes()[i].Name; !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes, nil
}

// Permission is what scopes allow, in the words of Docker Hub's page: the strongest of the repository
// scopes. Those of an organization's token have the words that --repo takes, and scopes that are not known
// are named as they are.
func Permission(scopes []string) string {
	var parts []string
	for _, s := range Scopes() {
		if slices.Contains(scopes, s.Name) {
			parts = append(parts, s.Label)
			break
		}
	}
	for _, name := range scopes {
		if !slices.Contains(scopeNames(), name) {
			parts = append(parts, permissionOf(name))
		}
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

func scopeNames() []string {
	var names []string
	for _, s := range Scopes() {
		names = append(names, s.Name)
	}
	return names
}
