package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/helper"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/prompt"
	"github.com/docker-pat/docker-pat/internal/session"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/tokens"
)

// Exit codes are part of the interface.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitSignIn      = 4
	exitInterrupted = 130
)

// A usageError is a mistake in flags or arguments.
type usageError struct {
	error
	command string // whose help says more; "" for the program's own
}

// A hintedError carries an exit code and advice that only the place it comes from can give.
type hintedError struct {
	error
	code int
	hint string
}

func (e hintedError) Unwrap() error { return e.error }

// An exitCode ends the program without another word.
type exitCode int

func (exitCode) Error() string { return "already reported" }

// report prints an error, adds what to do about it and picks the exit code.
func report(sys *system, err error) int {
	var silent exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &silent):
		return int(silent)
	case errors.Is(err, context.Canceled):
		sys.say("%s: interrupted", sys.name())
		return exitInterrupted
	}
	code, hint := advice(sys, err)
	sys.say("%s: %v", sys.name(), err)
	var ambiguous *tokens.AmbiguousError
	if errors.As(err, &ambiguous) {
		for _, t := range ambiguous.Candidates {
			sys.say("  %s  %s", t.ID, printable(t.Label))
		}
	}
	if hint != "" {
		sys.say("%s: hint: %s", sys.name(), hint)
	}
	return code
}

// advice maps what went wrong to an exit code and the next step, in one line.
func advice(sys *system, err error) (code int, hint string) {
	name := sys.name()
	var wrong usageError
	var hinted hintedError
	var throttled *client.APIError
	switch {
	case errors.As(err, &wrong):
		return exitUsage, "see " + strings.TrimSuffix(name+" "+wrong.command, " ") + " --help"
	case errors.As(err, new(*tokens.AmbiguousError)):
		return exitUsage, ""
	case errors.As(err, &hinted):
		return hinted.code, hinted.hint
	case errors.As(err, new(*tokens.PendingError)):
		return exitFailure, "the next command deletes it"
	case errors.As(err, new(*client.SecondFactorError)):
		return exitSignIn, "give the code with --otp CODE, or run " + name + " login in a terminal"
	case errors.Is(err, errNotSignedIn), errors.Is(err, errSessionExpired), errors.Is(err, client.ErrUnauthorized):
		return exitSignIn, "sign in with " + name + " login"
	case errors.As(err, new(expiredError)):
		return exitFailure, name + " delete ends it for good, and " + name + " rotate makes a new one in its place"
	case errors.Is(err, client.ErrRateLimited) && errors.As(err, &throttled) && !throttled.RetryAt.IsZero():
		return exitFailure, "try again after " + clock(throttled.RetryAt, sys.Now())
	}
	return exitFailure, failureHint(name, err)
}

// clock shows a time, with its day unless that is today.
func clock(t, now time.Time) string {
	if t.Local().Format(time.DateOnly) == now.Local().Format(time.DateOnly) {
		return t.Local().Format(time.TimeOnly)
	}
	return t.Local().Format(time.DateTime)
}

// failureHint is the next step after a failure that has no exit code of its own.
func failureHint(name string, err error) string {
	if hint := orgHint(name, err); hint != "" {
		return hint
	}
	for _, known := range []struct {
		fact error
		hint string
	}{
		{errSecondFactor, "sign in with " + name + " login, then " + name + " create makes a token for Docker"},
		{credhelper.ErrExpired, "make a new one with " + name + " login and " + name + " rotate"},
		{tokens.ErrNotHeld, "make one with " + name + " create, or rotate it where it is used; " + name + " status shows what Docker uses here"},
		{tokens.ErrAnotherService, "check DOCKER_PAT_HUB_URL and DOCKER_PAT_PROFILE"},
		{journal.ErrBusy, "try again in a moment"},
		{credhelper.ErrLoanEnded, "run the command again with " + name + " exec"},
		{tokens.ErrRejected, "check that DOCKER_PAT_REGISTRY belongs to DOCKER_PAT_HUB_URL, and try again"},
		{client.ErrForbidden, "this session may not do that; sign in anew with " + name + " login"},
		{client.ErrRateLimited, "try again in a minute"},
		{client.ErrNotTheAPI, "check DOCKER_PAT_HUB_URL and any proxy on the way"},
		{client.ErrAddress, "check DOCKER_PAT_HUB_URL and DOCKER_PAT_REGISTRY"},
		{client.ErrCertificateTime, "set the clock of this machine"},
		{client.ErrUnreachable, "check the network, HTTPS_PROXY and DOCKER_PAT_HUB_URL"},
		{session.ErrBusy, "try again in a moment"},
		{settings.ErrUnknownProfile, "see " + name + " profile list, and DOCKER_PAT_PROFILE"},
		{prompt.ErrNoTerminal, "see " + name + " --help for the flag that answers it"},
	} {
		if errors.Is(err, known.fact) {
			return known.hint
		}
	}
	return helper.Hint(name, err)
}

// usagef makes a usageError.
func usagef(command, format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...), command}
}
