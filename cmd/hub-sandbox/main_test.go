package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// A syncBuffer takes what the program writes from several goroutines.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(data)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// testSystem has no environment.
func testSystem(stdout, stderr io.Writer) system {
	return system{Out: stdout, Err: stderr, Env: func(string) string { return "" }, Now: time.Now}
}

// A program is a hub-sandbox under test.
type program struct {
	settings map[string]string
	stderr   *syncBuffer
	stop     func() int // interrupts it and returns its exit code
}

// start runs the program and waits for its three settings.
func start(t *testing.T, args ...string) program {
	t.Helper()
	p, lines := begin(t, testSystem(nil, nil), 3, args...)
	for _, line := range lines {
		setting, ok := strings.CutPrefix(line, "export ")
		name, value, found := strings.Cut(setting, "=")
		if !ok || !found {
			t.Fatalf("standard output has %q", line)
		}
		p.settings[name] = value
	}
	return p
}

// begin runs the program with streams of its own and waits for that many lines on standard output.
func begin(t *testing.T, sys system, count int, args ...string) (p program, lines []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	stderr := &syncBuffer{}
	exit := make(chan int, 1)
	go func() {
		sys.Out, sys.Err = writer, stderr
		exit <- run(ctx, sys, args)
		_ = writer.Close()
	}()
	p = program{settings: map[string]string{}, stderr: stderr}
	p.stop = sync.OnceValue(func() int {
		cancel()
		select {
		case code := <-exit:
			return code
		case <-time.After(10 * time.Second):
			t.Error("the program does not stop")
			return -1
		}
	})
	t.Cleanup(func() { p.stop() })
	for scanner := bufio.NewScanner(reader); len(lines) < count && scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	if len(lines) < count {
		t.Fatalf("got settings %q; standard error: %s", lines, stderr)
	}
	return p, lines
}

func TestServesAndStops(t *testing.T) {
	p := start(t, "--addr", "127.0.0.1:0", "--user", "moby:whale", "--user", "ann:whale:JBSWY3DPEHPK3PXP", "--public", "moby/hello")
	url := p.settings["DOCKER_PAT_HUB_URL"]
	match := regexp.MustCompile(`^http://127\.0\.0\.1:([1-9][0-9]*)/hub$`).FindStringSubmatch(url)
	if match == nil {
		t.Fatalf("got settings %v", p.settings)
	}
	if got, want := p.settings["DOCKER_PAT_REGISTRY"], "localhost:"+match[1]; got != want {
		t.Errorf("got registry %q, want %q", got, want)
	}
	if got, want := p.settings["DOCKER_PAT_AUTH_URL"], "http://127.0.0.1:"+match[1]+"/login"; got != want {
		t.Errorf("got sign-in %q, want %q", got, want)
	}
	for user, want := range map[string]int{"moby": 200, "ann": 401, "bob": 401} {
		body := `{"username":"` + user + `","password":"whale"}`
		if got := post(t, url+"/v2/users/login", body); got != want {
			t.Errorf("%s: got status %d, want %d", user, got, want)
		}
	}
	if got := post(t, url+"/elsewhere", "{}"); got != 404 {
		t.Errorf("unknown route: got status %d", got)
	}
	if code := p.stop(); code != exitOK {
		t.Errorf("got exit code %d; standard error: %s", code, p.stderr)
	}
	if want := `unknown route: POST "/hub/elsewhere"`; !strings.Contains(p.stderr.String(), want) {
		t.Errorf("standard error has no %q: %s", want, p.stderr)
	}
	if strings.Contains(p.stderr.String(), "whale") {
		t.Errorf("standard error has a password: %s", p.stderr)
	}
}

func TestDefaultUser(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "localhost:0"} {
		p := start(t, "--addr", addr)
		if got := post(t, p.settings["DOCKER_PAT_HUB_URL"]+"/v2/users/login", `{"username":"moby","password":"whale"}`); got != 200 {
			t.Errorf("%s: got status %d", addr, got)
		}
	}
}

