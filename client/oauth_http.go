package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"
)

// errInvalidGrant is the tenant's word for a code or a refresh token that it does not know, or not any more.
var errInvalidGrant = errors.New("not known, or not any more")

func (t *Tenant) address(path string) string { return t.base.String() + path }

// config sends the client id in the form: there is no secret that could go with it.
func (t *Tenant) config(clientID string, scopes ...string) *oauth2.Config {
	return &oauth2.Config{ClientID: clientID, Scopes: scopes, Endpoint: oauth2.Endpoint{
		DeviceAuthURL: t.address(devicePath), TokenURL: t.address(grantPath), AuthStyle: oauth2.AuthStyleInParams,
	}}
}

// with makes the library send its requests through a bounded transport.
func (t *Tenant) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport: bounded{ctx, t.http.Transport, t.userAgent}, CheckRedirect: t.http.CheckRedirect,
	})
}

// A bounded transport ends a request with a context of its own, as the library heeds none when it asks for
// a code, and hands over the body when all of it is there, as the library does not always close it.
type bounded struct {
	ctx       context.Context // of the one operation that this transport is made for
	next      http.RoundTripper
	userAgent string
}

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), requestTimeout)
	defer cancel()
	defer context.AfterFunc(b.ctx, cancel)()
	req = req.Clone(ctx)
	req.Header.Set("User-Agent", b.userAgent)
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := readAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// problem says in our own errors what the library has met. Its own ones quote the reply.
func (t *Tenant) problem(ctx context.Context, path string, err error, secrets ...Secret) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		switch refused.ErrorCode {
		case "access_denied":
			return ErrDenied
		case "expired_token":
			return ErrCodeExpired
		case "invalid_grant":
			return errInvalidGrant
		}
		op := call{method: http.MethodPost, path: path, secrets: secrets}
		return newAPIError(op, refused.Response, refused.Body)
	}
	if errors.As(err, new(*url.Error)) {
		return fmt.Errorf("POST %s: %w", path, unreachable(t.base.Host, err, secrets...))
	}
	return fmt.Errorf("POST %s: %w", path, ErrNotTheAPI)
}
