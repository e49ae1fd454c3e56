package wiring

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/dockerconfig"
)

// PlanSetup works out what it takes for Docker to use the helper: for all registries, or for those of
// opts.Only. It changes nothing. Doing it twice has nothing to do the second time.
func PlanSetup(ctx context.Context, opts Options) (*Plan, error) {
	config, err := dockerconfig.Load(dockerconfig.Path(opts.DockerConfigDir))
	if err != nil {
		return nil, err
	}
	rec, err := readRecord(opts.StateDir, config.Path())
	if err != nil {
		return nil, err
	}
	if _, err := opts.Credentials.Has(ctx, hubKey); err != nil {
		return nil, fmt.Errorf("nothing was changed: %w", err) // a helper without a keychain would be worse than none
	}
	s := setup{Options: opts, plan: &Plan{}, config: config, record: rec, helpers: map[string]*otherHelper{}}
	if err := s.plan.sweep(config, opts.StateDir); err != nil {
		return nil, err
	}
	// The record comes first: a kill on the way leaves too much to undo, which undo notices, and never
	// too little. Docker's own file comes last, when all that it then needs is there.
	s.plan.apply = append(s.plan.apply, func(context.Context) error {
		return writeRecord(opts.StateDir, config.Path(), s.record)
	})
	if err := s.links(ctx); err != nil {
		return nil, err
	}
	previous := config.CredsStore()
	if err := s.importAuths(ctx); err != nil {
		return nil, err
	}
	s.keys() // a helper of one registry was asked before that of all
	if err := s.importStore(ctx, previous); err != nil {
		return nil, err
	}
	if err := s.importPodman(ctx); err != nil {
		return nil, err
	}
	for _, line := range config.Changes() {
		s.plan.Steps = append(s.plan.Steps, fmt.Sprintf("%s: %s", config.Path(), line))
	}
	s.plan.apply = append(s.plan.apply, func(context.Context) error { return config.Save() })
	return s.plan, nil
}

// setup gathers a plan.
type setup struct {
	Options
	plan   *Plan
	config *dockerconfig.File
	record record

	helpers map[string]*otherHelper // that were there before, by name
}

func (s *setup) helper(name string) *otherHelper {
	if s.helpers[name] == nil {
		s.helpers[name] = newOtherHelper(name, s.HelperTimeout)
	}
	return s.helpers[name]
}

// keys changes what names the helper in config.json and remembers what was there.
func (s *setup) keys() {
	if len(s.Only) == 0 {
		s.takeOver(hubKey, s.Registry)
		s.setCredsStore(Suffix)
		s.setCredHelper(hubHost)
		return
	}
	s.takeOver(s.Only...)
	if s.config.CredsStore() == "" && len(s.config.CredHelpers()) == 0 && !s.hasAuths() {
		if store := defaultStore(runtime.GOOS); store != "" {
			s.setCredsStore(store)
		}
	}
	for _, registry := range s.Only {
		s.setCredHelper(registry)
		if registry == hubHost {
			s.setCredHelper(hubKey)
		}
	}
}

// takeOver sets the entries of credHelpers that mean one of these registries, however they spell it:
// each goes before credsStore. The spelling that Docker asks by is first, for its credential is the one
// that Docker had.
func (s *setup) takeOver(registries ...string) {
	there := s.config.CredHelpers()
	for _, registry := range registries {
		key, err := credhelper.Key(registry)
		if err != nil {
			continue // no entry can mean it
		}
		if _, ok := there[key]; ok {
			s.setCredHelper(key)
		}
		for _, entry := range slices.Sorted(maps.Keys(there)) {
			if name, err := credhelper.Key(entry); err == nil && name == key {
				s.setCredHelper(entry)
			}
		}
	}
}

func (s *setup) setCredsStore(name string) {
	if s.config.CredsStore() == name {
		return
	}
	before := s.config.CredsStore()
	if s.record.CredsStore != nil && s.record.CredsStore.After == before {
		before = s.record.CredsStore.Before // what is there was written by an earlier setup
	}
	s.record.CredsStore = &change{Before: before, After: name}
	s.config.SetCredsStore(name)
}

func (s *setup) setCredHelper(registry string) {
	before, ok := s.config.CredHelpers()[registry]
	if before == Suffix {
		return
	}
	s.record.CredHelpers[registry] = nil
	if ok {
		s.record.CredHelpers[registry] = &before
	}
	if before != "" {
		s.copyFrom(s.helper(before), registry)
	}
	s.config.SetCredHelper(registry, Suffix)
}

