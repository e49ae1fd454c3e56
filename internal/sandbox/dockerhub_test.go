package sandbox_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/sandbox/sandboxtest"
)

// A remote is a client that means Docker Hub and has the environment of a sandbox.
type remote struct {
	t      *testing.T
	server *sandboxtest.Server
	client *http.Client
}

func startDockerHub(t *testing.T, change func(*sandbox.Options)) remote {
	t.Helper()
	opts := sandbox.Options{Users: []sandbox.User{{Name: "moby", Password: password}}}
	if change != nil {
		change(&opts)
	}
	server := sandboxtest.StartDockerHub(t, opts)
	return remote{t, server, clientOf(t, server.Environment())}
}

// clientOf does what http.DefaultClient does in a process that was started with the environment.
func clientOf(t *testing.T, environment []string) *http.Client {
	t.Helper()
	proxy, err := url.Parse(valueOf(environment, "HTTPS_PROXY"))
	if err != nil || proxy.Host == "" {
		t.Fatalf("there is no proxy in %q", environment)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: trusting(t, environment), ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func trusting(t *testing.T, environment []string) *tls.Config {
	t.Helper()
	roots := x509.NewCertPool()
	if file := valueOf(environment, "SSL_CERT_FILE"); !roots.AppendCertsFromPEM(readFile(t, file)) {
		t.Fatalf("there is no certificate in %q", file)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func valueOf(environment []string, name string) string {
	for _, line := range environment {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}

// send makes a request, with JSON in its body unless that is empty.
func (r remote) send(method, address, bearer, body string) reply {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	return do(r.t, r.client, request)
}

func (r remote) want(status int, got reply) reply {
	r.t.Helper()
	if got.status != status {
		r.t.Fatalf("got status %d, want %d; body %s", got.status, status, got.text)
	}
	return got
}

// registryToken asks the token endpoint with Basic.
func (r remote) registryToken(secret, scope string) reply {
	r.t.Helper()
	query := url.Values{"service": {"registry.docker.io"}, "scope": {scope}}
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "https://auth.docker.io/token?"+query.Encode(), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	request.SetBasicAuth("moby", secret)
	return do(r.t, r.client, request)
}

func TestDockerHubAPI(t *testing.T) {
	r := startDockerHub(t, nil)
	const tokens = "https://hub.docker.com/v2/access-tokens"
	session := r.want(200, r.send("POST", "https://hub.docker.com/v2/users/login", "", `{"username":"moby","password":"`+password+`"}`)).string("token")
	for range 3 {
		r.want(201, r.send("POST", tokens, session, `{"token_label":"ci","scopes":["repo:read"]}`))
	}
	page := r.want(200, r.send("GET", tokens+"?page=2&page_size=1", session, ""))
	if next, previous := page.string("next"), page.string("previous"); next != tokens+"?page=3&page_size=1" || previous != tokens+"?page=1&page_size=1" {
		t.Errorf("next %s, previous %s", next, previous)
	}
	r.want(200, r.send("GET", page.string("next"), session, ""))

	ordinary := hub{r.server, t, newClock()}
	page = ordinary.want(200, ordinary.send("GET", tokensPath+"?page_size=1", session, nil))
	if next, want := page.string("next"), r.server.URL+tokensPath+"?page=2&page_size=1"; next != want {
		t.Errorf("under the ordinary address: next %s, expected %s", next, want)
	}
}

func TestDockerHubRegistry(t *testing.T) {
	r := startDockerHub(t, nil)
	session := r.want(200, r.send("POST", "https://hub.docker.com/v2/users/login", "", `{"username":"moby","password":"`+password+`"}`)).string("token")
	secret := r.want(201, r.send("POST", "https://hub.docker.com/v2/access-tokens", session, `{"token_label":"ci","scopes":["repo:write"]}`)).string("token")
	for _, host := range []string{"registry-1.docker.io", "index.docker.io", "registry-1.docker.io:443", "Registry-1.Docker.IO"} {
		root := "https://" + host + "/v2/"
		refused := r.want(401, r.send("GET", root, "", ""))
		const challenge = `Bearer realm="https://auth.docker.io/token",service="registry.docker.io"`
		if got := refused.header.Get("Www-Authenticate"); got != challenge {
			t.Errorf("%s: challenge %s", host, got)
		}
		bearer := r.want(200, r.registryToken(secret, "repository:moby/private:pull,push")).string("token")
		r.want(200, r.send("GET", root, bearer, ""))
		started := r.want(202, r.send("POST", root+"moby/private/blobs/uploads/", bearer, ""))
		if place := started.header.Get("Location"); !strings.HasPrefix(place, "/v2/moby/private/blobs/uploads/") {
			t.Errorf("%s: the upload goes to %s", host, place)
		}
		r.want(404, r.send("GET", root+"moby/private/manifests/1", bearer, ""))
	}
	r.want(401, r.registryToken("not-"+secret, ""))
}

// TestDockerHubBearersStayAtHome holds that the two services of a sandbox are two.
func TestDockerHubBearersStayAtHome(t *testing.T) {
	r := startDockerHub(t, nil)
	ordinary := hub{r.server, t, newClock()}
	r.want(401, r.send("GET", "https://registry-1.docker.io/v2/", ordinary.basic("moby", password).string("token"), ""))
	ordinary.want(401, ordinary.send("GET", "/v2/", r.registryToken(password, "").string("token"), nil))
	r.want(400, r.send("GET", "https://auth.docker.io/token?service=hub-sandbox", "", ""))
	ordinary.want(400, ordinary.send("GET", "/token?service=registry.docker.io", "", nil))
}

// TestDockerHubNameAloneIsNotEnough holds that a name counts only in a tunnel, where it is proven.
func TestDockerHubNameAloneIsNotEnough(t *testing.T) {
	r := startDockerHub(t, nil)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.server.URL+"/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "registry-1.docker.io"
	refused := r.want(401, do(t, http.DefaultClient, request))
	const challenge = `Bearer realm="http://registry-1.docker.io/token",service="hub-sandbox"`
	if got := refused.header.Get("Www-Authenticate"); got != challenge {
		t.Errorf("challenge %s", got)
	}
}

func TestDockerHubUnknownRoutes(t *testing.T) {
	var mu sync.Mutex
	var unknown []string
	r := startDockerHub(t, func(o *sandbox.Options) {
		o.OnUnknownRoute = func(_, path string) {
			mu.Lock()
			defer mu.Unlock()
			unknown = append(unknown, path)
		}
	})
	defer r.server.AllowInvalid()()
	var want []string
	for _, test := range []struct{ address, path string }{
		{"https://login.docker.com/oauth/authorize", "/login/oauth/authorize"},
		{"https://hub.docker.com/oauth/device/code", "/hub/oauth/device/code"},
		{"https://hub.docker.com/", "/hub/"},
		{"https://hub.docker.com/token", "/hub/token"},
		{"https://hub.docker.com/hub/v2/access-tokens", "/hub/hub/v2/access-tokens"},
		{"https://auth.docker.io/v2/", "/auth.docker.io/v2/"},
		{"https://auth.docker.io/_sandbox/faults", "/auth.docker.io/_sandbox/faults"},
		{"https://registry-1.docker.io/token", "/registry-1.docker.io/token"},
		{"https://registry-1.docker.io/hub/v2/access-tokens", "/registry-1.docker.io/hub/v2/access-tokens"},
		{"https://index.docker.io/v1/search", "/index.docker.io/v1/search"},
		{"https://index.docker.io/v1%2Fsearch", "/index.docker.io/v1/search"},
	} {
		if got := r.want(404, r.send("GET", test.address, "", "")); got.string("message") != "not found" {
			t.Errorf("%s: got %s", test.address, got.text)
		}
		want = append(want, test.path)
	}
	if !reflect.DeepEqual(unknown, want) {
		t.Errorf("got %q, want %q", unknown, want)
	}
}

// TestDockerHubContract holds that requests under Docker Hub's names are checked like any other.
func TestDockerHubContract(t *testing.T) {
	tb := &quietTB{TB: t}
	server := sandboxtest.StartDockerHub(tb, sandbox.Options{})
	r := remote{t, server, clientOf(t, server.Environment())}
	r.send("POST", "https://hub.docker.com/v2/auth/token", "", `{"identifier":"moby"}`)
	r.send("GET", "https://hub.docker.com/v2/namespaces", "", "")
	if got := tb.errors.Load(); got != 3 { // the unknown route is one to the checker, too
		t.Errorf("%d reports, expected 3", got)
	}
	server.Sandbox.Inject(sandbox.Fault{Path: "/hub/v2/auth/token", Status: 418})
	r.want(418, r.send("POST", "https://hub.docker.com/v2/auth/token", "", `{"identifier":"moby","secret":"x"}`))
}

func TestDockerHubEnvironment(t *testing.T) {
	emulated, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	asDockerHub := sandbox.NewDockerHub(emulated, loadCertificate(t, dir, time.Now()), nil)
	defer func() { _ = asDockerHub.Close() }()
	want := []string{
		"DOCKER_PAT_HUB_URL=", "DOCKER_PAT_AUTH_URL=", "DOCKER_PAT_REGISTRY=", "NO_PROXY=", "no_proxy=",
		"HTTPS_PROXY=http://127.0.0.1:5555", "SSL_CERT_FILE=" + filepath.Join(dir, "ca.crt"),
	}
	if got := asDockerHub.Environment("127.0.0.1:5555"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
