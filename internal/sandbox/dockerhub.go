package sandbox

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Docker Hub's own names.
const (
	apiHost      = "hub.docker.com"
	signInHost   = "login.docker.com"
	tokenHost    = "auth.docker.io"
	registryHost = "registry-1.docker.io"
	indexHost    = "index.docker.io"

	dockerHubPort    = "443"
	dockerHubService = "registry.docker.io"
)

var dockerHubNames = []string{apiHost, signInHost, tokenHost, registryHost, indexHost}

const (
	tunnelHeaderTimeout = 10 * time.Second // for the TLS handshake, and for the header of a request
	tunnelIdleTimeout   = 2 * time.Minute
)

// A DockerHub is a sandbox that answers under Docker Hub's own names as well, to clients that take it
// for their proxy and trust its certificate. As an http.Handler it is both that proxy and, for every
// other request, the sandbox under its ordinary paths. As a proxy it connects to itself alone.
//
//	hub.docker.com/...            /hub/...
//	auth.docker.io/token          /token
//	registry-1.docker.io/v2/...   /v2/...
//	index.docker.io/v2/...        /v2/...
//	login.docker.com/...          /login/...
//
// Faults, the log of requests and reports of unknown routes have the paths on the right. What a host
// does not have, and another one may, is under the name of that host: /auth.docker.io/v2/.
type DockerHub struct {
	next          http.Handler
	authorityFile string
	log           *log.Logger
	tunnels       *tunnels
	server        *http.Server // what is at the other end of the tunnels
}

// NewDockerHub serves next, which is a sandbox or a wrapper around one, until Shutdown or Close. What
// clients do wrong on their way here goes to errorLog; nil discards it.
func NewDockerHub(next http.Handler, certificate Certificate, errorLog *log.Logger) *DockerHub {
	if errorLog == nil {
		errorLog = silentLogger()
	}
	d := &DockerHub{next: next, authorityFile: certificate.AuthorityFile, log: errorLog, tunnels: newTunnels()}
	d.server = &http.Server{
		Handler:           http.HandlerFunc(d.serveName),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate.pair}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: tunnelHeaderTimeout,
		IdleTimeout:       tunnelIdleTimeout,
		ErrorLog:          errorLog,
	}
	go func() { _ = d.server.ServeTLS(d.tunnels, "", "") }() // it ends with http.ErrServerClosed
	return d
}

// ServeHTTP answers a request that came without a tunnel.
func (d *DockerHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		d.next.ServeHTTP(w, r)
		return
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil || port != dockerHubPort || !isDockerHub(host) {
		d.log.Printf("refused to connect to %q, which is not Docker Hub", r.Host)
		http.Error(w, "only Docker Hub is here", http.StatusForbidden)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "cannot connect", http.StatusInternalServerError)
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = conn.Close() // the client has gone
		return
	}
	d.tunnels.add(tunnel{conn, buffered.Reader})
}

// Environment returns NAME=VALUE lines that send Docker, docker-pat and other programs in Go to the
// DockerHub that listens on addr (host:port) whenever they mean Docker Hub. A variable without a
// value is to be unset: it would lead them elsewhere.
func (d *DockerHub) Environment(addr string) []string {
	return []string{
		"DOCKER_PAT_HUB_URL=", "DOCKER_PAT_AUTH_URL=", "DOCKER_PAT_REGISTRY=", "NO_PROXY=", "no_proxy=",
		"HTTPS_PROXY=http://" + addr,
		"SSL_CERT_FILE=" + d.authorityFile,
	}
}

// Shutdown takes no more tunnels and waits for the requests in them, as http.Server does.
func (d *DockerHub) Shutdown(ctx context.Context) error { return d.server.Shutdown(ctx) }

// Close cuts every tunnel.
func (d *DockerHub) Close() error { return d.server.Close() }

// serveName answers a request that was made under one of Docker Hub's names.
func (d *DockerHub) serveName(w http.ResponseWriter, r *http.Request) {
	host := strings.ToLower(strings.TrimSuffix(r.Host, ":"+dockerHubPort))
	if !isDockerHub(host) {
		writeJSON(w, http.StatusMisdirectedRequest, apiError{Message: "only Docker Hub is here"})
		return
	}
	prefix := placeOf(host, r.URL.Path)
	r = r.Clone(r.Context())
	r.Host = host
	r.URL.Path = prefix + r.URL.Path
	if r.URL.RawPath != "" {
		r.URL.RawPath = prefix + r.URL.RawPath
	}
	d.next.ServeHTTP(w, r)
}

// placeOf returns what stands before a path of Docker Hub in the sandbox.
func placeOf(host, path string) string {
	switch host {
	case apiHost:
		return HubPath
	case signInHost:
		return AuthPath
	case tokenHost:
		if path == "/token" {
			return ""
		}
	case registryHost, indexHost:
		if path == "/v2" || strings.HasPrefix(path, "/v2/") {
			return ""
		}
	}
	return "/" + host
}

func isDockerHub(host string) bool { return slices.Contains(dockerHubNames, strings.ToLower(host)) }

// asDockerHub reports whether a request was made under one of Docker Hub's names.
func asDockerHub(r *http.Request) bool { return r.TLS != nil && isDockerHub(r.Host) }

// service is the name that the registry has at the token endpoint.
func service(r *http.Request) string {
	if asDockerHub(r) {
		return dockerHubService
	}
	return Service
}

// tokenEndpoint is where a client of the registry gets a bearer. It is at the host that the client
// asked: crane and oras refuse one whose host is a number unless it is that host.
func tokenEndpoint(r *http.Request) string {
	if asDockerHub(r) {
		return "https://" + tokenHost + "/token"
	}
	return origin(r) + "/token"
}

// tunnels are connections on their way from the proxy to the server at its other end.
type tunnels struct {
	conns     chan net.Conn
	closed    chan struct{}
	closeOnce sync.Once
}

func newTunnels() *tunnels {
	return &tunnels{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (t *tunnels) add(conn net.Conn) {
	select {
	case t.conns <- conn:
	case <-t.closed:
		_ = conn.Close() // nobody is there to answer
	}
}

// Accept implements net.Listener.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case conn := <-t.conns:
		return conn, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (t *tunnels) Close() error {
	t.closeOnce.Do(func() { close(t.closed) })
	return nil
}

// Addr implements net.Listener.
func (t *tunnels) Addr() net.Addr { return &net.TCPAddr{} }

// A tunnel is read through what the proxy has read ahead.
type tunnel struct {
	net.Conn
	ahead *bufio.Reader
}

func (t tunnel) Read(p []byte) (int, error) { return t.ahead.Read(p) }
