package sandbox_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// TestDockerHubIsNoOtherSite tries to get out through the proxy.
func TestDockerHubIsNoOtherSite(t *testing.T) {
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody got out") }))
	defer elsewhere.Close()
	var said bytes.Buffer
	emulated, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	asDockerHub := sandbox.NewDockerHub(emulated.Handler(), loadCertificate(t, t.TempDir(), time.Now()), log.New(&said, "", 0))
	defer func() { _ = asDockerHub.Close() }()
	proxy := httptest.NewServer(asDockerHub)
	defer proxy.Close()
	address := strings.TrimPrefix(proxy.URL, "http://")
	for _, target := range []string{
		strings.TrimPrefix(elsewhere.URL, "https://"), "example.com:443", "docker.com:443", "evil.hub.docker.com:443",
		"hub.docker.com:80", "hub.docker.com:22", "localhost:443", "hub.docker.com",
	} {
		said.Reset()
		_, status := connect(t, address, target)
		if status != http.StatusForbidden {
			t.Errorf("%q: got status %d", target, status)
		}
		if !strings.Contains(said.String(), target) {
			t.Errorf("%q: nothing was said of it: %s", target, &said)
		}
	}
	// A tunnel leads to the sandbox alone, whatever is asked in it.
	conn, status := connect(t, address, "hub.docker.com:443")
	if status != http.StatusOK {
		t.Fatalf("got status %d", status)
	}
	config := trusting(t, asDockerHub.Environment(address))
	config.ServerName = "hub.docker.com"
	inside := tls.Client(conn, config)
	for host, want := range map[string]int{"example.com": 421, "hub": 421, "hub.docker.com": 404} {
		got := exchange(t, inside, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		if got.StatusCode != want {
			t.Errorf("host %s: got status %d", host, got.StatusCode)
		}
	}
}

// connect asks a proxy for a tunnel.
func connect(t *testing.T, proxy, target string) (net.Conn, int) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", proxy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, exchange(t, conn, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n\r\n").StatusCode
}

// exchange sends a request and reads the whole of the reply, and nothing of what comes after it.
func exchange(t *testing.T, conn net.Conn, request string) *http.Response {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodConnect && response.StatusCode == http.StatusOK {
		return response
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// A client may send the beginning of TLS before it has been told that there is a tunnel.
func TestDockerHubReadsAhead(t *testing.T) {
	r := startDockerHub(t, nil)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	config := trusting(t, r.server.Environment())
	config.ServerName = "hub.docker.com"
	inside := tls.Client(&hasty{Conn: conn, first: "CONNECT hub.docker.com:443 HTTP/1.1\r\nHost: hub.docker.com:443\r\n\r\n"}, config)
	if err := inside.HandshakeContext(t.Context()); err != nil {
		t.Error(err)
	}
}

// A hasty connection puts a request before the first bytes written, and skips its reply.
type hasty struct {
	net.Conn
	first string
	reply *bufio.Reader
}

func (h *hasty) Write(p []byte) (int, error) {
	if h.first == "" {
		return h.Conn.Write(p)
	}
	n, err := h.Conn.Write(append([]byte(h.first), p...))
	n -= len(h.first)
	h.first = ""
	return n, err
}

func (h *hasty) Read(p []byte) (int, error) {
	if h.reply == nil {
		h.reply = bufio.NewReader(h.Conn)
		if _, err := http.ReadResponse(h.reply, &http.Request{Method: http.MethodConnect}); err != nil {
			return 0, err
		}
	}
	return h.reply.Read(p)
}

func TestDockerHubStops(t *testing.T) {
	emulated, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	asDockerHub := sandbox.NewDockerHub(emulated.Handler(), loadCertificate(t, t.TempDir(), time.Now()), nil)
	proxy := httptest.NewServer(asDockerHub)
	defer proxy.Close()
	r := remote{t, nil, clientOf(t, asDockerHub.Environment(strings.TrimPrefix(proxy.URL, "http://")))}
	r.want(404, r.send("GET", "https://hub.docker.com/", "", ""))

	emulated.Inject(sandbox.Fault{Delay: time.Hour})
	cut := make(chan error, 1)
	go func() {
		response, err := r.client.Get("https://hub.docker.com/late")
		if err == nil {
			_ = response.Body.Close()
		}
		cut <- err
	}()
	time.Sleep(50 * time.Millisecond) // for the request to be under way; if it is not, the test is only weaker
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := asDockerHub.Shutdown(ctx); err == nil {
		t.Error("Shutdown did not wait")
	}
	if err := asDockerHub.Close(); err != nil {
		t.Error(err)
	}
	if err := <-cut; err == nil {
		t.Error("Close did not cut a request")
	}
	if _, err := r.client.Get("https://hub.docker.com/"); err == nil {
		t.Error("it answers after its end")
	}
}
