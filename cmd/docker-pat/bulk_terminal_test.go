//go:build unix

package main

import (
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// TestBulkInterrupted presses Ctrl-C at a question and in a pause: what was done stays
// done, and it is said what was not.
func TestBulkInterrupted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, label := range []string{"a", "b", "c"} {
		d.run("create", label, "--print")
	}
	s := d.sit(terminal{}, "delete", "a", "b", "c").plays([]step{{"Delete a (", "y\r"}, {"Deleted a", ""}, {"Delete b (", "\x03"}})
	wantText(t, "the screen", s.exits(exitInterrupted), "Stopped after 1 of 3 tokens. Not done: b (", "), c (", "docker-pat: interrupted\n")

	d.hub.Sandbox.Inject(sandbox.Fault{Method: "DELETE", Path: "/hub/v2/access-tokens/*", Status: 429, Header: map[string]string{"Retry-After": "50"}})
	s = d.sit(terminal{}, "delete", "--yes", "b", "c").plays([]step{{"slow down", "\x03"}})
	wantText(t, "the screen", s.exits(exitInterrupted), "Stopped after 0 of 2 tokens. Not done: b (")
	d.hub.Sandbox.ClearFaults()
	if left := strings.Fields(d.run("list", "--format", "{{.label}}", "--sort", "label")); strings.Join(left, " ") != "b c" {
		t.Errorf("%v are left, want b and c", left)
	}
}
