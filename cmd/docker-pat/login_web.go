package main

import (
	"context"
	"errors"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/browser"
	"github.com/docker-pat/docker-pat/internal/settings"
)

// runWeb signs in on the web. Nothing is kept before it is over.
func (o loginOptions) runWeb(ctx context.Context, s settings.Settings) error {
	tenant, err := o.sys.tenant(s)
	if err != nil {
		return err
	}
	store, keeper, err := o.openStore(ctx, s) // before anybody goes to the browser
	if err != nil {
		return err
	}
	device, err := tenant.Begin(ctx)
	if err != nil {
		return o.noWeb(err)
	}
	o.show(device)
	session, err := tenant.Wait(ctx, device)
	if errors.Is(err, client.ErrDenied) || errors.Is(err, client.ErrCodeExpired) {
		return hintedError{err, exitFailure, "to try again: " + o.sys.name() + " login"}
	}
	if err != nil {
		return o.noWeb(err)
	}
	if err := keeper.Replace(ctx, session); err != nil {
		return errors.Join(err, keeper.Discard(ctx, session))
	}
	o.sys.say("Signed in as %s.", printable(session.Username))
	return o.sys.afterSignIn(ctx, s, store)
}

// show tells where to go, always: the browser may open somewhere else, or not at all.
func (o loginOptions) show(d client.Device) {
	o.sys.say("To sign in to Docker Hub, go to\n\n  %s\n", d.PageFull)
	if d.PageFull == d.Page {
		o.sys.say("and enter the code %s.", d.UserCode)
	} else {
		o.sys.say("and check that it shows the code %s.", d.UserCode)
	}
	if o.sys.terminal().CanAsk() && browser.Open(d.PageFull, o.sys.Env) == nil {
		o.sys.say("Your browser should open there.")
	}
	left := d.ExpiresAt.Sub(o.sys.Now()).Round(time.Minute)
	o.sys.say("Waiting for %s; Ctrl-C gives up.", span(max(left, time.Minute)))
}

// noWeb says how else to sign in, where the service cannot be asked.
func (o loginOptions) noWeb(err error) error {
	if !errors.Is(err, client.ErrUnreachable) && !errors.Is(err, client.ErrNotTheAPI) {
		return err
	}
	return hintedError{err, exitFailure, "check the network, HTTPS_PROXY and DOCKER_PAT_AUTH_URL, or sign in with a password: " + o.sys.name() + " login -u NAME"}
}
