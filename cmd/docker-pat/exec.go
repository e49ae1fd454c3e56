package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/tokens"
)

type execOptions struct {
	sys     *system
	scopes  []string
	expires string
	env     bool
}

// execExpires is the default lifetime of a token for one command. A command may outlive it: it ends in
// case nobody else ends it.
const execExpires = "1h"

// Exit codes of a command that was not run, as in a shell.
const (
	exitCannotRun = 126
	exitNoCommand = 127
)

func newExecCmd(sys *system) *cobra.Command {
	opts := execOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "exec [flags] -- COMMAND [ARG...]",
		Short: "Run one command with a token of its own",
		Long: `Make a token, run a command that signs in with it, and delete it when the command ends, whatever ends it.
The exit code is that of the command.

The token is kept in the keychain meanwhile. The command finds Docker settings of its own that name the
credential helper, through DOCKER_CONFIG and, for podman, skopeo and buildah, REGISTRY_AUTH_FILE; contexts,
plugins and proxies are yours. So the token is on no disk, and in no argument or environment.

With --env it is in DOCKER_AUTH_CONFIG as well, for programs that know no credential helpers: then every
program that the command starts can read it, and so can whoever may look at its environment.`,
		Example: `  docker-pat exec --scope repo:read -- docker pull moby/private
  docker-pat exec -- docker compose build --push
  docker-pat exec --scope repo:read -- skopeo copy docker://moby/private dir:private`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return opts.run(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false) // what follows COMMAND is its own
	flags.StringSliceVar(&opts.scopes, "scope", nil, "what the token allows; may be given several times (default repo:write)")
	flags.StringVar(&opts.expires, "expires", execExpires, "when the token ends if nothing else ends it")
	flags.BoolVar(&opts.env, "env", false, "put the token into DOCKER_AUTH_CONFIG as well")
	completeScope(cmd)
	completeFlag(cmd, "expires", "1h", "4h", "12h", "1d")
	return cmd
}

func (o execOptions) run(ctx context.Context, args []string) error {
	program, err := o.find(args[0])
	if err != nil {
		return err
	}
	s, err := o.sys.settings()
	if err != nil {
		return err
	}
	spec, err := createOptions{sys: o.sys, scopes: o.scopes, expires: o.expires}.spec(s, []string{o.sys.labelFor("exec " + filepath.Base(args[0]))})
	if err != nil {
		return err
	}
	account, err := o.sys.signedIn(ctx)
	if err != nil {
		return err
	}
	issuer, err := o.sys.issuer(account)
	if err != nil {
		return err
	}
	folder, err := newExecFolder(o.sys, account.settings)
	if err != nil {
		return err
	}
	place := tokens.Place{Key: credhelper.LoanKey(folder.key, folder.id), ServerURL: account.settings.Registry}
	loan, err := issuer.Lend(ctx, place, spec, tokens.Folder{Path: folder.path, Make: folder.fill})
	if err != nil {
		return err
	}
	runErr := o.command(ctx, folder, loan, program, args)
	if err := loan.End(ctx); err != nil {
		o.sys.say("Note: the token of the command, %s, is not deleted yet (%s): the next command does it.", loan.Token.ID, printable(err.Error()))
	}
	return runErr
}

// find looks for the command before anything is made.
func (o execOptions) find(name string) (string, error) {
	program, err := exec.LookPath(name)
	switch {
	case err == nil:
		return program, nil
	case errors.Is(err, os.ErrPermission):
		return "", hintedError{fmt.Errorf("%s cannot be run: %w", name, err), exitCannotRun, ""}
	}
	return "", hintedError{fmt.Errorf("there is no command %s", name), exitNoCommand, ""}
}

// command runs the command to its end, with the signals that are meant for it.
func (o execOptions) command(ctx context.Context, folder execFolder, loan *tokens.Loan, program string, args []string) error {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = o.sys.In, o.sys.Out, o.sys.Err
	env, err := folder.environment(o.env, loan)
	if err != nil {
		return err
	}
	cmd.Env = env
	err = runWithSignals(cmd, o.sys.terminal().CanAsk())
	var ended *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ended):
		return exitCode(codeOf(ended.ProcessState))
	}
	return hintedError{fmt.Errorf("run %s: %w", args[0], err), exitCannotRun, ""}
}
