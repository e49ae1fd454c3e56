package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/credhelper"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
	"github.com/docker-pat/docker-pat/tokens"
)

// A heldToken is one that this machine holds, and where.
type heldToken struct {
	key   string
	entry secretstore.Entry
}

func (h heldToken) token() client.Token {
	t := h.entry.Token
	return client.Token{ID: t.ID, Label: t.Label, Scopes: t.Scopes, ExpiresAt: t.ExpiresAt}
}

// heldTokens are those of the service that docker-pat made and this machine holds for Docker, with --org those of
// that organization, in the order of their servers.
func (sys *system) heldTokens(ctx context.Context, s settings.Settings) ([]heldToken, error) {
	entries, err := sys.store(s).List(ctx)
	if err != nil {
		return nil, err
	}
	return heldAmong(entries, s.HubURL, sys.org), nil
}

func heldAmong(entries map[string]secretstore.Entry, hubURL string, org orgName) []heldToken {
	var all []heldToken
	for key, e := range entries {
		if e.Token != nil && e.Token.IsOf(hubURL) && !credhelper.IsLoanKey(key) && (org == "" || e.Token.Org == string(org)) {
			all = append(all, heldToken{key, e})
		}
	}
	slices.SortFunc(all, func(a, b heldToken) int { return strings.Compare(a.key, b.key) })
	return all
}

// chooseHeld finds the tokens that are named, each once.
func chooseHeld(all []heldToken, names []string) ([]heldToken, error) {
	list := make([]client.Token, len(all))
	for i, h := range all {
		list[i] = h.token()
	}
	var chosen []heldToken
	for _, name := range names {
		t, err := tokens.Resolve(list, name)
		if errors.As(err, new(*tokens.UnknownError)) {
			return nil, fmt.Errorf("%q: %w", name, tokens.ErrNotHeld)
		}
		if err != nil {
			return nil, err
		}
		h := all[slices.IndexFunc(all, func(h heldToken) bool { return h.entry.Token.ID == t.ID })]
		if !slices.ContainsFunc(chosen, func(c heldToken) bool { return c.key == h.key }) {
			chosen = append(chosen, h)
		}
	}
	return chosen, nil
}
