package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"
)

const maxDescription = 200 // characters. Source: Docker documentation, organization access tokens

// An orgTokenView is a token of an organization as the Hub API shows it.
type orgTokenView struct {
	ID          string          `json:"id"`
	Label       string          `json:"label"`
	Description string          `json:"description"`
	CreatedBy   string          `json:"created_by,omitempty"`
	IsActive    bool            `json:"is_active"`
	CreatedAt   string          `json:"created_at"`
	ExpiresAt   json.RawMessage `json:"expires_at,omitempty"`
	LastUsedAt  json.RawMessage `json:"last_used_at,omitempty"`
	Resources   []resource      `json:"resources,omitempty"`
	Token       string          `json:"token,omitempty"`
}

// orgView shows a token without its secret and without its resources. The lock of the sandbox is held.
func (s *Sandbox) orgView(t *accessToken) orgTokenView {
	view := orgTokenView{
		ID: t.id, Label: t.label, Description: t.description, CreatedBy: t.createdBy, IsActive: t.active,
		CreatedAt: hubTime(t.createdAt), ExpiresAt: s.expiryView(t), LastUsedAt: json.RawMessage("null"),
	}
	if !t.lastUsed.IsZero() {
		view.LastUsedAt = json.RawMessage(`"` + hubTime(t.lastUsed) + `"`)
	}
	return view
}

// createOrgToken imitates POST /v2/orgs/{name}/access-tokens. Its reply is the only one with the secret; it
// names neither who made the token nor a last use, as the API reference has it. That a plan which allows no
// further token is answered with 403 is an assumption.
func (s *Sandbox) createOrgToken(w http.ResponseWriter, r *http.Request, by owned) {
	var body struct {
		Label       string     `json:"label"`
		Description string     `json:"description"`
		Resources   []resource `json:"resources"`
		ExpiresAt   *string    `json:"expires_at"`
	}
	if err := readJSON(w, r, &body); err != nil {
		s.writeInvalid(w, err)
		return
	}
	now := s.now()
	expiresAt, err := parseExpiry(body.ExpiresAt, now)
	if err := errors.Join(checkOrgLabel(body.Label), checkDescription(body.Description), by.org.checkResources(body.Resources), err); err != nil {
		s.writeInvalid(w, err)
		return
	}
	secret, err := newSecret(orgTokenPrefix)
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, apiError{Message: "internal error"})
		return
	}
	token := &accessToken{
		id: uuid.NewString(), secret: secret, label: body.Label, description: body.Description, resources: body.Resources,
		active: true, createdAt: now, expiresAt: expiresAt, createdBy: by.user.name,
	}
	if body.ExpiresAt != nil {
		token.expiresText = *body.ExpiresAt
	}
	s.mu.Lock()
	full := len(by.org.tokens) >= by.org.org.limit
	if !full {
		by.org.tokens = append(by.org.tokens, token)
	}
	reply := s.orgView(token)
	s.mu.Unlock()
	if full {
		writeJSON(w, http.StatusForbidden, apiError{Message: "permission denied", Detail: fmt.Sprintf("the plan allows %d access tokens", by.org.org.limit)})
		return
	}
	reply.CreatedBy, reply.LastUsedAt, reply.Resources, reply.Token = "", nil, body.Resources, secret
	writeJSON(w, http.StatusCreated, reply)
}

// listOrgTokens imitates GET /v2/orgs/{name}/access-tokens, newest first, without resources.
func (s *Sandbox) listOrgTokens(w http.ResponseWriter, r *http.Request, by owned) {
	asked, err := readPage(r)
	if err != nil {
		s.writeInvalid(w, err)
		return
	}
	page := struct {
		Total    int            `json:"total"`
		Next     *string        `json:"next"`
		Previous *string        `json:"previous"`
		Results  []orgTokenView `json:"results"`
	}{Results: []orgTokenView{}}
	s.mu.Lock()
	page.Total = len(by.org.tokens)
	for i := range by.org.tokens {
		if asked.holds(i) {
			page.Results = append(page.Results, s.orgView(by.org.tokens[page.Total-1-i]))
		}
	}
	s.mu.Unlock()
	if !asked.exists(page.Total) {
		writeNotFound(w)
		return
	}
	page.Next, page.Previous = asked.links(r, page.Total)
	writeJSON(w, http.StatusOK, page)
}

// getOrgToken imitates GET /v2/orgs/{name}/access-tokens/{id}.
func (s *Sandbox) getOrgToken(w http.ResponseWriter, r *http.Request, by owned) {
	s.writeOrgToken(w, by.org, r.PathValue("id"), func(*accessToken) error { return nil })
}

// patchOrgToken imitates PATCH /v2/orgs/{name}/access-tokens/{id}. As with the tokens of users an expired
// one cannot be changed.
func (s *Sandbox) patchOrgToken(w http.ResponseWriter, r *http.Request, by owned) {
	var change struct {
		Label       *string     `json:"label"`
		Description *string     `json:"description"`
		Resources   *[]resource `json:"resources"`
		Active      *bool       `json:"is_active"`
	}
	if err := readJSON(w, r, &change); err != nil {
		s.writeInvalid(w, err)
		return
	}
	s.writeOrgToken(w, by.org, r.PathValue("id"), func(token *accessToken) error {
		next := *token
		set(&next.label, change.Label)
		set(&next.description, change.Description)
		set(&next.resources, change.Resources)
		set(&next.active, change.Active)
		var err error
		if token.expired(s.now()) {
			err = &fieldError{"expires_at", "the token has expired and can only be deleted"}
		}
		err = errors.Join(err, checkOrgLabel(next.label), checkDescription(next.description), by.org.checkResources(next.resources))
		if err == nil {
			*token = next
		}
		return err
	})
}

// set changes what a request has a value for.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// writeOrgToken does something to a token, under the lock, and answers with it and its resources.
func (s *Sandbox) writeOrgToken(w http.ResponseWriter, org *account, id string, do func(*accessToken) error) {
	s.mu.Lock()
	var reply orgTokenView
	err := errNoToken
	if token := org.token(id); token != nil {
		err = do(token)
		reply = s.orgView(token)
		reply.Resources = token.resources
	}
	s.mu.Unlock()
	switch {
	case errors.Is(err, errNoToken):
		writeNotFound(w)
	case err != nil:
		s.writeInvalid(w, err)
	default:
		writeJSON(w, http.StatusOK, reply)
	}
}

// deleteOrgToken imitates DELETE /v2/orgs/{name}/access-tokens/{id}.
func (s *Sandbox) deleteOrgToken(w http.ResponseWriter, r *http.Request, by owned) {
	s.endToken(w, by.org, r.PathValue("id"))
}

// endToken deletes a token of a user or an organization and answers.
func (s *Sandbox) endToken(w http.ResponseWriter, owner *account, id string) {
	s.mu.Lock()
	found := owner.token(id) != nil
	owner.tokens = slices.DeleteFunc(owner.tokens, func(t *accessToken) bool { return t.id == id })
	s.mu.Unlock()
	if !found {
		writeNotFound(w)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func checkOrgLabel(label string) error {
	if checkLabel(label) != nil {
		return &fieldError{"label", "must have 1 to 100 characters"}
	}
	return nil
}

func checkDescription(description string) error {
	if utf8.RuneCountInString(description) > maxDescription {
		return &fieldError{"description", fmt.Sprintf("must have up to %d characters", maxDescription)}
	}
	return nil
}
