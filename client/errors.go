package client

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// What can be wrong. An *APIError is one of those that belong to its status.
var (
	ErrAddress         = errors.New("give an https address; http is for this machine alone")
	ErrUnreachable     = errors.New("cannot be reached")
	ErrNotSent         = fmt.Errorf("%w, so nothing was sent", ErrUnreachable)
	ErrCertificateTime = fmt.Errorf("%w: by the clock of this machine its certificate is not valid", ErrUnreachable)
	ErrRedirect        = errors.New("refused to follow a redirect")
	ErrNotTheAPI       = errors.New("the answer does not come from the Docker Hub API")
	ErrUnauthorized    = errors.New("not signed in, or the sign-in was refused") // 401
	ErrForbidden       = errors.New("not allowed")                               // 403
	ErrNotFound        = errors.New("not found")                                 // 404
	ErrRateLimited     = errors.New("too many requests")                         // 429
)

// An APIError is an answer of the service outside 2xx.
type APIError struct {
	Method, Path string
	Status       int
	Detail       string    // what the service says, without control characters and secrets; may be empty
	RetryAt      time.Time // when a 429 says to come back; zero if it does not
}

func (e *APIError) Error() string {
	text := fmt.Sprintf("%s %s: %d %s", e.Method, e.Path, e.Status, http.StatusText(e.Status))
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Is maps a status to its sentinel.
func (e *APIError) Is(target error) bool {
	switch e.Status {
	case http.StatusUnauthorized:
		return target == ErrUnauthorized
	case http.StatusForbidden:
		return target == ErrForbidden
	case http.StatusNotFound:
		return target == ErrNotFound
	case http.StatusTooManyRequests:
		return target == ErrRateLimited
	}
	return false
}

func newAPIError(op call, resp *http.Response, body []byte) *APIError {
	e := &APIError{Method: op.method, Path: op.path, Status: resp.StatusCode, Detail: detail(body, op.secrets...)}
	if e.Detail == "" && len(body) > 0 {
		e.Detail = describe(resp.Header.Get("Content-Type"), body, op.secrets...)
	}
	if e.Status == http.StatusTooManyRequests {
		e.RetryAt = retryAt(resp.Header, time.Now()) //nolint:forbidigo // of the clock that the pause is measured by
	}
	return e
}

// pause is how long to wait before the try after this one (counted from 0): until RetryAt, in whole
// seconds and at least one; or 1, 2, 4 … seconds when the service does not say.
func (e *APIError) pause(try int) time.Duration {
	if e.RetryAt.IsZero() {
		return time.Second << min(try, 6)
	}
	return max(time.Until(e.RetryAt.Add(time.Second-1)).Truncate(time.Second), time.Second) // never early
}

// lastSecond is that of the year 9999. Later ones do not fit everywhere.
const lastSecond = 253402300799

// retryAt reads the forms in which the wait was seen: Retry-After in seconds (documented), as a Unix
// time (a real answer of May 2025) and as a date (HTTP); X-Retry-After as a Unix time (documented
// until June 2025); and the end of the window.
func retryAt(h http.Header, now time.Time) time.Time {
	for _, name := range []string{"Retry-After", "X-Retry-After", "X-RateLimit-Reset"} {
		text := strings.TrimSpace(h.Get(name))
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
			if n < 1e9 {
				return now.Add(time.Duration(n) * time.Second)
			}
			return time.Unix(min(n, lastSecond), 0)
		}
		if at, err := http.ParseTime(text); err == nil {
			return at
		}
	}
	return time.Time{}
}

// detail finds the sentence in an error body. The bodies differ by route and by year.
func detail(body []byte, secrets ...Secret) string {
	var reply map[string]json.RawMessage
	if json.Unmarshal(body, &reply) != nil {
		return ""
	}
	for _, key := range []string{"detail", "message", "text", "details", "error_description", "error"} {
		var text string
		if json.Unmarshal(reply[key], &text) == nil && text != "" {
			return clean(text+fields(reply["fields"]), secrets...)
		}
	}
	return clean(strings.TrimPrefix(fields(reply["fields"]), ": "), secrets...)
}

// fields lists what a validation error says of each field: {"token_label":["too long"]}.
func fields(raw json.RawMessage) string {
	var byField map[string]any
	if json.Unmarshal(raw, &byField) != nil {
		return ""
	}
	var parts []string
	for name, value := range byField {
		parts = append(parts, fmt.Sprintf("%s %v", name, value))
	}
	slices.Sort(parts)
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, "; ")
}

// describe says what came in place of JSON.
func describe(contentType string, body []byte, secrets ...Secret) string {
	text := mask(string(body), secrets) // before it is cut, or a part of a secret would not be known
	text = strings.TrimSpace(text[:min(len(text), 512)])
	switch {
	case text == "":
		return "an empty reply"
	case strings.HasPrefix(text, "<") || strings.Contains(contentType, "html"):
		return "an HTML page"
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
		return "JSON of another form"
	}
	return fmt.Sprintf("%q", clean(text))
}

// clean makes a text from outside fit for one line of a terminal. secrets are what was sent: a service
// that sends it back shall not put it into an error.
func clean(text string, secrets ...Secret) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, secret.Redact(mask(text, secrets)))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return text
}

// mask hides secrets that have no shape by which secret.Redact could know them, such as passwords, as
// they are and as they stand in JSON. One shorter than minMasked would blot out every other word.
func mask(text string, secrets []Secret) string {
	for _, s := range secrets {
		plain := s.Reveal()
		if len(plain) < minMasked {
			continue
		}
		quoted, _ := json.Marshal(plain) // a string always marshals
		text = strings.ReplaceAll(text, string(quoted[1:len(quoted)-1]), secret.Mask)
		text = strings.ReplaceAll(text, plain, secret.Mask)
	}
	return text
}

const minMasked = 4 // bytes

// unreachable keeps the reason, which may quote the service, and drops the address that net/url puts
// before it.
func unreachable(host string, err error, secrets ...Secret) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	host = clean(host)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrRedirect), errors.Is(err, ErrNotTheAPI):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s %w: no answer in time: %w", host, ErrUnreachable, context.DeadlineExceeded)
	}
	fact := ErrUnreachable
	if op := (*net.OpError)(nil); errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") {
		fact = ErrNotSent
	}
	if certificate, ok := errors.AsType[x509.CertificateInvalidError](err); ok && certificate.Reason == x509.Expired {
		fact = ErrCertificateTime // too late or too early: the reason is the same
	}
	return fmt.Errorf("%s %w: %s", host, fact, clean(err.Error(), secrets...))
}
