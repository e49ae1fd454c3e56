package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/client"
)

func TestWhen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	tests := []struct {
		at              time.Time
		person, program string
	}{
		{time.Time{}, "never", "never"},
		{now, "just now", "2026-11-23T12:00:00Z"},
		{now.Add(-59 * time.Second), "just now", "2026-11-23T11:59:01Z"},
		{now.Add(-time.Minute), "1 minute ago", "2026-11-23T11:59:00Z"},
		{now.Add(-3 * time.Hour), "3 hours ago", "2026-11-23T09:00:00Z"},
		{now.Add(-2 * 365 * day), "2 years ago", "2024-11-23T12:00:00Z"},
		{now.Add(30 * time.Second), "in less than a minute", "2026-11-23T12:00:30Z"},
		{now.Add(30*day - time.Second), "in 30 days", "2026-12-23T11:59:59Z"},
		{now.Add(30*day - time.Hour), "in 29 days", "2026-12-23T11:00:00Z"},
	}
	for _, tt := range tests {
		if got := when(tt.at, now, true); got != tt.person {
			t.Errorf("when(%v) for a person = %q, want %q", tt.at, got, tt.person)
		}
		if got := when(tt.at, now, false); got != tt.program {
			t.Errorf("when(%v) for a program = %q, want %q", tt.at, got, tt.program)
		}
	}
}

func TestShortID(t *testing.T) {
	t.Parallel()
	all := []client.Token{{ID: "aaaaaaaa-1111"}, {ID: "aaaaaaaa-1222"}, {ID: "bbbbbbbb-3333"}, {ID: "short"}}
	for id, want := range map[string]string{
		"aaaaaaaa-1111": "aaaaaaaa-11", "aaaaaaaa-1222": "aaaaaaaa-12", "bbbbbbbb-3333": "bbbbbbbb", "short": "short",
	} {
		if got := shortID(all, id); got != want {
			t.Errorf("shortID(%s) = %s, want %s", id, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ci & <tests>": "ci & <tests>", "مفتاح": "مفتاح", "a\x1b[31mb": "a�[31mb", "a\nb\tc": "a�b�c", "a\u202eb": "a�b", "a\u2028b\u009bc": "a�b�c",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPrintJSON(t *testing.T) {
	t.Parallel()
	const label = "a\x1b[31m\u009b\x7f\u202e\u2028\n & <مفتاح> \"'\\"
	var out strings.Builder
	if err := printJSON(&out, []string{label}); err != nil {
		t.Fatal(err)
	}
	if want := "[\n  \"a\\u001b[31m\\u009b\\u007f\\u202e\\u2028\\n & <مفتاح> \\\"'\\\\\"\n]\n"; out.String() != want {
		t.Errorf("printed %s, want %s", out.String(), want)
	}
	var back []string
	if err := json.Unmarshal([]byte(out.String()), &back); err != nil || back[0] != label {
		t.Errorf("read back %q, %v", back, err)
	}
}
