package tokens

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/internal/lifetime"
)

// Held are the ids of the tokens that this machine holds.
type Held []string

// Has tells whether the token of that id is held.
func (h Held) Has(id string) bool { return slices.Contains(h, id) }

// A Filter is one condition on tokens.
type Filter struct {
	Key, Value string
	matches    func(t client.Token, held Held, now time.Time) bool
}

// FilterKeys are the names of the filters.
func FilterKeys() []string {
	return []string{"status", "source", "unused", "expiring", "scope", "stored"}
}

// FilterValues are those that a filter takes, or examples where it takes any time or scope.
func FilterValues(key string) []string {
	switch key {
	case "status":
		return []string{string(Active), string(Inactive), string(Expired)}
	case "source":
		return []string{"manual", "auto"}
	case "unused", "expiring":
		return []string{"7d", "30d", "90d", "1y"}
	case "scope":
		return scopeNames()
	case "stored":
		return []string{"true", "false"}
	}
	return nil
}

// ParseFilter reads KEY=VALUE:
//
//	status=active|inactive|expired
//	source=manual|auto
//	unused=90d       not used for that long, and not made since
//	expiring=30d     not expired yet, but within that time
//	scope=repo:read  made with that scope, whatever it includes
//	stored=true      this machine holds it
//
// An error names what would have been right.
func ParseFilter(text string) (Filter, error) {
	key, value, ok := strings.Cut(text, "=")
	if !ok || !slices.Contains(FilterKeys(), key) {
		return Filter{}, fmt.Errorf("unknown filter %q: the filters are %s=", text, strings.Join(FilterKeys(), "=, "))
	}
	f := Filter{Key: key, Value: value}
	span, err := lifetime.Parse(value)
	switch {
	case (key == "unused" || key == "expiring") && err != nil:
		return Filter{}, fmt.Errorf("cannot read the time of the filter %q: give hours, days, weeks or years, such as %s=90d", text, key)
	case key == "unused":
		f.matches = func(t client.Token, _ Held, now time.Time) bool { return UnusedFor(t, now) >= span }
	case key == "expiring":
		f.matches = func(t client.Token, _ Held, now time.Time) bool { return expiresWithin(t, span, now) }
	case key == "scope":
		scope, err := parseScopeFilter(value)
		if err != nil {
			return Filter{}, err
		}
		f.matches = func(t client.Token, _ Held, _ time.Time) bool { return slices.Contains(t.Scopes, scope) }
	case !slices.Contains(FilterValues(key), value):
		return Filter{}, fmt.Errorf("unknown value in the filter %q: %s is %s", text, key, strings.Join(FilterValues(key), ", "))
	case key == "status":
		f.matches = func(t client.Token, _ Held, now time.Time) bool { return string(StatusOf(t, now)) == value }
	case key == "source":
		f.matches = func(t client.Token, _ Held, _ time.Time) bool { return t.Auto == (value == "auto") }
	case key == "stored":
		f.matches = func(t client.Token, held Held, _ time.Time) bool { return held.Has(t.ID) == (value == "true") }
	}
	return f, nil
}

// parseScopeFilter takes scopes that this program does not know, too: Docker Hub has scopes of other
// products. One that begins with "repo:" has to be known, since it is rather misspelt.
func parseScopeFilter(value string) (string, error) {
	if prefix, rest, ok := strings.Cut(value, ":"); ok && prefix != "" && prefix != "repo" && rest != "" {
		return value, nil
	}
	scopes, err := ParseScopes([]string{value})
	if err != nil {
		return "", err
	}
	return scopes[0], nil
}

// UnusedFor is how long ago a token was used, or made if it never was.
func UnusedFor(t client.Token, now time.Time) time.Duration {
	if t.LastUsedAt.IsZero() {
		return now.Sub(t.CreatedAt)
	}
	return now.Sub(t.LastUsedAt)
}

func expiresWithin(t client.Token, d time.Duration, now time.Time) bool {
	return !t.ExpiresAt.IsZero() && t.ExpiresAt.After(now) && !t.ExpiresAt.After(now.Add(d))
}

// Select returns the tokens that pass all filters. Filters of the same name are alternatives, as they are
// for Docker's commands. all stays as it is.
func Select(all []client.Token, held Held, filters []Filter, now time.Time) []client.Token {
	var selected []client.Token
	for _, t := range all {
		passed := map[string]bool{}
		for _, f := range filters {
			passed[f.Key] = passed[f.Key] || f.matches(t, held, now)
		}
		failed := false
		for _, ok := range passed {
			failed = failed || !ok
		}
		if !failed {
			selected = append(selected, t)
		}
	}
	return selected
}
