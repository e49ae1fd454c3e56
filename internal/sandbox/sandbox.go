// Package sandbox is an emulated Docker Hub: the token service, the OAuth tenant of the sign-in on the
// web, the registry token endpoint and a registry, as one http.Handler, with faults on demand. It keeps everything in memory and is for
// tests and for trying things out, never for real secrets.
//
// Everything is under a base path of its own, so that a client that builds an absolute URL, or
// forgets the configured base, ends in an unknown route instead of working by accident:
//
//	/hub/v2/...        the Hub API (hub.docker.com)
//	/token             the registry token endpoint (auth.docker.io/token)
//	/v2/...            the registry (registry-1.docker.io)
//	/login/oauth/...   the OAuth tenant (login.docker.com)
//	/login/activate    its page for a person
//	/_sandbox/faults   POST injects a Fault, DELETE removes all
//	/_sandbox/devices  GET names the sign-ins that wait for a person, POST decides
//
// A DockerHub puts it under Docker Hub's own names.
package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

const (
	// HubPath is the base path of the Hub API.
	HubPath = "/hub"

	// AuthPath is the base path of the OAuth tenant.
	AuthPath = "/login"

	// Service is the name under which the registry asks for bearers and the token endpoint
	// issues them. A DockerHub uses that of Docker.
	Service = "hub-sandbox"

	faultsPath = "/_sandbox/faults"
)

// A Sandbox is one emulated Docker Hub. It is safe for use by many goroutines.
type Sandbox struct {
	opts     Options
	key      []byte // signs every JWT of this sandbox
	hub      *http.ServeMux
	oauth    *http.ServeMux
	registry http.Handler
	blobs    *blobStore
	faults   faultList
	requests requestLog
	window   rateWindow

	tenantKey func() *rsa.PrivateKey // signs the JWT of a sign-in on the web

	mu       sync.Mutex // guards what is below, and everything reachable from it
	accounts map[string]*account
	devices  []*device
	grants   map[string]*grant // by every refresh token there ever was
}

// New makes a sandbox with the accounts of opts and no tokens. It fails when the name of a user or an
// organization cannot be a namespace, is used twice or is reserved, when a password is empty, when a
// TOTP secret is not base32, when an organization has a plan or people that are not known, and when a
// public repository has no name that a registry would take.
func New(opts Options) (*Sandbox, error) {
	opts.setDefaults()
	s := &Sandbox{opts: opts, key: make([]byte, 32), blobs: newBlobStore(), accounts: map[string]*account{}, grants: map[string]*grant{}}
	s.tenantKey = sync.OnceValue(newTenantKey)
	if _, err := rand.Read(s.key); err != nil {
		return nil, fmt.Errorf("make the signing key: %w", err)
	}
	for _, user := range opts.Users {
		if err := s.addAccount(user); err != nil {
			return nil, fmt.Errorf("user %q: %w", user.Name, err)
		}
	}
	for _, org := range opts.Organizations {
		if err := s.addOrganization(org); err != nil {
			return nil, fmt.Errorf("organization %q: %w", org.Name, err)
		}
	}
	for _, name := range opts.PublicRepositories {
		if !repositoryName.MatchString(name) {
			return nil, fmt.Errorf("public repository %q: not the name of a repository", name)
		}
	}
	s.hub, s.oauth = s.hubRoutes(), s.oauthRoutes()
	s.registry = registry.New(
		registry.WithBlobHandler(s.blobs),
		registry.WithReferrersSupport(true),
		registry.Logger(silentLogger()),
	)
	return s, nil
}

// Handler returns the sandbox as a handler for the root of a server.
func (s *Sandbox) Handler() http.Handler { return s }

// ServeHTTP answers one request, after the faults that match it.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case faultsPath:
		s.serveFaults(w, r)
		return
	case devicesPath:
		s.serveDevices(w, r)
		return
	}
	rec := &statusRecorder{ResponseWriter: w}
	defer func() { s.requests.add(Request{Method: r.Method, Path: r.URL.Path, Status: rec.status}) }()
	s.faults.serve(rec, r, http.HandlerFunc(s.route))
}

// Environment returns NAME=VALUE lines that point docker-pat at a sandbox that listens on addr
// (host:port). The registry is named localhost, not by number: docker, crane and oras speak plain
// HTTP to it then, and crane and oras accept a token endpoint there.
func (s *Sandbox) Environment(addr string) []string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = "127.0.0.1", addr
	}
	base := "http://" + net.JoinHostPort(host, port)
	return []string{
		"DOCKER_PAT_HUB_URL=" + base + HubPath,
		"DOCKER_PAT_AUTH_URL=" + base + AuthPath,
		"DOCKER_PAT_REGISTRY=localhost:" + port,
	}
}

func (s *Sandbox) now() time.Time { return s.opts.Now().UTC() }
