package sandbox

import (
	"errors"
	"net/http"
	"time"
)

const textNeedsToken = "your account must log in with a Personal Access Token (PAT) - learn more at docs.docker.com/go/access-tokens"

// A tokenError is the error body of the token endpoint, with its own spelling of detail.
type tokenError struct {
	Details string `json:"details"`
}

// serveRegistryToken imitates auth.docker.io/token: GET with Basic (docker, crane, skopeo) and POST
// of an OAuth2 form (buildx, containerd), for a bearer of the registry. There is no refresh_token
// in the reply: docker would store that in place of the token that it signed in with.
// Source: distribution specification, token and OAuth2 authentication; error texts as users saw them.
func (s *Sandbox) serveRegistryToken(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		s.unknownRoute(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		writeJSON(w, http.StatusBadRequest, tokenError{"malformed request"})
		return
	}
	if asked := r.Form.Get("service"); asked != "" && asked != service(r) {
		writeJSON(w, http.StatusBadRequest, tokenError{"unknown service"})
		return
	}
	if r.Method == http.MethodPost && r.PostForm.Get("grant_type") != "password" {
		writeJSON(w, http.StatusBadRequest, tokenError{"unsupported grant_type"})
		return
	}
	proven, err := s.registryCredential(r)
	switch {
	case errors.Is(err, errTokenExpired), errors.Is(err, errOrgTokenExpired):
		writeJSON(w, http.StatusUnauthorized, tokenError{err.Error()})
	case err != nil:
		writeJSON(w, http.StatusUnauthorized, tokenError{errWrongCredential.Error()})
	case proven.account != nil && proven.needsCode():
		writeJSON(w, http.StatusUnauthorized, tokenError{textNeedsToken})
	default:
		s.writeRegistryToken(w, service(r), proven, parseAccess(r.Form["scope"]))
	}
}

// registryCredential checks the credential of the request. Without one the caller is anonymous.
func (s *Sandbox) registryCredential(r *http.Request) (credential, error) {
	if r.Method == http.MethodPost {
		return s.authenticate(r.PostForm.Get("username"), r.PostForm.Get("password"))
	}
	name, secret, ok := r.BasicAuth()
	if !ok && r.Header.Get("Authorization") == "" {
		return credential{}, nil
	}
	return s.authenticate(name, secret)
}

func (s *Sandbox) writeRegistryToken(w http.ResponseWriter, audience string, c credential, asked []resourceAccess) {
	subject := ""
	if c.account != nil {
		subject = c.account.name
	}
	claims := registryClaims{
		RegisteredClaims: s.registered(audience, subject, registryLifetime),
		Access:           s.grant(c, asked),
	}
	if c.token != nil {
		claims.TokenID = c.token.id
	}
	text := s.sign(claims)
	writeJSON(w, http.StatusOK, struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"` // seconds
		IssuedAt    string `json:"issued_at"`
	}{text, text, int(registryLifetime / time.Second), claims.IssuedAt.Time.UTC().Format(time.RFC3339)})
}

// alive reports whether what stands behind a registry bearer still exists: always for a password or
// nobody, and for a token while it is active, unexpired and not deleted.
func (s *Sandbox) alive(claims registryClaims) bool {
	if claims.TokenID == "" {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.accounts[claims.Subject]
	if owner == nil {
		return false
	}
	token := owner.token(claims.TokenID)
	return token != nil && token.active && !token.expired(s.now())
}
