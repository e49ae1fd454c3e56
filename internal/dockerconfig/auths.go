package dockerconfig

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tailscale/hujson"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// TokenUsername is the user name that the credential helper protocol gives to an identity token.
const TokenUsername = "<token>"

var (
	// ErrRegistryToken says that an entry holds a registrytoken, which the credential helper
	// protocol has no place for. ClearAuth leaves it.
	ErrRegistryToken = errors.New("holds a registrytoken, which no credential helper can keep")
	// ErrNoUsername says that an entry holds a secret without a user name, which no credential
	// helper accepts.
	ErrNoUsername = errors.New("holds a secret without a user name")
	// ErrBadAuth says that the auth of an entry is not the base64 form of user:secret. Docker does
	// not read a file with such an entry at all.
	ErrBadAuth = errors.New("auth is not the base64 form of user:secret")
	// ErrNotText says that a credential has bytes that are no UTF-8. The credential helper protocol is JSON and
	// cannot carry them.
	ErrNotText = errors.New("holds bytes that are no text, which no credential helper can keep")
	// ErrUnwritable says that a credential cannot be written so that Docker reads the same back.
	ErrUnwritable = errors.New("has bytes that JSON cannot hold")
)

// A PlaintextAuth is a credential that the file holds in clear, in the words of the credential
// helper protocol: for an identity token Username is TokenUsername. ServerURL is the key in auths.
type PlaintextAuth struct {
	ServerURL string
	Username  string
	Secret    secret.Secret
}

// Portable fails with *AuthError around ErrNotText for what no credential helper can keep.
func (a PlaintextAuth) Portable() error {
	if !utf8.ValidString(a.ServerURL) || !utf8.ValidString(a.Username) || !utf8.ValidString(a.Secret.Reveal()) {
		return &AuthError{ServerURL: a.ServerURL, Err: ErrNotText}
	}
	return nil
}

// An AuthError is about one entry of auths.
type AuthError struct {
	ServerURL string
	Err       error
}

func (e *AuthError) Error() string { return fmt.Sprintf("auths[%q]: %v", e.ServerURL, e.Err) }

// Unwrap gives the fact: ErrRegistryToken, ErrNoUsername, ErrNotText, ErrBadAuth or ErrUnwritable.
func (e *AuthError) Unwrap() error { return e.Err }

// PlaintextAuths are the credentials in clear, by server URL, and what is wrong with the others, by
// server URL too. An entry that holds a credential and a registrytoken is in both. Not reported are
// entries without a secret: {} is Docker's marker for a credential that a helper keeps.
// Where there is both, the identity token goes before the password: so Docker hands them to helpers.
func (f *File) PlaintextAuths() ([]PlaintextAuth, []*AuthError) {
	var found []PlaintextAuth
	var faults []*AuthError
	for _, server := range slices.Sorted(maps.Keys(f.means.Auths)) {
		entry := f.means.Auths[server]
		username, text, err := entry.credential()
		if err != nil {
			faults = append(faults, &AuthError{ServerURL: server, Err: err})
		} else if text != "" {
			found = append(found, PlaintextAuth{ServerURL: server, Username: username, Secret: secret.New(text)})
		}
		if entry.RegistryToken != "" {
			faults = append(faults, &AuthError{ServerURL: server, Err: ErrRegistryToken})
		}
	}
	return found, faults
}

// credential reads an entry as Docker does: auth beats username and password, and the identity
// token beats them all. [docker/cli configfile/file.go LoadFromReader, credentials/native_store.go]
func (e authEntry) credential() (username, text string, err error) {
	username, text = e.Username, e.Password
	if e.Auth != "" {
		if username, text, err = decodeAuth(e.Auth); err != nil {
			return "", "", err
		}
	}
	switch {
	case e.IdentityToken != "":
		return TokenUsername, e.IdentityToken, nil
	case text != "" && username == "":
		return "", "", ErrNoUsername
	default:
		return username, text, nil
	}
}

// decodeAuth is Docker's: the first colon ends the user name, and NUL bytes around the secret go.
// [docker/cli configfile/file.go decodeAuth]
func decodeAuth(auth string) (username, text string, err error) {
	decoded, err := base64.StdEncoding.DecodeString(auth)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrBadAuth, err) // it names the offset alone
	}
	username, text, ok := strings.Cut(string(decoded), ":")
	if !ok || username == "" {
		return "", "", ErrBadAuth
	}
	return username, strings.Trim(text, "\x00"), nil
}

// ClearAuth takes the credential out of the entry of server, wherever the file has it. What is left
// is the marker {}, as after a docker login with a helper, or the fields that are no part of a
// credential, such as email, which Docker goes on reading from there.
func (f *File) ClearAuth(server string) {
	for _, m := range f.rootBody.Members {
		auths, ok := m.Value.Value.(*hujson.Object)
		if !ok || !strings.EqualFold(nameOf(m), keyAuths) {
			continue
		}
		// Also where a later entry hides this one from Docker: it is in clear all the same.
		for _, entry := range auths.Members {
			if object, ok := entry.Value.Value.(*hujson.Object); ok && nameOf(entry) == server {
				removeMembers(object, isCredential)
			}
		}
	}
	f.edited()
}

// SetAuth writes a credential in clear, to undo ClearAuth. It fails with *AuthError around
// ErrUnwritable or ErrNoUsername, and changes nothing then.
func (f *File) SetAuth(a PlaintextAuth) error {
	fields, err := authFields(a)
	if err != nil {
		return &AuthError{ServerURL: a.ServerURL, Err: err}
	}
	username, text, err := f.means.Auths[a.ServerURL].credential()
	if err == nil && username == a.Username && text == a.Secret.Reveal() {
		return nil
	}
	f.ClearAuth(a.ServerURL)
	entry := f.member(keyAuths, a.ServerURL)
	object, ok := entry.Value.Value.(*hujson.Object)
	if !ok { // new, or null
		object = &hujson.Object{}
		entry.Value.Value = object
	}
	for _, field := range fields {
		f.appendMember(object, entry, field[0], hujson.String(field[1]))
	}
	f.edited()
	return nil
}

// authFields are the names and values under which Docker would find a.
func authFields(a PlaintextAuth) ([][2]string, error) {
	text := a.Secret.Reveal()
	if a.Username == "" {
		return nil, ErrNoUsername
	}
	if a.Username != TokenUsername {
		auth := base64.StdEncoding.EncodeToString([]byte(a.Username + ":" + text))
		if u, t, err := decodeAuth(auth); err == nil && u == a.Username && t == text {
			return [][2]string{{keyAuth, auth}}, nil
		}
	}
	if !utf8.ValidString(a.Username) || !utf8.ValidString(text) {
		return nil, ErrUnwritable
	}
	if a.Username == TokenUsername {
		return [][2]string{{keyIdentityToken, text}}, nil
	}
	// A colon in the user name or a NUL at an end of the secret: auth would not bring them back,
	// but Docker reads these fields where there is no auth.
	return [][2]string{{keyUsername, a.Username}, {keyPassword, text}}, nil
}
