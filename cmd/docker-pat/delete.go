package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/tokens"
)

type deleteOptions struct {
	sys *system
	yes bool
}

func newDeleteCmd(sys *system) *cobra.Command {
	opts := deleteOptions{sys: sys}
	cmd := &cobra.Command{
		Use:     "delete TOKEN...",
		Aliases: []string{"rm", "revoke"},
		Short:   "End tokens for good",
		Long: `End tokens for good: whoever uses them is shut out at once. ` + tokenHelp + `

It asks first; for the token that this machine uses it asks for the label. Where there is no terminal,
--yes is needed. When the token that this machine holds is deleted, it is erased from the keychain as well.`,
		Example:           "  docker-pat delete laptop\n  docker-pat delete --yes 5f1c 9a0e",
		Args:              usage(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeTokens(sys, 0),
		RunE:              func(cmd *cobra.Command, args []string) error { return opts.run(cmd.Context(), args) },
	}
	cmd.Flags().BoolVarP(&opts.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (o deleteOptions) run(ctx context.Context, names []string) error {
	if !o.yes && !o.sys.terminal().CanAsk() {
		return usagef("delete", "there is no terminal to ask on: --yes deletes without asking")
	}
	account, err := o.sys.signedIn(ctx)
	if err != nil {
		return err
	}
	held, err := account.heldTokens(ctx)
	if err != nil {
		return err
	}
	chosen, unknown, err := account.choose(ctx, names)
	if err != nil {
		return err
	}
	code := exitOK
	for _, none := range unknown {
		gone, err := account.forgetGone(ctx, o.sys, none.Name)
		if err == nil && !gone {
			err = account.elsewhere(ctx, none)
		}
		code = max(code, report(o.sys, err))
	}
	return each(ctx, o.sys, chosen, code, func(t client.Token) error {
		inUse := held.Has(t.ID)
		if t, err = o.details(ctx, account, t); err != nil {
			return err
		}
		if sure, err := o.confirm(ctx, t, inUse); err != nil || !sure {
			return err
		}
		return o.delete(ctx, account, t, inUse)
	})
}

// confirm names what will be destroyed. Of the token in use its label has to be typed.
func (o deleteOptions) confirm(ctx context.Context, t client.Token, inUse bool) (sure bool, err error) {
	what := fmt.Sprintf("%s (%s, %s)", printable(t.Label), t.ID, tokens.PermissionOf(t))
	switch {
	case o.yes:
		return true, nil
	case !inUse:
		sure, err = o.sys.terminal().Confirm(ctx, "Delete "+what+"?")
	default:
		var typed string
		typed, err = o.sys.terminal().Line(ctx, "Docker on this machine uses "+what+". Type its label to delete it: ")
		sure = err == nil && typed == t.Label
	}
	if err == nil && !sure {
		o.sys.say("Kept %s.", what)
	}
	return sure, err
}

func (o deleteOptions) delete(ctx context.Context, a account, t client.Token, inUse bool) error {
	switch gone, err := a.deleteToken(ctx, t); {
	case err != nil:
		return err
	case gone:
		o.sys.say("%s was deleted already.", nameOf(t))
	default:
		o.sys.say("Deleted %s.", nameOf(t))
	}
	if !inUse {
		return nil
	}
	return a.forget(ctx, o.sys, t.ID)
}

// deleteToken tells whether somebody else has deleted the token meanwhile, which is no error.
func (a account) deleteToken(ctx context.Context, t client.Token) (gone bool, err error) {
	err = a.hub.DeleteToken(ctx, t.ID)
	gone = errors.Is(err, client.ErrNotFound)
	if gone {
		err = nil
	}
	if err == nil {
		a.dropName(t.ID)
	}
	return gone, err
}

// forgetGone tells that a token which this machine holds, and Docker Hub does not know any more, is gone.
func (a account) forgetGone(ctx context.Context, sys *system, name string) (gone bool, err error) {
	key, err := credhelper.Key(a.settings.Registry)
	if err != nil {
		return false, err
	}
	entries, err := a.store.List(ctx)
	e := entries[key]
	if err != nil || e.Token == nil || !strings.EqualFold(e.Username, a.username) {
		return false, err
	}
	t, err := tokens.Resolve([]client.Token{{ID: e.Token.ID, Label: e.Token.Label}}, name)
	if err != nil {
		return false, nil //nolint:nilerr // then it is another token that is not known
	}
	sys.say("%s was deleted already.", nameOf(t))
	return true, a.forget(ctx, sys, t.ID)
}

// forget erases what this machine holds of a token that is gone.
func (a account) forget(ctx context.Context, sys *system, id string) error {
	entries, err := a.store.List(ctx)
	if err != nil {
		return err
	}
	for key, e := range entries {
		if e.Token == nil || e.Token.ID != id {
			continue
		}
		if err := a.store.Delete(ctx, key); err != nil {
			return err
		}
		sys.say("Docker on this machine has no credential for %s any more: make one with %s create.", e.ServerURL, sys.name())
	}
	return nil
}
