package sandbox

import (
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	issuer           = "https://api.docker.com/"
	hubAudience      = "https://hub.docker.com"
	secondAudience   = "hub-sandbox/2fa-login"
	secondLifetime   = 5 * time.Minute   // of a login_2fa_token; Hub's is not documented
	bearerLifetime   = 10 * time.Minute  // of /v2/auth/token. Source: Docker Hub API reference
	tokenSource      = "docker_pat|"     // before the id of the token that a session comes from
	orgTokenSource   = "docker_oat|"     // the same for an organization's; the real form is not documented
	passwordSource   = "docker|"         // before the id of the user; the real form is not documented
	registryLifetime = 300 * time.Second // commonly seen; not documented
)

// sessionClaims are the claims of a bearer of the Hub API. The user is in a claim whose name is a URL.
// Source: bearers quoted in public issues, and docker/cli internal/oauth.
type sessionClaims struct {
	jwt.RegisteredClaims
	Scope string   `json:"scope,omitempty"`
	Hub   hubClaim `json:"https://hub.docker.com"`
}

type hubClaim struct {
	Email     string `json:"email"`
	SessionID string `json:"session_id"`
	Source    string `json:"source"`
	Username  string `json:"username"`
	UUID      string `json:"uuid"`
}

// registryClaims are the claims of a bearer of the registry.
// Source: distribution specification, token authentication.
type registryClaims struct {
	jwt.RegisteredClaims
	Access  []resourceAccess `json:"access"`
	TokenID string           `json:"pat,omitempty"` // the token behind it, to see its end at once
}

// newSession issues a bearer of the Hub API for a proven credential.
func (s *Sandbox) newSession(c credential, lifetime time.Duration) string {
	claims := sessionClaims{RegisteredClaims: s.registered(hubAudience, c.account.id, lifetime)}
	claims.Hub = hubClaim{
		Email: c.account.name + "@example.com", SessionID: claims.ID, Source: passwordSource + c.account.id,
		Username: c.account.name, UUID: c.account.id,
	}
	switch {
	case c.token != nil && c.account.org != nil:
		claims.Hub.Source = orgTokenSource + c.token.id
	case c.token != nil:
		claims.Hub.Source = tokenSource + c.token.id
		claims.Scope = strings.Join(c.token.scopes, " ")
	}
	return s.sign(claims)
}

func (s *Sandbox) registered(audience, subject string, lifetime time.Duration) jwt.RegisteredClaims {
	now := s.now()
	return jwt.RegisteredClaims{
		Issuer: issuer, Subject: subject, Audience: jwt.ClaimStrings{audience}, ID: uuid.NewString(),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
	}
}

func (s *Sandbox) sign(claims jwt.Claims) string {
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.key)
	if err != nil {
		panic(fmt.Sprintf("sandbox: sign a JWT: %v", err)) // HMAC over bytes that we made cannot fail
	}
	return text
}

// parse verifies signature, issuer, expiry and audience, so that one kind of JWT never serves as
// another kind.
func (s *Sandbox) parse(text, audience string, claims jwt.Claims) error {
	_, err := jwt.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return s.key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(issuer),
		jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithTimeFunc(s.now))
	if err != nil {
		return fmt.Errorf("parse a JWT: %w", err)
	}
	return nil
}

// parseSecondFactor returns the claims and the owner of a login_2fa_token, or no owner.
func (s *Sandbox) parseSecondFactor(text string) (jwt.RegisteredClaims, *account) {
	var claims jwt.RegisteredClaims
	if err := s.parse(text, secondAudience, &claims); err != nil {
		return claims, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return claims, s.accounts[claims.Subject]
}
