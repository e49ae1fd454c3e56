package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/internal/lifetime"
	"github.com/docker-pat/docker-pat/internal/regularfile"
)

// Preferences are what the user wrote into config.json in the config folder.
type Preferences struct {
	// Passwords says what the credential helper does with a password for Docker Hub: "exchange" it for a
	// token (the default), "refuse" or "store" it.
	Passwords string `json:"passwords,omitempty"`
	// Scope and Expires of new tokens where no flag says otherwise.
	Scope   string `json:"scope,omitempty"`
	Expires string `json:"expires,omitempty"`
	// RenewBefore is how long before its end a token is renewed, such as "7d"; "0" is never.
	RenewBefore Span `json:"renew_before,omitzero"`
	// LogoutRevokes says which tokens end when Docker forgets them: "minted", those that docker-pat made
	// (the default), or "never".
	LogoutRevokes string `json:"logout_revokes,omitempty"`
}

// A Span is a time.Duration that is written as 12h, 30d, 6w or 1y.
type Span time.Duration

// UnmarshalText reads one of these forms.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := lifetime.Parse(string(text))
	*s = Span(d)
	return err
}

// MarshalText writes hours.
func (s Span) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%dh", time.Duration(s)/time.Hour), nil
}

// What to do with a password.
const (
	PasswordsExchange = "exchange"
	PasswordsRefuse   = "refuse"
	PasswordsStore    = "store"
)

// Which tokens end when Docker forgets them.
const (
	RevokesMinted = "minted"
	RevokesNever  = "never"
)

const (
	renewBefore = 7 * 24 * time.Hour
	// maxPreferences bounds the file, in bytes.
	maxPreferences = 1 << 20
)

// Preferences reads the file; one that is missing means the defaults. An unknown key is an error,
// because a setting that is silently ignored is worse than one that is refused.
func (s Settings) Preferences() (Preferences, error) {
	prefs := Preferences{
		Passwords: PasswordsExchange, Scope: "repo:write", Expires: "90d",
		RenewBefore: Span(renewBefore), LogoutRevokes: RevokesMinted,
	}
	path := filepath.Join(s.ConfigDir, "config.json")
	data, err := regularfile.Read(context.Background(), path, maxPreferences)
	if errors.Is(err, os.ErrNotExist) {
		return prefs, nil
	}
	if err != nil {
		return Preferences{}, fmt.Errorf("read the settings: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	file := struct {
		*Preferences
		Profiles
	}{Preferences: &prefs}
	if err := dec.Decode(&file); err != nil {
		return Preferences{}, fmt.Errorf("read the settings in %s: %w", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Preferences{}, fmt.Errorf("read the settings in %s: there is more after the end", path)
	}
	for _, setting := range []struct {
		key, value string
		choices    []string
	}{
		{"passwords", prefs.Passwords, []string{PasswordsExchange, PasswordsRefuse, PasswordsStore}},
		{"logout_revokes", prefs.LogoutRevokes, []string{RevokesMinted, RevokesNever}},
	} {
		if !slices.Contains(setting.choices, setting.value) {
			return Preferences{}, fmt.Errorf("%s is %q in %s: the choices are %s", setting.key, setting.value, path, strings.Join(setting.choices, ", "))
		}
	}
	return prefs, nil
}
