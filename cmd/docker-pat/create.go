package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/tokens"
)

type createOptions struct {
	sys     *system
	scopes  []string
	expires string
	use     bool
	print   bool
	org     orgOptions
	json    bool
	quiet   bool
	yes     bool
}

func newCreateCmd(sys *system) *cobra.Command {
	opts := createOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "create [LABEL]",
		Short: "Make a token, for Docker on this machine or to print",
		Long: `Make a personal access token, or with --org one of an organization.

By default (--use) the token goes to the keychain, where Docker takes it from, and is shown to nobody.
With --print its secret is written to standard output, once, and nothing is stored.

LABEL says what the token is for. Without one you are asked for it on a terminal, and for what no flag says;
elsewhere it is the name of this machine. Scopes are repo:admin, repo:write, repo:read and repo:public_read,
each including the next. An expiry is a lifetime (12h, 30d, 6w, 1y), a date or "never", and cannot be changed
later.

` + orgCreateHelp,
		Example: `  docker-pat create
  docker-pat create laptop
  docker-pat create laptop --scope repo:read --expires 30d
  docker-pat create ci --org acme --repo app:pull,push --repo '*/*/public:pull'
  docker-pat create "build server" --print | ssh build docker login -u moby --password-stdin`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return opts.run(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&opts.scopes, "scope", nil, "what the token allows; may be given several times (default repo:write)")
	opts.org.addFlags(cmd)
	flags.StringVar(&opts.expires, "expires", "", "when the token ends (default 90d)")
	flags.BoolVar(&opts.use, "use", false, "store the token for Docker on this machine (the default)")
	flags.BoolVar(&opts.print, "print", false, "print the token and store nothing")
	flags.BoolVar(&opts.json, "json", false, "print what was made as JSON, without the secret")
	flags.BoolVarP(&opts.quiet, "quiet", "q", false, "print the id alone, without the secret")
	flags.BoolVarP(&opts.yes, "yes", "y", false, "on a terminal, do not ask whether to go on after the other questions")
	cmd.MarkFlagsMutuallyExclusive("use", "print")
	cmd.MarkFlagsMutuallyExclusive("print", "json", "quiet")
	completeScope(cmd)
	completeExpires(cmd)
	return cmd
}

func (o createOptions) run(ctx context.Context, args []string) error {
	s, err := o.sys.settings()
	if err != nil {
		return err
	}
	if args, err = o.askMissing(ctx, s, args); err != nil {
		return err
	}
	spec, err := o.spec(s, args)
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
	if o.print {
		token, err := issuer.Print(ctx, spec, o.printSecret)
		if err != nil {
			return account.explain(ctx, err)
		}
		o.sys.say("Created %s.", described(token, o.sys.Now()))
		o.sys.say("This was the only time that the token is shown.")
		account.lookAround(ctx, o.sys)
		return nil
	}
	place, err := account.place()
	if err != nil {
		return err
	}
	made, err := issuer.Use(ctx, place, spec)
	if err != nil {
		return account.explain(ctx, err)
	}
	if err := o.tell(account, made); err != nil {
		return err
	}
	account.lookAround(ctx, o.sys)
	return nil
}

// spec checks everything that the user gave before anything is asked of Docker Hub.
func (o createOptions) spec(s settings.Settings, args []string) (tokens.Spec, error) {
	prefs, err := s.Preferences()
	if err != nil {
		return tokens.Spec{}, err
	}
	label, err := o.label(args)
	if err != nil {
		return tokens.Spec{}, err
	}
	if o.expires == "" {
		o.expires = prefs.Expires
	}
	spec, reachErr := o.reach(prefs)
	expiresAt, expiryErr := tokens.ParseExpiry(o.expires, o.sys.Now())
	if err := errors.Join(tokens.CheckLabel(label), reachErr, expiryErr); err != nil {
		return tokens.Spec{}, usageError{err, "create"}
	}
	spec.Label, spec.ExpiresAt = label, expiresAt
	return tokens.Spec{NewToken: spec, Org: string(o.sys.org)}, nil
}

func (o createOptions) label(args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	host, err := o.sys.Hostname()
	if err != nil {
		return "", usagef("create", "give a label: this machine has no name (%v)", err)
	}
	return host, nil
}

func (o createOptions) printSecret(text client.Secret) error {
	_, err := fmt.Fprintln(o.sys.Out, text.Reveal())
	return err
}

func (o createOptions) tell(a account, made tokens.Made) error {
	t, now := made.Token, o.sys.Now()
	o.sys.say("Created %s.", described(t, now))
	o.sys.say("It is in the keychain as the credential of %s.", a.settings.Registry)
	o.sys.tellReplaced(made)
	if wired, err := isWired(a.settings); err == nil && !wired {
		o.sys.say("Docker does not look there yet: run %s setup.", o.sys.name())
	}
	switch {
	case o.json:
		return printJSON(o.sys.Out, viewOf(t, true, now))
	case o.quiet:
		_, err := fmt.Fprintln(o.sys.Out, t.ID)
		return err
	}
	return nil
}

// described names a new token and what it is good for.
func described(t client.Token, now time.Time) string {
	return fmt.Sprintf("%s (%s): %s, %s", printable(t.Label), t.ID, tokens.PermissionOf(t), expiry(t.ExpiresAt, now))
}

// tellReplaced says what became of the token that was in the place of a new one.
func (sys *system) tellReplaced(made tokens.Made) {
	if made.Replaced != nil && made.Pending == nil {
		sys.say("Deleted %s (%s), which it replaces.", printable(made.Replaced.Label), made.Replaced.ID)
	}
	sys.tellPending(made)
}

func (sys *system) tellPending(made tokens.Made) {
	if made.Pending == nil {
		return
	}
	when := "the next command does it"
	if errors.Is(made.Pending, tokens.ErrAnotherAccount) || errors.Is(made.Pending, tokens.ErrAnotherService) {
		when = "the next command that is signed in there does it"
	}
	sys.say("Note: %s (%s), which it replaces, is not deleted yet (%s): %s.",
		printable(made.Replaced.Label), made.Replaced.ID, printable(made.Pending.Error()), when)
}

// isWired tells whether Docker asks our helper about the registry.
func isWired(s settings.Settings) (bool, error) {
	config, err := dockerconfig.Load(dockerconfig.Path(s.DockerConfigDir))
	if err != nil {
		return false, err
	}
	helper, err := helperFor(config, s.Registry)
	return helper == helperSuffix, err
}
