//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secretstore"
)

// A deed is one way to use docker-pat.
type deed struct {
	name   string
	args   []string
	stdin  string
	logout bool // Docker is to have no credential afterwards
	due    bool // the token that is held has to be near its end
	prints bool // a token, for the user
}

func (m *machine) deeds() []deed {
	credential := func(text string) string {
		return fmt.Sprintf(`{"ServerURL":%q,"Username":%q,"Secret":%q}`, m.registry, user, text)
	}
	return []deed{
		{name: "create", args: []string{"docker-pat", "create", "laptop"}},
		{name: "print", args: []string{"docker-pat", "create", "printed", "--print"}, prints: true},
		{name: "rotate", args: []string{"docker-pat", "rotate"}},
		{name: "keep-old", args: []string{"docker-pat", "rotate", "--keep-old", "1h"}},
		{name: "exchange", args: []string{"docker-credential-pat", "store"}, stdin: credential(password)},
		{name: "renew", args: []string{"docker-credential-pat", "get"}, stdin: m.registry, due: true},
		{name: "logout", args: []string{"docker-credential-pat", "erase"}, stdin: m.registry, logout: true},
		{name: "exec", args: []string{"docker-pat", "exec", "--", "sleep", "0.02"}},
		{name: "setup", args: []string{"docker-pat", "setup"}},
		{name: "undo", args: []string{"docker-pat", "setup", "--undo"}},
	}
}

// measure finds out how long each deed takes, so that a kill can come at any moment of it.
func (m *machine) measure(ctx context.Context) error {
	for _, d := range m.deeds() {
		for range 3 {
			if err := m.ready(ctx, d); err != nil {
				return err
			}
			start := time.Now()
			r, err := m.start(ctx, d.stdin, d.args...)
			if err == nil {
				err = <-r.done
			}
			if err != nil {
				return fmt.Errorf("%s: %w: %s", d.name, err, &r.out)
			}
			m.typical[d.name] = max(m.typical[d.name], time.Since(start))
			if err := m.afterwards(ctx, d, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// ready makes a token to begin with, and lets it end soon where that is needed.
func (m *machine) ready(ctx context.Context, d deed) error {
	_, err := m.held(ctx)
	if errors.Is(err, secretstore.ErrNotFound) {
		out, createErr := m.command(ctx, "", "docker-pat", "create", "laptop").CombinedOutput()
		if createErr != nil {
			return fmt.Errorf("docker-pat create: %w: %s", createErr, out)
		}
		err = nil
	}
	if err != nil || !d.due {
		return err
	}
	c, err := m.held(ctx)
	if err != nil || c.Token == nil {
		return fmt.Errorf("no token of ours is held to be renewed: %w", err)
	}
	token := *c.Token
	token.CreatedAt, token.ExpiresAt = time.Now().Add(-80*24*time.Hour), time.Now().Add(24*time.Hour)
	c.Token = &token
	if err := os.Remove(m.stateDir() + "/renewal.json"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return m.store.Put(ctx, m.registry, c)
}

func (m *machine) held(ctx context.Context) (secretstore.Credential, error) {
	return m.store.Get(ctx, m.registry)
}

// afterwards takes note of a token that went to the user.
func (m *machine) afterwards(ctx context.Context, d deed, r *running) error {
	if !d.prints || !strings.Contains(r.out.String(), "dckr_") {
		return nil
	}
	all, err := m.account.ListTokens(ctx)
	for _, t := range all {
		if t.Label == "printed" {
			m.handedOut[t.ID] = true
		}
	}
	return err
}

// A blow is what goes wrong with deeds: before they begin, and while each of them is running. during waits
// for the end.
type blow struct {
	before    func() error
	during    func(d deed, r *running) error
	throttles bool // a request may be made again
}

func (m *machine) kills() blow {
	return blow{before: func() error { return nil }, during: m.kill}
}

func (m *machine) serviceFaults() blow {
	return blow{before: m.fault, throttles: true, during: func(_ deed, r *running) error {
		m.tally.faults++
		return r.wait()
	}}
}

// round has one deed, or two at the same time, go wrong, and looks at what is left.
func (m *machine) round(ctx context.Context, strike blow) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	all := m.deeds()
	chosen := []deed{all[m.random.IntN(len(all))]}
	if m.random.IntN(4) == 0 {
		chosen = append(chosen, all[m.random.IntN(len(all))])
	}
	return m.roundOf(ctx, chosen, strike)
}

func (m *machine) roundOf(ctx context.Context, chosen []deed, strike blow) error {
	loggedOut := false
	for _, d := range chosen {
		if err := m.ready(ctx, d); err != nil {
			return err
		}
		loggedOut = loggedOut || d.logout
	}
	if err := strike.before(); err != nil {
		return err
	}
	before := m.creations.Load()
	var started []*running
	for _, d := range chosen {
		r, err := m.start(ctx, d.stdin, d.args...)
		if err != nil {
			return err
		}
		started = append(started, r)
	}
	for i, r := range started {
		if err := strike.during(chosen[i], r); err != nil {
			return err
		}
	}
	m.hub.ClearFaults()
	for i, r := range started {
		if err := m.afterwards(ctx, chosen[i], r); err != nil {
			return err
		}
	}
	if n := m.creations.Load() - before; n > int64(len(chosen)) && !strike.throttles {
		m.tally.found(&m.tally.twice, "%s: %d requests made a token", names(chosen), n)
	}
	return m.look(ctx, names(chosen), loggedOut)
}

func names(deeds []deed) string {
	var all []string
	for _, d := range deeds {
		all = append(all, d.name)
	}
	return strings.Join(all, "+")
}

// kill strikes at a random instant.
func (m *machine) kill(d deed, r *running) error {
	time.Sleep(time.Duration(m.random.Float64() * 1.1 * float64(m.typical[d.name])))
	if r.kill(m.random.IntN(3) > 0) {
		m.tally.killed[d.name]++
	} else {
		m.tally.ended[d.name]++
	}
	return r.wait()
}

// fault lets the service go wrong in some of the requests that come.
func (m *machine) fault() error {
	paths := []string{"", "/hub/v2/access-tokens", "/hub/v2/access-tokens/*", "/hub/v2/users/login", "/token", "/v2/"}
	f := sandbox.Fault{Path: paths[m.random.IntN(len(paths))], Times: 1 + m.random.IntN(3)}
	if m.random.IntN(2) == 0 {
		f.Method = []string{"POST", "DELETE", "GET"}[m.random.IntN(3)]
	}
	switch m.random.IntN(8) {
	case 0:
		f.Cut = sandbox.CutBefore
	case 1, 2:
		f.Cut = sandbox.CutAfter
	case 3:
		f.Delay = time.Duration(m.random.IntN(200)) * time.Millisecond
	case 4:
		f.Status, f.Header = 429, map[string]string{"Retry-After": "1"}
	case 5:
		f.Status = []int{500, 502, 503}[m.random.IntN(3)]
	case 6:
		f.Status, f.Cut = 500, sandbox.CutAfter // the deed is done, and denied
	case 7:
		f.Status, f.Body, f.ContentType, f.Cut = 201, []string{"<html>", "{", `{"uuid":"x"}`, ""}[m.random.IntN(4)], "application/json", sandbox.CutAfter
	}
	m.hub.Inject(f)
	return nil
}