func (s *setup) hasAuths() bool {
	auths, broken := s.config.PlaintextAuths()
	return len(auths)+len(broken) > 0
}

// wanted tells whether a server URL is one of those that are wired.
func (s *setup) wanted(serverURL string) bool {
	if len(s.Only) == 0 {
		return true
	}
	host := Host(serverURL)
	return slices.ContainsFunc(s.Only, func(registry string) bool { return registry == host })
}

// Host is the name under which a registry stands in credHelpers, or "" for what is no server URL.
func Host(serverURL string) string {
	key, err := credhelper.Key(serverURL)
	if err != nil {
		return ""
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(key, "https://"), "/")
	if host == "index.docker.io" { // as every key of Docker Hub has it
		return hubHost
	}
	return host
}

// importAuths moves credentials from config.json. What the keychain holds already is not touched.
func (s *setup) importAuths(ctx context.Context) error {
	auths, broken := s.config.PlaintextAuths()
	for _, b := range broken {
		s.plan.note("left alone: %v", b)
	}
	for _, a := range auths {
		if !s.wanted(a.ServerURL) {
			continue
		}
		if err := a.Portable(); err != nil {
			s.plan.note("left alone: %v", err)
			continue
		}
		if err := s.importPlaintext(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// importStore copies the credentials of the helper that all registries used before.
func (s *setup) importStore(ctx context.Context, previous string) error {
	if previous == "" || previous == Suffix {
		return nil
	}
	other := s.helper(previous)
	names, err := other.list(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		s.plan.note("nothing was copied from %s: %v%s", other, err, s.whenItAnswers(other))
		return nil
	}
	for _, serverURL := range names {
		if !s.wanted(serverURL) {
			continue
		}
		held, err := s.Credentials.Has(ctx, serverURL)
		if err != nil {
			return err
		}
		if !held {
			s.copyFrom(other, serverURL)
		}
	}
	return nil
}

// importPlaintext plans to move a credential out of config.json. A password for Docker Hub is not kept
// anywhere: it stays where it is until there is a token in its place.
func (s *setup) importPlaintext(ctx context.Context, a dockerconfig.PlaintextAuth) error {
	held, err := s.Credentials.Has(ctx, a.ServerURL)
	if err != nil {
		return err
	}
	step := "wipe %s from config.json, where it is in clear: the keychain has a credential for it"
	if !held {
		keeps, err := s.Credentials.Keeps(a.ServerURL, a.Username, a.Secret)
		if err != nil {
			return err
		}
		if !keeps {
			s.plan.note("%s: config.json holds a password in clear. Make a token with %s create, then run %[2]s setup again to wipe it", a.ServerURL, s.Name)
			return nil
		}
		step = "move the credential of %s from config.json, where it is in clear, to the keychain"
	}
	if !slices.Contains(s.record.FromPlaintext, a.ServerURL) {
		s.record.FromPlaintext = append(s.record.FromPlaintext, a.ServerURL)
	}
	s.plan.add(func(ctx context.Context) error {
		if !held {
			if err := s.Credentials.Import(ctx, a.ServerURL, a.Username, a.Secret); err != nil {
				return fmt.Errorf("move the credential of %s out of config.json: %w", a.ServerURL, err)
			}
		}
		s.config.ClearAuth(a.ServerURL)
		return nil
	}, step, a.ServerURL)
	return nil
}

// whenItAnswers explains a failure that may pass: a program of Windows is there only while WSL lets it be called.
func (s *setup) whenItAnswers(from source) string {
	other, ok := from.(*otherHelper)
	if !ok || !other.isForeign() {
		return ""
	}
	return fmt.Sprintf(". It is a program of Windows: when it can be called from here, %s credentials import --from helper:%s copies what it holds",
		s.Name, other.name)
}

func (s *setup) copyFrom(other source, serverURL string) {
	s.plan.add(func(ctx context.Context) error {
		if held, err := s.Credentials.Has(ctx, serverURL); err != nil || held {
			return err // another helper had it, too
		}
		username, text, err := other.get(ctx, serverURL)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.plan.note("%s: it could not be copied from %s: %v%s", serverURL, other, err, s.whenItAnswers(other))
			return nil
		}
		keeps, err := s.Credentials.Keeps(serverURL, username, text)
		if err == nil && !keeps {
			s.noteNotKept(other, serverURL)
			return nil
		}
		if err == nil {
			err = s.Credentials.Import(ctx, serverURL, username, text)
		}
		if err != nil {
			return fmt.Errorf("copy the credential of %s from %s: %w", serverURL, other, err)
		}
		return nil
	}, "copy the credential of %s from %s to the keychain", serverURL, other)
}
