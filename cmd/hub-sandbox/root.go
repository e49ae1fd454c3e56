package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// A usageError is a mistake in flags or arguments.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run is the program without the process: it serves until ctx ends and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd := newRootCmd()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintln(stderr, "hub-sandbox:", err)
	if errors.As(err, new(usageError)) {
		_, _ = fmt.Fprintln(stderr, "hub-sandbox: hint: see hub-sandbox --help")
		return exitUsage
	}
	return exitFailure
}

type options struct {
	addr   string
	users  []string
	public []string
}

const longHelp = `Run an emulated Docker Hub on this machine, to try docker-pat on without an account:
sign-in with a password and a one-time code, personal access tokens, the registry's
token endpoint and a registry to push to and pull from.

Everything is in memory and gone at the end. Use made-up passwords only: they are
visible in the list of processes.

Once it listens, it prints on standard output the settings that point docker-pat at it.
It runs until it is interrupted.

To see how a client takes a failure, inject one:

  curl -d '{"path":"/hub/","status":500,"times":1}' http://127.0.0.1:5555/_sandbox/faults
  curl -X DELETE http://127.0.0.1:5555/_sandbox/faults

Members of a fault: method, path (one path, a pattern with *, or a prefix that ends in /),
status, content_type, body, header, delay ("100ms"), times (0: for ever), and cut, which
closes the connection "before" or "after" the request is carried out.`

const examples = `  hub-sandbox
  hub-sandbox --addr 127.0.0.1:0 --user moby:whale --user ann:secret:JBSWY3DPEHPK3PXP
  hub-sandbox --public moby/hello`

func newRootCmd() *cobra.Command {
	var opts options
	cmd := &cobra.Command{
		Use:     "hub-sandbox",
		Short:   "Run an emulated Docker Hub on this machine",
		Long:    longHelp,
		Example: examples,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.NoArgs(cmd, args); err != nil {
				return usageError{fmt.Errorf("takes no arguments, got %q", args[0])}
			}
			return nil
		},
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return opts.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := cmd.Flags()
	flags.StringVar(&opts.addr, "addr", "127.0.0.1:5555", "loopback `ADDRESS` to listen on; port 0 takes a free one")
	flags.StringArrayVar(&opts.users, "user", []string{"moby:whale"},
		"account as `NAME:PASSWORD`, or NAME:PASSWORD:TOTPSECRET (base32) to ask for a one-time code; may be repeated")
	flags.StringArrayVar(&opts.public, "public", nil, "`REPOSITORY` that anybody may pull from; may be repeated")
	return cmd
}

// run checks the flags, then serves.
func (o *options) run(ctx context.Context, stdout, stderr io.Writer) error {
	if err := checkLoopback(o.addr); err != nil {
		return usageError{err}
	}
	users, err := parseUsers(o.users)
	if err != nil {
		return usageError{err}
	}
	hub, err := sandbox.New(sandbox.Options{
		Users:              users,
		PublicRepositories: o.public,
		OnUnknownRoute: func(method, path string) {
			_, _ = fmt.Fprintf(stderr, "hub-sandbox: unknown route: %s %q\n", method, path)
		},
	})
	if err != nil {
		return usageError{err}
	}
	return serve(ctx, o.addr, hub, stdout, stderr)
}
