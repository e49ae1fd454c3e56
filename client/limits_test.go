package client_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
)

// waits notes what OnWait is told.
type waits struct {
	mu   sync.Mutex
	told []time.Duration
	do   func()
}

func (w *waits) note(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, d)
	if w.do != nil {
		w.do()
	}
}

func (w *waits) all() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]time.Duration{}, w.told...)
}

// TestWaitIsObeyed has a service that refuses once and notes who comes back too early.
func TestWaitIsObeyed(t *testing.T) {
	t.Parallel()
	forms := map[string]func(h http.Header, until time.Time){
		"seconds":     func(h http.Header, _ time.Time) { h.Set("Retry-After", "1") },
		"unix time":   func(h http.Header, until time.Time) { h.Set("Retry-After", strconv.FormatInt(until.Unix(), 10)) },
		"x-unix time": func(h http.Header, until time.Time) { h.Set("X-Retry-After", strconv.FormatInt(until.Unix(), 10)) },
		"date":        func(h http.Header, until time.Time) { h.Set("Retry-After", until.UTC().Format(http.TimeFormat)) },
		"window":      func(h http.Header, until time.Time) { h.Set("X-RateLimit-Reset", strconv.FormatInt(until.Unix(), 10)) },
		"not said":    func(http.Header, time.Time) {},
	}
	var all sync.WaitGroup // at once, however few tests go in parallel
	for name, form := range forms {
		all.Go(func() {
			var tries atomic.Int32
			var until time.Time
			server := record(t, func(w http.ResponseWriter, r *http.Request) {
				if tries.Add(1) == 1 {
					until = time.Now().Add(time.Second)
					if name != "seconds" && name != "not said" {
						until = until.Truncate(time.Second).Add(time.Second) // a whole second
					}
					form(w.Header(), until)
					reply(429, "text/plain", "Too Many Requests (HAP429)")(w, r)
					return
				}
				if early := time.Until(until); early > 0 {
					t.Errorf("%s: came back %v too early", name, early)
				}
				reply(200, "application/json", `{"uuid":"1234"}`)(w, r)
			})
			var told waits
			got, err := newClient(t, server.URL, told.note).GetToken(t.Context(), "1234")
			if err != nil || got.ID != "1234" || tries.Load() != 2 || len(told.all()) != 1 {
				t.Errorf("%s: got %v, %v after %d tries, told %v", name, got, err, tries.Load(), told.all())
			}
		})
	}
	all.Wait()
}

// TestTooLongAWait is refused before it begins, with the instant for the user.
func TestTooLongAWait(t *testing.T) {
	t.Parallel()
	far := time.Now().Add(time.Hour).Truncate(time.Second)
	for name, value := range map[string]string{
		"seconds":             "3600",
		"unix time":           strconv.FormatInt(far.Unix(), 10),
		"date":                far.UTC().Format(http.TimeFormat),
		"in a thousand years": "99999999999",
		"largest number":      strconv.FormatInt(math.MaxInt64, 10),
	} {
		server := record(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", value)
			reply(429, "application/json", `{"detail":"Rate limit exceeded","error":false}`)(w, r)
		})
		var told waits
		_, err := newClient(t, server.URL, told.note).ListTokens(t.Context())
		var answer *client.APIError
		if !errors.Is(err, client.ErrRateLimited) || !errors.As(err, &answer) || answer.Detail != "Rate limit exceeded" {
			t.Errorf("%s: got %v", name, err)
		} else if answer.RetryAt.Before(far) {
			t.Errorf("%s: RetryAt is %v", name, answer.RetryAt)
		}
		if n := len(server.requests()); n != 1 || len(told.all()) != 0 {
			t.Errorf("%s: %d requests, told %v; want one request and no wait", name, n, told.all())
		}
	}
}

