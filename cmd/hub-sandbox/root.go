package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/settings"
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

// A system is the door to the outside.
type system struct {
	Out, Err io.Writer
	Env      func(name string) string
	Now      func() time.Time
}

// run is the program without the process: it serves until ctx ends and returns the exit code.
func run(ctx context.Context, sys system, args []string) int {
	cmd := newRootCmd(sys)
	cmd.SetArgs(args)
	cmd.SetOut(sys.Out)
	cmd.SetErr(sys.Err)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintln(sys.Err, "hub-sandbox:", err)
	if errors.As(err, new(usageError)) {
		_, _ = fmt.Fprintln(sys.Err, "hub-sandbox: hint: see hub-sandbox --help")
		return exitUsage
	}
	return exitFailure
}

type options struct {
	sys         system
	addr        string
	users       []string
	orgs        []string
	public      []string
	asDockerHub bool
	certDir     string
}

const longHelp = `Run an emulated Docker Hub on this machine, to try docker-pat on without an account:
sign-in with a password and a one-time code or on a page of its own, access tokens of users
and of organizations, the registry's token endpoint and a registry to push to and pull from.

Everything is in memory and gone at the end. Use made-up passwords only: they are
visible in the list of processes.

Once it listens, it prints on standard output the settings that point docker-pat at it.
It runs until it is interrupted.

With --as-docker-hub it also answers as hub.docker.com, auth.docker.io, registry-1.docker.io,
index.docker.io and login.docker.com, so that docker, docker-pat and other programs written in
Go work with it under the names and settings that they have by default. The settings then
make it their proxy for HTTPS (HTTPS_PROXY) and have them trust the authority that it made for
those names (SSL_CERT_FILE, in place of the system's file of authorities; macOS and Windows
do not look at it). A shell with these settings reaches no other site: the proxy refuses
every other name. A Docker engine must be started with both, too. Start one of your own
for that, not the one that you work with. The page of a sign-in on the web has the address of
the real one then; yours is http://127.0.0.1:5555/login/activate, where you enter the code.

To see how a client takes a failure, inject one:

  curl -d '{"path":"/hub/","status":500,"times":1}' http://127.0.0.1:5555/_sandbox/faults
  curl -X DELETE http://127.0.0.1:5555/_sandbox/faults

Members of a fault: method, path (one path, a pattern with *, or a prefix that ends in /),
status, content_type, body, header, delay ("100ms"), times (0: for ever), and cut, which
closes the connection "before" or "after" the request is carried out.

A sign-in on the web waits for somebody to fill in the page that it names. To do that without
a browser, name the decision: "approve", "deny" or "expire" (as if nobody had come in time):

  curl http://127.0.0.1:5555/_sandbox/devices
  curl -d '{"decision":"approve","username":"moby"}' http://127.0.0.1:5555/_sandbox/devices

Add "user_code" where more than one sign-in is waiting.`

const examples = `  hub-sandbox
  hub-sandbox --addr 127.0.0.1:0 --user moby:whale --user ann:secret:JBSWY3DPEHPK3PXP
  hub-sandbox --org acme:moby --org large:moby::business
  hub-sandbox --public moby/hello
  hub-sandbox --as-docker-hub > hub.env &`

func newRootCmd(sys system) *cobra.Command {
	opts := options{sys: sys}
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
			return opts.run(cmd.Context())
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := cmd.Flags()
	flags.StringVar(&opts.addr, "addr", "127.0.0.1:5555", "loopback `ADDRESS` to listen on; port 0 takes a free one")
	flags.StringArrayVar(&opts.users, "user", []string{"moby:whale"},
		"account as `NAME:PASSWORD`, or NAME:PASSWORD:TOTPSECRET (base32) to ask for a one-time code; may be repeated")
	flags.StringArrayVar(&opts.orgs, "org", nil,
		"organization as `NAME:OWNERS`, NAME:OWNERS:MEMBERS or NAME:OWNERS:MEMBERS:PLAN, users between commas, plan team, business or personal; may be repeated")
	flags.StringArrayVar(&opts.public, "public", nil, "`REPOSITORY` that anybody may pull from; may be repeated")
	flags.BoolVar(&opts.asDockerHub, "as-docker-hub", false, "answer under Docker Hub's own names as well, through a proxy")
	flags.StringVar(&opts.certDir, "cert-dir", "",
		"`FOLDER` of yours alone that keeps the certificate of --as-docker-hub from one run to the next (default sandbox in docker-pat's state folder)")
	return cmd
}

// run checks the flags, then serves.
func (o *options) run(ctx context.Context) error {
	if err := checkLoopback(o.addr); err != nil {
		return usageError{err}
	}
	users, err := parseUsers(o.users)
	if err != nil {
		return usageError{err}
	}
	orgs, err := parseOrganizations(o.orgs)
	if err != nil {
		return usageError{err}
	}
	if o.certDir != "" && !o.asDockerHub {
		return usageError{errors.New("--cert-dir is for --as-docker-hub")}
	}
	emulated, err := sandbox.New(sandbox.Options{
		Users:              users,
		Organizations:      orgs,
		PublicRepositories: o.public,
		OnUnknownRoute: func(method, path string) {
			_, _ = fmt.Fprintf(o.sys.Err, "hub-sandbox: unknown route: %s %q\n", method, path)
		},
	})
	if err != nil {
		return usageError{err}
	}
	if !o.asDockerHub {
		return serve(ctx, o.sys, o.addr, emulated)
	}
	certificate, err := o.certificate(ctx)
	if err != nil {
		return err
	}
	hub := sandbox.NewDockerHub(emulated.Handler(), certificate, o.sys.errorLog())
	return errors.Join(serve(ctx, o.sys, o.addr, hub), stop(hub))
}

// certificate is kept in docker-pat's own state folder unless the flag names another one.
func (o *options) certificate(ctx context.Context) (sandbox.Certificate, error) {
	dir := o.certDir
	if dir == "" {
		known, err := settings.FromEnvironment(o.sys.Env)
		if err != nil {
			return sandbox.Certificate{}, usageError{fmt.Errorf("find the state folder, or give --cert-dir: %w", err)}
		}
		dir = filepath.Join(known.StateDir, "sandbox")
	}
	certificate, err := sandbox.LoadCertificate(ctx, dir, o.sys.Now())
	if errors.Is(err, sandbox.ErrSharedFolder) {
		err = usageError{fmt.Errorf("give a folder that is yours alone with --cert-dir: %w", err)}
	}
	return certificate, err
}

// errorLog takes what the servers have to say.
func (s system) errorLog() *log.Logger { return log.New(s.Err, "hub-sandbox: ", 0) }
