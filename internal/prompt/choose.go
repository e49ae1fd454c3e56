package prompt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"

	"github.com/AlecAivazis/survey/v2"
	"github.com/AlecAivazis/survey/v2/terminal"
)

// A Choice is one of several answers, and what is said of it.
type Choice struct{ Text, Note string }

// A Style is what a terminal can be asked to do. The zero Style asks nothing of it.
type Style struct {
	Moves  bool // the cursor moves by escape sequences: a choice is made with the arrow keys
	Colour bool
}

// Styled returns the terminal for questions in that style.
func (t Terminal) Styled(s Style) Terminal {
	t.style = s
	return t
}

// Choose asks for one of several answers and returns its index. Enter alone takes the one at preset.
//
// Of survey, which is not maintained any more, only its list of choices is used: its questions for a line
// of text ask the terminal where the cursor is, and wait for ever when it does not answer. A terminal that does
// not move its cursor gets a numbered list.
func (t Terminal) Choose(ctx context.Context, question string, choices []Choice, preset int) (int, error) {
	out, isFile := t.out.(*os.File)
	switch {
	case !t.CanAsk():
		return 0, ErrNoTerminal
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case !t.style.Moves || !isFile:
		return t.chooseNumber(ctx, question, choices, preset)
	}
	list := &survey.Select{
		Message: question, Default: preset, PageSize: len(choices),
		Description: func(_ string, i int) string { return choices[i].Note },
	}
	for _, c := range choices {
		list.Options = append(list.Options, c.Text)
	}
	keyboard, screen := &keys{ctx: ctx, in: t.in}, terminal.FileWriter(out)
	if !t.style.Colour {
		screen = colourless{out}
	}
	restore, err := singleKeys(t.in)
	if err != nil {
		return 0, err
	}
	var chosen int
	err = survey.AskOne(list, &chosen, survey.WithStdio(keyboard, screen, screen))
	if restoreErr := restore(); err == nil {
		err = restoreErr
	}
	switch {
	case errors.Is(err, terminal.InterruptErr): // it takes Ctrl-C from the terminal, so that no signal comes
		return 0, context.Canceled
	case errors.Is(err, io.EOF):
		return 0, fmt.Errorf("the question was not answered: %w", err)
	}
	return chosen, err
}

// colourless is the screen without colours. survey's own way to do without them is a variable for all.
type colourless struct{ *os.File }

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

func (c colourless) Write(p []byte) (int, error) {
	if _, err := c.File.Write(colours.ReplaceAll(p, nil)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// keys is the keyboard while survey has it. A read of it ends with ctx, so that survey puts the terminal in
// order then, as it does after an answer.
type keys struct {
	ctx context.Context //nolint:containedctx // one question, and io.Reader has no place for it
	in  *os.File
}

func (k *keys) Fd() uintptr { return k.in.Fd() }

const (
	endOfInput = 0x04 // Ctrl-D, which survey would take for Enter
	escape     = 0x1b
)

// Read returns what was typed. Keys together with Alt are left out: survey fails on them.
func (k *keys) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	for {
		done := make(chan result, 1)
		buffer := make([]byte, len(p)) // not p: a read that is given up on goes on
		go func() {
			n, err := k.in.Read(buffer)
			done <- result{n, err}
		}()
		select {
		case <-k.ctx.Done():
			return 0, k.ctx.Err()
		case r := <-done:
			typed := buffer[:r.n]
			if bytes.IndexByte(typed, endOfInput) >= 0 {
				return 0, io.EOF
			}
			if len(typed) > 1 && typed[0] == escape && typed[1] != '[' && typed[1] != 'O' {
				typed = typed[2:]
			}
			if len(typed) > 0 || r.err != nil {
				return copy(p, typed), r.err
			}
		}
	}
}

// chooseNumber asks with a numbered list until a number of it is given.
func (t Terminal) chooseNumber(ctx context.Context, question string, choices []Choice, preset int) (int, error) {
	text := question + "\n"
	for i, c := range choices {
		text += fmt.Sprintf("  %d) %s", i+1, c.Text)
		if c.Note != "" {
			text += " - " + c.Note
		}
		text += "\n"
	}
	for {
		answer, err := t.Line(ctx, fmt.Sprintf("%sNumber [%d]: ", text, preset+1))
		if err != nil {
			return 0, err
		}
		if answer == "" {
			return preset, nil
		}
		if n, err := strconv.Atoi(answer); err == nil && n >= 1 && n <= len(choices) {
			return n - 1, nil
		}
		text = fmt.Sprintf("Give a number from 1 to %d.\n", len(choices))
	}
}
