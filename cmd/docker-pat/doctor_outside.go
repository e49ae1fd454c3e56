package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/doctor"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/internal/wiring"
)

// Bounds on what doctor asks of others.
const (
	pluginTimeout = 5 * time.Second
	pluginGrace   = time.Second // for what it has started to let go of its output
	clockTimeout  = 10 * time.Second
)

// doctorOutside asks programs and services for doctor.
type doctorOutside struct {
	sys      *system
	settings settings.Settings
	store    *secretstore.Store
	registry *client.Registry // nil when its address is none
	hub      *client.Client   // nil when its address is none
}

var _ doctor.Outside = doctorOutside{}

// newDoctorOutside can always be used: what is wrong with an address is an error besides.
func newDoctorOutside(sys *system, s settings.Settings) (doctorOutside, error) {
	outside := doctorOutside{sys: sys, settings: s, store: sys.store(s)}
	hub, hubErr := sys.hubClient(s)
	if hubErr == nil {
		outside.hub = hub
	} else {
		hubErr = fmt.Errorf("DOCKER_PAT_HUB_URL: %w", hubErr)
	}
	registry, registryErr := sys.registryClient(s)
	if registryErr == nil {
		outside.registry = registry
	} else {
		registryErr = fmt.Errorf("DOCKER_PAT_REGISTRY: %w", registryErr)
	}
	return outside, errors.Join(hubErr, registryErr)
}

func (o doctorOutside) HelperVersion(ctx context.Context, path string) (string, error) {
	return wiring.HelperVersion(ctx, path)
}

func (o doctorOutside) PluginVersion(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, pluginTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, pluginMetadataCommand)
	cmd.WaitDelay = pluginGrace
	out, err := cmd.Output()
	if err != nil {
		return "", wiring.ErrNoVersion
	}
	var metadata struct{ Vendor, Version string }
	if err := json.Unmarshal(out, &metadata); err != nil || metadata.Vendor != pluginVendor {
		return "", wiring.ErrOtherProgram
	}
	return metadata.Version, nil
}

func (o doctorOutside) Session(ctx context.Context) (doctor.Session, error) {
	session, err := o.sys.storedSession(ctx, o.settings, o.store)
	switch {
	case errors.Is(err, errNotSignedIn):
		err = doctor.ErrNoSession
	case errors.Is(err, errSessionExpired): // ExpiresAt says it
		err = nil
	}
	return doctor.Session{Username: session.Username, ExpiresAt: endOf(session)}, err
}

func (o doctorOutside) SignIn(ctx context.Context, username string, text secret.Secret) error {
	if o.registry == nil {
		return fmt.Errorf("DOCKER_PAT_REGISTRY: %w", client.ErrAddress)
	}
	return o.registry.SignIn(ctx, username, text)
}

func (o doctorOutside) ClockOffset(ctx context.Context) (time.Duration, error) {
	if o.hub == nil {
		return 0, fmt.Errorf("DOCKER_PAT_HUB_URL: %w", client.ErrAddress)
	}
	ctx, cancel := context.WithTimeout(ctx, clockTimeout)
	defer cancel()
	return o.hub.ClockOffset(ctx, o.sys.Now)
}
