package credhelper

import (
	"errors"
	"strings"

	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// Errors of a command that has a token of its own.
var (
	// ErrLoanEnded: the command goes on after its token has ended.
	ErrLoanEnded = errors.New("the token that was made for this command has ended")
	// ErrLent: another credential for the registry cannot be stored meanwhile.
	ErrLent = errors.New("this command has a token of its own, and no other credential is stored meanwhile")
)

const loanMark = " exec "

// LoanKey is the entry of the store that holds the token of one command.
func LoanKey(registryKey, loan string) string { return registryKey + loanMark + loan }

// IsLoanKey knows these entries from those of servers, whose names have no blanks.
func IsLoanKey(key string) bool { return strings.Contains(key, loanMark) }

// isLent tells whether the token of a command stands for what is under key.
func (h *Helper) isLent(key string) bool { return h.opts.Loan != "" && key == h.registry }

// getLoan never falls back to the credential of the machine, which may do more than was asked for.
func (h *Helper) getLoan() (username, text string, err error) {
	c, err := h.store.Get(h.ctx, LoanKey(h.registry, h.opts.Loan))
	if errors.Is(err, secretstore.ErrNotFound) || err == nil && c.Token != nil && c.Token.HasEnded(h.opts.Now()) {
		return "", "", ErrLoanEnded
	}
	return c.Username, c.Secret.Reveal(), err
}

// addToLoan takes what docker login stores again of what it was given.
func (h *Helper) addToLoan(c *credentials.Credentials) error {
	username, text, err := h.getLoan()
	if err == nil && (username != c.Username || text != c.Secret) {
		err = ErrLent
	}
	return err
}
