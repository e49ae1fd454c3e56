package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/tokens"
)

type inspectOptions struct {
	sys    *system
	format string
	json   bool
}

func newInspectCmd(sys *system) *cobra.Command {
	opts := inspectOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "inspect TOKEN...",
		Short: "Show all that is known of tokens",
		Long: `Show all that is known of tokens: what they allow, when they end, when they were used, and which program
made them from where. ` + tokenHelp + `

A secret is not shown: Docker Hub does not give it out again.

--format is a Go template for each token over the names that --json has, as for list.`,
		Example: `  docker-pat inspect laptop
  docker-pat inspect 5f1c 9a0e --json
  docker-pat inspect laptop --format '{{.expires_at}}'`,
		Args:              usage(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeTokens(sys, 0),
		RunE:              func(cmd *cobra.Command, args []string) error { return opts.run(cmd.Context(), args) },
	}
	cmd.Flags().StringVarP(&opts.format, "format", "f", "", "print each token by a Go `TEMPLATE`")
	cmd.Flags().BoolVar(&opts.json, "json", false, "print JSON, an array")
	cmd.MarkFlagsMutuallyExclusive("json", "format")
	return cmd
}

func (o inspectOptions) run(ctx context.Context, names []string) error {
	format, err := parseFormat("inspect", o.format)
	if err != nil {
		return err
	}
	account, err := o.sys.signedIn(ctx)
	if err != nil {
		return err
	}
	held, err := account.heldTokens(ctx)
	if err != nil {
		return err
	}
	var found []client.Token
	err = account.forEach(ctx, o.sys, names, func(t client.Token) error {
		whole, err := account.hub.GetToken(ctx, t.ID)
		if err == nil {
			found = append(found, whole)
		}
		return err
	})
	if len(found) == 0 && err != nil {
		return err
	}
	if printErr := o.print(found, held, format); printErr != nil {
		return printErr
	}
	return err
}

func (o inspectOptions) print(found []client.Token, held tokens.Held, format *format) error {
	now := o.sys.Now()
	switch {
	case o.json:
		return printJSON(o.sys.Out, viewsOf(found, held, now))
	case format != nil:
		return format.print(o.sys.Out, viewsOf(found, held, now))
	}
	var blocks []string
	for _, t := range found {
		blocks = append(blocks, describe(t, held.Has(t.ID), now, toTerminal(o.sys.Out)))
	}
	_, err := fmt.Fprint(o.sys.Out, strings.Join(blocks, "\n"))
	return err
}

// describe is one block of lines about a token.
func describe(t client.Token, held bool, now time.Time, toPerson bool) string {
	lines := [][2]string{
		{"Label", t.Label},
		{"ID", t.ID},
		{"Permission", tokens.PermissionOf(t) + allowance(t.Scopes)},
		{"Scopes", strings.Join(t.Scopes, ", ")},
		{"Status", string(tokens.StatusOf(t, now))},
		{"Source", source(t)},
		{"Created", moment(t.CreatedAt, now, toPerson)},
		{"Created from", t.CreatorIP},
		{"Created with", t.CreatorUA},
		{"Last used", moment(t.LastUsedAt, now, toPerson)},
		{"Expires", moment(t.ExpiresAt, now, toPerson)},
		{"On this machine", map[bool]string{true: "yes", false: "no"}[held]},
	}
	var b strings.Builder
	for _, line := range lines {
		text := line[1]
		if text == "" {
			text = "-"
		}
		_, _ = fmt.Fprintf(&b, "%-17s%s\n", line[0]+":", printable(text)) // a Builder does not fail
	}
	return b.String()
}

// allowance is what the strongest of the known scopes lets somebody do, in brackets.
func allowance(scopes []string) string {
	for _, s := range tokens.Scopes() {
		if slices.Contains(scopes, s.Name) {
			return " (" + s.Allows + ")"
		}
	}
	return ""
}

// moment is a time and, for a person, how far away it is.
func moment(t, now time.Time, toPerson bool) string {
	if t.IsZero() || !toPerson {
		return when(t, now, false)
	}
	return fmt.Sprintf("%s (%s)", t.Local().Format(time.DateTime), when(t, now, true))
}
