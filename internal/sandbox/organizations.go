package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// An organization is what an account has beside when it is no user. Nothing of it ever changes.
type organization struct {
	limit           int // tokens
	owners, members []string
}

var planLimits = map[Plan]int{PlanTeam: 10, PlanBusiness: 100, PlanPersonal: 0}

func (s *Sandbox) addOrganization(org Organization) error {
	if err := s.checkName(org.Name); err != nil {
		return err
	}
	limit, ok := planLimits[org.Plan]
	if !ok {
		return fmt.Errorf("has an unknown plan %q", org.Plan)
	}
	if len(org.Owners) == 0 {
		return errors.New("has no owner")
	}
	for _, name := range slices.Concat(org.Owners, org.Members) {
		if user := s.accounts[name]; user == nil || user.org != nil {
			return fmt.Errorf("has %q in it, who is no user", name)
		}
	}
	s.accounts[org.Name] = &account{
		name: org.Name, id: uuid.NewString(),
		org: &organization{limit: limit, owners: slices.Clone(org.Owners), members: slices.Clone(org.Members)},
	}
	return nil
}

func (s *Sandbox) isOrganization(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.accounts[name]
	return found != nil && found.org != nil
}

// errExpired is how an expired token of the account is refused.
func (a *account) errExpired() error {
	if a.org != nil {
		return errOrgTokenExpired
	}
	return errTokenExpired
}

// addOrgRoutes adds the operations on the tokens of organizations.
func (s *Sandbox) addOrgRoutes(mux *http.ServeMux) {
	const list = HubPath + "/v2/orgs/{name}/access-tokens"
	mux.HandleFunc("GET "+list, s.owned(s.listOrgTokens))
	mux.HandleFunc("POST "+list, s.owned(s.createOrgToken))
	mux.HandleFunc("GET "+list+"/{id}", s.owned(s.getOrgToken))
	mux.HandleFunc("PATCH "+list+"/{id}", s.owned(s.patchOrgToken))
	mux.HandleFunc("DELETE "+list+"/{id}", s.owned(s.deleteOrgToken))
}

// An owned organization is one that somebody who owns it asks for.
type owned struct{ org, user *account }

// owned lets through to next only an owner of the organization in the path, with a bearer that comes from a
// password. A bearer from a token of a user or an organization may not manage its tokens.
func (s *Sandbox) owned(next func(http.ResponseWriter, *http.Request, owned)) http.HandlerFunc {
	return s.signedIn(func(w http.ResponseWriter, r *http.Request, user *account) {
		s.mu.Lock()
		org := s.accounts[r.PathValue("name")]
		s.mu.Unlock()
		switch {
		case org == nil || org.org == nil:
			writeNotFound(w)
		case !slices.Contains(org.org.owners, user.name):
			writeJSON(w, http.StatusForbidden, apiError{Message: "permission denied"})
		default:
			next(w, r, owned{org: org, user: user})
		}
	})
}

// belongs tells what a repository is to a user: their own or of an organization of theirs, or of one
// where they are a member. who may be nil.
func (s *Sandbox) belongs(who *account, repository string) (owner, member bool) {
	if who == nil {
		return false, false
	}
	namespace, _, _ := strings.Cut(repository, "/")
	if namespace == who.name {
		return strings.HasPrefix(repository, namespace+"/"), false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.accounts[namespace]
	if found == nil || found.org == nil {
		return false, false
	}
	return slices.Contains(found.org.owners, who.name), slices.Contains(found.org.members, who.name)
}
