package wiring

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/docker-pat/docker-pat/internal/dockerconfig"
)

// PlanUndo works out how to bring back what was there before setup. What others have changed since is
// left as it is. Credentials stay in the keychain; those that setup took out of config.json are put
// back there, in clear as they were.
func PlanUndo(ctx context.Context, opts Options) (*Plan, error) {
	config, err := dockerconfig.Load(dockerconfig.Path(opts.DockerConfigDir))
	if err != nil {
		return nil, err
	}
	rec, err := readRecord(opts.StateDir, config.Path())
	if err != nil {
		return nil, err
	}
	plan := &Plan{}
	if err := plan.sweep(config, opts.StateDir); err != nil {
		return nil, err
	}
	restoreKeys(config, rec)
	if err := restorePlaintext(ctx, opts, plan, config, rec); err != nil {
		return nil, err
	}
	for _, line := range config.Changes() {
		plan.Steps = append(plan.Steps, fmt.Sprintf("%s: %s", config.Path(), line))
	}
	plan.apply = append(plan.apply, func(context.Context) error { return config.Save() })
	for _, link := range rec.Links {
		for _, path := range []string{link, link + freshSuffix} {
			if isLinkTo(path, opts.Executable) {
				plan.add(func(context.Context) error { return removeFile(path) }, "remove %s", path)
			}
		}
	}
	plan.apply = append(plan.apply, func(context.Context) error { return removeRecord(opts.StateDir, config.Path()) })
	return plan, nil
}

// restoreKeys touches only what still is as setup left it.
func restoreKeys(config *dockerconfig.File, rec record) {
	before, ours := "", config.CredsStore() == Suffix
	if rec.CredsStore != nil {
		before, ours = rec.CredsStore.Before, ours || config.CredsStore() == rec.CredsStore.After
	}
	switch {
	case !ours:
	case before == "", before == Suffix: // a record that was damaged
		config.RemoveCredsStore()
	default:
		config.SetCredsStore(before)
	}
	helpers := config.CredHelpers()
	for _, registry := range slices.Sorted(maps.Keys(helpers)) {
		if helpers[registry] != Suffix {
			continue
		}
		if before := rec.CredHelpers[registry]; before != nil && *before != Suffix {
			config.SetCredHelper(registry, *before)
		} else {
			config.RemoveCredHelper(registry)
		}
	}
}

// restorePlaintext puts back what setup took out of config.json, as the keychain has it now.
func restorePlaintext(ctx context.Context, opts Options, plan *Plan, config *dockerconfig.File, rec record) error {
	for _, serverURL := range rec.FromPlaintext {
		held, err := opts.Credentials.Has(ctx, serverURL)
		if err != nil {
			return err
		}
		if !held {
			continue
		}
		plan.add(func(ctx context.Context) error {
			username, text, err := opts.Credentials.Get(ctx, serverURL)
			if err != nil {
				return err
			}
			return config.SetAuth(dockerconfig.PlaintextAuth{ServerURL: serverURL, Username: username, Secret: text})
		}, "put the credential of %s back into config.json, in clear as it was", serverURL)
	}
	return nil
}