// TestWaitsAddUp has each wait in bounds, but not all of them.
func TestWaitsAddUp(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for name, second := range map[string]string{"together": "60", "far beyond": "99999999999"} {
		all.Go(func() {
			var tries atomic.Int32
			server := record(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", second)
				if tries.Add(1) == 1 {
					w.Header().Set("Retry-After", "1")
				}
				reply(429, "text/plain", "later")(w, r)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // the end of the wait if it is made
			defer cancel()
			var told waits
			_, err := newClient(t, server.URL, told.note).ListTokens(ctx)
			if all := told.all(); !errors.Is(err, client.ErrRateLimited) || !slices.Equal(all, []time.Duration{time.Second}) {
				t.Errorf("%s: told %v, and %v; want one second and ErrRateLimited", name, all, err)
			}
		})
	}
	all.Wait()
}

// TestWaitsAddUpOverCalls has several operations, each of which would be in bounds alone, or so far out of
// them that the sum is not a number any more.
func TestWaitsAddUpOverCalls(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for name, second := range map[string]string{"together": "60", "far beyond": "99999999999"} {
		all.Go(func() {
			var tries atomic.Int32
			server := record(t, func(w http.ResponseWriter, r *http.Request) {
				switch tries.Add(1) {
				case 1:
					w.Header().Set("Retry-After", "1")
					reply(429, "text/plain", "later")(w, r)
				case 2:
					reply(200, "application/json", `{"uuid":"1234"}`)(w, r)
				default:
					w.Header().Set("Retry-After", second)
					reply(429, "text/plain", "later")(w, r)
				}
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			told := waits{do: func() {
				if tries.Load() > 1 {
					cancel() // the end of the wait if it is made
				}
			}}
			c := newClient(t, server.URL, told.note)
			if _, err := c.GetToken(ctx, "1234"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			_, err := c.WithBearer(secret.New("bearer")).GetToken(ctx, "1234")
			if all := told.all(); !errors.Is(err, client.ErrRateLimited) || !slices.Equal(all, []time.Duration{time.Second}) {
				t.Errorf("%s: told %v, and %v; want one second and ErrRateLimited", name, all, err)
			}
		})
	}
	all.Wait()
}

// TestWaitBeyondTheDeadline is not begun.
func TestWaitBeyondTheDeadline(t *testing.T) {
	t.Parallel()
	server := record(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "50")
		reply(429, "text/plain", "later")(w, r)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	var told waits
	if _, err := newClient(t, server.URL, told.note).ListTokens(ctx); !errors.Is(err, client.ErrRateLimited) || len(told.all()) > 0 {
		t.Errorf("told %v, and %v; want no wait and ErrRateLimited", told.all(), err)
	}
}

func TestLimitOfTheSandbox(t *testing.T) {
	t.Parallel()
	for _, header := range []sandbox.RetryHeader{sandbox.RetrySeconds, sandbox.RetryUnixTime, sandbox.RetryXUnixTime} {
		for _, body := range []sandbox.LimitBody{sandbox.LimitJSON, sandbox.LimitText} {
			t.Run(fmt.Sprintf("%q,%q", header, body), func(t *testing.T) {
				t.Parallel()
				h := startHub(t, func(o *sandbox.Options) {
					o.RateLimit, o.RetryHeader, o.LimitBody = 1, header, body
					o.Now = func() time.Time { return time.Now().Add(-10 * time.Second) } // a clock that is behind
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				told := waits{do: cancel}
				c := newClient(t, h.URL+sandbox.HubPath, told.note)
				session, err := c.SignIn(ctx, "moby", secret.New(password))
				if err != nil {
					t.Fatal(err)
				}
				_, err = c.WithBearer(session.Bearer).ListTokens(ctx)
				if all := told.all(); !errors.Is(err, context.Canceled) || len(all) != 1 || all[0] < 40*time.Second || all[0] > 60*time.Second {
					t.Errorf("told %v, and %v; want one wait until the window ends, and its cancellation", all, err)
				}
				if asked := h.count("GET", tokensPath); asked != 1 {
					t.Errorf("asked %d times, want once", asked)
				}
			})
		}
	}
}
