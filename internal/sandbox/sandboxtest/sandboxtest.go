// Package sandboxtest runs a sandbox for one test and holds both sides to docs/hub-api.yaml: what a
// client sends to the Hub API, and what the sandbox answers. It checks on the server's side, so it
// does the same for clients that are other processes.
package sandboxtest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// A Server is a sandbox that listens on a loopback port until its test ends.
type Server struct {
	URL     string // http://127.0.0.1:PORT
	Addr    string // 127.0.0.1:PORT
	Sandbox *sandbox.Sandbox

	allowInvalid atomic.Int32 // depth of AllowInvalid
}

// Start runs a sandbox. The test fails for each request to the Hub API that the document does not
// describe, for each reply that it does not describe, unless a fault made it up, and for each unknown
// route; in that last case opts.OnUnknownRoute is called, too.
func Start(t testing.TB, opts sandbox.Options) *Server {
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
	checked := &checker{t: t, server: server, contract: contract, next: emulated.Handler()}
	listener := httptest.NewServer(http.Handler(checked))
	t.Cleanup(func() {
		listener.CloseClientConnections() // ends the waits of faults
		listener.Close()
	})
	server.Sandbox, server.URL = emulated, listener.URL
	server.Addr = strings.TrimPrefix(listener.URL, "http://")
	return server
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

// Environment returns NAME=VALUE lines that point docker-pat at this server.
func (s *Server) Environment() []string { return s.Sandbox.Environment(s.Addr) }

func (s *Server) invalidAllowed() bool { return s.allowInvalid.Load() > 0 }
