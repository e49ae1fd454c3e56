// Package wiring connects Docker to the credential helper, and takes the connection away again: the
// helper on PATH, the plugin in Docker's folder, the keys of config.json, and the credentials that
// were kept elsewhere before.
package wiring

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/atomicfile"
	"github.com/docker-pat/docker-pat/internal/dockerconfig"
	"github.com/docker-pat/docker-pat/internal/secret"
)

// Names that Docker knows us by.
const (
	Suffix     = "pat"                   // value of credsStore and credHelpers
	helperName = "docker-credential-pat" // on PATH
	pluginName = "docker-pat"            // in cli-plugins
	hubKey     = credhelper.HubKey
	hubHost    = "docker.io" // Docker Hub for podman, skopeo and buildah, which do not read credsStore
)

// Credentials are those that the helper holds.
type Credentials interface {
	Has(ctx context.Context, serverURL string) (bool, error)
	Get(ctx context.Context, serverURL string) (username string, text secret.Secret, err error)
	// Keeps is false for a password that is not to be stored.
	Keeps(serverURL, username string, text secret.Secret) (bool, error)
	// Import stores a credential and reads it back.
	Import(ctx context.Context, serverURL, username string, text secret.Secret) error
}

// Options of PlanSetup and PlanUndo.
type Options struct {
	Name            string // of this program, as the user called it
	DockerConfigDir string
	StateDir        string // holds the record that undo works from
	Registry        string // the server URL that tokens belong to; empty: Docker Hub's
	Executable      string // this program
	Version         string // of this program
	Home            string
	Path            []string // folders of PATH
	PodmanAuthFile  string   // where podman keeps credentials; empty: nowhere
	Only            []string // registries, by host; empty: all
	Credentials     Credentials
	HelperTimeout   time.Duration // of each call of another helper; zero: a minute
}

// A Plan is a change that has been worked out and not been made yet.
type Plan struct {
	Steps []string // what Apply does, a line each
	Notes []string // what the user should know besides

	apply []func(ctx context.Context) error
}

// Empty tells that there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Steps) == 0 }

// Apply makes the change. After an error what was done stays, in an order in which Docker never finds
// less than before: a second run does the rest. The end of ctx is such an error.
func (p *Plan) Apply(ctx context.Context) error {
	for _, step := range p.apply {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) add(do func(context.Context) error, format string, args ...any) {
	p.Steps = append(p.Steps, fmt.Sprintf(format, args...))
	p.apply = append(p.apply, do)
}

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// sweep plans to remove what a kill has left of an earlier setup or undo.
func (p *Plan) sweep(config *dockerconfig.File, stateDir string) error {
	left, err := config.Leftovers()
	if err != nil {
		return err
	}
	records, err := atomicfile.Leftovers(recordPath(stateDir))
	if err != nil {
		return err
	}
	for _, path := range append(left, records...) {
		p.add(func(context.Context) error { return removeFile(path) }, "remove %s, left behind by a setup that was interrupted", path)
	}
	return nil
}

// HelperFor returns the helper that Docker asks about a registry, or "" when it reads config.json
// itself. key is the registry's host, or for Docker Hub its key.
func HelperFor(config *dockerconfig.File, key string) string {
	if helper, ok := config.CredHelpers()[key]; ok {
		return helper
	}
	return config.CredsStore()
}

// defaultStore is the store that Docker picks by itself when config.json names none and holds no
// credential. Writing any of these keys ends that, so the pick has to be written down as well.
// Source: docker/cli, cli/config/credentials/default_store*.go.
func defaultStore(goos string) string {
	store := map[string]string{"darwin": "osxkeychain", "windows": "wincred", "linux": "secretservice"}[goos]
	if _, err := exec.LookPath("pass"); err == nil && goos == "linux" {
		store = "pass"
	}
	if _, err := exec.LookPath("docker-credential-" + store); err != nil {
		return ""
	}
	return store
}
