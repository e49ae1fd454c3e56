//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
)

const (
	manyTokens = 1000
	delay      = 100 * time.Millisecond // of each request
	password   = "white-" + "whale-1851"
)

// list times the list of an account with many tokens, at a service that takes its time.
func (b *bench) list(ctx context.Context) error {
	hub, err := sandbox.New(sandbox.Options{Users: []sandbox.User{{Name: "moby", Password: password}}})
	if err != nil {
		return err
	}
	var requests atomic.Int64
	emulated := hub.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		emulated.ServeHTTP(w, r)
	}))
	defer server.Close()
	if err := fillAccount(ctx, server.URL); err != nil {
		return err
	}
	b.few.service = hub.Environment(strings.TrimPrefix(server.URL, "http://"))
	if _, _, err := b.few.call(ctx, []string{"docker-pat", "login", "-u", "moby", "--password-stdin"}, password); err != nil {
		return err
	}
	hub.Inject(sandbox.Fault{Delay: delay})
	var times []time.Duration
	requests.Store(0)
	const rounds = 5
	for range rounds {
		out, took, err := b.few.call(ctx, []string{"docker-pat", "list", "-q"}, "")
		if err != nil {
			return err
		}
		if n := len(strings.Fields(out)); n < manyTokens {
			return fmt.Errorf("list shows %d tokens of %d", n, manyTokens)
		}
		times = append(times, took)
	}
	b.medians["requests of a list"], b.medians["10 requests"] = float64(requests.Load())/rounds, 10
	b.record("list of 1,000 tokens", times)
	b.medians["5 requests one by one"] = 5 * delay.Seconds()
	return b.listMemory(ctx)
}

func (b *bench) listMemory(ctx context.Context) error {
	out, _, err := b.few.call(ctx, []string{"rss", b.few.path("docker-pat"), "list", "-q"}, "")
	if err != nil {
		return err
	}
	lines := strings.Fields(out)
	kib, err := strconv.ParseFloat(lines[len(lines)-1], 64)
	if err != nil {
		return err
	}
	b.medians["memory of that list"], b.medians["40 MiB"] = kib, 40<<10
	fmt.Printf("%-30s %9.1f MiB\n", "memory of that list", kib/1024)
	return nil
}

func fillAccount(ctx context.Context, url string) error {
	hub, err := client.New(client.Options{BaseURL: url + sandbox.HubPath, UserAgent: "bench"})
	if err != nil {
		return err
	}
	session, err := hub.SignIn(ctx, "moby", secret.New(password))
	if err != nil {
		return err
	}
	hub = hub.WithBearer(session.Bearer)
	for i := range manyTokens {
		if _, _, err := hub.CreateToken(ctx, client.NewToken{Label: fmt.Sprintf("token %d", i), Scopes: []string{"repo:read"}}); err != nil {
			return err
		}
	}
	return nil
}
