package sandbox

import (
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

var (
	errWrongCredential = errors.New("incorrect username or password")
	errTokenExpired    = errors.New("personal access token is expired")
	errOrgTokenExpired = errors.New("org access token is expired")
)

// An account is a user or an organization, with tokens. Name, password, totpSecret, id and org never
// change, so they may be read without the lock.
type account struct {
	name, password, totpSecret, id string
	org                            *organization // nil: a user

	tokens      []*accessToken  // oldest first
	usedCodes   map[string]bool // one-time codes that have served, by time step
	usedLogin2F map[string]bool // login_2fa_token ids that have served
}

// A credential is what somebody proved to hold: the password of the account, or one of its tokens.
type credential struct {
	account *account
	token   *accessToken // nil: the password
}

// needsCode reports whether the credential is only the first of two factors. Hub asks for no second
// factor when a token is used. Source: Docker documentation, personal access tokens.
func (c credential) needsCode() bool { return c.token == nil && c.account.totpSecret != "" }

// namespacePattern is what a path component of a repository name may be.
// Source: OCI distribution specification, "Pulling manifests".
var namespacePattern = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$`)

func (s *Sandbox) addAccount(user User) error {
	if err := s.checkName(user.Name); err != nil {
		return err
	}
	if user.Password == "" {
		return errors.New("has no password")
	}
	if user.TOTPSecret != "" {
		if err := checkTOTPSecret(user.TOTPSecret); err != nil {
			return err
		}
	}
	s.accounts[user.Name] = &account{
		name: user.Name, password: user.Password, totpSecret: user.TOTPSecret, id: uuid.NewString(),
		usedCodes: map[string]bool{}, usedLogin2F: map[string]bool{},
	}
	return nil
}

// checkName says why a name cannot be that of a further account.
func (s *Sandbox) checkName(name string) error {
	switch {
	case !namespacePattern.MatchString(name):
		return errors.New("cannot be a namespace: lower case letters, digits and single . _ - between them")
	case name == officialNamespace:
		return errors.New("is reserved for official images")
	case s.accounts[name] != nil:
		return errors.New("is there twice")
	}
	return nil
}

// checkTOTPSecret does not wrap the decoder's error: nothing of a secret belongs in an error.
func checkTOTPSecret(secret string) error {
	encoding := base32.StdEncoding.WithPadding(base32.NoPadding)
	if _, err := encoding.DecodeString(strings.ToUpper(strings.TrimRight(secret, "="))); err != nil {
		return errors.New("has a TOTP secret that is not base32")
	}
	return nil
}

// authenticate checks a user name with a password or a token, and notes the use of a token. It is
// strict about the name: a token of somebody else is refused, and so is an e-mail address.
// It fails with errTokenExpired or errOrgTokenExpired and, whatever else is wrong, with
// errWrongCredential.
func (s *Sandbox) authenticate(name, secret string) (credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.accounts[name]
	if owner == nil || secret == "" {
		return credential{}, errWrongCredential
	}
	if secret == owner.password { // never of an organization, which has none
		return credential{account: owner}, nil
	}
	now := s.now()
	for _, token := range owner.tokens {
		switch {
		case token.secret != secret:
			continue
		case token.expired(now):
			return credential{}, owner.errExpired()
		case !token.active:
			return credential{}, errWrongCredential
		}
		token.lastUsed = now
		return credential{account: owner, token: token}, nil
	}
	return credential{}, errWrongCredential
}

// acceptCode checks a one-time code and uses it up, together with the login_2fa_token of the given
// id. It allows one step (30 s) of difference between the clocks to either side.
func (s *Sandbox) acceptCode(owner *account, loginID, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if owner.usedLogin2F[loginID] {
		return errWrongCredential
	}
	options := totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}
	for _, skew := range []time.Duration{0, -30 * time.Second, 30 * time.Second} {
		at := s.now().Add(skew)
		want, err := totp.GenerateCodeCustom(owner.totpSecret, at, options)
		if err != nil {
			return fmt.Errorf("generate the one-time code: %w", err)
		}
		step := fmt.Sprint(at.Unix() / 30)
		if want != code || owner.usedCodes[step] {
			continue
		}
		owner.usedCodes[step], owner.usedLogin2F[loginID] = true, true
		return nil
	}
	return errWrongCredential
}
