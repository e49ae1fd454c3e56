package sandbox

import (
	"net/http"
	"strings"
)

// route picks the part of the sandbox that answers.
func (s *Sandbox) route(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, HubPath+"/"):
		if _, pattern := s.hub.Handler(r); pattern == "" {
			s.unknownRoute(w, r)
			return
		}
		if s.limited(w) {
			return
		}
		s.hub.ServeHTTP(w, r)
	case strings.HasPrefix(path, AuthPath+"/"):
		if _, pattern := s.oauth.Handler(r); pattern == "" {
			s.unknownRoute(w, r)
			return
		}
		s.oauth.ServeHTTP(w, r)
	case path == "/token":
		s.serveRegistryToken(w, r)
	case path == "/v2" || strings.HasPrefix(path, "/v2/"):
		s.serveRegistry(w, r)
	default:
		s.unknownRoute(w, r)
	}
}

// hubRoutes lists the operations of the Hub API that are emulated.
func (s *Sandbox) hubRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handler := range map[string]http.HandlerFunc{
		"POST /v2/users/login":                    s.usersLogin,
		"POST /v2/users/2fa-login":                s.users2FALogin,
		"POST /v2/auth/token":                     s.authToken,
		"GET /v2/access-tokens":                   s.signedIn(s.listTokens),
		"POST /v2/access-tokens":                  s.signedIn(s.createToken),
		"GET /v2/access-tokens/{uuid}":            s.signedIn(s.getToken),
		"POST /v2/access-tokens/desktop-generate": s.signedIn(s.desktopGenerate),
		"PATCH /v2/access-tokens/{uuid}":          s.signedIn(s.patchToken),
		"DELETE /v2/access-tokens/{uuid}":         s.signedIn(s.deleteToken),
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+HubPath+path, handler)
	}
	s.addOrgRoutes(mux)
	return mux
}

// unknownRoute answers what no Docker service is known to be asked, and reports it.
func (s *Sandbox) unknownRoute(w http.ResponseWriter, r *http.Request) {
	s.opts.OnUnknownRoute(r.Method, r.URL.Path)
	writeJSON(w, http.StatusNotFound, apiError{Message: "not found", Detail: "the sandbox has no " + r.Method + " " + r.URL.Path})
}
