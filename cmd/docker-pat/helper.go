package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/settings"
)

const (
	helperName = "docker-credential-pat"
	helperHelp = `Usage: docker-credential-pat <store|get|erase|list|version>

The credential helper of docker-pat. Docker calls it; docker-pat setup tells Docker to.
`
)

// runHelper answers one call of the credential helper protocol. It builds no command tree: Docker
// calls it before every pull and push. Errors go to standard output, as the protocol has it.
func runHelper(ctx context.Context, sys *system, args []string) int {
	if len(args) != 1 {
		_, _ = fmt.Fprint(sys.Out, helperHelp)
		return exitFailure // what the protocol's library answers
	}
	action := args[0]
	switch action {
	case "--help", "-h":
		_, _ = fmt.Fprint(sys.Out, helperHelp)
		return exitOK
	case "--version", "-v", credentials.ActionVersion:
		v := version()
		_, _ = fmt.Fprintf(sys.Out, "%s (%s) %s\n", helperName, v.Package, v.Version)
		return exitOK
	}
	if err := serveHelper(ctx, sys, action); err != nil {
		_, _ = fmt.Fprintln(sys.Out, helperError(err))
		return exitFailure
	}
	return exitOK
}

func serveHelper(ctx context.Context, sys *system, action string) error {
	s, err := sys.settings()
	if err != nil {
		return err
	}
	helper, err := newHelper(ctx, sys, s)
	if err != nil {
		return err
	}
	return helper.Serve(action, sys.In, sys.Out)
}

func newHelper(ctx context.Context, sys *system, s settings.Settings) (*credhelper.Helper, error) {
	return credhelper.New(ctx, credhelper.Options{
		Store:    sys.store(s),
		Registry: s.Registry,
		KeepPasswords: func() (bool, error) {
			prefs, err := s.Preferences()
			return prefs.Passwords == settings.PasswordsStore, err
		},
	})
}

// helperError is one line. Clients know the protocol's own errors by their exact text; ours name the
// program and say what to do.
func helperError(err error) string {
	if credentials.IsErrCredentialsNotFound(err) || credentials.IsCredentialsMissingServerURL(err) || credentials.IsCredentialsMissingUsername(err) {
		return err.Error()
	}
	text := helperName + ": " + err.Error()
	if _, hint := advice("docker-pat", err); hint != "" {
		text += "; " + hint
	}
	return strings.ReplaceAll(text, "\n", " ")
}
