package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Preferences are what the user wrote into config.json in the config folder.
type Preferences struct {
	// Passwords says what the credential helper does with a password for Docker Hub: "refuse" (the
	// default) or "store".
	Passwords string `json:"passwords,omitempty"`
	// Scope and Expires of new tokens where no flag says otherwise.
	Scope   string `json:"scope,omitempty"`
	Expires string `json:"expires,omitempty"`
}

// What to do with a password.
const (
	PasswordsRefuse = "refuse"
	PasswordsStore  = "store"
)

// Preferences reads the file; one that is missing means the defaults. An unknown key is an error,
// because a setting that is silently ignored is worse than one that is refused.
func (s Settings) Preferences() (Preferences, error) {
	prefs := Preferences{Passwords: PasswordsRefuse, Scope: "repo:write", Expires: "90d"}
	path := filepath.Join(s.ConfigDir, "config.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return prefs, nil
	}
	if err != nil {
		return Preferences{}, fmt.Errorf("read the settings: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&prefs); err != nil {
		return Preferences{}, fmt.Errorf("read the settings in %s: %w", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Preferences{}, fmt.Errorf("read the settings in %s: there is more after the end", path)
	}
	if prefs.Passwords != PasswordsRefuse && prefs.Passwords != PasswordsStore {
		return Preferences{}, fmt.Errorf("passwords is %q in %s: the choices are %q and %q", prefs.Passwords, path, PasswordsRefuse, PasswordsStore)
	}
	return prefs, nil
}
