package main

import (
	"errors"

	"github.com/spf13/cobra"
)

var errExpiryFixed = errors.New("the expiry of a token cannot be edited: Docker Hub does not allow it")

// refuseExpires gives a command a hidden flag for those who look for a way to change an expiry. The check
// that it returns tells them the way there is.
func refuseExpires(sys *system, cmd *cobra.Command) (check func() error) {
	const name = "expires"
	cmd.Flags().String(name, "", "cannot be edited")
	flag := cmd.Flags().Lookup(name)
	flag.Hidden = true
	return func() error {
		if !flag.Changed {
			return nil
		}
		return hintedError{errExpiryFixed, exitUsage, sys.name() + " rotate TOKEN --expires 90d makes a new token with the same label and scopes in its place"}
	}
}
