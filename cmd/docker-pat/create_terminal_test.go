//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A step waits for a question and answers it.
type step struct{ question, answer string }

const down = "\x1b[B"

// dialogue is all that create asks, with answers that each differ from what is proposed.
func dialogue() []step {
	return []step{
		{"Label [", "my laptop\r"},
		{"Expires", down + down + down + "\r"}, // from 90d over 1y and never to another date
		{"Date (", "yesterday\r"},
		{"cannot read the expiry", "2099-01-31\r"},
		{"Permission", down + "\r"},
		{"What to do with it", "\r"},
		{"Create it? [y/N] ", "y\r"},
	}
}

func (s *sitting) plays(steps []step) *sitting {
	s.d.t.Helper()
	for _, step := range steps {
		s.sees(step.question)
		s.types(step.answer)
	}
	return s
}

func (d *desk) labels() string {
	d.t.Helper()
	return d.run("list", "--format", "{{.label}}|{{join .scopes \",\"}}|{{.expires_at}}|{{.stored}}")
}

func wantText(t *testing.T, what, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("%s is without %q:\n%s", what, part, got)
		}
	}
}

// TestCreateAsks plays the dialogue on a terminal that answers where its cursor is, on one that never answers
// anything, without colours, and on one that does not move its cursor.
func TestCreateAsks(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]terminal{
		"xterm": {}, "mute": {mute: true}, "no colour": {env: []string{"NO_COLOR=1"}}, "narrow": {columns: 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			screen := d.sit(at, "create").plays(dialogue()).exits(exitOK)
			wantText(t, "the screen", screen, "my laptop: Read-only (pull public and private repositories), expires on 20", "Created my laptop (", "\x1b[?25h")
			if strings.Contains(screen, cursorQuestion) || strings.Contains(screen, "dckr_pat_") {
				t.Errorf("the screen shows what it should not: %q", screen)
			}
			wantText(t, "the list", d.labels(), "my laptop|repo:read|2099-01-31T23:59:59Z|true\n")
		})
	}
	t.Run("dumb", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		screen := d.sit(terminal{env: []string{"TERM=dumb"}}, "create").plays([]step{
			{"Label [", "\r"},
			{"  6) another date\r\nNumber [3]: ", "9\r"},
			{"Give a number from 1 to 6.", "1\r"},
			{"  1) Read, Write, Delete - pull, push, delete", "\r"},
			{"  2) Print it", "2\r"},
			{"Create it? [y/N] ", "yes\r"},
		}).exits(exitOK)
		wantText(t, "the screen", screen, "will be printed once.", "\ndckr_pat_", "This was the only time that the token is shown.")
		if strings.Contains(screen, "\x1b") {
			t.Errorf("escape sequences on a dumb terminal: %q", screen)
		}
		host, err := os.Hostname()
		d.do(err)
		wantText(t, "the list", d.labels(), host+"|repo:write|20", "|false\n")
	})
}

// TestCreateAsksForWhatIsMissing alone.
func TestCreateAsksForWhatIsMissing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.do(os.MkdirAll(filepath.Join(d.home, ".config", "docker-pat"), 0o700))
	d.do(os.WriteFile(filepath.Join(d.home, ".config", "docker-pat", "config.json"), []byte(`{"expires":"45d","scope":"repo:public_read"}`), 0o600))

	screen := d.sit(terminal{}, "create", "--scope", "repo:admin", "--use", "--yes").plays([]step{{"Label [", "\x15flags\r"}, {"45d", "\r"}}).exits(exitOK)
	wantText(t, "the screen", screen, "Created flags (", "(in 4")
	if strings.Contains(screen, "Permission") || strings.Contains(screen, "Create it?") {
		t.Errorf("it asks for what it was told: %q", screen)
	}
	screen = d.sit(terminal{}, "create", "--expires", "never").plays([]step{
		{"Label [", " \r"}, {"Permission", "\r"}, {"What to do", down + "\r"}, {"Create it?", "\r"},
	}).exits(exitInterrupted)
	wantText(t, "the screen", screen, "Public Read-only (pull public repositories), never expires, will be printed once.", "Nothing was made.")

	for _, args := range [][]string{{"create", "labelled"}, {"create", "--json"}, {"create", "-q"}} {
		if screen := d.sit(terminal{}, args...).exits(exitOK); strings.Contains(screen, "Label [") || strings.Contains(screen, "Expires") {
			t.Errorf("%q asks: %q", args, screen)
		}
	}
	d.sit(terminal{}, "create", "--scope", "wrong").exits(exitUsage)
	d.run("logout")
	if screen := d.sit(terminal{}, "create").exits(exitSignIn); strings.Contains(screen, "Label [") {
		t.Errorf("it asks before it is known who is there: %q", screen)
	}
}

// TestCreateInterrupted presses Ctrl-C at each question: nothing is made, and the terminal is as before.
func TestCreateInterrupted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	steps := dialogue()
	for i, last := range steps {
		s := d.sit(terminal{mute: i%2 == 0}, "create").plays(steps[:i])
		s.sees(last.question)
		s.types("\x03")
		wantText(t, "at "+last.question+" the screen", s.exits(exitInterrupted), "docker-pat: interrupted\n")
	}
	s := d.sit(terminal{}, "create").plays(steps[:1])
	s.sees("Expires")
	s.types("\x04") // the end of input
	wantText(t, "the screen", s.exits(exitFailure), "the question was not answered")
	if labels := d.labels(); labels != "" {
		t.Errorf("something was made: %s", labels)
	}
}
