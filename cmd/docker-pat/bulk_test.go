package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
)

// TestEach has a failure at the second of three tokens.
func TestEach(t *testing.T) {
	t.Parallel()
	three := []client.Token{{ID: "1", Label: "a"}, {ID: "2", Label: "b"}, {ID: "3", Label: "c"}}
	tests := []struct {
		name  string
		fails error
		did   string
		code  int
		says  string
	}{
		{"nothing", nil, "123", exitOK, ""},
		{"one", errors.New("full"), "123", exitFailure, "docker-pat: full\n"},
		{"gone", fmt.Errorf("x: %w", client.ErrNotFound), "123", exitFailure, "docker-pat: b (2) was deleted meanwhile\n"},
		{"signed out", fmt.Errorf("x: %w", client.ErrUnauthorized), "12", exitSignIn, "Stopped after 1 of 3 tokens. Not done: b (2), c (3).\n"},
		{"forbidden", fmt.Errorf("x: %w", client.ErrForbidden), "12", exitFailure, "Stopped after 1 of 3"},
		{"throttled", fmt.Errorf("x: %w", client.ErrRateLimited), "12", exitFailure, "Stopped after 1 of 3"},
		{"no network", fmt.Errorf("x: %w", client.ErrNotSent), "12", exitFailure, "Stopped after 1 of 3"},
		{"no answer", fmt.Errorf("x: %w: %w", client.ErrUnreachable, context.DeadlineExceeded), "12", exitFailure, "Stopped after 1 of 3"},
		{"interrupted", context.Canceled, "12", exitInterrupted, "Stopped after 1 of 3"},
	}
	for _, tt := range tests {
		var words strings.Builder
		sys := &system{Err: &words, Env: func(string) string { return "" }, Now: time.Now}
		ctx, cancel := context.WithCancel(t.Context())
		did := ""
		err := each(ctx, sys, three, exitOK, func(token client.Token) error {
			did += token.ID
			if token.ID != "2" {
				return nil
			}
			if errors.Is(tt.fails, context.Canceled) {
				cancel()
			}
			return tt.fails
		})
		if code := report(sys, err); code != tt.code || did != tt.did || !strings.HasPrefix(words.String(), tt.says) || tt.says == "" && words.Len() > 0 {
			t.Errorf("%s: did %s, exit code %d, said %q; want %s, %d, %q", tt.name, did, code, words.String(), tt.did, tt.code, tt.says)
		}
		cancel()
	}
}
