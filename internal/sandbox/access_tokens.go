package sandbox

import (
	"errors"
	"net"
	"net/http"

	"github.com/google/uuid"
)

// createToken imitates POST /v2/access-tokens. Its reply is the only one with the secret.
func (s *Sandbox) createToken(w http.ResponseWriter, r *http.Request, owner *account) {
	var body struct {
		Label     string  `json:"token_label"`
		Scopes    []scope `json:"scopes"`
		ExpiresAt *string `json:"expires_at"`
	}
	if err := readJSON(w, r, &body); err != nil {
		s.writeInvalid(w, err)
		return
	}
	now := s.now()
	expiresAt, err := parseExpiry(body.ExpiresAt, now)
	if err := errors.Join(checkLabel(body.Label), checkScopes(body.Scopes), err); err != nil {
		s.writeInvalid(w, err)
		return
	}
	secret, err := newSecret(userTokenPrefix)
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, apiError{Message: "internal error"})
		return
	}
	token := &accessToken{
		id: uuid.NewString(), secret: secret, label: body.Label, scopes: body.Scopes, active: true,
		createdAt: now, expiresAt: expiresAt, creatorUser: r.UserAgent(), creatorIP: remoteIP(r),
	}
	if body.ExpiresAt != nil {
		token.expiresText = *body.ExpiresAt
	}
	s.mu.Lock()
	owner.tokens = append(owner.tokens, token)
	reply := s.view(token)
	s.mu.Unlock()
	reply.Token = &secret
	writeJSON(w, http.StatusCreated, reply)
}

// getToken imitates GET /v2/access-tokens/{uuid}.
func (s *Sandbox) getToken(w http.ResponseWriter, r *http.Request, owner *account) {
	s.mu.Lock()
	token := owner.token(r.PathValue("uuid"))
	if token == nil {
		s.mu.Unlock()
		writeNotFound(w)
		return
	}
	reply := s.view(token)
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, reply)
}

// A tokenChange is the body of a PATCH: what is nil stays as it is.
type tokenChange struct {
	Label  *string `json:"token_label"`
	Active *bool   `json:"is_active"`
}

// patchToken imitates PATCH /v2/access-tokens/{uuid}.
func (s *Sandbox) patchToken(w http.ResponseWriter, r *http.Request, owner *account) {
	var change tokenChange
	if err := readJSON(w, r, &change); err != nil {
		s.writeInvalid(w, err)
		return
	}
	reply, err := s.changeToken(owner, r.PathValue("uuid"), change)
	switch {
	case errors.Is(err, errNoToken):
		writeNotFound(w)
	case err != nil:
		s.writeInvalid(w, err)
	default:
		writeJSON(w, http.StatusOK, reply)
	}
}

var errNoToken = errors.New("no such token")

// changeToken applies a change as a whole or not at all. An expired token cannot be changed any more,
// only deleted. Source: Docker documentation, personal access tokens; that Hub answers 400 to the
// attempt is an assumption.
func (s *Sandbox) changeToken(owner *account, id string, change tokenChange) (tokenView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := owner.token(id)
	if token == nil {
		return tokenView{}, errNoToken
	}
	if token.expired(s.now()) {
		return tokenView{}, &fieldError{"expires_at", "the token has expired and can only be deleted"}
	}
	if change.Label != nil {
		if err := checkLabel(*change.Label); err != nil {
			return tokenView{}, err
		}
		token.label = *change.Label
	}
	if change.Active != nil {
		token.active = *change.Active
	}
	return s.view(token), nil
}

// deleteToken imitates DELETE /v2/access-tokens/{uuid}.
func (s *Sandbox) deleteToken(w http.ResponseWriter, r *http.Request, owner *account) {
	s.endToken(w, owner, r.PathValue("uuid"))
}

// token returns the account's token of that id, or nil. The lock of the sandbox is held.
func (a *account) token(id string) *accessToken {
	for _, token := range a.tokens {
		if token.id == id {
			return token
		}
	}
	return nil
}

func writeNotFound(w http.ResponseWriter) {
	writeJSON(w, http.StatusNotFound, apiError{Message: "not found"})
}

// writeInvalid answers 400 in the shape that Options.Validation asks for. Of several faults the first
// is named.
func (s *Sandbox) writeInvalid(w http.ResponseWriter, err error) {
	field := &fieldError{"body", err.Error()}
	_ = errors.As(err, &field)
	if s.opts.Validation == ValidationFields {
		writeJSON(w, http.StatusBadRequest, struct {
			Fields map[string][]string `json:"fields"`
			Text   string              `json:"text"`
		}{map[string][]string{field.field: {field.text}}, field.Error()})
		return
	}
	writeJSON(w, http.StatusBadRequest, apiError{Message: "bad request", Detail: field.Error(), ErrInfo: emptyInfo{}})
}

// remoteIP is the address that the request came from, without the port.
func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
