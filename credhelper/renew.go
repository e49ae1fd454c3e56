package credhelper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/docker-pat/docker-pat/internal/atomicfile"
	"github.com/docker-pat/docker-pat/internal/journal"
	"github.com/docker-pat/docker-pat/internal/regularfile"
	"github.com/docker-pat/docker-pat/internal/secretstore"
	"github.com/docker-pat/docker-pat/internal/settings"
)

// ErrExpired says that the token that is held has ended, and why it was not renewed.
var ErrExpired = errors.New("has expired")

// renewTimeout is the most that a renewal may add to a get.
const renewTimeout = 10 * time.Second

// fresh renews a token of ours that is near its end. What keeps it from that is a warning while the token
// still works, and an error when it does not.
func (h *Helper) fresh(key string, held secretstore.Credential) (secretstore.Credential, error) {
	now := h.opts.Now()
	if held.Token.ExpiresAt.IsZero() {
		return held, nil
	}
	prefs, err := h.opts.Preferences()
	ended := held.Token.HasEnded(now)
	if err == nil {
		if !ended && !held.Token.IsDue(time.Duration(prefs.RenewBefore), now) {
			return held, nil
		}
		held, err = h.renew(key, held, prefs, ended)
	}
	switch name := fmt.Sprintf("the token %q", held.Token.Label); {
	case held.Token.HasEnded(now):
		if err == nil {
			return held, fmt.Errorf("%s %w", name, ErrExpired)
		}
		return held, fmt.Errorf("%s %w and was not renewed: %w", name, ErrExpired, err)
	case err != nil && !errors.Is(err, errLater):
		h.opts.Warn(fmt.Errorf("%s ends on %s and was not renewed: %w", name, held.Token.ExpiresAt.Local().Format(time.DateOnly), err))
	}
	return held, nil
}

// errLater says that a renewal is none of this call's business.
var errLater = errors.New("it is tried again later")

// renew returns what is held at the end, whether it is new or not.
func (h *Helper) renew(key string, held secretstore.Credential, prefs settings.Preferences, ended bool) (secretstore.Credential, error) {
	pause := backoff{path: filepath.Join(h.opts.StateDir, "renewal.json")}
	switch {
	case h.opts.Tokens == nil || prefs.RenewBefore == 0:
		return held, errLater
	case h.opts.Now().Before(pause.until(key)):
		return held, errLater
	}
	ctx, cancel := context.WithTimeout(h.ctx, renewTimeout)
	defer cancel()
	renewed, err := h.opts.Tokens.Renew(ctx, key, held, ended)
	switch {
	case errors.Is(err, journal.ErrBusy):
		return held, errLater
	case err != nil:
		pause.failed(key, h.opts.Now())
		return held, err
	case renewed.Token == nil:
		return held, errLater // somebody stored something else meanwhile; this call goes on with what it has
	}
	_ = ForgetFailures(h.opts.StateDir) // a hint
	return renewed, nil
}

// A backoff remembers when renewals that failed may be tried again. It is a hint that may be lost.
type backoff struct{ path string }

type backoffEntry struct {
	Failures int       `json:"failures"`
	Until    time.Time `json:"until"`
}

// Pauses after one failure and after many.
const (
	firstPause = 5 * time.Minute
	maxPause   = 6 * time.Hour
)

const maxBackoff = 1 << 20 // bytes

func (b backoff) read() map[string]backoffEntry {
	entries := map[string]backoffEntry{}
	if data, err := regularfile.Read(context.Background(), b.path, maxBackoff); err == nil {
		_ = json.Unmarshal(data, &entries)
	}
	return entries
}

func (b backoff) until(key string) time.Time { return b.read()[key].Until }

func (b backoff) failed(key string, now time.Time) {
	entries := b.read()
	e := entries[key]
	e.Until = now.Add(min(firstPause<<min(e.Failures, 16), maxPause)).UTC()
	e.Failures++
	entries[key] = e
	if data, err := json.Marshal(entries); err == nil {
		_ = atomicfile.Write(b.path, data, atomicfile.Options{})
	}
}

// ForgetFailures lets renewals be tried at once again, as after a sign-in.
func ForgetFailures(stateDir string) error {
	err := os.Remove(filepath.Join(stateDir, "renewal.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
