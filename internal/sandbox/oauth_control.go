package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

const devicesPath = "/_sandbox/devices"

// A Decision is what becomes of a sign-in on the web.
type Decision string

// The decisions.
const (
	Approve Decision = "approve"
	Deny    Decision = "deny"
	Expire  Decision = "expire" // as if nobody had come in time
)

// PendingDevices returns the user codes of the sign-ins that wait for a person, the oldest first.
func (s *Sandbox) PendingDevices() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	codes, now := []string{}, s.now()
	for _, d := range s.devices {
		if d.pending(now) {
			codes = append(codes, d.userCode)
		}
	}
	return codes
}

// Decide does what a person would do in the browser, without a password. An empty userCode is that of the
// one sign-in that waits. username is needed to approve.
func (s *Sandbox) Decide(userCode string, decision Decision, username string) error {
	if userCode == "" {
		codes := s.PendingDevices()
		if len(codes) != 1 {
			return fmt.Errorf("%d sign-ins are waiting: name one", len(codes))
		}
		userCode = codes[0]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.findDevice(userCode)
	if d == nil {
		return fmt.Errorf("no sign-in is waiting under the code %.20q", userCode)
	}
	switch decision {
	case Approve:
		owner := s.accounts[username]
		if owner == nil {
			return fmt.Errorf("there is no account %.40q", username)
		}
		d.owner = owner
	case Deny, Expire:
	default:
		return fmt.Errorf("the decision is %.20q: give %q, %q or %q", decision, Approve, Deny, Expire)
	}
	d.decided = decision
	return nil
}

// EndSessions ends every session that goes on by refresh tokens, as an administrator may.
func (s *Sandbox) EndSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.grants {
		g.ended = true
	}
}

// Sessions returns how many sessions of an account could still go on by a refresh token.
func (s *Sandbox) Sessions(username string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for refresh, g := range s.grants {
		if g.refresh == refresh && !g.ended && g.owner.name == username {
			n++
		}
	}
	return n
}

// serveDevices is the control of sign-ins over HTTP, which imitates nothing: GET names those that wait,
// POST decides.
func (s *Sandbox) serveDevices(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		writeJSON(w, http.StatusOK, struct {
			UserCodes []string `json:"user_codes"`
		}{s.PendingDevices()})
	case http.MethodPost:
		if err := s.decideJSON(w, r); err != nil {
			writeJSON(w, http.StatusBadRequest, apiError{Message: "bad request", Detail: err.Error()})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		s.unknownRoute(w, r)
	}
}

func (s *Sandbox) decideJSON(w http.ResponseWriter, r *http.Request) error {
	var text struct {
		UserCode string   `json:"user_code"`
		Decision Decision `json:"decision"`
		Username string   `json:"username"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields() // a misspelt user_code would decide about another one
	if err := decoder.Decode(&text); err != nil {
		return errors.New("read the decision: it is JSON with user_code, decision and username")
	}
	return s.Decide(text.UserCode, text.Decision, text.Username)
}
