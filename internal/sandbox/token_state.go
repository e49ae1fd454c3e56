package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// A scope is what a token allows. Stronger ones imply those below.
// Source: Docker documentation, personal access tokens.
type scope = string

const (
	scopeAdmin      scope = "repo:admin"       // pull, push, delete
	scopeWrite      scope = "repo:write"       // pull, push
	scopeRead       scope = "repo:read"        // pull
	scopePublicRead scope = "repo:public_read" // pull of public repositories
	scopeSandbox    scope = "sandbox:use"      // Docker's cloud sandboxes; nothing at the registry
)

func knownScope(s scope) bool {
	return slices.Contains([]scope{scopeAdmin, scopeWrite, scopeRead, scopePublicRead, scopeSandbox}, s)
}

// An accessToken is a token of a user or of an organization. The fields before active never change.
type accessToken struct {
	id, secret             string
	scopes                 []scope   // of a user's
	createdBy              string    // of an organization's: the name of the user
	createdAt, expiresAt   time.Time // zero expiresAt: never
	expiresText            string    // as the client sent it, since Hub gives it back unchanged
	creatorIP, creatorUser string    // address and User-Agent of the request that made it
	auto                   bool      // made by desktopGenerate

	active      bool
	label       string
	description string     // of an organization's
	resources   []resource // of an organization's; the slice is replaced, never changed
	lastUsed    time.Time  // zero: never
}

// expired reports whether the token has ended. Hub is not known to clear is_active then, so
// neither do we.
func (t *accessToken) expired(now time.Time) bool {
	return !t.expiresAt.IsZero() && !now.Before(t.expiresAt)
}

// newSecret makes the secret of a token: a documented prefix and 27 characters of [A-Za-z0-9_-].
// The length is that of published samples; only the prefix is documented.
func newSecret(prefix string) (string, error) {
	const length = 27
	random := make([]byte, 21) // 28 characters in base64
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("make a secret: %w", err)
	}
	return prefix + base64.RawURLEncoding.EncodeToString(random)[:length], nil
}

// A fieldError says which field of a request is wrong, and why.
type fieldError struct{ field, text string }

func (e *fieldError) Error() string { return e.field + ": " + e.text }

func checkLabel(label string) error {
	if n := utf8.RuneCountInString(label); n < 1 || n > 100 {
		return &fieldError{"token_label", "must have 1 to 100 characters"}
	}
	return nil
}

func checkScopes(scopes []scope) error {
	if len(scopes) == 0 {
		return &fieldError{"scopes", "at least one scope is required"}
	}
	for _, s := range scopes {
		if !knownScope(s) {
			return &fieldError{"scopes", "unknown scope " + fmt.Sprintf("%.40q", s)}
		}
	}
	return nil
}

// expiryPattern is RFC 3339 in UTC with up to microseconds.
// Source: the check of docker/terraform-provider-docker on expires_at.
var expiryPattern = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z$`)

// parseExpiry reads expires_at. nil is no expiry.
func parseExpiry(text *string, now time.Time) (time.Time, error) {
	if text == nil {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, *text)
	if err != nil || !expiryPattern.MatchString(*text) {
		return time.Time{}, &fieldError{"expires_at", "must be an RFC 3339 time that ends in Z"}
	}
	if !at.After(now) {
		return time.Time{}, &fieldError{"expires_at", "must be in the future"}
	}
	return at, nil
}
