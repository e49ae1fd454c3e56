package main

import (
	"context"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/tokens"
)

const (
	// manyTokens is the number of active tokens from which on a person is told. Docker Hub documents no
	// limit, but few need that many.
	manyTokens = 25
	// lookTimeout bounds what is asked after the work is done.
	lookTimeout = 5 * time.Second
)

// noteMany tells when an account has more tokens than anybody can keep an eye on.
func (sys *system) noteMany(all []client.Token) {
	if n := tokens.CountOf(all, sys.Now()).Active; n >= manyTokens {
		sys.say("Note: this account has %d active tokens: %s audit finds those that are not needed.", n, sys.name())
	}
}

// lookAround reads the list after a token was made. Nothing depends on it, so a failure is not told. The plan
// of an organization has a limit of its own.
func (a account) lookAround(ctx context.Context, sys *system) {
	if a.org != "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if all, err := a.list(ctx); err == nil {
		sys.noteMany(all)
	}
}
