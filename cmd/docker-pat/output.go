package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/tokens"
)

// printJSON writes a document for machines, which may be shown on a terminal: what could steer that is
// escaped, and stays what it was to a machine.
func printJSON(w io.Writer, v any) error {
	var document strings.Builder
	enc := json.NewEncoder(&document)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escaped(document.String()))
	return err
}

// escaped is a JSON text without the characters that printable replaces. They can stand in its strings alone.
func escaped(document string) string {
	var b strings.Builder
	for _, r := range document {
		if r != '\n' && harmful(r) {
			_, _ = fmt.Fprintf(&b, "\\u%04x", r) // none of them is above U+FFFF
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// A tokenView is the JSON of a token, which scripts depend on. Times are RFC 3339 in UTC or null.
type tokenView struct {
	ID         string     `json:"id"`
	Label      string     `json:"label"`
	Scopes     []string   `json:"scopes"`
	Status     string     `json:"status"`
	Source     string     `json:"source"`
	CreatedAt  *time.Time `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	CreatorIP  string     `json:"creator_ip"`
	CreatorUA  string     `json:"creator_ua"`
	Stored     bool       `json:"stored"`
	*orgView              // of an organization's token
}

func viewOf(t client.Token, stored bool, now time.Time) tokenView {
	scopes := t.Scopes
	if scopes == nil {
		scopes = []string{}
	}
	return tokenView{
		orgView: orgViewOf(t),
		ID:      t.ID, Label: t.Label, Scopes: scopes, Status: string(tokens.StatusOf(t, now)), Source: source(t),
		CreatedAt: instant(t.CreatedAt), LastUsedAt: instant(t.LastUsedAt), ExpiresAt: instant(t.ExpiresAt),
		CreatorIP: t.CreatorIP, CreatorUA: t.CreatorUA, Stored: stored,
	}
}

// viewsOf is never nil, which would be null in JSON.
func viewsOf(all []client.Token, held tokens.Held, now time.Time) []tokenView {
	views := make([]tokenView, 0, len(all))
	for _, t := range all {
		views = append(views, viewOf(t, held.Has(t.ID), now))
	}
	return views
}

func source(t client.Token) string {
	if t.Auto {
		return "auto"
	}
	return "manual"
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// when shows an instant: as an age to a person, in RFC 3339 to a program, and the zero time as "never".
func when(t, now time.Time, toPerson bool) string {
	switch {
	case t.IsZero():
		return "never"
	case !toPerson:
		return t.UTC().Format(time.RFC3339)
	case t.After(now):
		return "in " + span(t.Sub(now)+justMade)
	case now.Sub(t) < time.Minute:
		return "just now"
	}
	return span(now.Sub(t)) + " ago"
}

// justMade has what was made for 30 days a moment ago end in 30 days, and not in 29.
const justMade = 10 * time.Second

// span rounds down to the largest unit, which is exact enough for "in 29 days".
func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		size time.Duration
		name string
	}{{365 * day, "year"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		switch n := d / u.size; {
		case n == 1:
			return "1 " + u.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return "less than a minute"
}

// expiry says when a token ends, in a sentence.
func expiry(t, now time.Time) string {
	if t.IsZero() {
		return "never expires"
	}
	if !t.After(now) {
		return "expired on " + t.Local().Format(time.DateOnly)
	}
	return fmt.Sprintf("expires on %s (in %s)", t.Local().Format(time.DateOnly), span(t.Sub(now)+justMade))
}

// printable shows a text from outside harmlessly: control characters, those that end a line and those that
// change the direction of writing become the replacement character.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if harmful(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

func harmful(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}
