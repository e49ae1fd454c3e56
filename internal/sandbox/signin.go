package sandbox

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
)

const (
	textWrongLogin   = "Incorrect authentication credentials"
	textSecondFactor = "Require secondary authentication on MFA enabled account"
	textOrgAccount   = "Cannot log into an organization account"
	textIncomplete   = "malformed request: a required field is missing"

	userTokenPrefix = "dckr_" + "pat_"
	orgTokenPrefix  = "dckr_" + "oat_"
)

// usersLogin imitates POST /v2/users/login (deprecated): a password, or a token in its place, for a
// JWT. A password of an account with a second factor gets a login_2fa_token for users2FALogin.
func (s *Sandbox) usersLogin(w http.ResponseWriter, r *http.Request) {
	var body struct{ Username, Password string }
	if err := readJSON(w, r, &body); err != nil {
		writeJSON(w, http.StatusBadRequest, detailError{Detail: err.Error()})
		return
	}
	if body.Username == "" || body.Password == "" {
		writeJSON(w, http.StatusBadRequest, detailError{Detail: textIncomplete})
		return
	}
	if strings.HasPrefix(body.Password, orgTokenPrefix) || s.isOrganization(body.Username) {
		writeJSON(w, http.StatusUnauthorized, detailError{Detail: textOrgAccount})
		return
	}
	proven, err := s.authenticate(body.Username, body.Password)
	switch {
	case err != nil:
		writeJSON(w, http.StatusUnauthorized, detailError{Detail: textWrongLogin})
	case proven.needsCode():
		writeJSON(w, http.StatusUnauthorized, detailError{Detail: textSecondFactor, Login2FAToken: s.newSecondFactor(proven.account)})
	default:
		s.writeSession(w, r, proven)
	}
}

// users2FALogin imitates POST /v2/users/2fa-login: the login_2fa_token of usersLogin and a one-time
// code for a JWT. A code serves once; a wrong one does not use up the login_2fa_token.
func (s *Sandbox) users2FALogin(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Token string `json:"login_2fa_token"`
		Code  string `json:"code"`
	}
	if err := readJSON(w, r, &body); err != nil {
		writeJSON(w, http.StatusBadRequest, detailError{Detail: err.Error()})
		return
	}
	claims, owner := s.parseSecondFactor(body.Token)
	if owner == nil || s.acceptCode(owner, claims.ID, body.Code) != nil {
		writeJSON(w, http.StatusUnauthorized, detailError{Detail: textWrongLogin})
		return
	}
	s.writeSession(w, r, credential{account: owner})
}

// authToken imitates POST /v2/auth/token: a password or a token for a bearer of ten minutes. Unlike
// Hub, which was seen to take any identifier beside a right token, it insists on the owner's name.
// That a second factor is asked for here in the way of usersLogin is seen, not documented.
func (s *Sandbox) authToken(w http.ResponseWriter, r *http.Request) {
	var body struct{ Identifier, Secret string }
	if err := readJSON(w, r, &body); err != nil {
		writeJSON(w, http.StatusBadRequest, apiError{Message: "bad request", Detail: err.Error()})
		return
	}
	if body.Identifier == "" || body.Secret == "" {
		writeJSON(w, http.StatusBadRequest, apiError{Message: "bad request", Detail: textIncomplete})
		return
	}
	proven, err := s.authenticate(body.Identifier, body.Secret)
	switch {
	case err != nil:
		writeJSON(w, http.StatusUnauthorized, apiError{Message: "unauthorized"})
	case proven.needsCode():
		writeJSON(w, http.StatusUnauthorized, apiError{
			Message: "unauthorized", Detail: textSecondFactor, Login2FAToken: s.newSecondFactor(proven.account),
		})
	default:
		writeJSON(w, http.StatusOK, struct {
			AccessToken string `json:"access_token"`
		}{s.newSession(proven, bearerLifetime)})
	}
}

// signedIn lets through to next only a bearer that comes from a password or from a sign-in on the web. A bearer from a token may
// not manage tokens, and a token itself is no bearer.
func (s *Sandbox) signedIn(next func(http.ResponseWriter, *http.Request, *account)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		claims, err := s.parseSession(bearer(r))
		if err != nil {
			writeJSON(w, http.StatusUnauthorized, apiError{Message: "unauthorized", ErrInfo: emptyInfo{}})
			return
		}
		for source, kind := range map[string]string{tokenSource: "personal", orgTokenSource: "organization"} {
			if strings.HasPrefix(claims.Hub.Source, source) {
				writeJSON(w, http.StatusForbidden, apiError{
					Message: "token issued from " + kind + " access token is not allowed", ErrInfo: emptyInfo{},
				})
				return
			}
		}
		s.mu.Lock()
		owner := s.accounts[claims.Hub.Username]
		s.mu.Unlock()
		next(w, r, owner)
	}
}

// bearer returns what follows "Bearer " in the Authorization header, or nothing.
func bearer(r *http.Request) string {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return text
}

// writeSession sends the reply of both sign-ins. The refresh token is of no use here: no operation
// of the sandbox takes it.
func (s *Sandbox) writeSession(w http.ResponseWriter, r *http.Request, proven credential) {
	reply := struct {
		Token        string `json:"token"`
		RefreshToken string `json:"refresh_token,omitempty"`
	}{Token: s.newSession(proven, s.opts.SessionLifetime)}
	if r.URL.Query().Get("refresh_token") == "true" {
		reply.RefreshToken = uuid.NewString()
	}
	writeJSON(w, http.StatusOK, reply)
}

func (s *Sandbox) newSecondFactor(owner *account) string {
	return s.sign(s.registered(secondAudience, owner.name, secondLifetime))
}
