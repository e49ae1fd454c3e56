// Package helper is the program docker-credential-pat: one call of the credential helper protocol, from
// arguments and standard input to exit code. Docker runs it before every pull and push, so it knows
// neither commands nor HTTP, and both programs that contain it stay quick to start.
package helper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/buildinfo"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
)

// Name is what Docker calls the program.
const Name = "docker-credential-pat"

// manager is the program that a hint of the helper sends the user to.
const manager = "docker-pat"

// Service is the name that our items are filed under in the keychain; those of a profile are under it with a
// slash and the name behind it.
const Service = "docker-pat"

// Exit codes of the protocol.
const (
	exitOK      = 0
	exitFailure = 1
)

const help = `Usage: docker-credential-pat <store|get|erase|list|version>

The credential helper of docker-pat. Docker calls it; docker-pat setup tells Docker to.
`

// A System is what a call needs of the outside.
type System struct {
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) string
	Now      func() time.Time
	// Tokens does what takes Docker Hub. nil: docker-pat is called for it.
	Tokens func(settings.Settings, *secretstore.Store) credhelper.Tokens
	// Hint is the next step after an error; nil: that of this package.
	Hint func(error) string
}

// Run answers one call. Errors go to standard output, as the protocol has it.
func (sys System) Run(ctx context.Context, args []string) int {
	if len(args) != 1 {
		_, _ = fmt.Fprint(sys.Out, help)
		return exitFailure // what the protocol's library answers
	}
	switch args[0] {
	case "--help", "-h":
		_, _ = fmt.Fprint(sys.Out, help)
		return exitOK
	case "--version", "-v", credentials.ActionVersion:
		build := buildinfo.Get()
		_, _ = fmt.Fprintf(sys.Out, "%s (%s) %s\n", Name, build.Package, build.Version)
		return exitOK
	}
	if err := sys.serve(ctx, args[0]); err != nil {
		_, _ = fmt.Fprintln(sys.Out, sys.reply(err))
		return exitFailure
	}
	return exitOK
}

func (sys System) serve(ctx context.Context, action string) error {
	s, err := settings.FromEnvironment(sys.Env)
	if err != nil {
		return err
	}
	h, err := sys.New(ctx, s)
	if err != nil {
		return err
	}
	return h.Serve(action, sys.In, sys.Out)
}

// New returns the helper that the settings ask for, for one call.
func (sys System) New(ctx context.Context, s settings.Settings) (*credhelper.Helper, error) {
	store := NewStore(s, sys.Env)
	var tokens credhelper.Tokens = handOver{sys}
	if sys.Tokens != nil {
		tokens = sys.Tokens(s, store)
	}
	return credhelper.New(ctx, credhelper.Options{
		Store: store, Registry: s.Registry, Preferences: s.Preferences, Tokens: tokens,
		StateDir: s.StateDir, HubURL: s.HubURL, Now: sys.Now, Warn: sys.warn, Loan: sys.Env(LoanVariable),
	})
}

// LoanVariable names the token of one command to the helpers that it runs. It is no secret.
const LoanVariable = "DOCKER_PAT_EXEC"

// NewStore returns the store that the settings ask for.
func NewStore(s settings.Settings, env func(string) string) *secretstore.Store {
	service := Service
	if s.Profile != "" {
		service += "/" + s.Profile
	}
	return secretstore.New(secretstore.Options{
		Keychain: secretstore.NewKeychain(service, env),
		StateDir: s.StateDir,
		Timeout:  s.KeychainTimeout,
	})
}

// reply is one line. Clients know the protocol's own errors by their exact text; ours name the program
// and say what to do. What another program has said in our place is passed on.
func (sys System) reply(err error) string {
	var said repliedError
	switch {
	case credentials.IsErrCredentialsNotFound(err), credentials.IsCredentialsMissingServerURL(err), credentials.IsCredentialsMissingUsername(err):
		return err.Error()
	case errors.As(err, &said):
		return said.text
	}
	return sys.line("", err)
}

func (sys System) warn(err error) { _, _ = fmt.Fprintln(sys.Err, sys.line("warning: ", err)) }

func (sys System) line(kind string, err error) string {
	hint := sys.Hint
	if hint == nil {
		hint = func(err error) string { return Hint(manager, err) }
	}
	text := Name + ": " + kind + err.Error()
	if next := hint(err); next != "" {
		text += "; " + next
	}
	return strings.ReplaceAll(text, "\n", " ")
}
