package tokens_test

import (
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/tokens"
)

const day = 24 * time.Hour

// shelf has one token of each kind, told apart by their ids.
func shelf() []client.Token {
	return []client.Token{
		{ID: "fresh", Label: "beta", Active: true, CreatedAt: now.Add(-day), ExpiresAt: now.Add(90 * day), Scopes: []string{"repo:write"}},
		{ID: "used", Label: "Alpha", Active: true, CreatedAt: now.Add(-400 * day), LastUsedAt: now.Add(-time.Hour), Scopes: []string{"repo:read", "repo:admin"}},
		{ID: "idle", Label: "alpha", Active: true, CreatedAt: now.Add(-300 * day), LastUsedAt: now.Add(-90 * day), ExpiresAt: now.Add(30 * day), Scopes: []string{"repo:read"}},
		{ID: "forgotten", Label: "gamma", Active: false, CreatedAt: now.Add(-200 * day), Scopes: []string{"sandbox:use"}},
		{ID: "ended", Label: "delta", Active: true, CreatedAt: now.Add(-100 * day), ExpiresAt: now, Scopes: []string{"repo:write"}},
		{ID: "desktop", Label: "Docker Desktop", Active: true, Auto: true, CreatedAt: now.Add(-2 * day), LastUsedAt: now.Add(-day)},
	}
}

func ids(all []client.Token) string {
	var names []string
	for _, t := range all {
		names = append(names, t.ID)
	}
	return strings.Join(names, " ")
}

func TestSelect(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                  "fresh used idle forgotten ended desktop",
		"status=active":                     "fresh used idle desktop",
		"status=inactive":                   "forgotten",
		"status=expired":                    "ended",
		"status=inactive status=expired":    "forgotten ended",
		"source=auto":                       "desktop",
		"source=manual":                     "fresh used idle forgotten ended",
		"unused=90d":                        "idle forgotten ended",
		"unused=91d":                        "forgotten ended",
		"unused=1y":                         "",
		"unused=0h":                         "fresh used idle forgotten ended desktop",
		"expiring=30d":                      "idle",
		"expiring=29d":                      "",
		"expiring=52w":                      "fresh idle",
		"scope=repo:read":                   "used idle",
		"scope=write":                       "fresh ended",
		"scope=sandbox:use":                 "forgotten",
		"stored=true":                       "used idle",
		"stored=false":                      "fresh forgotten ended desktop",
		"stored=true unused=90d":            "idle",
		"stored=true status=expired":        "",
		"scope=repo:write scope=repo:admin": "fresh used ended",
	} {
		var filters []tokens.Filter
		for _, part := range strings.Fields(text) {
			filter, err := tokens.ParseFilter(part)
			if err != nil {
				t.Fatal(err)
			}
			filters = append(filters, filter)
		}
		if got := ids(tokens.Select(shelf(), tokens.Held{"used", "idle", "elsewhere"}, filters, now)); got != want {
			t.Errorf("%q selects %q, want %q", text, got, want)
		}
	}
}

func TestParseFilterRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                 "status=, source=, unused=, expiring=, scope=, stored=",
		"status":           "status=, source=, unused=",
		"label=x":          "status=, source=, unused=",
		"Status=active":    "status=, source=, unused=",
		"status=":          "active, inactive, expired",
		"status=revoked":   "active, inactive, expired",
		"source=web":       "manual, auto",
		"stored=yes":       "true, false",
		"unused=soon":      "such as unused=90d",
		"expiring=-1d":     "such as expiring=90d",
		"scope=repo:wirte": "repo:admin, repo:write, repo:read, repo:public_read",
		"scope=":           "repo:admin, repo:write",
		"scope=sandbox:":   "repo:admin, repo:write",
	} {
		if _, err := tokens.ParseFilter(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseFilter(%q) = %v, want an error with %q", text, err, want)
		}
	}
	for _, key := range tokens.FilterKeys() {
		for _, value := range tokens.FilterValues(key) {
			if _, err := tokens.ParseFilter(key + "=" + value); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":         "fresh used idle forgotten ended desktop",
		"label":    "used idle fresh ended desktop forgotten",
		"-label":   "forgotten desktop ended fresh idle used",
		"created":  "used idle forgotten ended desktop fresh",
		"-created": "fresh desktop ended forgotten idle used",
		"used":     "fresh forgotten ended idle desktop used",
		"expires":  "ended idle fresh used forgotten desktop",
		"-expires": "used forgotten desktop fresh idle ended",
		"status":   "fresh used idle desktop forgotten ended",
		"-status":  "ended forgotten fresh used idle desktop",
	} {
		order, err := tokens.ParseOrder(text)
		if err != nil {
			t.Fatal(err)
		}
		sorted := shelf()
		if order.Sort(sorted, now); ids(sorted) != want {
			t.Errorf("sorted by %q: %q, want %q", text, ids(sorted), want)
		}
	}
	for _, bad := range []string{"-", "--label", "Label", "id"} {
		if _, err := tokens.ParseOrder(bad); err == nil || !strings.Contains(err.Error(), strings.Join(tokens.SortKeys(), ", ")) {
			t.Errorf("ParseOrder(%q) = %v, want an error that names the keys", bad, err)
		}
	}
}
