package tokens

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/client"
)

// An Order is how tokens are sorted. The zero Order leaves them as Docker Hub lists them.
type Order struct {
	key     string
	reverse bool
}

// SortKeys are what tokens can be sorted by.
func SortKeys() []string { return []string{"label", "created", "used", "expires", "status"} }

// ParseOrder reads a key, with "-" before it for the reverse: label (letter case aside), created (the oldest
// first), used (never used first, then the longest unused), expires (the soonest first, never last), status
// (active, inactive, expired). "" is the zero Order.
func ParseOrder(text string) (Order, error) {
	key, reverse := strings.CutPrefix(text, "-")
	if text != "" && !slices.Contains(SortKeys(), key) {
		return Order{}, fmt.Errorf("cannot sort by %q: give %s, with - before it for the reverse", text, strings.Join(SortKeys(), ", "))
	}
	return Order{key, reverse}, nil
}

// Sort sorts tokens in place. Those that are equal keep their order.
func (o Order) Sort(all []client.Token, now time.Time) {
	if o.key == "" {
		return
	}
	slices.SortStableFunc(all, func(a, b client.Token) int {
		if o.reverse {
			a, b = b, a
		}
		return o.compare(a, b, now)
	})
}

func (o Order) compare(a, b client.Token, now time.Time) int {
	switch o.key {
	case "created":
		return a.CreatedAt.Compare(b.CreatedAt)
	case "used":
		return a.LastUsedAt.Compare(b.LastUsedAt) // zero, which is never, comes first
	case "expires":
		if a.ExpiresAt.IsZero() || b.ExpiresAt.IsZero() {
			return b.ExpiresAt.Compare(a.ExpiresAt) // zero, which is never, comes last
		}
		return a.ExpiresAt.Compare(b.ExpiresAt)
	case "status":
		return cmp.Compare(rank(a, now), rank(b, now))
	}
	return cmp.Or(strings.Compare(strings.ToLower(a.Label), strings.ToLower(b.Label)), strings.Compare(a.Label, b.Label))
}

func rank(t client.Token, now time.Time) int {
	return slices.Index([]Status{Active, Inactive, Expired}, StatusOf(t, now))
}
