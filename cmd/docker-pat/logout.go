package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

func newLogoutCmd(sys *system) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Forget the session",
		Long: `Forget the session that manages tokens.

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
	store := sys.store(s)
	accessKey, refreshKey, err := credhelper.SessionKeys(s.Registry)
	if err != nil {
		return err
	}
	held := false
	for _, key := range []string{accessKey, refreshKey} {
		_, err := store.Get(ctx, key)
		held = held || err == nil
		if err != nil && !errors.Is(err, secretstore.ErrNotFound) && !errors.Is(err, secretstore.ErrDamaged) {
			return err
		}
		if err := store.Delete(ctx, key); err != nil {
			return err
		}
	}
	if held {
		sys.say("Signed out.")
	} else {
		sys.say("You were not signed in.")
	}
	return nil
}
