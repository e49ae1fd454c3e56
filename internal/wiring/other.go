package wiring

import (
	"context"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"time"

	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/docker-pat/docker-pat/internal/secret"
)

const (
	otherTimeout = time.Minute // of each call of another helper, which may ask the user for a password
	otherGrace   = time.Second // for what it has started to let go of its output
)

// An otherHelper is the credential helper that Docker used before.
type otherHelper struct {
	name    string
	timeout time.Duration
}

func newOtherHelper(name string) otherHelper { return otherHelper{name: name, timeout: otherTimeout} }

func (o otherHelper) String() string { return "docker-credential-" + o.name }

var errNoAnswer = errors.New("it did not answer in time")

func (o otherHelper) list(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	names, err := client.List(o.program(ctx))
	switch {
	case ctx.Err() != nil:
		return nil, errNoAnswer
	case err != nil:
		return nil, errors.New(secret.Redact(err.Error())) // it quotes what the helper printed
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// get fails with an error that says nothing of what the helper printed: it may be the secret.
func (o otherHelper) get(ctx context.Context, serverURL string) (username string, text secret.Secret, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	c, err := client.Get(o.program(ctx), serverURL)
	switch {
	case ctx.Err() != nil:
		return "", secret.Secret{}, errNoAnswer
	case credentials.IsErrCredentialsNotFound(err):
		return "", secret.Secret{}, errors.New("it does not have it")
	case err != nil:
		return "", secret.Secret{}, errors.New("it failed")
	case c.Username == "" || c.Secret == "":
		return "", secret.Secret{}, errors.New("it gave no user name or no secret")
	}
	return c.Username, secret.New(c.Secret), nil
}

// program is the library's client.NewShellProgramFunc with an end to the wait, also for what a helper
// that was killed has left behind with its output open.
func (o otherHelper) program(ctx context.Context) client.ProgramFunc {
	return func(args ...string) client.Program {
		cmd := exec.CommandContext(ctx, o.String(), args...)
		cmd.WaitDelay = otherGrace
		return otherProgram{cmd}
	}
}

type otherProgram struct{ cmd *exec.Cmd }

func (p otherProgram) Output() ([]byte, error) { return p.cmd.Output() }
func (p otherProgram) Input(in io.Reader)      { p.cmd.Stdin = in }

// ListOther names what the credential helper docker-credential-NAME holds.
func ListOther(ctx context.Context, name string) ([]string, error) {
	return newOtherHelper(name).list(ctx)
}

// GetOther takes one credential out of docker-credential-NAME, which stays as it is. Its error says
// nothing of what that program printed.
func GetOther(ctx context.Context, name, serverURL string) (username string, text secret.Secret, err error) {
	return newOtherHelper(name).get(ctx, serverURL)
}
