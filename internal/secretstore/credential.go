package secretstore

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// A Token is what is known of a token that docker-pat made. It holds no secret.
type Token struct {
	ID        string    `json:"id"`
	Label     string    `json:"label"`
	Scopes    []string  `json:"scopes,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"` // zero: not known
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: never
	Org       string    `json:"org,omitempty"`       // the organization that it belongs to
	HubURL    string    `json:"hub_url,omitempty"`   // the service that made it; "": not known
}

// Lifetime is how long a token was made for; zero when that is not known, or for ever.
func (t *Token) Lifetime() time.Duration {
	if t.CreatedAt.IsZero() || t.ExpiresAt.IsZero() {
		return 0
	}
	return t.ExpiresAt.Sub(t.CreatedAt).Round(time.Minute)
}

// IsOf tells whether a token may be one of the service at hubURL, so that it can be ended there.
func (t *Token) IsOf(hubURL string) bool { return t.HubURL == "" || t.HubURL == hubURL }

// IsDue tells whether a token is near enough to its end to be renewed: within before, or within the last
// third of a short life. One that never ends is never due.
func (t *Token) IsDue(before time.Duration, now time.Time) bool {
	if t.ExpiresAt.IsZero() || before <= 0 {
		return false
	}
	if life := t.Lifetime(); life > 0 {
		before = min(before, life/3)
	}
	return !now.Add(before).Before(t.ExpiresAt)
}

// HasEnded tells whether a token is past its expiry.
func (t *Token) HasEnded(now time.Time) bool { return !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(now) }

// A Credential is one entry of the store.
type Credential struct {
	ServerURL string // as the client that stored it spells it
	Username  string
	Secret    secret.Secret
	Token     *Token // nil for what docker-pat did not make
}

// SignsInLike tells whether two credentials have the same user name and secret.
func (c Credential) SignsInLike(other Credential) bool {
	return c.Username == other.Username && c.Secret.Reveal() == other.Secret.Reveal()
}

// An Entry is a Credential without its secret.
type Entry struct {
	ServerURL string `json:"server_url"`
	Username  string `json:"username"`
	Token     *Token `json:"token,omitempty"`
}

// stored is the form of a value in the keychain. The version is for readers of later releases.
type stored struct {
	Version   int    `json:"v"`
	ServerURL string `json:"server_url"`
	Username  string `json:"username"`
	Secret    string `json:"secret"`
	Token     *Token `json:"token,omitempty"`
}

func encode(c Credential) (string, error) {
	if !utf8.ValidString(c.ServerURL) || !utf8.ValidString(c.Username) || !utf8.ValidString(c.Secret.Reveal()) {
		return "", fmt.Errorf("store %q: %w", c.ServerURL, ErrNotText)
	}
	out, err := json.Marshal(stored{Version: 1, ServerURL: c.ServerURL, Username: c.Username, Secret: c.Secret.Reveal(), Token: c.Token})
	if err != nil {
		return "", fmt.Errorf("encode the credential of %s: %w", c.ServerURL, err)
	}
	return string(out), nil
}

// decode tells nothing of value in its error: it holds a secret.
func decode(value string) (Credential, error) {
	var in stored
	if err := json.Unmarshal([]byte(value), &in); err != nil || in.Version != 1 {
		return Credential{}, ErrDamaged
	}
	return Credential{ServerURL: in.ServerURL, Username: in.Username, Secret: secret.New(in.Secret), Token: in.Token}, nil
}
