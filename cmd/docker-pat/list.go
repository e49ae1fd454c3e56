package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/tokens"
)

type listOptions struct {
	sys     *system
	filters []string
	sort    string
	format  string
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
		Long: `List all personal access tokens of your account, those that Docker made for itself included, or with
--org the tokens of an organization.

A * marks the token that this machine holds. The last line counts all tokens, shown or not.

Filters: status=active|inactive|expired, source=manual|auto, unused=90d (not used for that long, nor made
since), expiring=30d (within that time), scope=repo:read, stored=true|false (held by this machine). Of
several, all have to be met; of several with the same name, one.

--sort takes label, created, used, expires or status, with - before it for the reverse.

--format is a Go template for each token over the names that --json has, with the functions json, join,
lower and upper; "json" stands for one JSON object in a line.`,
		Example: `  docker-pat list --filter status=active --filter unused=90d --sort used
  docker-pat list --format '{{.label}} {{join .scopes ","}}'
  docker-pat list --json | jq '.[] | select(.expires_at == null) | .label'`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return opts.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&opts.filters, "filter", "f", nil, "show those alone that meet `KEY=VALUE`; may be given several times")
	flags.StringVar(&opts.sort, "sort", "", "sort by `KEY`: label, created, used, expires or status; -KEY for the reverse")
	flags.StringVar(&opts.format, "format", "", "print each token by a Go `TEMPLATE`")
	flags.BoolVar(&opts.json, "json", false, "print JSON")
	flags.BoolVarP(&opts.quiet, "quiet", "q", false, "print ids alone")
	flags.BoolVar(&opts.noTrunc, "no-trunc", false, "cut nothing to the width of the terminal")
	cmd.MarkFlagsMutuallyExclusive("json", "quiet", "format")
	completeFilter(cmd)
	completeFlag(cmd, "sort", tokens.SortKeys()...)
	return cmd
}

func (o listOptions) run(ctx context.Context) error {
	filters, order, err := o.selection()
	if err != nil {
		return usageError{err, "list"}
	}
	format, err := parseFormat("list", o.format)
	if err != nil {
		return err
	}
	account, err := o.sys.signedIn(ctx)
	if err != nil {
		return err
	}
	all, err := account.list(ctx)
	if err == nil && !o.quiet {
		all, err = tokens.Details(ctx, account.hub, all)
	}
	if err != nil {
		return err
	}
	held, err := account.heldTokens(ctx)
	if err != nil {
		return err
	}
	now := o.sys.Now()
	o.sys.noteMany(all)
	shown := tokens.Select(all, held, filters, now)
	order.Sort(shown, now)
	switch {
	case o.json:
		return printJSON(o.sys.Out, viewsOf(shown, held, now))
	case format != nil:
		return format.print(o.sys.Out, viewsOf(shown, held, now))
	case o.quiet:
		for _, t := range shown {
			if _, err := fmt.Fprintln(o.sys.Out, printable(t.ID)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := o.table(all, shown, held); err != nil {
		return err
	}
	n := tokens.CountOf(all, now)
	_, err = fmt.Fprintf(o.sys.Out, "%d active, %d inactive, %d expired, %d auto-generated\n", n.Active, n.Inactive, n.Expired, n.Auto)
	return err
}

// selection checks what is to be shown, and in which order.
func (o listOptions) selection() ([]tokens.Filter, tokens.Order, error) {
	var filters []tokens.Filter
	for _, text := range o.filters {
		filter, err := tokens.ParseFilter(text)
		if err != nil {
			return nil, tokens.Order{}, err
		}
		filters = append(filters, filter)
	}
	order, err := tokens.ParseOrder(o.sort)
	return filters, order, err
}

// table shows some of all tokens.
func (o listOptions) table(all, shown []client.Token, held tokens.Held) error {
	now, toPerson := o.sys.Now(), toTerminal(o.sys.Out)
	id := func(t client.Token) string { return t.ID }
	if toPerson && !o.noTrunc {
		id = func(t client.Token) string { return shortID(all, t.ID) }
	}
	list := table[client.Token]{
		columns: []column[client.Token]{
			{"", func(t client.Token) string { return mark(held.Has(t.ID)) }},
			{"LABEL", func(t client.Token) string { return printable(t.Label) }},
			{"ID", func(t client.Token) string { return printable(id(t)) }},
			{"PERMISSION", func(t client.Token) string { return printable(tokens.PermissionOf(t)) }},
			{"STATUS", func(t client.Token) string { return string(tokens.StatusOf(t, now)) }},
			{"SOURCE", source},
			{"LAST USED", func(t client.Token) string { return when(t.LastUsedAt, now, toPerson) }},
			{"EXPIRES", func(t client.Token) string { return when(t.ExpiresAt, now, toPerson) }},
		},
		leave: []string{"SOURCE", "PERMISSION", "LAST USED", "EXPIRES", "STATUS"},
	}
	if !o.noTrunc {
		list.width = terminalWidth(o.sys.Out)
	}
	if o.sys.inColour(o.sys.Out) {
		list.paint = paintStatus
	}
	return list.write(o.sys.Out, shown)
}

// paintStatus marks what a token is no longer good for.
func paintStatus(header, cell string) string {
	switch status := tokens.Status(strings.TrimSpace(cell)); {
	case header == "STATUS" && status == tokens.Inactive:
		return yellow + cell + plain
	case header == "STATUS" && status == tokens.Expired:
		return red + cell + plain
	}
	return cell
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

// heldTokens are the tokens that this machine holds, by the indexes alone. Those of the other profiles are
// among them, since several profiles may be of one account.
func (a account) heldTokens(ctx context.Context) (tokens.Held, error) {
	own, err := a.store.List(ctx)
	if err != nil {
		return nil, err
	}
	held := tokensOf(own)
	for _, dir := range a.settings.OtherStateDirs() {
		other, err := secretstore.New(secretstore.Options{StateDir: dir}).Indexed(ctx)
		if err != nil {
			return nil, err
		}
		held = append(held, tokensOf(other)...)
	}
	return held, nil
}

func tokensOf(entries map[string]secretstore.Entry) tokens.Held {
	var ids tokens.Held
	for _, e := range entries {
		if e.Token != nil {
			ids = append(ids, e.Token.ID)
		}
	}
	return ids
}
