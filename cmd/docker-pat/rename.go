package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/tokens"
)

func newRenameCmd(sys *system) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rename TOKEN LABEL",
		Short: "Give a token another label",
		Long: `Give a token another label. It goes on working as before. ` + tokenHelp + `

The label is all that can be changed: for another expiry or other scopes a token has to be replaced.`,
		Example:           "  docker-pat rename laptop \"old laptop\"",
		Args:              usage(cobra.ExactArgs(2)),
		ValidArgsFunction: completeTokens(sys, 1),
	}
	checkExpires := refuseExpires(sys, cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkExpires(); err != nil {
			return err
		}
		return runRename(cmd.Context(), sys, args[0], args[1])
	}
	return cmd
}

func runRename(ctx context.Context, sys *system, name, label string) error {
	if err := tokens.CheckLabel(label); err != nil {
		return usageError{err, "rename"}
	}
	account, err := sys.signedIn(ctx)
	if err != nil {
		return err
	}
	return account.forEach(ctx, sys, []string{name}, func(t client.Token) error {
		switch {
		case tokens.StatusOf(t, sys.Now()) == tokens.Expired:
			return expiredError{t}
		case t.Label == label:
			sys.say("%s had that label already.", nameOf(t))
			return nil
		}
		changed, err := account.hub.UpdateToken(ctx, t.ID, client.TokenChange{Label: &label})
		if err != nil {
			return err
		}
		sys.say("%s is %s now.", nameOf(t), printable(changed.Label))
		account.putName(t.ID, changed.Label)
		if err := account.relabel(ctx, t.ID, changed.Label); err != nil {
			return fmt.Errorf("the token has its new label, but on this machine it has the old one: %w", err)
		}
		return nil
	})
}

// relabel changes what this machine knows of a token that it holds.
func (a account) relabel(ctx context.Context, id, label string) error {
	entries, err := a.store.List(ctx)
	if err != nil {
		return err
	}
	for key, e := range entries {
		if e.Token == nil || e.Token.ID != id {
			continue
		}
		held, getErr := a.store.Get(ctx, key)
		if getErr == nil && held.Token != nil && held.Token.ID == id {
			held.Token.Label = label
			getErr = a.store.Put(ctx, key, held)
		}
		err = errors.Join(err, getErr)
	}
	return err
}
