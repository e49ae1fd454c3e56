// Package prompt asks questions on the terminal. Nothing else in the program does.
package prompt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/docker-pat/docker-pat/internal/secret"
)

// ErrNoTerminal says that there is nobody to ask.
var ErrNoTerminal = errors.New("there is no terminal to ask on")

// A Terminal is where questions go. The zero Terminal has nobody to ask.
type Terminal struct {
	in    *os.File // nil when there is no terminal
	out   io.Writer
	style Style
}

// New returns the terminal that in is, if it is one. Questions are written to out.
func New(in io.Reader, out io.Writer) Terminal {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return Terminal{in: f, out: out}
	}
	return Terminal{}
}

// CanAsk tells whether somebody is there.
func (t Terminal) CanAsk() bool { return t.in != nil }

// Secret asks for something that is not shown while it is typed. The terminal shows what is typed
// again whatever ends the question, and ctx ends it at once.
//
// term.ReadPassword is not used: it hides in the call that reads, so that the question would stand
// there before, and a ctx that ends early would be followed by the hiding; and it does not end at
// the end of input.
func (t Terminal) Secret(ctx context.Context, question string) (secret.Secret, error) {
	if !t.CanAsk() {
		return secret.Secret{}, ErrNoTerminal
	}
	restore, err := hide(t.in)
	if err != nil {
		return secret.Secret{}, err
	}
	answer, err := t.ask(ctx, question)
	_, _ = fmt.Fprintln(t.out) // Enter was not shown either
	if err := errors.Join(err, restore()); err != nil {
		return secret.Secret{}, err
	}
	return secret.New(strings.TrimRight(answer, "\r\n")), nil
}

// Line asks for one line.
func (t Terminal) Line(ctx context.Context, question string) (string, error) {
	if !t.CanAsk() {
		return "", ErrNoTerminal
	}
	answer, err := t.ask(ctx, question)
	return strings.TrimSpace(answer), err
}

// Confirm asks a question to which only "y" or "yes" is yes.
func (t Terminal) Confirm(ctx context.Context, question string) (bool, error) {
	answer, err := t.Line(ctx, question+" [y/N] ")
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"), err
}

// ask waits for the answer or for the end of ctx; a read that is given up on ends with the process.
func (t Terminal) ask(ctx context.Context, question string) (string, error) {
	if _, err := fmt.Fprint(t.out, question); err != nil {
		return "", err
	}
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := bufio.NewReader(t.in).ReadString('\n')
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		if errors.Is(r.err, io.EOF) {
			return "", fmt.Errorf("the question was not answered: %w", r.err)
		}
		return r.text, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
