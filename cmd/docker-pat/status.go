package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/helper"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/tokens"
)

type statusOptions struct {
	sys  *system
	json bool
}

func newStatusCmd(sys *system) *cobra.Command {
	opts := statusOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show your session and what Docker signs in with",
		Long: `Show the account and the end of its session, the store, whether Docker is told to use it, and the
credential that Docker gets. It asks the keychain and no service.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return opts.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&opts.json, "json", false, "print JSON")
	return cmd
}

// A statusView is the JSON of status. A part that could not be found out has its error.
type statusView struct {
	Profile string `json:"profile"`
	Hub     string `json:"hub_url"`
	Account struct {
		Username  string     `json:"username,omitempty"`
		SignedIn  bool       `json:"signed_in"`
		ExpiresAt *time.Time `json:"expires_at"` // null for a session of the web, which goes on by itself
		Web       bool       `json:"web"`
	} `json:"account"`
	Store struct {
		Kind  string `json:"kind"`
		Error string `json:"error,omitempty"`
	} `json:"store"`
	Docker struct {
		Config string `json:"config"`
		Helper string `json:"helper"` // that Docker asks about the registry; "" for none
		Path   string `json:"helper_path,omitempty"`
		Wired  bool   `json:"wired"`
		Error  string `json:"error,omitempty"`
	} `json:"docker"`
	Credential struct {
		Registry string      `json:"registry"`
		Stored   bool        `json:"stored"`
		Username string      `json:"username,omitempty"`
		Token    *statusItem `json:"token"` // null when docker-pat did not make it
	} `json:"credential"`
}

// A statusItem is the JSON of a token that the store holds.
type statusItem struct {
	ID        string     `json:"id"`
	Label     string     `json:"label"`
	Org       string     `json:"org"` // the organization whose token it is; "" for the user's own
	Scopes    []string   `json:"scopes"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// itemOf returns nil for what docker-pat did not make.
func itemOf(t *secretstore.Token) *statusItem {
	if t == nil {
		return nil
	}
	return &statusItem{ID: t.ID, Label: t.Label, Org: t.Org, Scopes: append([]string{}, t.Scopes...), ExpiresAt: instant(t.ExpiresAt)}
}

// ofOrg names the organization in a sentence, if there is one.
func (i statusItem) ofOrg() string {
	if i.Org == "" {
		return ""
	}
	return " of the organization " + i.Org
}

func (o statusOptions) run(ctx context.Context) error {
	s, err := o.sys.settings()
	if err != nil {
		return err
	}
	view := statusView{Profile: profileOf(s), Hub: s.HubURL}
	view.Store.Kind = "keychain"
	storeErr := o.askStore(ctx, s, &view)
	if storeErr != nil {
		view.Store.Error = storeErr.Error()
	}
	o.askDocker(s, &view)
	if o.json {
		return errors.Join(printJSON(o.sys.Out, view), storeErr)
	}
	return errors.Join(o.print(view), storeErr)
}

// askStore fails when the keychain cannot be used.
func (o statusOptions) askStore(ctx context.Context, s settings.Settings, view *statusView) error {
	store := o.sys.store(s)
	session, err := o.sys.storedSession(ctx, s, store)
	if err != nil && !errors.Is(err, errNotSignedIn) && !errors.Is(err, errSessionExpired) {
		return err
	}
	view.Account.Username, view.Account.SignedIn, view.Account.ExpiresAt = session.Username, err == nil, instant(endOf(session))
	view.Account.Web = !session.RefreshToken.IsZero()
	view.Credential.Registry = s.Registry
	key, err := credhelper.Key(s.Registry)
	if err != nil {
		return err
	}
	c, err := store.Get(ctx, key)
	if errors.Is(err, secretstore.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	view.Credential.Stored, view.Credential.Username = true, c.Username
	view.Credential.Token = itemOf(c.Token)
	return nil
}

func (o statusOptions) askDocker(s settings.Settings, view *statusView) {
	d := &view.Docker
	d.Config = dockerconfig.Path(s.DockerConfigDir)
	config, err := dockerconfig.Load(d.Config)
	if err == nil {
		d.Helper, err = helperFor(config, s.Registry)
	}
	if err != nil {
		d.Error = err.Error()
		return
	}
	d.Path, err = exec.LookPath(helper.Name)
	d.Wired = d.Helper == helperSuffix && err == nil
}

func (o statusOptions) print(v statusView) error {
	out := tabwriter.NewWriter(o.sys.Out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"Account", o.accountText(v)},
		{"Profile", v.Profile},
		{"Service", v.Hub},
		{"Store", storeText(v)},
		{"Docker", o.dockerText(v)},
		{"Credential", o.credentialText(v)},
	} {
		_, _ = fmt.Fprintf(out, "%s\t%s\n", line[0], printable(line[1])) // Flush reports the error
	}
	return out.Flush()
}

func (o statusOptions) accountText(v statusView) string {
	switch a := v.Account; {
	case v.Store.Error != "":
		return "unknown"
	case a.SignedIn && a.Web:
		return a.Username + ", signed in on the web"
	case a.SignedIn && a.ExpiresAt == nil:
		return a.Username
	case a.SignedIn:
		return fmt.Sprintf("%s, signed in%s", a.Username, until(*a.ExpiresAt))
	case a.Username != "":
		return fmt.Sprintf("%s, session expired: run %s login -u %s", a.Username, o.sys.name(), a.Username)
	}
	return fmt.Sprintf("not signed in: run %s login", o.sys.name())
}

func storeText(v statusView) string {
	if v.Store.Error != "" {
		return v.Store.Kind + ": cannot be used"
	}
	return v.Store.Kind
}

func (o statusOptions) dockerText(v statusView) string {
	switch d := v.Docker; {
	case d.Error != "":
		return d.Error
	case d.Wired:
		return fmt.Sprintf("uses %s (%s)", d.Path, d.Config)
	case d.Helper == helperSuffix:
		return fmt.Sprintf("%s is not on PATH: run %s setup", helper.Name, o.sys.name())
	case d.Helper != "":
		return fmt.Sprintf("uses docker-credential-%s: run %s setup", d.Helper, o.sys.name())
	}
	return fmt.Sprintf("does not use docker-pat: run %s setup", o.sys.name())
}

func (o statusOptions) credentialText(v statusView) string {
	c := v.Credential
	switch {
	case v.Store.Error != "":
		return "unknown"
	case !c.Stored:
		return fmt.Sprintf("none for %s: run %s create", c.Registry, o.sys.name())
	case c.Token == nil:
		return fmt.Sprintf("%s at %s, stored by docker login", c.Username, c.Registry)
	}
	var expiresAt time.Time
	if c.Token.ExpiresAt != nil {
		expiresAt = *c.Token.ExpiresAt
	}
	return fmt.Sprintf("%s at %s with the token %s (%s)%s: %s, %s", c.Username, c.Registry, c.Token.Label, c.Token.ID, c.Token.ofOrg(),
		tokens.Permission(c.Token.Scopes), expiry(expiresAt, o.sys.Now()))
}
