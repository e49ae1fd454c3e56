//go:build unix

package main

import (
	"strings"
	"testing"

	"github.com/docker-pat/docker-pat/internal/sandbox"
)

// TestWaitIsShown has Docker Hub ask for a pause: a terminal counts it down, a file is told once.
func TestWaitIsShown(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	slowDown := func() {
		d.hub.Sandbox.Inject(sandbox.Fault{Method: "GET", Path: "/hub/v2/access-tokens", Status: 429, Header: map[string]string{"Retry-After": "3"}, Times: 1})
	}
	slowDown()
	screen := d.sit(terminal{}, "list").exits(exitOK)
	for _, left := range []string{"in 3s\n", lineAbove + "Docker Hub asks to slow down: going on in 2s\n", "in 1s\n"} {
		if !strings.Contains(screen, left) {
			t.Errorf("%q is not to be seen: %q", left, screen)
		}
	}
	slowDown()
	if screen := d.sit(terminal{env: []string{"TERM=dumb"}}, "list").exits(exitOK); strings.Count(screen, "slow down") != 1 || strings.Contains(screen, "\x1b") {
		t.Errorf("a dumb terminal shows %q", screen)
	}
	slowDown()
	s := d.sit(terminal{}, "list")
	s.sees("in 2s")
	s.types("\x03")
	if screen := s.exits(exitInterrupted); !strings.Contains(screen, "docker-pat: interrupted\n") {
		t.Errorf("interrupted, it shows %q", screen)
	}
}
