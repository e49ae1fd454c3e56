package main

import (
	"context"
	"errors"

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
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
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

// forEach finds the tokens that are named, with one reading of the list, and does one thing to each. A
// name that fits several tokens ends it before anything is done. A name that fits none, or a failure on
// the way, is reported; the rest is done, and the whole has failed.
func (a account) forEach(ctx context.Context, sys *system, names []string, do func(client.Token) error) error {
	all, err := a.hub.ListTokens(ctx)
	if err != nil {
		return err
	}
	chosen, unknown, err := resolve(all, names)
	if err != nil {
		return err
	}
	code := exitOK
	for _, err := range unknown {
		code = max(code, report(sys, err))
	}
	for _, t := range chosen {
		err := do(t)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			code = max(code, report(sys, err))
		}
	}
	if code != exitOK {
		return exitCode(code)
	}
	return nil
}

// resolve names each token once. unknown has an error for each name that fits none.
func resolve(all []client.Token, names []string) (chosen []client.Token, unknown []error, err error) {
	seen := map[string]bool{}
	for _, name := range names {
		t, err := tokens.Resolve(all, name)
		switch {
		case errors.As(err, new(*tokens.UnknownError)):
			unknown = append(unknown, err)
		case err != nil:
			return nil, nil, err
		case !seen[t.ID]:
			seen[t.ID] = true
			chosen = append(chosen, t)
		}
	}
	return chosen, unknown, nil
}
