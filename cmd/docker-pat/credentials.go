package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

type credentialsListOptions struct {
	sys   *system
	json  bool
	quiet bool
}

const credentialsLong = `List what the credential helper holds, for every registry.

KIND is "token" with the label of one that docker-pat made, and the organization if it is of one, "session"
for a sign-in at Docker Hub, and "stored" for what docker login or an import brought. Nothing is decrypted for
it.`

func newCredentialsCmd(sys *system) *cobra.Command {
	cmd := newCredentialsListCmd(sys)
	list := newCredentialsListCmd(sys)
	cmd.Use, cmd.Aliases = "credentials", nil
	cmd.Short = "List, import and erase what the helper holds"
	cmd.Long = strings.Replace(credentialsLong, "List", "Show and change", 1)
	cmd.AddCommand(list, newCredentialsImportCmd(sys), newCredentialsEraseCmd(sys))
	return cmd
}

func newCredentialsListCmd(sys *system) *cobra.Command {
	opts := credentialsListOptions{sys: sys}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List what the helper holds",
		Long:    credentialsLong,
		Args:    usage(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return opts.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&opts.json, "json", false, "print JSON")
	cmd.Flags().BoolVarP(&opts.quiet, "quiet", "q", false, "print server URLs alone")
	cmd.MarkFlagsMutuallyExclusive("json", "quiet")
	return cmd
}

// A credentialView is the JSON of a credential, which scripts depend on. It has no secret.
type credentialView struct {
	ServerURL string      `json:"server_url"`
	Username  string      `json:"username"`
	Kind      string      `json:"kind"`  // token, session or stored
	Token     *statusItem `json:"token"` // null when docker-pat did not make it
}

func (o credentialsListOptions) run(ctx context.Context) error {
	s, err := o.sys.settings()
	if err != nil {
		return err
	}
	entries, err := o.sys.store(s).List(ctx)
	if err != nil {
		return err
	}
	views := credentialViews(entries)
	switch {
	case o.json:
		return printJSON(o.sys.Out, views)
	case o.quiet:
		for _, v := range views {
			if _, err := fmt.Fprintln(o.sys.Out, printable(v.ServerURL)); err != nil {
				return err
			}
		}
		return nil
	case len(views) == 0:
		o.sys.say("The helper holds no credential.")
		return nil
	}
	return printTable(o.sys.Out, []column[credentialView]{
		{"SERVER", func(v credentialView) string { return printable(v.ServerURL) }},
		{"USERNAME", func(v credentialView) string { return printable(v.Username) }},
		{"KIND", func(v credentialView) string { return printable(v.kind()) }},
	}, views)
}

func (v credentialView) kind() string {
	if v.Token != nil {
		return v.Kind + " " + v.Token.Label + v.Token.ofOrg()
	}
	return v.Kind
}

// credentialViews are sorted by server.
func credentialViews(entries map[string]secretstore.Entry) []credentialView {
	views := make([]credentialView, 0, len(entries))
	for key, e := range entries {
		view := credentialView{ServerURL: shownServer(key, e), Username: e.Username, Kind: "stored", Token: itemOf(e.Token)}
		switch {
		case view.Token != nil:
			view.Kind = "token"
		case isSession(key):
			view.Kind = "session"
		}
		views = append(views, view)
	}
	slices.SortFunc(views, func(a, b credentialView) int { return strings.Compare(a.ServerURL, b.ServerURL) })
	return views
}

func isSession(key string) bool {
	return strings.HasSuffix(key, "/v1/"+credhelper.AccessTokenSuffix) || strings.HasSuffix(key, "/v1/"+credhelper.RefreshTokenSuffix)
}

// shownServer is the name that the helper lists an entry under.
func shownServer(key string, e secretstore.Entry) string {
	if again, err := credhelper.Key(e.ServerURL); err != nil || again != key || key == credhelper.HubKey {
		return key
	}
	return e.ServerURL
}
