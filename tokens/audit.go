package tokens

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/docker-pat/docker-pat/client"
)

// A Severity says how soon a finding should be looked at.
type Severity int

// The severities, in rising order.
const (
	Low Severity = iota + 1
	Medium
	High
)

// Severities are the names, in rising order.
func Severities() []string { return []string{Low.String(), Medium.String(), High.String()} }

func (s Severity) String() string {
	return map[Severity]string{Low: "low", Medium: "medium", High: "high"}[s]
}

// ParseSeverity reads a name.
func ParseSeverity(text string) (Severity, error) {
	i := slices.Index(Severities(), text)
	if i < 0 {
		return 0, fmt.Errorf("unknown severity %q: the severities are %s", text, strings.Join(Severities(), ", "))
	}
	return Low + Severity(i), nil
}

// A Check is what is looked for.
type Check string

// The checks. Those of one token look at active tokens alone, but for UsedAfterEnd: what is off or has ended
// opens nothing.
const (
	UsedAfterEnd Check = "used-after-end" // high: used later than its expiry
	NeverExpires Check = "never-expires"  // medium; high where it allows everything
	OverScoped   Check = "over-scoped"    // medium: allows to delete and to change settings
	Unused       Check = "unused"         // medium: for 90 days
	ExpiresSoon  Check = "expires-soon"   // low: within 14 days; medium where this machine holds it
	Elsewhere    Check = "elsewhere"      // low: made from another network than the tokens of this machine
	SameLabel    Check = "same-label"     // low: two tokens have one label
	ManyAuto     Check = "many-auto"      // low: more auto-generated tokens than Docker Hub is said to keep
)

// Bounds of the checks.
const (
	unusedAfter = 90 * 24 * time.Hour
	soon        = 14 * 24 * time.Hour
	maxAuto     = 5           // Docker documentation, personal access tokens
	clockSlack  = time.Minute // between the machines of Docker Hub
)

const scopeAdmin = "repo:admin"

// A Finding is something that somebody should look at.
type Finding struct {
	Check    Check
	Severity Severity
	Tokens   []client.Token // whom it is about
	What     string         // a sentence about them, without a full stop
}

// Audit looks at all tokens of an account, the gravest findings first. Only what the service tells can be
// found: it does not say when a token was switched off, so a use after that goes unnoticed. Tokens that Docker
// made for itself may do everything and never expire by Docker's own choice, and are not blamed for it.
func Audit(all []client.Token, held Held, now time.Time) []Finding {
	var findings []Finding
	here := networks(all, held)
	for _, t := range all {
		findings = append(findings, auditToken(t, held.Has(t.ID), here, now)...)
	}
	findings = append(findings, sameLabels(all)...)
	findings = append(findings, manyAuto(all)...)
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return findings
}

func auditToken(t client.Token, held bool, here []netip.Prefix, now time.Time) []Finding {
	var findings []Finding
	add := func(check Check, severity Severity, format string, args ...any) {
		findings = append(findings, Finding{check, severity, []client.Token{t}, fmt.Sprintf(format, args...)})
	}
	if !t.ExpiresAt.IsZero() && t.LastUsedAt.After(t.ExpiresAt.Add(clockSlack)) {
		add(UsedAfterEnd, High, "was used on %s, after it expired on %s", t.LastUsedAt.Format(time.DateOnly), t.ExpiresAt.Format(time.DateOnly))
	}
	if StatusOf(t, now) != Active {
		return findings
	}
	if !t.Auto {
		auditReach(t, add)
	}
	if idle := UnusedFor(t, now); idle >= unusedAfter {
		since := "was not used for %d days"
		if t.LastUsedAt.IsZero() {
			since = "was never used since it was made %d days ago"
		}
		add(Unused, Medium, since, idle/(24*time.Hour))
	}
	if expiresWithin(t, soon, now) {
		severity := Low
		if held {
			severity = Medium // Docker on this machine stops working then
		}
		add(ExpiresSoon, severity, "expires on %s", t.ExpiresAt.Format(time.DateOnly))
	}
	if network, ok := networkOf(t); ok && !held && len(here) > 0 && !slices.Contains(here, network) {
		add(Elsewhere, Low, "was made from %s, where no token of this machine comes from, with %s", t.CreatorIP, cmp.Or(t.CreatorUA, "an unknown program"))
	}
	return findings
}

// auditReach looks at how much a token allows, and for how long.
func auditReach(t client.Token, add func(check Check, severity Severity, format string, args ...any)) {
	all := mayDestroy(t)
	switch {
	case t.ExpiresAt.IsZero() && all:
		add(NeverExpires, High, "never expires, and may delete repositories")
	case t.ExpiresAt.IsZero():
		add(NeverExpires, Medium, "never expires")
	}
	if all {
		add(OverScoped, Medium, "may delete repositories and change their settings")
	}
}

// mayDestroy tells whether a token may do more than read and write.
func mayDestroy(t client.Token) bool {
	return slices.Contains(t.Scopes, scopeAdmin) || slices.ContainsFunc(t.Resources, func(r client.Resource) bool {
		return slices.ContainsFunc(r.Scopes, func(scope string) bool {
			return strings.HasSuffix(scope, "-delete") || strings.HasSuffix(scope, "-admin")
		})
	})
}

// networks are where the tokens come from that this machine holds. The program that made a token says less:
// a web browser is on every machine.
func networks(all []client.Token, held Held) []netip.Prefix {
	var here []netip.Prefix
	for _, t := range all {
		if network, ok := networkOf(t); ok && held.Has(t.ID) {
			here = append(here, network)
		}
	}
	return here
}

// networkOf is the address that a token was made from, or for IPv6, where machines change theirs every day,
// the first half of it.
func networkOf(t client.Token) (netip.Prefix, bool) {
	addr, err := netip.ParseAddr(t.CreatorIP)
	if err != nil {
		return netip.Prefix{}, false
	}
	addr = addr.Unmap()
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	network, err := addr.WithZone("").Prefix(bits)
	return network, err == nil
}

func sameLabels(all []client.Token) []Finding {
	labelled := map[string][]client.Token{}
	var labels []string
	for _, t := range all {
		if len(labelled[t.Label]) == 1 {
			labels = append(labels, t.Label)
		}
		labelled[t.Label] = append(labelled[t.Label], t)
	}
	var findings []Finding
	for _, label := range labels {
		n := len(labelled[label])
		findings = append(findings, Finding{SameLabel, Low, labelled[label], fmt.Sprintf("are %d tokens with one label", n)})
	}
	return findings
}

func manyAuto(all []client.Token) []Finding {
	var auto []client.Token
	for _, t := range all {
		if t.Auto {
			auto = append(auto, t)
		}
	}
	if len(auto) <= maxAuto {
		return nil
	}
	return []Finding{{ManyAuto, Low, auto, fmt.Sprintf("are %d auto-generated tokens, and Docker Hub is said to keep %d", len(auto), maxAuto)}}
}
