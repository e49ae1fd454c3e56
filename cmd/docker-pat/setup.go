package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/docker/docker-credential-helpers/credentials"
	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/buildinfo"
	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/internal/wiring"
)

type setupOptions struct {
	sys    *system
	only   []string
	undo   bool
	dryRun bool
}

func newSetupCmd(sys *system) *cobra.Command {
	opts := setupOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Tell Docker to take its credentials from here",
		Long: `Tell Docker to take its credentials from here, and show each change.

It links docker-credential-pat into a folder on PATH and the plugin "docker pat" into Docker's folder,
writes credsStore and, for podman, buildah and skopeo, credHelpers["docker.io"] into Docker's
config.json, and brings along the credentials that Docker had: those that stood in config.json in clear
are moved to the keychain, those of another credential helper and of podman's auth.json are copied.
Nothing else in config.json is touched. A second run has nothing to do; --undo brings back what was there
before.`,
		Example: `  docker-pat setup --dry-run
  docker-pat setup
  docker-pat setup --only docker.io
  docker-pat setup --undo`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return opts.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&opts.only, "only", nil, "use it for this registry alone, such as docker.io or ghcr.io; may be given several times")
	flags.BoolVar(&opts.undo, "undo", false, "bring back what was there before")
	flags.BoolVar(&opts.dryRun, "dry-run", false, "show the changes and make none")
	cmd.MarkFlagsMutuallyExclusive("only", "undo")
	return cmd
}

func (o setupOptions) run(ctx context.Context) error {
	plan, err := o.plan(ctx)
	if err != nil {
		return err
	}
	for _, step := range plan.Steps {
		if _, err := fmt.Fprintln(o.sys.Out, printable(step)); err != nil {
			return err
		}
	}
	if !o.dryRun && !plan.Empty() {
		if err := plan.Apply(ctx); err != nil {
			return err
		}
	}
	for _, note := range plan.Notes {
		o.sys.say("Note: %s.", printable(note))
	}
	o.summary(plan)
	return nil
}

func (o setupOptions) summary(plan *wiring.Plan) {
	switch {
	case plan.Empty():
		o.sys.say("There is nothing to change.")
	case o.dryRun:
		o.sys.say("Nothing was changed.")
	case o.undo:
		o.sys.say("Docker is as it was before. What the keychain holds is still there.")
	default:
		o.sys.say("Docker takes its credentials from here now.")
	}
}

func (o setupOptions) plan(ctx context.Context) (*wiring.Plan, error) {
	s, err := o.sys.settings()
	if err != nil {
		return nil, err
	}
	executable, err := o.sys.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	opts := wiring.Options{
		DockerConfigDir: s.DockerConfigDir,
		StateDir:        s.StateDir,
		Registry:        s.Registry,
		Executable:      executable,
		Name:            o.sys.name(),
		Version:         buildinfo.Get().Version,
		Home:            settings.Home(o.sys.Env),
		Path:            filepath.SplitList(o.sys.Env("PATH")),
		Credentials:     helperCredentials{sys: o.sys, settings: s},
	}
	if opts.PodmanAuthFile, err = wiring.PodmanAuthFile(o.sys.Env); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if o.undo {
		return wiring.PlanUndo(ctx, opts)
	}
	for _, registry := range o.only {
		host := wiring.Host(registry)
		if host == "" {
			return nil, usagef("setup", "--only wants a registry, such as docker.io")
		}
		opts.Only = append(opts.Only, host)
	}
	return wiring.PlanSetup(ctx, opts)
}

// helperCredentials are what the credential helper holds, seen as Docker sees them.
type helperCredentials struct {
	sys      *system
	settings settings.Settings
}

var _ wiring.Credentials = helperCredentials{}

func (h helperCredentials) helper(ctx context.Context) (*credhelper.Helper, error) {
	return h.sys.helper().New(ctx, h.settings)
}

func (h helperCredentials) Has(ctx context.Context, serverURL string) (bool, error) {
	_, _, err := h.Get(ctx, serverURL)
	if credentials.IsErrCredentialsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func (h helperCredentials) Get(ctx context.Context, serverURL string) (string, secret.Secret, error) {
	held, err := h.helper(ctx)
	if err != nil {
		return "", secret.Secret{}, err
	}
	username, text, err := held.Get(serverURL)
	return username, secret.New(text), err
}

func (h helperCredentials) Keeps(serverURL, username string, text secret.Secret) (bool, error) {
	held, err := h.helper(context.Background()) // makes no call
	if err != nil {
		return false, err
	}
	return held.Keeps(&credentials.Credentials{ServerURL: serverURL, Username: username, Secret: text.Reveal()})
}

func (h helperCredentials) Import(ctx context.Context, serverURL, username string, text secret.Secret) error {
	held, err := h.helper(ctx)
	if err != nil {
		return err
	}
	if err := held.Add(&credentials.Credentials{ServerURL: serverURL, Username: username, Secret: text.Reveal()}); err != nil {
		return err
	}
	gotUsername, got, err := held.Get(serverURL)
	if err == nil && (gotUsername != username || got != text.Reveal()) {
		err = errors.New("it was read back and differs")
	}
	return err
}

// helperSuffix is the value of credsStore that means us.
const helperSuffix = wiring.Suffix

// helperFor returns the helper that Docker asks about a registry.
func helperFor(config *dockerconfig.File, registry string) (string, error) {
	key, err := credhelper.Key(registry)
	if err != nil {
		return "", err
	}
	return wiring.HelperFor(config, key), nil
}
