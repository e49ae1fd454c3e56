package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/tailscale/hujson"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
	"github.com/docker-pat/docker-pat/internal/settings"
)

// A patch is an operation of RFC 6902 on config.json.
type patch struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitzero"`
}

var errChangedMeanwhile = errors.New("it was changed meanwhile: try again")

// profiles reads them whatever profile is in use, or if that one is not there.
func (sys *system) profiles() (settings.Profiles, error) {
	s, err := sys.settingsOf(settings.DefaultProfile)
	if err != nil {
		return settings.Profiles{}, err
	}
	return s.Profiles()
}

// settingsOf are those of a profile, whichever is in use.
func (sys *system) settingsOf(profile string) (settings.Settings, error) {
	other := *sys
	other.Env = func(name string) string {
		if name == "DOCKER_PAT_PROFILE" {
			return profile
		}
		return sys.Env(name)
	}
	return other.settings()
}

// editProfiles changes what config.json says of profiles, and not a byte that is not about them.
func (sys *system) editProfiles(decide func(settings.Profiles) ([]patch, error), done func()) error {
	s, err := sys.settingsOf(settings.DefaultProfile)
	if err != nil {
		return err
	}
	if _, err := s.Preferences(); err != nil {
		return err // what cannot be read is not written
	}
	all, err := s.Profiles()
	if err != nil {
		return err
	}
	changes, err := decide(all)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		if err := patchFile(filepath.Join(s.ConfigDir, "config.json"), changes); err != nil {
			return err
		}
	}
	done()
	return nil
}

func patchFile(path string, changes []patch) error {
	before, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		before = nil
	case err != nil:
		return fmt.Errorf("read the settings: %w", err)
	}
	text := before
	if text == nil {
		text = []byte("{}\n")
	}
	document, err := hujson.Parse(text)
	if err != nil {
		return fmt.Errorf("read the settings in %s: %w", path, err)
	}
	operations, err := json.Marshal(changes)
	if err != nil {
		return err
	}
	if err := document.Patch(operations); err != nil {
		return fmt.Errorf("change the settings in %s: %w", path, err)
	}
	if before == nil {
		document.Format()
	}
	return atomicfile.Write(path, document.Pack(), atomicfile.Options{Sync: true, Ready: func() error {
		now, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if !bytes.Equal(now, before) {
			return errChangedMeanwhile
		}
		return nil
	}})
}

func unknownProfile(command, name string, all settings.Profiles) error {
	return usagef(command, "%w: %q is not one of %s", settings.ErrUnknownProfile, name, strings.Join(all.Names(), ", "))
}

func completeProfiles(sys *system) cobra.CompletionFunc {
	return func(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		all, err := sys.profiles()
		if err != nil || len(given) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return all.Names(), cobra.ShellCompDirectiveNoFileComp
	}
}
