package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// The kinds of Resource.
const (
	RepositoryResource   = "TYPE_REPO"
	OrganizationResource = "TYPE_ORG"
)

// AllPublic is the path of the Resource that stands for every public repository.
const AllPublic = "*/*/public"

// A Resource is what a token of an organization may reach, and how.
type Resource struct {
	Type   string   `json:"type"`
	Path   string   `json:"path"` // "org/repo", "org/*" or AllPublic; of OrganizationResource the name
	Scopes []string `json:"scopes"`
}

// An OrganizationError says which organization a call that failed was about.
type OrganizationError struct {
	Organization string
	err          error
}

func (e *OrganizationError) Error() string { return e.err.Error() }

// Unwrap returns what went wrong.
func (e *OrganizationError) Unwrap() error { return e.err }

// An Organization manages the access tokens of one organization, in the same way as a Client does those
// of the user. That is for its owners, with the bearer of a password: ErrForbidden for everybody else, and
// ErrNotFound when there is no such organization. Its errors are *OrganizationError.
type Organization struct {
	c    *Client
	name string
}

// Organization makes no request.
func (c *Client) Organization(name string) *Organization { return &Organization{c: c, name: name} }

func (o *Organization) path() string { return "/v2/orgs/" + url.PathEscape(o.name) + "/access-tokens" }

func (o *Organization) tokenPath(id string) string { return o.path() + "/" + url.PathEscape(id) }

// fail says what could not be done.
func (o *Organization) fail(act string, err error) error {
	return &OrganizationError{o.name, fmt.Errorf("%s of organization %s: %w", act, clean(o.name), err)}
}

type wireOrgToken struct {
	ID          string     `json:"id"`
	Label       string     `json:"label"`
	Description *string    `json:"description"` // nil when not told: the API reference does not have it
	CreatedBy   string     `json:"created_by"`
	IsActive    bool       `json:"is_active"`
	CreatedAt   wireTime   `json:"created_at"`
	LastUsedAt  wireTime   `json:"last_used_at"`
	ExpiresAt   wireTime   `json:"expires_at"`
	Resources   []Resource `json:"resources"`
	Token       string     `json:"token"`
}

func (o *Organization) token(w wireOrgToken) Token {
	t := Token{
		ID: w.ID, Label: w.Label, Active: w.IsActive, Organization: o.name, CreatedBy: w.CreatedBy, Resources: w.Resources,
		CreatedAt: w.CreatedAt.Time, LastUsedAt: w.LastUsedAt.Time, ExpiresAt: w.ExpiresAt.Time,
	}
	if w.Description != nil {
		t.Description, t.Operation = splitDescription(*w.Description)
	}
	seen := map[string]bool{}
	for _, r := range w.Resources {
		for _, scope := range r.Scopes {
			if !seen[scope] {
				seen[scope] = true
				t.Scopes = append(t.Scopes, scope)
			}
		}
	}
	return t
}

// whole is token for a reply that has the resources.
func (o *Organization) whole(w wireOrgToken) Token {
	t := o.token(w)
	if t.Resources == nil {
		t.Resources = []Resource{}
	}
	return t
}

// describeOperation puts an operation at the end of a description: "of the build [operation/…]".
func describeOperation(description, operation string) string {
	mark := "[" + operationMark + operation + "]"
	switch {
	case operation == "":
		return description
	case description == "":
		return mark
	}
	return description + " " + mark
}

// splitDescription takes the operation from the end of a description.
func splitDescription(text string) (description, operation string) {
	i := strings.LastIndex(text, "["+operationMark)
	if i < 0 || !strings.HasSuffix(text, "]") {
		return text, ""
	}
	return strings.TrimSuffix(text[:i], " "), text[i+len("["+operationMark) : len(text)-1]
}

// CreateToken makes an access token of the organization and returns it with its secret, which Docker Hub
// never shows again. The reply does not say who made it. A plan has a limit on tokens; how Docker Hub
// refuses one more is not documented. It is not retried here: a second call would make a second token.
// Source: POST /v2/orgs/{name}/access-tokens.
func (o *Organization) CreateToken(ctx context.Context, spec NewToken) (Token, Secret, error) {
	const act = "create an access token"
	in := struct {
		Label       string     `json:"label"`
		Description string     `json:"description,omitempty"`
		Resources   []Resource `json:"resources"`
		ExpiresAt   string     `json:"expires_at,omitempty"`
	}{Label: spec.Label, Description: describeOperation(spec.Description, spec.Operation), Resources: spec.Resources}
	if !spec.ExpiresAt.IsZero() {
		in.ExpiresAt = spec.ExpiresAt.UTC().Format(time.RFC3339)
	}
	var reply wireOrgToken
	if err := o.c.do(ctx, call{method: http.MethodPost, path: o.path(), in: in, out: &reply}); err != nil {
		return Token{}, Secret{}, o.fail(act, err)
	}
	if reply.ID == "" || reply.Token == "" {
		return Token{}, Secret{}, o.fail(act, errNoToken)
	}
	return o.whole(reply), secret.New(reply.Token), nil
}

