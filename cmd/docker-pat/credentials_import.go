package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/secret"
)

type credentialsImportOptions struct {
	sys    *system
	from   string
	dryRun bool
}

func newCredentialsImportCmd(sys *system) *cobra.Command {
	opts := credentialsImportOptions{sys: sys}
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Copy credentials from where they were kept before",
		Long: `Copy credentials into the keychain, and read each back. Where they come from is not changed, and what the
keychain holds already is not either. A password for Docker Hub is not copied.

By default they come from auths in Docker's config.json, where they are in clear. --from takes another
file of that form; "podman" for podman's auth.json; or "helper:NAME" for the program
docker-credential-NAME.`,
		Example: `  docker-pat credentials import --dry-run
  docker-pat credentials import --from podman
  docker-pat credentials import --from helper:secretservice`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return opts.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&opts.from, "from", "", "a file, podman, or helper:NAME (default Docker's config.json)")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "show what would be copied and copy nothing")
	return cmd
}

func (o credentialsImportOptions) run(ctx context.Context) error {
	s, err := o.sys.settings()
	if err != nil {
		return err
	}
	source, err := o.source(s)
	if err != nil {
		return err
	}
	found, err := source.list(ctx)
	if err != nil {
		return err
	}
	copied, failed := 0, 0
	job := credentialImport{o, helperCredentials{sys: o.sys, settings: s}, source.name, map[string]bool{}}
	for _, c := range found {
		done, err := job.copy(ctx, c)
		switch {
		case errors.Is(err, errSource):
			failed++
		case err != nil:
			return fmt.Errorf("copy the credential of %s: %w", printable(c.serverURL), err)
		case done:
			copied++
		}
	}
	if o.dryRun {
		o.sys.say("Nothing was changed.")
	} else {
		o.sys.say("Copied %s from %s.", count(copied, "credential"), printable(source.name))
	}
	if failed > 0 {
		return fmt.Errorf("%s could not be copied", count(failed, "credential"))
	}
	return nil
}

// A credentialImport copies one credential after the other.
type credentialImport struct {
	credentialsImportOptions
	held helperCredentials
	name string          // of the source
	seen map[string]bool // by the names that they are stored under: a source may spell one in several ways
}

// copy takes over one credential, and tells why it does not.
func (o credentialImport) copy(ctx context.Context, c sourceCredential) (done bool, err error) {
	server := printable(c.serverURL)
	key, err := credhelper.Key(c.serverURL)
	if err != nil {
		o.sys.say("%s: %v.", server, err)
		return false, errSource
	}
	if there, err := o.held.Has(ctx, c.serverURL); err != nil {
		return false, err
	} else if there || o.seen[key] {
		o.sys.say("%s: left as it is, the keychain has a credential for it.", server)
		return false, nil
	}
	username, text, err := c.read(ctx)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		o.sys.say("%s: it could not be copied from %s: %s.", server, printable(o.name), printable(secret.Redact(err.Error())))
		return false, errSource
	}
	keeps, err := o.held.Keeps(c.serverURL, username, text)
	if err != nil {
		return false, err
	}
	if !keeps {
		o.sys.say("%s: it is a password and was not copied: make a token with %s create.", server, o.sys.name())
		return false, nil
	}
	if !o.dryRun {
		if err := o.held.Import(ctx, c.serverURL, username, text); err != nil {
			return false, err
		}
	}
	o.seen[key] = true
	_, err = fmt.Fprintf(o.sys.Out, "copy the credential of %s (%s)\n", server, printable(username))
	return true, err
}

// errSource says that a source does not give a credential, which has been told.
var errSource = errors.New("the source does not give it")
