package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/tokens"
)

type auditOptions struct {
	sys    *system
	failOn string
	json   bool
}

func newAuditCmd(sys *system) *cobra.Command {
	opts := auditOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Find tokens that should be looked at",
		Long: `Find tokens that should be looked at. Each finding is a line: how grave it is, the token, what was found, and
the command that mends it.

  high    used after it expired; never expires and may delete repositories
  medium  never expires; may delete repositories; not used for 90 days; expires within 14 days and is the
          one that this machine holds
  low     expires within 14 days; made from an address that no token of this machine comes from; two
          tokens with one label; more than five auto-generated tokens

The exit code is 1 when a finding is as grave as --fail-on or graver. It changes nothing.`,
		Example: `  docker-pat audit
  docker-pat audit --fail-on medium --json | jq -r '.[].remedy'`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return opts.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&opts.failOn, "fail-on", tokens.High.String(), "exit with 1 for findings of this `SEVERITY`: low, medium or high")
	cmd.Flags().BoolVar(&opts.json, "json", false, "print JSON")
	completeFlag(cmd, "fail-on", tokens.Severities()...)
	return cmd
}

// A findingView is the JSON of a finding, which scripts depend on.
type findingView struct {
	Severity string     `json:"severity"`
	Check    string     `json:"check"`
	Tokens   []nameView `json:"tokens"`
	What     string     `json:"what"`
	Remedy   string     `json:"remedy"`
}

type nameView struct {
	ID    string `json:"id"`
	Label string `json:"label"`
}

func (o auditOptions) run(ctx context.Context) error {
	failOn, err := tokens.ParseSeverity(o.failOn)
	if err != nil {
		return usageError{err, "audit"}
	}
	account, err := o.sys.signedIn(ctx)
	if err != nil {
		return err
	}
	all, err := account.list(ctx)
	if err == nil {
		all, err = tokens.Details(ctx, account.hub, all)
	}
	if err != nil {
		return err
	}
	held, err := account.heldTokens(ctx)
	if err != nil {
		return err
	}
	findings := tokens.Audit(all, held, o.sys.Now())
	if err := o.print(findings); err != nil {
		return err
	}
	return o.verdict(findings, len(all), failOn)
}

func (o auditOptions) print(findings []tokens.Finding) error {
	views := make([]findingView, 0, len(findings))
	for _, f := range findings {
		view := findingView{f.Severity.String(), string(f.Check), nil, f.What, o.remedy(f)}
		for _, t := range f.Tokens {
			view.Tokens = append(view.Tokens, nameView{t.ID, t.Label})
		}
		views = append(views, view)
	}
	if o.json {
		return printJSON(o.sys.Out, views)
	}
	for i, view := range views {
		_, err := fmt.Fprintf(o.sys.Out, "%-6s  %s %s: %s\n", view.Severity, subject(findings[i]), printable(view.What), printable(view.Remedy))
		if err != nil {
			return err
		}
	}
	return nil
}

// subject names whom a finding is about.
func subject(f tokens.Finding) string {
	switch f.Check {
	case tokens.SameLabel:
		return printable(f.Tokens[0].Label)
	case tokens.ManyAuto:
		return "there"
	}
	return nameOf(f.Tokens[0])
}

// remedy is the command that mends a finding, or looks into it.
func (o auditOptions) remedy(f tokens.Finding) string {
	id := f.Tokens[0].ID
	arguments := map[tokens.Check]string{
		tokens.UsedAfterEnd: "delete " + id,
		tokens.NeverExpires: "rotate " + id + " --expires 90d",
		tokens.OverScoped:   "create --scope repo:write",
		tokens.Unused:       "delete " + id,
		tokens.ExpiresSoon:  "rotate " + id,
		tokens.Elsewhere:    "inspect " + id,
		tokens.SameLabel:    "rename " + id + " LABEL",
		tokens.ManyAuto:     "list --filter source=auto",
	}
	return o.sys.name() + " " + arguments[f.Check]
}

func (o auditOptions) verdict(findings []tokens.Finding, all int, failOn tokens.Severity) error {
	if len(findings) == 0 {
		o.sys.say("Nothing found in %s.", count(all, "token"))
		return nil
	}
	of := map[tokens.Severity]int{}
	grave := false
	for _, f := range findings {
		of[f.Severity]++
		grave = grave || f.Severity >= failOn
	}
	o.sys.say("%s in %s: %d high, %d medium, %d low.", count(len(findings), "finding"), count(all, "token"), of[tokens.High], of[tokens.Medium], of[tokens.Low])
	if grave {
		return exitCode(exitFailure)
	}
	return nil
}
