// Package lifetime reads spans of time as people write them for tokens: 12h, 30d, 6w, 1y.
package lifetime

import (
	"fmt"
	"strconv"
	"time"
)

const (
	day      = 24 * time.Hour
	maxYears = 100 // so that no sum with a date overflows
)

// Parse reads a whole number of hours (h), days (d), weeks (w) or years of 365 days (y). "0" is no time
// at all.
func Parse(text string) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	if text != "" {
		unit, ok := map[byte]time.Duration{'h': time.Hour, 'd': day, 'w': 7 * day, 'y': 365 * day}[text[len(text)-1]|0x20]
		n, err := strconv.Atoi(text[:len(text)-1])
		if ok && err == nil && n >= 0 && time.Duration(n) <= maxYears*365*day/unit {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, fmt.Errorf("%q is not a span of time: give hours, days, weeks or years, such as 12h, 30d, 6w or 1y", text)
}
