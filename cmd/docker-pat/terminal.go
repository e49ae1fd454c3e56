package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/term"
)

// toTerminal tells whether w shows to a person, who is then told ages instead of times.
func toTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalWidth is 0 for what is no terminal, or one that does not know.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Sequences that steer a terminal.
const (
	yellow    = "\x1b[33m"
	red       = "\x1b[31m"
	plain     = "\x1b[0m"
	lineAbove = "\x1b[A\r\x1b[K" // goes there and clears it
)

// steers tells whether w is a terminal that understands such sequences. Older consoles of Windows do not.
func (sys *system) steers(w io.Writer) bool {
	return toTerminal(w) && sys.Env("TERM") != "dumb" && (runtime.GOOS != "windows" || sys.Env("WT_SESSION") != "")
}

// inColour tells whether w may get colours: it understands them and nobody objects. See https://no-color.org.
func (sys *system) inColour(w io.Writer) bool {
	return sys.steers(w) && sys.Env("NO_COLOR") == "" && sys.Env("CLICOLOR") != "0"
}

// showWait tells of a pause that a service asks for, and on a terminal how much of it is left.
func (sys *system) showWait(d time.Duration) {
	const line = "Docker Hub asks to slow down: going on in %v"
	d = d.Round(time.Second)
	sys.say(line, d)
	if !sys.steers(sys.Err) {
		return
	}
	go func() { // it ends before the pause does
		for left := d - time.Second; left > 0; left -= time.Second {
			time.Sleep(time.Second)
			_, _ = fmt.Fprintf(sys.Err, lineAbove+line+"\n", left)
		}
	}()
}
