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
