//go:build unix

package prompt_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/docker-pat/docker-pat/internal/prompt"
)

var fruit = []prompt.Choice{{Text: "apple"}, {Text: "pear", Note: "ripe"}, {Text: "plum"}}

// soon ends a question that would wait for ever.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestChoose never answers the question where the cursor is, since that must not be asked.
func TestChoose(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]int{
		"\r": 1, "\x1b[B\r": 2, "\x1b[A\r": 0, "\x1bOB\r": 2, "\x1b[B\x1b[B\r": 0, "plu\r": 2, "\x1bx\x1b[B\r": 2, "\t\r": 2, "zzz\x18\r": 1,
	} {
		for _, colour := range []bool{true, false} {
			p, terminal := newPerson(t)
			go func() {
				p.waits("plum")
				p.types(typed)
			}()
			got, err := terminal.Styled(prompt.Style{Moves: true, Colour: colour}).Choose(soon(t), "Fruit", fruit, 1)
			if got != want || err != nil {
				t.Errorf("%q: Choose = %d, %v; want %d", typed, got, err, want)
			}
			p.waits("\x1b[?25h") // the cursor is shown again
			if screen := p.screen(); strings.Contains(screen, "\x1b[6n") || !strings.Contains(screen, "ripe") {
				t.Errorf("%q: the screen shows %q", typed, screen)
			} else if coloured := strings.Contains(screen, "36m"); coloured != colour {
				t.Errorf("%q: colour is %v, want %v: %q", typed, coloured, colour, screen)
			}
			p.sees()
		}
	}
}

// TestChooseNumber is for terminals that do not move their cursor.
func TestChooseNumber(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]int{"\n": 1, "3\n": 2, " 1 \n": 0, "0\n4\nplum\n-1\n3\n": 2} {
		p, terminal := newPerson(t)
		p.types(typed)
		if got, err := terminal.Choose(soon(t), "Fruit", fruit, 1); got != want || err != nil {
			t.Errorf("%q: Choose = %d, %v; want %d", typed, got, err, want)
		}
		p.waits("Fruit\r\n  1) apple\r\n  2) pear - ripe\r\n  3) plum\r\nNumber [2]: ")
		if strings.Count(typed, "\n") > 1 {
			p.waits("Give a number from 1 to 3.\r\nNumber [2]: ")
		}
		if strings.Contains(p.screen(), "\x1b") {
			t.Errorf("%q: the screen shows %q", typed, p.screen())
		}
		p.sees()
	}
}

// TestChooseIsGivenUp by Ctrl-C, at the end of input, by the end of ctx, and when the terminal goes away.
func TestChooseIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		giveUp func(p *person, cancel func())
		want   error
	}{
		"Ctrl-C":         {func(p *person, _ func()) { p.types("\x03") }, context.Canceled},
		"end of input":   {func(p *person, _ func()) { p.types("\x04") }, io.EOF},
		"a signal":       {func(_ *person, cancel func()) { cancel() }, context.Canceled},
		"a signal later": {func(_ *person, cancel func()) { time.AfterFunc(20*time.Millisecond, cancel) }, context.Canceled},
		"hang-up":        {func(p *person, _ func()) { _ = p.keyboard.Close() }, nil},
	} {
		for range 5 {
			p, terminal := newPerson(t)
			ctx, cancel := context.WithCancel(soon(t))
			go func() {
				p.waits("plum")
				tt.giveUp(p, cancel)
			}()
			_, err := terminal.Styled(prompt.Style{Moves: true}).Choose(ctx, "Fruit", fruit, 1)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", name, err, tt.want)
			}
			if name != "hang-up" {
				p.waits("\x1b[?25h") // the cursor is shown again
				p.sees()
			}
			cancel()
		}
	}
	p, terminal := newPerson(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := terminal.Styled(prompt.Style{Moves: true}).Choose(ctx, "Fruit", fruit, 1); !errors.Is(err, context.Canceled) || p.screen() != "" {
		t.Errorf("given up before: %v, and the screen shows %q", err, p.screen())
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	if _, err := prompt.New(r, io.Discard).Choose(t.Context(), "Fruit", fruit, 1); !errors.Is(err, prompt.ErrNoTerminal) {
		t.Errorf("without a terminal: %v", err)
	}
}
