package main

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// settingsLines is how many lines --as-docker-hub prints: what to unset, the proxy, the authority.
const settingsLines = 3

// evaluate returns the value that a variable has in a shell which had others and reads the lines.
func evaluate(t *testing.T, lines []string, name string) string {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	const before = "NO_PROXY='*'; DOCKER_PAT_HUB_URL=x; DOCKER_PAT_AUTH_URL=x; DOCKER_PAT_REGISTRY=x\n"
	script := before + strings.Join(lines, "\n") + "\nprintf %s \"${" + name + "-unset}\"\n"
	out, err := exec.CommandContext(t.Context(), shell, "-euc", script).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, script)
	}
	return string(out)
}

func TestAsDockerHub(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "the user's own, $HOME")
	p, lines := begin(t, testSystem(nil, nil), settingsLines, "--as-docker-hub", "--addr", "127.0.0.1:0", "--cert-dir", dir)
	for _, name := range []string{"DOCKER_PAT_HUB_URL", "DOCKER_PAT_AUTH_URL", "DOCKER_PAT_REGISTRY", "NO_PROXY", "no_proxy"} {
		if got := evaluate(t, lines, name); got != "unset" {
			t.Errorf("%s is %q", name, got)
		}
	}
	client := proxied(t, evaluate(t, lines, "HTTPS_PROXY"), evaluate(t, lines, "SSL_CERT_FILE"))
	if got := postBy(t, client, "https://hub.docker.com/v2/users/login", `{"username":"moby","password":"whale"}`); got != 200 {
		t.Errorf("got status %d", got)
	}
	if got := postBy(t, client, "https://login.docker.com/oauth/authorize", "{}"); got != 404 {
		t.Errorf("got status %d", got)
	}
	if _, err := client.Get("https://example.com/"); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("another site: %v", err)
	}
	proxy := evaluate(t, lines, "HTTPS_PROXY")
	if got := post(t, proxy+"/hub/v2/users/login", `{"username":"moby","password":"whale"}`); got != 200 {
		t.Errorf("under the ordinary address: got status %d", got)
	}
	if code := p.stop(); code != exitOK {
		t.Errorf("got exit code %d; standard error: %s", code, p.stderr)
	}
	for _, want := range []string{`refused to connect to "example.com:443"`, `unknown route: POST "/login/oauth/authorize"`} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("standard error has no %q: %s", want, p.stderr)
		}
	}
}

// TestAsDockerHubAgain holds that a program which trusts one run trusts the next.
func TestAsDockerHubAgain(t *testing.T) {
	state := t.TempDir()
	sys := testSystem(nil, nil)
	sys.Env = func(name string) string {
		return map[string]string{"HOME": state, "USERPROFILE": state, "XDG_STATE_HOME": state}[name]
	}
	var trusted []byte
	for range 2 {
		p, lines := begin(t, sys, settingsLines, "--as-docker-hub", "--addr", "127.0.0.1:0")
		file := filepath.Join(state, "docker-pat", "sandbox", "ca.crt")
		if got := evaluate(t, lines, "SSL_CERT_FILE"); got != file {
			t.Fatalf("the authority is in %s, expected %s", got, file)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if trusted != nil && string(data) != string(trusted) {
			t.Error("the second run has another authority")
		}
		trusted = data
		p.stop()
	}
}

// TestAsDockerHubUntrusted is what a user sees who has forgotten SSL_CERT_FILE.
func TestAsDockerHubUntrusted(t *testing.T) {
	p, lines := begin(t, testSystem(nil, nil), settingsLines, "--as-docker-hub", "--addr", "127.0.0.1:0", "--cert-dir", ownFolder(t))
	client := proxied(t, evaluate(t, lines, "HTTPS_PROXY"), "")
	if _, err := client.Get("https://hub.docker.com/"); err == nil {
		t.Error("it is trusted by everybody")
	}
	p.stop()
	if !strings.Contains(p.stderr.String(), "TLS handshake error") {
		t.Errorf("standard error does not say why: %s", p.stderr)
	}
}

// TestAsDockerHubStopsUnderWay holds that a request in a tunnel does not keep the program alive.
func TestAsDockerHubStopsUnderWay(t *testing.T) {
	p, lines := begin(t, testSystem(nil, nil), settingsLines, "--as-docker-hub", "--addr", "127.0.0.1:0", "--cert-dir", ownFolder(t))
	proxy := evaluate(t, lines, "HTTPS_PROXY")
	if got := post(t, proxy+"/_sandbox/faults", `{"path":"/hub/","delay":"1h"}`); got != 204 {
		t.Fatalf("got status %d", got)
	}
	client := proxied(t, proxy, evaluate(t, lines, "SSL_CERT_FILE"))
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		if response, err := client.Get("https://hub.docker.com/v2/access-tokens"); err == nil {
			_ = response.Body.Close()
			t.Errorf("got reply %d", response.StatusCode)
		}
	}()
	time.Sleep(50 * time.Millisecond) // for the request to be under way; if it is not, the test is only weaker
	if code := p.stop(); code != exitOK {
		t.Errorf("got exit code %d; standard error: %s", code, p.stderr)
	}
	<-waiting
}

// proxied is the client of a process with the settings.
func proxied(t *testing.T, proxy, authority string) *http.Client {
	t.Helper()
	address, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if authority != "" {
		data, err := os.ReadFile(authority)
		if err != nil {
			t.Fatal(err)
		}
		roots.AppendCertsFromPEM(data)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(address), TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
