//go:build unix

package main

import (
	"strings"
	"testing"
)

// TestListFits looks at the list on terminals from wide to narrow: no line is wider than the terminal.
func TestListFits(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, label := range []string{"plain", strings.Repeat("long ", 20), "日本語のとても長い名前のトークン", "family 👩‍👩‍👧‍👦 and é", "مفتاح العمل", "[31m & <b>"} {
		d.run("create", label, "--print", "--scope", "repo:admin")
	}
	d.run("deactivate", "plain")
	for _, columns := range []int{200, 120, 80, 60, 40, 20, 10} {
		s := d.sit(terminal{columns: columns, env: []string{"NO_COLOR=1"}}, "list")
		screen := s.exits(exitOK)
		lines := strings.Split(strings.TrimSuffix(screen, "\n"), "\n")
		if len(lines) != 8 {
			t.Fatalf("%d lines at %d columns:\n%s", len(lines), columns, screen)
		}
		for _, line := range lines[:7] { // the last counts
			if width := cells.StringWidth(line); width > columns {
				t.Errorf("%d cells at %d columns: %q", width, columns, line)
			}
		}
		if strings.Contains(screen, "\x1b") {
			t.Errorf("escape sequences at %d columns: %q", columns, screen)
		}
		for _, want := range map[int][]string{
			200: {"日本語のとても長い名前のトークン", "SOURCE", "just now"},
			80:  {"日本語の", "…", "STATUS", "inactive", "مفتاح العمل", "never"},
			40:  {"日本", "…", "ID"},
		}[columns] {
			if want != "just now" && !strings.Contains(screen, want) {
				t.Errorf("%q is not to be seen at %d columns:\n%s", want, columns, screen)
			}
		}
	}
	whole := d.sit(terminal{columns: 40, env: []string{"NO_COLOR=1"}}, "list", "--no-trunc").exits(exitOK)
	if strings.Contains(whole, "…") || !strings.Contains(whole, strings.Repeat("long ", 20)) {
		t.Errorf("--no-trunc cuts:\n%s", whole)
	}
}

// TestListColours has colour on a terminal alone, and not against anybody's will.
func TestListColours(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.run("create", "off", "--print")
	d.run("deactivate", "off")
	const coloured = "\x1b[33minactive\x1b[0m"
	if screen := d.sit(terminal{}, "list").exits(exitOK); !strings.Contains(screen, coloured) {
		t.Errorf("no colour: %q", screen)
	}
	for _, variable := range []string{"NO_COLOR=1", "TERM=dumb", "CLICOLOR=0"} {
		if screen := d.sit(terminal{env: []string{variable}}, "list").exits(exitOK); strings.Contains(screen, "\x1b") {
			t.Errorf("colour in spite of %s: %q", variable, screen)
		}
	}
	if out := d.run("list"); strings.Contains(out, "\x1b") || !strings.Contains(out, "inactive") {
		t.Errorf("colour without a terminal: %q", out)
	}
}
