package tokens

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/internal/lifetime"
)

// ParseExpiry reads when a new token shall end: a lifetime in hours, days, weeks or years from now
// (12h, 30d, 6w, 1y), a date (2027-01-31, through its last second in UTC), an instant in RFC 3339, or
// "never", for which the zero time is returned. An expiry in the past is an error. The result is in
// UTC and in whole seconds.
func ParseExpiry(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "never") || strings.EqualFold(text, "none") {
		return time.Time{}, nil
	}
	at, err := parseInstant(text, now)
	if err != nil {
		return time.Time{}, err
	}
	at = at.UTC().Truncate(time.Second)
	if !at.After(now) {
		return time.Time{}, fmt.Errorf("the expiry %q is in the past", text)
	}
	return at, nil
}

func parseInstant(text string, now time.Time) (time.Time, error) {
	if span, err := lifetime.Parse(text); err == nil {
		return now.Add(span), nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("cannot read the expiry %q: give a lifetime (12h, 30d, 6w, 1y), a date (2027-01-31) or \"never\"", text)
}
