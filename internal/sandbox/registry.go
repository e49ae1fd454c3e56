package sandbox

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// A registryRequest is what a request of the registry is about.
type registryRequest struct {
	repository string
	mount      string // repository to take a blob from, for a cross-repository mount
}

// repositoryPattern is a repository name. Source: OCI distribution specification, "Pulling manifests".
const repositoryPattern = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*`

// registryPath has every path that reaches the registry library, with the name in group 1. The library
// takes the name from the end of the path, too, so both always mean the same repository.
var registryPath = regexp.MustCompile(
	`^/v2/(` + repositoryPattern + `)/(?:manifests/[^/]+|tags/list|referrers/[^/]+|blobs/uploads/?|blobs/uploads/[^/]+|blobs/[^/]+)$`)

// serveRegistry imitates the registry: the library's, behind bearers of our token endpoint. The list of
// all repositories is closed, as at Hub, since nobody is ever granted it.
// Source: distribution specification; token authentication.
func (s *Sandbox) serveRegistry(w http.ResponseWriter, r *http.Request) {
	var asked registryRequest
	switch path := r.URL.Path; {
	case path == "/v2" || path == "/v2/":
	case path == "/v2/_catalog":
		s.challenge(w, r, "registry:catalog:*", "insufficient_scope")
		return
	default:
		match := registryPath.FindStringSubmatch(path)
		if match == nil {
			s.unknownRoute(w, r)
			return
		}
		asked.repository = match[1]
		if r.Method == http.MethodPost && r.URL.Query().Get("mount") != "" {
			asked.mount = r.URL.Query().Get("from")
		}
	}
	claims, problem := s.registryBearer(r)
	if problem != "" {
		s.challenge(w, r, asked.scope(r.Method), problem)
		return
	}
	if asked.repository == "" {
		w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
		writeJSON(w, http.StatusOK, struct{}{})
		return
	}
	if !includes(claims.Access, asked.repository, actionFor(r.Method)) {
		s.challenge(w, r, asked.scope(r.Method), "insufficient_scope")
		return
	}
	if asked.mount != "" && includes(claims.Access, asked.mount, actionPull) && s.mount(w, r, asked) {
		return
	}
	s.registry.ServeHTTP(w, withRepository(r, asked.repository))
}

// registryBearer checks the bearer. problem is the error of the challenge when it is no good, and
// "required" when there is none. It is stricter than Hub, whose bearers outlive their token by
// minutes, so that a test sees the end of a token at once.
func (s *Sandbox) registryBearer(r *http.Request) (claims registryClaims, problem string) {
	if r.Header.Get("Authorization") == "" {
		return claims, "required"
	}
	if err := s.parse(bearer(r), service(r), &claims); err != nil || !s.alive(claims) {
		return claims, "invalid_token"
	}
	return claims, ""
}

func actionFor(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead:
		return actionPull
	case http.MethodDelete:
		return actionDelete
	}
	return actionPush
}

// scope is what a client has to ask the token endpoint for.
func (q registryRequest) scope(method string) string {
	if q.repository == "" {
		return ""
	}
	actions := actionFor(method)
	if actions == actionPush {
		actions = actionPull + "," + actionPush
	}
	scope := "repository:" + q.repository + ":" + actions
	if repositoryName.MatchString(q.mount) { // it goes into a header, so only if it is a name
		scope += " repository:" + q.mount + ":" + actionPull
	}
	return scope
}

var repositoryName = regexp.MustCompile(`^` + repositoryPattern + `$`)

// challenge answers 401 with what the client needs to get a better bearer.
// Source: distribution specification, token authentication; RFC 6750 section 3.1 for error.
func (s *Sandbox) challenge(w http.ResponseWriter, r *http.Request, scope, problem string) {
	fields := []string{fmt.Sprintf("realm=%q", tokenEndpoint(r)), fmt.Sprintf("service=%q", service(r))}
	if scope != "" {
		fields = append(fields, fmt.Sprintf("scope=%q", scope))
	}
	code, message := "UNAUTHORIZED", "authentication required"
	if problem == "insufficient_scope" {
		code, message = "DENIED", "requested access to the resource is denied"
	}
	if problem != "required" {
		fields = append(fields, fmt.Sprintf("error=%q", problem))
	}
	w.Header().Set("Www-Authenticate", "Bearer "+strings.Join(fields, ","))
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	writeRegistryError(w, http.StatusUnauthorized, code, message)
}

// writeRegistryError sends the error body of the registry.
// Source: OCI distribution specification, "Error Codes".
func writeRegistryError(w http.ResponseWriter, status int, code, message string) {
	type entry struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	writeJSON(w, status, struct {
		Errors []entry `json:"errors"`
	}{[]entry{{code, message}}})
}
