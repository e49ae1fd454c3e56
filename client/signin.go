package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// A Session is what a sign-in gives.
type Session struct {
	Username  string // as Docker Hub knows it, which may differ in letter case from what was typed
	Bearer    Secret
	ExpiresAt time.Time // zero when the bearer does not say

	// Of a sign-in on the web alone: what the session goes on with, and the program that it was given to.
	RefreshToken Secret
	ClientID     string
}

// A SecondFactorError says that the password is right and a one-time code is wanted as well.
type SecondFactorError struct{ LoginToken Secret }

func (*SecondFactorError) Error() string { return "a two-factor authentication code is needed" }

type loginReply struct {
	Token string `json:"token"`
}

// SignIn exchanges a user name and a password for a session. It fails with ErrUnauthorized when they
// are refused and with *SecondFactorError when the account wants a one-time code: pass both to
// SignInSecondFactor then.
//
// It uses the older of the two routes because its session lasts, while a bearer of the newer one ends
// after 10 minutes, and because two-factor authentication is documented there alone; where that route
// is gone, it takes the newer one. Source: POST /v2/users/login, POST /v2/auth/token.
func (c *Client) SignIn(ctx context.Context, username string, password Secret) (Session, error) {
	var reply loginReply
	err := c.do(ctx, call{
		method: http.MethodPost, path: "/v2/users/login", out: &reply,
		in: map[string]string{"username": username, "password": password.Reveal()}, secrets: []Secret{password},
	})
	var refused *APIError
	if errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusGone) {
		return c.Exchange(ctx, username, password)
	}
	if err != nil {
		return Session{}, fmt.Errorf("sign in as %s: %w", username, err)
	}
	return newSession(username, reply.Token)
}

// SignInSecondFactor ends a sign-in with the one-time code. It fails with ErrUnauthorized when the
// code is wrong or the sign-in took too long. Source: POST /v2/users/2fa-login.
func (c *Client) SignInSecondFactor(ctx context.Context, username string, loginToken, code Secret) (Session, error) {
	var reply loginReply
	err := c.do(ctx, call{
		method: http.MethodPost, path: "/v2/users/2fa-login", out: &reply,
		in: map[string]string{"login_2fa_token": loginToken.Reveal(), "code": code.Reveal()}, secrets: []Secret{loginToken, code},
	})
	if err != nil {
		return Session{}, fmt.Errorf("sign in as %s with a two-factor authentication code: %w", username, err)
	}
	return newSession(username, reply.Token)
}

// Exchange trades a password, a personal or an organization access token for a bearer that lives
// 10 minutes. identifier is the user or the organization name. A bearer that comes from a token may
// not manage tokens. Source: POST /v2/auth/token.
func (c *Client) Exchange(ctx context.Context, identifier string, text Secret) (Session, error) {
	var reply struct {
		AccessToken string `json:"access_token"`
	}
	err := c.do(ctx, call{
		method: http.MethodPost, path: "/v2/auth/token", out: &reply,
		in: map[string]string{"identifier": identifier, "secret": text.Reveal()}, secrets: []Secret{text},
	})
	if err != nil {
		return Session{}, fmt.Errorf("sign in as %s: %w", identifier, err)
	}
	return newSession(identifier, reply.AccessToken)
}

// newSession reads the claims of a bearer. Its signature is for the service to check.
func newSession(username, bearer string) (Session, error) {
	if bearer == "" {
		return Session{}, fmt.Errorf("sign in as %s: %w: no bearer in it", username, ErrNotTheAPI)
	}
	s := Session{Username: username, Bearer: secret.New(bearer)}
	var claims struct {
		Expiry float64 `json:"exp"` // seconds since 1970, sometimes with a fraction
		Hub    struct {
			Username string `json:"username"`
		} `json:"https://hub.docker.com"`
	}
	if parts := strings.Split(bearer, "."); len(parts) == 3 {
		payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
		if err == nil && json.Unmarshal(payload, &claims) == nil {
			if claims.Hub.Username != "" {
				s.Username = claims.Hub.Username
			}
			if claims.Expiry > 0 {
				s.ExpiresAt = time.Unix(int64(claims.Expiry), 0)
			}
		}
	}
	return s, nil
}

// SessionFromBearer reads a bearer that was stored.
func SessionFromBearer(username string, bearer Secret) (Session, error) {
	return newSession(username, bearer.Reveal())
}

// secondFactor recognises the 401 that asks for a one-time code by the token in its body, not by its
// sentence. It returns nil for every other body.
func secondFactor(body []byte) error {
	var reply struct {
		LoginToken string `json:"login_2fa_token"`
	}
	if err := json.Unmarshal(body, &reply); err == nil && reply.LoginToken != "" {
		return &SecondFactorError{LoginToken: secret.New(reply.LoginToken)}
	}
	return nil
}
