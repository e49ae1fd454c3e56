package sandbox_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// post creates a token over a connection of its own and returns the error of the transport.
func (h hub) post(ctx context.Context, session string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL+tokensPath, strings.NewReader(`{"token_label":"x","scopes":["repo:read"]}`))
	if err != nil {
		h.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+session)
	request.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return client.Do(request)
}

func (h hub) count(session string) float64 {
	return h.want(200, h.send("GET", tokensPath, session, nil)).body["count"].(float64)
}

func TestFaultCuts(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	tests := []struct {
		name  string
		fault sandbox.Fault
		made  float64
	}{
		{"before", sandbox.Fault{Cut: sandbox.CutBefore}, 0},
		{"after", sandbox.Fault{Cut: sandbox.CutAfter}, 1},
		{"before, later", sandbox.Fault{Cut: sandbox.CutBefore, Delay: time.Millisecond}, 0},
	}
	for _, test := range tests {
		before := h.count(session)
		test.fault.Method, test.fault.Path, test.fault.Times = http.MethodPost, tokensPath, 1
		h.Sandbox.Inject(test.fault)
		response, err := h.post(t.Context(), session)
		if err == nil {
			_ = response.Body.Close()
			t.Errorf("%s: got reply %d", test.name, response.StatusCode)
		}
		if got := h.count(session) - before; got != test.made {
			t.Errorf("%s: made %v tokens, want %v", test.name, got, test.made)
		}
	}
	cut := 0
	for _, request := range h.Sandbox.Requests() {
		if request.Status == 0 {
			cut++
		}
	}
	if cut != len(tests) {
		t.Errorf("the log has %d requests without a reply, want %d", cut, len(tests))
	}
}

func TestFaultReplies(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	h.Sandbox.Inject(sandbox.Fault{
		Path: "/hub/v2/access-tokens/*", Status: 502, ContentType: "text/html", Body: "<h1>Bad Gateway</h1>", Header: map[string]string{"Via": "proxy"},
	})
	for range 3 { // for ever
		got := h.want(502, h.send("GET", tokensPath+"/x", session, nil))
		if got.text != "<h1>Bad Gateway</h1>" || got.header.Get("Content-Type") != "text/html" || got.header.Get("Via") != "proxy" || got.header.Get(sandbox.FaultHeader) != "1" {
			t.Errorf("got %q with %v", got.text, got.header)
		}
	}
	h.want(200, h.send("GET", tokensPath, session, nil)) // the pattern stands for one element
	h.Sandbox.ClearFaults()
	h.want(404, h.send("GET", tokensPath+"/x", session, nil))

	h.Sandbox.Inject(sandbox.Fault{Method: http.MethodPost, Path: tokensPath, Status: 504, Cut: sandbox.CutAfter, Times: 2})
	for range 2 {
		h.want(504, h.send(http.MethodPost, tokensPath, session, map[string]any{"token_label": "x", "scopes": []string{"repo:read"}}))
	}
	if got := h.count(session); got != 2 {
		t.Errorf("got %v tokens behind lost replies, want 2", got)
	}

	h.Sandbox.Inject(sandbox.Fault{Path: "/hub/", Header: map[string]string{"Via": "proxy"}, Times: 1})
	if got := h.want(200, h.send("GET", tokensPath, session, nil)); got.header.Get("Via") != "proxy" || got.header.Get(sandbox.FaultHeader) != "" {
		t.Errorf("a header alone: got %v", got.header)
	}
}

func TestFaultShortReply(t *testing.T) {
	h := startHub(t, nil)
	h.Sandbox.Inject(sandbox.Fault{Status: 200, Body: `{"tok`, ContentType: "application/json", Header: map[string]string{"Content-Length": "100"}, Times: 1})
	response, err := h.post(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.ReadAll(response.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got error %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestFaultDelay(t *testing.T) {
	h := startHub(t, nil)
	session := h.signIn("moby")
	h.Sandbox.Inject(sandbox.Fault{Path: tokensPath, Delay: 30 * time.Millisecond, Times: 1})
	start := time.Now()
	h.count(session)
	if took := time.Since(start); took < 30*time.Millisecond {
		t.Errorf("took %v", took)
	}
	for _, test := range []struct {
		cut  string
		made float64
	}{{"", 0}, {sandbox.CutAfter, 1}} {
		before := h.count(session)
		h.Sandbox.Inject(sandbox.Fault{Method: http.MethodPost, Delay: time.Hour, Cut: test.cut, Times: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		response, err := h.post(ctx, session)
		cancel()
		if err == nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want a timeout", err)
		}
		if got := h.count(session) - before; got != test.made {
			t.Errorf("cut %q: made %v tokens, want %v", test.cut, got, test.made)
		}
	}
}

func TestFaultsOverHTTP(t *testing.T) {
	h := startHub(t, nil)
	const faults = "/_sandbox/faults"
	h.want(204, h.send(http.MethodPost, faults, "", `{"method":"POST","path":"/hub/v2/auth/token","status":503,"content_type":"text/plain","body":"down","header":{"Retry-After":"1"},"delay":"1ms","times":1}`))
	if got := h.want(503, h.send(http.MethodPost, "/hub/v2/auth/token", "", identify("moby", password))); got.text != "down" || got.header.Get("Retry-After") != "1" {
		t.Errorf("got %q with %v", got.text, got.header)
	}
	h.want(200, h.send(http.MethodPost, "/hub/v2/auth/token", "", identify("moby", password)))
	h.want(204, h.send(http.MethodPost, faults, "", `{"status":500}`))
	h.want(204, h.send(http.MethodPost, faults, "", `{"path":"/hub/","status":501}`))
	h.want(500, h.send("GET", "/token", "", nil)) // the first that matches
	h.want(204, h.send("DELETE", faults, "", nil))
	h.want(200, h.send("GET", "/token", "", nil))
	for _, body := range []string{
		"", `{"stauts":500}`, `{"delay":"soon"}`, `{"delay":"-1s"}`, `{"times":-1}`, `{"status":99}`, `{"status":600}`,
		`{"cut":"off"}`, `{"cut":"before","status":500}`, `{"path":"/["}`, `{"path":"hub"}`,
	} {
		h.want(400, h.send(http.MethodPost, faults, "", body))
	}
	defer func() {
		if recover() == nil {
			t.Error("Inject took a fault that makes no sense")
		}
	}()
	h.Sandbox.Inject(sandbox.Fault{Cut: "off"})
}
