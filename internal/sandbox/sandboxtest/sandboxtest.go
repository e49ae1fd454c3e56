// Package sandboxtest runs a sandbox for one test and holds both sides to docs/hub-api.yaml: what a
// client sends to the Hub API, and what the sandbox answers. It checks on the server's side, so it
// does the same for clients that are other processes.
package sandboxtest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// A Server is a sandbox that listens on a loopback port until its test ends.
type Server struct {
	URL     string // http://127.0.0.1:PORT
	Addr    string // 127.0.0.1:PORT
	Sandbox *sandbox.Sandbox

	environment  func(addr string) []string
	allowInvalid atomic.Int32 // depth of AllowInvalid
}

// Start runs a sandbox. The test fails for each request to the Hub API that the document does not
// describe, for each reply that it does not describe, unless a fault made it up, and for each unknown
// route; in that last case opts.OnUnknownRoute is called, too.
func Start(t testing.TB, opts sandbox.Options) *Server {
	t.Helper()
	server, handler := prepare(t, opts)
	server.listen(t, handler)
	return server
}

// StartDockerHub is Start for a sandbox that also answers under Docker Hub's own names, to clients
// that have the Environment. What they do there is checked in the same way.
func StartDockerHub(t testing.TB, opts sandbox.Options) *Server {
	t.Helper()
	certificate, err := sandbox.LoadCertificate(t.Context(), t.TempDir(), time.Now())
	if err != nil {
		t.Fatalf("make the certificate of the sandbox: %v", err)
	}
	server, handler := prepare(t, opts)
	hub := sandbox.NewDockerHub(handler, certificate, nil)
	server.environment = hub.Environment
	server.listen(t, hub)
	t.Cleanup(func() {
		// A request that outlives the test would report to it, so it is waited for.
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if hub.Shutdown(ctx) != nil {
			_ = hub.Close()
		}
	})
	return server
}

const stopTimeout = 5 * time.Second

// prepare makes a sandbox and the handler that checks what goes in and out of it.
func prepare(t testing.TB, opts sandbox.Options) (*Server, http.Handler) {
	t.Helper()
	server := &Server{}
	report := opts.OnUnknownRoute
	opts.OnUnknownRoute = func(method, path string) {
		if !server.invalidAllowed() {
			t.Errorf("sandbox: unknown route %s %s", method, path)
		}
		if report != nil {
			report(method, path)
		}
	}
	emulated, err := sandbox.New(opts)
	if err != nil {
		t.Fatalf("start the sandbox: %v", err)
	}
	contract, err := loadContract()
	if err != nil {
		t.Fatalf("read the API document: %v", err)
	}
	server.Sandbox, server.environment = emulated, emulated.Environment
	return server, &checker{t: t, server: server, contract: contract, next: emulated.Handler()}
}

func (s *Server) listen(t testing.TB, handler http.Handler) {
	listener := httptest.NewServer(handler)
	t.Cleanup(func() {
		listener.CloseClientConnections() // ends the waits of faults
		listener.Close()
	})
	s.URL, s.Addr = listener.URL, strings.TrimPrefix(listener.URL, "http://")
}

// AllowInvalid lets requests that are wrong on purpose pass, unknown routes among them, until restore
// is called. Replies are checked all the while.
func (s *Server) AllowInvalid() (restore func()) {
	s.allowInvalid.Add(1)
	var done atomic.Bool
	return func() {
		if done.CompareAndSwap(false, true) {
			s.allowInvalid.Add(-1)
		}
	}
}

// Environment returns NAME=VALUE lines that point docker-pat at this server. Put after others, they
// win; some of StartDockerHub have no value, which is as good as not being set.
func (s *Server) Environment() []string { return s.environment(s.Addr) }

func (s *Server) invalidAllowed() bool { return s.allowInvalid.Load() > 0 }
