package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/tokens"
)

type listOptions struct {
	sys     *system
	json    bool
	quiet   bool
	noTrunc bool
}

func newListCmd(sys *system) *cobra.Command {
	opts := listOptions{sys: sys}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List your tokens",
		Long: `List all personal access tokens of your account, those that Docker made for itself included.

A * marks the token that this machine holds. The last line counts them.`,
		Example: `  docker-pat list
  docker-pat list --json | jq '.[] | select(.expires_at == null) | .label'`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return opts.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&opts.json, "json", false, "print JSON")
	cmd.Flags().BoolVarP(&opts.quiet, "quiet", "q", false, "print ids alone")
	cmd.Flags().BoolVar(&opts.noTrunc, "no-trunc", false, "show ids whole on a terminal, too")
	cmd.MarkFlagsMutuallyExclusive("json", "quiet")
	return cmd
}

func (o listOptions) run(ctx context.Context) error {
	account, err := o.sys.signedIn(ctx)
	if err != nil {
		return err
	}
	all, err := account.hub.ListTokens(ctx)
	if err != nil {
		return err
	}
	held, err := account.heldTokens(ctx)
	if err != nil {
		return err
	}
	switch {
	case o.json:
		views := make([]tokenView, 0, len(all))
		for _, t := range all {
			views = append(views, viewOf(t, slices.Contains(held, t.ID), o.sys.Now()))
		}
		return printJSON(o.sys.Out, views)
	case o.quiet:
		for _, t := range all {
			if _, err := fmt.Fprintln(o.sys.Out, printable(t.ID)); err != nil {
				return err
			}
		}
		return nil
	}
	return o.table(all, held)
}

func (o listOptions) table(all []client.Token, held []string) error {
	now, toPerson := o.sys.Now(), toTerminal(o.sys.Out)
	id := func(t client.Token) string { return t.ID }
	if toPerson && !o.noTrunc {
		id = func(t client.Token) string { return shortID(all, t.ID) }
	}
	columns := []column[client.Token]{
		{"", func(t client.Token) string { return mark(slices.Contains(held, t.ID)) }},
		{"LABEL", func(t client.Token) string { return printable(t.Label) }},
		{"ID", func(t client.Token) string { return printable(id(t)) }},
		{"PERMISSION", func(t client.Token) string { return printable(tokens.Permission(t.Scopes)) }},
		{"STATUS", func(t client.Token) string { return string(tokens.StatusOf(t, now)) }},
		{"SOURCE", source},
		{"LAST USED", func(t client.Token) string { return when(t.LastUsedAt, now, toPerson) }},
		{"EXPIRES", func(t client.Token) string { return when(t.ExpiresAt, now, toPerson) }},
	}
	if err := printTable(o.sys.Out, columns, all); err != nil {
		return err
	}
	n := tokens.CountOf(all, now)
	_, err := fmt.Fprintf(o.sys.Out, "%d active, %d inactive, %d expired, %d auto-generated\n", n.Active, n.Inactive, n.Expired, n.Auto)
	return err
}

// shortID is the start of an id that names it among all, 8 characters or more.
func shortID(all []client.Token, id string) string {
	for n := 8; n < len(id); n++ {
		others := slices.ContainsFunc(all, func(t client.Token) bool { return t.ID != id && strings.HasPrefix(t.ID, id[:n]) })
		if !others {
			return id[:n]
		}
	}
	return id
}

func mark(held bool) string {
	if held {
		return "*"
	}
	return " "
}

// heldTokens are the ids of the tokens that this machine holds, by the index alone.
func (a account) heldTokens(ctx context.Context) ([]string, error) {
	entries, err := a.store.List(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if e.Token != nil {
			ids = append(ids, e.Token.ID)
		}
	}
	return ids, nil
}
