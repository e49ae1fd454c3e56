package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/tokens"
)

// An orgName is the value of --org.
type orgName string

func (n *orgName) String() string { return string(*n) }

// Type is what the help calls the value.
func (n *orgName) Type() string { return "NAME" }

var orgPattern = regexp.MustCompile(`^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$`)

// Set checks the name before anything is asked of Docker Hub.
func (n *orgName) Set(text string) error {
	if !orgPattern.MatchString(text) {
		return errors.New("not the name of an organization: lower case letters, digits and . _ - between them")
	}
	*n = orgName(text)
	return nil
}

// orgCommands are those that have --org. Whatever they do with signedIn, they do to the tokens of that
// organization then.
func orgCommands() []string {
	return []string{"create", "list", "inspect", "rename", "activate", "deactivate", "rotate", "delete", "audit"}
}

func addOrgFlag(sys *system, root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if slices.Contains(orgCommands(), cmd.Name()) {
			cmd.Flags().Var(&sys.org, "org", "organization that you own, whose tokens are meant in place of yours")
		}
	}
}

// managing picks whose tokens are managed.
func (sys *system) managing(s settings.Settings, store *secretstore.Store, user *client.Client, session client.Session) account {
	a := account{settings: s, store: store, session: session, user: user, username: session.Username, org: string(sys.org)}
	a.hub = a.hubOf(a.org)
	if a.org != "" {
		a.username = a.org
	}
	return a
}

// hubOf has the tokens of an organization, or for "" those of the user.
func (a account) hubOf(org string) tokens.Hub {
	if org == "" {
		return a.user
	}
	return a.user.Organization(org)
}

const orgCreateHelp = `A token of an organization (--org) is for Docker and the organization's name. Each --repo names a repository
and what may be done with it: NAME:pull, NAME:pull,push or NAME:pull,push,delete, where NAME may be * for
all of the organization's or */*/public for all public ones. --scope then stands for the organization
itself, such as member-read or repository-list.`

// orgOptions are those of create for a token of an organization.
type orgOptions struct {
	repositories []string
	description  string
}

func (o *orgOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.repositories, "repo", nil, "with --org, `NAME:PERMISSION,...` that the token may reach; may be given several times")
	cmd.Flags().StringVar(&o.description, "description", "", "with --org, what else there is to say of the token")
}

// reach is what the new token shall be allowed.
func (o createOptions) reach(prefs settings.Preferences) (client.NewToken, error) {
	if o.sys.org != "" {
		resources, err := tokens.ParseResources(string(o.sys.org), o.org.repositories, o.scopes)
		spec := client.NewToken{Resources: resources, Description: o.org.description}
		return spec, errors.Join(err, tokens.CheckDescription(spec.Description))
	}
	if len(o.org.repositories) > 0 || o.org.description != "" {
		return client.NewToken{}, errors.New("--repo and --description are for a token of an organization: say which one with --org")
	}
	if len(o.scopes) == 0 {
		o.scopes = []string{prefs.Scope}
	}
	scopes, err := tokens.ParseScopes(o.scopes)
	return client.NewToken{Scopes: scopes}, err
}

// details reads what the question has to name. A token that is gone meanwhile stays as it was.
func (o deleteOptions) details(ctx context.Context, a account, t client.Token) (client.Token, error) {
	if o.yes {
		return t, nil
	}
	whole, err := tokens.Details(ctx, a.hub, []client.Token{t})
	if err != nil || len(whole) == 0 {
		return t, err
	}
	return whole[0], nil
}

// An orgView is what the JSON of an organization's token has beside. Resources are null where Docker Hub does
// not tell them.
type orgView struct {
	Description string            `json:"description"`
	CreatedBy   string            `json:"created_by"`
	Resources   []client.Resource `json:"resources"`
}

// orgViewOf returns nil for a user's token.
func orgViewOf(t client.Token) *orgView {
	if t.Organization == "" {
		return nil
	}
	return &orgView{Description: t.Description, CreatedBy: t.CreatedBy, Resources: t.Resources}
}

// explain finds out whether a token was refused because the organization has no place for it.
func (a account) explain(ctx context.Context, err error) error {
	var org *client.OrganizationError
	if !errors.As(err, &org) || ctx.Err() != nil {
		return err
	}
	return tokens.ExplainRefusal(ctx, a.hub, err)
}

// orgHint is the next step after a failure with an organization, or "".
func orgHint(name string, err error) string {
	var org *client.OrganizationError
	switch {
	case !errors.As(err, &org):
		return ""
	case errors.As(err, new(*tokens.LimitError)):
		return fmt.Sprintf("a Team plan allows 10 tokens, Business 100, smaller plans none, and inactive and expired ones count: end one with %s delete --org %s", name, org.Organization)
	case errors.Is(err, client.ErrForbidden):
		return fmt.Sprintf("only an owner of %s may manage its tokens, signed in with a password (%s login -u NAME)", org.Organization, name)
	case errors.Is(err, client.ErrNotFound):
		return fmt.Sprintf("there is no organization %s, or no such token of it any more", org.Organization)
	}
	return ""
}
