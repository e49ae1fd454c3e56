package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/settings"
)

const profileLong = `A profile is an account, or a service, of several. Each has a session and credentials of its own, also where
two accounts are at one registry.

The profile in use is the one that DOCKER_PAT_PROFILE names, else the one whose folder Docker's
configuration is in (DOCKER_CONFIG), else the one that profile use has chosen. A terminal that has
DOCKER_PAT_PROFILE set is pinned: profile use does not change it.`

func newProfileCmd(sys *system) *cobra.Command {
	cmd := newProfileListCmd(sys)
	list := newProfileListCmd(sys)
	cmd.Use, cmd.Aliases = "profile", nil
	cmd.Short = "Work with several accounts and services"
	cmd.Long = profileLong
	cmd.Example = `  docker-pat profile add work --docker-config ~/.docker-work
  docker-pat profile use work
  DOCKER_PAT_PROFILE=default docker-pat status`
	cmd.AddCommand(list, newProfileAddCmd(sys), newProfileUseCmd(sys), newProfileRemoveCmd(sys))
	return cmd
}

type profileListOptions struct {
	sys   *system
	json  bool
	quiet bool
}

func newProfileListCmd(sys *system) *cobra.Command {
	opts := profileListOptions{sys: sys}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the profiles",
		Long:    "List the profiles. A * marks the one in use.\n\n" + profileLong,
		Args:    usage(cobra.NoArgs),
		RunE:    func(*cobra.Command, []string) error { return opts.run() },
	}
	cmd.Flags().BoolVar(&opts.json, "json", false, "print JSON")
	cmd.Flags().BoolVarP(&opts.quiet, "quiet", "q", false, "print names alone")
	cmd.MarkFlagsMutuallyExclusive("json", "quiet")
	return cmd
}

// A profileView is the JSON of a profile, which scripts depend on. What is empty is as without a profile.
type profileView struct {
	Name         string `json:"name"`
	HubURL       string `json:"hub_url"`
	AuthURL      string `json:"auth_url"`
	Registry     string `json:"registry"`
	DockerConfig string `json:"docker_config"`
	InUse        bool   `json:"in_use"`
}

func (o profileListOptions) run() error {
	s, err := o.sys.settings()
	if err != nil {
		return err
	}
	all, err := s.Profiles()
	if err != nil {
		return err
	}
	var views []profileView
	for _, name := range all.Names() {
		p := all.Named[name]
		views = append(views, profileView{name, p.HubURL, p.AuthURL, p.Registry, p.DockerConfig, name == profileOf(s)})
	}
	switch {
	case o.json:
		return printJSON(o.sys.Out, views)
	case o.quiet:
		for _, v := range views {
			if _, err := fmt.Fprintln(o.sys.Out, printable(v.Name)); err != nil {
				return err
			}
		}
		return nil
	}
	shown := func(value func(profileView) string) func(profileView) string {
		return func(v profileView) string {
			if text := printable(value(v)); text != "" {
				return text
			}
			return "-"
		}
	}
	return printTable(o.sys.Out, []column[profileView]{
		{"", func(v profileView) string { return mark(v.InUse) }},
		{"NAME", shown(func(v profileView) string { return v.Name })},
		{"REGISTRY", shown(func(v profileView) string { return v.Registry })},
		{"SERVICE", shown(func(v profileView) string { return v.HubURL })},
		{"DOCKER CONFIG", shown(func(v profileView) string { return v.DockerConfig })},
	}, views)
}

// profileOf names the profile in use.
func profileOf(s settings.Settings) string {
	if s.Profile == "" {
		return settings.DefaultProfile
	}
	return s.Profile
}

type profileAddOptions struct {
	sys     *system
	profile settings.Profile
}

func newProfileAddCmd(sys *system) *cobra.Command {
	opts := profileAddOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a profile",
		Long: `Add a profile. What no flag says is as without a profile, so that one without any flag is a second account at
Docker Hub. It is in config.json of the settings folder.`,
		Example: "  " + sys.name() + " profile add work --docker-config ~/.docker-work\n  " +
			sys.name() + " profile add lab --hub-url http://127.0.0.1:5555/hub --registry localhost:5555",
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return opts.run(args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.profile.HubURL, "hub-url", "", "the token service")
	flags.StringVar(&opts.profile.AuthURL, "auth-url", "", "where people sign in on the web")
	flags.StringVar(&opts.profile.Registry, "registry", "", "the server URL that tokens belong to")
	flags.StringVar(&opts.profile.DockerConfig, "docker-config", "", "a `FOLDER`: where Docker's configuration is in it, the profile is used")
	return cmd
}

