package tokens

import (
	"time"

	"github.com/docker-pat/docker-pat/client"
)

// A PruneRule says which tokens may go. One that any of its parts fits may.
type PruneRule struct {
	Expired, Inactive, Auto bool
	Unused                  time.Duration // not used for that long, nor made since; 0: however used
}

// A Prunable is a token that may go, and why, in words such as "expired".
type Prunable struct {
	Token   client.Token
	Reasons []string
}

// Prune chooses the tokens that rule fits. One that this machine holds is never among them: Docker uses it.
func Prune(all []client.Token, held Held, rule PruneRule, now time.Time) []Prunable {
	var chosen []Prunable
	for _, t := range all {
		var reasons []string
		add := func(fits bool, reason string) {
			if fits {
				reasons = append(reasons, reason)
			}
		}
		add(rule.Expired && StatusOf(t, now) == Expired, "expired")
		add(rule.Inactive && StatusOf(t, now) == Inactive, "inactive")
		add(rule.Unused > 0 && UnusedFor(t, now) >= rule.Unused, "unused")
		add(rule.Auto && t.Auto, "auto-generated")
		if len(reasons) > 0 && !held.Has(t.ID) {
			chosen = append(chosen, Prunable{t, reasons})
		}
	}
	return chosen
}
