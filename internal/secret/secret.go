// Package secret has the type that every password, one-time code, bearer and token travels in.
package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
)

// Mask is what stands wherever a Secret would have been printed.
const Mask = "[redacted]"

// A Secret is text that must not be printed, logged or marshalled. Reveal is the one way out, so a
// search for Reveal lists every disclosure. The zero Secret is empty.
//
// Go strings cannot be wiped: no claim is made about what stays in memory after use.
type Secret struct{ text *string } // a pointer: inside unexported fields fmt shows an address, not the text

// New wraps text.
func New(text string) Secret { return Secret{text: &text} }

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Format prints the mask for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, Mask) }

// LogValue logs the mask.
func (Secret) LogValue() slog.Value { return slog.StringValue(Mask) }

// MarshalJSON always fails: a secret in a document is a mistake of the program.
func (Secret) MarshalJSON() ([]byte, error) { return nil, errNoMarshal }

// MarshalText always fails, for encoders that look for it (YAML, XML, map keys).
func (Secret) MarshalText() ([]byte, error) { return nil, errNoMarshal }

var errNoMarshal = errors.New("secret: a Secret does not marshal")

var (
	_ fmt.Formatter  = Secret{}
	_ slog.LogValuer = Secret{}
	_ json.Marshaler = Secret{}
)

// shapes are the forms in which a secret could come back in somebody else's text. Docker documents
// the prefixes dckr_pat_ and dckr_oat_ only, so the length is a lower bound; a JSON Web Token is
// known by its three parts, of which the first is the encoding of `{"`.
//
// Compiled on first use: the credential helper starts hundreds of times a day and rarely needs it.
var shapes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`dckr_(?:pat|oat)_[A-Za-z0-9_-]{8,}|eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|(?i:basic|bearer) [A-Za-z0-9+/_.~=-]{8,}`)
})

// Redact replaces everything in text that has the shape of a token, a bearer or a Basic header.
// It is for words that come from outside, such as the error text of a server.
func Redact(text string) string { return shapes().ReplaceAllString(text, Mask) }
