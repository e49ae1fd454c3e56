package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/buildinfo"
	"github.com/docker-pat/docker-pat/internal/helper"
	"github.com/docker-pat/docker-pat/internal/prompt"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/tokens"
)

// A system is the one door to the outside: streams, environment, clock, keychain, Docker Hub.
type system struct {
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) string
	Environ  func() []string // all of it, for programs that are run
	Now      func() time.Time
	Hostname func() (string, error)
	// Executable is the path of this program.
	Executable func() (string, error)

	plugin       bool    // called as `docker pat`
	dockerConfig string  // of docker's --config, beats DOCKER_CONFIG
	org          orgName // of --org: whose tokens the command is about; "" for the user's own
}

func realSystem() *system {
	return &system{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Env: os.Getenv, Environ: os.Environ, Now: time.Now, Hostname: os.Hostname, Executable: os.Executable,
	}
}

func (sys *system) asPlugin(dockerConfig string) { sys.plugin, sys.dockerConfig = true, dockerConfig }

// name is what the user typed to get here.
func (sys *system) name() string {
	if sys.plugin {
		return "docker pat"
	}
	return "docker-pat"
}

// settings reads the environment.
func (sys *system) settings() (settings.Settings, error) {
	return settings.FromEnvironment(func(name string) string {
		if name == "DOCKER_CONFIG" && sys.dockerConfig != "" {
			return sys.dockerConfig
		}
		return sys.Env(name)
	})
}

// helper answers calls of the credential helper protocol.
func (sys *system) helper() helper.System {
	return helper.System{
		In: sys.In, Out: sys.Out, Err: sys.Err, Env: sys.Env, Now: sys.Now,
		Tokens: func(s settings.Settings, store *secretstore.Store) credhelper.Tokens {
			return helperTokens{sys, s, store}
		},
		Hint: func(err error) string {
			_, hint := advice(sys, err)
			return hint
		},
	}
}

func (sys *system) store(s settings.Settings) *secretstore.Store { return helper.NewStore(s, sys.Env) }

func (sys *system) terminal() prompt.Terminal {
	return prompt.New(sys.In, sys.Err).Styled(prompt.Style{Moves: sys.steers(sys.Err), Colour: sys.inColour(sys.Err)})
}

// say prints a line of words. Words go to standard error, data to standard output.
func (sys *system) say(format string, args ...any) { _, _ = fmt.Fprintf(sys.Err, format+"\n", args...) }

func (sys *system) hubClient(s settings.Settings) (*client.Client, error) {
	return client.New(client.Options{
		BaseURL:   s.HubURL,
		UserAgent: buildinfo.Get().UserAgent(),
		OnWait:    sys.showWait,
	})
}

// registryClient speaks to the registry that tokens belong to.
func (sys *system) registryClient(s settings.Settings) (*client.Registry, error) {
	key, err := credhelper.Key(s.Registry)
	if err != nil {
		return nil, err
	}
	return client.NewRegistry(registryAddress(key), buildinfo.Get().UserAgent())
}

// registryAddress is where the registry behind a key listens. Docker Hub's key is the address of an
// older API; on this machine a registry may do without TLS, as Docker allows it.
func registryAddress(key string) string {
	host, _, _ := strings.Cut(key, "/")
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	switch {
	case key == credhelper.HubKey:
		return "https://registry-1.docker.io"
	case name == "localhost" || net.ParseIP(name).IsLoopback():
		return "http://" + host
	}
	return "https://" + host
}

// An account is a signed-in user, or an organization that a signed-in user manages.
type account struct {
	settings settings.Settings
	store    *secretstore.Store
	session  client.Session // of the user
	user     *client.Client // with the user's session
	org      string         // that is managed; "": the user
	hub      tokens.Hub     // of whom is managed
	username string         // that the tokens sign in with
}

// signedIn opens the stored session, and ends what the journal has of the account. It makes a request only
// to renew a session that is about to end, and where there is something to end.
func (sys *system) signedIn(ctx context.Context) (account, error) {
	s, err := sys.settings()
	if err != nil {
		return account{}, err
	}
	a, err := sys.accountOf(ctx, s, sys.store(s))
	if err != nil {
		return account{}, err
	}
	return a, sys.recover(ctx, a)
}

// accountOf opens the stored session.
func (sys *system) accountOf(ctx context.Context, s settings.Settings, store *secretstore.Store) (account, error) {
	session, err := sys.openSession(ctx, s, store)
	if err != nil {
		return account{}, err
	}
	hub, err := sys.hubClient(s)
	if err != nil {
		return account{}, err
	}
	return sys.managing(s, store, sys.signed(hub, s, store, session), session), nil
}
