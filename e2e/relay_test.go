package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
)

// A relay stands between docker-pat and a server that Prism makes from an API document. It asks for answers that
// a client has no way to ask for, and the test fails for whatever Prism finds wrong.
type relay struct {
	*httptest.Server
	mu    sync.Mutex
	force map[string]string // the header Prefer by operation
	seen  map[string]bool   // the operations that were asked for
	wrong []string          // what Prism found
}

// newRelay starts a relay to a server of Prism.
func newRelay(t *testing.T, prism string) *relay {
	t.Helper()
	target, err := url.Parse(prism)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{force: map[string]string{}, seen: map[string]bool{}}
	r.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			r.prepare(p.Out)
		},
		ModifyResponse: r.check,
	})
	t.Cleanup(func() {
		r.Close()
		for _, problem := range r.taken() {
			t.Error(problem)
		}
	})
	return r
}

// forcing has an operation, such as "GET /v2/access-tokens/*", answered in another way until restore is called.
func (r *relay) forcing(operation, prefer string) (restore func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.force[operation] = prefer
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.force, operation)
	}
}

func (r *relay) prepare(req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[operationOf(req)] = true
	for operation, prefer := range r.force {
		if ok, _ := path.Match(operation, req.Method+" "+req.URL.Path); ok {
			req.Header.Set("Prefer", prefer)
		}
	}
}

// operationOf puts a * for the id of a token and the name of an organization.
func operationOf(req *http.Request) string {
	parts := strings.Split(req.URL.Path, "/")
	for i := range parts {
		if i > 0 && (parts[i-1] == "access-tokens" || parts[i-1] == "orgs") {
			parts[i] = "*"
		}
	}
	return req.Method + " " + strings.Join(parts, "/")
}

// check notes what Prism refuses or answers for itself. A 429 gets a wait that no client has the patience for.
func (r *relay) check(resp *http.Response) error {
	violations := resp.Header.Get("Sl-Violations")
	problem := strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json")
	if problem || violations != "" || resp.StatusCode == http.StatusUnprocessableEntity {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		r.mu.Lock()
		r.wrong = append(r.wrong, fmt.Sprintf("%s %s: Prism says %d: %s %s", resp.Request.Method, resp.Request.URL.Path, resp.StatusCode, violations, body))
		r.mu.Unlock()
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		resp.Header.Set("Retry-After", "3600")
	}
	return nil
}

// taken are the problems so far. They fail the test no more.
func (r *relay) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.wrong
	r.wrong = nil
	return taken
}

// asked checks that each of the operations was asked for.
func (r *relay) asked(t *testing.T, operations ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, operation := range operations {
		if !r.seen[operation] {
			t.Errorf("nobody asked for %s, only for %v", operation, r.seen)
		}
	}
}
