package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/tokens"
)

func newActivateCmd(sys *system) *cobra.Command {
	return newSwitchCmd(sys, true, cobra.Command{
		Use:     "activate TOKEN...",
		Short:   "Switch tokens on",
		Long:    "Switch tokens on. " + tokenHelp,
		Example: "  docker-pat activate laptop",
	})
}

func newDeactivateCmd(sys *system) *cobra.Command {
	return newSwitchCmd(sys, false, cobra.Command{
		Use:     "deactivate TOKEN...",
		Short:   "Switch tokens off, so that nobody can use them until they are switched on",
		Long:    "Switch tokens off: nobody can sign in with them until they are switched on again. " + tokenHelp,
		Example: "  docker-pat deactivate laptop\n  docker-pat deactivate 5f1c 9a0e",
	})
}

const tokenHelp = `TOKEN is an id, the start of one
(4 characters or more), or a label.`

func newSwitchCmd(sys *system, active bool, cmd cobra.Command) *cobra.Command {
	cmd.Args = usage(cobra.MinimumNArgs(1))
	cmd.ValidArgsFunction = completeTokens(sys, 0)
	checkExpires := refuseExpires(sys, &cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkExpires(); err != nil {
			return err
		}
		return runSwitch(cmd.Context(), sys, active, args)
	}
	return &cmd
}

func runSwitch(ctx context.Context, sys *system, active bool, names []string) error {
	account, err := sys.signedIn(ctx)
	if err != nil {
		return err
	}
	return account.forEach(ctx, sys, names, func(t client.Token) error {
		if active && tokens.StatusOf(t, sys.Now()) == tokens.Expired {
			return expiredError{t}
		}
		if t.Active == active {
			sys.say("%s (%s) was %s already.", printable(t.Label), t.ID, tokens.StatusOf(t, sys.Now()))
			return nil
		}
		changed, err := account.hub.UpdateToken(ctx, t.ID, client.TokenChange{Active: &active})
		if err != nil {
			return err
		}
		sys.say("%s (%s) is %s now.", printable(changed.Label), changed.ID, tokens.StatusOf(changed, sys.Now()))
		return nil
	})
}
