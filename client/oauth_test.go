package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/sandbox"
	"github.com/docker-pat/docker-pat/internal/secret"
)

const (
	devicePath = "/login/oauth/device/code"
	grantPath  = "/login/oauth/token"
	revokePath = "/login/oauth/revoke"
)

// startTenant has a clock that goes, as the waiting does.
func startTenant(t *testing.T, change func(*sandbox.Options)) (hub, *client.Tenant) {
	t.Helper()
	h := startHub(t, func(o *sandbox.Options) {
		o.Now = nil
		if change != nil {
			change(o)
		}
	})
	return h, newTenant(t, h.URL+sandbox.AuthPath)
}

func newTenant(t *testing.T, baseURL string) *client.Tenant {
	t.Helper()
	tenant, err := client.NewTenant(baseURL, userAgent)
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

func begin(t *testing.T, tenant *client.Tenant) client.Device {
	t.Helper()
	device, err := tenant.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return device
}

// answered waits until the tenant has answered a path with a status.
func (h hub) answered(t *testing.T, path string, status int) {
	t.Helper()
	for t.Context().Err() == nil {
		for _, r := range h.Sandbox.Requests() {
			if r.Path == path && r.Status == status {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// decideWhen has a person decide once the tenant has answered a question with a status.
func (h hub) decideWhen(t *testing.T, status int, userCode string, decision sandbox.Decision) {
	t.Helper()
	go func() {
		h.answered(t, grantPath, status)
		if err := h.Sandbox.Decide(userCode, decision, "moby"); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	}()
}

func (h hub) signedInOnTheWeb(t *testing.T, tenant *client.Tenant) client.Session {
	t.Helper()
	device := begin(t, tenant)
	if err := h.Sandbox.Decide(device.UserCode, sandbox.Approve, "moby"); err != nil {
		t.Fatal(err)
	}
	session, err := tenant.Wait(t.Context(), device)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// TestWait holds that the 403 of "not yet" is waited out: the code is approved only after one.
func TestWait(t *testing.T) {
	t.Parallel()
	h, tenant := startTenant(t, nil)
	device := begin(t, tenant)
	if want := h.URL + "/login/activate"; device.Page != want || device.PageFull != want+"?user_code="+device.UserCode {
		t.Errorf("the page is %s, in full %s", device.Page, device.PageFull)
	}
	h.decideWhen(t, http.StatusForbidden, device.UserCode, sandbox.Approve)
	session, err := tenant.Wait(t.Context(), device)
	if err != nil || session.Username != "moby" || session.RefreshToken.IsZero() || session.ClientID != client.DockerClientID || !session.ExpiresAt.After(time.Now()) {
		t.Fatalf("got %+v, %v", session, err)
	}
	if n := h.count(http.MethodPost, grantPath); n < 2 {
		t.Errorf("it asked %d times", n)
	}
	if _, err := h.client(t).WithBearer(session.Bearer).ListTokens(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		decision sandbox.Decision
		lifetime time.Duration
		want     error
	}{
		"denied":              {sandbox.Deny, 0, client.ErrDenied},
		"expired at the host": {sandbox.Expire, 0, client.ErrCodeExpired},
		"expired here":        {"", time.Second, client.ErrCodeExpired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, tenant := startTenant(t, func(o *sandbox.Options) { o.DeviceCodeLifetime = tt.lifetime })
			device := begin(t, tenant)
			if tt.decision != "" {
				h.decideWhen(t, http.StatusForbidden, device.UserCode, tt.decision)
			}
			if _, err := tenant.Wait(t.Context(), device); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestWaitInterrupted(t *testing.T) {
	t.Parallel()
	h, tenant := startTenant(t, nil)
	device := begin(t, tenant)
	ctx, cancel := context.WithCancel(t.Context())
	h.Sandbox.Inject(sandbox.Fault{Path: grantPath, Delay: time.Hour})
	time.AfterFunc(1500*time.Millisecond, cancel) // while the first question is under way; earlier it is only weaker
	if _, err := tenant.Wait(ctx, device); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestBeginInterrupted(t *testing.T) {
	t.Parallel()
	h, tenant := startTenant(t, nil)
	h.Sandbox.Inject(sandbox.Fault{Path: devicePath, Delay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := tenant.Begin(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestWaitOutlastsFailures has a network that cuts, a service that fails and one that throttles.
func TestWaitOutlastsFailures(t *testing.T) {
	t.Parallel()
	var waits sync.WaitGroup
	defer waits.Wait()
	for name, fault := range map[string]sandbox.Fault{
		"cut":         {Cut: sandbox.CutBefore},
		"broken":      {Status: 503, Body: "<html>", ContentType: "text/html"},
		"throttled":   {Status: 429, Body: "Too Many Requests (HAP429)", ContentType: "text/plain"},
		"slow down":   {Status: 429, Body: `{"error":"slow_down","error_description":"x"}`, ContentType: "application/json"},
		"pending 400": {Status: 400, Body: `{"error":"authorization_pending"}`, ContentType: "application/json"},
	} {
		h, tenant := startTenant(t, nil)
		device := begin(t, tenant)
		fault.Path, fault.Times = grantPath, 1
		h.Sandbox.Inject(fault)
		if err := h.Sandbox.Decide(device.UserCode, sandbox.Approve, "moby"); err != nil {
			t.Fatal(err)
		}
		waits.Go(func() { // at the same time, as they do nothing but wait
			if _, err := tenant.Wait(t.Context(), device); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if n := h.count(http.MethodPost, grantPath); n != 2 {
				t.Errorf("%s: it asked %d times", name, n)
			}
		})
	}
}

func TestRefreshAndRevoke(t *testing.T) {
	t.Parallel()
	h, tenant := startTenant(t, nil)
	session := h.signedInOnTheWeb(t, tenant)
	next, err := tenant.Refresh(t.Context(), session.ClientID, session.RefreshToken)
	if err != nil || next.Username != "moby" || next.Bearer.IsZero() || next.RefreshToken.Reveal() == session.RefreshToken.Reveal() {
		t.Fatalf("got %+v, %v", next, err)
	}
	if _, err := tenant.Refresh(t.Context(), "another-program", next.RefreshToken); err == nil || errors.Is(err, client.ErrSessionEnded) {
		t.Errorf("another client id: got %v", err)
	}
	for range 2 {
		if err := tenant.Revoke(t.Context(), next.ClientID, next.RefreshToken); err != nil {
			t.Error(err)
		}
	}
	if _, err := tenant.Refresh(t.Context(), next.ClientID, next.RefreshToken); !errors.Is(err, client.ErrSessionEnded) {
		t.Errorf("after its end: got %v", err)
	}
	if n := h.Sandbox.Sessions("moby"); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	h.Sandbox.Inject(sandbox.Fault{Path: revokePath, Status: 503})
	var refused *client.APIError
	if err := tenant.Revoke(t.Context(), next.ClientID, next.RefreshToken); !errors.As(err, &refused) || refused.Status != 503 {
		t.Errorf("got %v", err)
	}
	nobody := httptest.NewServer(nil)
	nobody.Close()
	tenant = newTenant(t, nobody.URL)
	if err := tenant.Revoke(t.Context(), next.ClientID, next.RefreshToken); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if _, err := tenant.Begin(t.Context()); !errors.Is(err, client.ErrNotSent) {
		t.Errorf("got %v", err)
	}
}

// tenantOperations are all that a stranger in place of the tenant can answer. Wait has a code that is secret.
func tenantOperations(t *testing.T, tenant *client.Tenant, device client.Device) map[string]error {
	t.Helper()
	_, begun := tenant.Begin(t.Context())
	_, waited := tenant.Wait(t.Context(), device)
	_, refreshed := tenant.Refresh(t.Context(), "id", secret.New(madeUpRefresh))
	return map[string]error{"Begin": begun, "Wait": waited, "Refresh": refreshed, "Revoke": tenant.Revoke(t.Context(), "id", secret.New(madeUpRefresh))}
}

const (
	madeUpRefresh = "refresh-" + "of-nobody"
	madeUpCode    = "device-code-" + "of-nobody"
)

// deviceOf is a device of a server that answers with it once and then with something else.
func deviceOf(t *testing.T, answer http.HandlerFunc) (*client.Tenant, client.Device) {
	t.Helper()
	var begun atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if begun.Swap(true) {
			answer(w, r)
			return
		}
		reply(200, "application/json", `{"device_code":"`+madeUpCode+`","user_code":"BCDF-GHJK","verification_uri":"https://login.example/x","expires_in":900,"interval":1}`)(w, r)
	}))
	t.Cleanup(server.Close)
	tenant := newTenant(t, server.URL)
	return tenant, begin(t, tenant)
}

// TestTenantEcho has a tenant that sends back all that it was sent.
func TestTenantEcho(t *testing.T) {
	t.Parallel()
	var waits sync.WaitGroup
	for _, status := range []int{200, 400, 403} {
		tenant, device := deviceOf(t, func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			echo := "\x1b[31m\u202e" + r.PostForm.Encode() + "|" + madeUp + strings.Repeat(" and more", 1000)
			reply(status, "application/json", quoted(map[string]any{"error": "server_error", "error_description": echo, "error_uri": echo}))(w, r)
		})
		waits.Go(func() {
			for name, err := range tenantOperations(t, tenant, device) {
				if err == nil && (name != "Revoke" || status != 200) {
					t.Errorf("%s, %d: no error", name, status)
				}
				checkText(t, name, err, madeUpRefresh, madeUpCode, madeUp)
			}
		})
	}
	waits.Wait()
}

// TestTenantBrokenReplies has answers that are none.
func TestTenantBrokenReplies(t *testing.T) {
	t.Parallel()
	const page = `{"device_code":"x","user_code":"y","expires_in":900,"interval":1,"verification_uri":`
	var waits sync.WaitGroup
	for name, answer := range map[string]http.HandlerFunc{
		"empty":          reply(200, "application/json", ""),
		"a page":         reply(200, "text/html", "<html>sign in to this network</html>"),
		"a list":         reply(200, "application/json", "[]"),
		"nothing in it":  reply(200, "application/json", "{}"),
		"a form":         reply(200, "text/plain", "access_token=&x=%zz"),
		"too large":      reply(200, "application/json", `{"x":"`+strings.Repeat("x", 11<<20)+`"}`),
		"a script":       reply(200, "application/json", page+`"javascript:alert(1)"}`),
		"a plain page":   reply(200, "application/json", page+`"http://login.example/"}`),
		"a hidden page":  reply(200, "application/json", page+`"https://login.docker.com@login.example/"}`),
		"a strange page": reply(200, "application/json", page+`"https://login.example/\u202e"}`),
	} {
		tenant, device := deviceOf(t, answer)
		waits.Go(func() {
			for operation, err := range tenantOperations(t, tenant, device) {
				if operation != "Revoke" && !errors.Is(err, client.ErrNotTheAPI) {
					t.Errorf("%s, %s: got %v", name, operation, err)
				}
				checkText(t, name, err, madeUpRefresh, madeUpCode)
			}
		})
	}
	waits.Wait()
}

// TestTenantHeaders holds that every request says who asks, and for what.
func TestTenantHeaders(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	tenant, device := deviceOf(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.URL.Path, r.Header.Get("User-Agent")+"|"+r.Header.Get("Content-Type")+"|"+r.Header.Get("Authorization"))
		reply(400, "application/json", `{"error":"invalid_request"}`)(w, r)
	})
	_ = tenantOperations(t, tenant, device)
	for _, path := range []string{"/oauth/device/code", "/oauth/token", "/oauth/revoke"} {
		if got, _ := seen.Load(path); got != userAgent+"|application/x-www-form-urlencoded|" {
			t.Errorf("%s: got %v", path, got)
		}
	}
}

func TestTenantRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := record(t, reply(200, "application/json", "{}"))
	var waits sync.WaitGroup
	for _, status := range []int{302, 307, 308} {
		tenant, device := deviceOf(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, status)
		})
		waits.Go(func() {
			for name, err := range tenantOperations(t, tenant, device) {
				if !errors.Is(err, client.ErrRedirect) {
					t.Errorf("%d, %s: got %v", status, name, err)
				}
			}
		})
	}
	waits.Wait()
	if got := elsewhere.requests(); len(got) != 0 {
		t.Errorf("elsewhere got %q", got)
	}
}