func (o profileAddOptions) run(name string) error {
	if err := o.check(name); err != nil {
		return usageError{err, "profile add"}
	}
	if o.profile.DockerConfig != "" {
		dir, err := filepath.Abs(o.profile.DockerConfig)
		if err != nil {
			return err
		}
		o.profile.DockerConfig = dir
	}
	return o.sys.editProfiles(func(all settings.Profiles) ([]patch, error) {
		if _, ok := all.Named[name]; ok {
			return nil, usagef("profile add", "there is a profile %s already: remove it first", name)
		}
		for other, p := range all.Named {
			if o.profile.DockerConfig != "" && p.DockerConfig == o.profile.DockerConfig {
				return nil, usagef("profile add", "the folder %s belongs to the profile %s", p.DockerConfig, printable(other))
			}
		}
		var changes []patch
		if all.Named == nil {
			changes = append(changes, patch{"add", "/profiles", map[string]any{}})
		}
		changes = append(changes, patch{"add", "/profiles/" + name, o.profile})
		return changes, nil
	}, func() {
		o.sys.say("Added the profile %s. Use it with %s profile use %s, or in one terminal with DOCKER_PAT_PROFILE=%s.", name, o.sys.name(), name, name)
	})
}

func (o profileAddOptions) check(name string) error {
	if err := settings.CheckProfileName(name); err != nil {
		return err
	}
	for _, address := range []string{o.profile.HubURL, o.profile.AuthURL} {
		if address == "" {
			continue
		}
		if _, err := client.New(client.Options{BaseURL: address}); err != nil {
			return err
		}
	}
	if o.profile.Registry == "" {
		return nil
	}
	_, err := credhelper.Key(o.profile.Registry)
	return err
}

func newProfileUseCmd(sys *system) *cobra.Command {
	return &cobra.Command{
		Use:   "use NAME",
		Short: "Use a profile where nothing else chooses one",
		Long: `Use a profile where neither DOCKER_PAT_PROFILE nor DOCKER_CONFIG chooses one. A terminal that is pinned by one of
them stays as it is.`,
		Example:           "  " + sys.name() + " profile use work\n  " + sys.name() + " profile use default",
		Args:              usage(cobra.ExactArgs(1)),
		ValidArgsFunction: completeProfiles(sys),
		RunE: func(_ *cobra.Command, args []string) error {
			return runProfileUse(sys, args[0])
		},
	}
}

func runProfileUse(sys *system, name string) error {
	return sys.editProfiles(func(all settings.Profiles) ([]patch, error) {
		switch _, ok := all.Named[name]; {
		case ok:
			return []patch{{"add", "/profile", name}}, nil
		case name != settings.DefaultProfile:
			return nil, unknownProfile("profile use", name, all)
		case all.Default == "":
			return nil, nil
		}
		return []patch{{"remove", "/profile", nil}}, nil
	}, func() {
		sys.say("The profile is %s now, wherever nothing else chooses one.", name)
		if s, err := sys.settings(); err == nil && profileOf(s) != name {
			sys.say("In this terminal it is %s: DOCKER_PAT_PROFILE or DOCKER_CONFIG chooses it.", profileOf(s))
		}
	})
}

type profileRemoveOptions struct {
	sys *system
	yes bool
}

func newProfileRemoveCmd(sys *system) *cobra.Command {
	opts := profileRemoveOptions{sys: sys}
	cmd := &cobra.Command{
		Use:     "remove NAME",
		Aliases: []string{"rm"},
		Short:   "Remove a profile, with its session and credentials",
		Long: `Remove a profile, and what this machine holds for it: the session and the credentials. Its tokens go on living
at Docker Hub: delete them before.

It asks first; where there is no terminal, --yes is needed.`,
		Example:           "  " + sys.name() + " profile remove work",
		Args:              usage(cobra.ExactArgs(1)),
		ValidArgsFunction: completeProfiles(sys),
		RunE:              func(cmd *cobra.Command, args []string) error { return opts.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVarP(&opts.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (o profileRemoveOptions) run(ctx context.Context, name string) error {
	if !o.yes && !o.sys.terminal().CanAsk() {
		return usagef("profile remove", "there is no terminal to ask on: --yes removes without asking")
	}
	all, err := o.sys.profiles()
	if err != nil {
		return err
	}
	if _, ok := all.Named[name]; !ok {
		return unknownProfile("profile remove", name, all)
	}
	s, err := o.sys.settingsOf(name)
	if err != nil {
		return err
	}
	store := o.sys.store(s)
	entries, err := store.List(ctx)
	if err != nil {
		return err
	}
	if !o.yes {
		sure, err := o.sys.terminal().Confirm(ctx, fmt.Sprintf("Remove the profile %s and %s that this machine holds for it?", name, count(len(entries), "credential")))
		if err != nil || !sure {
			o.sys.say("Kept %s.", name)
			return err
		}
	}
	for key := range entries {
		if err := store.Delete(ctx, key); err != nil {
			return err
		}
	}
	if err := forgetNames(s); err != nil {
		return err
	}
	return o.sys.editProfiles(func(all settings.Profiles) ([]patch, error) {
		changes := []patch{{"remove", "/profiles/" + name, nil}}
		if all.Default == name {
			changes = append(changes, patch{"remove", "/profile", nil})
		}
		return changes, nil
	}, func() { o.sys.say("Removed the profile %s.", name) })
}
