package sandbox

import (
	"slices"
	"strings"
)

const (
	actionPull   = "pull"
	actionPush   = "push"
	actionDelete = "delete"

	officialNamespace = "library" // of the official images: public, and nobody's own
)

// A resourceAccess is an entry of the access claim of a registry bearer.
// Source: distribution specification, token authentication.
type resourceAccess struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// parseAccess reads scope parameters: several, each with several scopes between spaces, each of the
// form repository:NAME:ACTION,ACTION. NAME may hold colons (localhost:5000/moby/hello), so the first
// and the last colon count. What is not of that form asks for nothing, as at Hub.
func parseAccess(params []string) []resourceAccess {
	var asked []resourceAccess
	for _, text := range strings.Fields(strings.Join(params, " ")) {
		kind, rest, _ := strings.Cut(text, ":")
		colon := strings.LastIndex(rest, ":")
		if kind != "repository" || colon < 1 {
			continue
		}
		asked = append(asked, resourceAccess{Type: kind, Name: rest[:colon], Actions: strings.Split(rest[colon+1:], ",")})
	}
	return asked
}

// grant is the part of what is asked that the credential may have. Too much asked is no error: the
// bearer holds less, and says so in its access claim. "*" asks for every action.
func (s *Sandbox) grant(c credential, asked []resourceAccess) []resourceAccess {
	granted := []resourceAccess{}
	for _, entry := range asked {
		var actions []string
		for _, action := range s.allowed(c, entry.Name) {
			if slices.Contains(entry.Actions, action) || slices.Contains(entry.Actions, "*") {
				actions = append(actions, action)
			}
		}
		if len(actions) > 0 {
			granted = append(granted, resourceAccess{Type: entry.Type, Name: entry.Name, Actions: actions})
		}
	}
	return granted
}

// allowed lists what a credential may do with a repository. The zero credential is anonymous.
func (s *Sandbox) allowed(c credential, repository string) []string {
	if c.token != nil && c.account.org != nil {
		return s.reached(c, repository)
	}
	switch owner, member := s.belongs(c.account, repository); {
	case owner:
		switch {
		case c.token == nil, slices.Contains(c.token.scopes, scopeAdmin):
			return []string{actionPull, actionPush, actionDelete}
		case slices.Contains(c.token.scopes, scopeWrite):
			return []string{actionPull, actionPush}
		case slices.Contains(c.token.scopes, scopeRead):
			return []string{actionPull}
		}
	case member && c.readsPrivate():
		return []string{actionPull}
	}
	if s.public(repository) {
		return []string{actionPull}
	}
	return nil
}

// readsPrivate reports whether a user's credential is good for more than public repositories.
func (c credential) readsPrivate() bool {
	return c.token == nil || slices.ContainsFunc(c.token.scopes, func(s scope) bool {
		return s == scopeAdmin || s == scopeWrite || s == scopeRead
	})
}

func (s *Sandbox) public(repository string) bool {
	return strings.HasPrefix(repository, officialNamespace+"/") || slices.Contains(s.opts.PublicRepositories, repository)
}

// includes reports whether the access claim allows action on repository.
func includes(access []resourceAccess, repository, action string) bool {
	return slices.ContainsFunc(access, func(entry resourceAccess) bool {
		return entry.Type == "repository" && entry.Name == repository && slices.Contains(entry.Actions, action)
	})
}
