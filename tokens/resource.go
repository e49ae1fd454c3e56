package tokens

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/docker-pat/docker-pat/client"
)

const (
	maxRepositories = 50  // of one token, by the documentation of organization access tokens
	maxDescription  = 151 // characters: Docker Hub takes 200, and the operation that made the token needs 49
	scopePrefix     = "scope-"
)

// RepositoryPermissions are what a token of an organization may be allowed to do with a repository. Those of
// one line include those before them. Source: https://docs.docker.com/security/access-tokens/reference/.
func RepositoryPermissions() []string {
	return []string{
		"pull", "push", "delete",
		"repository-read", "repository-edit", "repository-admin",
		"tag-read", "tag-admin",
		"webhook-read", "webhook-edit", "webhook-admin",
		"repo-group-read", "repo-group-edit", "repo-group-admin",
		"repository-settings-admin",
	}
}

// OrganizationScopes are what a token of an organization may be allowed to do with the organization, in
// the same order and from the same source.
func OrganizationScopes() []string {
	return []string{
		"member-read", "member-edit",
		"invite-read", "invite-edit",
		"group-read", "group-edit",
		"activity-read", "siem_credentials-read",
		"ram-read", "ram-write",
		"report-read", "repository-create", "repository-list", "registry-usage-read",
		"cloud-connect", "audit_events-read",
		"governance-policy-read", "governance-policy-write",
	}
}

// imageScope is before the permissions that have a word of their own.
const imageScope = scopePrefix + "image-"

// scopeOf is the scope that Docker Hub has for a permission.
func scopeOf(permission string) string {
	switch permission {
	case "pull", "push", "delete":
		return imageScope + permission
	}
	return scopePrefix + permission
}

// permissionOf is the other way round. A scope that is not known stays as it is.
func permissionOf(scope string) string {
	short := strings.TrimPrefix(scope, scopePrefix)
	if word := strings.TrimPrefix(scope, imageScope); word != scope {
		short = word
	}
	if scopeOf(short) != scope || !slices.Contains(slices.Concat(RepositoryPermissions(), OrganizationScopes()), short) {
		return scope
	}
	return short
}

// ParseResources reads what a new token of an organization shall reach. A repository is NAME:PERMISSION,…
// where NAME is a repository of the organization, with its name before it or without, "*" for all of them,
// or "*/*/public" for all public ones; of several for one repository the permissions add up. A scope is one
// of the organization itself. Permissions and scopes may have the prefix "scope-" that they have at Docker
// Hub.
func ParseResources(organization string, repositories, scopes []string) ([]client.Resource, error) {
	var all []client.Resource
	for _, text := range repositories {
		path, permissions, err := parseRepository(organization, text)
		if err != nil {
			return nil, err
		}
		all = addResource(all, client.RepositoryResource, path, permissions)
	}
	if len(all) > maxRepositories {
		return nil, fmt.Errorf("%d repositories are too many: Docker Hub takes up to %d, or all of them as *", len(all), maxRepositories)
	}
	for _, text := range scopes {
		scope, ok := known(text, OrganizationScopes())
		if !ok {
			return nil, fmt.Errorf("unknown scope %q: the scopes of an organization are %s", text, strings.Join(OrganizationScopes(), ", "))
		}
		all = addResource(all, client.OrganizationResource, organization, []string{scope})
	}
	if len(all) == 0 {
		return nil, errors.New("say what the token may reach: --repo NAME:pull for images, --scope for the organization")
	}
	return all, nil
}

// repositoryName is a name of the organization's, as registries have it.
var repositoryName = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$`)

func parseRepository(organization, text string) (path string, scopes []string, err error) {
	name, permissions, ok := strings.Cut(text, ":")
	if !ok || permissions == "" {
		return "", nil, fmt.Errorf("cannot read the repository %q: give NAME:pull, NAME:pull,push or NAME:pull,push,delete", text)
	}
	if short, own := strings.CutPrefix(name, organization+"/"); own {
		name = short
	}
	switch {
	case name == client.AllPublic:
		path = name
	case name == "*" || repositoryName.MatchString(name):
		path = organization + "/" + name
	default:
		return "", nil, fmt.Errorf("%q is no repository of %s: give NAME, %s/NAME, * for all of them or %s", name, organization, organization, client.AllPublic)
	}
	for permission := range strings.SplitSeq(permissions, ",") {
		scope, ok := known(permission, RepositoryPermissions())
		if !ok {
			return "", nil, fmt.Errorf("unknown permission %q for %s: the permissions are %s", permission, name, strings.Join(RepositoryPermissions(), ", "))
		}
		scopes = append(scopes, scope)
	}
	return path, scopes, nil
}

// known finds the scope of a permission, which may be given as the scope.
func known(text string, permissions []string) (scope string, ok bool) {
	for _, p := range permissions {
		if strings.EqualFold(text, p) || strings.EqualFold(text, scopeOf(p)) {
			return scopeOf(p), true
		}
	}
	return "", false
}

func addResource(all []client.Resource, kind, path string, scopes []string) []client.Resource {
	i := slices.IndexFunc(all, func(r client.Resource) bool { return r.Type == kind && r.Path == path })
	if i < 0 {
		i = len(all)
		all = append(all, client.Resource{Type: kind, Path: path})
	}
	for _, scope := range scopes {
		if !slices.Contains(all[i].Scopes, scope) {
			all[i].Scopes = append(all[i].Scopes, scope)
		}
	}
	return all
}

// CheckDescription says what is wrong with the description of a new token.
func CheckDescription(description string) error {
	switch n := utf8.RuneCountInString(description); {
	case n > maxDescription:
		return fmt.Errorf("the description has %d characters: there is place for %d", n, maxDescription)
	case !utf8.ValidString(description) || strings.ContainsFunc(description, unicode.IsControl):
		return errors.New("the description has control characters or is not UTF-8")
	}
	return nil
}

const shownResources = 2 // in one cell of a table

// PermissionOf is what a token allows, in few words: of a user's that of its scopes, of an organization's
// "app: pull, push; organization: member-read", or "-" when that is not known.
func PermissionOf(t client.Token) string {
	if t.Organization == "" || len(t.Resources) == 0 {
		return Permission(t.Scopes)
	}
	var parts []string
	for _, r := range t.Resources[:min(len(t.Resources), shownResources)] {
		name := strings.TrimPrefix(r.Path, t.Organization+"/")
		if r.Type == client.OrganizationResource {
			name = "organization"
		}
		parts = append(parts, name+": "+permissionsOf(r.Scopes))
	}
	text := strings.Join(parts, "; ")
	if more := len(t.Resources) - shownResources; more > 0 {
		text += fmt.Sprintf("; %d more", more)
	}
	return text
}

func permissionsOf(scopes []string) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = permissionOf(s)
	}
	return strings.Join(words, ", ")
}
