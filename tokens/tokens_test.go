package tokens_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
	"github.com/docker-pat/docker-pat/tokens"
)

var now = time.Date(2026, 11, 23, 12, 30, 15, 999, time.UTC)

func TestStatusAndCount(t *testing.T) {
	t.Parallel()
	all := []client.Token{
		{Active: true},
		{Active: true, ExpiresAt: now.Add(time.Second), Auto: true},
		{Active: true, ExpiresAt: now},
		{Active: false, ExpiresAt: now.Add(-time.Hour), Auto: true},
		{Active: false},
	}
	want := []tokens.Status{tokens.Active, tokens.Active, tokens.Expired, tokens.Expired, tokens.Inactive}
	for i, token := range all {
		if got := tokens.StatusOf(token, now); got != want[i] {
			t.Errorf("StatusOf(%d) = %s, want %s", i, got, want[i])
		}
	}
	if got, want := tokens.CountOf(all, now), (tokens.Count{Active: 2, Inactive: 1, Expired: 2, Auto: 2}); got != want {
		t.Errorf("CountOf = %+v, want %+v", got, want)
	}
}

func TestParseScopes(t *testing.T) {
	t.Parallel()
	got, err := tokens.ParseScopes([]string{"repo:write", "READ", "repo:read"})
	if want := []string{"repo:write", "repo:read"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseScopes = %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"", "repo:", "repo:everything", "admin:repo"} {
		if got, err := tokens.ParseScopes([]string{bad}); err == nil || !strings.Contains(err.Error(), "repo:admin, repo:write, repo:read, repo:public_read") {
			t.Errorf("ParseScopes(%q) = %v, %v; want an error that names the scopes", bad, got, err)
		}
	}
}

func TestPermission(t *testing.T) {
	t.Parallel()
	for want, scopes := range map[string][]string{
		"Read & Write":                {"repo:read", "repo:write"},
		"Read, Write, Delete":         {"repo:admin"},
		"Public Read-only":            {"repo:public_read"},
		"Read-only, sandbox:use":      {"sandbox:use", "repo:read"},
		"sandbox:use, something:else": {"sandbox:use", "something:else"},
		"pull, push, member-read":     {"scope-image-pull", "scope-image-push", "scope-member-read"},
		"-":                           nil,
	} {
		if got := tokens.Permission(scopes); got != want {
			t.Errorf("Permission(%v) = %q, want %q", scopes, got, want)
		}
	}
}

func TestParseExpiry(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	base := now.Truncate(time.Second)
	tests := []struct {
		text    string
		want    time.Time
		wantErr string
	}{
		{"never", time.Time{}, ""},
		{" NEVER ", time.Time{}, ""},
		{"none", time.Time{}, ""},
		{"12h", base.Add(12 * time.Hour), ""},
		{"30d", base.Add(30 * day), ""},
		{"6W", base.Add(42 * day), ""},
		{"1y", base.Add(365 * day), ""},
		{"2027-01-31", time.Date(2027, 1, 31, 23, 59, 59, 0, time.UTC), ""},
		{"2026-11-23", time.Date(2026, 11, 23, 23, 59, 59, 0, time.UTC), ""},
		{"2027-01-31T10:00:00+02:00", time.Date(2027, 1, 31, 8, 0, 0, 0, time.UTC), ""},
		{"0d", time.Time{}, "in the past"},
		{"2026-11-22", time.Time{}, "in the past"},
		{"2020-01-01T00:00:00Z", time.Time{}, "in the past"},
		{"", time.Time{}, "cannot read"},
		{"30", time.Time{}, "cannot read"},
		{"-5d", time.Time{}, "cannot read"},
		{"d", time.Time{}, "cannot read"},
		{"30m", time.Time{}, "cannot read"},
		{"2027-02-30", time.Time{}, "cannot read"},
		{"tomorrow", time.Time{}, "cannot read"},
		{"99999999999y", time.Time{}, "cannot read"},
		{"101y", time.Time{}, "cannot read"},
	}
	for _, tt := range tests {
		got, err := tokens.ParseExpiry(tt.text, now)
		if tt.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("ParseExpiry(%q) = %v, %v; want %q", tt.text, got, err, tt.wantErr)
			}
			continue
		}
		if err != nil || !got.Equal(tt.want) {
			t.Errorf("ParseExpiry(%q) = %v, %v; want %v", tt.text, got, err, tt.want)
		}
	}
}

func TestCheckLabel(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"laptop", strings.Repeat("é", 100), "ci & <tests>", "مفتاح"} {
		if err := tokens.CheckLabel(good); err != nil {
			t.Errorf("CheckLabel(%q) = %v", good, err)
		}
	}
	for _, bad := range []string{"", "  ", strings.Repeat("é", 101), "a\x1b[31m", "a\nb", "\xff"} {
		if tokens.CheckLabel(bad) == nil {
			t.Errorf("CheckLabel(%q) found nothing wrong", bad)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	all := []client.Token{
		{ID: "aaaa1111", Label: "laptop"},
		{ID: "aaaa2222", Label: "ci"},
		{ID: "bbbb3333", Label: "ci"},
		{ID: "cccc4444", Label: "aaaa1111"},
		{ID: "dddd5555", Label: "bbbb"},
	}
	for name, want := range map[string]string{
		"laptop": "aaaa1111", "aaaa1111": "aaaa1111", "aaaa1": "aaaa1111", "AAAA2": "aaaa2222", "bbbb": "dddd5555", "bbbb3": "bbbb3333",
	} {
		if got, err := tokens.Resolve(all, name); err != nil || got.ID != want {
			t.Errorf("Resolve(%q) = %v, %v; want %s", name, got.ID, err, want)
		}
	}
	for _, name := range []string{"", "ddd", "lap", "LAPTOP", "zzzz"} {
		if got, err := tokens.Resolve(all, name); !errors.As(err, new(*tokens.UnknownError)) {
			t.Errorf("Resolve(%q) = %v, %v; want unknown", name, got.ID, err)
		}
	}
	for name, want := range map[string]int{"ci": 2, "aaaa": 2} {
		_, err := tokens.Resolve(all, name)
		var ambiguous *tokens.AmbiguousError
		if !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != want {
			t.Errorf("Resolve(%q) = %v; want %d candidates", name, err, want)
		}
	}
}
