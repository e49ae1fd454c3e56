// Package client speaks to Docker Hub over HTTP: signing in, access tokens of users and organizations,
// and the check that a registry accepts one. It stores nothing and knows no terminal.
//
// Source of every operation: Docker Hub API reference, https://docs.docker.com/reference/api/hub/latest/.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// Secret is the text of a password, a one-time code, a bearer or a token. It does not print.
type Secret = secret.Secret

// Bounds on what a service may cost us.
const (
	requestTimeout = 30 * time.Second
	maxWait        = 60 * time.Second // in all, for all operations that are throttled
	maxReply       = 10 << 20         // bytes
	maxRedirects   = 5
)

// A Client calls one service. After New nothing of it changes but the time that it has waited for the service,
// which those share that WithBearer makes of it. It is safe for use by several goroutines.
type Client struct {
	base      *url.URL
	http      *http.Client
	userAgent string
	bearer    Secret
	renew     func(ctx context.Context, refused Secret) (Secret, error) // nil: nothing can be done about a 401
	onWait    func(time.Duration)
	waited    *atomic.Int64 // nanoseconds
}

// Options of New.
type Options struct {
	// BaseURL is the service, such as https://hub.docker.com. Plain HTTP is refused except to loopback.
	BaseURL string
	// UserAgent is sent with every request. Docker Hub keeps it with each token that it creates.
	UserAgent string
	// OnWait, when set, is told before each pause that the service asks for. It is never called twice at
	// the same time.
	OnWait func(time.Duration)
}

// New makes no request.
func New(opts Options) (*Client, error) {
	base, err := checkURL(opts.BaseURL)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	onWait := func(pause time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if opts.OnWait != nil {
			opts.OnWait(pause)
		}
	}
	return &Client{base: base, http: newHTTPClient(), userAgent: opts.UserAgent, onWait: onWait, waited: new(atomic.Int64)}, nil
}

// WithBearer returns a client that signs its requests.
func (c *Client) WithBearer(bearer Secret) *Client {
	signed := *c
	signed.bearer = bearer
	return &signed
}

// WithRenewal returns a client that asks once for another bearer when the service refuses its own, and then
// repeats the call: one that was refused has done nothing. The error of renew takes the place of the
// refusal.
func (c *Client) WithRenewal(renew func(ctx context.Context, refused Secret) (Secret, error)) *Client {
	renewing := *c
	renewing.renew = renew
	return &renewing
}

// newHTTPClient honours the proxy variables and the system's certificates, needs TLS 1.2 or later,
// and follows no redirect to another host: the request's secrets would go with it.
func newHTTPClient() *http.Client {
	preset, _ := http.DefaultTransport.(*http.Transport)
	transport := preset.Clone()
	transport.MaxIdleConnsPerHost = atOnce
	return &http.Client{
		Transport: transport,
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme {
				return fmt.Errorf("%w to %s", ErrRedirect, clean(next.URL.Host))
			}
			if len(via) >= maxRedirects {
				return fmt.Errorf("%w: more than %d", ErrRedirect, maxRedirects)
			}
			return nil
		},
	}
}

// checkURL refuses what a secret must not be sent to.
func checkURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return nil, fmt.Errorf("%q is not the address of a service: %w", clean(text), ErrAddress)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("%q would send secrets unencrypted: %w", clean(text), ErrAddress)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// A call is one operation of the service.
type call struct {
	method, path string // the path as it is sent, escaped
	query        url.Values
	in, out      any      // bodies, nil for none
	userAgent    string   // instead of the client's
	secrets      []Secret // what in holds of them
}

// do sends a call and decodes the answer.
func (c *Client) do(ctx context.Context, op call) error {
	err := c.patiently(ctx, op)
	var refused *APIError
	if c.renew == nil || c.bearer.IsZero() || !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
		return err
	}
	bearer, err := c.renew(ctx, c.bearer)
	if err != nil {
		return fmt.Errorf("%s %s: %w", op.method, op.path, err)
	}
	return c.WithBearer(bearer).patiently(ctx, op)
}

// patiently sends a call until it is answered by something else than "later", or has waited long enough.
func (c *Client) patiently(ctx context.Context, op call) error {
	var body []byte
	if op.in != nil {
		var err error
		if body, err = json.Marshal(op.in); err != nil {
			return fmt.Errorf("%s %s: %w", op.method, op.path, err)
		}
	}
	op.secrets = append(slices.Clone(op.secrets), c.bearer)
	for try := 0; ; try++ {
		err := c.once(ctx, op, body)
		var refused *APIError
		if !errors.As(err, &refused) || refused.Status != http.StatusTooManyRequests {
			return err
		}
		pause := refused.pause(try)
		if !c.mayWait(ctx, pause) {
			return err
		}
		c.onWait(pause)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// mayWait takes a pause out of the time that is allowed for waiting. What ctx would cut short is not begun.
func (c *Client) mayWait(ctx context.Context, pause time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause || pause > maxWait {
		return false
	}
	if c.waited.Add(int64(pause)) > int64(maxWait) {
		c.waited.Add(-int64(pause))
		return false
	}
	return true
}

func (c *Client) once(ctx context.Context, op call, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := c.request(ctx, op, body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", op.method, op.path, unreachable(c.base.Host, err, op.secrets...))
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := readAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", op.method, op.path, unreachable(c.base.Host, err, op.secrets...))
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		if err := secondFactor(data); err != nil && resp.StatusCode == http.StatusUnauthorized {
			return err
		}
		return newAPIError(op, resp, data)
	}
	if op.out == nil {
		return nil
	}
	if err := json.Unmarshal(data, op.out); err != nil {
		return fmt.Errorf("%s %s: %w: %s", op.method, op.path, ErrNotTheAPI, describe(resp.Header.Get("Content-Type"), data, op.secrets...))
	}
	return nil
}

func (c *Client) request(ctx context.Context, op call, body []byte) (*http.Request, error) {
	u := *c.base
	u.RawPath = u.EscapedPath() + op.path
	u.RawQuery = op.query.Encode()
	var err error
	if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
		return nil, fmt.Errorf("%s %s: %w", op.method, op.path, err)
	}
	req, err := http.NewRequestWithContext(ctx, op.method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", op.method, op.path, err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)
	if op.userAgent != "" {
		req.Header.Set("User-Agent", op.userAgent)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !c.bearer.IsZero() {
		req.Header.Set("Authorization", "Bearer "+c.bearer.Reveal())
	}
	return req, nil
}

// readAll reads a body through the limit.
func readAll(body io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, maxReply+1))
	if err == nil && len(data) > maxReply {
		err = fmt.Errorf("%w: it is larger than %d MiB", ErrNotTheAPI, maxReply>>20)
	}
	return data, err
}
