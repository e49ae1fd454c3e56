package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// The kinds of resource.
const (
	typeRepo = "TYPE_REPO"
	typeOrg  = "TYPE_ORG"
)

const (
	allPublic       = "*/*/public" // the path of every public repository
	maxRepositories = 50           // of one token. Source: Docker documentation, organization access tokens
)

// A resource is what a token of an organization may reach, and how.
type resource struct {
	Type   string  `json:"type"`
	Path   string  `json:"path"`
	Scopes []scope `json:"scopes"`
}

// Each chain is in order: a scope implies those before it.
// Source: Docker documentation, access token reference.
var (
	repoChains = chains(
		"image-pull image-push image-delete", "repository-read repository-edit repository-admin", "tag-read tag-admin",
		"webhook-read webhook-edit webhook-admin", "repo-group-read repo-group-edit repo-group-admin",
		"repository-settings-admin",
	)
	orgChains = chains(
		"member-read member-edit", "invite-read invite-edit", "group-read group-edit", "activity-read",
		"siem_credentials-read", "ram-read ram-write", "report-read", "repository-create", "repository-list",
		"registry-usage-read", "cloud-connect", "audit_events-read", "governance-policy-read governance-policy-write",
	)
)

func chains(lines ...string) [][]scope {
	var all [][]scope
	for _, line := range lines {
		var chain []scope
		for name := range strings.FieldsSeq(line) {
			chain = append(chain, "scope-"+name)
		}
		all = append(all, chain)
	}
	return all
}

// implies reports whether one of the scopes that are held is, or includes, the one that is wanted.
func implies(held []scope, wanted scope) bool {
	for _, chain := range repoChains {
		if i := slices.Index(chain, wanted); i >= 0 {
			return slices.ContainsFunc(chain[i:], func(s scope) bool { return slices.Contains(held, s) })
		}
	}
	return slices.Contains(held, wanted)
}

// checkResources says what is wrong with the resources of a token. That a repository exists is not asked
// for: here it comes into being with its first push.
func (a *account) checkResources(resources []resource) error {
	if len(resources) == 0 {
		return &fieldError{"resources", "at least one resource is required"}
	}
	repositories := 0
	for _, r := range resources {
		known := orgChains
		switch r.Type {
		case typeRepo:
			known = repoChains
			repositories++
			name, own := strings.CutPrefix(r.Path, a.name+"/")
			if r.Path != allPublic && (!own || name != "*" && !repositoryName.MatchString(name)) {
				return &fieldError{"resources", fmt.Sprintf("%.80q is no repository of the organization", r.Path)}
			}
		case typeOrg:
			if r.Path != a.name {
				return &fieldError{"resources", fmt.Sprintf("%.80q is not the organization", r.Path)}
			}
		default:
			return &fieldError{"resources", fmt.Sprintf("unknown type %.40q", r.Type)}
		}
		if err := checkResourceScopes(r.Scopes, known); err != nil {
			return err
		}
	}
	if repositories > maxRepositories {
		return &fieldError{"resources", fmt.Sprintf("more than %d repositories", maxRepositories)}
	}
	return nil
}

func checkResourceScopes(scopes []scope, known [][]scope) error {
	if len(scopes) == 0 {
		return &fieldError{"resources", "at least one scope is required"}
	}
	for _, s := range scopes {
		if !slices.ContainsFunc(known, func(chain []scope) bool { return slices.Contains(chain, s) }) {
			return &fieldError{"resources", fmt.Sprintf("unknown scope %.40q", s)}
		}
	}
	return nil
}

// reached lists what a token of an organization may do with a repository: what its resources say and
// nothing else. Whatever they say, it changes repositories of the organization alone.
func (s *Sandbox) reached(c credential, repository string) []string {
	s.mu.Lock()
	resources := c.token.resources
	s.mu.Unlock()
	own := strings.HasPrefix(repository, c.account.name+"/")
	var actions []string
	for action, wanted := range map[string]scope{actionPull: "scope-image-pull", actionPush: "scope-image-push", actionDelete: "scope-image-delete"} {
		if !own && action != actionPull {
			continue
		}
		if slices.ContainsFunc(resources, func(r resource) bool { return s.covers(r, repository) && implies(r.Scopes, wanted) }) {
			actions = append(actions, action)
		}
	}
	slices.SortFunc(actions, func(a, b string) int { return slices.Index(everyAction, a) - slices.Index(everyAction, b) })
	return actions
}

// everyAction has the weakest first.
var everyAction = []string{actionPull, actionPush, actionDelete}

func (s *Sandbox) covers(r resource, repository string) bool {
	if r.Type != typeRepo {
		return false
	}
	all, glob := strings.CutSuffix(r.Path, "/*")
	switch {
	case r.Path == allPublic:
		return s.public(repository)
	case glob:
		return strings.HasPrefix(repository, all+"/")
	}
	return r.Path == repository
}
