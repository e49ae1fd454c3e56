package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// ErrNoTime says that an answer of the service has no time in it.
var ErrNoTime = errors.New("the service does not tell the time")

// ClockOffset is how far the clock now is ahead of that of the service. It reads the Date of an answer,
// whatever else that says: a refusal for want of a sign-in is what it asks for. A Date has whole seconds, and
// one from a cache is as old as its Age. It fails with ErrNoTime, and as every operation does; with
// ErrCertificateTime when the two clocks differ by too much to speak to the service at all.
// Source: RFC 9110, section 6.6.1; RFC 9111, section 5.1.
func (c *Client) ClockOffset(ctx context.Context, now func() time.Time) (time.Duration, error) {
	op := call{method: http.MethodGet, path: "/v2/access-tokens", secrets: []Secret{c.bearer}}
	before := now()
	header, err := c.header(ctx, op)
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w", op.method, op.path, err)
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0, ErrNoTime
	}
	if age, err := strconv.ParseUint(header.Get("Age"), 10, 31); err == nil {
		date = date.Add(time.Duration(age) * time.Second)
	}
	after := now()
	return before.Add(after.Sub(before) / 2).Sub(date), nil
}

// header sends a call once and returns the header of its answer.
func (c *Client) header(ctx context.Context, op call) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := c.request(ctx, op, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(c.base.Host, err, op.secrets...)
	}
	return resp.Header, resp.Body.Close()
}
