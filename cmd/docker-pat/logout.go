package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

func newLogoutCmd(sys *system) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "End the session",
		Long: `End the session that manages tokens, here and, if it is one of the web, at Docker Hub as well. It is that of
docker login too, where that has signed in on the web.

Tokens are left as they are, and Docker goes on using the one it has: docker logout makes it forget that,
docker-pat delete ends one for good.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runLogout(cmd.Context(), sys) },
	}
}

func runLogout(ctx context.Context, sys *system) error {
	s, err := sys.settings()
	if err != nil {
		return err
	}
	keeper, err := sys.sessions(s, sys.store(s))
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
		sys.say("You were not signed in.")
	case ending.Tenant != nil:
		sys.say("Signed out here, but Docker Hub could not be told, so the session lasts there to its own end (%v).", ending.Tenant)
	default:
		sys.say("Signed out.")
	}
	return nil
}
