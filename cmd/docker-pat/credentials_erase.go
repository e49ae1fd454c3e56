package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

type credentialsEraseOptions struct {
	sys *system
	yes bool
}

func newCredentialsEraseCmd(sys *system) *cobra.Command {
	opts := credentialsEraseOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "erase SERVER...",
		Short: "Forget credentials that this machine holds",
		Long: `Forget credentials that this machine holds. A token goes on living at Docker Hub: docker-pat delete
ends one.

It asks first; where there is no terminal, --yes is needed.`,
		Example:           "  docker-pat credentials erase ghcr.io quay.io",
		Args:              usage(cobra.MinimumNArgs(1)),
		ValidArgsFunction: opts.complete,
		RunE:              func(cmd *cobra.Command, args []string) error { return opts.run(cmd.Context(), args) },
	}
	cmd.Flags().BoolVarP(&opts.yes, "yes", "y", false, "do not ask")
	return cmd
}

// complete reads the index and nothing else.
func (o credentialsEraseOptions) complete(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	s, err := o.sys.settings()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	entries, err := o.sys.store(s).Indexed(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, v := range credentialViews(entries) {
		if !slices.Contains(given, v.ServerURL) {
			names = append(names, cobra.CompletionWithDesc(printable(v.ServerURL), printable(v.Username)))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// A heldCredential is one that shall be forgotten.
type heldCredential struct {
	key   string
	entry secretstore.Entry
}

func (h heldCredential) String() string {
	name := printable(shownServer(h.key, h.entry))
	if h.entry.Username != "" {
		name += " (" + printable(h.entry.Username) + ")"
	}
	return name
}

func (o credentialsEraseOptions) run(ctx context.Context, servers []string) error {
	if !o.yes && !o.sys.terminal().CanAsk() {
		return usagef("credentials erase", "there is no terminal to ask on: --yes erases without asking")
	}
	s, err := o.sys.settings()
	if err != nil {
		return err
	}
	store := o.sys.store(s)
	held, unknown, err := o.find(ctx, store, servers)
	if err != nil {
		return err
	}
	if len(unknown) > 0 {
		err = fmt.Errorf("no credential is held for %s", strings.Join(unknown, ", "))
	}
	for _, h := range held {
		if eraseErr := o.erase(ctx, store, h); eraseErr != nil {
			return errors.Join(eraseErr, err)
		}
	}
	return err
}

// find tells the servers that are known from the others. One that the index does not name may still be
// in the keychain.
func (o credentialsEraseOptions) find(ctx context.Context, store *secretstore.Store, servers []string) (held []heldCredential, unknown []string, err error) {
	entries, err := store.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for _, server := range servers {
		key, err := credhelper.Key(server)
		if err != nil {
			return nil, nil, usagef("credentials erase", "%s: %w", printable(server), err)
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		entry, named := entries[key]
		if !named {
			c, err := store.Get(ctx, key)
			if errors.Is(err, secretstore.ErrNotFound) {
				unknown = append(unknown, printable(server))
				continue
			}
			if err != nil && !errors.Is(err, secretstore.ErrDamaged) {
				return nil, nil, err
			}
			entry = secretstore.Entry{ServerURL: key, Username: c.Username, Token: c.Token}
		}
		held = append(held, heldCredential{key, entry})
	}
	return held, unknown, nil
}

func (o credentialsEraseOptions) erase(ctx context.Context, store *secretstore.Store, h heldCredential) error {
	if !o.yes {
		sure, err := o.sys.terminal().Confirm(ctx, "Forget the credential of "+h.String()+"?")
		if err != nil {
			return err
		}
		if !sure {
			o.sys.say("Kept the credential of %s.", h)
			return nil
		}
	}
	if err := store.Delete(ctx, h.key); err != nil {
		return err
	}
	o.sys.say("Forgot the credential of %s.", h)
	if t := h.entry.Token; t != nil {
		o.sys.say("The token %s goes on living at Docker Hub: %s delete %s ends it.", printable(t.Label), o.sys.name(), argument(t))
	}
	return nil
}

// argument names a token on the command line, by its label where that is one plain word.
func argument(t *secretstore.Token) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)
	}
	if t.Label == "" || t.Label[0] == '-' || strings.ContainsFunc(t.Label, func(r rune) bool { return !plain(r) }) {
		return printable(t.ID)
	}
	return t.Label
}
