package client_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
	"github.com/docker-pat/docker-pat/tokens"
)

// TestBrokenReplies asks every operation of a service that is not itself.
func TestBrokenReplies(t *testing.T) {
	t.Parallel()
	const page = "<!DOCTYPE html>\n<html><body>Sign in to the guest network</body></html>"
	tests := []struct {
		name        string
		status      int
		contentType string
		body        string
		want        error  // nil: an *APIError of the status
		text        string // part of the error
	}{
		{"500", 500, "application/json", `{"message":"internal error","errinfo":null}`, nil, "500 Internal Server Error: internal error"},
		{"503 in plain text", 503, "text/plain", "upstream connect error", nil, `503 Service Unavailable: "upstream connect error"`},
		{"502 as a page", 502, "text/html", page, nil, "502 Bad Gateway: an HTML page"},
		{"418 without a body", 418, "", "", nil, "418 I'm a teapot"},
		{"a status without a name", 599, "", "[1,2]", nil, "599 : JSON of another form"},
		{"page", 200, "text/html", page, client.ErrNotTheAPI, "an HTML page"},
		{"page in disguise", 200, "application/json", page, client.ErrNotTheAPI, "an HTML page"},
		{"garbage", 200, "application/json", "\x00\x9b31m\u202egarbage\r\n", client.ErrNotTheAPI, "garbage"},
		{"empty", 200, "application/json", "", client.ErrNotTheAPI, "an empty reply"},
		{"cut JSON", 200, "application/json", `{"uuid":"12`, client.ErrNotTheAPI, "JSON of another form"},
		{"another type", 200, "application/json", `{"token":[],"access_token":[],"results":7,"uuid":7}`, client.ErrNotTheAPI, "JSON of another form"},
		{"nothing in it", 200, "application/json", `{}`, client.ErrNotTheAPI, "in it"},
		{"null", 200, "application/json", `null`, client.ErrNotTheAPI, "in it"},
	}
	for _, tt := range tests {
		server := record(t, reply(tt.status, tt.contentType, tt.body))
		for _, op := range operations() {
			if strings.HasSuffix(op.name, "DeleteToken") && tt.status == 200 {
				continue // no body is read
			}
			err := op.call(t.Context(), newClient(t, server.URL, nil))
			var answer *client.APIError
			if tt.want == nil && (!errors.As(err, &answer) || answer.Status != tt.status) || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s, %s: got %v", tt.name, op.name, err)
			} else if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%s, %s: got %q, want %q in it", tt.name, op.name, err, tt.text)
			}
			checkText(t, tt.name+", "+op.name, err)
		}
	}
}

// TestHugeReplies must not fill the memory, whatever the size on the wire.
func TestHugeReplies(t *testing.T) {
	t.Parallel()
	chunk := []byte(strings.Repeat(" ", 1<<16))
	const chunks = 11 << 4 // 11 MiB
	var whole atomic.Bool
	plain := func(w http.ResponseWriter, _ *http.Request) {
		for range 10 * chunks {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
		whole.Store(true)
	}
	bomb := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that exists
		for range chunks {
			if _, err := z.Write(chunk); err != nil {
				return
			}
		}
		_ = z.Close() // the client has gone
	}
	for name, answer := range map[string]http.HandlerFunc{"plain": plain, "gzip bomb": bomb} {
		server := record(t, answer)
		_, err := newClient(t, server.URL, nil).ListTokens(t.Context())
		if !errors.Is(err, client.ErrNotTheAPI) || !strings.Contains(err.Error(), "larger than 10 MiB") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	server := record(t, plain)
	if err := newRegistry(t, server.URL).SignIn(t.Context(), "moby", secret.New(password)); !errors.Is(err, client.ErrNotTheAPI) {
		t.Errorf("the registry check says %v", err)
	}
	if whole.Load() {
		t.Error("the whole reply was read")
	}
}

func TestCutConnections(t *testing.T) {
	t.Parallel()
	for _, cut := range []string{sandbox.CutBefore, sandbox.CutAfter} {
		h := startHub(t, nil)
		c := h.signedIn(t)
		h.Sandbox.Inject(sandbox.Fault{Path: tokensPath, Cut: cut})
		h.Sandbox.Inject(sandbox.Fault{Path: tokensPath + "/*", Cut: cut})
		h.Sandbox.Inject(sandbox.Fault{Path: orgPath, Cut: cut})
		h.Sandbox.Inject(sandbox.Fault{Path: "/hub/v2/", Cut: cut})
		for _, op := range operations() {
			err := op.call(t.Context(), c)
			if !errors.Is(err, client.ErrUnreachable) || !strings.Contains(err.Error(), h.Addr+" cannot be reached") {
				t.Errorf("%s, %s: got %v", cut, op.name, err)
			}
			checkText(t, op.name, err)
		}
		h.Sandbox.ClearFaults()
		for path, hub := range map[string]tokens.Hub{tokensPath: c, orgPath: c.Organization("acme")} {
			if made := h.count("POST", path); made != 1 {
				t.Errorf("%s: %d requests to create, want one: a second makes a second token", cut, made)
			}
			got, err := hub.ListTokens(t.Context())
			if want := map[string]int{sandbox.CutBefore: 0, sandbox.CutAfter: 1}[cut]; err != nil || len(got) != want {
				t.Errorf("%s: there are %v, %v; want %d tokens", cut, got, err, want)
			}
		}
	}
}

// TestBadBytes has servers that do not speak HTTP, and one that cuts its reply short.
func TestBadBytes(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"not HTTP":        "SSH-2.0-OpenSSH_9.9 \x1b[31m" + madeUp + strings.Repeat("x", 5000) + "\r\n",
		"no status":       "HTTP/1.1 \x1b[31m" + strings.Repeat("y", 3000) + "\r\n\r\n",
		"short":           "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
		"nothing":         "",
		"bad header":      "HTTP/1.1 200 OK\r\n\x1b[31m" + madeUp + "\r\n\r\n",
		"nameless target": "HTTP/1.1 307 x\r\nLocation: http://[" + madeUp + strings.Repeat("z", 3000) + "\r\n\r\n",
		"no target":       "HTTP/1.1 307 x\r\nContent-Length: 0\r\n\r\n",
	} {
		url := speak(t, answer)
		_, _, err := newClient(t, url, nil).WithBearer(secret.New(madeUp)).CreateToken(t.Context(), client.NewToken{Label: "x"})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		checkText(t, name, err, madeUp)
	}
}

// speak listens and answers each connection with the same bytes.
func speak(t *testing.T, answer string) (url string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the test has ended
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = fmt.Fprint(conn, answer)
			_ = conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestSlowService(t *testing.T) {
	t.Parallel()
	h := startHub(t, nil)
	c := h.signedIn(t)
	h.Sandbox.Inject(sandbox.Fault{Delay: time.Hour})
	for _, op := range operations() {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := op.call(ctx, c)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, client.ErrUnreachable) || strings.Contains(err.Error(), "30s") {
			t.Errorf("%s with a deadline: got %v", op.name, err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		if err := op.call(ctx, c); !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%s cancelled: got %v", op.name, err)
		}
	}
}
