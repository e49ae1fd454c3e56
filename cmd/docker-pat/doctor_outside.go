package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/buildinfo"
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
	hub      string           // "" when it is no address
}

var _ doctor.Outside = doctorOutside{}

// newDoctorOutside can always be used: what is wrong with an address is an error besides.
func newDoctorOutside(sys *system, s settings.Settings) (doctorOutside, error) {
	outside := doctorOutside{sys: sys, settings: s, store: sys.store(s)}
	_, hubErr := sys.hubClient(s)
	if hubErr == nil {
		outside.hub = strings.TrimSuffix(s.HubURL, "/")
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

// pluginVendor is what printPluginMetadata says.
const pluginVendor = "docker-pat"

func (o doctorOutside) Session(ctx context.Context) (doctor.Session, error) {
	session, err := storedSession(ctx, o.settings, o.store, o.sys.Now())
	switch {
	case errors.Is(err, errNotSignedIn):
		err = doctor.ErrNoSession
	case errors.Is(err, errSessionExpired): // ExpiresAt says it
		err = nil
	}
	return doctor.Session{Username: session.Username, ExpiresAt: session.ExpiresAt}, err
}

func (o doctorOutside) SignIn(ctx context.Context, username string, text secret.Secret) error {
	if o.registry == nil {
		return fmt.Errorf("DOCKER_PAT_REGISTRY: %w", client.ErrAddress)
	}
	return o.registry.SignIn(ctx, username, text)
}

// ClockOffset reads the Date of an answer, whatever else that says: a refusal for want of a sign-in is
// what it asks for. A Date has whole seconds, and one from a cache is as old as its Age.
func (o doctorOutside) ClockOffset(ctx context.Context) (time.Duration, error) {
	if o.hub == "" {
		return 0, fmt.Errorf("DOCKER_PAT_HUB_URL: %w", client.ErrAddress)
	}
	ctx, cancel := context.WithTimeout(ctx, clockTimeout)
	defer cancel()
	before := o.sys.Now()
	header, err := o.header(ctx, o.hub+"/v2/access-tokens")
	if err != nil {
		return 0, err
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0, errors.New("the token service does not tell the time")
	}
	if age, err := strconv.Atoi(header.Get("Age")); err == nil && age > 0 {
		date = date.Add(time.Duration(age) * time.Second)
	}
	after := o.sys.Now()
	return before.Add(after.Sub(before) / 2).Sub(date), nil
}

func (o doctorOutside) header(ctx context.Context, address string) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, client.ErrAddress
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", buildinfo.Get().UserAgent())
	transport, _ := http.DefaultTransport.(*http.Transport)
	asked := http.Client{
		Transport:     transport.Clone(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer asked.CloseIdleConnections()
	resp, err := asked.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the token service %w: %w", client.ErrUnreachable, errors.Unwrap(err)) // without the address
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 1<<16)
	return resp.Header, resp.Body.Close()
}
