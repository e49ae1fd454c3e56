package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/tokens"
)

type logoutOptions struct {
	sys    *system
	revoke bool
	yes    bool
}

func newLogoutCmd(sys *system) *cobra.Command {
	opts := logoutOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "End the session",
		Long: `End the session that manages tokens, here and, if it is one of the web, at Docker Hub as well. It is that of
docker login too, where that has signed in on the web.

Tokens are left as they are, and Docker goes on using the one it has: docker logout makes it forget that,
docker-pat delete ends one for good.

With --revoke the tokens that docker-pat made and this machine holds end first: they leave the keychain and
are deleted at Docker Hub, those of organizations too. It names them and asks. Where there is no terminal,
--yes is needed. What cannot be deleted now is deleted at the next sign-in, and the exit code is 1.`,
		Example: "  docker-pat logout\n  docker-pat logout --revoke",
		Args:    usage(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return opts.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&opts.revoke, "revoke", false, "delete the tokens that this machine holds first")
	cmd.Flags().BoolVarP(&opts.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (o logoutOptions) run(ctx context.Context) error {
	if o.revoke && !o.yes && !o.sys.terminal().CanAsk() {
		return usagef("logout", "there is no terminal to ask on: --yes deletes the tokens without asking")
	}
	s, err := o.sys.settings()
	if err != nil {
		return err
	}
	if !o.revoke {
		return o.end(ctx, s)
	}
	account, err := o.sys.signedIn(ctx)
	if err != nil {
		return err
	}
	held, err := o.sys.heldTokens(ctx, s)
	if err != nil {
		return err
	}
	if sure, err := o.confirm(ctx, held); err != nil || !sure {
		return err
	}
	code, err := o.retire(ctx, account, held)
	if err != nil {
		return err
	}
	if err := o.end(ctx, s); err != nil || code == exitOK {
		return err
	}
	return exitCode(code)
}

// confirm names what goes.
func (o logoutOptions) confirm(ctx context.Context, held []heldToken) (sure bool, err error) {
	if o.yes || len(held) == 0 {
		return true, nil
	}
	for _, h := range held {
		o.sys.say("  %s: %s, for %s", nameOf(h.token()), tokens.Permission(h.entry.Token.Scopes), printable(shownServer(h.key, h.entry)))
	}
	sure, err = confirmCount(ctx, o.sys, len(held), "Delete this token and sign out?",
		fmt.Sprintf("Delete these %d tokens and sign out? Type their number to do so: ", len(held)))
	if err == nil && !sure {
		o.sys.say("Kept all. You are still signed in.")
	}
	return sure, err
}

// retire ends the tokens. code is not exitOK when one of them lives on at Docker Hub; after an error some are as
// they were.
func (o logoutOptions) retire(ctx context.Context, a account, held []heldToken) (code int, err error) {
	issuer, err := o.sys.issuer(a)
	if err != nil {
		return exitFailure, err
	}
	if len(held) == 0 {
		o.sys.say("This machine holds no token that %s made.", o.sys.name())
	}
	for _, h := range held {
		retired, err := issuer.Retire(ctx, h.key)
		name := nameOf(h.token())
		switch {
		case errors.Is(err, tokens.ErrNotHeld): // somebody else was faster
			continue
		case err != nil:
			return exitFailure, fmt.Errorf("%s: %w", name, err)
		case errors.Is(retired.Pending, tokens.ErrAnotherAccount):
			code = exitFailure
			o.sys.say("%s is erased here, but it belongs to %s: it is deleted at Docker Hub when %s signs in here.", name, printable(retired.Username), printable(retired.Username))
		case retired.Pending != nil:
			code = exitFailure
			o.sys.say("%s is erased here, but not deleted at Docker Hub yet (%s): that is done when %s signs in here again.",
				name, printable(retired.Pending.Error()), printable(a.session.Username))
		default:
			o.sys.say("Deleted %s. Docker has no credential for %s any more.", name, printable(shownServer(h.key, h.entry)))
		}
	}
	return code, nil
}

func (o logoutOptions) end(ctx context.Context, s settings.Settings) error {
	keeper, err := o.sys.sessions(s, o.sys.store(s))
	if err != nil {
		return err
	}
	ending, err := keeper.End(ctx)
	if err != nil || errors.Is(ending.Tenant, context.Canceled) {
		return errors.Join(err, ending.Tenant)
	}
	if err := forgetNames(s); err != nil {
		return err
	}
	switch {
	case !ending.Held:
		o.sys.say("You were not signed in.")
	case ending.Tenant != nil:
		o.sys.say("Signed out here, but Docker Hub could not be told, so the session lasts there to its own end (%v).", ending.Tenant)
	default:
		o.sys.say("Signed out.")
	}
	return nil
}
