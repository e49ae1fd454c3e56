package sandbox

import (
	"net/http"
	"net/url"
	"time"
)

// OAuthClientID is the one program that the tenant knows: `docker login`.
// Source: docker/cli internal/oauth/manager.
const OAuthClientID = "L4v0dmlNBpYUjGGab0C2JtgTgXr1Qz4d"

const (
	grantDevice  = "urn:ietf:params:oauth:grant-type:device_code" // RFC 8628, section 3.4
	grantRefresh = "refresh_token"
	oauthScope   = "openid offline_access"
)

// An oauthError is the error body of the tenant. Source: RFC 6749, section 5.2.
type oauthError struct {
	Status      int    `json:"-"`
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *oauthError) Error() string { return e.Code + ": " + e.Description }

// What the tenant refuses. RFC 8628 answers 400 to the first four; the statuses are those of Docker's
// tenant as far as they were seen, and of the product it is built on, whose documentation has the
// sentences too (auth0.com/docs, device authorization flow and refresh token rotation).
var (
	errPending     = &oauthError{http.StatusForbidden, "authorization_pending", "User has yet to authorize device code."}
	errSlowDown    = &oauthError{http.StatusTooManyRequests, "slow_down", "You are polling faster than the specified interval."}
	errDenied      = &oauthError{http.StatusForbidden, "access_denied", "User cancelled the confirmation prompt."}
	errCodeExpired = &oauthError{http.StatusForbidden, "expired_token", "The device code is expired."}
	errBadCode     = &oauthError{http.StatusForbidden, "invalid_grant", "Invalid or expired device code."}
	errBadRefresh  = &oauthError{http.StatusForbidden, "invalid_grant", "Unknown or invalid refresh token."}
	errBadRequest  = &oauthError{http.StatusBadRequest, "invalid_request", "A parameter is missing or not acceptable."}
	errBadGrant    = &oauthError{http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant type."}
	errBadClient   = &oauthError{http.StatusUnauthorized, "invalid_client", "Unknown client."}
)

// oauthRoutes lists what is emulated of the OAuth tenant.
func (s *Sandbox) oauthRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+AuthPath+"/oauth/device/code", s.oauthForm(s.deviceCode))
	mux.HandleFunc("POST "+AuthPath+"/oauth/token", s.oauthForm(s.oauthToken))
	mux.HandleFunc("POST "+AuthPath+"/oauth/revoke", s.oauthForm(s.oauthRevoke))
	mux.HandleFunc("GET "+AuthPath+activatePath, s.showActivation)
	mux.HandleFunc("POST "+AuthPath+activatePath, s.decideActivation)
	return mux
}

// oauthForm reads the form of a request, checks the client and answers with what comes of it.
func (s *Sandbox) oauthForm(answer func(*http.Request, url.Values) (any, *oauthError)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // RFC 6749, section 5.1
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		problem := errBadRequest
		var reply any
		if err := r.ParseForm(); err == nil {
			problem = errBadClient
			if r.PostForm.Get("client_id") == OAuthClientID {
				reply, problem = answer(r, r.PostForm)
			}
		}
		switch {
		case problem != nil:
			writeJSON(w, problem.Status, problem)
		case reply == nil:
			w.WriteHeader(http.StatusOK)
		default:
			writeJSON(w, http.StatusOK, reply)
		}
	}
}

// deviceCode imitates POST /oauth/device/code. Source: RFC 8628, section 3.1.
func (s *Sandbox) deviceCode(r *http.Request, form url.Values) (any, *oauthError) {
	if form.Get("audience") != hubAudience || form.Get("scope") != oauthScope {
		return nil, errBadRequest
	}
	d := s.newDevice()
	page := activationURL(r)
	return struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
		Page       string `json:"verification_uri"`
		Complete   string `json:"verification_uri_complete"`
		ExpiresIn  int64  `json:"expires_in"`
		Interval   int64  `json:"interval"`
	}{
		d.code, d.userCode, page, page + "?" + url.Values{"user_code": {d.userCode}}.Encode(),
		seconds(s.opts.DeviceCodeLifetime), seconds(s.opts.PollInterval),
	}, nil
}

// oauthToken imitates POST /oauth/token.
func (s *Sandbox) oauthToken(_ *http.Request, form url.Values) (any, *oauthError) {
	var g *grant
	var problem *oauthError
	switch form.Get("grant_type") {
	case grantDevice:
		g, problem = s.redeem(form.Get("device_code"))
	case grantRefresh:
		g, problem = s.rotate(form.Get("refresh_token"))
	default:
		problem = errBadGrant
	}
	if problem != nil {
		return nil, problem
	}
	return s.tokensOf(g), nil
}

// oauthRevoke imitates POST /oauth/revoke. Source: RFC 7009, section 2.2: what is not known is revoked.
func (s *Sandbox) oauthRevoke(_ *http.Request, form url.Values) (any, *oauthError) {
	if form.Get("token") == "" {
		return nil, errBadRequest
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.grants[form.Get("token")]; g != nil {
		g.ended = true
	}
	return nil, nil
}

// An oauthTokens is the reply with tokens. Source: RFC 6749, section 5.1.
type oauthTokens struct {
	AccessToken  string `json:"access_token"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
	ExpiresIn    int64  `json:"expires_in"`
	TokenType    string `json:"token_type"`
}

func (s *Sandbox) tokensOf(g *grant) oauthTokens {
	return oauthTokens{
		AccessToken: s.newOAuthSession(g), IDToken: s.newIDToken(g), RefreshToken: g.refresh,
		Scope: oauthScope, ExpiresIn: seconds(s.opts.AccessTokenLifetime), TokenType: "Bearer",
	}
}

// seconds is at least one: that is the smallest number the protocol has room for.
func seconds(d time.Duration) int64 { return max(int64(d/time.Second), 1) }
