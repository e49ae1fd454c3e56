package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// DockerClientID is the id under which `docker login` signs in on the web. Docker's tenant knows no other
// one for programs like this, and a session is shared with Docker. Source: docker/cli internal/oauth/manager.
const DockerClientID = "L4v0dmlNBpYUjGGab0C2JtgTgXr1Qz4d"

const (
	oauthAudience = "https://hub.docker.com"
	devicePath    = "/oauth/device/code"
	grantPath     = "/oauth/token"
	revokePath    = "/oauth/revoke"
)

// Bounds on what the tenant may ask of us.
const (
	defaultInterval = 5 // seconds; RFC 8628, section 3.5
	maxInterval     = 60
	maxSignIn       = time.Hour
	defaultSignIn   = 15 * time.Minute // what a person gets when the tenant does not say
)

// How a sign-in on the web, or the session that came of it, ends.
var (
	ErrDenied       = errors.New("the sign-in was denied in the browser")
	ErrCodeExpired  = errors.New("nobody signed in before the code expired")
	ErrSessionEnded = errors.New("the session has ended at the sign-in service")
)

// A Tenant is the service where people sign in on the web, login.docker.com for Docker Hub.
type Tenant struct {
	base      *url.URL
	http      *http.Client
	userAgent string
}

// NewTenant makes no request. Plain HTTP is refused except to loopback.
func NewTenant(baseURL, userAgent string) (*Tenant, error) {
	base, err := checkURL(baseURL)
	if err != nil {
		return nil, err
	}
	return &Tenant{base: base, http: newHTTPClient(), userAgent: userAgent}, nil
}

// A Device is a sign-in that a person has to finish in a browser.
type Device struct {
	UserCode  string // to be shown: the browser shows it too
	Page      string // where to enter it
	PageFull  string // Page with the code filled in; Page where the tenant has no such address
	ExpiresAt time.Time

	code     Secret
	interval int64 // seconds
}

// Begin asks for a code. Source: RFC 8628, section 3.1.
func (t *Tenant) Begin(ctx context.Context) (Device, error) {
	auth, err := t.config(DockerClientID, "openid", "offline_access").DeviceAuth(t.with(ctx), oauth2.SetAuthURLParam("audience", oauthAudience))
	if err != nil {
		return Device{}, fmt.Errorf("sign in on the web: %w", t.problem(ctx, devicePath, err))
	}
	d := Device{
		UserCode: clean(auth.UserCode), Page: auth.VerificationURI, PageFull: auth.VerificationURIComplete,
		ExpiresAt: auth.Expiry, code: secret.New(auth.DeviceCode), interval: auth.Interval,
	}
	if d.PageFull == "" {
		d.PageFull = d.Page
	}
	if d.UserCode == "" || d.code.IsZero() || !isPage(d.Page) || !isPage(d.PageFull) {
		return Device{}, fmt.Errorf("sign in on the web: POST %s: %w: no code or no address in it", devicePath, ErrNotTheAPI)
	}
	now := time.Now() //nolint:forbidigo // of the clock that the wait is measured by
	if d.ExpiresAt.IsZero() {
		d.ExpiresAt = now.Add(defaultSignIn)
	}
	if latest := now.Add(maxSignIn); d.ExpiresAt.After(latest) {
		d.ExpiresAt = latest
	}
	if d.interval <= 0 {
		d.interval = defaultInterval
	}
	d.interval = min(d.interval, maxInterval)
	return d, nil
}

