package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/lifetime"
	"github.com/docker-pat/docker-pat/tokens"
)

type pruneOptions struct {
	sys    *system
	rule   tokens.PruneRule
	unused string
	dryRun bool
	yes    bool
	json   bool
	quiet  bool
}

func newPruneCmd(sys *system) *cobra.Command {
	opts := pruneOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Delete tokens that have served their time",
		Long: `Delete tokens in bulk: those that --expired, --inactive, --unused or --auto is true of, or any of them where
several are given. The token that this machine holds is left alone, whatever it is.

It names what goes and asks first. Where there is no terminal, --yes is needed. When nothing is to be done,
the exit code is 0 and nothing is printed without a terminal, so it can be run by cron.

--unused takes hours, days, weeks or years (12h, 90d, 6w, 1y) and means: not used for that long, nor made since.
--auto means those that Docker made for itself; where Docker uses one, it has to sign in again.`,
		Example: `  docker-pat prune --expired --dry-run
  docker-pat prune --expired --unused 90d
  docker-pat prune --expired --inactive --yes --quiet`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return opts.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.rule.Expired, "expired", false, "tokens that have expired")
	flags.BoolVar(&opts.rule.Inactive, "inactive", false, "tokens that are switched off")
	flags.StringVar(&opts.unused, "unused", "", "tokens that were not used for a `TIME`")
	flags.BoolVar(&opts.rule.Auto, "auto", false, "tokens that Docker made for itself")
	flags.BoolVar(&opts.dryRun, "dry-run", false, "print what would go, and delete nothing")
	flags.BoolVarP(&opts.yes, "yes", "y", false, "do not ask")
	flags.BoolVar(&opts.json, "json", false, "print what was deleted as JSON")
	flags.BoolVarP(&opts.quiet, "quiet", "q", false, "print the ids of what was deleted, and no words")
	cmd.MarkFlagsMutuallyExclusive("json", "quiet")
	completeFlag(cmd, "unused", tokens.FilterValues("unused")...)
	return cmd
}

// A prunedView is the JSON of a token that was pruned, or would be.
type prunedView struct {
	tokenView
	Reasons []string `json:"reasons"`
	Deleted bool     `json:"deleted"`
}

func (o pruneOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	account, err := o.sys.signedIn(ctx)
	if err != nil {
		return err
	}
	all, err := account.list(ctx)
	if err != nil {
		return err
	}
	held, err := account.heldTokens(ctx)
	if err != nil {
		return err
	}
	chosen := tokens.Prune(all, held, o.rule, o.sys.Now())
	switch {
	case len(chosen) == 0:
		if !o.quiet && !o.json && o.sys.terminal().CanAsk() {
			o.sys.say("Nothing to prune.")
		}
		return o.print(nil)
	case o.dryRun:
		return o.print(o.views(chosen, nil))
	}
	if sure, err := o.confirm(ctx, chosen); err != nil || !sure {
		return err
	}
	deleted, err := o.delete(ctx, account, chosen)
	if printErr := o.print(o.views(chosen, deleted)); printErr != nil {
		return printErr
	}
	return err
}

func (o *pruneOptions) check() error {
	var err error
	if o.unused != "" {
		o.rule.Unused, err = lifetime.Parse(o.unused)
	}
	switch {
	case o.unused != "" && (err != nil || o.rule.Unused == 0):
		return usagef("prune", "cannot read the time %q: give hours, days, weeks or years, such as 90d", o.unused)
	case o.unused == "" && o.rule == tokens.PruneRule{}:
		return usagef("prune", "say which tokens may go: --expired, --inactive, --unused TIME or --auto")
	case !o.yes && !o.dryRun && !o.sys.terminal().CanAsk():
		return usagef("prune", "there is no terminal to ask on: --yes deletes without asking, --dry-run shows what would go")
	}
	return nil
}

// confirm names what goes.
func (o pruneOptions) confirm(ctx context.Context, chosen []tokens.Prunable) (sure bool, err error) {
	if o.yes {
		return true, nil
	}
	for _, p := range chosen {
		o.sys.say("  %s: %s", nameOf(p.Token), strings.Join(p.Reasons, ", "))
	}
	sure, err = confirmCount(ctx, o.sys, len(chosen), "Delete this token?",
		fmt.Sprintf("Delete these %d tokens? Type their number to delete them: ", len(chosen)))
	if err == nil && !sure {
		o.sys.say("Kept all.")
	}
	return sure, err
}

// delete returns the ids of those that are gone. One that somebody else deleted meanwhile is among them.
func (o pruneOptions) delete(ctx context.Context, a account, chosen []tokens.Prunable) (deleted tokens.Held, err error) {
	var all []client.Token
	reasons := map[string]string{}
	for _, p := range chosen {
		all = append(all, p.Token)
		reasons[p.Token.ID] = strings.Join(p.Reasons, ", ")
	}
	err = each(ctx, o.sys, all, exitOK, func(t client.Token) error {
		gone, err := a.deleteToken(ctx, t)
		if err != nil {
			return err
		}
		deleted = append(deleted, t.ID)
		switch {
		case o.quiet:
		case gone:
			o.sys.say("%s was deleted already.", nameOf(t))
		default:
			o.sys.say("Deleted %s: %s.", nameOf(t), reasons[t.ID])
		}
		return nil
	})
	return deleted, err
}

func (o pruneOptions) views(chosen []tokens.Prunable, deleted tokens.Held) []prunedView {
	var views []prunedView
	for _, p := range chosen {
		views = append(views, prunedView{viewOf(p.Token, false, o.sys.Now()), p.Reasons, deleted.Has(p.Token.ID)})
	}
	return views
}

// print writes what is data: of a dry run what would go, else what is gone.
func (o pruneOptions) print(views []prunedView) error {
	switch {
	case o.json:
		return printJSON(o.sys.Out, append([]prunedView{}, views...))
	case o.quiet:
		for _, v := range views {
			if !v.Deleted && !o.dryRun {
				continue
			}
			if _, err := fmt.Fprintln(o.sys.Out, printable(v.ID)); err != nil {
				return err
			}
		}
	case o.dryRun && len(views) > 0:
		return printTable(o.sys.Out, []column[prunedView]{
			{"WOULD GO", func(v prunedView) string { return printable(v.Label) }},
			{"ID", func(v prunedView) string { return printable(v.ID) }},
			{"BECAUSE", func(v prunedView) string { return strings.Join(v.Reasons, ", ") }},
		}, views)
	}
	return nil
}