// ListTokens returns all access tokens of the organization, each once, without their Resources and Scopes.
// It refuses a next page on a host that is neither the service nor Docker Hub. Source: GET /v2/orgs/{name}/access-tokens.
func (o *Organization) ListTokens(ctx context.Context) ([]Token, error) {
	tokens, _, err := o.list(ctx)
	return tokens, err
}

// list also returns the ids of the tokens whose description is not told.
func (o *Organization) list(ctx context.Context) (tokens []Token, undescribed map[string]bool, err error) {
	var mu sync.Mutex // pages are read side by side
	undescribed = map[string]bool{}
	tokens, err = o.c.listAll(ctx, func(ctx context.Context, query url.Values) (page, error) {
		var reply struct {
			Total   *int           `json:"total"` // nil when the answer is no page
			Next    string         `json:"next"`
			Results []wireOrgToken `json:"results"`
		}
		err := o.c.do(ctx, call{method: http.MethodGet, path: o.path(), query: query, out: &reply})
		if err == nil && reply.Total == nil && reply.Results == nil {
			err = errNoTokens
		}
		mu.Lock()
		defer mu.Unlock()
		for _, w := range reply.Results {
			undescribed[w.ID] = w.Description == nil
		}
		return newPage(reply.Total, reply.Next, reply.Results, o.token), err
	})
	if err != nil {
		return nil, nil, o.fail("list the access tokens", err)
	}
	return tokens, undescribed, nil
}

// errUndescribed: whether a token is the one that is looked for cannot be told.
var errUndescribed = errors.New("the service does not tell the descriptions of tokens")

// FindOperation returns the token that was made with that NewToken.Operation, if there is one. Tokens whose
// description is not in the list are read one by one.
func (o *Organization) FindOperation(ctx context.Context, operation string) (t Token, found bool, err error) {
	all, undescribed, err := o.list(ctx)
	if err != nil {
		return Token{}, false, err
	}
	for i, t := range all {
		if !undescribed[t.ID] {
			continue
		}
		read, err := o.get(ctx, t.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			continue // deleted meanwhile
		case err != nil:
			return Token{}, false, err
		case read.Description == nil:
			return Token{}, false, o.fail("find an access token", errUndescribed)
		}
		all[i] = o.whole(read)
	}
	t, found = madeBy(all, operation)
	return t, found, nil
}

// GetToken returns one token with its Resources, or ErrNotFound.
// Source: GET /v2/orgs/{org_name}/access-tokens/{access_token_id}.
func (o *Organization) GetToken(ctx context.Context, id string) (Token, error) {
	reply, err := o.get(ctx, id)
	if err != nil {
		return Token{}, err
	}
	return o.whole(reply), nil
}

func (o *Organization) get(ctx context.Context, id string) (wireOrgToken, error) {
	act := "read access token " + clean(id)
	var reply wireOrgToken
	if err := o.c.do(ctx, call{method: http.MethodGet, path: o.tokenPath(id), out: &reply}); err != nil {
		return wireOrgToken{}, o.fail(act, err)
	}
	if reply.ID == "" {
		return wireOrgToken{}, o.fail(act, errNoToken)
	}
	return reply, nil
}

// UpdateToken changes what a token is called and may reach, or switches it on or off. Its expiry cannot be
// changed. A new Description is set as it is: the Operation that stood in it is gone then. A token that is
// gone is ErrNotFound. Source: PATCH /v2/orgs/{org_name}/access-tokens/{access_token_id}.
func (o *Organization) UpdateToken(ctx context.Context, id string, change TokenChange) (Token, error) {
	act := "change access token " + clean(id)
	in := struct {
		Label       *string    `json:"label,omitempty"`
		Description *string    `json:"description,omitempty"`
		Resources   []Resource `json:"resources,omitempty"`
		Active      *bool      `json:"is_active,omitempty"`
	}{change.Label, change.Description, change.Resources, change.Active}
	var reply wireOrgToken
	if err := o.c.do(ctx, call{method: http.MethodPatch, path: o.tokenPath(id), in: in, out: &reply}); err != nil {
		return Token{}, o.fail(act, err)
	}
	if reply.ID == "" {
		return Token{}, o.fail(act, errNoToken)
	}
	return o.whole(reply), nil
}

// DeleteToken ends a token for good. One that is gone already is ErrNotFound.
// Source: DELETE /v2/orgs/{org_name}/access-tokens/{access_token_id}.
func (o *Organization) DeleteToken(ctx context.Context, id string) error {
	if err := o.c.do(ctx, call{method: http.MethodDelete, path: o.tokenPath(id)}); err != nil {
		return o.fail("delete access token "+clean(id), err)
	}
	return nil
}
