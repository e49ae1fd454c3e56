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

	"github.com/docker-pat/docker-pat/internal/secret"
)

// otherTimeout bounds each call of another helper, which may ask the user for a password.
const otherTimeout = time.Minute

// An otherHelper is the credential helper that Docker used before.
type otherHelper struct{ name string }

func (o otherHelper) String() string { return "docker-credential-" + o.name }

func (o otherHelper) list(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, otherTimeout)
	defer cancel()
	names, err := client.List(o.program(ctx))
	if ctx.Err() != nil {
		err = errors.New("it did not answer in time")
	}
	return slices.Sorted(maps.Keys(names)), err
}

func (o otherHelper) get(ctx context.Context, serverURL string) (username string, text secret.Secret, err error) {
	ctx, cancel := context.WithTimeout(ctx, otherTimeout)
	defer cancel()
	c, err := client.Get(o.program(ctx), serverURL)
	if err != nil {
		return "", secret.Secret{}, errors.New(secret.Redact(err.Error())) // it quotes what the helper printed
	}
	return c.Username, secret.New(c.Secret), nil
}

// program is the library's client.NewShellProgramFunc with an end to the wait.
func (o otherHelper) program(ctx context.Context) client.ProgramFunc {
	return func(args ...string) client.Program {
		return otherProgram{exec.CommandContext(ctx, o.String(), args...)}
	}
}

type otherProgram struct{ cmd *exec.Cmd }

func (p otherProgram) Output() ([]byte, error) { return p.cmd.Output() }
func (p otherProgram) Input(in io.Reader)      { p.cmd.Stdin = in }
