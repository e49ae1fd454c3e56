package wiring

import (
	"context"
	"errors"
	"io"
	"maps"
	"os/exec"
	"runtime"
	"slices"
	"strings"
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
	silent  bool // it did not answer once and is not waited for again
}

func newOtherHelper(name string, timeout time.Duration) *otherHelper {
	if timeout <= 0 {
		timeout = otherTimeout
	}
	return &otherHelper{name: name, timeout: timeout}
}

func (o *otherHelper) String() string { return "docker-credential-" + o.name }

// isForeign tells a program of Windows that is called from another system. WSL allows that, and Docker Desktop
// gives docker-credential-desktop.exe to the distributions in it.
func (o *otherHelper) isForeign() bool {
	return runtime.GOOS != "windows" && strings.HasSuffix(strings.ToLower(o.name), ".exe")
}

var errNoAnswer = errors.New("it did not answer in time")

func (o *otherHelper) list(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	names, err := client.List(o.program(ctx))
	switch {
	case ctx.Err() != nil:
		o.silent = true
		return nil, errNoAnswer
	case err != nil:
		return nil, errors.New(secret.Redact(err.Error())) // it quotes what the helper printed
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// get fails with an error that says nothing of what the helper printed: it may be the secret.
func (o *otherHelper) get(ctx context.Context, serverURL string) (username string, text secret.Secret, err error) {
	if o.silent {
		return "", secret.Secret{}, errNoAnswer
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	c, err := client.Get(o.program(ctx), serverURL)
	switch {
	case ctx.Err() != nil:
		o.silent = true
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
func (o *otherHelper) program(ctx context.Context) client.ProgramFunc {
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
	return newOtherHelper(name, otherTimeout).list(ctx)
}

// GetOther takes one credential out of docker-credential-NAME, which stays as it is. Its error says
// nothing of what that program printed.
func GetOther(ctx context.Context, name, serverURL string) (username string, text secret.Secret, err error) {
	return newOtherHelper(name, otherTimeout).get(ctx, serverURL)
}
