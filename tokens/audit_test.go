package tokens_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/tokens"
)

// sound is a token that nothing is wrong with.
func sound(change func(*client.Token)) client.Token {
	t := client.Token{
		ID: "1111", Label: "sound", Active: true, Scopes: []string{"repo:write"}, CreatorIP: "192.0.2.1", CreatorUA: "docker-pat/v1",
		CreatedAt: now.Add(-10 * day), LastUsedAt: now.Add(-day), ExpiresAt: now.Add(30 * day),
	}
	change(&t)
	return t
}

func TestAuditToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*client.Token)
		held   bool
		want   string
	}{
		{"nothing", func(*client.Token) {}, true, ""},
		{"never expires", func(t *client.Token) { t.ExpiresAt = time.Time{} }, false, "medium never-expires"},
		{"never expires, all", func(t *client.Token) { t.ExpiresAt, t.Scopes = time.Time{}, []string{"repo:read", "repo:admin"} }, false, "high never-expires, medium over-scoped"},
		{"all", func(t *client.Token) { t.Scopes = []string{"repo:admin"} }, false, "medium over-scoped"},
		{"auto", func(t *client.Token) { t.Scopes, t.ExpiresAt, t.Auto = []string{"repo:admin"}, time.Time{}, true }, false, ""},
		{"idle", func(t *client.Token) { t.LastUsedAt = now.Add(-90 * day) }, false, "medium unused"},
		{"not idle yet", func(t *client.Token) { t.LastUsedAt = now.Add(-90*day + 1) }, false, ""},
		{"never used", func(t *client.Token) { t.LastUsedAt, t.CreatedAt = time.Time{}, now.Add(-91*day) }, false, "medium unused"},
		{"new, never used", func(t *client.Token) { t.LastUsedAt = time.Time{} }, false, ""},
		{"idle, auto", func(t *client.Token) { t.LastUsedAt, t.Auto = now.Add(-90*day), true }, false, "medium unused"},
		{"soon", func(t *client.Token) { t.ExpiresAt = now.Add(14 * day) }, false, "low expires-soon"},
		{"soon, held", func(t *client.Token) { t.ExpiresAt = now.Add(1) }, true, "medium expires-soon"},
		{"not so soon", func(t *client.Token) { t.ExpiresAt = now.Add(14*day + 1) }, true, ""},
		{"expired", func(t *client.Token) { t.ExpiresAt, t.Scopes = now, []string{"repo:admin"} }, true, ""},
		{"expired before its last use", func(t *client.Token) { t.ExpiresAt = now.Add(-2 * day) }, true, "high used-after-end"},
		{"expired at its last use", func(t *client.Token) { t.ExpiresAt = now.Add(-day - time.Second) }, true, ""},
		{"off", func(t *client.Token) { t.Active, t.ExpiresAt, t.Scopes = false, time.Time{}, []string{"repo:admin"} }, false, ""},
		{"elsewhere", func(t *client.Token) { t.CreatorIP = "198.51.100.7" }, false, "low elsewhere"},
		{"elsewhere, held", func(t *client.Token) { t.CreatorIP = "198.51.100.7" }, true, ""},
		{"elsewhere, off", func(t *client.Token) { t.CreatorIP, t.Active = "198.51.100.7", false }, false, ""},
		{"the same network", func(t *client.Token) { t.CreatorIP = "2001:db8::2:1" }, false, ""},
		{"another network", func(t *client.Token) { t.CreatorIP = "2001:db8:1::1" }, false, "low elsewhere"},
		{"mapped", func(t *client.Token) { t.CreatorIP = "::ffff:192.0.2.1" }, false, ""},
		{"no address", func(t *client.Token) { t.CreatorIP = "" }, false, ""},
	}
	own := []client.Token{
		sound(func(t *client.Token) { t.ID, t.Label = "own", "own" }),
		sound(func(t *client.Token) { t.ID, t.Label, t.CreatorIP = "own6", "own6", "2001:db8::1" }),
	}
	for _, tt := range tests {
		held := tokens.Held{"own", "own6"}
		if tt.held {
			held = append(held, "1111")
		}
		token := sound(tt.change)
		if got := brief(tokens.Audit(append(slices.Clone(own), token), held, now)); got != tt.want {
			t.Errorf("%s: found %q, want %q", tt.name, got, tt.want)
		}
	}
	away := sound(func(t *client.Token) { t.CreatorIP = "198.51.100.7" })
	if got := brief(tokens.Audit([]client.Token{away}, nil, now)); got != "" {
		t.Errorf("with no token on this machine: found %q, want nothing: there is nothing to compare with", got)
	}
}

func brief(findings []tokens.Finding) string {
	var parts []string
	for _, f := range findings {
		parts = append(parts, fmt.Sprintf("%s %s", f.Severity, f.Check))
	}
	return strings.Join(parts, ", ")
}

func TestAuditAccount(t *testing.T) {
	t.Parallel()
	var all []client.Token
	for i := range 6 {
		all = append(all, sound(func(t *client.Token) { t.ID, t.Label, t.Auto = fmt.Sprint("auto", i), fmt.Sprint("auto", i), true }))
	}
	if got := tokens.Audit(all[:5], nil, now); got != nil {
		t.Errorf("five auto-generated: found %v", got)
	}
	all = append(all,
		sound(func(t *client.Token) { t.ID, t.Active = "b1", false }),
		sound(func(t *client.Token) { t.ID, t.ExpiresAt = "b2", now.Add(day) }),
		sound(func(t *client.Token) { t.ID, t.ExpiresAt = "b3", time.Time{} }),
		sound(func(t *client.Token) { t.ID, t.Label = "other", "Sound" }),
	)
	var got []string
	for _, f := range tokens.Audit(all, nil, now) {
		got = append(got, fmt.Sprintf("%s %s %s: %s", f.Severity, f.Check, ids(f.Tokens), f.What))
	}
	want := []string{
		"medium never-expires b3: never expires",
		"low expires-soon b2: expires on 2026-11-24",
		"low same-label b1 b2 b3: are 3 tokens with one label",
		"low many-auto auto0 auto1 auto2 auto3 auto4 auto5: are 6 auto-generated tokens, and Docker Hub is said to keep 5",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestParseSeverity(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]tokens.Severity{"low": tokens.Low, "medium": tokens.Medium, "high": tokens.High} {
		if got, err := tokens.ParseSeverity(text); got != want || err != nil || got.String() != text {
			t.Errorf("ParseSeverity(%q) = %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "High", "critical"} {
		if _, err := tokens.ParseSeverity(bad); err == nil || !strings.Contains(err.Error(), "low, medium, high") {
			t.Errorf("ParseSeverity(%q) = %v, want an error that names them", bad, err)
		}
	}
}