// Wait asks again and again, at the pace that the tenant sets, until the person has decided, the code has
// expired or ctx ends. It fails with ErrDenied and ErrCodeExpired. A network that is away for a while, or a
// service that fails, does not end it. Source: RFC 8628, sections 3.4 and 3.5; that Docker's tenant says
// "not yet" with 403 makes no difference.
func (t *Tenant) Wait(ctx context.Context, d Device) (Session, error) {
	waiting, cancel := context.WithDeadline(ctx, d.ExpiresAt)
	defer cancel()
	auth := &oauth2.DeviceAuthResponse{DeviceCode: d.code.Reveal(), Interval: d.interval}
	for {
		token, err := t.config(DockerClientID).DeviceAccessToken(t.with(waiting), auth)
		if err == nil {
			return newWebSession(token, DockerClientID)
		}
		err = t.problem(waiting, grantPath, err, d.code)
		switch {
		case ctx.Err() != nil:
			return Session{}, ctx.Err()
		case waiting.Err() != nil, errors.Is(err, errInvalidGrant):
			return Session{}, ErrCodeExpired
		case errors.Is(err, ErrDenied), errors.Is(err, ErrCodeExpired):
			return Session{}, err
		case !passing(err):
			return Session{}, fmt.Errorf("sign in on the web: %w", err)
		}
		auth.Interval = min(2*auth.Interval, maxInterval) // DeviceAccessToken waits before it asks
	}
}

// Refresh trades a refresh token for a new session. The refresh token may serve only once: the new one has
// to be kept before anything else is done. clientID is that of the program which signed in. It fails with
// ErrSessionEnded when the tenant does not know the token any more. Source: RFC 6749, section 6.
func (t *Tenant) Refresh(ctx context.Context, clientID string, refresh Secret) (Session, error) {
	token, err := t.config(clientID).TokenSource(t.with(ctx), &oauth2.Token{RefreshToken: refresh.Reveal()}).Token()
	if err == nil {
		return newWebSession(token, clientID)
	}
	err = t.problem(ctx, grantPath, err, refresh)
	if errors.Is(err, errInvalidGrant) {
		return Session{}, ErrSessionEnded
	}
	return Session{}, fmt.Errorf("renew the session: %w", err)
}

// Revoke ends the session of a refresh token; one that is not known is ended already. A bearer that was
// handed out lives on to its own end. Source: RFC 7009.
func (t *Tenant) Revoke(ctx context.Context, clientID string, refresh Secret) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	form := url.Values{"client_id": {clientID}, "token": {refresh.Reveal()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.address(revokePath), strings.NewReader(form.Encode()))
	if err != nil {
		return errors.New("end the session: not an address")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", t.userAgent)
	op := call{method: http.MethodPost, path: revokePath, secrets: []Secret{refresh}}
	resp, err := t.http.Do(req)
	if err != nil {
		return fmt.Errorf("end the session: POST %s: %w", revokePath, unreachable(t.base.Host, err, refresh))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := readAll(resp.Body)
	if err != nil {
		return fmt.Errorf("end the session: POST %s: %w", revokePath, unreachable(t.base.Host, err, refresh))
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("end the session: %w", newAPIError(op, resp, body))
	}
	return nil
}

// newWebSession reads the user from the claims, since nobody has typed a name.
func newWebSession(token *oauth2.Token, clientID string) (Session, error) {
	session, err := newSession("", token.AccessToken)
	if err == nil && session.Username == "" {
		err = fmt.Errorf("%w: no user name in it", ErrNotTheAPI)
	}
	if err != nil {
		return Session{}, fmt.Errorf("sign in on the web: POST %s: %w", grantPath, err)
	}
	session.RefreshToken, session.ClientID = secret.New(token.RefreshToken), clientID
	return session, nil
}

// isPage tells whether a person may be sent there: the address comes from outside and goes to a browser.
func isPage(address string) bool {
	u, err := checkURL(address)
	return err == nil && u.User == nil && !strings.ContainsFunc(address, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r)
	})
}

// passing tells whether a failure may be gone in a moment.
func passing(err error) bool {
	var refused *APIError
	if errors.As(err, &refused) {
		return refused.Status == http.StatusTooManyRequests || refused.Status >= http.StatusInternalServerError
	}
	return errors.Is(err, ErrUnreachable)
}