// TestStopsUnderWay holds that a request which would last for ever does not keep the program alive.
func TestStopsUnderWay(t *testing.T) {
	p := start(t, "--addr", "127.0.0.1:0")
	base := strings.TrimSuffix(p.settings["DOCKER_PAT_HUB_URL"], "/hub")
	if got := post(t, base+"/_sandbox/faults", `{"path":"/hub/","delay":"1h"}`); got != 204 {
		t.Fatalf("got status %d", got)
	}
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		response, err := http.Get(base + "/hub/v2/access-tokens")
		if err == nil {
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

func TestRefusals(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"port in use", []string{"--addr", taken.Addr().String()}, exitFailure, "listen: "},
		{"every address", []string{"--addr", "0.0.0.0:5555"}, exitUsage, "only loopback addresses"},
		{"every address, short", []string{"--addr", ":5555"}, exitUsage, "only loopback addresses"},
		{"every address, IPv6", []string{"--addr", "[::]:5555"}, exitUsage, "only loopback addresses"},
		{"private address", []string{"--addr", "192.168.1.2:5555"}, exitUsage, "only loopback addresses"},
		{"another name", []string{"--addr", "localhost.example.com:5555"}, exitUsage, "only loopback addresses"},
		{"no port", []string{"--addr", "127.0.0.1"}, exitUsage, "HOST:PORT"},
		{"port as a name", []string{"--addr", "127.0.0.1:http"}, exitUsage, "port"},
		{"user without a password", []string{"--user", "moby"}, exitUsage, "NAME:PASSWORD"},
		{"user with too much", []string{"--user", "moby:hidden:b:c"}, exitUsage, "NAME:PASSWORD"},
		{"user twice", []string{"--user", "moby:a", "--user", "moby:b"}, exitUsage, "twice"},
		{"secret not base32", []string{"--user", "moby:a:hidden1"}, exitUsage, "base32"},
		{"organization without owners", []string{"--org", "acme"}, exitUsage, "NAME:OWNERS"},
		{"organization with too much", []string{"--org", "acme:moby:::x"}, exitUsage, "NAME:OWNERS"},
		{"organization of nobody", []string{"--org", "acme:,"}, exitUsage, "no owner"},
		{"organization of a stranger", []string{"--org", "acme:bob"}, exitUsage, "no user"},
		{"unknown plan", []string{"--org", "acme:moby::huge"}, exitUsage, "unknown plan"},
		{"public repository", []string{"--public", "Moby"}, exitUsage, "repository"},
		{"certificate for nothing", []string{"--cert-dir", "x"}, exitUsage, "--as-docker-hub"},
		{"no place for the certificate", []string{"--as-docker-hub", "--addr", "127.0.0.1:0"}, exitUsage, "--cert-dir"},
		{"certificate in a file", []string{"--as-docker-hub", "--addr", "127.0.0.1:0", "--cert-dir", "main_test.go"}, exitFailure, "folder for certificates"},
		{"certificate where others write", []string{"--as-docker-hub", "--addr", "127.0.0.1:0", "--cert-dir", sharedFolder(t)}, exitUsage, "others on this machine may write"},
		{"port in use as Docker Hub", []string{"--as-docker-hub", "--cert-dir", ownFolder(t), "--addr", taken.Addr().String()}, exitFailure, "listen: "},
		{"argument", []string{"serve"}, exitUsage, `takes no arguments, got "serve"`},
		{"unknown flag", []string{"--port", "1"}, exitUsage, "unknown flag"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr := &syncBuffer{}, &syncBuffer{}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			code := run(ctx, testSystem(stdout, stderr), test.args)
			if code != test.code || !strings.Contains(stderr.String(), test.want) || stdout.String() != "" {
				t.Errorf("got %d, standard output %q, standard error %q; want %d and %q", code, stdout, stderr, test.code, test.want)
			}
			if strings.Contains(stderr.String(), "hidden") {
				t.Errorf("standard error has a secret: %s", stderr)
			}
			if hinted := strings.Contains(stderr.String(), "hint:"); hinted != (test.code == exitUsage) {
				t.Errorf("standard error: %s", stderr)
			}
		})
	}
}

// ownFolder is nobody else's, whatever the umask is.
func ownFolder(t *testing.T) string { return folder(t, 0o700) }

func sharedFolder(t *testing.T) string { return folder(t, 0o770) }

func folder(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestHelp(t *testing.T) {
	stdout, stderr := &syncBuffer{}, &syncBuffer{}
	if code := run(t.Context(), testSystem(stdout, stderr), []string{"--help"}); code != exitOK || stderr.String() != "" {
		t.Errorf("got exit code %d, standard error %q", code, stderr)
	}
	for _, want := range []string{"--addr ADDRESS", "--user NAME:PASSWORD", "--org NAME:OWNERS", "--public REPOSITORY", "_sandbox/faults", "--as-docker-hub", "--cert-dir FOLDER", "SSL_CERT_FILE"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the help has no %q:\n%s", want, stdout)
		}
	}
}

// brokenWriter is a pipe whose reader has gone.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestSettingsCannotBeWritten(t *testing.T) {
	stderr := &syncBuffer{}
	if code := run(t.Context(), testSystem(brokenWriter{}, stderr), []string{"--addr", "127.0.0.1:0"}); code != exitFailure {
		t.Errorf("got exit code %d; standard error: %s", code, stderr)
	}
}

func post(t *testing.T, url, body string) int {
	t.Helper()
	return postBy(t, http.DefaultClient, url, body)
}

func postBy(t *testing.T, client *http.Client, url, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}
