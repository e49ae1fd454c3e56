package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

const (
	tenantIssuer = "https://login.docker.com/"
	oauthSource  = "docker_oauth|" // before the id of the user; the real form is not documented
	tenantBits   = 2048
)

// idClaims are those of an id_token, which no program here reads.
type idClaims struct {
	jwt.RegisteredClaims
	Nickname string `json:"nickname"`
}

// newTenantKey is made when it is first needed: that takes a moment.
func newTenantKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, tenantBits)
	if err != nil {
		panic(fmt.Sprintf("sandbox: make the key of the tenant: %v", err)) // the size is one that it takes
	}
	return key
}

// newOAuthSession issues an access token: a bearer of the Hub API with the same claims as that of a
// password, signed with another key. Source: docker/cli internal/oauth.
func (s *Sandbox) newOAuthSession(g *grant) string {
	claims := sessionClaims{RegisteredClaims: s.registered(hubAudience, "auth0|"+g.owner.id, s.opts.AccessTokenLifetime), Scope: oauthScope}
	claims.Issuer = tenantIssuer
	claims.Hub = hubClaim{
		Email: g.owner.name + "@example.com", SessionID: g.sessionID, Source: oauthSource + g.owner.id,
		Username: g.owner.name, UUID: g.owner.id,
	}
	return s.signOAuth(claims)
}

func (s *Sandbox) newIDToken(g *grant) string {
	claims := idClaims{s.registered(OAuthClientID, "auth0|"+g.owner.id, s.opts.AccessTokenLifetime), g.owner.name}
	claims.Issuer = tenantIssuer
	return s.signOAuth(claims)
}

func (s *Sandbox) signOAuth(claims jwt.Claims) string {
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(s.tenantKey())
	if err != nil {
		panic(fmt.Sprintf("sandbox: sign a JWT: %v", err)) // the key is one that we made
	}
	return text
}

// parseSession verifies a bearer of the Hub API, whichever of the two sign-ins it is from.
func (s *Sandbox) parseSession(text string) (sessionClaims, error) {
	var claims sessionClaims
	err := s.parse(text, hubAudience, &claims)
	if err == nil {
		return claims, nil
	}
	claims = sessionClaims{}
	_, err = jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return &s.tenantKey().PublicKey, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithIssuer(tenantIssuer),
		jwt.WithAudience(hubAudience), jwt.WithExpirationRequired(), jwt.WithTimeFunc(s.now))
	if err != nil {
		return sessionClaims{}, fmt.Errorf("parse a JWT: %w", err)
	}
	return claims, nil
}
