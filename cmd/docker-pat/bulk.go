package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/tokens"
)

// A goneError says that a token was there a moment ago and is not any more.
type goneError struct{ token client.Token }

func (e goneError) Error() string { return nameOf(e.token) + " was deleted meanwhile" }

// An expiredError says that a token has ended and so cannot be changed.
type expiredError struct{ token client.Token }

func (e expiredError) Error() string {
	return nameOf(e.token) + " has expired and cannot be changed any more"
}

// nameOf names a token by both of its names.
func nameOf(t client.Token) string {
	return fmt.Sprintf("%s (%s)", printable(t.Label), printable(t.ID))
}

// forEach finds the tokens that are named, with one reading of the list, and does one thing to each. A
// name that fits several tokens ends it before anything is done; one that fits none is reported.
func (a account) forEach(ctx context.Context, sys *system, names []string, do func(client.Token) error) error {
	chosen, unknown, err := a.choose(ctx, names)
	if err != nil {
		return err
	}
	code := exitOK
	for _, none := range unknown {
		code = max(code, report(sys, a.elsewhere(ctx, none)))
	}
	return each(ctx, sys, chosen, code, do)
}

// choose names each token once. unknown has an error for each name that fits none.
func (a account) choose(ctx context.Context, names []string) (chosen []client.Token, unknown []*tokens.UnknownError, err error) {
	all, err := a.list(ctx)
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for _, name := range names {
		t, err := tokens.Resolve(all, name)
		var none *tokens.UnknownError
		switch {
		case errors.As(err, &none):
			unknown = append(unknown, none)
		case err != nil:
			return nil, nil, err
		case !seen[t.ID]:
			seen[t.ID] = true
			chosen = append(chosen, t)
		}
	}
	return chosen, unknown, nil
}

// elsewhere says where a token is that was looked for in vain, if this machine holds one of that name: it is of
// an organization, or of another one, or the user's own.
func (a account) elsewhere(ctx context.Context, none *tokens.UnknownError) error {
	entries, err := a.store.List(ctx)
	if err != nil {
		return none // it is only a hint
	}
	hints := map[string]bool{}
	for _, e := range entries {
		if e.Token == nil || e.Token.Org == a.org {
			continue
		}
		held := []client.Token{{ID: e.Token.ID, Label: e.Token.Label}}
		switch _, err := tokens.Resolve(held, none.Name); {
		case err != nil:
		case e.Token.Org == "":
			hints["this machine holds one of "+printable(e.Username)+": leave out --org"] = true
		default:
			hints["this machine holds one of the organization "+printable(e.Token.Org)+": say --org "+printable(e.Token.Org)] = true
		}
	}
	for hint := range hints {
		if len(hints) == 1 {
			return hintedError{none, exitFailure, hint}
		}
	}
	return none
}

// each does one thing to each token. A failure is reported, the rest is done, and the whole has failed; code
// is what has failed before. What would fail for every other token as well ends it, and then it is said what
// was done and what was not.
func each(ctx context.Context, sys *system, chosen []client.Token, code int, do func(client.Token) error) error {
	for i, t := range chosen {
		err := do(t)
		if ctx.Err() != nil && err != nil {
			err = ctx.Err()
		}
		switch {
		case err == nil:
		case ctx.Err() != nil || endsAll(err):
			sayStopped(sys, chosen, i)
			return err
		case errors.Is(err, client.ErrNotFound):
			code = max(code, report(sys, goneError{t}))
		default:
			code = max(code, report(sys, err))
		}
	}
	if code != exitOK {
		return exitCode(code)
	}
	return nil
}

// endsAll tells that no other token would fare better, or would only after another long wait.
func endsAll(err error) bool {
	for _, fact := range []error{client.ErrUnauthorized, client.ErrForbidden, client.ErrRateLimited, client.ErrNotSent, context.DeadlineExceeded} {
		if errors.Is(err, fact) {
			return true
		}
	}
	return false
}

// sayStopped says how far it came with several tokens: i is the one that it stopped at.
func sayStopped(sys *system, chosen []client.Token, i int) {
	if len(chosen) == 1 {
		return
	}
	var left []string
	for _, t := range chosen[i:] {
		left = append(left, nameOf(t))
	}
	sys.say("Stopped after %d of %d tokens. Not done: %s.", i, len(chosen), strings.Join(left, ", "))
}

// confirmCount asks about n tokens: one is a matter of yes or no, of more their number has to be typed.
func confirmCount(ctx context.Context, sys *system, n int, one, many string) (sure bool, err error) {
	if n == 1 {
		return sys.terminal().Confirm(ctx, one)
	}
	typed, err := sys.terminal().Line(ctx, many)
	return err == nil && typed == strconv.Itoa(n), err
}
