package prompt

import (
	"os"

	"golang.org/x/sys/windows"
)

// hide makes the console show nothing of what is typed. Lines and Ctrl-C go on as before.
func hide(terminal *os.File) (restore func() error, err error) {
	console := windows.Handle(terminal.Fd())
	var before uint32
	if err := windows.GetConsoleMode(console, &before); err != nil {
		return nil, err
	}
	hidden := before&^windows.ENABLE_ECHO_INPUT | windows.ENABLE_PROCESSED_INPUT | windows.ENABLE_LINE_INPUT
	if err := windows.SetConsoleMode(console, hidden); err != nil {
		return nil, err
	}
	return func() error { return windows.SetConsoleMode(console, before) }, nil
}

// singleKeys leaves it to survey, which reads the keys of a console as events.
func singleKeys(*os.File) (restore func() error, err error) {
	return func() error { return nil }, nil
}
