//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// look checks all that must hold at every instant.
func (m *machine) look(ctx context.Context, what string, loggedOut bool) error {
	m.files(what)
	if err := m.credential(ctx, what, loggedOut); err != nil {
		return err
	}
	if err := m.known(ctx, what); err != nil {
		return err
	}
	// The next command of a user brings to rest what can be.
	if m.random.IntN(3) == 0 {
		if out, err := m.command(ctx, "", "docker-pat", "list", "-q").CombinedOutput(); err != nil {
			return fmt.Errorf("docker-pat list after %s: %w: %s", what, err, out)
		}
		return m.known(ctx, what+", then list")
	}
	return nil
}

// credential asks as Docker does, and tries the answer at the registry.
func (m *machine) credential(ctx context.Context, what string, loggedOut bool) error {
	c, err := m.held(ctx)
	if errors.Is(err, secretstore.ErrNotFound) && loggedOut {
		return nil
	}
	if err == nil {
		err = m.check.SignIn(ctx, c.Username, c.Secret)
	}
	if err != nil {
		m.tally.found(&m.tally.lost, "%s: Docker has no credential that works: %v", what, err)
		if deleteErr := m.store.Delete(ctx, m.registry); deleteErr != nil { // so that the next round can begin
			return deleteErr
		}
		return nil
	}
	if c.Secret.Reveal() == password {
		m.tally.found(&m.tally.passwordsStored, "%s: Docker has the password", what)
	}
	return nil
}

// known checks that each token of ours is held, handed out, or in the journal.
func (m *machine) known(ctx context.Context, what string) error {
	entries := journal.In(m.stateDir()).Entries() // before the list: an entry goes after its token
	all, err := m.account.ListTokens(ctx)
	if err != nil {
		return err
	}
	held, err := m.heldIDs(ctx)
	if err != nil {
		return err
	}
	operations := map[string]int{}
	for _, t := range all {
		operations[t.Operation]++
		if operations[t.Operation] > 1 {
			m.tally.found(&m.tally.twice, "%s: the operation %s made two tokens", what, t.Operation)
		}
		inJournal := slices.ContainsFunc(entries, func(e journal.Entry) bool {
			return e.ID == t.Operation || slices.Contains(e.Tokens, t.ID)
		})
		if !inJournal && !held[t.ID] && !m.handedOut[t.ID] && !m.mayBeHandedOut(t) {
			m.tally.found(&m.tally.orphans, "%s: nobody knows of the token %s (%s)", what, t.ID, t.Label)
			m.handedOut[t.ID] = true // it is told once
		}
	}
	return nil
}

// mayBeHandedOut is true for a token that was being printed when its command was killed: the user may have
// seen it, and the next command says so.
func (m *machine) mayBeHandedOut(t client.Token) bool { return t.Label == "printed" }

func (m *machine) heldIDs(ctx context.Context) (map[string]bool, error) {
	entries, err := m.store.List(ctx)
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, e := range entries {
		if e.Token != nil {
			ids[e.Token.ID] = true
		}
	}
	c, err := m.held(ctx)
	if err == nil && c.Token != nil {
		ids[c.Token.ID] = true
	}
	if errors.Is(err, secretstore.ErrNotFound) {
		err = nil
	}
	return ids, err
}

// files checks that each JSON document is whole, the temporary ones of a killed writer apart.
func (m *machine) files(what string) {
	for _, root := range []string{m.stateDir(), filepath.Dir(m.dockerConfig())} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) || err == nil && (!entry.Type().IsRegular() || !strings.HasSuffix(path, ".json") || strings.HasPrefix(entry.Name(), ".")) {
				return nil
			}
			var data []byte
			if err == nil {
				data, err = os.ReadFile(path)
			}
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			if err == nil && !json.Valid(data) {
				m.tally.found(&m.tally.corrupt, "%s: %s is broken: %q", what, path, data)
			}
			return err
		})
		if err != nil {
			m.tally.found(&m.tally.corrupt, "%s: %v", what, err)
		}
	}
}

// rest waits until nothing can be under way any more, and has one command bring everything to rest.
func (m *machine) rest(ctx context.Context) error {
	const settled = 62 * time.Second
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settled):
	}
	if out, err := m.command(ctx, "", "docker-pat", "list", "-q").CombinedOutput(); err != nil {
		return fmt.Errorf("docker-pat list at the end: %w: %s", err, out)
	}
	for _, e := range journal.In(m.stateDir()).Entries() {
		if e.NotBefore.IsZero() {
			m.tally.found(&m.tally.stuck, "at the end the journal has %+v", e)
		}
	}
	if left, err := filepath.Glob(filepath.Join(m.home, "run", "docker-pat-exec-*")); err != nil || len(left) > 0 {
		m.tally.found(&m.tally.stuck, "at the end there are folders of commands: %q, %v", left, err)
	}
	if err := m.known(ctx, "at the end"); err != nil {
		return err
	}
	index, err := m.store.List(ctx)
	if err != nil {
		return err
	}
	for key := range index {
		if strings.Contains(key, " exec ") {
			m.tally.found(&m.tally.stuck, "at the end the keychain has the entry %q of a command", key)
		}
	}
	return m.credential(ctx, "at the end", true)
}
