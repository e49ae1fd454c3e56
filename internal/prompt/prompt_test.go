//go:build unix

package prompt_test

import (
	"context"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/docker-pat/docker-pat/internal/prompt"
)

const typed = "whale-" + "of-a-password"

// A person sits at a pseudo-terminal: types, and sees what it shows.
type person struct {
	t        *testing.T
	keyboard *os.File
	tty      *os.File
	before   *term.State

	mu  sync.Mutex
	saw strings.Builder
}

func newPerson(t *testing.T) (*person, prompt.Terminal) {
	t.Helper()
	blocking, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(blocking.Fd()))
	if err := errors.Join(err, syscall.SetNonblock(fd, true), blocking.Close()); err != nil {
		t.Fatal(err)
	}
	keyboard := os.NewFile(uintptr(fd), "keyboard") // one whose Close ends a Read
	p := &person{t: t, keyboard: keyboard, tty: tty, before: state(t, tty)}
	go func() {
		buffer := make([]byte, 1024)
		for {
			n, err := keyboard.Read(buffer)
			p.mu.Lock()
			p.saw.Write(buffer[:n])
			p.mu.Unlock()
			if err != nil {
				return // the terminal is gone
			}
		}
	}()
	t.Cleanup(func() { // the keyboard first: it ends reads that were given up on
		_ = keyboard.Close()
		_ = tty.Close()
	})
	return p, prompt.New(tty, tty)
}

func state(t *testing.T, tty *os.File) *term.State {
	t.Helper()
	s, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p *person) screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.saw.String()
}

func (p *person) types(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.keyboard, text); err != nil {
		p.t.Error(err)
	}
}

// waits until the screen shows text.
func (p *person) waits(text string) {
	p.t.Helper()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(p.screen(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			p.t.Errorf("the screen shows %q, want %q", p.screen(), text)
			return
		}
	}
}

// sees what is typed from now on, as before the question.
func (p *person) sees() {
	p.t.Helper()
	if now := state(p.t, p.tty); !reflect.DeepEqual(now, p.before) {
		p.t.Errorf("the terminal is in the state %+v, want %+v", now, p.before)
	}
	p.types("in the open\n")
	p.waits("in the open")
}

// TestSecret types as soon as the question is there, many times over: nothing of it may be shown.
func TestSecret(t *testing.T) {
	t.Parallel()
	p, terminal := newPerson(t)
	for range 50 {
		go func() {
			p.waits("Password: ")
			p.types(typed + "\n")
		}()
		got, err := terminal.Secret(t.Context(), "Password: ")
		if err != nil || got.Reveal() != typed {
			t.Fatalf("got %q, %v", got.Reveal(), err)
		}
		p.waits("\n")
		p.mu.Lock()
		if screen := p.saw.String(); screen != "Password: \r\n" {
			t.Fatalf("the screen shows %q", screen)
		}
		p.saw.Reset()
		p.mu.Unlock()
	}
	p.sees()
}

// TestSecretIsGivenUp has ctx end before the question, at once after it, and while it waits.
func TestSecretIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{"before": 0, "at once": time.Microsecond, "soon": 500 * time.Microsecond, "later": 30 * time.Millisecond} {
		for range 10 {
			p, terminal := newPerson(t)
			ctx, cancel := context.WithCancel(t.Context())
			if after == 0 {
				cancel()
			} else {
				time.AfterFunc(after, cancel)
			}
			got, err := terminal.Secret(ctx, "Password: ")
			if !errors.Is(err, context.Canceled) || !got.IsZero() {
				t.Errorf("%s: got %v, %v", name, got, err)
			}
			time.Sleep(2 * time.Millisecond) // time for what is late to do harm
			p.sees()
			cancel()
		}
	}
}

func TestSecretAtTheEndOfInput(t *testing.T) {
	t.Parallel()
	p, terminal := newPerson(t)
	go func() {
		p.waits("Password: ")
		p.types("\x04")
	}()
	got, err := terminal.Secret(t.Context(), "Password: ")
	if !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "not answered") || !got.IsZero() {
		t.Errorf("got %v, %v", got, err)
	}
	p.sees()
}

func TestLineAndConfirm(t *testing.T) {
	t.Parallel()
	p, terminal := newPerson(t)
	for typed, want := range map[string]string{"moby\n": "moby", "  a b \n": "a b", "\n": "", "x\x7fy\n": "y"} {
		p.types(typed)
		if got, err := terminal.Line(t.Context(), "Name: "); got != want || err != nil {
			t.Errorf("%q: Line = %q, %v; want %q", typed, got, err, want)
		}
	}
	for typed, want := range map[string]bool{"y\n": true, "YES\n": true, " yes \n": true, "\n": false, "n\n": false, "yep\n": false, "ye\n": false, "да\n": false} {
		p.types(typed)
		if got, err := terminal.Confirm(t.Context(), "Delete it?"); got != want || err != nil {
			t.Errorf("%q: Confirm = %v, %v; want %v", typed, got, err, want)
		}
	}
	p.waits("Delete it? [y/N] ")
	p.types("\x04")
	if got, err := terminal.Confirm(t.Context(), "Delete it?"); got || !errors.Is(err, io.EOF) {
		t.Errorf("at the end of input Confirm = %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if got, err := terminal.Confirm(ctx, "Delete it?"); got || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: Confirm = %v, %v", got, err)
	}
}

// TestTerminalGoes away while a question waits.
func TestTerminalGoes(t *testing.T) {
	t.Parallel()
	p, terminal := newPerson(t)
	go func() {
		p.waits("Password: ")
		_ = p.keyboard.Close()
	}()
	if got, err := terminal.Secret(t.Context(), "Password: "); err == nil || !got.IsZero() {
		t.Errorf("got %v, %v; want an error", got, err)
	}
}

func TestNobodyToAsk(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	for name, terminal := range map[string]prompt.Terminal{
		"zero": {}, "a pipe": prompt.New(r, io.Discard), "no file": prompt.New(strings.NewReader("y\n"), io.Discard), "nothing": prompt.New(nil, io.Discard),
	} {
		_, secretErr := terminal.Secret(t.Context(), "Password: ")
		_, lineErr := terminal.Line(t.Context(), "Name: ")
		yes, confirmErr := terminal.Confirm(t.Context(), "Delete it?")
		for _, err := range []error{secretErr, lineErr, confirmErr} {
			if !errors.Is(err, prompt.ErrNoTerminal) {
				t.Errorf("%s: got %v, want ErrNoTerminal", name, err)
			}
		}
		if yes || terminal.CanAsk() {
			t.Errorf("%s: somebody answered", name)
		}
	}
}
